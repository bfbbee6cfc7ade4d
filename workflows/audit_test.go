package workflows_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"offboard/activities"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// auditing is one audit in the test environment.
type auditing struct {
	*offboarding
	history history
}

// history is what an audit finds of others, and what it leaves behind.
type history struct {
	*account
	previous *offboard.AuditDigest
	asked    string // the run that asked for the previous one
	kept     map[string]offboard.Audit
	profiles []offboard.TrustedProfile
	services []offboard.ServiceID
	rights   map[string][]offboard.Right
	policies int
	alone    bool // the engine is shown itself only
}

func (h *history) People(ctx context.Context) ([]offboard.Person, error) {
	list, err := h.account.People(ctx)
	if h.alone {
		list = list[1:2]
	}
	return list, err
}

func (h *history) AccountOwner(ctx context.Context) (owner string, err error) {
	err = h.call(ctx, "AccountOwner", "", func() error { owner = h.settings.OwnerIAMID; return nil })
	return owner, err
}

func (h *history) RightsOf(ctx context.Context, _ []string) (rights map[string][]offboard.Right, seen int, err error) {
	err = h.call(ctx, "RightsOf", "", func() error { rights, seen = h.rights, h.policies; return nil })
	return rights, seen, err
}

func (h *history) Profiles(ctx context.Context) (list []offboard.TrustedProfile, err error) {
	err = h.call(ctx, "Profiles", "", func() error { list = h.profiles; return nil })
	return list, err
}

func (h *history) ServiceIDs(ctx context.Context) (list []offboard.ServiceID, err error) {
	err = h.call(ctx, "ServiceIDs", "", func() error { list = h.services; return nil })
	return list, err
}

func (h *history) PreviousAudit(ctx context.Context, _, notRun string) (digest offboard.AuditDigest, there bool, err error) {
	err = h.call(ctx, "PreviousAudit", "", func() error {
		h.asked = notRun
		if there = h.previous != nil; there {
			digest = *h.previous
		}
		return nil
	})
	return digest, there, err
}

func (h *history) KeepAudit(ctx context.Context, name string, audit offboard.Audit) (place string, err error) {
	err = h.call(ctx, "KeepAudit", name, func() error { h.kept[name] = audit; return nil })
	return "", err
}

func newAuditing(t *testing.T) *auditing {
	t.Helper()
	a := &auditing{offboarding: newOffboarding(t)}
	a.history = history{account: a.account, kept: map[string]offboard.Audit{}, policies: 7, rights: map[string][]offboard.Right{
		leaverID: {{Roles: []string{"crn:v1:bluemix:public:iam::::role:Administrator", "crn:v1:bluemix:public:iam::::serviceRole:Manager"},
			Resources: map[string]string{"accountId": accountID, "serviceType": "service"}}}}}
	return a
}

// execute runs the audit with JSON as its input.
func (a *auditing) execute(args ...any) {
	a.t.Helper()
	activities.RegisterAuditor(a.env, activities.NewAuditor(activities.AuditPorts{Users: &a.history, Keys: a.account, Identities: &a.history, Clusters: a.account,
		Workloads: a.account, History: &a.history, Shelf: &a.history, Account: accountID, FunctionalIDs: a.account.configure, Policy: a.policy, Now: a.now}))
	raw := make([]any, len(args))
	for i, arg := range args {
		data, err := json.Marshal(arg)
		require.NoError(a.t, err)
		raw[i] = json.RawMessage(data)
	}
	a.start(workflows.Audit, raw...)
}

// audit runs the audit and returns its result. It holds what every audit must hold: nothing was changed, it is kept.
func (a *auditing) audit(args ...any) offboard.Audit {
	a.t.Helper()
	a.execute(args...)
	require.NoError(a.t, a.env.GetWorkflowError())
	var audit offboard.Audit
	require.NoError(a.t, a.env.GetWorkflowResult(&audit))
	require.Empty(a.t, a.account.changes())
	require.NotEmpty(a.t, audit.Message)
	return audit
}

func kinds(a offboard.Audit) []offboard.AuditKind {
	var list []offboard.AuditKind
	for _, f := range a.Findings {
		list = append(list, f.Kind)
	}
	return list
}

