package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// encryptedFile writes a configuration and returns the environment to use it with.
func encryptedFile(t *testing.T, text string) func(string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "offboard.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	pairs := map[string]string{"OFFBOARD_CONFIG": file, "ENCRYPTION_KEY": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)),
		"JANES_TOKEN": "the-token-of-jane-0123456789", "TEMPORAL_CONFIG_FILE": os.DevNull, "IBMCLOUD_ACCOUNT_ID": "acc"}
	return func(name string) string { return pairs[name] }
}

const goodCodec = `
encryption:
  keys: [{id: 2026-11, key: env:ENCRYPTION_KEY}]
  server:
    listen: 127.0.0.1:0
    origins: [https://temporal.acme.example]
    people: [{name: jane@acme.example, token: env:JANES_TOKEN}]
`

func TestCodecServerUntilItIsToldToStop(t *testing.T) {
	env := encryptedFile(t, goodCodec)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	var log bytes.Buffer
	go func() {
		ended := run(ctx, []string{"codec-server", "--output", "json"}, env, strings.NewReader(""), writer, &log)
		_ = writer.Close()
		code <- ended
	}()
	var opened struct{ Address string }
	require.NoError(t, json.NewDecoder(reader).Decode(&opened))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, opened.Address+"/encode", strings.NewReader(`{"payloads":[{"data":"eA=="}]}`))
	require.NoError(t, err)
	r.Header = http.Header{"Authorization": {"Bearer the-token-of-jane-0123456789"}, "Content-Type": {"application/json"}, "X-Namespace": {"default"}}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	cancel()
	assert.Equal(t, done, <-code)
	assert.Contains(t, log.String(), "jane@acme.example", "whoever asked is in the log at its usual level")
	assert.NotContains(t, log.String(), "the-token-of-jane")
}

func TestCodecServerValidates(t *testing.T) {
	var out, errs strings.Builder
	assert.Equal(t, done, run(t.Context(), []string{"codec-server", "--validate"}, encryptedFile(t, goodCodec), strings.NewReader(""), &out, &errs), errs.String())
	assert.Contains(t, out.String(), "is correct")
	bad := strings.Replace(goodCodec, "env:JANES_TOKEN", "env:JOES_TOKEN", 1)
	assert.Equal(t, misused, run(t.Context(), []string{"codec-server"}, encryptedFile(t, bad), strings.NewReader(""), &out, &errs))
	assert.Contains(t, errs.String(), "JOES_TOKEN, which is not set")
}

// Whatever a program would send must not be in the clear because the key is missing.
func TestNoVerbGoesOnWithoutTheKey(t *testing.T) {
	env := encryptedFile(t, strings.Replace(goodCodec, "env:ENCRYPTION_KEY", "env:NOT_SET", 1)+strings.TrimPrefix(goodDoor(t), "\n"))
	bare := func(name string) string {
		if name == "OFFBOARD_CONFIG" {
			return ""
		}
		return map[string]string{"OKTA_SECRET": "oktas-secret-0123456789"}[name] + env(name)
	}
	file := env("OFFBOARD_CONFIG")
	for _, c := range []struct {
		env  func(string) string
		args []string
	}{
		{env, []string{"run", "--user", "leaver@acme.example"}},
		{env, []string{"list"}},
		{env, []string{"replay", "--all"}},
		{bare, []string{"serve", "--config", file}},
	} {
		var out, errs strings.Builder
		code := run(t.Context(), c.args, c.env, strings.NewReader(""), &out, &errs)
		assert.NotEqual(t, done, code, c.args[0])
		assert.Contains(t, errs.String(), "encryption.keys[0] refers to the environment variable NOT_SET", c.args[0])
	}
}
