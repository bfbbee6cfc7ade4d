package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFrozenRecordingsAreNotRecordedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "histories")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "Offboard", version), 0o750))
	require.Error(t, freeze(dir, io.Discard), "there is nothing to freeze")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Offboard", version, "planned.json.gz"), []byte("a"), 0o600))
	require.NoError(t, mayRecord(dir))

	var said bytes.Buffer
	require.NoError(t, freeze(dir, &said))
	assert.Contains(t, said.String(), "1 recordings of "+version+" are frozen")
	list, err := os.ReadFile(filepath.Join(filepath.Dir(dir), frozen))
	require.NoError(t, err)
	assert.Equal(t, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  Offboard/"+version+"/planned.json.gz\n", string(list))

	require.ErrorContains(t, freeze(dir, io.Discard), "raise the constant version")
	require.ErrorContains(t, run(t.Context(), []string{"-out", dir}, io.Discard), "raise the constant version")
	assert.FileExists(t, filepath.Join(dir, "Offboard", version, "planned.json.gz"))
}
