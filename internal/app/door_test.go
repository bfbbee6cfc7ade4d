package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"offboard/internal/app"
	"offboard/internal/door"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const leaver = "leaver@acme.example"

func TestDoorEngineStart(t *testing.T) {
	run := mocks.NewWorkflowRun(t)
	run.On("GetID").Return("w")
	run.On("GetRunID").Return("run-1")
	for name, c := range map[string]struct {
		err   error
		check func(*testing.T, door.Run, error)
	}{
		"accepted": {nil, func(t *testing.T, r door.Run, err error) {
			require.NoError(t, err)
			assert.Equal(t, "run-1", r.RunID)
			assert.Contains(t, r.Link, "/workflows/w/run-1")
		}},
		"open": {serviceerror.NewWorkflowExecutionAlreadyStarted("open", "request", "run-0"), func(t *testing.T, _ door.Run, err error) {
			var open *door.Open
			require.ErrorAs(t, err, &open)
			assert.Equal(t, workflows.ID(account, leaver), open.Run.ID)
			assert.Equal(t, "run-0", open.Run.RunID)
		}},
		"away": {serviceerror.NewUnavailable("connection refused"), func(t *testing.T, _ door.Run, err error) {
			var away *door.Away
			require.ErrorAs(t, err, &away)
			assert.Positive(t, away.After)
			assert.NotContains(t, away.Why, "refused")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := mocks.NewClient(t)
			if c.err != nil {
				cl.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.Offboard, mock.Anything).Return(nil, c.err)
			} else {
				cl.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.Offboard, mock.Anything).Return(run, nil)
			}
			r, err := app.NewDoorEngine(newRuns(cl)).Start(t.Context(), offboard.Request{User: leaver})
			c.check(t, r, err)
		})
	}
}

func open(runID string) *client.WorkflowExecutionDescription {
	d := described(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	d.WorkflowExecution.RunID = runID
	return d
}

func TestDoorEngineFindsTheOpenRun(t *testing.T) {
	id := workflows.ID(account, leaver)
	day := time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC)
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, id, "").Return(open("run-1"), nil)
	c.On("QueryWorkflow", mock.Anything, id, "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{Status: offboard.Running,
		Phase: offboard.PhaseWait, Request: offboard.Request{Mode: offboard.ModeExecute, LastDay: day}}), nil).Once()
	engine := app.NewDoorEngine(newRuns(c))
	r, err := engine.Find(t.Context(), leaver)
	require.NoError(t, err)
	assert.Equal(t, door.Run{ID: id, RunID: "run-1", Link: r.Link, Mode: offboard.ModeExecute, Phase: offboard.PhaseWait, LastDay: day}, r)

	c.On("QueryWorkflow", mock.Anything, id, "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{Status: offboard.Reinstated, Phase: offboard.PhaseUndo}), nil).Once()
	r, err = engine.Find(t.Context(), leaver)
	require.NoError(t, err)
	assert.Equal(t, offboard.PhaseReport, r.Phase, "a run that has its final status is ending")

	c.On("QueryWorkflow", mock.Anything, id, "", workflows.StatusQuery).Return(nil, serviceerror.NewDeadlineExceeded("late")).Once()
	_, err = engine.Find(t.Context(), leaver)
	var away *door.Away
	require.ErrorAs(t, err, &away)
	assert.Contains(t, away.Why, "no worker")
}

func TestDoorEngineFindsNobody(t *testing.T) {
	id := workflows.ID(account, leaver)
	for name, d := range map[string]*client.WorkflowExecutionDescription{"ended": described(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED), "absent": nil} {
		t.Run(name, func(t *testing.T) {
			c := mocks.NewClient(t)
			if d == nil {
				c.On("DescribeWorkflow", mock.Anything, id, "").Return(nil, gone)
			} else {
				c.On("DescribeWorkflow", mock.Anything, id, "").Return(d, nil)
			}
			c.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{}, nil)
			r, err := app.NewDoorEngine(newRuns(c)).Find(t.Context(), leaver)
			require.NoError(t, err)
			assert.Empty(t, r.ID)
		})
	}
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, id, "").Return(nil, serviceerror.NewUnavailable("down"))
	_, err := app.NewDoorEngine(newRuns(c)).Find(t.Context(), leaver)
	var away *door.Away
	assert.ErrorAs(t, err, &away)
}

