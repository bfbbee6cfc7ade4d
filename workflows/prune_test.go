package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// prune carries a prune out and returns its report.
func (o *offboarding) prune(in map[string]any) offboard.Report {
	o.t.Helper()
	data, err := json.Marshal(in)
	require.NoError(o.t, err)
	o.start(workflows.Prune, json.RawMessage(data))
	require.NoError(o.t, o.env.GetWorkflowError())
	var report offboard.Report
	require.NoError(o.t, o.env.GetWorkflowResult(&report))
	require.Empty(o.t, report.Progress.Holds, "no hold may be left open")
	require.Empty(o.t, o.account.changes("reset", "refresh", "restart", "remove", "invite", "grant", "make", "unlock"))
	o.keptItsPromises(report)
	for _, r := range o.rules {
		require.True(o.t, r.done || r.maybe, "a person of this test never saw what they waited for")
	}
	return report
}

func pruning(changes ...any) map[string]any {
	in := map[string]any{"all": true, "soak": "2h", "requestedBy": requester, "ticket": "OPS-8"}
	for i := 0; i < len(changes); i += 2 {
		in[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(in, changes[i].(string))
		}
	}
	return in
}

// newPrune is a run over an account whose scopes each have a superseded key that nothing uses, of another owner each.
func newPrune(t *testing.T) *offboarding {
	o := newOffboarding(t)
	a := o.account
	a.superseded("ApiKey-old-de", leaverID, "eu-de")
	a.superseded("ApiKey-old-gb", "IBMid-3001FUNCTI", "eu-gb")
	for _, id := range a.current {
		a.keyOf(id).LastUsed = start.Add(-time.Hour)
	}
	return o
}

// superseded makes an older key of a scope, which nothing holds.
func (a *account) superseded(id, iamID, region string) *apiKey {
	now := a.current[offboard.Scope{Region: region, ResourceGroup: shopGroup}.ID()]
	k := a.clusterKey(id, iamID, region, time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC))
	k.LastUsed = start.AddDate(0, 0, -90)
	a.current[k.Scope.ID()] = now
	return k
}

func TestPruneDeletesWhatNothingUses(t *testing.T) {
	tests := map[string]struct {
		in   map[string]any
		want []string
	}{
		"all":                      {pruning(), []string{"ApiKey-old-de", "ApiKey-old-gb"}},
		"of a scope":               {pruning("all", nil, "scopes", []string{"uk-south/" + shopGroup}), []string{"ApiKey-old-gb"}},
		"of a functional ID":       {pruning("all", nil, "ownedBy", functional), []string{"ApiKey-old-gb"}},
		"of an owner by IAM ID":    {pruning("all", nil, "ownedBy", leaverID), []string{"ApiKey-old-de"}},
		"of somebody without keys": {pruning("all", nil, "ownedBy", "colleague@acme.example"), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newPrune(t)
			o.approvesIfAsked()
			report := o.prune(test.in)

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Equal(t, len(test.want) > 0, report.Progress.Approval != nil, "nothing to do needs nobody's yes")
			var deleted []string
			for _, k := range report.Progress.Keys {
				require.Equal(t, offboard.KeyDeleted, k.State)
				deleted = append(deleted, k.ID)
			}
			require.Equal(t, test.want, deleted)
			require.Len(t, o.account.changes("disable"), len(test.want))
			require.Len(t, o.account.changes("delete"), len(test.want))
			require.Empty(t, report.Progress.Residual)
			require.Zero(t, report.AccessEnds)
			if len(test.want) > 0 {
				require.GreaterOrEqual(t, o.account.at("delete").Sub(o.account.at("disable")), 2*time.Hour)
				require.Greater(t, report.Progress.Soak.Probes, 20)
			}
		})
	}
}

func (o *offboarding) touchedNothing() {
	o.t.Helper()
	require.Empty(o.t, o.account.changes("disable", "enable", "lock", "unlock", "delete"))
}

