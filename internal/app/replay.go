package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"golang.org/x/sync/errgroup"

	"offboard/activities"
	"offboard/replay"
	"offboard/workflows"
)

// Gate replays runs of a namespace against this build, before it is rolled out. It only reads.
type Gate struct {
	client   client.Client
	replayer *replay.Replayer
}

// NewGate makes a Gate. What the options leave open is what the worker of this build has; the converters must be the
// client's own, or payloads cannot be read.
func NewGate(c client.Client, o replay.Options) (*Gate, error) {
	if o.Register == nil {
		o.Register = workflows.Register
	}
	if o.Interceptors == nil {
		o.Interceptors = []interceptor.WorkerInterceptor{activities.Interceptor(activities.Linger)}
	}
	if o.DataConverter == nil {
		o.DataConverter, o.FailureConverter = Converters(c)
	}
	o.DisableRegistrationAliasing = true
	r, err := replay.New(o)
	if err != nil {
		return nil, err
	}
	return &Gate{client: c, replayer: r}, nil
}

// Which chooses the runs to replay, hand-overs and claims as well. Its zero value chooses all that the namespace has.
type Which struct {
	WorkflowID string        // the newest run of this ID, with its hand-overs and its claim
	Status     string        // as Temporal names it: Running, Completed, Failed, …; empty: any
	Since      time.Duration // only those started within this time; zero: whenever
	Query      string        // a visibility query to narrow it down further
}

func (w Which) query(now time.Time) string {
	parts := []string{fmt.Sprintf("TaskQueue = '%s'", workflows.TaskQueue)}
	if w.Status != "" {
		parts = append(parts, fmt.Sprintf("ExecutionStatus = '%s'", strings.ReplaceAll(w.Status, "'", "''")))
	}
	if w.Since > 0 {
		parts = append(parts, fmt.Sprintf("StartTime > '%s'", now.Add(-w.Since).UTC().Format(time.RFC3339)))
	}
	if w.Query != "" {
		parts = append(parts, "("+w.Query+")")
	}
	return strings.Join(parts, " AND ")
}

// Replayed is one run and what this build would do otherwise in it.
type Replayed struct {
	WorkflowID  string              `json:"workflowId"`
	RunID       string              `json:"runId"`
	Type        string              `json:"type"`
	Status      string              `json:"status"` // as Temporal names it
	Events      int                 `json:"events"`
	Differences []replay.Difference `json:"differences,omitempty"`
	Problem     string              `json:"problem,omitempty"` // why it could not be replayed
}

// Passed tells whether the run would not notice this build.
func (r Replayed) Passed() bool { return len(r.Differences) == 0 && r.Problem == "" }

// Replay replays every chosen run, those that do not pass first. A run that cannot be read is a result with a Problem; the
// error is for a namespace that cannot be listed and for an ID nobody knows (*NoRun).
func (g *Gate) Replay(ctx context.Context, w Which) ([]Replayed, error) {
	chosen, err := g.choose(ctx, w)
	if err != nil {
		return nil, err
	}
	list := make([]Replayed, len(chosen))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4) // a replay keeps a processor busy, the next history may be read meanwhile
	for i, info := range chosen {
		group.Go(func() error {
			list[i] = g.replay(ctx, info)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("replay the runs: %w", err)
	}
	slices.SortStableFunc(list, func(a, b Replayed) int { return badness(b) - badness(a) })
	return list, nil
}

func badness(r Replayed) int {
	switch {
	case slices.ContainsFunc(r.Differences, replay.Difference.Stuck):
		return 3
	case r.Problem != "":
		return 2
	case !r.Passed():
		return 1
	}
	return 0
}

func (g *Gate) choose(ctx context.Context, w Which) ([]*workflowpb.WorkflowExecutionInfo, error) {
	query := w.query(time.Now())
	if w.WorkflowID != "" {
		d, err := g.client.DescribeWorkflowExecution(ctx, w.WorkflowID, "")
		if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
			return nil, &NoRun{Name: w.WorkflowID}
		}
		if err != nil {
			return nil, fmt.Errorf("look up run %s: %w", w.WorkflowID, err)
		}
		query += fmt.Sprintf(" AND (RootRunId = '%s' OR RunId = '%[1]s')", d.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	}
	var list []*workflowpb.WorkflowExecutionInfo
	var page []byte
	for {
		answer, err := g.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: page})
		if err != nil {
			return nil, fmt.Errorf("list the runs with %q: %w", query, err)
		}
		list = append(list, answer.GetExecutions()...)
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return list, nil
		}
	}
}

func (g *Gate) replay(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) Replayed {
	r := Replayed{WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Type: info.GetType().GetName(),
		Status: info.GetStatus().String()}
	h := &historypb.History{}
	events := g.client.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			r.Problem = fmt.Sprintf("its history could not be read: %v", err)
			return r
		}
		h.Events = append(h.Events, e)
	}
	r.Events = len(h.Events)
	differences, err := g.replayer.Replay(h)
	if err != nil {
		r.Problem = err.Error()
	}
	r.Differences = differences
	return r
}
