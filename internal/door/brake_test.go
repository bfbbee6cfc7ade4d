package door_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

const token = "operators-token-0123456789"

// secret makes secrets of texts.
func secret(texts ...string) []door.Secret {
	list := make([]door.Secret, len(texts))
	for i, text := range texts {
		list[i] = func(context.Context) (string, error) { return text, nil }
	}
	return list
}

func braked(starts int) func(*door.Config) {
	return func(c *door.Config) {
		c.Brake = door.Brake{Starts: starts, Window: time.Hour}
		c.Operators = []door.Operator{{Name: "platform", Email: "platform@acme.example", Token: secret(token)[0]},
			{Name: "security", Email: "security@acme.example", Token: secret("another-token-0123456789")[0]}}
	}
}

func person(i int) string { return fmt.Sprintf("leaver-%d@acme.example", i) }

// work runs the door's worker until the test ends.
func work(t testing.TB, d *door.Door) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); d.Work(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// eventually waits for what another goroutine does. It is long, because no test may depend on speed.
func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	require.Eventually(t, yes, time.Minute, 2*time.Millisecond, what)
}

func TestTheMassBrake(t *testing.T) {
	e := newEngine()
	h := newServer(t, e, braked(3))
	for i := range 3 {
		assert.Equal(t, door.Started, apply(t, h.door, event(fmt.Sprint(i), door.Requested, user(person(i)))).Result)
	}
	o := apply(t, h.door, event("3", door.Requested, user(person(3)), lastDay(future), func(v *door.Event) { v.Reason, v.Ticket = "mass", "HR-3" }))
	assert.Equal(t, door.Held, o.Result)
	assert.Equal(t, door.Held, apply(t, h.door, event("4", door.Requested, user(person(4)))).Result)
	assert.True(t, apply(t, h.door, event("4", door.Requested, user(person(4)))).Duplicate)

	assert.Equal(t, door.AlreadyRunning, apply(t, h.door, event("again", door.Requested, user(person(0)))).Result, "an open run is not held")
	assert.Equal(t, door.Reinstated, apply(t, h.door, event("stays", door.Cancelled, user(person(1)))).Result)
	assert.Len(t, e.started(), 3)

	answer := h.get(t, "/brake", token)
	assert.Equal(t, http.StatusOK, answer.Code)
	body := answer.Body.String()
	for _, want := range []string{`"on":true`, `"starts":3`, `"limit":3`, `"window":"1h0m0s"`, `"user":"leaver-3@acme.example"`, `"reason":"mass"`, `"ticket":"HR-3"`, `"user":"leaver-4@acme.example"`} {
		assert.Contains(t, body, want)
	}
	assert.NotEmpty(t, h.logged("the mass brake holds an offboarding"))

	work(t, h.door)
	answer = h.post(t, "/brake/release", token)
	assert.Equal(t, http.StatusAccepted, answer.Code)
	assert.JSONEq(t, `{"released":2,"discarded":0,"by":"platform@acme.example"}`, answer.Body.String())
	eventually(t, "what was held starts", func() bool { return len(e.started()) == 5 })
	assert.True(t, future.Equal(e.lastDay(person(3))))
	assert.Equal(t, "mass", e.requests[3].Reason)

	eventually(t, "the outcome replaces that of the held event", func() bool {
		return apply(t, h.door, event("4", door.Requested, user(person(4)))).Result == door.Started
	})
	assert.JSONEq(t, `{"released":0,"discarded":0,"by":"security@acme.example"}`, h.post(t, "/brake/release", "another-token-0123456789").Body.String(), "once")
	assert.Equal(t, door.Started, apply(t, h.door, event("5", door.Requested, user(person(5)))).Result, "the count begins anew")
}

func TestTheBrakeStaysOnUntilAPersonReleasesIt(t *testing.T) {
	e := newEngine()
	clock := now()
	d := newDoor(t, e, braked(1), func(c *door.Config) { c.Now = func() time.Time { return clock } })
	apply(t, d, event("0", door.Requested, user(person(0)), at(clock)))
	apply(t, d, event("1", door.Requested, user(person(1)), at(clock)))
	clock = clock.Add(2 * time.Hour)
	assert.Equal(t, door.Held, apply(t, d, event("2", door.Requested, user(person(2)), at(clock))).Result)
}

func TestStartsLeaveTheWindow(t *testing.T) {
	e := newEngine()
	clock := now()
	d := newDoor(t, e, braked(2), func(c *door.Config) { c.Now = func() time.Time { return clock } })
	for i := range 6 {
		assert.Equal(t, door.Started, apply(t, d, event(fmt.Sprint(i), door.Requested, user(person(i)), at(clock))).Result)
		clock = clock.Add(31 * time.Minute)
	}
}

func TestRunsThatAreOpenAlreadyAreNotCounted(t *testing.T) {
	e := newEngine()
	d := newDoor(t, e, braked(2))
	for i := range 5 {
		apply(t, d, event(fmt.Sprint(i), door.Requested))
	}
	assert.Equal(t, door.Started, apply(t, d, event("other", door.Requested, user(person(1)))).Result)
	assert.Equal(t, door.Held, apply(t, d, event("third", door.Requested, user(person(2)))).Result)
}

