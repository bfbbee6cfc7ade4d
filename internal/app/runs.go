package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
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

// Runs is what people and the engine do with runs from outside: start them, look at them, answer them. All methods are
// safe for concurrent use. A run is named by its workflow ID; see Find for other names.
type Runs struct {
	client client.Client
	config RunsConfig
}

// RunsConfig says where runs are.
type RunsConfig struct {
	Account   string // for the workflow IDs of new runs and to find runs by a person's name; may be empty
	Namespace string // for links; empty: "default"
	UI        string // base URL of the Web UI for links; empty: DefaultUI
	// Patience is how long a worker may take to answer a query or an update; zero: 20 seconds.
	Patience time.Duration
}

// NewRuns makes a Runs.
func NewRuns(c client.Client, config RunsConfig) *Runs {
	if config.Namespace == "" {
		config.Namespace = client.DefaultNamespace
	}
	if config.UI == "" {
		config.UI = DefaultUI
	}
	if config.Patience == 0 {
		config.Patience = 20 * time.Second // a worker that must replay a long history first needs a few
	}
	return &Runs{client: c, config: config}
}

// NoRun says that no run has a name.
type NoRun struct{ Name string }

// Error implements error.
func (e *NoRun) Error() string { return fmt.Sprintf("no run is known by the name %q", e.Name) }

// AlreadyRunning says that a run for the same person is open, and names it.
type AlreadyRunning struct{ WorkflowID, RunID, Link string }

// Error implements error.
func (e *AlreadyRunning) Error() string {
	return fmt.Sprintf("a run for this person is open already: %s\n%s", e.WorkflowID, e.Link)
}

// Refused says that the run refused an answer; the message is the run's own sentence.
type Refused struct{ Message string }

// Error implements error.
func (e *Refused) Error() string { return e.Message }

// NoWorker says that no worker answered in time.
type NoWorker struct{ Patience time.Duration }

// Error implements error.
func (e *NoWorker) Error() string {
	return fmt.Sprintf("no worker answered within %s: is one running on the task queue %q? (starter check tells)", e.Patience, workflows.TaskQueue)
}

// Failed says that a run ended without a report, which is what wrong input and a cancellation from outside do.
type Failed struct{ WorkflowID, How, Why string }

// Error implements error.
func (e *Failed) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the run %s ended as %s: %s", e.WorkflowID, e.How, e.Why), ": ")
}

// Started is a run that was just started.
type Started struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Link       string `json:"link"`
}

// Start begins an offboarding. An open run for the same person is an *AlreadyRunning.
func (r *Runs) Start(ctx context.Context, request offboard.Request) (Started, error) {
	account := r.config.Account
	if request.Account != "" {
		account = request.Account
	}
	if account == "" {
		return Started{}, errors.New("no account is named: set IBMCLOUD_ACCOUNT_ID")
	}
	run, err := r.client.ExecuteWorkflow(ctx, workflows.StartOptions(account, request), workflows.Offboard, request)
	if open, yes := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); yes {
		id := workflows.ID(account, request.User)
		return Started{}, &AlreadyRunning{WorkflowID: id, RunID: open.RunId, Link: r.Link(id, open.RunId)}
	}
	if err != nil {
		return Started{}, fmt.Errorf("start the offboarding of %s: %w", request.User, err)
	}
	return Started{WorkflowID: run.GetID(), RunID: run.GetRunID(), Link: r.Link(run.GetID(), run.GetRunID())}, nil
}

// Link is the run's page in the Web UI.
func (r *Runs) Link(workflowID, runID string) string {
	link := fmt.Sprintf("%s/namespaces/%s/workflows/%s", r.config.UI, url.PathEscape(r.config.Namespace), url.PathEscape(workflowID))
	if runID != "" {
		link += "/" + runID + "/history"
	}
	return link
}

// StartForm is the Web UI's start form with everything filled in but the workflow ID and the input.
func (r *Runs) StartForm() string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/start-workflow?taskQueue=%s&workflowType=%s",
		r.config.UI, url.PathEscape(r.config.Namespace), workflows.TaskQueue, workflows.Offboard)
}

// Status tells how a run stands, and how each of its scopes stands by the ID of the scope. It is the run's last word
// where the run has ended.
func (r *Runs) Status(ctx context.Context, workflowID string) (offboard.Progress, map[string]offboard.ScopeProgress, error) {
	d, err := r.describe(ctx, workflowID)
	if err != nil {
		return offboard.Progress{}, nil, err
	}
	if d.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		report, err := r.Wait(ctx, workflowID)
		if err != nil {
			return offboard.Progress{}, nil, err
		}
		return report.Progress, byScope(report.Progress), nil
	}
	var p offboard.Progress
	if err := r.query(ctx, workflowID, &p); err != nil {
		return offboard.Progress{}, nil, err
	}
	if p.Waiting == "" {
		if why := r.failing(ctx, workflowID); why != "" {
			p.Waiting = "another try: " + why
		}
	}
	scopes, err := r.scopes(ctx, workflowID, p)
	return p, scopes, err
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
			if _, absent := errors.AsType[*NoRun](err); absent {
				return nil // not started yet
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

func (r *Runs) query(ctx context.Context, workflowID string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.Patience)
	defer cancel()
	value, err := r.client.QueryWorkflow(ctx, workflowID, "", workflows.StatusQuery)
	if err != nil {
		return r.explain(ctx, workflowID, "ask how the run stands", err)
	}
	if err := value.Get(into); err != nil {
		return fmt.Errorf("read how run %s stands: %w", workflowID, err)
	}
	return nil
}

