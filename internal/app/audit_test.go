package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func TestShelfKeepsAuditsInThreeForms(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports")
	audit := offboard.Audit{Version: offboard.AuditVersion, Account: "acc", TakenAt: time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC), Message: "Somebody would."}
	place, err := app.NewShelf(dir, app.Signer{}).KeepAudit(t.Context(), "audit-acc-run/1", audit)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "audit-acc-run_1.html"), place)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	data, err := os.ReadFile(filepath.Join(dir, "audit-acc-run_1.json"))
	require.NoError(t, err)
	var back offboard.Audit
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, audit, back)

	place, err = app.NewShelf("", app.Signer{}).KeepAudit(t.Context(), "x", audit)
	require.NoError(t, err)
	assert.Empty(t, place)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = app.NewShelf(file, app.Signer{}).KeepAudit(t.Context(), "x", audit)
	assert.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
	assert.ErrorContains(t, err, file)
}
