package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// doorFile writes a configuration of a door and returns the environment to use it with. Nobody answers where Temporal
// should be.
func doorFile(t *testing.T, triggers string) func(string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "offboard.yaml")
	require.NoError(t, os.WriteFile(file, []byte(triggers), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := listener.Addr().String()
	require.NoError(t, listener.Close())
	pairs := map[string]string{"OFFBOARD_CONFIG": file, "IBMCLOUD_ACCOUNT_ID": "acc", "OKTA_SECRET": "oktas-secret-0123456789",
		"TEMPORAL_ADDRESS": nobody, "OFFBOARD_LOG_LEVEL": "error"}
	return func(name string) string { return pairs[name] }
}

func goodDoor(t *testing.T) string {
	t.Helper()
	return "triggers:\n  listen: 127.0.0.1:0\n  store: " + filepath.Join(t.TempDir(), "door.db") + "\n  requestedBy: hr@acme.example\n  okta:\n    secrets: [env:OKTA_SECRET]\n"
}

// serving runs the verb until the test ends; it returns the door's address, what stops it, and its exit code.
func serving(t *testing.T, env func(string) string) (address string, stop func(), code chan int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	reader, writer := io.Pipe()
	code = make(chan int, 1)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ended := run(ctx, []string{"serve", "--output", "json"}, env, strings.NewReader(""), writer, os.Stderr)
		_ = writer.Close()
		code <- ended
	}()
	t.Cleanup(func() { cancel(); <-closed })
	var opened struct{ Address string }
	require.NoError(t, json.NewDecoder(reader).Decode(&opened))
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	return opened.Address, cancel, code
}

// A door whose engine is away stays open: what can be kept is kept, and all others are told to come again.
func TestServeWithoutTemporal(t *testing.T) {
	env := doorFile(t, goodDoor(t))
	address, stop, code := serving(t, env)
	client := &http.Client{Timeout: time.Minute}
	ask := func(method, path, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "oktas-secret-0123456789")
		answer, err := client.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	assert.Equal(t, http.StatusOK, ask(http.MethodGet, "/livez", ""))
	assert.Equal(t, http.StatusServiceUnavailable, ask(http.MethodGet, "/readyz", ""))
	assert.Equal(t, http.StatusOK, ask(http.MethodPost, "/okta/events", fmt.Sprintf(`{"data":{"events":[{"uuid":"1","published":%q,"eventType":"user.lifecycle.deactivate",
		"outcome":{"result":"SUCCESS"},"target":[{"type":"User","alternateId":"leaver@acme.example"}]}]}}`, time.Now().Format(time.RFC3339))))
	stop()
	assert.Equal(t, done, <-code)

	_, stop, code = serving(t, env) // again, with the same store
	stop()
	assert.Equal(t, done, <-code)
}

func TestServeWithAWrongConfiguration(t *testing.T) {
	var out, errs strings.Builder
	code := run(t.Context(), []string{"serve"}, doorFile(t, "triggers: {listen: here, webhooks: []}\n"), strings.NewReader(""), &out, &errs)
	assert.Equal(t, misused, code)
	for _, want := range []string{"triggers.listen", "triggers.store is missing", "triggers.requestedBy", "triggers names no sender", ":1:"} {
		assert.Contains(t, errs.String(), want)
	}
	assert.Empty(t, out.String())
}

func TestServeOnAnAddressThatIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := listener.Addr().String()
	var out, errs strings.Builder
	code := run(t.Context(), []string{"serve"}, doorFile(t, strings.Replace(goodDoor(t), "127.0.0.1:0", taken, 1)), strings.NewReader(""), &out, &errs)
	assert.Equal(t, failed, code)
	assert.Contains(t, errs.String(), taken)
}

// The public key is what somebody must copy into the policy, so it is said; the private one never is.
func TestServeSaysByWhichKeyItVouches(t *testing.T) {
	const seed, public = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="
	file := doorFile(t, goodDoor(t)+"  approvalKey: env:APPROVAL_KEY\npolicy:\n  approverKeys: [\""+public+"\"]\n")
	env := func(name string) string {
		if name == "APPROVAL_KEY" {
			return seed
		}
		return file(name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var errs strings.Builder
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, []string{"serve"}, env, strings.NewReader(""), writer, &errs)
		_ = writer.Close()
		ended <- code
	}()
	lines := bufio.NewScanner(reader)
	var out string
	for range 2 {
		require.True(t, lines.Scan())
		out += lines.Text() + "\n"
	}
	cancel()
	assert.Equal(t, done, <-ended)
	assert.Contains(t, out, "by the public key "+public)
	assert.NotContains(t, out+errs.String(), seed)
}

func TestServeValidates(t *testing.T) {
	var out, errs strings.Builder
	env := doorFile(t, goodDoor(t))
	code := run(t.Context(), []string{"serve", "--config", env("OFFBOARD_CONFIG"), "--validate"}, env, strings.NewReader(""), &out, &errs)
	assert.Equal(t, done, code, errs.String())
	assert.Contains(t, out.String(), "is correct")
}

func TestServeHelpHasExamples(t *testing.T) {
	var out, errs strings.Builder
	assert.Equal(t, done, run(t.Context(), []string{"serve", "--help"}, func(string) string { return "" }, strings.NewReader(""), &out, &errs))
	assert.Contains(t, out.String(), "/brake/release")
	assert.Contains(t, out.String(), "docs/doors.md")
}