// Each of these keeps the older key of eu-de from being proven unused, and only that one.
func TestPruneNeverTouchesWhatMayBeInUse(t *testing.T) {
	for name, change := range map[string]func(a *account){
		"it was used lately":            func(a *account) { a.keyOf("ApiKey-old-de").LastUsed = start.AddDate(0, 0, -10) },
		"it is locked":                  func(a *account) { a.keyOf("ApiKey-old-de").Locked = true },
		"a cluster was not refreshed":   func(a *account) { a.named("prod").master.Modified = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) },
		"workloads were not restarted":  func(a *account) { a.named("prod").since = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a cluster cannot be looked at": func(a *account) { a.named("prod").unreachable = true },
		"a cluster is ill":              func(a *account) { a.named("stage").State = "critical" },
		"the newest key is not used":    func(a *account) { a.keyOf("ApiKey-de").LastUsed = time.Time{} },
		"nobody says whose key it is on": func(a *account) {
			a.faults = append(a.faults, &fault{verb: "KeyOwner", target: "stage", from: 1, err: &offboard.Error{Code: offboard.Denied}})
		},
		"its last use cannot be read": func(a *account) {
			a.faults = append(a.faults, &fault{verb: "Key", target: "ApiKey-old-de", from: 1, err: &offboard.Error{Code: offboard.Denied}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newPrune(t)
			change(o.account)
			o.approves()
			report := o.prune(pruning())

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Equal(t, []string{"delete ApiKey-old-gb"}, o.account.changes("delete"))
			require.Equal(t, []string{"disable ApiKey-old-gb"}, o.account.changes("disable"))
			require.Contains(t, offboard.PlanMarkdown(*report.Progress.Plan), "ApiKey-old-de of "+germany+", owned by Leaver@acme.example, stays: ")
		})
	}
}

func TestPruneThatIsPlannedOnly(t *testing.T) {
	o := newPrune(t)
	report := o.prune(pruning("mode", "plan"))

	require.Equal(t, offboard.Planned, report.Status)
	require.Equal(t, "The plan is ready: 2 superseded keys can go. Nothing was changed.", report.Message)
	o.touchedNothing()
	require.Contains(t, report.Markdown(), "Prune of all superseded keys: Planned")
}

func TestPruneOfAScopeThatIsNotThere(t *testing.T) {
	o := newPrune(t)
	o.when(holds("plan"), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "plan").Problem, "No cluster key that the engine can see is of jp-tok/nowhere")
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionAbort, By: person})
	})
	report := o.prune(pruning("all", nil, "scopes", []string{"eu-de/shop", "jp-tok/nowhere"}))

	require.Equal(t, offboard.Rejected, report.Status)
	o.touchedNothing()
}

func TestPruneThatIsRejected(t *testing.T) {
	o := newPrune(t)
	var self, reinstated *answer
	o.when(asksForApproval, func(p offboard.Progress) {
		m := yes(p)
		m.By = requester
		self = o.send(workflows.ApproveUpdate, m)
		reinstated = o.reinstates()
		o.send(workflows.RejectUpdate, workflows.Reject{By: person})
	})
	report := o.prune(pruning())

	require.Equal(t, offboard.Rejected, report.Status)
	require.Contains(t, self.refused, "cannot approve it too")
	require.Contains(t, reinstated.refused, "nobody leaves here: cancel the run")
	o.touchedNothing()
}

