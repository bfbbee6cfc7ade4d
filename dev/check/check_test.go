package check_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"google.golang.org/protobuf/types/known/durationpb"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
)

// smallAccount is the file of the account that is in order.
var smallAccount = filepath.Join("..", "..", "internal", "ibmsim", "accounts", "small.yaml")

// bare is a namespace in which nobody set anything up.
const bare = "bare"

// installation is what a case may spoil: the environment of the check and the text of the configuration file.
type installation struct {
	t    *testing.T
	dir  string
	env  map[string]string
	file string
}

// account replaces the simulated account by one with other text.
func (i *installation) account(pairs ...string) {
	i.t.Helper()
	text, err := os.ReadFile(smallAccount)
	require.NoError(i.t, err)
	edited := strings.NewReplacer(pairs...).Replace(string(text))
	require.NotEqual(i.t, string(text), edited)
	path := filepath.Join(i.dir, "account.yaml")
	require.NoError(i.t, os.WriteFile(path, []byte(edited), 0o600))
	sim, err := stack.StartSim(i.t.Context(), path, 0)
	require.NoError(i.t, err)
	i.t.Cleanup(func() {
		assert.Empty(i.t, sim.Ledger(), "a check changes nothing")
		require.NoError(i.t, sim.Stop())
	})
	env, err := sim.Environment()
	require.NoError(i.t, err)
	maps.Copy(i.env, env)
}

// secret writes a file and returns the reference to it.
func (i *installation) secret(name, value string) string {
	i.t.Helper()
	path := filepath.Join(i.dir, name)
	require.NoError(i.t, os.WriteFile(path, []byte(value), 0o600))
	return "file:" + path
}

// finding is what the check must say of a mistake.
type finding struct{ name, detail, remedy string }

// planted are mistakes that people make, and what the check says of each; nothing else may be wrong then.
var planted = map[string]struct {
	plant func(*installation)
	finds []finding
}{
	"the namespace was never made": {
		func(i *installation) { i.env["TEMPORAL_NAMESPACE"] = "offboarding" },
		[]finding{{"namespace", "there is no namespace offboarding", "temporal operator namespace create"}},
	},
	"the namespace was not set up, and no worker runs": {
		func(i *installation) { i.env["TEMPORAL_NAMESPACE"] = bare },
		[]finding{{"search attributes", "missing: OffboardAccount", "starter setup"}, {"worker", "nobody polls", "start one"}},
	},
	"Temporal is somewhere else": {
		func(i *installation) { i.env["TEMPORAL_ADDRESS"] = "127.0.0.1:1" },
		[]finding{{"Temporal", "127.0.0.1:1", "TEMPORAL_ADDRESS"}},
	},
	"the worker is versioned, and no version is current": {
		func(i *installation) {
			i.env["TEMPORAL_DEPLOYMENT_NAME"], i.env["TEMPORAL_WORKER_BUILD_ID"] = "offboard", "v2"
		},
		[]finding{{"worker version", "offboard", "set-current-version --deployment-name offboard --build-id v2"}},
	},
	"the engine's key is not valid any more": {
		func(i *installation) { i.env["IC_API_KEY"] = "a-key-that-was-deleted" },
		[]finding{{"engine's identity", "get an access token", "valid API key"}},
	},
	"the engine works on another account": {
		func(i *installation) { i.env["IBMCLOUD_ACCOUNT_ID"] = strings.Repeat("0", 32) },
		[]finding{{"engine's identity", "the key belongs to account 5f3e0c1d2b4a49688776655443322110", "IBMCLOUD_ACCOUNT_ID"}},
	},
	"the engine works as the owner of the account": {
		func(i *installation) { i.env["IC_API_KEY"] = "CANARY-key-owner" },
		[]finding{{"account", "owner@acme.example owns the account", "make a user for the engine"}},
	},
	"the engine may look at people, not remove them": {
		func(i *installation) {
			i.account("  - {user: offboard-admin@acme.example, roles: [Administrator], service: account}\n", `
  - {user: offboard-admin@acme.example, roles: [Viewer], service: user-management}
  - {user: offboard-admin@acme.example, roles: [Administrator], service: iam-identity}
  - {user: offboard-admin@acme.example, roles: [Administrator], service: iam-groups}
  - {user: offboard-admin@acme.example, roles: [Administrator], service: iam-access-management}
`)
		},
		[]finding{{"engine's roles", "it lacks Administrator on user-management, to invite functional IDs and remove people", "docs/security.md"}},
	},
	"the engine sees no keys but its own": {
		func(i *installation) {
			i.account("  - {user: offboard-admin@acme.example, roles: [Administrator], service: account}\n", `
  - {user: offboard-admin@acme.example, roles: [Administrator], service: user-management}
  - {user: offboard-admin@acme.example, roles: [Viewer], service: iam-identity}
  - {user: offboard-admin@acme.example, roles: [Administrator], service: iam-groups}
  - {user: offboard-admin@acme.example, roles: [Administrator], service: iam-access-management}
`)
		},
		[]finding{{"API keys of users", "of 1 users visible", "Administrator role on IAM Identity"}, {"engine's roles", "Administrator on iam-identity", "docs/security.md"}},
	},
	"the functional ID's key is somebody else's": {
		func(i *installation) { i.env["FUNCTIONAL_ID_1_API_KEY"] = "CANARY-key-leaver" },
		[]finding{{"functional ID clusters-1@acme.example", "its API key belongs to leaver@acme.example", "put the API key of clusters-1@acme.example"}},
	},
	"the functional ID has no room for another key": {
		func(i *installation) {
			i.account("keys:\n", "keys:\n"+strings.Repeat("  - {owner: clusters-1@acme.example, name: old, created: 200d}\n", 19))
		},
		[]finding{{"functional ID clusters-1@acme.example", "holds 20 of 20 API keys", "delete keys of it that nothing uses"}},
	},
	"the functional ID could make itself an administrator": {
		func(i *installation) {
			i.account("policies:\n", "policies:\n  - {user: clusters-1@acme.example, roles: [Administrator], service: account}\n")
		},
		[]finding{{"functional ID clusters-1@acme.example", "it may change user-management", "take the Administrator and Editor roles"}},
	},
	"a word is misspelled": {
		func(i *installation) { i.file = strings.Replace(i.file, "minimumSoak", "minimalSoak", 1) },
		[]finding{
			{"Temporal", "minimumSoak", "correct"},
			{"configuration", "minimumSoak", "correct every line"},
		},
	},
	"a channel's signing secret is where nobody can fetch it": {
		func(i *installation) {
			i.env["IBMCLOUD_SECRETS_MANAGER_API_ENDPOINT"] = "http://127.0.0.1:1"
			i.file += `
notifications:
  channels:
    - name: tickets
      webhook: {url: "https://hooks.acme.example/offboard", secret: "secrets-manager:crn:v1:bluemix:public:secrets-manager:eu-de:a/acc:inst:secret:one"}
`
		},
		[]finding{{"channel tickets", "its signing secret: read secret secrets-manager:crn", "point to a secret"}},
	},
	"a sender of the door could be guessed": {
		func(i *installation) {
			i.file += `
triggers:
  listen: 127.0.0.1:0
  store: ` + filepath.Join(i.dir, "door.db") + `
  requestedBy: hr@acme.example
  okta: {secrets: ["` + i.secret("okta", "short") + `"]}
`
		},
		[]finding{{"HTTP door", "triggers.okta.secrets[0] is a secret of 5 characters", "docs/doors.md"}},
	},
	"the reports' directory is a file": {
		func(i *installation) {
			i.file = strings.Replace(i.file, "reports:\n  directory:", "reports:\n  directory: "+strings.TrimPrefix(i.secret("reports", "x"), "file:")+" #", 1)
		},
		[]finding{{"reports", "is not a directory", "reports.directory"}},
	},
}

