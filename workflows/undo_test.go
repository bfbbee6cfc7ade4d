package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestReinstateBeforeAnyResetTakesBackWhatWasMade(t *testing.T) {
	o := newOffboarding(t)
	var said *answer
	o.account.after("AddMember", 1, func() {
		said = o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person, Note: "They stay."})
	})
	o.approves()
	report := o.run(input())

	require.True(t, said.accepted, said.refused)
	require.Equal(t, offboard.Reinstated, report.Status)
	groups, policies, members := o.account.grants()
	require.Zero(t, groups+policies+members, "%q", o.account.changes())
	require.Empty(t, o.account.changes("reset", "disable"))
	require.Empty(t, report.Progress.Residual)
	undone := slices.DeleteFunc(slices.Clone(report.Progress.Changes), func(c offboard.Change) bool { return !c.Undo })
	require.Len(t, undone, 1+4+1)
}

func TestUndoLeavesWhatWasAdopted(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	id := a.group("offboard " + functional)
	a.groups[id].policies["policy-of-old"] = offboard.Grant{Name: "kubernetes " + shopGroup, Service: "containers-kubernetes", ResourceGroup: shopGroup}
	a.groups[id].members["IBMid-3001FUNCTI"] = true
	a.before("Sees", 1, func() { o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.Len(t, a.changes("grant"), 3)
	groups, policies, members := a.grants()
	require.Equal(t, []int{1, 1, 1}, []int{groups, policies, members})
	require.Contains(t, a.groups[id].policies, "policy-of-old")
}

func TestUndoWithdrawsAnInvitationOnlyWhileItIsPending(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		o := newOffboarding(t)
		o.account.configure = []string{functional2}
		o.when(asksForApproval, func(p offboard.Progress) { o.send(workflows.ApproveUpdate, yes(p)) })
		o.when(in(offboard.PhasePrepare), func(offboard.Progress) {
			if accepted {
				o.account.accept(functional2, "IBMid-3002FUNCTI")
			}
			o.reinstates()
		})
		report := o.run(input())

		require.Equal(t, offboard.Reinstated, report.Status)
		require.Len(t, o.account.changes("invite"), 1)
		require.Equal(t, accepted, o.account.isMember(functional2))
		require.True(t, o.account.isMember(leaverEmail))
	}
}

func TestUndoAfterAResetKeepsTheAccessThatClustersDependOn(t *testing.T) {
	o := newOffboarding(t)
	o.policy.ParallelScopes = 1
	o.account.fail("Reset", offboard.Denied, "it may not").on("eu-gb")
	o.approves()
	o.resolves(britain, offboard.ActionAbort)
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, report.Message, person+" aborted", "the message names who aborted")
	require.Len(t, o.account.changes("reset"), 1)
	require.Empty(t, o.account.changes("revoke", "take", "delete", "disable"))
	groups, policies, members := o.account.grants()
	require.Equal(t, []int{1, 4, 1}, []int{groups, policies, members})
	require.Contains(t, text(report.Progress.Residual), "These scopes keep their new owner, and the owner its access: "+germany)
}

// The functional ID owns the scope of another run already: its access stays although this run made no key.
func TestUndoKeepsAccessThatAnotherRunDependsOn(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.before("Sees", 1, func() {
		a.change(func() { a.clusterKey("ApiKey-other", "IBMid-3001FUNCTI", "us-south", start) })
		o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person})
	})
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.Empty(t, a.changes("revoke", "take", "delete"))
	require.Contains(t, text(report.Progress.Residual), "Not undone, because clusters depend on it")
}

// Two leavers at once share a functional ID: the one who stays does not take the access from the other's run, which has
// not reset anything yet.
func TestUndoKeepsAccessThatAnotherRunIsAboutToUse(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.before("Sees", 1, func() {
		_, _, err := a.EnsureGroup(t.Context(), "offboard "+functional, "", "other", nil)
		require.NoError(t, err)
		o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person})
	})
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.Empty(t, a.changes("revoke", "take", "delete"))
	require.Contains(t, text(report.Progress.Residual), "Not undone, because another run uses it")
	for _, g := range a.groups {
		require.Equal(t, []string{"other"}, g.users, "this run needs it no longer")
	}
}

// A group that is being taken away by another run is waited for, and then made anew.
func TestGroupThatIsBeingTakenAwayIsWaitedFor(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	id := a.group("offboard " + functional)
	a.groups[id].closer = "other"
	a.before("EnsureGroup", 3, func() { a.change(func() { delete(a.groups, id) }) })
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, a.changes("make group"), 1)
	for _, g := range a.groups {
		require.Empty(t, g.users, "this run needs it no longer")
		require.Empty(t, g.closer)
	}
}