// What was true when the plan was made is looked at again right before the first key is disabled.
func TestUseBetweenThePlanAndTheDisabling(t *testing.T) {
	for action, want := range map[string]offboard.Status{
		offboard.ActionSkip: offboard.Incomplete, offboard.ActionAbort: offboard.RolledBack, offboard.ActionRetry: offboard.Completed,
	} {
		t.Run(action, func(t *testing.T) {
			o := newPrune(t)
			o.when(asksForApproval, func(p offboard.Progress) {
				o.account.change(func() { o.account.named("prod").State = "updating" })
				o.send(workflows.ApproveUpdate, yes(p))
			})
			o.when(holds("proof"), func(p offboard.Progress) {
				h := hold(t, p, "proof")
				require.Contains(t, h.Problem, "key ApiKey-old-de: cluster prod is in state updating")
				require.NotContains(t, h.Problem, "ApiKey-old-gb")
				o.account.change(func() {
					require.Empty(t, o.account.ledger)
					if action == offboard.ActionRetry {
						o.account.named("prod").State = "normal"
					}
				})
				o.send(workflows.ResolveUpdate, workflows.Resolve{Action: action, By: person})
			})
			report := o.prune(pruning())

			require.Equal(t, want, report.Status, report.Message)
			switch action {
			case offboard.ActionSkip:
				require.Equal(t, []string{"delete ApiKey-old-gb"}, o.account.changes("delete"))
				require.Contains(t, text(report.Progress.Residual), "Key ApiKey-old-de is no longer proven unused: cluster prod is in state updating")
			case offboard.ActionAbort:
				o.touchedNothing()
			}
		})
	}
}

// A use of a disabled key enables all of them at once; trying again leaves the used one out.
func TestUseInTheSoak(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.env.RegisterDelayedCallback(func() {
		o.account.change(func() { o.account.keyOf("ApiKey-old-de").LastUsed = o.now().Truncate(time.Minute) })
	}, time.Hour)
	o.when(holds("soak"), func(p offboard.Progress) {
		h := hold(t, p, "soak")
		require.Contains(t, h.Problem, "After the superseded keys were disabled: key containers-kubernetes-key (ApiKey-old-de) was used at")
		require.NotContains(t, h.Problem+h.Skip+h.Abort, "user")
		require.Equal(t, "active", o.account.state()["ApiKey-old-de"])
		require.Equal(t, "active", o.account.state()["ApiKey-old-gb"])
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	})
	o.resolves("proof", offboard.ActionSkip)
	report := o.prune(pruning())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Equal(t, "1 of 2 superseded keys are deleted.", report.Message)
	require.Equal(t, []string{"delete ApiKey-old-gb"}, o.account.changes("delete"))
	require.Equal(t, []string{"disable ApiKey-old-de"}, o.account.changes("disable ApiKey-old-de"))
	require.Equal(t, "active", o.account.state()["ApiKey-old-de"])
}

// IAM cuts its times to the minute: a use in the minute of the disabling is one all the same.
func TestUseInTheMinuteOfTheDisabling(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.account.after("Disable", 1, func() {
		o.account.change(func() { o.account.keyOf("ApiKey-old-de").LastUsed = o.now().Truncate(time.Hour) })
	})
	o.resolves("soak", offboard.ActionAbort)
	report := o.prune(pruning())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Empty(t, o.account.changes("delete"))
	require.Equal(t, "active", o.account.state()["ApiKey-old-de"])
}

func TestPruneWhoseSoakIsSkipped(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.env.RegisterDelayedCallback(func() { o.account.change(func() { o.account.named("prod").State = "critical" }) }, time.Hour)
	o.resolves("soak", offboard.ActionSkip)
	report := o.prune(pruning())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Empty(t, o.account.changes("delete"))
	require.Len(t, o.account.changes("enable"), 2)
}

// Before the first deletion everything is proven once more: a day may have passed.
func TestWhatComesUpAtTheEndOfTheSoak(t *testing.T) {
	tests := map[string]struct {
		change func(a *account)
		want   string
	}{
		"the newest key is gone":   {func(a *account) { a.keys = without(a.keys, "ApiKey-de") }, "it is the newest key of its scope by now"},
		"a cluster came up on it":  {func(a *account) { a.named("stage").master.Modified = time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC) }, "was not refreshed since"},
		"nobody knows the owner":   {func(a *account) { a.named("stage").State = "deploying" }, "cluster stage is in state deploying"},
		"the newest key is of one": {func(a *account) { a.mail("leaver@acme.example").State = "DISABLED_CLASSIC_INFRASTRUCTURE" }, "is in state"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newPrune(t)
			o.approves()
			o.ended = func(child string) {
				if child == runID+"/soak" {
					o.account.change(func() { test.change(o.account) })
				}
			}
			o.when(holds("proof"), func(p offboard.Progress) {
				require.Contains(t, hold(t, p, "proof").Problem, test.want)
				require.Empty(t, o.account.changes("delete"))
				o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionSkip, By: person})
			})
			data, err := json.Marshal(pruning())
			require.NoError(t, err)
			o.start(workflows.Prune, json.RawMessage(data))
			var report offboard.Report
			require.NoError(t, o.env.GetWorkflowResult(&report))

			require.Equal(t, offboard.Incomplete, report.Status)
			require.NotContains(t, o.account.changes("delete"), "delete ApiKey-old-de")
			require.Contains(t, o.account.changes("enable"), "enable ApiKey-old-de")
			require.Contains(t, text(report.Progress.Residual), "Key ApiKey-old-de is no longer proven unused")
		})
	}
}

