package door_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

func TestManyDeliveriesAtOnce(t *testing.T) {
	const people, duplicates = 20, 10
	e := newEngine()
	e.waits = func(ctx context.Context, _ string) error { // an engine that takes its time, so that deliveries meet
		select {
		case <-time.After(5 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d := newDoor(t, e, func(c *door.Config) { c.Brake = door.Brake{Starts: people, Window: time.Hour} })
	var group sync.WaitGroup
	outcomes := make([]door.Outcome, people*duplicates)
	when := now()
	for i := range outcomes {
		group.Go(func() {
			person := i % people
			o, err := d.Apply(t.Context(), event(fmt.Sprint("event-", person), door.Requested, user(fmt.Sprintf("leaver-%d@acme.example", person)), at(when)))
			assert.NoError(t, err)
			o.Duplicate = false
			outcomes[i] = o
		})
	}
	group.Wait()
	for i, o := range outcomes {
		assert.Equal(t, door.Started, o.Result)
		assert.Equal(t, outcomes[i%people], o, "all deliveries of one event have one answer")
	}
	require.Len(t, e.started(), people)
	for who, n := range e.started() {
		assert.Equal(t, 1, n, who)
	}
}

// A slow engine keeps the deliveries of one person waiting, and nobody else's.
func TestASlowPersonDelaysNobodyElse(t *testing.T) {
	e := newEngine()
	gate := make(chan struct{})
	reached := make(chan struct{})
	e.waits = func(_ context.Context, who string) error {
		if who == leaver {
			close(reached)
			<-gate
		}
		return nil
	}
	d := newDoor(t, e)
	slow := make(chan door.Outcome, 1)
	go func() {
		o, _ := d.Apply(context.WithoutCancel(t.Context()), event("1", door.Requested))
		slow <- o
	}()
	<-reached
	assert.Equal(t, door.Started, apply(t, d, event("2", door.Requested, user("other@acme.example"))).Result)
	assert.Empty(t, slow)
	close(gate)
	assert.Equal(t, door.Started, (<-slow).Result)
}

// A sender that hangs up does not leave half of its event behind.
func TestASenderThatHangsUp(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	e.waits = func(own context.Context, _ string) error {
		cancel()
		return own.Err()
	}
	o, err := d.Apply(ctx, event("1", door.Requested))
	require.NoError(t, err)
	assert.Equal(t, door.Started, o.Result)
}

func TestOneProcessHasTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "door.db")
	_, err := door.OpenStore(path)
	assert.ErrorContains(t, err, path)
}
