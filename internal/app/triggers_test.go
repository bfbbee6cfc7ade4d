package app_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/door"
	"offboard/internal/offboard"
)

// doorSettings is an environment with the door's secrets and none of IBM's.
func doorSettings() map[string]string {
	return map[string]string{
		"IBMCLOUD_ACCOUNT_ID": account, "OPERATOR_TOKEN": "operators-token-0123456789",
		"WEBHOOK_NEW": "whsec_dGhlIG5ldyBzZWNyZXQgb2YgMjQgYnl0ZXMgYW5kIG1vcmU=", "WEBHOOK_OLD": "dGhlIG9sZCBzZWNyZXQgb2YgMjQgYnl0ZXMgYW5kIG1vcmU=",
		"SCIM_TOKEN": "scims-token-0123456789", "OKTA_SECRET": "oktas-secret-0123456789", "HIBOB_SECRET": "hibobs-secret-0123456789",
		"HIBOB_USER": "SERVICE-1", "HIBOB_TOKEN": "hibobs-token", "BAMBOO_SECRET": "bamboos-secret-0123456789", "BAMBOO_KEY": "bamboos-key",
		"SHORT": "short", "NOT_BASE64": "whsec_this is no base64",
	}
}

func TestTriggers(t *testing.T) {
	got, err := app.LoadTriggers("testdata/triggers.yaml", environment(doorSettings()))
	require.NoError(t, err, "the door needs no key of IBM's, nor those of the functional IDs")
	assert.Equal(t, account, got.Account)
	assert.Equal(t, "127.0.0.1:8443", got.Listen)
	assert.Equal(t, "/etc/offboard/tls.crt", got.Certificate)
	assert.Equal(t, "/var/lib/offboard/door.db", got.Store)
	d := got.Door
	assert.Equal(t, "hr-systems@acme.example", d.RequestedBy)
	assert.Equal(t, door.Brake{Starts: 25, Window: 2 * time.Hour}, d.Brake)
	assert.Equal(t, door.Rate{PerSecond: 50, Burst: 100}, d.Rate)
	require.Len(t, d.Operators, 1)
	require.Len(t, d.Webhooks, 1)
	assert.Equal(t, "workday", d.Webhooks[0].Name)
	assert.Equal(t, offboard.ApprovalNone, d.Webhooks[0].Approval)
	require.Len(t, d.Webhooks[0].Secrets, 2)
	assert.Equal(t, 48*time.Hour, d.SCIM.Grace)
	assert.Equal(t, 24*time.Hour, d.Okta.Grace, "a default")
	assert.Equal(t, "https://api.hibob.com", d.HiBob.API, "a default")
	assert.Equal(t, "https://acme.bamboohr.example", d.BambooHR.API)

	value, err := d.Webhooks[0].Secrets[0](t.Context())
	require.NoError(t, err)
	assert.Equal(t, doorSettings()["WEBHOOK_NEW"], value)
	assert.Equal(t, "[redacted]", got.Redactor.Text("scims-token-0123456789"), "every secret is kept out of the log")
}

// An approval that a run would refuse is found out before anybody approves.
func TestTheApprovalKeyMustBeOneOfThePolicy(t *testing.T) {
	env := doorSettings()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	env["APPROVAL_KEY"] = base64.StdEncoding.EncodeToString(key.Seed())
	const rest = "triggers: {listen: 'localhost:0', store: door.db, requestedBy: hr@acme.example, approvalKey: 'env:APPROVAL_KEY', soak: 7d, okta: {secrets: ['env:OKTA_SECRET']}}\n"
	_, err := app.LoadTriggers(write(t, rest), environment(env))
	require.ErrorContains(t, err, door.ApproverKey(key), "what to add is said")
	assert.ErrorContains(t, err, "policy.approverKeys")
	assert.NotContains(t, err.Error(), env["APPROVAL_KEY"])

	got, err := app.LoadTriggers(write(t, "policy: {approverKeys: ['"+door.ApproverKey(key)+"']}\n"+rest), environment(env))
	require.NoError(t, err)
	value, err := got.Door.ApprovalKey(t.Context())
	require.NoError(t, err)
	assert.Equal(t, env["APPROVAL_KEY"], value)
	assert.Equal(t, "7d", got.Door.Soak.String())
}

