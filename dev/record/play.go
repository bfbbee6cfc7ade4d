package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// The people of a recording.
const (
	leaver    = demo.Leaver
	requester = demo.Requester
	approver  = demo.Approver
)

// play is one scenario under way. The first thing that goes wrong is kept and everything after it is skipped, so that a
// scenario reads as a story.
type play struct {
	*stack.Engine
	ctx    context.Context
	run    execution
	others []execution
	err    error

	program string    // of the worker
	process *exec.Cmd // of the worker, where it is one
	told    *listener // nil unless the scenario has notices
}

func (p *play) fail(what string, err error) {
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("%s: %w", what, err)
	}
}

// input are the fields of a request besides the user, the soak and who asks.
type input map[string]any

// start begins the run that is recorded.
func (p *play) start(fields input) {
	if p.err != nil {
		return
	}
	in := input{"user": leaver, "soak": "1s", "requestedBy": requester}
	for name, value := range fields {
		in[name] = value
	}
	user, _ := in["user"].(string)
	p.run = p.begin(workflows.ID(p.Config.Account, user), in)
}

// move begins the move that is recorded.
func (p *play) move(fields input) {
	p.run = p.beginAs(workflows.Move, "offboard-move/recorded", fields)
}

// begin starts a run as any client may.
func (p *play) begin(id string, args ...any) execution {
	return p.beginAs(workflows.Offboard, id, args...)
}

func (p *play) beginAs(kind, id string, args ...any) execution {
	if p.err != nil {
		return execution{}
	}
	run, err := p.Connection.ExecuteWorkflow(p.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue, StaticSummary: "Offboard " + leaver},
		kind, args...)
	if err != nil {
		p.fail("start a run", err)
		return execution{}
	}
	return execution{run.GetID(), run.GetRunID()}
}

// until waits until the run's progress fulfils the condition.
func (p *play) until(what string, condition func(offboard.Progress) bool) offboard.Progress {
	var last offboard.Progress
	if p.err != nil {
		return last
	}
	met := false
	err := p.Runs.Follow(p.ctx, p.run.id, 50*time.Millisecond, func(now offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		last, met = now, condition(now)
		return met
	})
	p.fail(fmt.Sprintf("wait for %s in phase %q, which waits for %q", what, last.Phase, last.Waiting), err)
	if err == nil && !met {
		p.fail("wait for "+what, fmt.Errorf("the run ended as %s: %s", last.Status, last.Message))
	}
	return last
}

// now is how the run stands. It has one scope and a soak even if nothing is known.
func (p *play) now() offboard.Progress {
	now := p.until("anything", func(offboard.Progress) bool { return true })
	if p.err != nil {
		now.Scopes, now.Soak = make([]offboard.ScopeProgress, 1), &offboard.SoakProgress{}
	}
	return now
}

func (p *play) phase(phase offboard.Phase) {
	p.until(string(phase), func(now offboard.Progress) bool { return now.Phase == phase })
}

// held waits for a hold whose subject contains the text.
func (p *play) held(subject string) string {
	name := ""
	p.until("a hold of "+subject, func(now offboard.Progress) bool {
		for _, h := range now.Holds {
			if strings.Contains(h.Subject, subject) {
				name = h.Subject
				return true
			}
		}
		return false
	})
	return name
}

// plan waits until there is a plan to approve.
func (p *play) plan() offboard.Plan {
	now := p.until("a plan", func(now offboard.Progress) bool { return now.Phase == offboard.PhaseApprove && now.Plan != nil })
	if now.Plan == nil {
		return offboard.Plan{}
	}
	return *now.Plan
}

// approve says yes with the safest answers.
func (p *play) approve() {
	plan := p.plan()
	p.update(workflows.ApproveUpdate, workflows.Approve{By: approver, Digest: plan.Digest, Answers: demo.Answers(plan)})
}

