package app_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
)

// encryptionKey is a key of 32 equal bytes, which no one would use.
func encryptionKey(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

// writeFile writes a file that exists for the test only.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func idsOf(e app.Encryption) string {
	var list []string
	for _, k := range e.Keys {
		list = append(list, k.ID+"="+k.Key.String())
	}
	return strings.Join(list, " ")
}

func TestEncryptionIsConfiguredByTheFileOrByAVariable(t *testing.T) {
	none, err := app.LoadEncryption(environment(nil))
	require.NoError(t, err)
	assert.Empty(t, none.Keys)

	pairs := map[string]string{"NEW": encryptionKey(2), "OLD": encryptionKey(1), "OFFBOARD_ENCRYPTION_KEYS": "2026-11=env:NEW, 2026-05=env:OLD"}
	byVariable, err := app.LoadEncryption(environment(pairs))
	require.NoError(t, err)
	assert.Equal(t, "2026-11=env:NEW 2026-05=env:OLD", idsOf(byVariable))
	assert.True(t, byVariable.Failures)

	// Only this section is looked at closely: a starter has none of the worker's secrets.
	pairs["OFFBOARD_ENCRYPTION_KEYS"] = ""
	pairs["OFFBOARD_CONFIG"] = writeFile(t, "offboard.yaml", `
functionalIds: [{email: clusters-1@acme.example, apiKey: env:NOT_SET_HERE}]
encryption:
  failures: false
  keys:
    - {id: 2026-11, key: env:NEW}
    - {id: 2026-05, key: env:OLD}
`)
	byFile, err := app.LoadEncryption(environment(pairs))
	require.NoError(t, err)
	assert.Equal(t, "2026-11=env:NEW 2026-05=env:OLD", idsOf(byFile))
	assert.False(t, byFile.Failures)

	pairs["OFFBOARD_ENCRYPTION_KEYS"] = "2026-11=env:NEW"
	_, err = app.LoadEncryption(environment(pairs))
	require.ErrorContains(t, err, "offboard.yaml:3: encryption is given here and by the environment variable OFFBOARD_ENCRYPTION_KEYS")
}

func TestTheWorkersConfigurationHoldsTheSameKeys(t *testing.T) {
	pairs := settings()
	pairs["NEW"] = encryptionKey(2)
	pairs["OFFBOARD_CONFIG"] = writeFile(t, "offboard.yaml", `
functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]
encryption: {keys: [{id: 2026-11, key: env:NEW}]}
`)
	config, err := app.LoadConfig("", environment(pairs))
	require.NoError(t, err)
	assert.Equal(t, "2026-11=env:NEW", idsOf(config.Encryption))
	assert.True(t, config.Encryption.Failures, "errors are encrypted unless the file says otherwise")
	assert.Equal(t, app.Redacted, config.Redactor.Text(encryptionKey(2)), "the log cannot show the key")
}

func TestAllProblemsOfEncryptionAtOnceWithTheirLines(t *testing.T) {
	pairs := settings()
	for name, value := range map[string]string{"GOOD": encryptionKey(1), "OTHER": encryptionKey(2), "SHORT": "c2hvcnQ=", "WEAK": "123", "TOKEN": "a-token-of-the-proxy"} {
		pairs[name] = value
	}
	pairs["OFFBOARD_CONFIG"] = "testdata/encryption-problems.yaml"
	_, err := app.LoadCodecServer(environment(pairs))
	require.Error(t, err)
	golden(t, "encryption-problems.golden", err.Error()+"\n")
	for _, secret := range []string{"bm90LWEt", encryptionKey(1), "c2hvcnQ=", "a-token-of-the-proxy"} {
		assert.NotContains(t, err.Error(), secret)
	}
	// The others say the same but of the secrets that only the codec server has.
	var those []string
	for line := range strings.Lines(err.Error()) {
		if !strings.Contains(line, "].token") {
			those = append(those, strings.TrimSuffix(line, "\n"))
		}
	}
	_, worker := app.LoadConfig("", environment(pairs))
	_, starter := app.LoadEncryption(environment(pairs))
	assert.EqualError(t, worker, strings.Join(those, "\n"))
	assert.EqualError(t, starter, strings.Join(those, "\n"))
}

func TestOnlyTheCodecServerNeedsItsSecrets(t *testing.T) {
	pairs := settings()
	pairs["NEW"] = encryptionKey(2)
	pairs["TEMPORAL_NAMESPACE"], pairs["TEMPORAL_CONFIG_FILE"] = "offboarding", os.DevNull
	pairs["OFFBOARD_CONFIG"] = writeFile(t, "offboard.yaml", `
functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]
encryption:
  keys: [{id: 2026-11, key: env:NEW}]
  server: {people: [{name: jane@acme.example, token: env:JANES_TOKEN}]}
`)
	_, err := app.LoadConfig("", environment(pairs))
	require.NoError(t, err)
	_, err = app.LoadEncryption(environment(pairs))
	require.NoError(t, err)
	_, err = app.LoadCodecServer(environment(pairs))
	require.ErrorContains(t, err, "encryption.server.people[0].token refers to the environment variable JANES_TOKEN, which is not set")
	pairs["JANES_TOKEN"] = "the-token-of-jane-0123456789"
	server, err := app.LoadCodecServer(environment(pairs))
	require.NoError(t, err)
	assert.Equal(t, app.DefaultCodecListen, server.Listen)
	assert.Equal(t, []string{"offboarding"}, server.Namespaces)
}

// What is meant to be encrypted must not be written in the clear because the file says it wrongly.
func TestNothingIsWrittenInTheClearByMistake(t *testing.T) {
	for _, test := range []struct{ name, file, variable, says string }{
		{"a mistyped section", "encrytion: {keys: [{id: a, key: env:GOOD}]}", "", `did you mean "encryption"?`},
		{"a mistyped field", "encryption: {key: [{id: a, key: env:GOOD}]}", "", `unknown field "encryption.key"`},
		{"no keys", "encryption: {failures: true}", "", "names no key"},
		{"an empty section", "encryption:", "", "names no key"},
		{"no YAML", "encryption: [", "", "not YAML"},
		{"a variable without IDs", "", "env:GOOD", "must be like 2026-11=file:"},
		{"a variable with a key in it", "", "a=" + encryptionKey(1), "is not a reference"},
		{"a variable with the wrong name", "", "a=env:NOWHERE", `the key "a" refers to the environment variable NOWHERE, which is not set`},
		{"a variable with the same key twice", "", "a=env:GOOD,b=env:GOOD", "a and b are the same key"},
		{"a key at a service that cannot be asked", "", "a=secrets-manager:" + secretCRN, "there is no API key to read it with"},
	} {
		pairs := map[string]string{"GOOD": encryptionKey(1), "OFFBOARD_ENCRYPTION_KEYS": test.variable}
		if test.file != "" {
			pairs["OFFBOARD_CONFIG"] = writeFile(t, "offboard.yaml", test.file)
		}
		_, err := app.LoadEncryption(environment(pairs))
		require.ErrorContains(t, err, test.says, test.name)
		assert.NotContains(t, err.Error(), encryptionKey(1), test.name)
	}
	_, err := app.LoadEncryption(environment(map[string]string{"OFFBOARD_CONFIG": filepath.Join(t.TempDir(), "absent.yaml")}))
	require.ErrorContains(t, err, "cannot be read")
}

const secretCRN = "crn:v1:bluemix:public:secrets-manager:eu-de:a/0123456789abcdef0123456789abcdef:11111111-2222-3333-4444-555555555555:secret:66666666-7777-8888-9999-000000000000"
