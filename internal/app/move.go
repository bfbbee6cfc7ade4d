package app

import (
	"context"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Move starts a move. *AlreadyRunning if one of the same selection is open.
func (r *Runs) Move(ctx context.Context, request offboard.MoveRequest) (Started, error) {
	account, err := r.account(request.Request())
	if err != nil {
		return Started{}, err
	}
	return r.begin(ctx, workflows.MoveOptions(account, request), workflows.Move, request, "the move of "+request.Selection.String())
}
