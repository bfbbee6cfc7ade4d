package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

var lastDay = start.AddDate(0, 1, 0)

func waits(p offboard.Progress) bool { return p.Phase == offboard.PhaseWait }

func TestNothingHappensBeforeTheLastDay(t *testing.T) {
	o := newOffboarding(t)
	o.when(waits, func(p offboard.Progress) { require.Contains(t, p.Waiting, "the last day, 2026-10-14T08:30:00Z") })
	o.approves()
	report := o.run(input("lastDay", lastDay))

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.False(t, o.account.at("make group").Before(lastDay))
	require.False(t, report.Progress.Plan.SurveyedAt.Before(lastDay), "the survey must be of the last day")
}

func TestLastDayThatIsPastIsNotWaitedFor(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	require.Equal(t, offboard.Completed, o.run(input("lastDay", start.AddDate(0, 0, -3))).Status)
	require.NotContains(t, o.phases, offboard.PhaseWait)
}

func TestRescheduled(t *testing.T) {
	for name, day := range map[string]time.Time{"earlier": start.AddDate(0, 0, 5), "later": lastDay.AddDate(0, 2, 0), "to now": start.Add(-time.Hour)} {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			var said *answer
			o.when(waits, func(offboard.Progress) {
				said = o.send(workflows.RescheduleUpdate, workflows.Reschedule{By: person, LastDay: day, Note: "HR says so."})
			})
			o.approves()
			report := o.run(input("lastDay", lastDay))

			require.True(t, said.accepted, said.refused)
			require.Equal(t, offboard.Completed, report.Status)
			require.False(t, o.account.at("make group").Before(day))
			require.WithinDuration(t, latest(day, start), o.account.at("make group"), 10*time.Second)
			require.True(t, o.days[len(o.days)-1].Equal(day))
			require.Contains(t, report.Progress.Answers[0].Note, "HR says so.")
		})
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// HR moves the day while the plan waits for a yes: nothing was changed, so the run waits again and then asks anew.
func TestRescheduledWhileThePlanWaits(t *testing.T) {
	for name, lastDay := range map[string]any{"begun at once": nil, "after a wait": lastDay} {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			day := start.AddDate(0, 3, 0)
			var said *answer
			o.when(asksForApproval, func(offboard.Progress) {
				said = o.send(workflows.RescheduleUpdate, workflows.Reschedule{By: person, LastDay: day})
			})
			anew := func(p offboard.Progress) bool { return asksForApproval(p) && !p.Plan.SurveyedAt.Before(day) }
			o.when(anew, func(p offboard.Progress) { o.send(workflows.ApproveUpdate, yes(p)) })
			report := o.run(input("lastDay", lastDay))

			require.True(t, said.accepted, said.refused)
			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.False(t, report.Progress.Plan.SurveyedAt.Before(day), "the survey must be of the last day")
			require.False(t, o.account.at("make group").Before(day))
		})
	}
}

func TestReschedulesThatAreRefused(t *testing.T) {
	o := newOffboarding(t)
	said := map[string]*answer{}
	for _, m := range []workflows.Reschedule{{By: "me", LastDay: lastDay}, {By: person}, {By: person, LastDay: start.AddDate(6, 0, 0)}, {By: person, LastDay: start.AddDate(-2, 0, 0)}} {
		o.when(waits, func(offboard.Progress) {
			said[m.By+m.LastDay.Format(time.DateOnly)] = o.send(workflows.RescheduleUpdate, m)
		})
	}
	var late *answer
	o.approves()
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) {
		late = o.send(workflows.RescheduleUpdate, workflows.Reschedule{By: person, LastDay: lastDay.AddDate(0, 1, 0)})
	})
	report := o.run(input("lastDay", lastDay))

	require.Contains(t, said["me2026-10-14"].refused, "must be the e-mail address")
	require.Contains(t, said[person+"0001-01-01"].refused, "\"lastDay\" is missing")
	require.Contains(t, said[person+"2032-09-14"].refused, "more than five years ahead")
	require.Contains(t, said[person+"2024-09-14"].refused, "more than a year ago")
	require.Contains(t, late.refused, "cannot be moved any more: the run is in phase \"soak\"")
	require.Empty(t, report.Progress.Answers)
}

func TestTurnedRoundWhileWaiting(t *testing.T) {
	for want, turn := range map[offboard.Status]func(o *offboarding){
		offboard.Reinstated: func(o *offboarding) { o.reinstates() },
		offboard.Rejected:   func(o *offboarding) { o.send(workflows.RejectUpdate, workflows.Reject{By: approver}) },
		offboard.RolledBack: func(o *offboarding) { o.env.CancelWorkflow() },
	} {
		t.Run(string(want), func(t *testing.T) {
			o := newOffboarding(t)
			o.when(waits, func(offboard.Progress) { turn(o) })
			report := o.run(input("lastDay", lastDay))

			require.Equal(t, want, report.Status)
			require.Less(t, report.Ended.Sub(start), time.Minute)
			require.Equal(t, []string{"let the person go"}, o.account.changes())
		})
	}
}

// What changed while the run waited is looked at again.
func TestWhatTheLastDayFinds(t *testing.T) {
	tests := map[string]struct {
		change func(o *offboarding)
		status offboard.Status
		want   string
	}{
		"somebody else removed the person": {func(o *offboarding) {
			o.account.people = o.account.people[:2]
		},
			offboard.AlreadyGone, "was removed from account " + accountID + " by somebody else"},
		"the person owns the account now": {func(o *offboarding) { o.account.settings.OwnerIAMID = leaverID },
			offboard.Rejected, "While the run waited, this came up: Leaver@acme.example owns the account"},
		"the account cannot be read any more": {func(o *offboarding) { o.account.fail("WhoAmI", offboard.Denied, "the engine's key was revoked") },
			offboard.RolledBack, "the engine's key was revoked"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			o.when(waits, func(offboard.Progress) { test.change(o) })
			report := o.run(input("lastDay", lastDay))

			require.Equal(t, test.status, report.Status)
			require.Contains(t, report.Message, test.want)
			require.Empty(t, o.account.changes("make", "reset", "disable"))
		})
	}
}
