package door_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

const oktaSecret = "oktas-shared-secret-0123"

func withOkta(c *door.Config) {
	c.Okta = &door.Okta{Secrets: secret("oktas-old-shared-secret", oktaSecret), Grace: 24 * time.Hour}
}

// oktaDelivery is what an event hook sends, with other words in some places.
func oktaDelivery(t testing.TB, replace ...string) *http.Request {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "okta-deactivate.json"))
	require.NoError(t, err)
	replace = append(replace, "PUBLISHED", now().UTC().Format("2006-01-02T15:04:05.000Z"))
	r := request("/okta/events", strings.NewReplacer(replace...).Replace(string(data)))
	r.Header.Set("Authorization", oktaSecret)
	return r
}

func TestOktaChallenge(t *testing.T) {
	s := newServer(t, newEngine(), withOkta)
	r := httptest.NewRequest(http.MethodGet, "/okta/events", nil)
	r.Header.Set("X-Okta-Verification-Challenge", `OSa38VzPDb"<JfqlM`)
	w := s.do(t, r)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.JSONEq(t, `{"verification":"OSa38VzPDb\"<JfqlM"}`, w.Body.String())
	assert.Equal(t, http.StatusBadRequest, s.do(t, httptest.NewRequest(http.MethodGet, "/okta/events", nil)).Code)
}

func TestOktaEventHook(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withOkta)
	work(t, s.door)
	for range 2 { // Okta tries again when the answer was late
		w := s.do(t, oktaDelivery(t))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Empty(t, w.Body.String())
	}
	eventually(t, "the run starts", func() bool { return e.started()[leaver] == 1 })
	assert.Equal(t, "identity-admin@acme.example", e.requests[0].RequestedBy)
	assert.Equal(t, "Okta: user.lifecycle.deactivate", e.requests[0].Reason)
	eventually(t, "it is in the log", func() bool { return len(s.logged("applied an event of the queue")) > 0 })
	line := s.logged("applied an event of the queue")[0].ContextMap()
	assert.Equal(t, "started", line["outcome"])
	assert.Equal(t, "okta", line["source"])
}

// Okta waits three seconds, so an engine that hangs must not be waited for.
func TestOktaIsAnsweredBeforeTheEngineIs(t *testing.T) {
	e := newEngine()
	gate := make(chan struct{})
	e.waits = func(context.Context, string) error { <-gate; return nil }
	s := newServer(t, e, withOkta)
	work(t, s.door)
	assert.Equal(t, http.StatusOK, s.do(t, oktaDelivery(t)).Code) // returns although nobody opens the gate
	assert.Empty(t, e.started())
	close(gate)
	eventually(t, "the run starts", func() bool { return e.started()[leaver] == 1 })
}

func TestOktaEventsWaitForTheEngineAndSurviveARestart(t *testing.T) {
	e := newEngine()
	e.setAway(&door.Away{Why: "the engine does not answer"})
	path := filepath.Join(t.TempDir(), "door.db")
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	s := newServer(t, e, withOkta, func(c *door.Config) { c.Store = store })
	assert.Equal(t, http.StatusOK, s.do(t, oktaDelivery(t)).Code)
	stop, cancel := context.WithCancel(t.Context())
	worked := make(chan struct{})
	go func() { defer close(worked); s.door.Work(stop) }()
	eventually(t, "the worker tries", func() bool { return len(s.logged("cannot be applied now")) > 0 })
	cancel()
	<-worked
	require.NoError(t, store.Close())

	e.setAway(nil)
	d := newDoor(t, e, withOkta, func(c *door.Config) { c.Store = openStore(t, path) })
	work(t, d)
	eventually(t, "the run starts", func() bool { return e.started()[leaver] == 1 })
}

func TestOktaEventsAreTriedAgain(t *testing.T) {
	e := newEngine()
	e.setAway(&door.Away{Why: "the engine does not answer"})
	s := newServer(t, e, withOkta)
	work(t, s.door)
	assert.Equal(t, http.StatusOK, s.do(t, oktaDelivery(t)).Code)
	eventually(t, "the worker tries", func() bool { return len(s.logged("cannot be applied now")) > 0 })
	e.setAway(nil)
	eventually(t, "the run starts", func() bool { return e.started()[leaver] == 1 })
}

