package door

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"offboard/internal/offboard"
)

// runAnswer is what GET /runs/{run} shows: the same as `starter status --output json`.
type runAnswer struct {
	Link     string            `json:"link"`
	Progress offboard.Progress `json:"progress"`
}

func (d *Door) showRun(c *call) (any, error) {
	if _, err := d.operator(c); err != nil {
		return nil, err
	}
	s, err := d.named(c)
	if err != nil {
		return nil, err
	}
	return runAnswer{Link: s.Run.Link, Progress: s.Progress}, nil
}

// named finds the run that a request is about, by its path or by the person.
func (d *Door) named(c *call) (Standing, error) {
	name := cmp.Or(c.PathValue("run"), c.URL.Query().Get("user"))
	if name == "" {
		return Standing{}, &Invalid{Problems: []string{`"user" is missing: whose run? The query or the path must name it`}}
	}
	s, err := d.engine.Standing(c.Context(), name)
	if err != nil {
		return Standing{}, err
	}
	c.line.user, c.line.run = s.Progress.Request.User, s.Run.ID
	return s, nil
}

// operatorBody is what an operator says, whatever it is said to.
type operatorBody struct {
	note, digest, scope, action string
	answers                     map[string]string
	lastDay                     time.Time
}

// operatorVerb is one thing that operators can tell a run.
type operatorVerb struct {
	result Result
	kind   Kind     // what it says of the person; empty: nothing
	fields []string // of the body, besides the note
	tell   func(*Door, context.Context, Message, Standing, operatorBody) (string, error)
}

// operatorVerbs are the answers by the last part of their paths.
var operatorVerbs = map[string]operatorVerb{
	"approve": {result: Approved, fields: []string{"digest", "answers"}, tell: (*Door).approve},
	"reject": {result: Rejected, kind: Cancelled, tell: func(d *Door, ctx context.Context, m Message, _ Standing, _ operatorBody) (string, error) {
		return d.engine.Reject(ctx, m)
	}},
	"reinstate": {result: Reinstated, kind: Cancelled, tell: func(d *Door, ctx context.Context, m Message, _ Standing, _ operatorBody) (string, error) {
		return d.engine.Reinstate(ctx, m)
	}},
	"reschedule": {result: Moved, kind: Rescheduled, fields: []string{"lastDay"}, tell: func(d *Door, ctx context.Context, m Message, _ Standing, b operatorBody) (string, error) {
		return d.engine.Reschedule(ctx, m, b.lastDay)
	}},
	"resolve": {result: Resolved, fields: []string{"scope", "action"}, tell: func(d *Door, ctx context.Context, m Message, _ Standing, b operatorBody) (string, error) {
		return d.engine.Resolve(ctx, m, Resolution{Scope: b.scope, Action: b.action})
	}},
}

// approve says yes in the operator's name, and vouches for it.
func (d *Door) approve(ctx context.Context, m Message, s Standing, b operatorBody) (string, error) {
	proof, err := d.prove(ctx, offboard.ApprovalClaim{WorkflowID: s.Progress.WorkflowID, RunID: s.Progress.RunID, Digest: b.digest, By: m.By, Answers: b.answers})
	if err != nil {
		return "", err
	}
	return d.engine.Approve(ctx, m, Approval{Digest: b.digest, Answers: b.answers, Proof: proof})
}

// tellRun tells a run what an operator says. Who says it is told by the token alone. With the header Idempotency-Key the
// same request acts once, however often it is sent.
func (d *Door) tellRun(c *call, verb operatorVerb) (any, error) {
	who, err := d.operator(c)
	if err != nil {
		return nil, err
	}
	body, err := verb.read(c.body)
	if err != nil {
		return nil, err
	}
	m := Message{By: who.Email, Note: body.note}
	if key := c.Header.Get("Idempotency-Key"); len(key) > longestID {
		return nil, &rejected{status: http.StatusBadRequest, text: fmt.Sprintf("the header Idempotency-Key must be of at most %d bytes", longestID)}
	} else if key != "" {
		m.Key = operatorSource + "\x00" + who.Email + "\x00" + key
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), patience)
	defer cancel()
	s, err := d.named(c)
	if err != nil {
		return nil, err
	}
	m.Run = s.Run
	said := Event{ID: rand.Text(), Source: operatorSource, Kind: verb.kind, At: d.now(), User: s.Progress.Request.User, LastDay: body.lastDay}
	unlock, err := d.turn(ctx, said)
	if err != nil {
		return nil, err
	}
	defer unlock()
	answer, err := verb.tell(d, ctx, m, s, body)
	if err != nil {
		return nil, err
	}
	o := Outcome{Result: verb.result, Message: answer, Run: s.Run.ID, Link: s.Run.Link}
	c.line.kind, c.line.outcome = string(verb.kind), o.Result
	d.heed(said, s, o)
	return o, nil
}

// heed keeps what an operator said of a person, so that events of before it come too late. The run has heard it already,
// so that it cannot be kept is no failure.
func (d *Door) heed(said Event, s Standing, o Outcome) {
	if said.Kind == "" {
		return
	}
	for _, name := range slices.Compact([]string{s.Progress.Request.User, s.Progress.Leaver.Email}) {
		if name == "" { // nobody leaves in a move, and before it begins a run does not know the address
			continue
		}
		said.User = name
		if err := d.store.finish(said, o, met{runID: s.Run.RunID}, d.now()); err != nil {
			d.logger.Error("what an operator said could not be kept; events of before it may be applied after it", zap.String("user", name), zap.Error(err))
		}
	}
}

// read reads a body. The error is an *Invalid with every problem.
func (v operatorVerb) read(body []byte) (operatorBody, error) {
	r := &fieldReader{}
	fields := r.object("the body", body)
	if _, given := fields["by"]; given {
		r.add(`"by" is who holds the token: leave it out`)
		delete(fields, "by")
	}
	r.known(fields, "", append([]string{"note"}, v.fields...)...)
	b := operatorBody{note: r.text(fields, "", "note", false)}
	asks := func(name string) bool { return fields != nil && slices.Contains(v.fields, name) }
	if asks("digest") {
		b.digest, b.answers = r.text(fields, "", "digest", true), r.texts(fields, "answers")
	}
	if asks("lastDay") {
		b.lastDay = r.time(fields, "", "lastDay", true)
	}
	if asks("action") {
		b.scope, b.action = r.text(fields, "", "scope", false), r.text(fields, "", "action", true)
	}
	if len(r.problems) > 0 {
		return operatorBody{}, &Invalid{Problems: r.problems}
	}
	return b, nil
}
