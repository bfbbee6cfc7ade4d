package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func TestShelfKeepsThreeFormsForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports")
	shelf := app.NewShelf(dir, app.Signer{})
	report := offboard.Report{Version: offboard.ReportVersion, Status: offboard.Completed, Message: "done"}
	place, err := shelf.Keep(t.Context(), "../offboard/acc/1", report)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "_offboard_acc_1.html"), place)

	report.Message = "done again"
	_, err = shelf.Keep(t.Context(), "../offboard/acc/1", report)
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3, "nothing half written stays, nothing is kept twice")
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), e.Name())
	}
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	data, err := os.ReadFile(filepath.Join(dir, "_offboard_acc_1.json"))
	require.NoError(t, err)
	var back offboard.Report
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, "done again", back.Message)
}

func TestShelfWithoutAPlaceKeepsNothing(t *testing.T) {
	place, err := app.NewShelf("", app.Signer{}).Keep(t.Context(), "x", offboard.Report{})
	require.NoError(t, err)
	assert.Empty(t, place)
}

func TestShelfThatCannotWriteSaysWhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := app.NewShelf(file, app.Signer{}).Keep(t.Context(), "x", offboard.Report{})
	assert.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
	assert.ErrorContains(t, err, file)
}
