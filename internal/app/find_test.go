package app_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// frontend is the part of the server that tells what runs were started with.
type frontend struct {
	workflowservice.WorkflowServiceClient
	inputs map[string]any // by workflow ID
}

func (f frontend) GetWorkflowExecutionHistory(_ context.Context, r *workflowservice.GetWorkflowExecutionHistoryRequest, _ ...grpc.CallOption) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	input, err := converter.GetDefaultDataConverter().ToPayloads(f.inputs[r.GetExecution().GetWorkflowId()])
	started := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: input}}}
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{started}}}, err
}

func payload(t *testing.T, v any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(v)
	require.NoError(t, err)
	return p
}

func execution(id, run string, status enumspb.WorkflowExecutionStatus) *workflowpb.WorkflowExecutionInfo {
	return &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: run}, Status: status}
}

func TestListReadsSearchAttributes(t *testing.T) {
	info := execution("w", "r", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
		"OffboardStatus": payload(t, "Running"), "OffboardPhase": payload(t, "approve"), "OffboardNeedsPerson": payload(t, true), "OffboardAccount": payload(t, 7),
	}}
	killed := execution("k", "r", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	killed.SearchAttributes = info.SearchAttributes
	c := mocks.NewClient(t)
	moved := execution("m", "r", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	moved.Type = &commonpb.WorkflowType{Name: workflows.Move}
	c.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{info, killed, moved}}, nil)
	c.On("DescribeWorkflow", mock.Anything, mock.Anything, "r").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	c.On("WorkflowService").Return(frontend{inputs: map[string]any{"w": map[string]string{"user": "leaver@acme.example"}, "k": "not an object", "m": map[string]any{"scopes": []string{"eu-de/shop"}}}})
	list, err := newRuns(c).List(t.Context(), app.Filter{})
	require.NoError(t, err)
	require.Len(t, list, 3)
	assert.Equal(t, offboard.PhaseApprove, list[0].Phase)
	assert.Equal(t, "leaver@acme.example", list[0].Person, "from the input: the Web UI gives no summary")
	assert.True(t, list[0].NeedsPerson)
	assert.Empty(t, list[0].Account, "an attribute of a wrong type is left out")
	assert.Equal(t, offboard.Status("Terminated"), list[1].Status, "whatever it said of itself last")
	assert.False(t, list[1].NeedsPerson)
	assert.Empty(t, list[1].Person, "an input that cannot be read is not shown")
	assert.Contains(t, list[2].Moves, "eu-de/shop")
	assert.Empty(t, list[2].Person)
}

func TestListAsksTheServerHowARunEnded(t *testing.T) {
	for _, c := range []struct {
		filter app.Filter
		want   string
	}{
		{app.Filter{}, "WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding'"},
		{app.Filter{Status: offboard.Running}, "WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding' AND ExecutionStatus = 'Running'"},
		{app.Filter{Status: "Terminated"}, "WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding' AND ExecutionStatus = 'Terminated'"},
		{app.Filter{Status: offboard.Incomplete}, "WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding' AND OffboardStatus = 'Incomplete' AND ExecutionStatus = 'Completed'"},
		{app.Filter{NeedsPerson: true, Account: "it's"}, "WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding' AND OffboardAccount = 'it''s' AND OffboardNeedsPerson = true AND ExecutionStatus = 'Running'"},
	} {
		cl := mocks.NewClient(t)
		cl.On("ListWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
			return assert.Equal(t, c.want, r.GetQuery())
		})).Return(&workflowservice.ListWorkflowExecutionsResponse{}, nil)
		_, err := newRuns(cl).List(t.Context(), c.filter)
		require.NoError(t, err)
	}
}

func ofType(name, parent string, status enumspb.WorkflowExecutionStatus) *client.WorkflowExecutionDescription {
	d := described(status)
	d.WorkflowType.Name, d.TaskQueueName = name, workflows.TaskQueue
	if parent != "" {
		d.ParentWorkflowExecution = new(d.WorkflowExecution)
		d.ParentWorkflowExecution.ID = parent
	}
	return d
}

