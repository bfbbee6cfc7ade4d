package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// However a reset goes, the scope gets one new key (promise 3).
func TestOneNewKeyPerScope(t *testing.T) {
	tests := map[string]func(a *account){
		"the reply is lost":         func(a *account) { a.lose("Reset", 1).on("eu-de") },
		"replication hides the key": func(a *account) { a.keyHidden = 6 },
		"the reply is lost and replication hides the key": func(a *account) {
			a.keyHidden = 1
			a.lose("Reset", 1).on("eu-de")
		},
		"the service refuses at first": func(a *account) { a.fail("Reset", offboard.Unavailable, "503").on("eu-de").only(1) },
		"the service is too busy":      func(a *account) { a.fail("Reset", offboard.RateLimited, "429").first(3) },
		"refused, then the reply is lost": func(a *account) {
			a.fail("Reset", offboard.Unavailable, "503").on("eu-de").only(1)
			a.lose("Reset", 2).on("eu-de")
		},
		"the list of keys fails after the reset": func(a *account) {
			a.lose("Reset", 1).on("eu-de")
			a.fail("Keys", offboard.Unavailable, "502").only(4)
		},
		"the refresh's reply is lost": func(a *account) { a.refreshTakes = 3; a.lose("RefreshMaster", 1) },
		"the restart's reply is lost": func(a *account) { a.lose("Restart", 1) },
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			arrange(o.account)
			o.approves()
			report := o.run(input())

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Len(t, o.account.changes("reset"), 2)
			require.Len(t, o.account.changes("restart"), 3)
		})
	}
}

func TestFunctionalIDWithoutRoomIsAHoldInWords(t *testing.T) {
	o := newOffboarding(t)
	o.account.before("Reset", 1, func() { o.account.change(func() { o.account.limit = 0 }) })
	o.approves()
	o.when(holds(germany), func(p offboard.Progress) {
		h := hold(t, p, germany)
		require.Equal(t, offboard.KeyLimit, h.Code)
		require.Contains(t, h.Problem, "clusters-1@acme.example holds 0 of 0 API keys")
		require.Contains(t, h.Means, "the leaver's key of eu-de/shop is alive")
		require.NotEmpty(t, h.Retry)
		require.NotEmpty(t, h.Skip)
		require.NotEmpty(t, h.Abort)
	})
	o.resolves(germany, offboard.ActionRetry, func() { o.account.change(func() { o.account.limit = 20 }) })
	o.resolves(britain, offboard.ActionRetry)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, report.Progress.Answers, 2)
}

func TestResetThatAPersonRetriesAfterALostReplyMakesOneKey(t *testing.T) {
	o := newOffboarding(t)
	o.policy.StepBudget = offboard.Duration(900 * time.Millisecond) // one attempt, then a person
	o.account.keyHidden = 1
	o.account.lose("Reset", 1).on("eu-de")
	o.approves()
	o.when(holds(germany), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, germany).Means, "Whether a new key was made is not known yet")
	})
	o.resolves(germany, offboard.ActionRetry)
	// With a budget as short as that the other scope may hold for its hidden key, too; which is not what this is about.
	o.when(func(p offboard.Progress) bool { return holds(britain)(p) || p.Phase == offboard.PhaseSoak }, func(p offboard.Progress) {
		if holds(britain)(p) {
			o.send(workflows.ResolveUpdate, workflows.Resolve{Scope: britain, Action: offboard.ActionRetry, By: person})
		}
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("reset "+germany), 1)
}
