package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// What report writes to a file can be verified, and no longer once a word of it is another.
func TestAWrittenReportIsVerified(t *testing.T) {
	e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseApprove)}, state: at(offboard.Running, offboard.PhaseApprove)}
	for _, format := range []string{"json", "html"} {
		file := filepath.Join(t.TempDir(), "report")
		_, _, errs := call(t, &e, "report", "leaver@acme.example", "--format", format, "--out", file)
		require.Contains(t, errs, "Wrote")
		code, out, errs := call(t, &e, "report", "--verify", file)
		assert.Equal(t, done, code, "%s%s", out, errs)
		assert.Contains(t, out, "content hash: sha256:")

		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(data), "leaver@acme.example", "other@acme.example")), 0o600))
		code, out, _ = call(t, &e, "report", "--verify", file, "--output", "json")
		assert.Equal(t, failed, code)
		var checks []app.Check
		require.NoError(t, json.Unmarshal([]byte(out), &checks))
		assert.False(t, checks[0].OK)
	}
}

func TestVerifyCalledWrongly(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	hello := filepath.Join(t.TempDir(), "hello")
	require.NoError(t, os.WriteFile(hello, []byte("hello"), 0o600))
	for want, args := range map[string][]string{
		"not both":              {"run", "--verify", hello},
		"belong to --verify":    {"leaver@acme.example", "--account"},
		"no such file":          {"--verify", none},
		"read the public key":   {"--verify", hello, "--public-key", "ed25519:AAAA"},
		"no report with a seal": {"--verify", hello},
		"name one run":          {},
	} {
		code, _, errs := call(t, &engine{}, append([]string{"report"}, args...)...)
		assert.NotEqual(t, done, code)
		assert.Contains(t, errs, want)
	}
}
