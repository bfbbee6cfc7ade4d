package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/ibmcloud"
)

func document(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	require.NoError(t, err)
	return string(data)
}

// The file that the runbook shows as complete is one that the worker takes, and says what holds without it.
func TestTheRunbooksConfigurationIsCorrect(t *testing.T) {
	_, text, found := strings.Cut(document(t, "runbook.md"), "## A complete configuration file")
	require.True(t, found)
	_, text, found = strings.Cut(text, "```yaml\n")
	require.True(t, found)
	text, _, found = strings.Cut(text, "```")
	require.True(t, found)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(key, []byte("a-functional-id's-key"), 0o600))
	load := func(text string) app.Config {
		file := filepath.Join(dir, "offboard.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		config, err := app.LoadConfig(file, environment(map[string]string{"IBMCLOUD_ACCOUNT_ID": account, "IC_API_KEY": "the-engine's-key"}))
		require.NoError(t, err)
		return config
	}
	config := load(strings.ReplaceAll(text, "/run/secrets/clusters-1", key))
	defaults := load("functionalIds: [{email: clusters-1@acme.example, apiKey: \"file:" + key + "\"}]\n")
	require.Len(t, config.Policy.Dependents, 1)
	config.Policy.Dependents, config.Policy.Protected, config.Policy.ApproverKeys = nil, nil, nil
	assert.Equal(t, defaults.Policy, config.Policy)
	assert.Equal(t, defaults.Worker, config.Worker)
}

// What the check asks for is what the page on security lists.
func TestTheRolesAreDocumented(t *testing.T) {
	w := well()
	w.rights["IBMid-ENGINE"] = []ibmcloud.Right{}
	page := document(t, "security.md")
	roles := 0
	for _, check := range app.CheckAccount(t.Context(), account, w.ports(), w) {
		if check.Name != "engine's roles" {
			continue
		}
		for lack := range strings.SplitSeq(strings.TrimPrefix(check.Detail, "it lacks "), "; ") {
			_, rest, found := strings.Cut(lack, " on ")
			require.True(t, found, lack)
			service, _, _ := strings.Cut(rest, ",")
			if service == "resource-group" {
				service = "resource groups"
			}
			assert.Contains(t, page, service)
			roles++
		}
	}
	assert.Equal(t, 9, roles)
}

// A dependency without a reason is one too many, and a reason without a dependency is left over.
func TestEveryDirectDependencyIsJustified(t *testing.T) {
	page := document(t, "dependencies.md")
	direct := map[string]bool{}
	for _, module := range []string{".", "dev"} {
		data, err := os.ReadFile(filepath.Join("..", "..", module, "go.mod"))
		require.NoError(t, err)
		for line := range strings.Lines(string(data)) {
			path, _, versioned := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "require "), " v")
			first, _, _ := strings.Cut(path, "/")
			if versioned && strings.Contains(first, ".") && !strings.Contains(path, " ") && !strings.HasSuffix(strings.TrimSpace(line), "// indirect") {
				direct[path] = true
				assert.Contains(t, page, "| `"+path+"` |", module)
			}
		}
	}
	table, _, found := strings.Cut(page, "## tools")
	require.True(t, found)
	for line := range strings.Lines(table) {
		if rest, row := strings.CutPrefix(line, "| `"); row {
			path, _, _ := strings.Cut(rest, "`")
			assert.True(t, direct[path], "%s is not required any more", path)
		}
	}
}
