package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const account = "acc"

func described(status enumspb.WorkflowExecutionStatus) *client.WorkflowExecutionDescription {
	var d client.WorkflowExecutionDescription
	d.Status = status
	return &d
}

var gone = serviceerror.NewNotFound("no such workflow")

func newRuns(c client.Client) *app.Runs {
	return app.NewRuns(c, app.RunsConfig{Account: account, UI: "http://ui.acme.example", Patience: 50 * time.Millisecond})
}

func TestStartNamesTheOpenRun(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.ID == workflows.ID(account, "leaver@acme.example") && o.TaskQueue == workflows.TaskQueue && o.WorkflowExecutionErrorWhenAlreadyStarted
	}), workflows.Offboard, mock.Anything).Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("open", "request", "run-1"))
	_, err := newRuns(c).Start(t.Context(), offboard.Request{User: "Leaver@acme.example"})
	var open *app.AlreadyRunning
	require.ErrorAs(t, err, &open)
	assert.Equal(t, workflows.ID(account, "leaver@acme.example"), open.WorkflowID)
	assert.Contains(t, open.Link, "/workflows/offboard%2Facc%2F")
	assert.True(t, strings.HasSuffix(open.Link, "/run-1/history"))
}

func TestStartNeedsAnAccount(t *testing.T) {
	_, err := app.NewRuns(mocks.NewClient(t), app.RunsConfig{}).Start(t.Context(), offboard.Request{User: "leaver@acme.example"})
	assert.ErrorContains(t, err, "IBMCLOUD_ACCOUNT_ID")
}

