package app

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"offboard/workflows"
)

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
