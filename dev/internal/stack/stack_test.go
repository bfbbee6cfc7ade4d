package stack_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
)

// taken is a port somebody listens on.
func taken(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestATakenPortIsNamedWithTheFlagToChange(t *testing.T) {
	port := taken(t)
	for flag, o := range map[string]stack.Options{
		"--port":     {Port: port},
		"--ui-port":  {UIPort: port},
		"--sim-port": {Engine: stack.EngineOptions{SimPort: port}},
	} {
		_, err := stack.Start(t.Context(), o)
		require.ErrorContains(t, err, "port "+strconv.Itoa(port), flag)
		assert.ErrorContains(t, err, "choose another "+flag)
	}
}

func TestAnAccountWithoutAnEngineIsRefused(t *testing.T) {
	account := filepath.Join(t.TempDir(), "bare.yaml")
	require.NoError(t, os.WriteFile(account, []byte(`
id: 5f3e0c1d2b4a49688776655443322110
name: Bare
owner: owner@acme.example
resourceGroups: [{name: default, default: true}]
users: [{email: owner@acme.example}]
`), 0o600))
	_, err := stack.Start(t.Context(), stack.Options{Engine: stack.EngineOptions{Account: account}})
	require.ErrorContains(t, err, "account Bare has no user offboard-admin@")
}

func TestAnUnknownAccountNamesThoseThereAre(t *testing.T) {
	_, err := stack.StartSim(t.Context(), "smaple", 0)
	require.ErrorContains(t, err, "sample")
}

// Everything `starter check` looks at is in order, with nothing but the environment that the stack prints.
func TestTheEnvironmentIsAllThatAProgramNeeds(t *testing.T) {
	s, err := stack.Start(t.Context(), stack.Options{Engine: stack.EngineOptions{Account: "small", Reports: t.TempDir()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		checks := app.Checks(t.Context(), func(name string) string { return s.Env[name] }, zap.NewNop())
		assert.Greater(collect, len(checks), 8)
		for _, c := range checks {
			assert.True(collect, c.OK, "%s: %s %s", c.Name, c.Detail, c.Remedy)
		}
	}, 20*time.Second, 200*time.Millisecond, "the worker's first poll takes a moment to be seen")
	assert.Empty(t, s.Sim.Ledger(), "a check changes nothing")
	assert.Empty(t, s.Sim.Unknown())

	reply, err := http.Get(s.Sim.URL + "/sim/outages")
	require.NoError(t, err)
	reply.Body.Close()
	assert.Equal(t, http.StatusOK, reply.StatusCode)
}