// threeRuns is a server with three runs: one that we started, one that the Web UI started by the IAM ID under a random ID, and
// one that has ended.
func threeRuns(t *testing.T) *mocks.Client {
	const running, completed = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	c := mocks.NewClient(t)
	c.Test(t)
	own, other := workflows.ID(account, "leaver@acme.example"), workflows.ID(account, "gone@acme.example")
	describe := func(id, run string, d *client.WorkflowExecutionDescription) {
		d.WorkflowExecution.ID, d.WorkflowExecution.RunID = id, run
		c.On("DescribeWorkflow", mock.Anything, id, mock.Anything).Return(d, nil).Maybe()
	}
	describe(own, ownRun, ofType(workflows.Offboard, "", running))
	describe(other, goneRun, ofType(workflows.Offboard, "", completed))
	describe(uuid, uuidRun, ofType(workflows.Offboard, "", running))
	describe(own+"/eu-de/g1", "r", ofType(workflows.HandOver, own, running))
	describe("offboard-claim/acc/1", "r", ofType(workflows.Claim, own, running))
	foreign := ofType("Other", "", running)
	foreign.TaskQueueName = "other"
	describe("foreign", "r", foreign)
	c.On("DescribeWorkflow", mock.Anything, mock.Anything, mock.Anything).Return(nil, gone).Maybe()

	list := func(query string, infos ...*workflowpb.WorkflowExecutionInfo) {
		c.On("ListWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool { return r.GetQuery() == query })).
			Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: infos}, nil).Maybe()
	}
	open := []*workflowpb.WorkflowExecutionInfo{execution(own, ownRun, running), execution(uuid, uuidRun, running)}
	list("WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding' AND ExecutionStatus = 'Running'", open...)
	list("WorkflowType IN ('Offboard', 'Move', 'Prune') AND TaskQueue = 'offboarding'", append(open, execution(other, goneRun, completed))...)
	list("RunId = '"+uuidRun+"'", execution(uuid, uuidRun, running))
	list("RunId = '"+earlier+"'", execution(own, earlier, completed))
	c.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{}, nil).Maybe()
	c.On("WorkflowService").Return(frontend{inputs: map[string]any{
		own: map[string]string{"user": "leaver@acme.example"}, uuid: map[string]string{"user": "IBMid-000000RAND"}, other: map[string]string{"user": "gone@acme.example"}}}).Maybe()
	about := func(email, iamID string) *offboard.Progress {
		return &offboard.Progress{Status: offboard.Running, Leaver: offboard.Person{Email: email, IAMID: iamID}}
	}
	c.On("QueryWorkflow", mock.Anything, own, "", workflows.StatusQuery).Return(encoded(t, *about("leaver@acme.example", "IBMid-000000LEAV")), nil).Maybe()
	c.On("QueryWorkflow", mock.Anything, uuid, "", workflows.StatusQuery).Return(encoded(t, *about("random@acme.example", "IBMid-000000RAND")), nil).Maybe()
	result := mocks.NewWorkflowRun(t)
	result.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		*args.Get(1).(*offboard.Report) = offboard.Report{Progress: *about("gone@acme.example", "IBMid-000000GONE")}
	}).Return(nil).Maybe()
	c.On("GetWorkflow", mock.Anything, other, "").Return(result).Maybe()
	return c
}

const (
	uuid    = "5f2c1c6e-7c4b-4f0e-9d77-0a1b2c3d4e5f"
	ownRun  = "11111111-1111-1111-1111-111111111111"
	goneRun = "22222222-2222-2222-2222-222222222222"
	uuidRun = "33333333-3333-3333-3333-333333333333"
	earlier = "44444444-4444-4444-4444-444444444444"
)

func TestFindByEveryName(t *testing.T) {
	own, other := workflows.ID(account, "leaver@acme.example"), workflows.ID(account, "gone@acme.example")
	for name, want := range map[string]string{
		own:                     own,
		" " + own + " ":         own,
		"leaver@acme.example":   own,
		"Leaver@ACME.example":   own,
		"IBMid-000000LEAV":      own,
		"ibmid-000000leav":      own,
		own + "/eu-de/g1":       own, // a hand-over means the run it belongs to
		"offboard-claim/acc/1":  own,
		uuid:                    uuid, // the Web UI's random workflow ID
		uuidRun:                 uuid, // the ID of its execution
		"random@acme.example":   uuid, // it was started by the IAM ID
		"RANDOM@acme.example":   uuid,
		"IBMid-000000RAND":      uuid,
		"gone@acme.example":     other, // it has ended, and no other is open
		"IBMid-000000GONE":      other,
		other:                   other,
		"nobody@acme.example":   "",
		"IBMid-000000NONE":      "",
		"offboard/acc/absent":   "",
		"foreign":               "",
		"":                      "",
		earlier[:35] + "5":      "",
		"leaver@acme.example.x": "",
	} {
		t.Run(name, func(t *testing.T) {
			id, err := newRuns(threeRuns(t)).Find(t.Context(), name)
			if want == "" {
				var none *app.NoRun
				require.ErrorAs(t, err, &none)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, id)
		})
	}
}

func TestFindDoesNotMistakeAnEarlierExecutionForTheNewest(t *testing.T) {
	_, err := newRuns(threeRuns(t)).Find(t.Context(), earlier)
	assert.ErrorContains(t, err, "an earlier execution of "+workflows.ID(account, "leaver@acme.example"))
}

func TestFindWithoutAnAccount(t *testing.T) {
	id, err := app.NewRuns(threeRuns(t), app.RunsConfig{}).Find(t.Context(), "Leaver@acme.example")
	require.NoError(t, err)
	assert.Equal(t, workflows.ID(account, "leaver@acme.example"), id)
}