func TestPlantedMistakesAreFoundAndTheRemedyNamed(t *testing.T) {
	s, err := stack.Start(t.Context(), stack.Options{Engine: stack.EngineOptions{Account: "small", Reports: t.TempDir()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	_, err = s.Connection.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: bare, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	file, err := os.ReadFile(s.Env["OFFBOARD_CONFIG"])
	require.NoError(t, err)
	start := func(t *testing.T) *installation {
		return &installation{t: t, dir: t.TempDir(), env: maps.Clone(s.Env), file: string(file)}
	}
	// The worker's first poll takes a moment to be seen, and so does a new namespace.
	require.EventuallyWithT(t, func(collect *assert.CollectT) { assert.Empty(collect, start(t).failures(false)) }, 30*time.Second, 200*time.Millisecond)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		i := start(t)
		i.env["TEMPORAL_NAMESPACE"] = bare
		assert.Len(collect, i.failures(false), 2)
	}, 30*time.Second, 200*time.Millisecond)

	require.GreaterOrEqual(t, len(planted), 10)
	for name, c := range planted {
		t.Run(name, func(t *testing.T) {
			i := start(t)
			i.t = t
			c.plant(i)
			found := i.failures(true)
			for _, want := range c.finds {
				got, there := found[want.name]
				if assert.True(t, there, "%s is not among %v", want.name, found) {
					assert.Contains(t, got.Detail, want.detail)
					assert.Contains(t, got.Remedy, want.remedy)
				}
			}
			assert.Len(t, found, len(c.finds), "%v", found)
		})
	}
	assert.Empty(t, s.Sim.Ledger(), "a check changes nothing")
}

// failures are the checks that are not in order, by their names. None may tell a secret.
func (i *installation) failures(written bool) map[string]app.Check {
	i.t.Helper()
	if written {
		path := filepath.Join(i.dir, "offboard.yaml")
		require.NoError(i.t, os.WriteFile(path, []byte(i.file), 0o600))
		i.env["OFFBOARD_CONFIG"] = path
	}
	found := map[string]app.Check{}
	for _, c := range app.Checks(i.t.Context(), func(name string) string { return i.env[name] }, zap.NewNop()) {
		assert.NotContains(i.t, c.Detail, "CANARY")
		if !c.OK {
			assert.NotEmpty(i.t, c.Remedy, c.Name)
			found[c.Name] = c
		}
	}
	return found
}