func TestDoorEngineTellsARunOnce(t *testing.T) {
	day := time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC)
	m := door.Message{Run: door.Run{ID: "w", RunID: "run-1"}, Key: "webhooks/hr\x00msg_1", By: "hr@acme.example", Note: "why"}
	for name, c := range map[string]struct {
		err  error
		want any
	}{
		"accepted":  {nil, nil},
		"refused":   {temporal.NewApplicationError("the run does not wait for a last day", ""), new(*door.Refused)},
		"ended":     {gone, new(*door.Gone)},
		"no worker": {serviceerror.NewDeadlineExceeded("late"), new(*door.Away)},
		"away":      {errors.New("broken"), new(*door.Away)},
	} {
		t.Run(name, func(t *testing.T) {
			var ids []string
			cl := mocks.NewClient(t)
			handle := mocks.NewWorkflowUpdateHandle(t)
			handle.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
				args.Get(1).(*workflows.Reply).Message = "understood"
			}).Return(nil).Maybe()
			call := cl.On("UpdateWorkflow", mock.Anything, mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
				ids = append(ids, o.UpdateID)
				return o.WorkflowID == "w" && o.RunID == "run-1" && o.WaitForStage == client.WorkflowUpdateStageCompleted
			}))
			if c.err != nil {
				call.Return(nil, c.err)
			} else {
				call.Return(handle, nil)
			}
			engine := app.NewDoorEngine(newRuns(cl))
			answer, err := engine.Reschedule(t.Context(), m, day)
			_, again := engine.Reschedule(t.Context(), m, day)
			_, other := engine.Reinstate(t.Context(), m)
			for _, err := range []error{err, again, other} {
				if c.want != nil {
					assert.ErrorAs(t, err, c.want)
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, "understood", answer)
			}
			assert.Equal(t, ids[0], ids[len(ids)/3], "the same message is the same update")
			assert.NotEqual(t, ids[0], ids[len(ids)-1])
		})
	}
}

// What operators say reaches the run as they said it, and to the execution they saw.
func TestDoorEngineTellsWhatOperatorsSay(t *testing.T) {
	m := door.Message{Run: door.Run{ID: "w", RunID: "run-1"}, By: "platform@acme.example", Note: "why"}
	for name, c := range map[string]struct {
		tell func(*app.DoorEngine) (string, error)
		want any
	}{
		workflows.ApproveUpdate: {func(e *app.DoorEngine) (string, error) {
			return e.Approve(t.Context(), m, door.Approval{Digest: "0123", Answers: map[string]string{"a": "b"}, Proof: "proof"})
		}, workflows.Approve{By: m.By, Digest: "0123", Answers: map[string]string{"a": "b"}, Note: "why", Proof: "proof"}},
		workflows.RejectUpdate: {func(e *app.DoorEngine) (string, error) { return e.Reject(t.Context(), m) }, workflows.Reject{By: m.By, Note: "why"}},
		workflows.ResolveUpdate: {func(e *app.DoorEngine) (string, error) {
			return e.Resolve(t.Context(), m, door.Resolution{Scope: "eu-de/apps", Action: "retry"})
		}, workflows.Resolve{By: m.By, Scope: "eu-de/apps", Action: "retry", Note: "why"}},
	} {
		t.Run(name, func(t *testing.T) {
			handle := mocks.NewWorkflowUpdateHandle(t)
			handle.On("Get", mock.Anything, mock.Anything).Return(nil)
			cl := mocks.NewClient(t)
			cl.On("UpdateWorkflow", mock.Anything, client.UpdateWorkflowOptions{WorkflowID: "w", RunID: "run-1", UpdateName: name,
				Args: []any{c.want}, WaitForStage: client.WorkflowUpdateStageCompleted}).Return(handle, nil)
			_, err := c.tell(app.NewDoorEngine(newRuns(cl)))
			assert.NoError(t, err)
		})
	}
}

func TestDoorEngineStanding(t *testing.T) {
	id := workflows.ID(account, leaver)
	description := open("run-1")
	description.TaskQueueName = workflows.TaskQueue
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, id, "").Return(description, nil)
	c.On("QueryWorkflow", mock.Anything, id, "", workflows.StatusQuery).Return(encoded(t, offboard.Progress{WorkflowID: id, RunID: "run-1", Status: offboard.Running,
		Phase: offboard.PhaseApprove, Request: offboard.Request{User: leaver}}), nil)
	c.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).Return(nil, gone).Maybe()
	s, err := app.NewDoorEngine(newRuns(c)).Standing(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "run-1", s.Run.RunID)
	assert.Equal(t, leaver, s.Progress.Request.User)

	c = mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, gone)
	_, err = app.NewDoorEngine(newRuns(c)).Standing(t.Context(), "offboard/acc/absent")
	var none *door.NoRun
	require.ErrorAs(t, err, &none)

	c = mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, serviceerror.NewUnavailable("down"))
	_, err = app.NewDoorEngine(newRuns(c)).Standing(t.Context(), id)
	var away *door.Away
	assert.ErrorAs(t, err, &away)
}

func TestDoorEngineReady(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("CheckHealth", mock.Anything, mock.Anything).Return(&client.CheckHealthResponse{}, nil).Once()
	c.On("CheckHealth", mock.Anything, mock.Anything).Return(nil, errors.New("down"))
	engine := app.NewDoorEngine(newRuns(c))
	assert.NoError(t, engine.Ready(t.Context()))
	assert.ErrorContains(t, engine.Ready(t.Context()), "down")
}