func TestUndoEnablesExactlyTheKeysThatWereDisabled(t *testing.T) {
	o := newOffboarding(t)
	o.account.keyOf("ApiKey-laptop").Disabled = true // by somebody else, long ago
	o.account.keyOf("ApiKey-gb").Locked = true
	o.approves()
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) { o.reinstates() })
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	state := o.account.state()
	require.Equal(t, "active", state["ApiKey-de"])
	require.Equal(t, "active locked", state["ApiKey-gb"])
	require.Equal(t, "disabled", state["ApiKey-laptop"])
	require.Empty(t, o.account.changes("delete", "remove", "enable ApiKey-laptop"))
	require.Zero(t, report.AccessEnds)
}

// A key that somebody else disables between the plan and our turn stays disabled too.
func TestUndoLeavesAKeyThatSomebodyElseDisabledMeanwhile(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.before("Reset", 1, func() { a.change(func() { a.keyOf("ApiKey-laptop").Disabled = true }) })
	o.approves()
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) { o.reinstates() })
	o.run(input())

	require.Equal(t, "disabled", a.state()["ApiKey-laptop"])
	require.Len(t, a.changes("enable"), 2)
}

func TestUndoGoesOnUntilItIsDone(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Enable", offboard.Unavailable, "down for hours").first(40)
	o.approves()
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) { o.reinstates() })
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.Len(t, o.account.changes("enable"), 3)
	require.Greater(t, report.Ended.Sub(report.Started), time.Hour)
}

// A refusal that no later attempt cures is a person's: they put it right, or leave it and the report says who did.
func TestUndoThatIsRefusedAsksAPerson(t *testing.T) {
	undo := "revoke kubernetes " + shopGroup + " of " + functional
	refused := func(t *testing.T) (*offboarding, *fault) {
		o := newOffboarding(t)
		f := o.account.fail("Revoke", offboard.Denied, "the engine may not")
		o.account.before("Sees", 1, func() { o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
		o.approves()
		return o, f
	}
	t.Run("put right", func(t *testing.T) {
		o, _ := refused(t)
		o.account.faults = nil
		o.account.fail("Revoke", offboard.Denied, "the engine may not").first(1)
		o.when(func(p offboard.Progress) bool { return len(p.Holds) > 0 }, func(p offboard.Progress) {
			require.Contains(t, p.Holds[0].Problem, "the engine may not")
			o.send(workflows.ResolveUpdate, workflows.Resolve{Scope: p.Holds[0].Subject, Action: offboard.ActionRetry, By: person})
		})
		report := o.run(input())

		require.Equal(t, offboard.Reinstated, report.Status)
		require.NotContains(t, text(report.Progress.Residual), "Not undone")
	})
	t.Run("left", func(t *testing.T) {
		o, _ := refused(t)
		for _, g := range []string{"kubernetes " + shopGroup, "resource group " + shopGroup, "vpc " + shopGroup, "container registry"} {
			o.resolves("undo: revoke "+g+" of "+functional, offboard.ActionSkip)
		}
		report := o.run(input())

		require.Equal(t, offboard.Reinstated, report.Status)
		require.Contains(t, text(report.Progress.Residual), "Not undone, left so by "+person+": "+undo)
	})
}

// The person is this run's until everything is undone (promise 6).
func TestThePersonIsHeldUntilTheUndoIsOver(t *testing.T) {
	turns := map[string]func(o *offboarding){
		"reinstated": func(o *offboarding) { o.reinstates() },
		"cancelled":  func(o *offboarding) { o.env.CancelWorkflow() },
	}
	for name, turn := range turns {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			o.approves()
			o.when(in(offboard.PhaseSoak), func(offboard.Progress) { turn(o) })
			o.run(input())

			changes := o.account.changes()
			require.Len(t, o.account.changes("enable"), 3)
			require.Equal(t, "let the person go", changes[len(changes)-1], "%q", changes[len(changes)-5:])
		})
	}
}

func TestUndoRemovesTheInvitationWhoseReplyWasLost(t *testing.T) {
	o := newOffboarding(t)
	o.account.configure = []string{functional2}
	o.account.lose("Invite", 1)
	o.approves()
	o.when(in(offboard.PhasePrepare), func(offboard.Progress) { o.soon(time.Minute) }) // the invitation takes a second attempt
	o.when(func(p offboard.Progress) bool {
		return p.Phase == offboard.PhasePrepare && len(p.Prepared) > 0 && p.Prepared[0].Step != "inviting"
	},
		func(offboard.Progress) { o.reinstates() })
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.False(t, o.account.isMember(functional2), "an invitation that the run sent is still open")
}
