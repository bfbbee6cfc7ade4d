package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/app"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// pruning is a prune with a soak that the sample account permits.
func pruning(t *testing.T, fields map[string]any) offboard.PruneRequest {
	t.Helper()
	input := map[string]any{"all": true, "soak": "6s", "requestedBy": "sre@acme.example", "ticket": "OPS-8"}
	for name, value := range fields {
		input[name] = value
		if value == nil {
			delete(input, name)
		}
	}
	data, err := json.Marshal(input)
	require.NoError(t, err)
	r, err := offboard.DecodePruneRequest(data)
	require.NoError(t, err)
	return r
}

func (b *bench) prune(fields map[string]any) string {
	b.t.Helper()
	run, err := b.Runs.Prune(b.ctx, pruning(b.t, fields))
	require.NoError(b.t, err)
	return run.WorkflowID
}

// changed are the IDs of the keys that an entry of the ledger says something of.
func changed(ledger []ibmsim.Entry, is func(ibmsim.Entry) bool) []string {
	var ids []string
	for _, e := range ledger {
		if strings.Contains(e.Action, "apikey.") && is(e) && !slices.Contains(ids, e.Target) {
			ids = append(ids, e.Target)
		}
	}
	slices.Sort(ids)
	return ids
}

func deleted(ledger []ibmsim.Entry) []string {
	return changed(ledger, func(e ibmsim.Entry) bool { return strings.HasSuffix(e.Action, "apikey.delete") })
}

func planned(plan offboard.Plan) []string {
	var ids []string
	for _, k := range plan.Keys {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	return ids
}

// note is what a plan says of a key of a scope.
func notes(plan offboard.Plan, scope string) string {
	var text []string
	for _, f := range plan.Findings {
		if strings.Contains(f.Text, " of "+scope+",") {
			text = append(text, f.Text)
		}
	}
	return strings.Join(text, "\n")
}

// stays asserts that the current keys are what they were, and that nothing lacks a working one.
func (b *bench) staysWell(before ibmsim.State) {
	b.t.Helper()
	assert.Empty(b.t, b.Sim.Outages())
	assert.Empty(b.t, b.Sim.Unknown())
	assert.Equal(b.t, before.Scopes, b.Sim.State().Scopes)
	for _, c := range b.Sim.State().Clusters {
		for holder, key := range c.Holders {
			i := slices.IndexFunc(b.Sim.State().Keys, func(k ibmsim.StateKey) bool { return k.ID == key && !k.Disabled })
			assert.GreaterOrEqual(b.t, i, 0, "%s of cluster %s runs on key %s, which does not work", holder, c.Name, key)
		}
	}
}

// The sample account: every superseded key that nothing uses goes, whoever owns it, and nothing else is touched.
func TestSupersededKeysArePruned(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	before := b.Sim.State()
	id := b.prune(nil)
	_, err := b.Runs.Prune(b.ctx, pruning(t, nil))
	var open *app.AlreadyRunning
	require.ErrorAs(t, err, &open)
	plan := b.approve(id)
	report := b.report(id)

	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, plan.Keys, 1, offboard.PlanMarkdown(plan))
	assert.Contains(t, notes(plan, "eu-de/default"), "goes: it was last used 701 days ago")
	assert.Contains(t, notes(plan, "eu-de/prod"), "stays: it is locked")
	assert.Contains(t, notes(plan, "us-south/data"), "owned by petra@acme.example, stays: the control plane of cluster lake-us was not refreshed")
	assert.Equal(t, planned(plan), deleted(b.Sim.Ledger()))
	assert.Equal(t, planned(plan), changed(b.Sim.Ledger(), func(ibmsim.Entry) bool { return true }), "no other key was changed")
	for _, e := range b.Sim.Ledger() {
		assert.Contains(t, e.Action, "apikey.", "nothing but keys was changed")
	}
	b.staysWell(before)
	b.noSecretAnywhere(report)

	again := b.report(b.prune(nil))
	assert.Equal(t, offboard.Completed, again.Status)
	assert.True(t, again.Progress.FoundNothing())
	assert.Contains(t, again.Message, "Nothing was changed")
	list, err := b.Runs.List(b.ctx, app.Filter{})
	require.NoError(t, err)
	for _, l := range list {
		assert.Equal(t, "all superseded keys", l.Prunes)
	}
}

