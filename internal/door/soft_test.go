package door_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

func from(source string) func(*door.Event)  { return func(e *door.Event) { e.Source = source } }
func ago(d time.Duration) func(*door.Event) { return at(now().Add(-d)) }

// An account that is active again does not speak against what somebody else said of the person.
func TestWhatAReactivationCallsOff(t *testing.T) {
	hr := func(id string, kind door.Kind, change ...func(*door.Event)) door.Event {
		return event(id, kind, change...)
	}
	idp := func(id string, kind door.Kind, change ...func(*door.Event)) door.Event {
		return event(id, kind, append([]func(*door.Event){from("scim"), soft}, change...)...)
	}
	okta := func(id string, kind door.Kind, change ...func(*door.Event)) door.Event {
		return event(id, kind, append([]func(*door.Event){from("okta")}, change...)...)
	}
	grace := lastDay(future)
	for name, c := range map[string]struct {
		before []door.Event
		byHand bool // somebody starts a run first
		last   door.Event
		want   door.Result
	}{
		"its own deactivation":            {before: []door.Event{idp("1", door.Requested, grace)}, last: idp("2", door.Cancelled), want: door.Reinstated},
		"nothing":                         {last: idp("2", door.Cancelled), want: door.NothingToDo},
		"what HR asked for":               {before: []door.Event{hr("1", door.Requested, grace)}, last: idp("2", door.Cancelled), want: door.NothingToDo},
		"what HR asked for first":         {before: []door.Event{hr("1", door.Requested, grace), idp("2", door.Requested, grace)}, last: idp("3", door.Cancelled), want: door.NothingToDo},
		"what HR asked for after it":      {before: []door.Event{idp("1", door.Requested, grace), hr("2", door.Requested)}, last: idp("3", door.Cancelled), want: door.NothingToDo},
		"what HR moved":                   {before: []door.Event{idp("1", door.Requested, grace), hr("2", door.Rescheduled, lastDay(future.Add(time.Hour)))}, last: idp("3", door.Cancelled), want: door.NothingToDo},
		"what HR asked for, HR itself":    {before: []door.Event{hr("1", door.Requested, grace)}, last: hr("2", door.Cancelled), want: door.Reinstated},
		"what HR asked for, said again":   {before: []door.Event{hr("1", door.Requested, grace), idp("2", door.Cancelled)}, last: idp("3", door.Cancelled), want: door.NothingToDo},
		"a run by hand":                   {byHand: true, last: idp("1", door.Cancelled), want: door.NothingToDo},
		"a run by hand it met":            {byHand: true, before: []door.Event{idp("1", door.Requested, grace)}, last: idp("2", door.Cancelled), want: door.NothingToDo},
		"another system's suspension":     {before: []door.Event{okta("1", door.Requested, soft, grace)}, last: idp("2", door.Cancelled), want: door.Reinstated},
		"the same system's deactivation":  {before: []door.Event{okta("1", door.Requested)}, last: okta("2", door.Cancelled, soft), want: door.Reinstated},
		"another system's deactivation":   {before: []door.Event{okta("1", door.Requested)}, last: idp("2", door.Cancelled), want: door.NothingToDo},
		"a deactivation HR asked for too": {before: []door.Event{okta("1", door.Requested), hr("2", door.Requested)}, last: okta("3", door.Cancelled, soft), want: door.NothingToDo},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			d := newDoor(t, e)
			if c.byHand {
				_, err := e.Start(t.Context(), offboard.Request{User: leaver, LastDay: future, Mode: offboard.ModeExecute})
				require.NoError(t, err)
			}
			for _, before := range c.before {
				apply(t, d, before)
			}
			o := apply(t, d, c.last)
			assert.Equal(t, c.want, o.Result, o.Message)
			if c.want == door.NothingToDo && o.Run != "" {
				assert.Contains(t, o.Message, "which goes on")
				assert.NotEqual(t, offboard.PhaseUndo, e.runs[leaver].Phase)
			}
		})
	}
}

