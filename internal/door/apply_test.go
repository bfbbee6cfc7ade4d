package door_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

func newDoor(t testing.TB, e *engine, change ...func(*door.Config)) *door.Door {
	t.Helper()
	config := door.Config{Engine: e, RequestedBy: hr, Webhooks: []door.Webhook{{Name: "hr"}}}
	for _, c := range change {
		c(&config)
	}
	if config.Store == nil {
		config.Store = openStore(t, filepath.Join(t.TempDir(), "door.db"))
	}
	return door.New(config)
}

func apply(t testing.TB, d *door.Door, e door.Event) door.Outcome {
	t.Helper()
	o, err := d.Apply(t.Context(), e)
	require.NoError(t, err)
	assert.NotEmpty(t, o.Message)
	return o
}

var future = time.Now().Add(40 * 24 * time.Hour).Truncate(time.Second)

func TestAnEventStartsARunOnce(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	first := apply(t, d, event("1", door.Requested, func(v *door.Event) { v.Reason, v.Ticket = "end of contract", "HR-1" }))
	assert.Equal(t, door.Started, first.Result)
	assert.Equal(t, "offboard/acc/"+leaver, first.Run)
	assert.False(t, first.Duplicate)

	again := apply(t, d, event("1", door.Requested))
	assert.True(t, again.Duplicate)
	again.Duplicate = false
	assert.Equal(t, first, again, "a duplicate has the same outcome")
	assert.Equal(t, map[string]int{leaver: 1}, e.started())

	r := e.requests[0]
	assert.Equal(t, leaver, r.User)
	assert.Equal(t, hr, r.RequestedBy, "a sender that names nobody is named by the configuration")
	assert.Equal(t, "end of contract", r.Reason)
	assert.Equal(t, "HR-1", r.Ticket)
	assert.Equal(t, offboard.ApprovalRequired, r.Approval)
	assert.Equal(t, offboard.ModeExecute, r.Mode)
	assert.True(t, r.RemoveUser)
	assert.Equal(t, offboard.DefaultSoak, r.Soak)
}

func TestTheSameIDOfAnotherSenderIsAnotherEvent(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("1", door.Requested))
	o := apply(t, d, event("1", door.Requested, func(v *door.Event) { v.Source = "okta" }))
	assert.Equal(t, door.AlreadyRunning, o.Result)
	assert.False(t, o.Duplicate)
}

func TestApprovalIsTheSources(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e, func(c *door.Config) { c.Webhooks[0].Approval = offboard.ApprovalNone })
	apply(t, d, event("1", door.Requested))
	apply(t, d, event("2", door.Requested, soft, user("paused@acme.example")))
	assert.Equal(t, offboard.ApprovalNone, e.requests[0].Approval)
	assert.Equal(t, offboard.ApprovalRequired, e.requests[1].Approval, "who was only deactivated is never removed without a yes")
}

func TestTheSoakIsThatOfTheConfiguration(t *testing.T) {
	for name, c := range map[string]struct{ configured, want offboard.Duration }{
		"given": {offboard.Duration(7 * 24 * time.Hour), offboard.Duration(7 * 24 * time.Hour)}, "left out": {0, offboard.DefaultSoak},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			apply(t, newDoor(t, e, func(d *door.Config) { d.Soak = c.configured }), event("1", door.Requested))
			assert.Equal(t, c.want, e.requests[0].Soak)
		})
	}
}

func TestEveryProblemOfAnEventIsNamed(t *testing.T) {
	d := newDoor(t, newEngine())
	_, err := d.Apply(t.Context(), door.Event{Kind: "left", User: "leaver", RequestedBy: "hr", At: time.Unix(0, 0), LastDay: time.Now().AddDate(9, 0, 0)})
	var wrong *door.Invalid
	require.ErrorAs(t, err, &wrong)
	assert.Len(t, wrong.Problems, 6)
	for _, want := range []string{"no ID", `kind "left"`, "1970", `"user" "leaver" is neither`, "five years", `"requestedBy" "hr"`} {
		assert.Contains(t, err.Error(), want)
	}
	_, err = d.Apply(t.Context(), event("1", door.Rescheduled))
	assert.ErrorContains(t, err, `"lastDay" is missing`)
	_, err = d.Apply(t.Context(), event("a\x00b", door.Requested))
	assert.ErrorContains(t, err, "ID")
}

