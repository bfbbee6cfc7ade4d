package workflows

import (
	"cmp"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// enter begins a phase.
func (r *run) enter(ctx workflow.Context, phase offboard.Phase) {
	r.state.Waiting = ""
	r.state.Enter(phase, workflow.Now(ctx))
	r.show(ctx)
}

// waiting says in words what the run waits for.
func (r *run) waiting(ctx workflow.Context, format string, args ...any) {
	r.state.Waiting = fmt.Sprintf(format, args...)
	r.show(ctx)
}

// show brings the run's page and its search attributes up to date. Attributes cost an event in the history, so only
// those that changed are written.
func (r *run) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, offboard.Details(r.state))
	have := workflow.GetTypedSearchAttributes(ctx)
	var updates []temporal.SearchAttributeUpdate
	keyword := func(key temporal.SearchAttributeKeyKeyword, want string) {
		if got, _ := have.GetKeyword(key); got != want {
			updates = append(updates, key.ValueSet(want))
		}
	}
	keyword(StatusAttribute, string(r.state.Status))
	keyword(PhaseAttribute, string(r.state.Phase))
	if r.state.Account != "" {
		keyword(AccountAttribute, r.state.Account)
	}
	if got, set := have.GetBool(NeedsPersonAttribute); !set || got != r.state.NeedsPerson() {
		updates = append(updates, NeedsPersonAttribute.ValueSet(r.state.NeedsPerson()))
	}
	if day := r.state.Request.LastDay; !day.IsZero() {
		if got, set := have.GetTime(LastDayAttribute); !set || !got.Equal(day) {
			updates = append(updates, LastDayAttribute.ValueSet(day))
		}
	}
	if len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("Search attributes were not written", "Error", err)
	}
}

// change notes a change for the report, with the receipt of the request that made it.
func (r *run) change(ctx workflow.Context, what, target, event string, got offboard.Receipt) {
	r.state.Record(offboard.Change{At: workflow.Now(ctx), What: what, Target: target, By: cmp.Or(r.nameOf(got.By), r.state.Engine), Event: event,
		RequestID: got.RequestID, Undo: r.state.Phase == offboard.PhaseUndo})
}

// sent notes a change of which a receipt is the only sign: without one, nothing needed to be changed, or the run is older
// than receipts.
func (r *run) sent(ctx workflow.Context, what, target, event string, got offboard.Receipt) {
	if got.RequestID != "" {
		r.change(ctx, what, target, event, got)
	}
}

// adopt takes the changes of a hand-over over. Those made as the engine get its name, which hand-overs do not know.
func (r *run) adopt(s *offboard.ScopeProgress, undo bool) {
	for i := range s.Changes {
		c := &s.Changes[i]
		c.By = r.nameOf(c.By)
		noted := *c
		noted.Undo = undo
		r.state.Record(noted)
	}
}

// nameOf is whom a receipt means.
func (r *run) nameOf(by string) string {
	if by == offboard.EngineIdentity {
		return r.state.Engine
	}
	return by
}
