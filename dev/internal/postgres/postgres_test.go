//go:build postgres

package postgres_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/postgres"
)

// TestKilledPostgresKeepsWhatWasCommitted starts it twice on the same data and address.
func TestKilledPostgresKeepsWhatWasCommitted(t *testing.T) {
	s, err := postgres.New(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Remove()) })
	require.NoError(t, s.Kill(), "it does not run yet")
	require.NoError(t, s.Start(t.Context()))
	address := s.Address()
	ask(t, address, "CREATE TABLE kept AS SELECT 'committed' AS text")

	require.NoError(t, s.Kill())
	_, err = net.Dial("tcp", address)
	require.Error(t, err, "nobody listens there any more")
	require.NoError(t, s.Start(t.Context()))
	assert.Equal(t, address, s.Address())
	assert.Equal(t, "committed", ask(t, address, "SELECT text FROM kept"))
}

func ask(t *testing.T, address, query string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "psql", "-h", host, "-p", port, "-U", postgres.User, "-qtAc", query).CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}