// What is to become of an event while a run stands as it does.
func TestAnOpenRunIsBroughtInLine(t *testing.T) {
	for name, c := range map[string]struct {
		first, second door.Event
		between       func(*engine)
		want          door.Result
		wrong         any // of the error, instead
		told          []string
		day           time.Time
	}{
		"asked for again": {
			first: event("1", door.Requested), second: event("2", door.Requested), want: door.AlreadyRunning,
		},
		"asked for again with the same day": {
			first: event("1", door.Requested, lastDay(future)), second: event("2", door.Requested, lastDay(future.UTC())), want: door.AlreadyRunning, day: future,
		},
		"another day": {
			first: event("1", door.Requested, lastDay(future)), second: event("2", door.Requested, lastDay(future.Add(time.Hour))),
			want: door.Moved, told: []string{"reschedule leaver@acme.example by hr@acme.example"}, day: future.Add(time.Hour),
		},
		"rescheduled": {
			first: event("1", door.Requested, lastDay(future)), second: event("2", door.Rescheduled, lastDay(future.Add(-time.Hour))),
			want: door.Moved, told: []string{"reschedule leaver@acme.example by hr@acme.example"}, day: future.Add(-time.Hour),
		},
		"rescheduled while the plan waits for a yes": {
			first: event("1", door.Requested), second: event("2", door.Rescheduled, lastDay(future)),
			want: door.Moved, told: []string{"reschedule leaver@acme.example by hr@acme.example"}, day: future,
		},
		"rescheduled, too late": {
			first: event("1", door.Requested), second: event("2", door.Rescheduled, lastDay(future)),
			between: func(e *engine) { e.enter(leaver, offboard.PhaseHandOver) }, wrong: new(*door.Refused),
		},
		"rescheduled to a day that has passed while it runs": {
			first: event("1", door.Requested), second: event("2", door.Rescheduled, lastDay(now().Add(-time.Hour))), want: door.AlreadyRunning,
		},
		"rescheduled, nothing open": {
			first: event("1", door.Cancelled), second: event("2", door.Rescheduled, lastDay(future)), want: door.Started, day: future,
		},
		"only deactivated, after the day was set": {
			first: event("1", door.Requested, lastDay(future)), second: event("2", door.Requested, soft, lastDay(now().Add(time.Hour))),
			want: door.AlreadyRunning, day: future,
		},
		"cancelled": {
			first: event("1", door.Requested), second: event("2", door.Cancelled),
			want: door.Reinstated, told: []string{"reinstate leaver@acme.example by hr@acme.example"},
		},
		"cancelled, run has ended": {
			first: event("1", door.Requested), second: event("2", door.Cancelled), between: func(e *engine) { e.end(leaver) }, want: door.NothingToDo,
		},
		"cancelled, too late": {
			first: event("1", door.Requested), second: event("2", door.Cancelled),
			between: func(e *engine) { e.refusal = "the first key has been deleted" }, wrong: new(*door.Refused),
		},
		"cancelled twice": {
			first: event("1", door.Cancelled), second: event("2", door.Cancelled), want: door.NothingToDo,
		},
		"asked for while it turns round": {
			first: event("1", door.Requested), second: event("2", door.Requested, lastDay(future)),
			between: func(e *engine) { e.enter(leaver, offboard.PhaseUndo) }, wrong: new(*door.Away),
		},
		"asked for while it ends": {
			first: event("1", door.Requested), second: event("2", door.Requested, lastDay(future)),
			between: func(e *engine) { e.enter(leaver, offboard.PhaseReport) }, wrong: new(*door.Away),
		},
		"moved while it is only just beginning": {
			first: event("1", door.Requested), second: event("2", door.Requested, lastDay(future)),
			between: func(e *engine) { e.enter(leaver, offboard.PhaseAdmit) }, wrong: new(*door.Away),
		},
		"asked for while a run only plans": {
			first: event("1", door.Requested), second: event("2", door.Requested, lastDay(future)),
			between: func(e *engine) { e.runs[leaver].Mode = offboard.ModePlan }, wrong: new(*door.Away),
		},
		"cancelled while a run only plans": {
			first: event("1", door.Requested), second: event("2", door.Cancelled),
			between: func(e *engine) { e.runs[leaver].Mode = offboard.ModePlan }, want: door.NothingToDo,
		},
		"the run ends before it can be moved": {
			first: event("1", door.Requested, lastDay(future)), second: event("2", door.Rescheduled, lastDay(future.Add(time.Hour))),
			between: func(e *engine) { e.gone = true }, wrong: new(*door.Away),
		},
		"the run ends before it can be cancelled": {
			first: event("1", door.Requested), second: event("2", door.Cancelled), between: func(e *engine) { e.gone = true }, want: door.NothingToDo,
		},
		"the run ends before it can be looked at": {
			first: event("1", door.Requested), second: event("2", door.Requested, lastDay(future)), between: func(e *engine) { e.lost = true }, wrong: new(*door.Away),
		},
		"the person's name in other letters": {
			first: event("1", door.Requested), second: event("2", door.Requested, user("Leaver@Acme.Example")), want: door.AlreadyRunning,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			d := newDoor(t, e)
			c.first.At, c.second.At = now().Add(-time.Minute), now()
			apply(t, d, c.first)
			if c.between != nil {
				c.between(e)
			}
			o, err := d.Apply(t.Context(), c.second)
			if c.wrong != nil {
				require.ErrorAs(t, err, c.wrong)
			} else {
				require.NoError(t, err)
				assert.Equal(t, c.want, o.Result)
			}
			assert.Equal(t, c.told, e.messages())
			if !c.day.IsZero() {
				assert.True(t, c.day.Equal(e.lastDay(leaver)), "the last day is %s", e.lastDay(leaver))
			}
			assert.LessOrEqual(t, e.started()[leaver], 1)
		})
	}
}

