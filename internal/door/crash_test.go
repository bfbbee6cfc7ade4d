package door_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

// A process that ends right after the engine has accepted leaves the store as it was before. It is played by closing the
// store at that moment: nothing that is written afterwards arrives.
func TestACrashBetweenTheEngineAndTheStore(t *testing.T) {
	for name, c := range map[string]struct {
		before []door.Event
		event  door.Event
		want   door.Result // of the next delivery
		starts int
		told   int
	}{
		"start": {event: event("1", door.Requested), want: door.AlreadyRunning, starts: 1},
		"start with a last day": {
			event: event("1", door.Requested, lastDay(future)), want: door.AlreadyRunning, starts: 1,
		},
		"move": {
			before: []door.Event{event("0", door.Requested, lastDay(future), at(now().Add(-time.Minute)))},
			event:  event("1", door.Rescheduled, lastDay(future.Add(time.Hour))), want: door.AlreadyRunning, starts: 1, told: 1,
		},
		"reinstate": {
			before: []door.Event{event("0", door.Requested, at(now().Add(-time.Minute)))},
			event:  event("1", door.Cancelled), want: door.Reinstated, starts: 1, told: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			path := filepath.Join(t.TempDir(), "door.db")
			store, err := door.OpenStore(path)
			require.NoError(t, err)
			d := newDoor(t, e, func(c *door.Config) { c.Store = store })
			for _, v := range c.before {
				apply(t, d, v)
			}
			e.reached = func() { require.NoError(t, store.Close()) }
			_, err = d.Apply(t.Context(), c.event)
			var away *door.Away
			require.ErrorAs(t, err, &away, "the sender must come again")
			e.reached = nil

			d = newDoor(t, e, func(c *door.Config) { c.Store = openStore(t, path) })
			o := apply(t, d, c.event)
			assert.Equal(t, c.want, o.Result)
			assert.False(t, o.Duplicate)
			assert.True(t, apply(t, d, c.event).Duplicate)
			assert.Equal(t, c.starts, e.started()[leaver])
			assert.Len(t, e.messages(), c.told)
		})
	}
}

func TestWhatWasAppliedSurvivesARestart(t *testing.T) {
	e := newEngine()
	path := filepath.Join(t.TempDir(), "door.db")
	reopened := func() *door.Door {
		store, err := door.OpenStore(path)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		return newDoor(t, e, func(c *door.Config) { c.Store = store })
	}
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	d := newDoor(t, e, func(c *door.Config) { c.Store = store })
	first := apply(t, d, event("1", door.Requested))
	apply(t, d, event("2", door.Cancelled, user("stays@acme.example")))
	require.NoError(t, store.Close())

	d = reopened()
	again := apply(t, d, event("1", door.Requested))
	assert.True(t, again.Duplicate)
	again.Duplicate = false
	assert.Equal(t, first, again)
	assert.Equal(t, door.Ignored, apply(t, d, event("0", door.Requested, user("stays@acme.example"), at(now().Add(-time.Hour)))).Result)
}

// A start whose answer never came counts for the brake, and is not counted twice.
func TestAnUncertainStartCountsOnce(t *testing.T) {
	e := newEngine()
	path := filepath.Join(t.TempDir(), "door.db")
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	limit := func(c *door.Config) { c.Brake = door.Brake{Starts: 1, Window: time.Hour} }
	d := newDoor(t, e, limit, func(c *door.Config) { c.Store = store })
	e.reached = func() { require.NoError(t, store.Close()) }
	_, err = d.Apply(t.Context(), event("1", door.Requested))
	require.Error(t, err)
	e.reached = nil
	d = newDoor(t, e, limit, func(c *door.Config) { c.Store = openStore(t, path) })
	assert.Equal(t, door.AlreadyRunning, apply(t, d, event("1", door.Requested)).Result)
	assert.Equal(t, door.Held, apply(t, d, event("2", door.Requested, user("second@acme.example"))).Result)
}

// Events are forgotten after a month, people after a year: the file does not grow for ever.
func TestForgetting(t *testing.T) {
	e := newEngine()
	clock := now()
	d := newDoor(t, e, func(c *door.Config) { c.Now = func() time.Time { return clock } })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	clean := func(after time.Duration) {
		clock = clock.Add(after)
		d.Work(ended) // cleans once
	}
	const day = 24 * time.Hour
	apply(t, d, event("1", door.Requested, at(clock), lastDay(future)))
	apply(t, d, event("2", door.Requested, at(clock), user("other@acme.example")))
	clean(29 * day)
	assert.True(t, apply(t, d, event("1", door.Requested, at(clock))).Duplicate)
	clean(2 * day)
	o := apply(t, d, event("1", door.Requested, at(clock), lastDay(future)))
	assert.False(t, o.Duplicate)
	assert.Equal(t, door.AlreadyRunning, o.Result)
	assert.Equal(t, 1, e.started()[leaver])

	clean(360 * day)
	e.end("other@acme.example")
	assert.Equal(t, door.Started, apply(t, d, event("3", door.Requested, at(clock), user("other@acme.example"))).Result)
}
