package offboard_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

var functionalID = offboard.Person{IAMID: "IBMid-3001FUNCTI", Email: "clusters-1@acme.example", State: "ACTIVE"}

// scopeWithKeys is a scope whose newest key, made and used lately, is the functional ID's, and older ones of the leaver.
func scopeWithKeys(region string, older ...offboard.Key) offboard.ScopeEvidence {
	newest := clusterKey("ApiKey-new-"+region, region, shop, day(-20))
	newest.IAMID, newest.LastUsed = functionalID.IAMID, surveyedAt.Add(-time.Hour)
	e := offboard.ScopeEvidence{Scope: scopeOf(region, shop), Keys: append(slices.Clone(older), newest)}
	for i := range e.Keys {
		e.Keys[i].Scope.ResourceGroupName = groupNames[shop]
	}
	return e
}

func superseded(id, region string, change ...func(*offboard.Key)) offboard.Key {
	k := clusterKey(id, region, shop, day(-400))
	k.LastUsed = day(-60)
	for _, c := range change {
		c(&k)
	}
	return k
}

// runningOn is a cluster of a scope that was refreshed and restarted since its newest key was made.
func runningOn(name, region string, change ...func(*offboard.ClusterEvidence)) offboard.ClusterEvidence {
	c := clusterOf(name, functionalID)
	c.Cluster.Region, c.Cluster.ResourceGroup = region, shop
	e := offboard.ClusterEvidence{Cluster: c.Cluster, Looked: true, Dependents: c.Inspection.Dependents, Since: day(-19),
		Master: offboard.Master{State: "deployed", Health: "normal", Modified: day(-19)}}
	for _, f := range change {
		f(&e)
	}
	return e
}

func pruneSurvey(scopes ...offboard.ScopeEvidence) offboard.PruneSurvey {
	s := offboard.PruneSurvey{Account: offboard.Account{ID: accountID, TokenLife: offboard.Duration(time.Hour), VisibleUsers: 12},
		Evidence: offboard.KeyEvidence{TakenAt: surveyedAt, People: []offboard.Person{leaver, functionalID}, Scopes: scopes}}
	for _, scope := range scopes {
		s.Scopes = append(s.Scopes, scope.Scope)
	}
	return s
}

func with(scope offboard.ScopeEvidence, clusters ...offboard.ClusterEvidence) offboard.ScopeEvidence {
	scope.Clusters = append(scope.Clusters, clusters...)
	return scope
}

func pruneRequest() offboard.Request {
	return offboard.PruneRequest{Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired, Soak: offboard.DefaultSoak,
		OnFailure: offboard.OnFailureHold, Ticket: "OPS-8", Reason: "room for keys", RequestedBy: "requester@acme.example"}.Request()
}

func planToPrune(s offboard.PruneSurvey, sel offboard.PruneSelection) offboard.Plan {
	return offboard.NewPrunePlan(s, sel, pruneRequest(), offboard.DefaultPolicy())
}

// everyKind has keys that go and keys that stay, each for another reason.
func everyKind() offboard.PruneSurvey {
	gone := superseded("ApiKey-gone", "jp-tok", func(k *offboard.Key) { k.IAMID, k.Disabled = "IBMid-9000DEPART", true })
	s := pruneSurvey(
		with(scopeWithKeys("eu-de", superseded("ApiKey-de-1", "eu-de"), superseded("ApiKey-de-2", "eu-de", func(k *offboard.Key) { k.LastUsed = day(-3) })), runningOn("prod", "eu-de")),
		with(scopeWithKeys("eu-gb", superseded("ApiKey-gb", "eu-gb")), runningOn("london", "eu-gb", func(c *offboard.ClusterEvidence) { c.Master.Modified = day(-30) })),
		scopeWithKeys("jp-tok", gone),
		with(scopeWithKeys("us-south", superseded("ApiKey-us", "us-south", func(k *offboard.Key) { k.Locked = true })), runningOn("dallas", "us-south")),
	)
	s.Unread = []offboard.Key{{ID: "ApiKey-odd", Name: offboard.ClusterKeyName, IAMID: leaver.IAMID, Class: offboard.ClusterKey, Description: "by hand"}}
	return s
}

var allKeys = offboard.PruneSelection{All: true}