func TestLeavingNowPullsAWaitingRunForward(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("1", door.Requested, soft, lastDay(future)))
	o := apply(t, d, event("2", door.Requested))
	assert.Equal(t, door.Moved, o.Result)
	assert.WithinDuration(t, now(), e.lastDay(leaver), time.Minute)
	assert.Equal(t, door.AlreadyRunning, apply(t, d, event("3", door.Requested)).Result, "said once")
}

// A run that somebody started by hand is not known to the store.
func TestARunThatIsNotOurs(t *testing.T) {
	e := newEngine()
	_, err := e.Start(t.Context(), offboard.Request{User: leaver, LastDay: future, Mode: offboard.ModeExecute})
	require.NoError(t, err)
	d := newDoor(t, e)
	o := apply(t, d, event("1", door.Requested, lastDay(future.Add(time.Hour))))
	assert.Equal(t, door.Moved, o.Result)
	assert.Equal(t, door.Reinstated, apply(t, d, event("2", door.Cancelled)).Result)
}

func TestAPersonWhoStayedMayLeaveLater(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("1", door.Requested))
	apply(t, d, event("2", door.Cancelled))
	_, err := d.Apply(t.Context(), event("3", door.Requested))
	var away *door.Away
	require.ErrorAs(t, err, &away, "while the run turns round, the new request must come again: its run would end as reinstated")
	e.end(leaver)
	assert.Equal(t, door.Started, apply(t, d, event("3", door.Requested)).Result)
	assert.Equal(t, 2, e.started()[leaver])
}

func TestNothingIsRememberedOfWhatCouldNotBeApplied(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	for name, err := range map[string]error{"away": &door.Away{Why: "the engine does not answer", After: time.Second}, "anything else": errDown} {
		e.setAway(err)
		for _, kind := range []door.Kind{door.Requested, door.Cancelled, door.Rescheduled} {
			_, got := d.Apply(t.Context(), event("1", kind, lastDay(future)))
			var away *door.Away
			require.ErrorAs(t, got, &away, "%s, %s", name, kind)
			assert.Positive(t, away.After)
		}
	}
	e.setAway(nil)
	o := apply(t, d, event("1", door.Requested))
	assert.Equal(t, door.Started, o.Result)
	assert.False(t, o.Duplicate)
}

func TestARefusalIsNotRemembered(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("1", door.Requested))
	e.refusal = "this run is ending right now"
	_, err := d.Apply(t.Context(), event("2", door.Cancelled))
	assert.EqualError(t, err, "this run is ending right now")
	e.end(leaver)
	assert.Equal(t, door.NothingToDo, apply(t, d, event("2", door.Cancelled)).Result, "a later delivery may have another answer")
}