// scope waits until the progress of a scope's hand-over, whose name contains the text, fulfils the condition.
func (p *play) scope(name, what string, condition func(offboard.ScopeProgress) bool) {
	if p.err != nil {
		return
	}
	met := false
	err := p.Runs.Follow(p.ctx, p.run.id, 20*time.Millisecond, func(_ offboard.Progress, scopes map[string]offboard.ScopeProgress) bool {
		for _, s := range scopes {
			met = met || strings.Contains(s.Scope.String(), name) && condition(s)
		}
		return met
	})
	if err == nil && !met {
		err = errors.New("the run ended")
	}
	p.fail(fmt.Sprintf("wait for %s of %s", what, name), err)
}

// step waits for a step of a scope's hand-over or of one of its clusters.
func (p *play) step(name, step string) {
	p.scope(name, step, func(s offboard.ScopeProgress) bool {
		return s.Step == step || slices.ContainsFunc(s.Clusters, func(c offboard.ClusterProgress) bool { return c.Step == step })
	})
}

// update sends an update and waits for its answer.
func (p *play) update(name string, argument any) {
	if p.err != nil {
		return
	}
	handle, err := p.Connection.UpdateWorkflow(p.ctx, client.UpdateWorkflowOptions{WorkflowID: p.run.id, RunID: p.run.run, UpdateName: name,
		Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err == nil {
		err = handle.Get(p.ctx, nil)
	}
	p.fail(name, err)
}

// answer waits for a hold and answers it.
func (p *play) answer(subject, action string) {
	name := p.held(subject)
	p.update(workflows.ResolveUpdate, workflows.Resolve{Scope: name, Action: action, By: approver, Note: "Looked at it."})
}

// events counts the activities of a type that the run has scheduled.
func (p *play) events(activity string) int {
	h, err := p.history(p.run)
	p.fail("read the history", err)
	n := 0
	for _, e := range h.GetEvents() {
		if e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == activity {
			n++
		}
	}
	return n
}

// answers gives the same answer to every hold whose subject contains the text, until the run has ended.
func (p *play) answers(subject, action string) {
	for p.err == nil {
		name := ""
		var last offboard.Progress
		err := p.Runs.Follow(p.ctx, p.run.id, 50*time.Millisecond, func(now offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
			last = now
			for _, h := range now.Holds {
				if strings.Contains(h.Subject, subject) {
					name = h.Subject
				}
			}
			return name != ""
		})
		p.fail(fmt.Sprintf("wait for a hold of %s in phase %q, which waits for %q", subject, last.Phase, last.Waiting), err)
		if name == "" {
			return
		}
		p.update(workflows.ResolveUpdate, workflows.Resolve{Scope: name, Action: action, By: approver})
	}
}

func (p *play) reject() {
	p.update(workflows.RejectUpdate, workflows.Reject{By: approver, Note: "Not before the release."})
}

func (p *play) reinstate() {
	p.update(workflows.ReinstateUpdate, workflows.Reinstate{By: approver, Note: "The contract was extended."})
}

func (p *play) reschedule(day time.Time) {
	p.update(workflows.RescheduleUpdate, workflows.Reschedule{By: approver, LastDay: day.UTC().Truncate(time.Second), Note: "HR moved it."})
}

func (p *play) cancel() {
	if p.err == nil {
		p.fail("cancel", p.Connection.CancelWorkflow(p.ctx, p.run.id, p.run.run))
	}
}

// ends waits for the end and asserts how it is.
func (p *play) ends(status offboard.Status) {
	if p.err != nil {
		return
	}
	var report offboard.Report
	if err := p.Connection.GetWorkflow(p.ctx, p.run.id, p.run.run).Get(p.ctx, &report); err != nil {
		p.fail("wait for the end", err)
		return
	}
	if report.Status != status {
		p.fail("wait for the end", fmt.Errorf("the run ended as %s, not as %s: %s %v", report.Status, status, report.Message, report.Progress.Residual))
	}
}

// fails waits for an end without a report.
func (p *play) fails() {
	if p.err != nil {
		return
	}
	if err := p.Connection.GetWorkflow(p.ctx, p.run.id, p.run.run).Get(p.ctx, nil); err == nil {
		p.fail("wait for the failure", errors.New("the run did not fail"))
	}
}

func (p *play) stop() {
	if p.err == nil {
		p.fail("stop the worker", p.StopWorker())
	}
}

func (p *play) resume() {
	if p.err == nil {
		p.fail("start the worker", p.StartWorker())
	}
}
