package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"offboard/dev/internal/witness"
	"offboard/internal/offboard"
)

// done is one offboarding that has ended well: the report, and when it was started and had closed by this machine's clock.
type done struct {
	report         offboard.Report
	started, ended time.Time
}

// offboard has a leaver removed and holds the run to the promises; a hold ends it, as nobody is here to answer.
func (r *rig) offboard(ctx context.Context, leaver string) (done, error) {
	d := done{started: time.Now()}
	run, err := r.runs.Start(ctx, r.request(leaver))
	if err != nil {
		return d, err
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go r.watchHolds(waiting, run.WorkflowID, cancel)
	d.report, err = r.runs.Wait(waiting, run.WorkflowID)
	d.ended = time.Now()
	if err != nil {
		return d, errors.Join(err, context.Cause(waiting))
	}
	return d, d.good()
}

// watchHolds looks for holds every few seconds, which costs the worker next to nothing.
func (r *rig) watchHolds(ctx context.Context, workflowID string, give func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Second):
		}
		p, scopes, err := r.runs.Status(ctx, workflowID)
		if err != nil {
			continue // busy, or over
		}
		holds := p.Holds
		for _, s := range scopes {
			if s.Hold != nil {
				holds = append(holds, *s.Hold)
			}
		}
		if len(holds) > 0 {
			give(fmt.Errorf("the run holds at %q: %s", holds[0].Step, holds[0].Problem))
			return
		}
	}
}

func (d done) good() error {
	if d.report.Status != offboard.Completed {
		return fmt.Errorf("the run ended as %s: %s %s", d.report.Status, d.report.Message, strings.Join(d.report.Progress.Residual, " "))
	}
	return nil
}

// judge holds a run to the promises: an offboarding that is fast and wrong is worth nothing.
func (r *rig) judge(d done) error {
	if problems := witness.Judge(d.report, r.sim.Ledger(), r.sim.Outages()); len(problems) > 0 {
		return fmt.Errorf("the account saw otherwise: %s", strings.Join(problems[:min(len(problems), 5)], "; "))
	}
	if unknown := r.sim.Unknown(); len(unknown) > 0 {
		return fmt.Errorf("the simulator does not know %s %s", unknown[0].Method, unknown[0].Route)
	}
	return nil
}

// wall is the time of the run without the soak.
func (d done) wall() time.Duration {
	return d.ended.Sub(d.started) - d.phase(offboard.PhaseSoak)
}

// phase is how long a phase took, all its times together.
func (d done) phase(p offboard.Phase) time.Duration {
	var sum time.Duration
	for _, t := range d.report.Progress.Timings {
		if t.Phase == p {
			sum += t.Ended.Sub(t.Started)
		}
	}
	return sum
}

// contain is the time from the yes to the leaver's last key disabled.
func (d done) contain() time.Duration {
	return d.report.Progress.DisabledAt.Sub(d.report.Progress.Approval.At)
}

// history reads the events of one execution.
func (r *rig) history(ctx context.Context, workflowID string) ([]*historypb.HistoryEvent, error) {
	var events []*historypb.HistoryEvent
	list := r.conn.GetWorkflowHistory(ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for list.HasNext() {
		e, err := list.Next()
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", workflowID, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// histories are the events of a run and of its children, by workflow ID.
func (r *rig) histories(ctx context.Context, workflowID string) (map[string][]*historypb.HistoryEvent, error) {
	all := map[string][]*historypb.HistoryEvent{}
	todo := []string{workflowID}
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		events, err := r.history(ctx, id)
		if err != nil {
			return nil, err
		}
		all[id] = events
		for _, e := range events {
			if c := e.GetStartChildWorkflowExecutionInitiatedEventAttributes(); c != nil && !slices.Contains(todo, c.GetWorkflowId()) {
				if _, read := all[c.GetWorkflowId()]; !read {
					todo = append(todo, c.GetWorkflowId())
				}
			}
		}
	}
	return all, nil
}
