package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Status tells how a run stands, and how each of its scopes stands by the ID of the scope. It is the run's last word
// where the run has ended.
func (r *Runs) Status(ctx context.Context, workflowID string) (offboard.Progress, map[string]offboard.ScopeProgress, error) {
	p, err := r.progress(ctx, workflowID)
	if err != nil || p.Status != offboard.Running {
		return p, byScope(p), err
	}
	if p.Waiting == "" {
		if why := r.failing(ctx, workflowID); why != "" {
			p.Waiting = "another try: " + why
		}
	}
	if err := r.soak(ctx, &p); err != nil {
		return p, nil, err
	}
	scopes, err := r.scopes(ctx, workflowID, p)
	return p, scopes, err
}

// progress is how a run says it stands, without what its children know.
func (r *Runs) progress(ctx context.Context, workflowID string) (offboard.Progress, error) {
	d, err := r.describe(ctx, workflowID)
	if err != nil {
		return offboard.Progress{}, err
	}
	if d.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		report, err := r.Wait(ctx, workflowID)
		return report.Progress, err
	}
	var p offboard.Progress
	err = r.query(ctx, workflowID, &p)
	return p, err
}

// soak asks the run that watches while a soak is under way, which alone knows its probes.
func (r *Runs) soak(ctx context.Context, p *offboard.Progress) error {
	if p.Phase != offboard.PhaseSoak || p.Soak == nil || p.Soak.Run == "" || len(p.Holds) > 0 {
		return nil
	}
	var live offboard.SoakProgress
	err := r.query(ctx, p.Soak.Run, &live)
	if silent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	live.Run = p.Soak.Run
	if live.Until.IsZero() {
		live.Until = p.Soak.Until
	}
	p.Soak = &live
	if why := r.failing(ctx, live.Run); why != "" {
		p.Waiting += ", tried again: " + why
	}
	return nil
}

// Status tells how a run stands; see Runs.Status.
func Status(ctx context.Context, c client.Client, workflowID string) (offboard.Progress, map[string]offboard.ScopeProgress, error) {
	return NewRuns(c, RunsConfig{}).Status(ctx, workflowID)
}

func byScope(p offboard.Progress) map[string]offboard.ScopeProgress {
	m := make(map[string]offboard.ScopeProgress, len(p.Scopes))
	for _, s := range p.Scopes {
		m[s.Scope.ID()] = s
	}
	return m
}

// scopes asks the hand-overs under way; what the parent knows of the others is complete.
func (r *Runs) scopes(ctx context.Context, workflowID string, p offboard.Progress) (map[string]offboard.ScopeProgress, error) {
	live := make([]offboard.ScopeProgress, len(p.Scopes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8) // a query is a workflow task; more at once would only wait in the worker
	for i, s := range p.Scopes {
		live[i] = s
		if s.State != offboard.ScopeRunning && s.State != offboard.ScopeHeld {
			continue
		}
		group.Go(func() error {
			id := s.Run
			if id == "" {
				id = workflows.ScopeID(workflowID, s.Scope)
			}
			var progress offboard.ScopeProgress
			err := r.query(ctx, id, &progress)
			if silent(err) {
				return nil
			}
			if err != nil {
				return err
			}
			if why := r.failing(ctx, id); why != "" && progress.State == offboard.ScopeRunning {
				progress.Step += ", tried again: " + why
			}
			live[i] = progress
			return nil
		})
	}
	err := group.Wait()
	m := make(map[string]offboard.ScopeProgress, len(live))
	for i, s := range p.Scopes {
		m[s.Scope.ID()] = live[i]
	}
	return m, err
}

// unanswered says that the server dropped every question how a run stands, although it knows the run.
type unanswered struct{ run, why string }

func (e *unanswered) Error() string {
	return fmt.Sprintf("Temporal dropped the question how run %s stands, ask again: %s", e.run, e.why)
}

// silent tells whether a child says nothing of itself at the moment, so that what its parent knows of it is all there is:
// it has not started yet, or it ends just now.
func silent(err error) bool {
	_, absent := errors.AsType[*NoRun](err)
	_, dropped := errors.AsType[*unanswered](err)
	return absent || dropped
}

// query asks a run how it stands: *NoRun where there is none, *unanswered where the server drops the question.
func (r *Runs) query(ctx context.Context, workflowID string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.Patience)
	defer cancel()
	for try := 1; ; try++ {
		value, err := r.client.QueryWorkflow(ctx, workflowID, "", workflows.StatusQuery)
		if err == nil {
			if err := value.Get(into); err != nil {
				return fmt.Errorf("read how run %s stands: %w", workflowID, err)
			}
			return nil
		}
		if !overtaken(err) {
			return r.explain(ctx, workflowID, "ask how the run stands", err)
		}
		// One look decides whether it is there: of two, the first may come before a run that starts just now and the second
		// after it, which together would look like a run that has ended.
		if _, err := r.describe(ctx, workflowID); err != nil {
			return err
		}
		if try == queryTries {
			return &unanswered{run: workflowID, why: err.Error()}
		}
		select {
		case <-ctx.Done():
		case <-time.After(queryPause):
		}
	}
}

