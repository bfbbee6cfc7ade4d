package app

import (
	"context"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Prune starts a prune. *AlreadyRunning if one of the same selection is open.
func (r *Runs) Prune(ctx context.Context, request offboard.PruneRequest) (Started, error) {
	account, err := r.account(request.Request())
	if err != nil {
		return Started{}, err
	}
	return r.begin(ctx, workflows.PruneOptions(account, request), workflows.Prune, request, "the prune of "+request.PruneSelection.String())
}