// A scope was reset and nobody refreshed its clusters: they run on the older key. It stays, even though no use of it counts
// as recent here.
func TestAKeyThatClustersStillRunOnIsNeverPruned(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample", Settings: stack.Settings{Policy: map[string]any{"recentUse": "1ns"}}})
	held := b.current("eu-gb", "data")
	b.as("owner@acme.example", http.MethodPost, "/containers/global/v1/keys", nil, "X-Region", "eu-gb", "X-Auth-Resource-Group", "3f2a8e7c6d5e4f3a2b1c0d9e8f7a6b52")
	time.Sleep(time.Second) // until IAM's lists have the new key
	require.NotEqual(t, held, b.current("eu-gb", "data"))
	before := b.Sim.State()
	id := b.prune(nil)
	plan := b.approve(id)
	report := b.report(id)

	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.NotContains(t, planned(plan), held)
	require.Contains(t, notes(plan, "eu-gb/data"), "stays:", offboard.PlanMarkdown(plan))
	assert.Contains(t, notes(plan, "eu-gb/data"), "was not refreshed since the newest key was made")
	assert.Equal(t, planned(plan), deleted(b.Sim.Ledger()))
	b.staysWell(before)
}

// Somebody uses a key in the soak that nobody had used for years: everything is enabled again, and the key stays.
func TestAKeyThatIsUsedInTheSoakIsNeverDeleted(t *testing.T) {
	const secret = "CANARY-superseded-key"
	account := edited(t, "sample",
		"created: 1000d, lastUsed: 701d, uses: 9001}", "created: 1000d, lastUsed: 701d, uses: 9001, secret: "+secret+"}",
		", uses: 5120, locked: true", ", uses: 5120",
		"timePrecision: 1s", "timePrecision: 1s\n  disableDelay: 1h") // a disabled key works a while yet
	b := start(t, stack.EngineOptions{Account: account})
	before := b.Sim.State()
	id := b.prune(map[string]any{"soak": "30s"})
	plan := b.approve(id)
	b.until(id, "the soak", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseSoak })
	b.logIn(secret)
	p := b.until(id, "a hold", func(p offboard.Progress) bool { return len(p.Holds) > 0 })
	assert.Equal(t, "soak", p.Holds[0].Subject)
	assert.Contains(t, p.Holds[0].Problem, "was used at")
	for _, k := range b.Sim.State().Keys {
		assert.False(t, k.Disabled && slices.Contains(planned(plan), k.ID), "key %s is enabled again at once", k.ID)
	}
	b.resolve(id, "soak", offboard.ActionRetry)
	b.until(id, "a hold", func(p offboard.Progress) bool { return len(p.Holds) > 0 && p.Holds[0].Subject == "proof" })
	b.resolve(id, "proof", offboard.ActionSkip)
	report := b.report(id)

	assert.Equal(t, offboard.Incomplete, report.Status, report.Message)
	i := slices.IndexFunc(plan.Keys, func(k offboard.PlannedKey) bool { return strings.HasPrefix(k.Scope.String(), "eu-de/default") })
	require.GreaterOrEqual(t, i, 0)
	assert.NotContains(t, deleted(b.Sim.Ledger()), plan.Keys[i].ID)
	assert.Len(t, deleted(b.Sim.Ledger()), 1, "the other key is as unused as it was")
	b.staysWell(before)
}

// Whoever turns the run round before the first deletion finds every key as it was.
func TestAPruneThatIsCancelledLeavesEverythingAsItWas(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	before := b.Sim.State()
	id := b.prune(map[string]any{"soak": "1h"})
	b.approve(id)
	b.until(id, "the soak", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseSoak })
	require.NoError(t, b.Connection.CancelWorkflow(b.ctx, id, ""))
	report := b.report(id)

	assert.Equal(t, offboard.RolledBack, report.Status, report.Message)
	assert.Empty(t, deleted(b.Sim.Ledger()))
	assert.Equal(t, before.Keys, b.Sim.State().Keys)
	b.staysWell(before)
}

// On the account of traps no superseded key can be proven unused: the plan says why, and nothing is touched.
func TestPruneOfTheTraps(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: hurried(t)})
	report := b.report(b.prune(nil))

	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.True(t, report.Progress.FoundNothing())
	b.untouched()
	why := notes(*report.Progress.Plan, "eu-de/prod")
	assert.Contains(t, why, "cluster updating is in state updating")
	assert.Contains(t, offboard.PlanMarkdown(*report.Progress.Plan), "it does not say which scope it belongs to")
}

