package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestLockedKeyIsUnlockedAndRetired(t *testing.T) {
	o := newOffboarding(t)
	o.account.keyOf("ApiKey-laptop").Locked = true
	o.account.keyOf("ApiKey-gb").Locked = true
	o.account.lose("Unlock", 1)
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("unlock"), 2)
}

func TestUnlockThatIsRefusedIsTriedAgain(t *testing.T) {
	o := newOffboarding(t)
	o.account.keyOf("ApiKey-laptop").Locked = true
	f := o.account.fail("Unlock", offboard.Denied, "it may not")
	o.approves()
	o.resolves("key ApiKey-laptop", offboard.ActionRetry, f.ends)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, report.Progress.Answers, 1)
}

func TestKeyThatIsLockedAgainBeforeItsDeletion(t *testing.T) {
	o := newOffboarding(t)
	// Before this key's own deletion: keys are deleted at the same time, so that of another may come later.
	o.account.hook(&hook{verb: "Delete", target: "ApiKey-de", nth: 1, run: func() {
		o.account.change(func() { o.account.keyOf("ApiKey-de").Locked = true })
	}})
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Contains(t, o.account.changes(), "unlock ApiKey-de")
}

func TestKeyThatCannotBeDisabled(t *testing.T) {
	tests := map[string]struct {
		answer string
		status offboard.Status
	}{
		"retried": {offboard.ActionRetry, offboard.Completed},
		"skipped": {offboard.ActionSkip, offboard.Incomplete},
		"aborted": {offboard.ActionAbort, offboard.RolledBack},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			o.account.keyOf("ApiKey-laptop").Locked = true
			f := o.account.fail("Disable", offboard.Denied, "it may not").on("ApiKey-laptop")
			o.approves()
			o.when(holds("key ApiKey-laptop"), func(p offboard.Progress) {
				require.Contains(t, hold(t, p, "key ApiKey-laptop").Means, "every scope that was handed over runs on its new key")
			})
			o.resolves("key ApiKey-laptop", test.answer, func() {
				if test.answer == offboard.ActionRetry {
					f.ends()
				}
			})
			report := o.run(input())

			require.Equal(t, test.status, report.Status, report.Message)
			if test.status != offboard.Completed {
				require.Equal(t, "active locked", o.account.state()["ApiKey-laptop"], "the key is as it was")
				require.True(t, o.account.isMember(leaverEmail))
			}
		})
	}
}

// Keys that somebody deletes on the way are not missed.
func TestKeyThatSomebodyDeletesMeanwhile(t *testing.T) {
	for _, verb := range []string{"Disable", "Delete"} {
		o := newOffboarding(t)
		a := o.account
		a.before(verb, 1, func() {
			a.change(func() {
				a.keys = append(a.keys[:2:2], a.keys[3:]...) // ApiKey-laptop
			})
		})
		o.approves()
		report := o.run(input())

		require.Equal(t, offboard.Completed, report.Status, report.Message)
		require.Len(t, a.changes("delete ApiKey"), 2)
	}
}

func TestDeletionThatFailsHoldsAndGoesForward(t *testing.T) {
	tests := map[string]struct {
		answer string
		status offboard.Status
	}{
		"retried": {offboard.ActionRetry, offboard.Completed},
		"skipped": {offboard.ActionSkip, offboard.Incomplete},
		"aborted": {offboard.ActionAbort, offboard.Incomplete},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			f := o.account.fail("Delete", offboard.Denied, "it may not").on("ApiKey-laptop")
			o.approves()
			o.when(holds("key ApiKey-laptop"), func(p offboard.Progress) {
				h := hold(t, p, "key ApiKey-laptop")
				require.Zero(t, h.Until, "after the first deletion a hold waits without end")
				require.Contains(t, h.Abort, "the run ends as Incomplete")
			})
			o.resolves("key ApiKey-laptop", test.answer, func() {
				if test.answer == offboard.ActionRetry {
					f.ends()
				}
			})
			report := o.run(input())

			require.Equal(t, test.status, report.Status, report.Message)
			require.Empty(t, o.account.changes("enable"))
			if test.status == offboard.Incomplete {
				require.Equal(t, "disabled", o.account.state()["ApiKey-laptop"])
				require.True(t, o.account.isMember(leaverEmail))
				require.Contains(t, report.Message, "1 of 3 keys remain")
			}
		})
	}
}

func TestHoldAfterThePivotWaitsWithoutEnd(t *testing.T) {
	o := newOffboarding(t)
	f := o.account.fail("Delete", offboard.Denied, "it may not").on("ApiKey-laptop")
	o.approves()
	o.env.RegisterDelayedCallback(func() {
		f.ends()
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	}, 365*24*time.Hour)
	require.Equal(t, offboard.Completed, o.run(input()).Status)
}

// Keys that the leaver gets after the plan would die with the rest: a person decides.
func TestKeyThatAppearsAfterThePlan(t *testing.T) {
	toy := func(a *account) func() {
		return func() {
			a.change(func() { a.key(offboard.Key{ID: "ApiKey-toy", Name: "toy", IAMID: leaverID, CreatedAt: a.now()}) })
		}
	}
	t.Run("before anything is disabled", func(t *testing.T) {
		o := newOffboarding(t)
		o.account.before("Reset", 1, toy(o.account))
		o.approves()
		o.when(holds("news"), func(p offboard.Progress) {
			require.Contains(t, hold(t, p, "news").Problem, "key toy (ApiKey-toy")
			require.Empty(t, o.account.changes("disable"))
		})
		o.resolves("news", offboard.ActionRetry)
		report := o.run(input())

		require.Equal(t, offboard.Completed, report.Status, report.Message)
	})
	t.Run("aborted", func(t *testing.T) {
		o := newOffboarding(t)
		o.account.before("Reset", 1, toy(o.account))
		o.approves()
		o.resolves("news", offboard.ActionAbort)
		require.Equal(t, offboard.RolledBack, o.run(input()).Status)
		require.Empty(t, o.account.changes("disable"))
	})
	t.Run("before the user is removed", func(t *testing.T) {
		o := newOffboarding(t)
		o.account.before("Delete", 1, toy(o.account))
		o.approves()
		o.resolves("news", offboard.ActionAbort)
		report := o.run(input())

		require.Equal(t, offboard.Incomplete, report.Status)
		require.True(t, o.account.isMember(leaverEmail))
	})
	t.Run("that cannot be looked for", func(t *testing.T) {
		o := newOffboarding(t)
		o.approves()
		var f *fault
		o.account.before("Reset", 1, func() { f = o.account.fail("UserKeys", offboard.Denied, "it may not") })
		o.when(holds("news"), func(p offboard.Progress) {
			require.Contains(t, hold(t, p, "news").Problem, "it may not")
			f.ends()
			o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
		})
		require.Equal(t, offboard.Completed, o.run(input()).Status)
	})
}

// A cluster that comes up in a handed-over scope may have started on the leaver's key.
func TestClusterThatAppearsAfterThePlan(t *testing.T) {
	o := newOffboarding(t)
	o.account.after("Reset", 2, func() { o.account.change(func() { o.account.cluster("fresh", "eu-gb", storage()) }) })
	o.approves()
	o.when(holds("news"), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "news").Problem, "cluster fresh in "+britain)
	})
	o.resolves("news", offboard.ActionRetry)
	require.Equal(t, offboard.Completed, o.run(input()).Status)
}
