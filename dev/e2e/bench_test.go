package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const (
	quick     = "testdata/quick.yaml"
	leaver    = "leaver@acme.example"
	leaverIAM = "IBMid-270006LEAV"
	approver  = "platform-lead@acme.example"
)

// patience bounds each wait. A worker that was killed leaves activities behind whose time must run out first.
const patience = 6 * time.Minute

// bench is one test's namespace, account and worker.
type bench struct {
	*stack.Engine
	t       *testing.T
	ctx     context.Context
	log     *logBuffer
	reports string
}

// start sets a bench up; the account is quick.yaml unless the options name another.
func start(t *testing.T, o stack.EngineOptions) *bench {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx, log: &logBuffer{}, reports: t.TempDir()}
	if o.Account == "" {
		o.Account = quick
	}
	if o.Settings.MinimumSoak == 0 {
		o.Settings.MinimumSoak = offboard.Duration(2 * time.Second) // the life of a token in quick.yaml
	}
	o.Namespace, o.Reports, o.Log = namespace(t), b.reports, b.log
	engine, err := stack.StartEngine(ctx, server, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := engine.Stop(); err != nil {
			t.Errorf("stop the engine: %v", err)
		}
	})
	b.Engine = engine
	return b
}

var (
	namespaces atomic.Int64
	// The server counts its namespaces as a whole: two that are made at once get in each other's way.
	making sync.Mutex
)

// namespace makes a namespace with the search attributes, as an operator would on a self-hosted server.
func namespace(t *testing.T) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	c, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: name})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		_, err := app.Register(t.Context(), c, name)
		require.NoError(collect, err)
	}, 20*time.Second, 100*time.Millisecond, "the server reads its list of namespaces every few seconds")
	return name
}

// request is an input with a soak that the quick account permits.
func request(t *testing.T, fields map[string]any) offboard.Request {
	t.Helper()
	input := map[string]any{"user": leaver, "soak": "3s", "requestedBy": "hr@acme.example"}
	for name, value := range fields {
		input[name] = value
	}
	data, err := json.Marshal(input)
	require.NoError(t, err)
	r, err := offboard.DecodeRequest(data, time.Now())
	require.NoError(t, err)
	return r
}

// begin starts a run by its own workflow ID.
func (b *bench) begin(fields map[string]any) string {
	b.t.Helper()
	run, err := b.Runs.Start(b.ctx, request(b.t, fields))
	require.NoError(b.t, err)
	return run.WorkflowID
}

// raw starts a run as any client may: any ID, any arguments.
func (b *bench) raw(id string, args ...any) client.WorkflowRun {
	b.t.Helper()
	run, err := b.Connection.ExecuteWorkflow(b.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, workflows.Offboard, args...)
	require.NoError(b.t, err)
	return run
}

// until waits until the run's progress fulfils the condition.
func (b *bench) until(id, what string, condition func(offboard.Progress) bool) offboard.Progress {
	b.t.Helper()
	var last offboard.Progress
	met := false
	err := b.Runs.Follow(b.ctx, id, 100*time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		last, met = p, condition(p)
		return met
	})
	require.NoError(b.t, err, "wait for %s", what)
	require.True(b.t, met, "the run ended as %s without %s: %s", last.Status, what, last.Message)
	return last
}

// plan waits for the plan to be shown.
func (b *bench) plan(id string) offboard.Plan {
	b.t.Helper()
	p := b.until(id, "a plan to approve", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseApprove && p.Plan != nil })
	return *p.Plan
}

// approve says yes to the plan, with the safest answers.
func (b *bench) approve(id string) offboard.Plan {
	b.t.Helper()
	plan := b.plan(id)
	_, err := b.Runs.Approve(b.ctx, id, workflows.Approve{By: approver, Digest: plan.Digest, Answers: demo.Answers(plan)})
	require.NoError(b.t, err)
	return plan
}

// report waits for the end.
func (b *bench) report(id string) offboard.Report {
	b.t.Helper()
	r, err := b.Runs.Wait(b.ctx, id)
	require.NoError(b.t, err)
	return r
}

// untouched asserts that nobody changed anything in the account.
func (b *bench) untouched() {
	b.t.Helper()
	require.Empty(b.t, b.Sim.Ledger(), "the account was changed")
}

// executions lists all workflows of the namespace, children too.
func (b *bench) executions() []*workflowservice.GetWorkflowExecutionHistoryResponse {
	b.t.Helper()
	list, err := b.Connection.ListWorkflow(b.ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	require.NoError(b.t, err)
	var histories []*workflowservice.GetWorkflowExecutionHistoryResponse
	for _, e := range list.GetExecutions() {
		h := &workflowservice.GetWorkflowExecutionHistoryResponse{}
		events := b.Connection.GetWorkflowHistory(b.ctx, e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		h.History = drain(b.t, events)
		histories = append(histories, h)
	}
	return histories
}

// logBuffer collects a log that is written while it is read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