// explain turns what the client returns into what a person can act on.
func (r *Runs) explain(ctx context.Context, workflowID, what string, err error) error {
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		// The server says the same of a run that has ended.
		if _, err := r.describe(ctx, workflowID); err != nil {
			return err
		}
		return &Refused{Message: fmt.Sprintf("the run %s has ended: nothing can be told to it any more", workflowID)}
	}
	_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
	if late || errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &NoWorker{Patience: r.config.Patience}
	}
	if e, yes := errors.AsType[*temporal.ApplicationError](err); yes {
		return &Refused{Message: e.Message()}
	}
	return fmt.Errorf("%s %s: %w", what, workflowID, err)
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
	err := r.client.GetWorkflow(ctx, workflowID, "").Get(ctx, &report)
	if err == nil {
		return report, nil
	}
	if ctx.Err() != nil {
		return offboard.Report{}, ctx.Err()
	}
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return offboard.Report{}, &NoRun{Name: workflowID}
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
	return offboard.Report{}, failure
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
	for i, s := range p.Scopes {
		p.Scopes[i] = scopes[s.Scope.ID()]
	}
	return offboard.NewReport(p, time.Now()), true, nil
}

// Follow shows how a run stands every so often, until show returns true or the run has ended. While no worker answers
// it keeps trying for a minute: workers are replaced now and then.
func (r *Runs) Follow(ctx context.Context, workflowID string, every time.Duration, show func(offboard.Progress, map[string]offboard.ScopeProgress) bool) error {
	const patience = time.Minute
	answered := time.Now()
	for {
		p, scopes, err := r.Status(ctx, workflowID)
		_, absent := errors.AsType[*NoWorker](err)
		switch {
		case err == nil:
			answered = time.Now()
			if show(p, scopes) || p.Status != offboard.Running {
				return nil
			}
		case !absent || time.Since(answered) > patience:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// Approve says yes to a plan.
func (r *Runs) Approve(ctx context.Context, workflowID string, a workflows.Approve) (string, error) {
	return r.update(ctx, workflowID, workflows.ApproveUpdate, a)
}

// Reject says no to a plan.
func (r *Runs) Reject(ctx context.Context, workflowID string, a workflows.Reject) (string, error) {
	return r.update(ctx, workflowID, workflows.RejectUpdate, a)
}

// Reschedule moves the last day.
func (r *Runs) Reschedule(ctx context.Context, workflowID string, a workflows.Reschedule) (string, error) {
	return r.update(ctx, workflowID, workflows.RescheduleUpdate, a)
}

// Reinstate says that the leaver stays.
func (r *Runs) Reinstate(ctx context.Context, workflowID string, a workflows.Reinstate) (string, error) {
	return r.update(ctx, workflowID, workflows.ReinstateUpdate, a)
}

// Resolve answers a hold.
func (r *Runs) Resolve(ctx context.Context, workflowID string, a workflows.Resolve) (string, error) {
	return r.update(ctx, workflowID, workflows.ResolveUpdate, a)
}

// update sends an answer and returns what the run says to it; *Refused where it says no.
func (r *Runs) update(ctx context.Context, workflowID, name string, argument any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Patience)
	defer cancel()
	handle, err := r.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   workflowID,
		UpdateName:   name,
		Args:         []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return "", r.explain(ctx, workflowID, name, err)
	}
	var reply workflows.Reply
	if err := handle.Get(ctx, &reply); err != nil {
		return "", r.explain(ctx, workflowID, name, err)
	}
	return reply.Message, nil
}

// Holder names the run that holds a claim: the parent of the claim's workflow. It is empty if the claim is free again.
func (r *Runs) Holder(ctx context.Context, claim string) (string, error) {
	d, err := r.client.DescribeWorkflowExecution(ctx, claim, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return "", nil
	}
	if err != nil {
		return "", offboard.Errorf(offboard.Unavailable, "look up who holds claim "+claim, "%v", err)
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", nil
	}
	return info.GetParentExecution().GetWorkflowId(), nil
}

// Input is a request as the JSON text that the Web UI's start form takes.
func Input(request offboard.Request) (string, error) {
	data, err := json.MarshalIndent(request, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the input: %w", err)
	}
	return string(data), nil
}
