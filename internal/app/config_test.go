package app_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

const (
	engineKey     = "engine-key-value-0123456789"
	functionalKey = "functional-key-value-0123456789"
)

func settings() map[string]string {
	return map[string]string{
		"IC_API_KEY": engineKey, "FUNCTIONAL_KEY": functionalKey, "IBMCLOUD_ACCOUNT_ID": "0123456789abcdef0123456789abcdef",
	}
}

func TestAllProblemsAtOnceWithTheirLines(t *testing.T) {
	env := environment(map[string]string{
		"FUNCTIONAL_KEY": functionalKey, "IBMCLOUD_CS_API_ENDPOINT": "containers", "TEMPORAL_DEPLOYMENT_NAME": "offboard",
	})
	_, err := app.LoadConfig("testdata/problems.yaml", env)
	var invalid *app.InvalidConfig
	require.ErrorAs(t, err, &invalid)
	golden(t, "problems.golden", err.Error()+"\n")
	assert.NotContains(t, err.Error(), "not-a-reference-but-a-key")
	for _, p := range invalid.Problems {
		if p.Where != "environment" {
			assert.Positive(t, p.Line, "%s names no line", p.Text)
		}
	}
}

func TestCompleteConfiguration(t *testing.T) {
	env := settings()
	env["OFFBOARD_CONFIG"] = "testdata/complete.yaml"
	env["IBMCLOUD_IAM_API_ENDPOINT"] = "https://iam.test.acme.example/"
	env["TEMPORAL_DEPLOYMENT_NAME"], env["TEMPORAL_WORKER_BUILD_ID"] = "offboard", "b1"
	c, err := app.LoadConfig("", environment(env))
	require.NoError(t, err)

	assert.Equal(t, "0123456789abcdef0123456789abcdef", c.Account)
	require.Len(t, c.FunctionalIDs, 2)
	assert.Equal(t, "clusters-1@acme.example", c.FunctionalIDs[0].Email)
	value, err := c.FunctionalIDs[0].Key.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, functionalKey, value)
	assert.Equal(t, "https://iam.test.acme.example", c.Endpoints.IAM)
	assert.Equal(t, offboard.Duration(36*time.Hour), c.Policy.MinimumSoak)
	assert.Equal(t, 4, c.Policy.ParallelScopes)
	assert.Equal(t, offboard.DefaultPolicy().SoakProbe, c.Policy.SoakProbe, "what the file does not name keeps its default")
	require.Len(t, c.Policy.Dependents, 1)
	assert.True(t, c.Policy.Dependents[0].StorageOnly)
	assert.Equal(t, "reports", c.Reports)
	assert.Equal(t, 20, c.Worker.MaxConcurrentActivities)
	assert.Equal(t, 100, c.Worker.ContainersCalls)
	assert.True(t, c.Deployment.Versioned())
}