// A lock keeps the engine from enabling the key again: a person is told, and the key is not deleted.
func TestKeyThatIsLockedInTheSoak(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.ended = func(child string) {
		if child == runID+"/soak" {
			o.account.change(func() { o.account.keyOf("ApiKey-old-de").Locked = true })
		}
	}
	o.resolves("proof", offboard.ActionSkip)
	o.when(holds("key ApiKey-old-de"), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "key ApiKey-old-de").Means, "This run has disabled the key")
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionSkip, By: person})
	})
	report := o.prune(pruning())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Equal(t, []string{"delete ApiKey-old-gb"}, o.account.changes("delete"))
	require.Contains(t, text(report.Progress.Residual), "Key ApiKey-old-de is no longer proven unused: it is locked")
}

// Two runs that prune the same keys would each take the other's doing for somebody else's.
func TestSecondPruneOfAnAccount(t *testing.T) {
	o := newPrune(t)
	var second error
	o.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		run := func(id string, in map[string]any) workflow.ChildWorkflowFuture {
			ctx := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
			return workflow.ExecuteChildWorkflow(ctx, workflows.Prune, in)
		}
		run("run-of-sre", pruning())
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return err
		}
		second = run("run-from-the-web-ui", pruning("all", nil, "scopes", []string{"eu-de/shop"})).Get(ctx, nil)
		return nil
	}, workflow.RegisterOptions{Name: "two prunes"})
	o.account.holder = "run-of-sre"
	o.start("two prunes")

	require.ErrorContains(t, second, `the superseded keys of the account are being pruned already, by run "run-of-sre": nothing was changed`)
	require.ErrorContains(t, second, workflows.AlreadyRunning)
	o.touchedNothing()
}

func without(keys []*apiKey, id string) []*apiKey {
	var rest []*apiKey
	for _, k := range keys {
		if k.ID != id {
			rest = append(rest, k)
		}
	}
	return rest
}

func TestPruneThatIsCancelledInTheSoakIsUndone(t *testing.T) {
	o := newPrune(t)
	o.account.keyOf("ApiKey-old-gb").Disabled = true // by somebody else
	o.approves()
	o.env.RegisterDelayedCallback(o.env.CancelWorkflow, time.Hour)
	report := o.prune(pruning())

	require.Equal(t, offboard.RolledBack, report.Status, report.Message)
	require.Equal(t, []string{"enable ApiKey-old-de"}, o.account.changes("enable"))
	require.Equal(t, "disabled", o.account.state()["ApiKey-old-gb"], "what somebody else disabled stays so")
	require.Empty(t, o.account.changes("delete"))
}

func TestPruneOfAKeyThatSomebodyDisabledBefore(t *testing.T) {
	o := newPrune(t)
	o.account.keyOf("ApiKey-old-gb").Disabled = true
	o.approves()
	o.env.RegisterDelayedCallback(func() { o.account.change(func() { o.account.keyOf("ApiKey-old-gb").Disabled = false }) }, time.Hour)
	o.when(holds("soak"), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "soak").Problem, "was enabled again by somebody")
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionAbort, By: person})
	})
	report := o.prune(pruning())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Empty(t, o.account.changes("delete"))
}

