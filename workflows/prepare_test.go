package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// An invitation is accepted after days, and the IAM ID is another then (trap 56).
func TestFunctionalIDThatAcceptsAfterDays(t *testing.T) {
	o := newOffboarding(t)
	o.account.configure = []string{functional2}
	o.approves()
	o.env.RegisterDelayedCallback(func() {
		p := o.status()
		require.Equal(t, "waiting for the invitation to be accepted", p.Prepared[0].Step)
		require.True(t, p.Prepared[0].Invited)
		o.account.accept(functional2, "IBMid-3002FUNCTI")
	}, 3*24*time.Hour)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("invite"), 1)
	require.Len(t, o.account.changes("add IBMid-3002FUNCTI"), 1)
	require.Equal(t, "IBMid-3002FUNCTI", report.Progress.Prepared[0].IAMID)
	require.False(t, o.account.at("reset").Before(start.Add(3*24*time.Hour)))
}

func TestFunctionalIDThatIsAMemberIsNotInvited(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	o.run(input())
	require.Empty(t, o.account.changes("invite"))
}

func TestInvitationThatIsPendingAlreadyIsWaitedForAndStays(t *testing.T) {
	o := newOffboarding(t)
	o.account.configure = []string{functional2}
	o.account.member("IBMid-PLACEHOLDER", functional2).State = "PENDING"
	o.approves()
	o.when(in(offboard.PhasePrepare), func(offboard.Progress) { o.reinstates() })
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.True(t, o.account.isMember(functional2), "somebody else's invitation was withdrawn")
}

// An invitation that is lost on the way is sent again when a person says so.
func TestInvitationThatExpires(t *testing.T) {
	o := newOffboarding(t)
	o.account.configure = []string{functional2}
	o.approves()
	o.env.RegisterDelayedCallback(func() {
		o.account.change(func() { o.account.people = o.account.people[:len(o.account.people)-1] })
	}, 24*time.Hour)
	o.when(holds("prepare "+functional2), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "prepare "+functional2).Problem, "the invitation is gone: it expired or was withdrawn")
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	})
	o.when(func(p offboard.Progress) bool { return len(p.Answers) == 1 }, func(offboard.Progress) {
		o.env.RegisterDelayedCallback(func() { o.account.accept(functional2, "IBMid-3002FUNCTI") }, time.Hour)
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("invite"), 2)
}

func TestInvitationOfSomebodyElseThatIsGoneIsSentAnew(t *testing.T) {
	o := newOffboarding(t)
	o.account.configure = []string{functional2}
	o.account.member("IBMid-PLACEHOLDER", functional2).State = "PENDING"
	o.approves()
	o.env.RegisterDelayedCallback(func() {
		o.account.change(func() { o.account.people = o.account.people[:len(o.account.people)-1] })
	}, 24*time.Hour)
	o.resolves("prepare "+functional2, offboard.ActionRetry)
	o.when(func(p offboard.Progress) bool { return len(p.Answers) == 1 }, func(offboard.Progress) {
		o.env.RegisterDelayedCallback(func() { o.account.accept(functional2, "IBMid-3002FUNCTI") }, time.Hour)
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("invite"), 1)
}

func TestPreparationThatHolds(t *testing.T) {
	tests := map[string]struct {
		arrange func(o *offboarding) (mend func())
		want    string
	}{
		"a key of somebody else": {func(o *offboarding) func() {
			o.account.stranger[functional] = "IBMid-9999OTHER"
			return func() { o.account.stranger = nil }
		}, "the configured key belongs to IBMid-9999OTHER, not to IBMid-3001FUNCTI: put the right key into the secret store"},
		"a key that IAM refuses for good": {func(o *offboarding) func() {
			return o.account.fail("Prove", offboard.Denied, "400 BXNIM0415E").ends
		}, "400 BXNIM0415E"},
		"access that never acts": {func(o *offboarding) func() {
			o.account.grantsLate = 1 << 20
			return func() { o.account.grantsLate = 0 }
		}, "it does not see cluster"},
		"a group that may not be made": {func(o *offboarding) func() {
			return o.account.fail("EnsureGroup", offboard.Denied, "no right to make groups").ends
		}, "no right to make groups"},
		"a policy that may not be made": {func(o *offboarding) func() {
			return o.account.fail("Grant", offboard.Denied, "no right to grant").on("vpc").ends
		}, "no right to grant"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			subject := "prepare " + functional
			o := newOffboarding(t)
			mend := test.arrange(o)
			o.approves()
			o.when(holds(subject), func(p offboard.Progress) {
				h := hold(t, p, subject)
				require.Contains(t, h.Problem, test.want)
				require.Contains(t, h.Means, "Nothing is broken")
				require.Empty(t, h.Skip)
				require.Contains(t, o.page(runID), "Needs a person: "+subject)
			})
			o.resolves(subject, offboard.ActionRetry, func() { o.account.change(mend) })
			report := o.run(input())

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			groups, policies, members := o.account.grants()
			require.Equal(t, []int{1, 4, 1}, []int{groups, policies, members})
		})
	}
}

func TestPreparationThatNobodyMendsIsUndone(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Prove", offboard.Denied, "wrong key")
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, report.Message, "nobody answered the hold in time")
	groups, policies, members := o.account.grants()
	require.Zero(t, groups+policies+members)
	require.Greater(t, report.Ended.Sub(start), 14*24*time.Hour)
}

// A refusal right after the acceptance or a grant only means that it does not act yet (trap 29).
func TestWhatDoesNotActYetIsWaitedFor(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Prove", offboard.Denied, "not yet").first(10)
	o.account.fail("Sees", offboard.Denied, "not yet").first(10)
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Empty(t, report.Progress.Answers)
}

func TestEachFunctionalIDIsPreparedForItsScopes(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.configure = []string{functional, functional2}
	a.member("IBMid-3002FUNCTI", functional2)
	a.limit = 1
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Contains(t, a.changes(), "reset "+germany+" as "+functional)
	require.Contains(t, a.changes(), "reset "+britain+" as "+functional2)
}