// Two queries fail only because they met a run in motion. A worker that has no copy of a run reads its history anew for a
// query, and the SDK fails where that has grown meanwhile (sdk-go issue 755). And the server knows nothing of the query of a
// run that ended while it waited, although it answers the next one. The next query meets the run at rest; several only
// where it is very busy.
const (
	queryTries = 5
	queryPause = 200 * time.Millisecond
)

// overtaken tells whether a query met a run whose history grew, or that started or ended, while it was asked.
func overtaken(err error) bool {
	if failed, yes := errors.AsType[*serviceerror.QueryFailed](err); yes {
		return strings.Contains(failed.Error(), "invalid state transition")
	}
	_, missing := errors.AsType[*serviceerror.NotFound](err)
	return missing
}

func (r *Runs) describe(ctx context.Context, workflowID string) (*client.WorkflowExecutionDescription, error) {
	d, err := r.client.DescribeWorkflow(ctx, workflowID, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return nil, &NoRun{Name: workflowID}
	}
	if err != nil {
		return nil, fmt.Errorf("look up run %s: %w", workflowID, err)
	}
	return d, nil
}

// Wait waits until a run ends and returns its report; *Failed where it ended without one.
func (r *Runs) Wait(ctx context.Context, workflowID string) (offboard.Report, error) {
	var report offboard.Report
	if err := r.result(ctx, workflowID, "", &report); err != nil {
		return offboard.Report{}, err
	}
	return report, nil
}

// result waits for a run's end and reads its result. An empty run ID means the newest execution.
func (r *Runs) result(ctx context.Context, workflowID, runID string, into any) error {
	err := r.client.GetWorkflow(ctx, workflowID, runID).Get(ctx, into)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return &NoRun{Name: workflowID}
	}
	failure := &Failed{WorkflowID: workflowID, How: "Failed", Why: err.Error()}
	if e, yes := errors.AsType[*temporal.ApplicationError](err); yes {
		failure.How, failure.Why = e.Type(), e.Message()
	}
	if temporal.IsCanceledError(err) {
		failure.How, failure.Why = "Canceled", "somebody cancelled it"
	}
	if _, yes := errors.AsType[*temporal.TerminatedError](err); yes {
		failure.How, failure.Why = "Terminated", "somebody terminated it, so nothing was undone and nothing verified: look at its last progress"
	}
	return failure
}

// Report is a run's report, made of its progress while it is still open.
func (r *Runs) Report(ctx context.Context, workflowID string) (report offboard.Report, open bool, err error) {
	d, err := r.describe(ctx, workflowID)
	if err != nil {
		return offboard.Report{}, false, err
	}
	if d.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		report, err = r.Wait(ctx, workflowID)
		return report, false, err
	}
	p, scopes, err := r.Status(ctx, workflowID)
	if err != nil {
		return offboard.Report{}, true, err
	}
	if p.Status != offboard.Running {
		// It has come to its end and is about to close: its report is being kept, and people are being told.
		report, err = r.Wait(ctx, workflowID)
		return report, false, err
	}
	for i, s := range p.Scopes {
		p.Scopes[i] = scopes[s.Scope.ID()]
	}
	return offboard.NewReport(p, time.Now()), true, nil
}

// Away tells whether an error only says that Temporal or the workers do not answer at the moment: what was asked may be
// asked again, and a start may have been made.
func Away(err error) bool {
	_, noWorker := errors.AsType[*NoWorker](err)
	_, unavailable := errors.AsType[*serviceerror.Unavailable](err)
	_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
	_, dropped := errors.AsType[*unanswered](err)
	return noWorker || unavailable || late || dropped || errors.Is(err, context.DeadlineExceeded)
}

// Follow shows how a run stands every so often, until show returns true or the run has ended. While no worker answers
// it keeps trying for a minute: workers are replaced now and then.
func (r *Runs) Follow(ctx context.Context, workflowID string, every time.Duration, show func(offboard.Progress, map[string]offboard.ScopeProgress) bool) error {
	const patience = time.Minute
	answered := time.Now()
	for {
		p, scopes, err := r.Status(ctx, workflowID)
		_, absent := errors.AsType[*NoWorker](err)
		_, dropped := errors.AsType[*unanswered](err)
		switch {
		case err == nil:
			answered = time.Now()
			if show(p, scopes) || p.Status != offboard.Running {
				return nil
			}
		case !absent && !dropped || time.Since(answered) > patience:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