func TestPruneHoldsWhereAKeyCannotBeDisabled(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.account.fail("Disable", offboard.Denied, "it may not").on("ApiKey-old-de")
	o.when(holds("key ApiKey-old-de"), func(p offboard.Progress) {
		require.Equal(t, "leaves this key alive", hold(t, p, "key ApiKey-old-de").Skip)
		o.send(workflows.ResolveUpdate, workflows.Resolve{Scope: "key ApiKey-old-de", Action: offboard.ActionSkip, By: person})
	})
	report := o.prune(pruning())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Equal(t, []string{"delete ApiKey-old-gb"}, o.account.changes("delete"))
}

// A lock that somebody puts on a key in the last moment is meant: it is never taken away.
func TestPruneLeavesAKeyThatIsLockedMeanwhile(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.account.before("Delete", 1, func() {
		o.account.change(func() { o.account.keyOf("ApiKey-old-de").Locked = true })
	})
	o.resolves("key ApiKey-old-de", offboard.ActionSkip)
	report := o.prune(pruning())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Equal(t, []string{"delete ApiKey-old-gb"}, o.account.changes("delete"))
	require.Contains(t, text(report.Progress.Residual), "(ApiKey-old-de) is disabled")
}

func TestPruneCompensatesWhereThatIsAsked(t *testing.T) {
	o := newPrune(t)
	o.approves()
	o.account.fail("Disable", offboard.Denied, "it may not").on("ApiKey-old-gb")
	report := o.prune(pruning("onFailure", "compensate"))

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Equal(t, "active", o.account.state()["ApiKey-old-de"])
	require.Empty(t, o.account.changes("delete"))
}

func TestTroublesFromBeforeThePruneAreNotIts(t *testing.T) {
	o := newPrune(t)
	o.account.named("london").addons = []offboard.Addon{{Name: "alb", Health: "warning", Status: "old"}}
	o.approves()
	report := o.prune(pruning())

	require.Equal(t, offboard.Completed, report.Status)
	require.Empty(t, report.Progress.Answers)
}

func TestPruneHoldsWhereTheProofCannotBeRepeated(t *testing.T) {
	o := newPrune(t)
	var f *fault
	o.when(asksForApproval, func(p offboard.Progress) {
		f = o.account.fail("UserKeys", offboard.Denied, "it may not")
		o.send(workflows.ApproveUpdate, yes(p))
	})
	o.when(holds("proof"), func(p offboard.Progress) {
		require.Empty(t, hold(t, p, "proof").Skip)
		f.ends()
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	})
	report := o.prune(pruning())

	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, o.account.changes("delete"), 2)
}

func TestPrunesThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		in   map[string]any
		want []string
	}{
		"nothing selected":    {pruning("all", nil), []string{`exactly one of "scopes", "ownedBy" and "all"`, offboard.PruneExample}},
		"several mistakes":    {pruning("scopes", []string{"eu-de"}, "mode", "go", "functionalIds", []string{functional}), []string{"exactly one of", `"eu-de" is not`, `"mode" is "go"`, `unknown field "functionalIds"`}},
		"somebody unknown":    {pruning("all", nil, "ownedBy", "nobody@acme.example"), []string{"name an owner who is gone by IAM ID"}},
		"another account":     {pruning("account", "other"), []string{`"account" is "other"`}},
		"too short a soak":    {pruning("soak", "5m"), []string{`"soak" is 5m: it must be at least 1h`}},
		"without an approval": {pruning("approval", "none"), []string{"which the policy forbids"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newPrune(t)
			data, err := json.Marshal(test.in)
			require.NoError(t, err)
			o.start(workflows.Prune, json.RawMessage(data))
			err = o.env.GetWorkflowError()
			require.Error(t, err)
			for _, want := range test.want {
				require.Contains(t, err.Error(), want)
			}
			require.Empty(t, o.account.changes())
		})
	}
}

// Without a functional ID nobody could take a scope over, which a prune does not need.
func TestPruneNeedsNoFunctionalID(t *testing.T) {
	o := newPrune(t)
	o.account.configure = nil
	o.approves()
	require.Equal(t, offboard.Completed, o.prune(pruning()).Status)
}
