package offboard_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHTMLWritesSample writes every report's page to OFFBOARD_WRITE_SAMPLE, to be looked at.
func TestHTMLRendersEveryRun(t *testing.T) {
	dir := os.Getenv("OFFBOARD_WRITE_SAMPLE")
	for _, run := range runs() {
		t.Run(run.name, func(t *testing.T) {
			page, err := run.report.HTML()
			require.NoError(t, err)
			require.Contains(t, string(page), "</html>")
			if dir != "" {
				name := strings.ReplaceAll(run.name, " ", "-") + ".html"
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), page, 0o600))
			}
		})
	}
}