func TestAuditTellsWhoWouldBreakWhat(t *testing.T) {
	for name, in := range map[string][]any{"without input": nil, "shallow": {map[string]any{}}, "deep": {map[string]any{"dependents": true, "everyKey": true}}} {
		t.Run(name, func(t *testing.T) {
			a := newAuditing(t)
			audit := a.audit(in...)

			require.Equal(t, 1, audit.Totals.AtRisk)
			require.Equal(t, 3, audit.Totals.PersonalClusters)
			require.Equal(t, "Leaver@acme.example", audit.People[0].Email)
			require.Len(t, audit.People[0].Scopes, 2)
			require.Equal(t, accountID, audit.Account)
			require.Equal(t, runID, audit.WorkflowID)
			require.Equal(t, audit.RunID, a.history.asked)
			require.Equal(t, audit, a.history.kept["audit-"+accountID+"-"+audit.RunID])
			deep := name == "deep"
			require.Equal(t, deep, a.account.calls["Inspect"] > 0)
			require.Equal(t, deep, len(audit.People[0].Breaks) > 0 || a.account.calls["Addons"] > 0)
			require.Equal(t, 3, a.account.calls["KeyOwner"])
			require.Equal(t, 1, a.account.calls["People"])
			require.Equal(t, 1, a.account.calls["UserKeys"])
		})
	}
}

func TestAuditRefusesWrongInputBeforeItReadsAnything(t *testing.T) {
	for name, in := range map[string]struct {
		args []any
		want string
	}{
		"unknown field": {[]any{map[string]any{"dependants": true}}, `did you mean "dependents"`},
		"wrong type":    {[]any{map[string]any{"everyKey": 1}}, `"everyKey" must be true or false`},
		"two arguments": {[]any{map[string]any{}, map[string]any{}}, "there is a second argument"},
		"a list":        {[]any{[]string{}}, "must be one JSON object"},
		"other account": {[]any{map[string]any{"account": "other"}}, "this engine works on account"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuditing(t)
			a.execute(in.args...)
			var app *temporal.ApplicationError
			require.ErrorAs(t, a.env.GetWorkflowError(), &app)
			require.Equal(t, workflows.InvalidInput, app.Type())
			require.True(t, app.NonRetryable())
			require.Contains(t, app.Message(), in.want)
			require.Zero(t, a.account.calls["Clusters"])
		})
	}
}

// An account that shows only the engine itself would look as if everybody had left (trap 16).
func TestAuditRefusesAnAccountThatShowsNobody(t *testing.T) {
	a := newAuditing(t)
	a.history.alone = true
	a.execute()
	require.ErrorContains(t, a.env.GetWorkflowError(), "sees no user but itself")
}

// What cannot be read is a finding: the rest is told.
func TestAuditSaysWhatItCouldNotRead(t *testing.T) {
	for verb, want := range map[string]string{
		"Clusters":      "missing/clusters",
		"Indexed":       "missing/search",
		"Profiles":      "missing/profiles",
		"ServiceIDs":    "missing/service-ids",
		"KeyOwner":      "missing/owner/id-london",
		"People":        "missing/people",
		"UserKeys":      "missing/people",
		"RightsOf":      "missing/rights",
		"Cluster":       "missing/inside/id-prod",
		"ClassicUser":   "missing/classic/eu-de/" + shopGroup,
		"PreviousAudit": "missing/previous",
	} {
		t.Run(verb, func(t *testing.T) {
			a := newAuditing(t)
			a.account.fail(verb, offboard.Denied, "it may not")
			audit := a.audit(map[string]any{"dependents": true})
			i := slices.IndexFunc(audit.Findings, func(f offboard.AuditFinding) bool { return f.ID == want })
			require.GreaterOrEqual(t, i, 0, "%v", audit.Findings)
			require.Contains(t, audit.Findings[i].Text, "it may not")
			require.Equal(t, offboard.Decision, audit.Findings[i].Severity)
			require.Contains(t, audit.Message, "could not be seen")
		})
	}
}

func TestAuditWhosePoliciesAreNotShownJudgesNobody(t *testing.T) {
	a := newAuditing(t)
	a.history.policies, a.history.rights = 0, nil
	audit := a.audit()
	require.Contains(t, kinds(audit), offboard.AuditMissing)
	require.NotContains(t, kinds(audit), offboard.AuditRights)
	require.True(t, audit.People[0].Unjudged)
}