func goes(plan offboard.Plan) []string {
	var ids []string
	for _, k := range plan.Keys {
		ids = append(ids, k.ID)
	}
	return ids
}

func TestPrunePlans(t *testing.T) {
	nothing := pruneSurvey(with(scopeWithKeys("eu-de", superseded("ApiKey-de", "eu-de", func(k *offboard.Key) { k.LastUsed = day(-1) })), runningOn("prod", "eu-de")))
	absent := everyKind()
	absent.Missing = []offboard.Missing{{ID: "search", What: "Global search could not be asked whether there are clusters that the engine cannot see", Why: "denied"}}
	for name, plan := range map[string]offboard.Plan{
		"every kind":  planToPrune(everyKind(), allKeys),
		"nothing":     planToPrune(nothing, allKeys),
		"one owner":   planToPrune(everyKind(), offboard.PruneSelection{OwnedBy: "LEAVER@acme.example"}),
		"departed":    planToPrune(everyKind(), offboard.PruneSelection{OwnedBy: "IBMid-9000DEPART"}),
		"absent":      planToPrune(absent, offboard.PruneSelection{Scopes: []string{"eu-de/shop", "eu-fr2/nowhere"}}),
		"hidden":      planToPrune(hidden(everyKind()), allKeys),
		"nobody home": planToPrune(pruneSurvey(), allKeys),
	} {
		t.Run(name, func(t *testing.T) {
			goldenJSON(t, "prunes/"+fileName(name)+".golden.json", plan)
			golden(t, "prunes/"+fileName(name)+".golden.md", offboard.PlanMarkdown(plan))
		})
	}
}

// hidden adds a cluster that the engine cannot see: any key may be the one it runs on.
func hidden(s offboard.PruneSurvey) offboard.PruneSurvey {
	s.Evidence.Hidden = []offboard.ClusterRef{{ID: "id-dark", Name: "dark"}}
	return s
}

// What the golden files hold, said as rules.

func TestPruneTakesOnlyWhatIsProvenUnused(t *testing.T) {
	assert.Equal(t, []string{"ApiKey-de-1", "ApiKey-gone"}, goes(planToPrune(everyKind(), allKeys)))
	assert.Empty(t, goes(planToPrune(hidden(everyKind()), allKeys)))
	assert.Equal(t, []string{"ApiKey-de-1"}, goes(planToPrune(everyKind(), offboard.PruneSelection{OwnedBy: leaver.IAMID})))
	assert.Equal(t, []string{"ApiKey-de-1"}, goes(planToPrune(everyKind(), offboard.PruneSelection{Scopes: []string{"eu-de/" + shop, "eu-gb/shop"}})))
}

// Whatever is pruned, the newest key of a scope never is.
func TestPruneNeverTakesTheNewestKey(t *testing.T) {
	for _, sel := range []offboard.PruneSelection{allKeys, {OwnedBy: functionalID.Email}, {Scopes: []string{"eu-de/shop"}}} {
		for _, id := range goes(planToPrune(everyKind(), sel)) {
			assert.NotContains(t, id, "ApiKey-new")
		}
	}
}

func TestPruneSaysOfEachKeyWhyItGoesOrStays(t *testing.T) {
	plan := planToPrune(everyKind(), allKeys)
	for id, want := range map[string]string{
		"ApiKey-de-1": "goes: it was last used 60 days ago", "ApiKey-de-2": "stays: it was last used 3 days ago",
		"ApiKey-gb": "stays: the control plane of cluster london was not refreshed", "ApiKey-us": "stays: it is locked",
		"ApiKey-gone": "owned by IBMid-9000DEPART, goes", "ApiKey-odd": "stays: it does not say which scope",
	} {
		i := slices.IndexFunc(plan.Findings, func(f offboard.Finding) bool { return f.ID == "key/"+id })
		require.GreaterOrEqual(t, i, 0, id)
		assert.Contains(t, plan.Findings[i].Text, want)
		assert.Equal(t, offboard.Note, plan.Findings[i].Severity)
	}
	assert.Empty(t, plan.Unanswered(nil), "nothing needs an answer")
}

