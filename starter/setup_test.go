package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
)

// signing writes a worker's configuration that signs reports with what a file holds, and returns the environment to use
// it with.
func signing(t *testing.T, key []byte) func(string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "report-key")
	require.NoError(t, os.WriteFile(file, key, 0o600))
	config := filepath.Join(dir, "offboard.yaml")
	require.NoError(t, os.WriteFile(config, []byte("functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\n"+
		"reports: {directory: "+dir+", signingKey: \"file:"+file+"\"}\n"), 0o600))
	pairs := map[string]string{"OFFBOARD_CONFIG": config, "IBMCLOUD_ACCOUNT_ID": strings.Repeat("a", 32), "IC_API_KEY": "CANARY-key", "FUNCTIONAL_KEY": "CANARY-key"}
	return func(name string) string { return pairs[name] }
}

// setUpWith calls the verb in an environment.
func setUpWith(t *testing.T, env func(string) string, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := newProgram(env, strings.NewReader(""), &stdout, &stderr)
	p.connect = (&engine{}).connect
	code = p.run(t.Context(), append([]string{"setup"}, args...))
	require.Empty(t, stderr.String())
	return code, stdout.String()
}

func TestSetupPrintsThePublicKeyOfReports(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	env := signing(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))

	code, out := setUpWith(t, env, "--output", "json")
	assert.Equal(t, done, code)
	var found setUp
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	printed, err := app.ParsePublicKey(found.PublicKey)
	require.NoError(t, err)
	assert.True(t, public.Equal(printed))

	code, out = setUpWith(t, env)
	assert.Equal(t, done, code)
	assert.Contains(t, out, "Reports are signed")
	assert.Contains(t, out, found.PublicKey)

	_, out = setUpWith(t, func(string) string { return "" })
	assert.NotContains(t, out, "signed", "no configuration is at hand")
}

func TestSetupSaysWhyThePublicKeyIsNotKnown(t *testing.T) {
	code, out := setUpWith(t, signing(t, []byte("hunter2")))
	assert.Equal(t, incomplete, code)
	assert.Contains(t, out, "openssl genpkey -algorithm ed25519")
	assert.NotContains(t, out, "hunter2")
	assert.Contains(t, out, "Start by hand in the Web UI", "the rest is there all the same")
}
