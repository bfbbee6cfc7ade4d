package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestStatusAsksTheHandoversUnderWay(t *testing.T) {
	prod := offboard.Scope{Region: "eu-de", ResourceGroup: "g1"}
	test := offboard.Scope{Region: "eu-de", ResourceGroup: "g2"}
	late := offboard.Scope{Region: "eu-de", ResourceGroup: "g3"}
	progress := offboard.Progress{Status: offboard.Running, Scopes: []offboard.ScopeProgress{
		{Scope: prod, State: offboard.ScopeRunning}, {Scope: test, State: offboard.ScopeDone, KeyMade: "k"}, {Scope: late, State: offboard.ScopeRunning, Run: "other"},
	}}
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, "w", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
	c.On("DescribeWorkflow", mock.Anything, "other", "").Return(nil, gone)
	c.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, progress), nil)
	c.On("QueryWorkflow", mock.Anything, "w/eu-de/g1", "", workflows.StatusQuery).Return(encoded(t, offboard.ScopeProgress{Scope: prod, State: offboard.ScopeRunning, Step: "reset"}), nil)
	c.On("QueryWorkflow", mock.Anything, "other", "", workflows.StatusQuery).Return(nil, gone)
	c.On("DescribeWorkflowExecution", mock.Anything, "w", "").Return(nil, errors.New("what cannot be read is left out"))
	c.On("DescribeWorkflowExecution", mock.Anything, "w/eu-de/g1", "").Return(&workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflowpb.PendingActivityInfo{
		pending(1, offboard.Denied, "first try"), pending(9, offboard.Pending, "not visible yet"), pending(3, offboard.Denied, "reset: 403 (request 1-2)"),
	}}, nil)
	_, scopes, err := newRuns(c).Status(t.Context(), "w")
	require.NoError(t, err)
	assert.Equal(t, "reset, tried again: 403", scopes[prod.ID()].Step)
	assert.Equal(t, "k", scopes[test.ID()].KeyMade)
	assert.Equal(t, offboard.ScopeRunning, scopes[late.ID()].State, "one that has not started yet is as its parent says")
}

func TestStatusAsksTheRunThatWatchesTheSoak(t *testing.T) {
	progress := offboard.Progress{Status: offboard.Running, Phase: offboard.PhaseSoak, Waiting: "the soak", Soak: &offboard.SoakProgress{Run: "w/soak", Until: time.Unix(9, 0)}}
	for name, c := range map[string]struct {
		answer any
		err    error
		probes int
	}{
		"it watches":          {offboard.SoakProgress{Until: time.Unix(9, 0), Probes: 7}, nil, 7},
		"it is yet to start":  {nil, gone, 0},
		"it has not said yet": {offboard.SoakProgress{}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cl := mocks.NewClient(t)
			cl.On("DescribeWorkflow", mock.Anything, "w", "").Return(described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
			cl.On("DescribeWorkflow", mock.Anything, "w/soak", "").Return(nil, gone).Maybe()
			cl.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, "").Return(&workflowservice.DescribeWorkflowExecutionResponse{}, nil).Maybe()
			cl.On("QueryWorkflow", mock.Anything, "w", "", workflows.StatusQuery).Return(encoded(t, progress), nil)
			if c.err != nil {
				cl.On("QueryWorkflow", mock.Anything, "w/soak", "", workflows.StatusQuery).Return(nil, c.err)
			} else {
				cl.On("QueryWorkflow", mock.Anything, "w/soak", "", workflows.StatusQuery).Return(encoded(t, c.answer), nil)
			}
			p, _, err := newRuns(cl).Status(t.Context(), "w")
			require.NoError(t, err)
			assert.Equal(t, c.probes, p.Soak.Probes)
			assert.Equal(t, int64(9), p.Soak.Until.Unix(), "what the run itself knows is not lost")
			assert.Equal(t, "w/soak", p.Soak.Run)
		})
	}
}

func TestAway(t *testing.T) {
	for err, want := range map[error]bool{
		&app.NoWorker{}:                              true,
		serviceerror.NewUnavailable("down"):          true,
		serviceerror.NewDeadlineExceeded("late"):     true,
		context.DeadlineExceeded:                     true,
		context.Canceled:                             false,
		&app.Refused{Message: "no"}:                  false,
		serviceerror.NewPermissionDenied("no", "no"): false,
	} {
		assert.Equal(t, want, app.Away(err), "%v", err)
	}
	assert.False(t, app.Away(nil))
}

func pending(attempt int32, code offboard.Code, message string) *workflowpb.PendingActivityInfo {
	return &workflowpb.PendingActivityInfo{Attempt: attempt, LastFailure: &failurepb.Failure{Message: message,
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: string(code)}}}}
}