func TestThePruneDigestCoversWhatIsSaidYesTo(t *testing.T) {
	base := planToPrune(everyKind(), allKeys)
	assert.Equal(t, base.Digest, planToPrune(everyKind(), allKeys).Digest)
	for name, change := range map[string]func(*offboard.PruneSurvey){
		"a key stays": func(s *offboard.PruneSurvey) { s.Evidence.Scopes[0].Keys[0].Locked = true },
		"a cluster is watched": func(s *offboard.PruneSurvey) {
			s.Evidence.Scopes[2].Clusters = []offboard.ClusterEvidence{runningOn("tokyo", "jp-tok")}
		},
		"a newer key":               func(s *offboard.PruneSurvey) { s.Evidence.Scopes[2].Keys[1].ID = "ApiKey-newer" },
		"somebody else disabled it": func(s *offboard.PruneSurvey) { s.Evidence.Scopes[0].Keys[0].Disabled = true },
	} {
		s := everyKind()
		change(&s)
		assert.NotEqual(t, base.Digest, planToPrune(s, allKeys).Digest, name)
	}
	other := planToPrune(everyKind(), offboard.PruneSelection{Scopes: []string{"eu-de/shop", "jp-tok/shop"}})
	assert.Equal(t, goes(base), goes(other))
	assert.NotEqual(t, base.Digest, other.Digest, "what was asked for is part of what is approved")
	later := everyKind()
	later.Evidence.Scopes[0].Keys[0].LastUsed = day(-61)
	assert.Equal(t, base.Digest, planToPrune(later, allKeys).Digest, "times of use change by themselves")
}

func TestPruneDoubts(t *testing.T) {
	begin := func() []offboard.KeyProgress {
		var p offboard.Progress
		p.Begin(planToPrune(everyKind(), allKeys), nil)
		return p.Keys
	}
	tests := map[string]struct {
		change func(*offboard.KeyEvidence, []offboard.KeyProgress)
		want   string // "" means: no doubt
	}{
		"nothing happened": {func(*offboard.KeyEvidence, []offboard.KeyProgress) {}, ""},
		"disabled by us": {func(e *offboard.KeyEvidence, keys []offboard.KeyProgress) {
			keys[0].State, keys[0].Disabled, e.Scopes[0].Keys[0].Disabled = offboard.KeyDisabled, true, true
		}, ""},
		"used, long ago": {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) { e.Scopes[0].Keys[0].LastUsed = day(-59) }, "after the plan was made"},
		"used just now":  {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) { e.Scopes[0].Keys[0].LastUsed = surveyedAt }, "it was last used just now"},
		"locked":         {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) { e.Scopes[0].Keys[0].Locked = true }, "it is locked"},
		"the newest key was deleted": {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) {
			e.Scopes[0].Keys = e.Scopes[0].Keys[:1]
		}, "it is the newest key of its scope by now"},
		"the newest key was disabled": {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) { e.Scopes[0].Keys[2].Disabled = true }, "is disabled"},
		"its owner left":              {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) { e.People = e.People[:1] }, "who is not in the account"},
		"a new cluster": {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) {
			e.Scopes[0].Clusters = append(e.Scopes[0].Clusters, runningOn("new", "eu-de", func(c *offboard.ClusterEvidence) { c.Cluster.State = "deploying" }))
		}, "cluster new is in state deploying"},
		"its scope was not looked at": {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) { e.Scopes = e.Scopes[1:] }, "nobody looked at eu-de/shop again"},
		"it is gone": {func(e *offboard.KeyEvidence, _ []offboard.KeyProgress) {
			e.Scopes[0].Keys = e.Scopes[0].Keys[1:]
		}, ""},
		"enabled by somebody": {func(_ *offboard.KeyEvidence, keys []offboard.KeyProgress) {
			keys[0].State, keys[0].Disabled = offboard.KeyDisabled, true
		}, "somebody enabled it again"},
		"spared before": {func(e *offboard.KeyEvidence, keys []offboard.KeyProgress) {
			keys[0].Keep()
			e.Scopes[0].Keys[0].LastUsed = surveyedAt
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, keys := everyKind().Evidence, begin()
			test.change(&e, keys)
			doubts := offboard.PruneDoubts(e, keys, offboard.DefaultPolicy())
			if test.want == "" {
				assert.Empty(t, doubts)
				return
			}
			require.Len(t, doubts, 1)
			assert.Equal(t, "ApiKey-de-1", doubts[0].ID)
			assert.Contains(t, text(doubts[0].Why), test.want)
		})
	}
}