// A thousand clusters: every scope gets a new owner first, which leaves a superseded key behind in each. Then all of those
// that nothing uses go, and nothing lacks a key at any time.
func TestALargeAccountIsMovedAndPruned(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "large", Settings: stack.Settings{MinimumSoak: offboard.Duration(4 * time.Second),
		Policy: map[string]any{"recentUse": "5s", "parallelScopes": 20}}})
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // a thousand control planes are refreshed
	defer cancel()
	b.ctx = ctx
	run, err := b.Runs.Move(b.ctx, moving(offboard.Selection{AllPersonal: true}))
	require.NoError(t, err)
	plan := b.approve(run.WorkflowID)
	moved := b.report(run.WorkflowID)
	assert.Equal(t, offboard.Completed, moved.Status, moved.Message)
	assert.Equal(t, 110, plan.Resets())
	assert.Equal(t, 110, witness.Resets(b.Sim.Ledger()))
	assert.Empty(t, b.Sim.Outages())
	assert.Empty(t, deleted(b.Sim.Ledger()))

	time.Sleep(6 * time.Second) // the last use of the older keys is to be out of the window
	before := b.Sim.State()
	id := b.prune(nil)
	plan = b.approve(id)
	report := b.report(id)
	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Len(t, plan.Keys, 110)
	assert.Equal(t, planned(plan), deleted(b.Sim.Ledger()))
	b.staysWell(before)
	for _, h := range b.executions() {
		assert.Less(t, len(h.GetHistory().GetEvents()), 4096)
	}
}

// hurried is the account of traps in fast motion.
func hurried(t *testing.T) string {
	return edited(t, "traps", "tokenLife: 1h, keyReplication: 10s, grantDelay: 30s, inviteProcessing: 5s, removalDelay: 20s, masterRefresh: 3m, secretDelay: 30s, podStart: 20s, podStop: 5s, rbacSync: 2m",
		"tokenLife: 3s, keyReplication: 400ms, grantDelay: 300ms, inviteProcessing: 200ms, removalDelay: 200ms, masterRefresh: 900ms, secretDelay: 300ms, podStart: 400ms, podStop: 100ms, rbacSync: 200ms, timePrecision: 1s")
}

// edited is the path of a shipped account with some text replaced.
func edited(t *testing.T, account string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "ibmsim", "accounts", account+".yaml"))
	require.NoError(t, err)
	for i := 0; i+1 < len(pairs); i += 2 {
		require.Contains(t, string(text), pairs[i])
		text = []byte(strings.ReplaceAll(string(text), pairs[i], pairs[i+1]))
	}
	path := filepath.Join(t.TempDir(), account+".yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// current is the key of a scope, as only the simulator can tell. The group is named.
func (b *bench) current(region, group string) string {
	b.t.Helper()
	for _, g := range b.Sim.Account.ResourceGroups {
		for _, s := range b.Sim.State().Scopes {
			if g.Name == group && s.Region == region && s.Group == g.ID {
				return s.Key
			}
		}
	}
	require.Fail(b.t, "no such scope", "%s/%s", region, group)
	return ""
}

// as sends a request of a person who is logged in. The headers come in pairs.
func (b *bench) as(who, method, path string, body *strings.Reader, headers ...string) {
	b.t.Helper()
	token, ok := b.Sim.Login(who)
	require.True(b.t, ok, who)
	if body == nil {
		body = strings.NewReader("")
	}
	request := httptest.NewRequestWithContext(b.ctx, method, path, body)
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	b.send(request)
}

// logIn uses an API key.
func (b *bench) logIn(secret string) {
	b.t.Helper()
	form := url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {secret}}
	request := httptest.NewRequestWithContext(b.ctx, http.MethodPost, "/iam/identity/token", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.send(request)
}

func (b *bench) send(request *http.Request) {
	b.t.Helper()
	answer := httptest.NewRecorder()
	b.Sim.ServeHTTP(answer, request)
	require.Less(b.t, answer.Code, http.StatusMultipleChoices, answer.Body.String())
}

func (b *bench) resolve(id, subject, action string) {
	b.t.Helper()
	_, err := b.Runs.Resolve(b.ctx, id, workflows.Resolve{Scope: subject, Action: action, By: approver})
	require.NoError(b.t, err)
}
