package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func call(t *testing.T, env map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	err := run(ctx, args, func(name string) string { return env[name] }, &stdout, &stderr)
	if err != nil {
		stderr.WriteString(err.Error())
	}
	return exitCode(err), stdout.String(), stderr.String()
}

func configured(t *testing.T) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "offboard.yaml")
	require.NoError(t, os.WriteFile(file, []byte("functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\n"), 0o600))
	return map[string]string{
		"OFFBOARD_CONFIG": file, "IC_API_KEY": "engine-key-0123456789", "FUNCTIONAL_KEY": "functional-key-0123456789", "IBMCLOUD_ACCOUNT_ID": "acc",
	}
}

func TestVersionAndHelp(t *testing.T) {
	code, out, _ := call(t, nil, "--version")
	assert.Zero(t, code)
	assert.True(t, strings.HasPrefix(out, "worker "))
	code, _, errs := call(t, nil, "--help")
	assert.Zero(t, code)
	assert.Contains(t, errs, "OFFBOARD_CONFIG")
}

func TestMisuse(t *testing.T) {
	for _, args := range [][]string{{"--fast"}, {"start"}} {
		code, _, errs := call(t, nil, args...)
		assert.Equal(t, 2, code)
		assert.NotEmpty(t, errs)
	}
	env := configured(t)
	env["OFFBOARD_LOG_LEVEL"] = "loud"
	code, _, errs := call(t, env)
	assert.Equal(t, 2, code)
	assert.Contains(t, errs, "OFFBOARD_LOG_LEVEL")
}

func TestAllProblemsOfTheConfigurationAtOnce(t *testing.T) {
	code, _, errs := call(t, nil)
	assert.Equal(t, 2, code)
	for _, want := range []string{"OFFBOARD_CONFIG", "IBMCLOUD_ACCOUNT_ID", "IC_API_KEY"} {
		assert.Contains(t, errs, want)
	}
}

func TestValidate(t *testing.T) {
	code, out, errs := call(t, configured(t), "--validate")
	assert.Zero(t, code, errs)
	assert.Contains(t, out, "is correct")
}

func TestProbe(t *testing.T) {
	ready := false
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			http.Error(w, "the worker does not poll", http.StatusServiceUnavailable)
		}
	}))
	_, port, err := net.SplitHostPort(program.Listener.Addr().String())
	require.NoError(t, err)
	env := map[string]string{"OFFBOARD_HEALTH": "127.0.0.1:" + port}
	code, _, errs := call(t, env, "--probe")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "503 Service Unavailable: the worker does not poll")
	ready = true
	code, _, errs = call(t, env, "--probe")
	assert.Zero(t, code, errs)
	program.Close()
	code, _, errs = call(t, env, "--probe")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "connection refused")
	for _, address := range []string{"", "9464"} {
		code, _, errs = call(t, map[string]string{"OFFBOARD_HEALTH": address}, "--probe")
		assert.Equal(t, 2, code)
		assert.Contains(t, errs, "OFFBOARD_HEALTH")
	}
}

// What listens on every address is asked on its own.
func TestProbeOfEveryAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	program := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Second}}
	program.Start()
	defer program.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"0.0.0.0", ""} {
		code, _, errs := call(t, map[string]string{"OFFBOARD_HEALTH": host + ":" + port}, "--probe")
		assert.Zero(t, code, errs)
	}
}

func TestWithoutATemporalServer(t *testing.T) {
	env := configured(t)
	env["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
	code, _, errs := call(t, env)
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "connect to Temporal at 127.0.0.1:1")
	assert.NotContains(t, errs, "key-0123456789")
}