func TestWaitSaysHowARunEndedWithoutAReport(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"wrong input": {temporal.NewNonRetryableApplicationError("the input has 1 problem", "InvalidInput", nil), "ended as InvalidInput: the input has 1 problem"},
		"cancelled":   {temporal.NewCanceledError(), "ended as Canceled"},
		"other":       {errors.New("broken"), "ended as Failed: broken"},
		"absent":      {gone, "no run is known by the name"},
	} {
		t.Run(name, func(t *testing.T) {
			run := mocks.NewWorkflowRun(t)
			run.On("Get", mock.Anything, mock.Anything).Return(c.err)
			cl := mocks.NewClient(t)
			cl.On("GetWorkflow", mock.Anything, "w", "").Return(run)
			_, err := newRuns(cl).Wait(t.Context(), "w")
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestAnswersThatARunDoesNotTake(t *testing.T) {
	for name, c := range map[string]struct {
		err      error
		describe *client.WorkflowExecutionDescription
		want     string
	}{
		"refused":   {temporal.NewApplicationError("there is no plan to approve now", ""), nil, "there is no plan to approve now"},
		"no worker": {serviceerror.NewDeadlineExceeded("late"), nil, "no worker answered within 50ms"},
		"ended":     {gone, described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), "has ended"},
		"absent":    {gone, nil, "no run is known"},
		"broken":    {errors.New("broken"), nil, "approve w: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := mocks.NewClient(t)
			cl.On("UpdateWorkflow", mock.Anything, mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
				return o.UpdateName == workflows.ApproveUpdate && o.WaitForStage == client.WorkflowUpdateStageCompleted
			})).Return(nil, c.err)
			if c.describe != nil {
				cl.On("DescribeWorkflow", mock.Anything, "w", "").Return(c.describe, nil)
			} else {
				cl.On("DescribeWorkflow", mock.Anything, "w", "").Return(nil, gone).Maybe()
			}
			_, err := newRuns(cl).Approve(t.Context(), "w", workflows.Approve{})
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func encoded(t *testing.T, v any) *mocks.Value {
	t.Helper()
	value := &mocks.Value{}
	value.On("Get", mock.Anything).Run(func(args mock.Arguments) {
		switch into := args.Get(0).(type) {
		case *offboard.Progress:
			*into = v.(offboard.Progress)
		case *offboard.ScopeProgress:
			*into = v.(offboard.ScopeProgress)
		case *offboard.SoakProgress:
			*into = v.(offboard.SoakProgress)
		}
	}).Return(nil)
	return value
}

func TestOpenFindsTheRunThatAStartMade(t *testing.T) {
	id := workflows.ID(account, "leaver@acme.example")
	running := described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	running.WorkflowExecution.RunID = "r"
	for _, c := range []struct {
		d   *client.WorkflowExecutionDescription
		err error
	}{{running, nil}, {described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), nil}, {nil, gone}} {
		cl := mocks.NewClient(t)
		cl.On("DescribeWorkflow", mock.Anything, id, "").Return(c.d, c.err)
		found, err := newRuns(cl).Open(t.Context(), offboard.Request{User: "Leaver@acme.example"})
		if c.d == running {
			require.NoError(t, err)
			assert.Equal(t, id, found.WorkflowID)
			assert.Equal(t, "r", found.RunID)
			continue
		}
		var none *app.NoRun
		assert.ErrorAs(t, err, &none)
	}
}

func TestHolderIsTheOpenParent(t *testing.T) {
	answer := func(status enumspb.WorkflowExecutionStatus) *workflowservice.DescribeWorkflowExecutionResponse {
		return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
			Status: status, ParentExecution: &commonpb.WorkflowExecution{WorkflowId: "parent"}}}
	}
	for _, c := range []struct {
		answer *workflowservice.DescribeWorkflowExecutionResponse
		err    error
		want   string
	}{
		{answer(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil, "parent"},
		{answer(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED), nil, ""},
		{nil, gone, ""},
	} {
		cl := mocks.NewClient(t)
		cl.On("DescribeWorkflowExecution", mock.Anything, "claim", "").Return(c.answer, c.err)
		got, err := newRuns(cl).Holder(t.Context(), "claim")
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	cl := mocks.NewClient(t)
	cl.On("DescribeWorkflowExecution", mock.Anything, "claim", "").Return(nil, errors.New("down"))
	_, err := newRuns(cl).Holder(t.Context(), "claim")
	assert.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
}

// operator is the part of the server that knows search attributes.
type operator struct {
	operatorservice.OperatorServiceClient
	have  map[string]enumspb.IndexedValueType
	adds  int
	error error
}

func (o *operator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: o.have}, o.error
}

func (o *operator) AddSearchAttributes(_ context.Context, r *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	o.adds++
	for name, kind := range r.GetSearchAttributes() {
		o.have[name] = kind
	}
	return &operatorservice.AddSearchAttributesResponse{}, nil
}

func TestRegisterAddsWhatIsMissingOnce(t *testing.T) {
	o := &operator{have: map[string]enumspb.IndexedValueType{"OffboardStatus": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "Other": enumspb.INDEXED_VALUE_TYPE_TEXT}}
	c := mocks.NewClient(t)
	c.On("OperatorService").Return(o)
	first, err := app.Register(t.Context(), c, "default")
	require.NoError(t, err)
	assert.Equal(t, []string{"OffboardStatus"}, first.Present)
	assert.Len(t, first.Added, len(workflows.SearchAttributes())-1)
	second, err := app.Register(t.Context(), c, "default")
	require.NoError(t, err)
	assert.Empty(t, second.Added)
	assert.Equal(t, 1, o.adds)

	o.have["OffboardStatus"] = enumspb.INDEXED_VALUE_TYPE_TEXT
	_, err = app.Register(t.Context(), c, "default")
	assert.ErrorContains(t, err, "OffboardStatus")

	o.error = serviceerror.NewPermissionDenied("no", "")
	cloud, err := app.Register(t.Context(), c, "ns.acct")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(cloud.ByHand, "\n"), `--namespace ns.acct --sa "OffboardStatus=Keyword"`)
}

// A worker that has just taken a run over may read a history that has grown since it was asked; it is asked again.
func TestStatusAsksAgainWhereTheRunGrewMeanwhile(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, "w", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	grew := serviceerror.NewQueryFailed("[TMPRL1100] invalid state transition: attempt to handleInitiatedEvent")
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(nil, grew).Twice()
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{Status: offboard.Running, Waiting: "a yes"}), nil)
	p, _, err := newRuns(c).Status(t.Context(), "w")
	require.NoError(t, err)
	assert.Equal(t, "a yes", p.Waiting)
}

