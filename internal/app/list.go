package app

import (
	"context"
	"fmt"
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
	Summary     string          `json:"summary,omitempty"` // as given at the start: "Offboard leaver@…"
	Status      offboard.Status `json:"status"`            // Running, a result's status, or how Temporal says it ended
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

func (f Filter) query() string {
	parts := []string{"WorkflowType = '" + workflows.Offboard + "'"}
	text := func(key, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf("%s = '%s'", key, strings.ReplaceAll(value, "'", "''")))
		}
	}
	text(workflows.StatusAttribute.GetName(), string(f.Status))
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
	return list, r.summarize(ctx, list)
}

func (r *Runs) listed(info *workflowpb.WorkflowExecutionInfo) Listed {
	id, run := info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
	l := Listed{WorkflowID: id, RunID: run, Link: r.Link(id, run), Started: info.GetStartTime().AsTime()}
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

// summarize looks up what each run was started with, which lists do not carry.
func (r *Runs) summarize(ctx context.Context, list []Listed) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8) // these are reads of one row each; more would only queue in the server
	for i := range list {
		group.Go(func() error {
			d, err := r.client.DescribeWorkflow(ctx, list[i].WorkflowID, list[i].RunID)
			if err != nil {
				return fmt.Errorf("look up run %s: %w", list[i].WorkflowID, err)
			}
			if text, err := d.GetStaticSummary(); err == nil { // one that cannot be read is only not shown
				list[i].Summary = text
			}
			return nil
		})
	}
	return group.Wait()
}
