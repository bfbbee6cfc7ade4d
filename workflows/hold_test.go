package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// A scope that holds does not stop the others, and the answer reaches it.
func TestScopeThatHoldsWhileOthersGoOn(t *testing.T) {
	o := newOffboarding(t)
	f := o.account.fail("RefreshMaster", offboard.Denied, "no Operator role").on("london")
	o.approves()
	o.when(holds(britain), func(p offboard.Progress) {
		h := hold(t, p, britain)
		require.Contains(t, h.Problem, "london: RefreshMaster: no Operator role")
		require.Contains(t, h.Means, "clusters london are not proven to run on it")
		require.Equal(t, offboard.ScopeDone, p.Scopes[0].State)
		require.Equal(t, offboard.ScopeHeld, p.Scopes[1].State)
		require.True(t, p.NeedsPerson())
		child := o.page(p.Scopes[1].Run)
		require.Contains(t, child, "Needs a person")
	})
	o.resolves(britain, offboard.ActionRetry, f.ends)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	a := report.Progress.Answers[0]
	require.Equal(t, []string{britain, offboard.ActionRetry, person, "looked at it"}, []string{a.Subject, a.Action, a.By, a.Note})
}

func TestScopeThatIsSkippedKeepsItsKeys(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Reset", offboard.Denied, "it may not").on("eu-gb")
	o.approves()
	o.resolves(britain, offboard.ActionSkip)
	report := o.run(input())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Equal(t, "active", o.account.state()["ApiKey-gb"])
	require.True(t, o.account.isMember(leaverEmail))
	require.ElementsMatch(t, []string{"delete ApiKey-de", "delete ApiKey-laptop"}, o.account.changes("delete"))
	require.Contains(t, text(report.Progress.Residual), "Scope "+britain+" was not handed over (skipped)")
}

// A key that somebody else disabled belongs to a skipped scope as well, and stays.
func TestSkippedScopeKeepsAKeyThatSomebodyElseDisabled(t *testing.T) {
	o := newOffboarding(t)
	old := o.account.clusterKey("ApiKey-gb-old", leaverID, "eu-gb", start.AddDate(-3, 0, 0))
	old.Disabled = true
	o.account.current["eu-gb/"+shopGroup] = "ApiKey-gb"
	o.account.fail("Reset", offboard.Denied, "it may not").on("eu-gb")
	o.approves()
	o.resolves(britain, offboard.ActionSkip)
	o.run(input())

	require.Empty(t, o.account.changes("delete ApiKey-gb"))
}

func TestScopeThatIsAbortedTurnsTheRunRound(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("RefreshMaster", offboard.Denied, "it may not").on("london")
	o.approves()
	o.resolves(britain, offboard.ActionAbort)
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Empty(t, o.account.changes("disable", "delete", "remove"))
	require.Contains(t, text(report.Progress.Residual), germany)
	require.Contains(t, text(report.Progress.Residual), britain, "its new key exists")
}

func TestNobodyAnswersAHold(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Reset", offboard.Denied, "it may not").on("eu-gb")
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Incomplete, report.Status, "the scope stays with the leaver, which is the safe side")
	require.Equal(t, offboard.ScopeSkipped, report.Progress.Scopes[1].State)
	require.Greater(t, report.Ended.Sub(start), 14*24*time.Hour)
	require.Equal(t, "active", o.account.state()["ApiKey-gb"])
}

func TestFailureCompensatesWhereThatIsAsked(t *testing.T) {
	for verb, want := range map[string]string{"Reset": "The hand-over of " + britain + " was given up", "Disable": "disable key", "Prove": "no"} {
		t.Run(verb, func(t *testing.T) {
			o := newOffboarding(t)
			target := map[string]string{"Reset": "eu-gb", "Disable": "ApiKey-laptop", "Prove": functional}[verb]
			o.account.fail(verb, offboard.Stuck, "no").on(target)
			o.approves()
			report := o.run(input("onFailure", "compensate"))

			require.Equal(t, offboard.RolledBack, report.Status)
			require.Contains(t, report.Message, want)
			require.Empty(t, report.Progress.Answers)
			require.Equal(t, "active", o.account.state()["ApiKey-de"])
		})
	}
}

// Answers that fit no hold are refused with a sentence.
func TestAnswersThatAreRefused(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Reset", offboard.Denied, "it may not").first(1).on("eu-de")
	o.account.fail("Reset", offboard.Denied, "it may not").first(1).on("eu-gb")
	var nothing *answer
	o.when(asksForApproval, func(offboard.Progress) {
		nothing = o.send(workflows.ResolveUpdate, workflows.Resolve{Action: "retry", By: person})
	})
	o.approves()
	said := map[string]*answer{}
	both := func(p offboard.Progress) bool { return len(p.Holds) == 2 }
	for name, m := range map[string]workflows.Resolve{
		"nobody": {Scope: britain, Action: "retry"}, "which": {Action: "retry", By: person},
		"nowhere": {Scope: "us-south/shop", Action: "retry", By: person}, "how": {Scope: britain, Action: "ignore", By: person},
	} {
		o.when(both, func(offboard.Progress) { said[name] = o.send(workflows.ResolveUpdate, m) })
	}
	o.resolves(germany, offboard.ActionRetry)
	o.when(holds(britain), func(offboard.Progress) { // the only one: it need not be named
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	})
	report := o.run(input())

	require.Contains(t, nothing.refused, "nothing is on hold in this run")
	require.Contains(t, said["nobody"].refused, "must be the e-mail address")
	require.Contains(t, said["which"].refused, "no hold is open for scope \"\"")
	require.Contains(t, said["nowhere"].refused, "no hold is open for scope \"us-south/shop\"")
	require.Contains(t, said["how"].refused, "\"action\" is \"ignore\": it must be retry, skip or abort")
	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, report.Progress.Answers, 2)
}

// A rollout that takes longer than the step's time is finished by a retry and not begun anew.
func TestRestartThatIsTooSlowIsRetried(t *testing.T) {
	o := newOffboarding(t)
	o.account.before("Restart", 1, func() { o.account.change(func() { o.account.restartTakes = 150 }) })
	o.approves()
	o.when(func(p offboard.Progress) bool { return len(p.Holds) == 2 }, func(p offboard.Progress) {
		require.Contains(t, p.Holds[0].Problem, "old pods are left")
	})
	o.resolves(germany, offboard.ActionRetry)
	o.resolves(britain, offboard.ActionRetry)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("restart"), 3)
}

func TestRestartThatAnAddOnManagerTakesBack(t *testing.T) {
	o := newOffboarding(t)
	o.account.named("london").dependents[0].reverted = true
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, o.account.changes("replace ibm-vpc-block-csi-controller in london"), 1)
}
