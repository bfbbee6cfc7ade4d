package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Listed is a run as the list shows it, from its search attributes: no worker is needed to see it.
type Listed struct {
	WorkflowID  string          `json:"workflowId"`
	RunID       string          `json:"runId"`
	Type        string          `json:"type"`             // workflow type: Offboard, Move or Prune
	Person      string          `json:"person,omitempty"` // of an Offboard, as named at the start: e-mail address or IAM ID
	Moves       string          `json:"moves,omitempty"`  // of a Move: which scopes, in words
	Prunes      string          `json:"prunes,omitempty"` // of a Prune: which keys, in words
	Status      offboard.Status `json:"status"`           // one of Statuses
	Phase       offboard.Phase  `json:"phase,omitempty"`
	Account     string          `json:"account,omitempty"`
	NeedsPerson bool            `json:"needsPerson,omitempty"`
	LastDay     time.Time       `json:"lastDay,omitzero"`
	Started     time.Time       `json:"started"`
	Ended       time.Time       `json:"ended,omitzero"`
	Link        string          `json:"link"`
}

// Filter chooses runs. Its zero value chooses all.
type Filter struct {
	Status      offboard.Status
	NeedsPerson bool
	Open        bool
	Account     string
	Limit       int // zero: 20
}

// endings are how Temporal says that a run ended without a report.
var endings = []offboard.Status{"Failed", "Canceled", "Terminated", "TimedOut"}

// Statuses are how a listed run can stand: the statuses of a run and, for one without a report, Temporal's words.
func Statuses() []offboard.Status {
	return append([]offboard.Status{offboard.Running, offboard.Planned, offboard.Rejected, offboard.Reinstated, offboard.Completed,
		offboard.Incomplete, offboard.RolledBack, offboard.AlreadyGone}, endings...)
}

// ofOurs means the runs that people start; those they begin by themselves are within them, and rehearsals have queues of
// their own.
var ofOurs = fmt.Sprintf("WorkflowType IN ('%s', '%s', '%s') AND TaskQueue = '%s'", workflows.Offboard, workflows.Move, workflows.Prune, workflows.TaskQueue)

func (f Filter) query() string {
	parts := []string{ofOurs}
	text := func(key, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf("%s = '%s'", key, strings.ReplaceAll(value, "'", "''")))
		}
	}
	// A run that was terminated still says Running in its own attribute: only the server knows how it ended.
	switch {
	case f.Status == offboard.Running || slices.Contains(endings, f.Status):
		text("ExecutionStatus", string(f.Status))
	case f.Status != "":
		text(workflows.StatusAttribute.GetName(), string(f.Status))
		text("ExecutionStatus", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED.String())
	}
	text(workflows.AccountAttribute.GetName(), f.Account)
	if f.NeedsPerson {
		parts = append(parts, workflows.NeedsPersonAttribute.GetName()+" = true")
	}
	if f.Open || f.NeedsPerson {
		parts = append(parts, "ExecutionStatus = 'Running'")
	}
	return strings.Join(parts, " AND ")
}

// List finds runs, the newest first.
func (r *Runs) List(ctx context.Context, f Filter) ([]Listed, error) {
	if f.Limit <= 0 {
		f.Limit = 20
	}
	var list []Listed
	var page []byte
	for {
		answer, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: f.query(), PageSize: int32(min(f.Limit-len(list), 1000)), NextPageToken: page,
		})
		if err != nil {
			return nil, fmt.Errorf("list the runs: %w", err)
		}
		for _, info := range answer.GetExecutions() {
			list = append(list, r.listed(info))
		}
		page = answer.GetNextPageToken()
		if len(page) == 0 || len(list) >= f.Limit {
			break
		}
	}
	return list, r.name(ctx, list)
}

func (r *Runs) listed(info *workflowpb.WorkflowExecutionInfo) Listed {
	id, run := info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
	l := Listed{WorkflowID: id, RunID: run, Type: info.GetType().GetName(), Link: r.Link(id, run), Started: info.GetStartTime().AsTime()}
	if info.GetCloseTime() != nil {
		l.Ended = info.GetCloseTime().AsTime()
	}
	fields := info.GetSearchAttributes().GetIndexedFields()
	attribute(fields, workflows.StatusAttribute.GetName(), &l.Status)
	attribute(fields, workflows.PhaseAttribute.GetName(), &l.Phase)
	attribute(fields, workflows.AccountAttribute.GetName(), &l.Account)
	attribute(fields, workflows.NeedsPersonAttribute.GetName(), &l.NeedsPerson)
	attribute(fields, workflows.LastDayAttribute.GetName(), &l.LastDay)
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		l.Status = offboard.Running
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
	default:
		l.Status, l.NeedsPerson = offboard.Status(info.GetStatus().String()), false
	}
	return l
}

// attribute reads a search attribute. One that is absent or of another type leaves the value alone: the list must show
// what it can.
func attribute(fields map[string]*commonpb.Payload, name string, into any) {
	if payload := fields[name]; payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, into)
	}
}

// name looks up what each run is about, which lists do not carry.
func (r *Runs) name(ctx context.Context, list []Listed) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8) // these are reads of one row each; more would only queue in the server
	for i := range list {
		group.Go(func() error { return r.about(ctx, &list[i]) })
	}
	return group.Wait()
}

// about says what a run was started for, by its summary or, where somebody started it without one, by its input. What
// cannot be read is only not shown.
func (r *Runs) about(ctx context.Context, l *Listed) error {
	d, err := r.client.DescribeWorkflow(ctx, l.WorkflowID, l.RunID)
	if err != nil {
		return fmt.Errorf("look up run %s: %w", l.WorkflowID, err)
	}
	summary, _ := d.GetStaticSummary()
	if person, ours := strings.CutPrefix(summary, workflows.Offboard+" "); ours {
		l.Person = person
		return nil
	}
	if scopes, ours := strings.CutPrefix(summary, workflows.Move+" "); ours {
		l.Moves = scopes
		return nil
	}
	if keys, ours := strings.CutPrefix(summary, workflows.Prune+" "); ours {
		l.Prunes = keys
		return nil
	}
	answer, err := r.client.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: r.config.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: l.WorkflowID, RunId: l.RunID}, MaximumPageSize: 1,
	})
	if err != nil {
		return fmt.Errorf("read the start of run %s: %w", l.WorkflowID, err)
	}
	var input struct {
		User string `json:"user"`
		offboard.Selection
		All bool `json:"all"`
	}
	for _, event := range answer.GetHistory().GetEvents() {
		_ = dataConverter(r.client).FromPayloads(event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &input)
	}
	l.Person = input.User
	switch l.Type {
	case workflows.Move:
		l.Moves = input.Selection.String()
	case workflows.Prune:
		l.Prunes = offboard.PruneSelection{Scopes: input.Scopes, OwnedBy: input.OwnedBy, All: input.All}.String()
	}
	return nil
}