func TestCancellingWhatIsHeld(t *testing.T) {
	e := newEngine()
	h := newServer(t, e, braked(1))
	apply(t, h.door, event("0", door.Requested, user(person(0))))
	apply(t, h.door, event("1", door.Requested, user(person(1))))
	o := apply(t, h.door, event("2", door.Cancelled, user(person(1))))
	assert.Equal(t, door.NothingToDo, o.Result)
	assert.Contains(t, o.Message, "will not be started")
	assert.Contains(t, h.get(t, "/brake", token).Body.String(), `"held":[]`)
	work(t, h.door)
	assert.Contains(t, h.post(t, "/brake/release", token).Body.String(), `"released":0`)
	assert.Len(t, e.started(), 1)
}

func TestMovingWhatIsHeld(t *testing.T) {
	e := newEngine()
	h := newServer(t, e, braked(1))
	apply(t, h.door, event("0", door.Requested, user(person(0))))
	apply(t, h.door, event("1", door.Requested, user(person(1)), lastDay(future), func(v *door.Event) { v.Ticket = "HR-1" }))
	assert.Equal(t, door.Held, apply(t, h.door, event("2", door.Rescheduled, user(person(1)), lastDay(future.Add(time.Hour)))).Result)
	work(t, h.door)
	assert.Contains(t, h.post(t, "/brake/release", token).Body.String(), `"released":1`)
	eventually(t, "it starts", func() bool { return e.started()[person(1)] == 1 })
	assert.True(t, future.Add(time.Hour).Equal(e.lastDay(person(1))))
	assert.Equal(t, "HR-1", e.requests[1].Ticket, "what the second event does not say is kept of the first")
}

func TestDiscardingWhatIsHeld(t *testing.T) {
	e := newEngine()
	h := newServer(t, e, braked(1))
	apply(t, h.door, event("0", door.Requested, user(person(0))))
	apply(t, h.door, event("1", door.Requested, user(person(1))))
	assert.JSONEq(t, `{"released":0,"discarded":1,"by":"platform@acme.example"}`, h.post(t, "/brake/discard", token).Body.String())
	assert.Contains(t, h.get(t, "/brake", token).Body.String(), `"on":false`)
	assert.Equal(t, door.Ignored, apply(t, h.door, event("1", door.Requested, user(person(1)))).Result, "the same event again does not start it")
	assert.Equal(t, door.Started, apply(t, h.door, event("2", door.Requested, user(person(1)))).Result, "asked for anew it starts")
	assert.NotEmpty(t, h.logged("discarded"))
}

func TestOnlyOperatorsTouchTheBrake(t *testing.T) {
	h := newServer(t, newEngine(), braked(1))
	for _, bad := range []string{"", "wrong", token + "x"} {
		for _, do := range []func() int{
			func() int { return h.get(t, "/brake", bad).Code },
			func() int { return h.post(t, "/brake/release", bad).Code },
			func() int { return h.post(t, "/brake/discard", bad).Code },
		} {
			assert.Equal(t, http.StatusUnauthorized, do())
		}
	}
	assert.Equal(t, "Bearer", h.get(t, "/brake", "").Header().Get("WWW-Authenticate"))
}

// What a person released is started even if the process ends before it could.
func TestAReleaseSurvivesACrash(t *testing.T) {
	e := newEngine()
	path := filepath.Join(t.TempDir(), "door.db")
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	h := newServer(t, e, braked(1), func(c *door.Config) { c.Store = store })
	apply(t, h.door, event("0", door.Requested, user(person(0))))
	for i := 1; i < 4; i++ {
		apply(t, h.door, event(fmt.Sprint(i), door.Requested, user(person(i)), at(now().Add(-time.Second))))
	}
	assert.Contains(t, h.post(t, "/brake/release", token).Body.String(), `"released":3`) // and nobody works
	require.NoError(t, store.Close())

	// The second process ends after one of them was accepted.
	store, err = door.OpenStore(path)
	require.NoError(t, err)
	d := newDoor(t, e, braked(1), func(c *door.Config) { c.Store = store })
	ctx, cancel := context.WithCancel(t.Context())
	e.reached = func() { cancel(); assert.NoError(t, store.Close()) }
	d.Work(ctx)
	e.reached = nil
	assert.Len(t, e.started(), 2)

	d = newDoor(t, e, braked(1), func(c *door.Config) { c.Store = openStore(t, path) })
	apply(t, d, event("stays", door.Cancelled, user(person(3)))) // after the release, before the start
	work(t, d)
	eventually(t, "the others start", func() bool { return len(e.started()) == 3 })
	o := apply(t, d, event("stays again", door.Cancelled, user(person(3))))
	assert.Equal(t, door.NothingToDo, o.Result)
	for who, n := range e.started() {
		assert.Equal(t, 1, n, who)
	}
	assert.NotContains(t, e.started(), person(3))
}