func text(lines []string) string {
	all := ""
	for _, l := range lines {
		all += l + "\n"
	}
	return all
}

func TestSelectKeepsTheEvidenceOfAScope(t *testing.T) {
	e := offboard.PruneSelection{OwnedBy: "IBMid-9000DEPART"}.Select(everyKind().Evidence)
	require.Len(t, e.Scopes, 1)
	assert.Len(t, e.Scopes[0].Keys, 2, "the newest key proves the older one unused")
	assert.Len(t, everyKind().Evidence.Scopes, 4)
	assert.Empty(t, offboard.PruneSelection{OwnedBy: functionalID.Email}.Select(everyKind().Evidence).Scopes, "newest keys are not superseded")
}

func TestDecodePruneRequest(t *testing.T) {
	got, err := offboard.DecodePruneRequest([]byte(`{"all": true, "ticket": "OPS-8"}`))
	require.NoError(t, err)
	assert.Equal(t, offboard.PruneRequest{PruneSelection: allKeys, Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired,
		Soak: offboard.DefaultSoak, OnFailure: offboard.OnFailureHold, Ticket: "OPS-8"}, got)
	_, err = offboard.DecodePruneRequest([]byte(offboard.PruneExample))
	require.NoError(t, err)

	_, err = offboard.DecodePruneRequest([]byte(`{"scopes": ["eu-de"], "all": true, "ownedBy": "nobody", "soak": "-1h", "mode": "go", "removeUser": true, "ticket": 3}`))
	var invalid *offboard.InvalidInput
	require.True(t, errors.As(err, &invalid))
	for _, want := range []string{`unknown field "removeUser"`, `"ticket" must be text`, `exactly one of "scopes", "ownedBy" and "all"`, `"eu-de" is not a region`,
		`"ownedBy" "nobody" is neither`, `"soak" is negative`, `"mode" is "go"`} {
		assert.Contains(t, text(invalid.Problems), want)
	}
	assert.Contains(t, err.Error(), offboard.PruneExample)
	_, err = offboard.DecodePruneRequest([]byte(`{"scopes": "eu-de/shop"}`))
	require.True(t, errors.As(err, &invalid))
	assert.Len(t, invalid.Problems, 1, "what cannot be read is not missing besides")
	_, err = offboard.DecodePruneRequest(nil)
	require.True(t, errors.As(err, &invalid))
	assert.Equal(t, []string{"there is no input: give one JSON object"}, invalid.Problems)
}

func TestPrunesThatTheAccountForbids(t *testing.T) {
	adm := offboard.Admission{Account: offboard.Account{ID: accountID, VisibleUsers: 12, TokenLife: offboard.Duration(time.Hour)}, Policy: offboard.DefaultPolicy()}
	fine := offboard.PruneRequest{PruneSelection: allKeys, Mode: offboard.ModeExecute, Soak: offboard.DefaultSoak, Approval: offboard.ApprovalRequired}
	assert.Empty(t, adm.ProblemsOfPrune(fine), "no functional ID is needed")

	wrong := fine
	wrong.PruneSelection = offboard.PruneSelection{OwnedBy: "gone@acme.example"}
	wrong.Account, wrong.Approval, wrong.Soak = "other", offboard.ApprovalNone, offboard.Duration(time.Minute)
	adm.Similar = []string{"gona@acme.example"}
	problems := text(adm.ProblemsOfPrune(wrong))
	for _, want := range []string{`"account" is "other"`, "which the policy forbids", `"soak" is 1m`, "name an owner who is gone by IAM ID; similar names: gona@acme.example"} {
		assert.Contains(t, problems, want)
	}
	wrong = fine
	wrong.OwnedBy = "IBMid-9000DEPART"
	assert.Empty(t, adm.ProblemsOfPrune(wrong), "the owner may be gone")
}