// The server drops the query of a run that ends while it waits, and answers the next one.
func TestStatusAsksAgainWhereTheRunEndedMeanwhile(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, "w", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(nil, serviceerror.NewNotFound("workflow execution already completed")).Once()
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{Status: offboard.Running, Waiting: "a yes"}), nil)
	p, _, err := newRuns(c).Status(t.Context(), "w")
	require.NoError(t, err)
	assert.Equal(t, "a yes", p.Waiting)
}

// Where the server drops every question to a scope that ends just now, its parent knows enough; the run itself is asked
// again by whoever follows it.
func TestStatusOfAScopeThatIsNeverAnsweredIsItsParentsWord(t *testing.T) {
	dropped := serviceerror.NewNotFound("workflow execution already completed")
	scope := offboard.Scope{Region: "eu-de", ResourceGroup: "g1"}
	c := mocks.NewClient(t)
	for _, id := range []string{"w", "w/eu-de/g1", "v"} {
		c.On("DescribeWorkflow", mock.Anything, id, "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	}
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{
		Status: offboard.Running, Waiting: "the scopes", Scopes: []offboard.ScopeProgress{{Scope: scope, State: offboard.ScopeRunning, Step: "prove"}},
	}), nil)
	c.On("QueryWorkflow", mock.Anything, "w/eu-de/g1", "", workflows.StatusQuery).Return(nil, dropped)
	_, scopes, err := newRuns(c).Status(t.Context(), "w")
	require.NoError(t, err)
	assert.Equal(t, "prove", scopes[scope.ID()].Step)

	c.On("QueryWorkflow", mock.Anything, "v", "", workflows.StatusQuery).Return(nil, dropped).Times(5)
	c.On("QueryWorkflow", mock.Anything, "v", "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{Status: offboard.Completed}), nil)
	_, _, err = newRuns(c).Status(t.Context(), "v")
	require.ErrorContains(t, err, "dropped the question how run v stands")
	assert.True(t, app.Away(err))
	require.NoError(t, newRuns(c).Follow(t.Context(), "v", time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		return p.Status == offboard.Completed
	}))
}

// A scope that starts between the question and the look whether it is there has not ended: its parent's word counts.
func TestStatusOfAScopeThatStartsWhileItIsAskedIsItsParentsWord(t *testing.T) {
	scope := offboard.Scope{Region: "eu-de", ResourceGroup: "g1"}
	c := &mocks.Client{} // how often it looks is its own affair
	c.On("DescribeWorkflow", mock.Anything, "w", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{
		Status: offboard.Running, Waiting: "the scopes", Scopes: []offboard.ScopeProgress{{Scope: scope, State: offboard.ScopeRunning, Step: "begins"}},
	}), nil)
	c.On("QueryWorkflow", mock.Anything, "w/eu-de/g1", "", workflows.StatusQuery).Return(nil, serviceerror.NewNotFound("workflow not found"))
	c.On("DescribeWorkflow", mock.Anything, "w/eu-de/g1", "").Return(nil, serviceerror.NewNotFound("workflow not found")).Twice()
	c.On("DescribeWorkflow", mock.Anything, "w/eu-de/g1", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	_, scopes, err := newRuns(c).Status(t.Context(), "w")
	require.NoError(t, err)
	assert.Equal(t, "begins", scopes[scope.ID()].Step)
}

// Between its last word and its close a run keeps its report: whoever asks then waits for that.
func TestReportOfARunThatIsAboutToCloseIsItsResult(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, "w", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{Status: offboard.Completed, Phase: offboard.PhaseReport}), nil)
	run := mocks.NewWorkflowRun(t)
	run.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		*args.Get(1).(*offboard.Report) = offboard.Report{Status: offboard.Completed, Message: "done"}
	}).Return(nil)
	c.On("GetWorkflow", mock.Anything, "w", "").Return(run)
	report, open, err := newRuns(c).Report(t.Context(), "w")
	require.NoError(t, err)
	assert.False(t, open)
	assert.Equal(t, "done", report.Message)
}