func TestEveryPolicyFieldCanBeSet(t *testing.T) {
	data, err := json.Marshal(offboard.DefaultPolicy())
	require.NoError(t, err)
	var policy map[string]any
	require.NoError(t, json.Unmarshal(data, &policy))
	for _, hidden := range []string{"protected", "stepBudget", "cleanBindings", "allowUnapproved"} {
		policy[hidden] = map[string]any{"protected": []string{"a@acme.example"}, "stepBudget": "1m", "cleanBindings": true, "allowUnapproved": true}[hidden]
	}
	text := "functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\npolicy:\n"
	for name, value := range policy {
		line, err := json.Marshal(value)
		require.NoError(t, err)
		text += fmt.Sprintf("  %s: %s\n", name, line)
	}
	c, err := app.LoadConfig(write(t, text), environment(settings()))
	require.NoError(t, err)
	want := offboard.DefaultPolicy()
	want.Protected, want.StepBudget, want.CleanBindings, want.AllowUnapproved = []string{"a@acme.example"}, offboard.Duration(time.Minute), true, true
	assert.Equal(t, want, c.Policy)
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "offboard.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestFilesThatAreNoConfiguration(t *testing.T) {
	const ids = "functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"", "the file is empty"},
		"comment only":    {"# nothing\n", "the file is empty"},
		"a list":          {"- a\n", ":1: the file must have fields under it, not a list"},
		"not YAML":        {ids + "policy: [", "not YAML"},
		"tabs":            {ids + "policy:\n\tminimumSoak: 1h\n", "not YAML"},
		"two documents":   {ids + "---\n" + ids, ":3: there is a second document"},
		"nobody":          {"policy: {}\n", "functionalIds names nobody"},
		"text for a list": {"functionalIds: clusters-1@acme.example\n", ":1: functionalIds must be a list, not text"},
		"did you mean":    {ids + "polcy: {}\n", `:2: unknown field "polcy": did you mean "policy"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.LoadConfig(write(t, c.text), environment(settings()))
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

func TestAnAliasIsReadWhereItStands(t *testing.T) {
	text := "functionalIds:\n  - {email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}\npolicy:\n  soakProbe: &short 2m\n  planFreshness: *short\n"
	c, err := app.LoadConfig(write(t, text), environment(settings()))
	require.NoError(t, err)
	assert.Equal(t, offboard.Duration(2*time.Minute), c.Policy.PlanFreshness)
}

func TestNothingIsConfigured(t *testing.T) {
	_, err := app.LoadConfig("", environment(nil))
	require.Error(t, err)
	for _, want := range []string{"OFFBOARD_CONFIG", "IBMCLOUD_ACCOUNT_ID", "IC_API_KEY"} {
		assert.Contains(t, err.Error(), want)
	}
	_, err = app.LoadConfig(filepath.Join(t.TempDir(), "absent.yaml"), environment(settings()))
	assert.ErrorContains(t, err, "absent.yaml: cannot be read")
}

func TestKeysComeFromTheNamesThatIBMsToolsUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(engineKey+"\n"), 0o600))
	for name, value := range map[string]string{
		"IC_API_KEY": engineKey, "IBMCLOUD_API_KEY": engineKey, "IC_API_KEY_FILE": file, "IBMCLOUD_API_KEY_FILE": file,
	} {
		t.Run(name, func(t *testing.T) {
			env := settings()
			delete(env, "IC_API_KEY")
			env[name] = value
			c, err := app.LoadConfig("testdata/complete.yaml", environment(env))
			require.NoError(t, err)
			got, err := c.Key.Read(t.Context())
			require.NoError(t, err)
			assert.Equal(t, engineKey, got)
		})
	}
}

func TestAFileIsReadAgainAtEachUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("first-value-0123\n"), 0o600))
	c, err := app.LoadConfig(write(t, "functionalIds: [{email: clusters-1@acme.example, apiKey: 'file:"+file+"'}]\n"), environment(settings()))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("  second-value-0123 \n"), 0o600))
	got, err := c.FunctionalIDs[0].Key.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "second-value-0123", got)
	assert.Equal(t, "a [redacted] b [redacted]", c.Redactor.Text("a first-value-0123 b second-value-0123"))

	require.NoError(t, os.Remove(file))
	_, err = c.FunctionalIDs[0].Key.Read(t.Context())
	assert.ErrorContains(t, err, "read secret file:"+file)
}

func TestAConfigurationNeverShowsASecret(t *testing.T) {
	c, err := app.LoadConfig("testdata/complete.yaml", environment(settings()))
	require.NoError(t, err)
	_, err = c.Key.Read(t.Context())
	require.NoError(t, err)
	type printable struct{ app.Config } // without the redactor, which must know the values to find them
	p := printable{c}
	p.Redactor = nil
	data, err := json.Marshal(p)
	require.NoError(t, err)
	for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p), string(data)} {
		assert.NotContains(t, text, engineKey)
		assert.NotContains(t, text, functionalKey)
	}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c)} {
		assert.False(t, strings.Contains(text, engineKey) || strings.Contains(text, functionalKey))
	}
}