// pruned is a prune in which one key was deleted and one was spared because it came into use.
func pruned() offboard.Report {
	p := offboard.Progress{
		WorkflowID: "offboard-prune/" + accountID + "/1f0e9d8c7b6a", RunID: "0199c2f4-6a1e-7c53-9f0a-1b2c3d4e5f61", Namespace: "default",
		Status: offboard.Incomplete, Phase: offboard.PhaseReport, Request: pruneRequest(), Prune: &allKeys, Account: accountID, Engine: "engine@acme.example",
	}
	plan := planToPrune(everyKind(), allKeys)
	p.Begin(plan, nil)
	p.Approval = &offboard.Approval{By: "approver@acme.example", Digest: plan.Digest, At: surveyedAt.Add(time.Hour)}
	end := clockwork(&p, surveyedAt, fullRun[2], fullRun[3], phase{offboard.PhaseApprove, time.Hour}, fullRun[7], fullRun[8], fullRun[9], fullRun[12])
	p.DisabledAt = p.Timings[3].Started
	p.Keys[0].DisabledAt = p.DisabledAt
	p.Keys[0].Keep()
	p.Residual = []string{"Key ApiKey-de-1 is no longer proven unused: it was used at 2026-09-15T07:00:00Z, after the plan was made."}
	p.Keys[1].State, p.Keys[1].DeletedAt = offboard.KeyDeleted, p.Timings[5].Started
	p.Record(offboard.Change{At: p.DisabledAt, What: "Disabled key " + p.Keys[0].Name, Target: p.Keys[0].ID, By: p.Engine, Event: "iam-identity.user-apikey.update"})
	p.Record(offboard.Change{At: p.Keys[1].DeletedAt, What: "Deleted key " + p.Keys[1].Name, Target: p.Keys[1].ID, By: p.Engine, Event: "iam-identity.user-apikey.delete"})
	p.Soak = &offboard.SoakProgress{Run: p.WorkflowID + "/soak", Until: p.DisabledAt.Add(24 * time.Hour), Probes: 288}
	p.Message = p.PrunedSentence()
	return offboard.NewReport(p, end)
}

func TestReportOfAPrune(t *testing.T) {
	r := pruned()
	assert.Equal(t, "1 of 2 superseded keys are deleted.", r.Message)
	assert.Zero(t, r.AccessEnds, "nobody's access ends with a key that nobody uses")
	assert.Contains(t, text(r.Progress.Residual), "Key containers-kubernetes-key (ApiKey-de-1) is kept.")
	assert.NotContains(t, text(r.Progress.Residual), "is still a user")
	golden(t, "prunes/pruned.report.golden.md", r.Markdown())
	golden(t, "prunes/pruned.page.golden.md", offboard.Details(r.Progress))
	page := pageOf(t, r)
	for _, check := range []func(*testing.T, string){assertWellFormed, assertHeadingsInOrder, assertTablesAreLabelled, assertLoadsNothing} {
		check(t, page)
	}
	shows(t, page, "1 of 2</strong> <span>superseded keys deleted")
	shows(t, page, "IBMid-9000DEPART")
	hides(t, page, "Keys of the leaver")
	hides(t, page, "handed over</span>")
	for kind, n := range map[string]offboard.Notice{
		"waits for approval": r.Progress.ApprovalNotice(offboard.NoticePlanReady, surveyedAt, surveyedAt, 1),
		"needs a person":     r.Progress.HoldNotice(holdOn("proof"), surveyedAt, 2),
		"ended: Incomplete":  r.EndNotice(surveyedAt, 3),
	} {
		assert.Contains(t, n.Title, "prune")
		assert.Contains(t, n.Title, kind)
	}
}

func TestPageOfAPlanToPrune(t *testing.T) {
	p := offboard.Progress{Status: offboard.Planned, Prune: &allKeys, Request: pruneRequest()}
	plan := planToPrune(everyKind(), allKeys)
	p.Plan = &plan
	page := pageOf(t, offboard.NewReport(p, surveyedAt))
	assertWellFormed(t, page)
	shows(t, page, "Plan to prune superseded cluster keys")
	shows(t, page, "2</strong> <span>superseded keys to delete")
	hides(t, page, "of the leaver")

	plan = planToPrune(hidden(everyKind()), allKeys)
	p = offboard.Progress{Status: offboard.Completed, Prune: &allKeys, Plan: &plan}
	assert.True(t, p.FoundNothing())
	assert.Contains(t, offboard.Details(p), "cluster dark is hidden from the engine")
}
