package door_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

// engine is a small engine that remembers: one open run for each person, answers that are given once for each key.
type engine struct {
	mu       sync.Mutex
	runs     map[string]*run // open ones, by person
	starts   map[string]int  // how often a run was started, by person
	requests []offboard.Request
	told     []string          // what runs were told, in order: "reinstate leaver@…"
	answers  map[string]string // by key: a second message with the same key is not told
	made     int

	approvals []door.Approval

	away    error                                             // every call fails with it
	gone    bool                                              // every message comes too late: the run has ended
	silent  bool                                              // a start is accepted and its answer never comes
	lost    bool                                              // no run is found, although one was open a moment ago
	refusal string                                            // every message is refused with it
	reached func()                                            // runs after a start was accepted, before it is answered
	waits   func(ctx context.Context, user string) error      // runs before a start is accepted
	phase   func(request offboard.Request) (p offboard.Phase) // of new runs; nil: wait or approve, by the last day
}

type run struct {
	door.Run
	user string
}

func newEngine() *engine {
	return &engine{runs: map[string]*run{}, starts: map[string]int{}, answers: map[string]string{}}
}

func (e *engine) Start(ctx context.Context, r offboard.Request) (door.Run, error) {
	if e.waits != nil {
		if err := e.waits(ctx, r.User); err != nil {
			return door.Run{}, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away != nil {
		return door.Run{}, e.away
	}
	who := strings.ToLower(r.User)
	if open := e.runs[who]; open != nil && e.silent {
		return door.Run{}, &door.Away{Why: "the engine does not answer", After: time.Second}
	} else if open != nil {
		return door.Run{}, &door.Open{Run: door.Run{ID: open.ID, RunID: open.RunID, Link: open.Link}}
	}
	e.starts[who]++
	e.made++
	e.requests = append(e.requests, r)
	started := &run{user: who, Run: door.Run{ID: "offboard/acc/" + who, RunID: fmt.Sprint("run-", e.made), Link: "http://ui.acme.example/" + who,
		Mode: r.Mode, Phase: offboard.PhaseApprove, LastDay: r.LastDay}}
	if r.LastDay.After(now()) {
		started.Phase = offboard.PhaseWait
	}
	if e.phase != nil {
		started.Phase = e.phase(r)
	}
	e.runs[who] = started
	if e.reached != nil {
		e.reached()
	}
	if e.silent {
		return door.Run{}, &door.Away{Why: "the engine does not answer", After: time.Second}
	}
	return started.Run, nil
}

func (e *engine) Find(_ context.Context, user string) (door.Run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away != nil {
		return door.Run{}, e.away
	}
	if open := e.runs[strings.ToLower(user)]; open != nil && !e.lost {
		return open.Run, nil
	}
	return door.Run{}, nil
}

func (e *engine) tell(m door.Message, what string, then func(*run)) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away != nil {
		return "", e.away
	}
	if e.gone {
		return "", &door.Gone{Run: m.Run.ID}
	}
	if answer, again := e.answers[m.Run.RunID+what+m.Key]; again && m.Key != "" {
		return answer, nil
	}
	for who, open := range e.runs {
		if open.RunID != m.Run.RunID {
			continue
		}
		if e.refusal != "" {
			return "", &door.Refused{Run: open.ID, Message: e.refusal}
		}
		e.told = append(e.told, what+" "+who+" by "+m.By)
		then(open)
		e.answers[m.Run.RunID+what+m.Key] = "The run will " + what + "."
		if e.reached != nil {
			e.reached()
		}
		return "The run will " + what + ".", nil
	}
	return "", &door.Gone{Run: m.Run.ID}
}

func (e *engine) Reschedule(_ context.Context, m door.Message, day time.Time) (string, error) {
	return e.tell(m, "reschedule", func(r *run) { r.LastDay = day })
}

func (e *engine) Reinstate(_ context.Context, m door.Message) (string, error) {
	return e.tell(m, "reinstate", func(r *run) { r.Phase = offboard.PhaseUndo })
}

func (e *engine) Standing(_ context.Context, name string) (door.Standing, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away != nil {
		return door.Standing{}, e.away
	}
	for who, open := range e.runs {
		if open.ID == name || strings.EqualFold(who, name) {
			return door.Standing{Run: open.Run, Progress: offboard.Progress{WorkflowID: open.ID, RunID: open.RunID, Status: offboard.Running, Phase: open.Phase,
				Request: offboard.Request{User: who}, Leaver: offboard.Person{Email: who}}}, nil
		}
	}
	return door.Standing{}, &door.NoRun{Name: name}
}

func (e *engine) Approve(_ context.Context, m door.Message, a door.Approval) (string, error) {
	return e.tell(m, "approve", func(*run) { e.approvals = append(e.approvals, a) })
}

func (e *engine) Reject(_ context.Context, m door.Message) (string, error) {
	return e.tell(m, "reject", func(r *run) { r.Phase = offboard.PhaseReport })
}

func (e *engine) Resolve(_ context.Context, m door.Message, r door.Resolution) (string, error) {
	return e.tell(m, "resolve "+r.Scope+" "+r.Action, func(*run) {})
}

func (e *engine) Ready(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.away
}

// end ends a person's run.
func (e *engine) end(user string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, user)
}

// enter puts a person's run into a phase.
func (e *engine) enter(user string, phase offboard.Phase) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs[user].Phase = phase
}

func (e *engine) setAway(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.away = err
}

func (e *engine) started() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.starts)
}

func (e *engine) lastDay(user string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.runs[user].LastDay
}

func (e *engine) messages() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.told...)
}

var errDown = errors.New("connection refused")

// now is the time of all tests that need no other; the library for Standard Webhooks knows only the real one.
func now() time.Time { return time.Now() }

func openStore(t testing.TB, path string) *door.Store {
	t.Helper()
	s, err := door.OpenStore(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

const (
	leaver = "leaver@acme.example"
	hr     = "hr@acme.example"
)

// event is a complete event, a little later with each one.
func event(id string, kind door.Kind, change ...func(*door.Event)) door.Event {
	e := door.Event{ID: id, Source: "webhooks/hr", Kind: kind, At: now(), User: leaver}
	for _, c := range change {
		c(&e)
	}
	return e
}

func at(t time.Time) func(*door.Event)        { return func(e *door.Event) { e.At = t } }
func user(name string) func(*door.Event)      { return func(e *door.Event) { e.User = name } }
func lastDay(day time.Time) func(*door.Event) { return func(e *door.Event) { e.LastDay = day } }
func soft(e *door.Event)                      { e.Soft = true }