func TestTriggersDefaults(t *testing.T) {
	file := write(t, "triggers: {listen: 'localhost:0', store: door.db, requestedBy: hr@acme.example, okta: {secrets: ['env:OKTA_SECRET']}}\n")
	got, err := app.LoadTriggers(file, environment(doorSettings()))
	require.NoError(t, err)
	assert.Equal(t, door.DefaultBrake(), got.Door.Brake)
	assert.Equal(t, door.DefaultRate(), got.Door.Rate)
	assert.Empty(t, got.Certificate)
	assert.Nil(t, got.Door.SCIM)
	assert.Nil(t, got.Door.HiBob)
	assert.Nil(t, got.Door.BambooHR)
}

func TestAllProblemsOfTheTriggersWithTheirLines(t *testing.T) {
	env := doorSettings()
	delete(env, "IBMCLOUD_ACCOUNT_ID")
	_, err := app.LoadTriggers("testdata/triggers-problems.yaml", environment(env))
	var invalid *app.InvalidConfig
	require.ErrorAs(t, err, &invalid)
	golden(t, "triggers-problems.golden", err.Error()+"\n")
	assert.NotContains(t, err.Error(), "bm90IGEg", "a secret in the wrong place is not shown")
	for _, p := range invalid.Problems {
		if p.Where != "environment" {
			assert.Positive(t, p.Line, "%s names no line", p.Text)
		}
	}
}

func TestNoTriggers(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no section": {"policy: {}\n", "triggers is missing"},
		"no sender":  {"triggers: {listen: 'localhost:0', store: door.db, requestedBy: hr@acme.example}\n", "triggers names no sender"},
		"not YAML":   {"triggers: [", "not YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.LoadTriggers(write(t, c.text), environment(doorSettings()))
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err := app.LoadTriggers("", environment(nil))
	assert.ErrorContains(t, err, "OFFBOARD_CONFIG")
	assert.ErrorContains(t, err, "IBMCLOUD_ACCOUNT_ID")
	_, err = app.LoadTriggers("absent.yaml", environment(doorSettings()))
	assert.ErrorContains(t, err, "absent.yaml: cannot be read")
}

// The worker reads the same file and has none of the door's secrets.
func TestAWorkerChecksTheFormOfTheTriggersOnly(t *testing.T) {
	ids := "functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\n"
	_, err := app.LoadConfig(write(t, ids+"triggers: {listen: 'localhost:0', store: door.db, requestedBy: hr@acme.example, okta: {secrets: ['env:OKTA_SECRET']}}\n"), environment(settings()))
	require.NoError(t, err)
	_, err = app.LoadConfig(write(t, ids+"triggers: {listen: here, okta: {secret: env:OKTA_SECRET, approval: none}}\n"), environment(settings()))
	for _, want := range []string{"triggers.listen", "triggers.store is missing", "triggers.requestedBy", `unknown field "triggers.okta.secret"`, "policy.allowUnapproved"} {
		assert.ErrorContains(t, err, want)
	}
}

// The example that people copy is read as it stands; only its files are not here.
func TestTheDocumentedTriggersAreCorrect(t *testing.T) {
	page, err := os.ReadFile("../../docs/doors.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	env := doorSettings()
	env["BAMBOOHR_SECRET"], env["BAMBOOHR_KEY"] = env["BAMBOO_SECRET"], env["BAMBOO_KEY"]
	for file, name := range map[string]string{"operator": "OPERATOR_TOKEN", "relay-new": "WEBHOOK_NEW", "relay-old": "WEBHOOK_OLD"} {
		example = strings.ReplaceAll(example, "file:/etc/offboard/secrets/"+file, "env:"+name)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	env["APPROVAL_KEY"] = base64.StdEncoding.EncodeToString(key.Seed())
	example = strings.ReplaceAll(example, "file:/etc/offboard/secrets/approval-key.pem", "env:APPROVAL_KEY")
	example += "policy: {approverKeys: ['" + door.ApproverKey(key) + "']}\n"
	got, err := app.LoadTriggers(write(t, example), environment(env))
	require.NoError(t, err)
	assert.NotNil(t, got.Door.ApprovalKey)
	assert.Equal(t, offboard.DefaultSoak, got.Door.Soak, "the page says this is the default")
	assert.NotNil(t, got.Door.SCIM)
	assert.NotNil(t, got.Door.Okta)
	assert.NotNil(t, got.Door.HiBob)
	assert.NotNil(t, got.Door.BambooHR)
	assert.Equal(t, door.DefaultBrake(), got.Door.Brake, "the page says these are the defaults")
	assert.Equal(t, door.DefaultRate(), got.Door.Rate)
}