// What a system says of an account makes nothing older that is said of the person.
func TestASoftEventMakesNoOtherLate(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("1", door.Requested, from("scim"), soft, lastDay(future), ago(time.Minute)))
	late := event("2", door.Requested, lastDay(future.Add(time.Hour)), ago(2*time.Minute))
	assert.Equal(t, door.Moved, apply(t, d, late).Result)
	assert.Equal(t, door.NothingToDo, apply(t, d, event("3", door.Cancelled, from("scim"), soft)).Result)
	assert.Equal(t, door.Reinstated, apply(t, d, event("4", door.Cancelled, ago(90*time.Second))).Result, "HR may still say so")
	assert.Equal(t, door.Ignored, apply(t, d, event("5", door.Requested, from("scim"), soft, ago(3*time.Minute))).Result)
}

// A start whose answer never came may be of whoever tried it.
func TestAReactivationAfterALostStart(t *testing.T) {
	for name, c := range map[string]struct {
		tries []door.Event
		want  door.Result
	}{
		"its own":       {[]door.Event{event("1", door.Requested, from("scim"), soft, lastDay(future))}, door.Reinstated},
		"of HR":         {[]door.Event{event("1", door.Requested, lastDay(future))}, door.NothingToDo},
		"of HR and its": {[]door.Event{event("1", door.Requested, lastDay(future)), event("2", door.Requested, from("scim"), soft, lastDay(future))}, door.NothingToDo},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			d := newDoor(t, e)
			e.silent = true
			for _, try := range c.tries {
				_, err := d.Apply(t.Context(), try)
				require.Error(t, err)
			}
			e.silent = false
			require.Len(t, e.started(), 1)
			assert.Equal(t, c.want, apply(t, d, event("9", door.Cancelled, from("scim"), soft)).Result)
		})
	}
}

// The mass brake holds what says most.
func TestAReactivationAndTheBrake(t *testing.T) {
	e := newEngine()
	h := newServer(t, e, braked(1))
	apply(t, h.door, event("0", door.Requested, user(person(0))))
	assert.Equal(t, door.Held, apply(t, h.door, event("1", door.Requested, ago(time.Minute))).Result)
	assert.Equal(t, door.Held, apply(t, h.door, event("2", door.Requested, from("scim"), soft, lastDay(future))).Result)
	o := apply(t, h.door, event("3", door.Cancelled, from("scim"), soft))
	assert.Equal(t, door.NothingToDo, o.Result)
	assert.Contains(t, o.Message, "which goes on")
	assert.Contains(t, h.get(t, "/brake", token).Body.String(), `"event":"1"`)
	assert.Equal(t, door.NothingToDo, apply(t, h.door, event("4", door.Cancelled)).Result)
	assert.Contains(t, h.get(t, "/brake", token).Body.String(), `"held":[]`)

}

// Of several who asked while the brake was on none is forgotten when it is released, and all are when it was a mistake.
func TestWhoAskedWhileTheBrakeWasOn(t *testing.T) {
	for what, want := range map[string]door.Result{"release": door.NothingToDo, "discard": door.Reinstated} {
		t.Run(what, func(t *testing.T) {
			e := newEngine()
			h := newServer(t, e, braked(1))
			work(t, h.door)
			apply(t, h.door, event("0", door.Requested, user(person(0))))
			assert.Equal(t, door.Held, apply(t, h.door, event("1", door.Requested)).Result)
			assert.Equal(t, door.Held, apply(t, h.door, event("2", door.Requested, from("okta"))).Result)
			h.post(t, "/brake/"+what, token)
			if what == "discard" {
				apply(t, h.door, event("3", door.Requested, from("okta")))
			}
			eventually(t, "the run begins", func() bool { return e.started()[leaver] == 1 })
			assert.Equal(t, want, apply(t, h.door, event("4", door.Cancelled, from("okta"), soft)).Result)
		})
	}
}
