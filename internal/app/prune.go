package app

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Prune starts a prune. *AlreadyRunning if one of the same selection is open.
func (r *Runs) Prune(ctx context.Context, request offboard.PruneRequest) (Started, error) {
	account, err := r.account(request.Request())
	if err != nil {
		return Started{}, err
	}
	options := workflows.PruneOptions(account, request)
	run, err := r.client.ExecuteWorkflow(ctx, options, workflows.Prune, request)
	if open, yes := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); yes {
		return Started{}, &AlreadyRunning{WorkflowID: options.ID, RunID: open.RunId, Link: r.Link(options.ID, open.RunId)}
	}
	if err != nil {
		return Started{}, fmt.Errorf("start the prune of %s: %w", request.PruneSelection, err)
	}
	return Started{WorkflowID: run.GetID(), RunID: run.GetRunID(), Link: r.Link(run.GetID(), run.GetRunID())}, nil
}
