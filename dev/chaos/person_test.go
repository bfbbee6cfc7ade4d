package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// How often the people of these tests look at a run.
const (
	look        = 200 * time.Millisecond
	lastingLook = 2 * time.Second
)

// outcome is what came of a run.
type outcome struct {
	report offboard.Report
	failed error           // it ended without a report
	holds  []offboard.Hold // that a person was shown, in order
	plan   *offboard.Plan  // that was approved or rejected
}

// people are who a run meets. The zero value approves what is asked with the safest answers and answers every hold with
// retry.
type people struct {
	// answer says what to do about a hold; nil means retry.
	answer func(offboard.Hold) string
	// watch sees every progress that is looked at, before anything is answered.
	watch func(offboard.Progress)
	// keepOut leaves the plan unapproved.
	keepOut bool
}

// blind tells whether a plan says that a part of the account could not be seen. Nobody should approve such a plan: these
// people reject it, have the cause removed and start again.
func blind(plan offboard.Plan) (why string, yes bool) {
	for _, f := range plan.Findings {
		if strings.HasPrefix(f.ID, "missing/") || strings.HasPrefix(f.ID, "unreachable/") {
			return f.Text, true
		}
	}
	return "", false
}

// begin starts a run by its own workflow ID.
func (b *bench) begin(fields map[string]any) string {
	b.t.Helper()
	input := map[string]any{"user": leaver, "soak": soak.String(), "requestedBy": requester}
	for name, value := range fields {
		input[name] = value
	}
	data, err := json.Marshal(input)
	require.NoError(b.t, err)
	request, err := offboard.DecodeRequest(data, time.Now())
	require.NoError(b.t, err)
	run, err := b.runs.Start(b.ctx, request)
	require.NoError(b.t, err)
	return run.WorkflowID
}

// progress asks a run how it stands. No answer, because the worker is dead or the server is, is not an error here.
func (b *bench) progress(id string) (p offboard.Progress, answered bool) {
	ctx, cancel := context.WithTimeout(b.ctx, 3*time.Second)
	defer cancel()
	value, err := b.conn.QueryWorkflow(ctx, id, "", workflows.StatusQuery)
	if err != nil {
		return p, false
	}
	return p, value.Get(&p) == nil
}

// drive is with a run until it ends.
func (b *bench) drive(id string, who people) outcome {
	b.t.Helper()
	var out outcome
	done := make(chan struct{})
	go func() {
		defer close(done)
		out.report, out.failed = b.wait(id)
	}()
	talk := &talk{b: b, id: id, people: who, seen: map[string]time.Time{}}
	for {
		select {
		case <-done:
			out.holds, out.plan = talk.holds, talk.plan
			require.NoError(b.t, b.ctx.Err(), "the run did not end in time; last seen: %s\n%s", talk.last(), b.standing(id))
			return out
		case <-time.After(b.look):
			if p, answered := b.progress(id); answered {
				talk.hear(p)
			}
		}
	}
}

// wait waits for the end through restarts of the server.
func (b *bench) wait(id string) (offboard.Report, error) {
	for {
		report, err := b.runs.Wait(b.ctx, id)
		_, ended := errors.AsType[*app.Failed](err)
		if err == nil || b.ctx.Err() != nil || (ended && b.closed(id)) {
			return report, err
		}
		time.Sleep(look)
	}
}

// closed tells whether a run has ended; a server that does not answer is no end.
func (b *bench) closed(id string) bool {
	ctx, cancel := context.WithTimeout(b.ctx, 3*time.Second)
	defer cancel()
	d, err := b.conn.DescribeWorkflowExecution(ctx, id, "")
	return err == nil && d.GetWorkflowExecutionInfo().GetCloseTime() != nil
}

// talk is one conversation with a run.
type talk struct {
	people
	b     *bench
	id    string
	seen  map[string]time.Time // holds that were answered, by subject
	holds []offboard.Hold
	plan  *offboard.Plan
	now   offboard.Progress
}

func (t *talk) hear(p offboard.Progress) {
	t.now = p
	if t.watch != nil {
		t.watch(p)
	}
	if p.Status != offboard.Running {
		return
	}
	if p.Phase == offboard.PhaseApprove && p.Plan != nil && p.Approval == nil && p.Plan.Blockers() == 0 && !t.keepOut {
		t.decide(*p.Plan)
	}
	for _, h := range p.Holds {
		t.resolve(h)
	}
}

func (t *talk) decide(plan offboard.Plan) {
	var err error
	if why, yes := blind(plan); yes {
		_, err = t.b.runs.Reject(t.b.ctx, t.id, workflows.Reject{By: approver, Note: why})
	} else {
		_, err = t.b.runs.Approve(t.b.ctx, t.id, workflows.Approve{By: approver, Digest: plan.Digest, Answers: demo.Answers(plan)})
	}
	t.tolerate("the decision on the plan", err)
	if err == nil {
		t.plan = &plan
	}
}

func (t *talk) resolve(h offboard.Hold) {
	if t.seen[h.Subject].Equal(h.Since) && !h.Since.IsZero() {
		return
	}
	action := offboard.ActionRetry
	if t.answer != nil {
		action = t.answer(h)
	}
	if action == "" {
		return // the person waits
	}
	_, err := t.b.runs.Resolve(t.b.ctx, t.id, workflows.Resolve{Scope: h.Subject, Action: action, By: approver})
	t.tolerate("resolve", err)
	if err == nil {
		t.seen[h.Subject] = h.Since
		t.holds = append(t.holds, h)
	}
}

// tolerate lets pass what a person would shrug at: the run went on by itself meanwhile, or nobody answers right now.
func (t *talk) tolerate(what string, err error) {
	if _, refused := errors.AsType[*app.Refused](err); err == nil || refused {
		return
	}
	t.b.t.Logf("%s was not heard: %v", what, err)
}

func (t *talk) last() string {
	return fmt.Sprintf("phase %s, waiting for %q, holds %v", t.now.Phase, t.now.Waiting, t.now.Holds)
}