func TestOktaMeanings(t *testing.T) {
	for eventType, c := range map[string]struct {
		started bool
		soft    bool
	}{
		"user.lifecycle.deactivate":       {started: true},
		"user.lifecycle.delete.initiated": {started: true},
		"user.lifecycle.suspend":          {started: true, soft: true},
		"user.lifecycle.unsuspend":        {},
		"user.lifecycle.activate":         {},
		"user.session.start":              {},
	} {
		t.Run(eventType, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, withOkta, func(c *door.Config) { c.Okta.Approval = offboard.ApprovalNone })
			assert.Equal(t, http.StatusOK, s.do(t, oktaDelivery(t, "user.lifecycle.deactivate", eventType)).Code)
			// A second person behind the first: when it is applied, so is the first.
			assert.Equal(t, http.StatusOK, s.do(t, oktaDelivery(t, "6c5775f9", "7c5775f9", leaver, "second@acme.example")).Code)
			work(t, s.door)
			eventually(t, "the queue is empty", func() bool { return e.started()["second@acme.example"] == 1 })
			assert.Equal(t, c.started, e.started()[leaver] == 1)
			if !c.started {
				return
			}
			if c.soft {
				assert.Equal(t, offboard.ApprovalRequired, e.requests[0].Approval)
				assert.WithinDuration(t, now().Add(24*time.Hour), e.requests[0].LastDay, time.Hour)
			} else {
				assert.Equal(t, offboard.ApprovalNone, e.requests[0].Approval)
				assert.True(t, e.requests[0].LastDay.IsZero())
			}
		})
	}
}

// Okta delivers late and out of order: what was published last counts.
func TestOktaOrder(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withOkta)
	early, late := now().Add(-time.Minute).UTC().Format(time.RFC3339Nano), now().UTC().Format(time.RFC3339Nano)
	s.do(t, oktaDelivery(t, "6c5775f9", "second", "PUBLISHED", late, "user.lifecycle.deactivate", "user.lifecycle.reactivate"))
	s.do(t, oktaDelivery(t, "6c5775f9", "first", "PUBLISHED", early))
	work(t, s.door)
	eventually(t, "both are applied", func() bool { return len(s.logged("applied an event of the queue")) == 2 })
	assert.Equal(t, offboard.PhaseUndo, e.runs[leaver].Phase, "the person stays")
}

// One event that cannot be used does not keep the others of its delivery out: Okta never sends them again.
func TestOktaEventsThatCannotBeUnderstood(t *testing.T) {
	for name, replace := range map[string][]string{
		"a login that is no e-mail address": {leaver, "leaver"},
		"it did not happen":                 {"SUCCESS", "FAILURE"},
		"nobody is meant": {`"type": "User",
            "alternateId": "leaver@acme.example"`, `"type": "AppInstance",
            "alternateId": "some app"`},
		"no uuid": {"6c5775f9-f9a3-11ed-8d5b-c305421bade6", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, withOkta)
			w := s.do(t, oktaDelivery(t, replace...))
			assert.Equal(t, http.StatusOK, w.Code)
			s.do(t, oktaDelivery(t, "6c5775f9", "7c5775f9", leaver, "second@acme.example"))
			work(t, s.door)
			eventually(t, "the next one is applied", func() bool { return e.started()["second@acme.example"] == 1 })
			assert.Len(t, e.started(), 1)
		})
	}
}

func TestOktaRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"another secret": {func(r *http.Request) { r.Header.Set("Authorization", "wrong") }, http.StatusUnauthorized},
		"no secret":      {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"the old secret": {func(r *http.Request) { r.Header.Set("Authorization", "oktas-old-shared-secret") }, http.StatusOK},
		"not JSON":       {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{")) }, http.StatusBadRequest},
		"too large":      {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", 600<<10))) }, http.StatusRequestEntityTooLarge},
		"another type":   {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, newEngine(), withOkta)
			r := oktaDelivery(t)
			c.change(r)
			assert.Equal(t, c.want, s.do(t, r).Code)
		})
	}
}

// A final refusal of an event in the queue ends there, loudly: nobody else is told.
func TestAQueuedEventThatIsRefused(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withOkta)
	apply(t, s.door, event("1", door.Requested, at(now().Add(-time.Minute)), func(v *door.Event) { v.Source = "okta" }))
	e.refusal = "the first key has been deleted"
	s.do(t, oktaDelivery(t, "user.lifecycle.deactivate", "user.lifecycle.activate"))
	work(t, s.door)
	eventually(t, "it is in the log", func() bool { return len(s.logged("an event in the queue was refused")) > 0 })
}

// People whose runs cannot take an event now keep nobody else in the queue waiting.
func TestAQueueWithPeopleWhoMustWait(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withOkta)
	for i := range 5 {
		apply(t, s.door, event(fmt.Sprint("r", i), door.Requested, user(person(i)), at(now().Add(-time.Minute))))
		apply(t, s.door, event(fmt.Sprint("c", i), door.Cancelled, user(person(i)), at(now().Add(-time.Minute))))
		s.do(t, oktaDelivery(t, "6c5775f9", fmt.Sprint("wait", i), leaver, person(i)))
	}
	s.do(t, oktaDelivery(t))
	work(t, s.door)
	eventually(t, "who comes last starts", func() bool { return e.started()[leaver] == 1 })
	e.end(person(3))
	eventually(t, "who waited starts", func() bool { return e.started()[person(3)] == 2 })
}