func TestAuditWithoutTheAccountHasNothingToSay(t *testing.T) {
	a := newAuditing(t)
	a.account.fail("WhoAmI", offboard.Denied, "the key was refused")
	a.execute()
	require.ErrorContains(t, a.env.GetWorkflowError(), "the key was refused")
}

func TestAuditWaitsOutAnOutage(t *testing.T) {
	a := newAuditing(t)
	for _, verb := range []string{"Clusters", "KeyOwner", "UserKeys", "Key", "KeepAudit"} {
		a.account.fail(verb, offboard.Unavailable, "503").first(3)
	}
	audit := a.audit()
	require.NotContains(t, kinds(audit), offboard.AuditMissing)
	require.Equal(t, 3, audit.Totals.PersonalClusters)
}

func TestAuditThatCannotBeKeptIsStillTheResult(t *testing.T) {
	a := newAuditing(t)
	a.account.fail("KeepAudit", offboard.Unavailable, "no place")
	audit := a.audit()
	require.Equal(t, 1, audit.Totals.AtRisk)
	require.Empty(t, a.history.kept)
}

func TestAuditComparesItselfWithTheOneBefore(t *testing.T) {
	first := newAuditing(t)
	before := first.audit().Digest()
	a := newAuditing(t)
	a.history.previous = &before
	a.account.keyOf("ApiKey-gb").IAMID = "IBMid-2000COLLEA"
	audit := a.audit()
	require.NotNil(t, audit.Differences)
	require.Equal(t, before.TakenAt, audit.Differences.Since)
	require.False(t, audit.Differences.None())
	require.Contains(t, text(textsOf(audit.Differences.New)), "colleague@acme.example")
}

func textsOf(list []offboard.AuditFinding) []string {
	texts := make([]string, len(list))
	for i, f := range list {
		texts[i] = f.Text
	}
	return texts
}

func TestAuditShowsHowFarItIs(t *testing.T) {
	a := newAuditing(t)
	var seen []offboard.AuditProgress
	a.account.before("UserKeys", 1, func() {
		value, err := a.env.QueryWorkflow(workflows.StatusQuery)
		require.NoError(t, err)
		var p offboard.AuditProgress
		require.NoError(t, value.Get(&p))
		seen = append(seen, p)
	})
	audit := a.audit()
	require.Len(t, seen, 1)
	require.Equal(t, offboard.Running, seen[0].Status)
	require.Equal(t, "listing users and API keys", seen[0].Step)
	require.Equal(t, 3, seen[0].Asked)
	value, err := a.env.QueryWorkflow(workflows.StatusQuery)
	require.NoError(t, err)
	var p offboard.AuditProgress
	require.NoError(t, value.Get(&p))
	require.Equal(t, offboard.Completed, p.Status)
	require.Equal(t, audit.Message, p.Message)
	require.Contains(t, a.page(runID), "## Audit of account "+accountID)
}

func TestAuditThatIsCancelledEnds(t *testing.T) {
	a := newAuditing(t)
	a.account.fail("KeyOwner", offboard.Unavailable, "503")
	a.env.RegisterDelayedCallback(a.env.CancelWorkflow, time.Minute)
	a.execute()
	require.True(t, temporal.IsCanceledError(a.env.GetWorkflowError()), "%v", a.env.GetWorkflowError())
	require.Empty(t, a.history.kept)
}

func TestAuditOfManyClustersIsChunked(t *testing.T) {
	a := newAuditing(t)
	for i := range 333 {
		a.account.cluster("more-"+string(rune('a'+i%26))+time.Duration(i).String(), "eu-de", storage())
	}
	var events int
	a.ended = func(string) { events++ }
	audit := a.audit(map[string]any{"dependents": true})
	require.Equal(t, 336, audit.Totals.Clusters)
	require.Equal(t, 336, a.account.calls["KeyOwner"])
	require.Equal(t, 336, a.account.calls["Inspect"])
	require.Equal(t, 336, audit.People[0].Clusters)
}

// The workflow of an audit names no verb but the auditor's: what changes something cannot even be called.
func TestAuditCallsNothingButTheAuditor(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	require.NoError(t, err)
	called := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			require.NotEqual(t, "verbs", id.Name, "the verbs of an offboarding change things")
			require.False(t, strings.HasPrefix(id.Name, "ExecuteChild"), "a child run may do anything")
		}
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "looks" {
				called[s.Sel.Name] = true
			}
		}
		return true
	})
	require.Len(t, called, 11, "%v", called)
}
