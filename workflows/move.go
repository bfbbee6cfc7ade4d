package workflows

import (
	"cmp"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// moveWorkflow hands scopes over although nobody leaves: for teams that want their clusters off personal keys before
// that day. Its input is one JSON object, see offboard.MoveRequest. It plans, asks and undoes like Offboard, and ends like
// it, with an offboard.Report; no key is retired and nobody is removed.
func moveWorkflow(ctx workflow.Context, input, second converter.RawValue) (offboard.Report, error) {
	r := newRun()
	var request offboard.MoveRequest
	err := r.setup(ctx, input, second, func(data []byte) (err error) {
		request, err = offboard.DecodeMoveRequest(data)
		r.state.Request, r.state.Move = request.Request(), &request.Selection
		return err
	})
	if err != nil {
		return offboard.Report{}, err
	}
	work, cancel := workflow.WithCancel(ctx)
	r.cancel = cancel
	err = r.phases(work,
		func(ctx workflow.Context) error { return r.admitMove(ctx, request) },
		r.agree,
		r.prepare,
		r.handOver,
		r.endMove,
	)
	return r.conclude(ctx, err)
}

// admitMove checks the request against the account.
func (r *run) admitMove(ctx workflow.Context, request offboard.MoveRequest) error {
	adm, err := do(ctx, reading, "Look up the account", verbs.Admit, activities.AdmitInput{User: request.OwnedBy})
	if err != nil {
		return err
	}
	r.adm, r.policy = adm, adm.Policy
	r.state.Account, r.state.Engine = adm.Account.ID, cmp.Or(adm.Engine.Email, adm.Engine.IAMID)
	if problems := adm.ProblemsOfMove(request); len(problems) > 0 {
		return temporal.NewNonRetryableApplicationError((&offboard.InvalidInput{Problems: problems, Example: offboard.MoveExample}).Error(), InvalidInput, nil)
	}
	r.show(ctx)
	return nil
}

// selected leaves only the scopes that a move is about, before anybody looks into their clusters.
func (r *run) selected(scopes []offboard.ScopeSurvey) []offboard.ScopeSurvey {
	if r.state.Move == nil {
		return scopes
	}
	var list []offboard.ScopeSurvey
	for _, s := range scopes {
		if r.state.Move.Takes(s, r.adm.FunctionalIDs) {
			list = append(list, s)
		}
	}
	return list
}

func (r *run) endMove(ctx workflow.Context) error {
	if ctx.Err() != nil {
		return ctx.Err() // hand-overs end with a result when they are cancelled
	}
	done, all := r.state.HandedOver(), len(r.state.Scopes)
	status := offboard.Completed
	if r.state.Remains() {
		status = offboard.Incomplete
	}
	r.end(status, "%d of %d scopes have a new owner, with %d clusters in all. No key was retired and nobody was removed.", done, all, r.state.Plan.Clusters())
	return nil
}
