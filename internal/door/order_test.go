package door_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

func TestOrderOfEvents(t *testing.T) {
	begin := now().Add(-time.Hour)
	requested := event("r", door.Requested, at(begin), lastDay(future))
	moved := event("m", door.Rescheduled, at(begin.Add(time.Minute)), lastDay(future.Add(time.Hour)))
	cancelled := event("c", door.Cancelled, at(begin.Add(2*time.Minute)))
	for i, order := range [][]door.Event{
		{requested, moved, cancelled}, {requested, cancelled, moved}, {moved, requested, cancelled},
		{moved, cancelled, requested}, {cancelled, requested, moved}, {cancelled, moved, requested},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			e := newEngine()
			d := newDoor(t, e)
			for range 2 { // everything comes twice
				for _, v := range order {
					apply(t, d, v)
				}
			}
			if open := e.runs[leaver]; open != nil {
				assert.Equal(t, offboard.PhaseUndo, open.Phase, "whatever the order, the person stays")
			}
			assert.LessOrEqual(t, e.started()[leaver], 1)
		})
	}
}

func TestALateEventIsIgnoredAndSaysSo(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("new", door.Cancelled))
	late := event("old", door.Requested, at(now().Add(-time.Minute)))
	o := apply(t, d, late)
	assert.Equal(t, door.Ignored, o.Result)
	assert.Contains(t, o.Message, "a newer event for leaver@acme.example")
	assert.True(t, apply(t, d, late).Duplicate)
	assert.Empty(t, e.started())
	assert.Equal(t, door.Started, apply(t, d, event("other", door.Requested, at(now().Add(-time.Minute)), user("other@acme.example"))).Result, "other people are not concerned")
}

func TestAnEventFromTheFutureSilencesNobody(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	apply(t, d, event("1", door.Cancelled, at(now().AddDate(3, 0, 0))))
	assert.Equal(t, door.Started, apply(t, d, event("2", door.Requested)).Result)
}

func TestAnEventOlderThanTheMemoryIsIgnored(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	o := apply(t, d, event("1", door.Requested, at(now().AddDate(0, 0, -31))))
	assert.Equal(t, door.Ignored, o.Result)
	assert.Contains(t, o.Message, "more than 30 days ago")
	assert.Empty(t, e.started())
}
