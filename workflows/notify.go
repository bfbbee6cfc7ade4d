package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// lastWords is how long the end of a run waits for notices that are still under way: a chat that is away must not keep a
// finished offboarding open.
const lastWords = time.Minute

// notify tells people outside of Temporal, beside the run's own work, whatever is cancelled meanwhile. What cannot be
// told in time is noted for the report and stops nothing.
func (r *run) notify(ctx workflow.Context, notice func(number int) offboard.Notice) {
	if !r.adm.Notifies {
		return
	}
	r.notices++
	n := notice(r.notices)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	r.sending++
	workflow.GoNamed(ctx, "notify", func(ctx workflow.Context) {
		if _, err := do(ctx, notifying, "Notify: "+n.Title, verbs.Notify, activities.NotifyInput{Notice: n}); err != nil {
			r.state.Unsent = append(r.state.Unsent, n.Title+": "+problem(err))
		}
		r.sending--
	})
}

// askApproval tells people that the plan waits for a yes, or still does.
func (r *run) askApproval(ctx workflow.Context, kind offboard.NoticeKind, due time.Time) {
	r.notify(ctx, func(number int) offboard.Notice { return r.state.ApprovalNotice(kind, workflow.Now(ctx), due, number) })
}

// askForHelp puts a hold on the list and tells people of it.
func (r *run) askForHelp(ctx workflow.Context, h offboard.Hold) {
	r.state.Holds = append(r.state.Holds, h)
	r.notify(ctx, func(number int) offboard.Notice { return r.state.HoldNotice(h, workflow.Now(ctx), number) })
}

// sayEnd tells people how the run ended, and waits a moment for what is still being told.
func (r *run) sayEnd(ctx workflow.Context, report offboard.Report) {
	r.notify(ctx, func(number int) offboard.Notice { return report.EndNotice(workflow.Now(ctx), number) })
	r.flush(ctx)
}

// sayRefusal tells people that the account or the policy forbids what was asked for. Whoever started a second run is
// told by its failure.
func (r *run) sayRefusal(ctx workflow.Context, fatal *temporal.ApplicationError) {
	if fatal.Type() != InvalidInput {
		return
	}
	r.notify(ctx, func(number int) offboard.Notice {
		return r.state.RefusalNotice(fatal.Message(), workflow.Now(ctx), number)
	})
	r.flush(ctx)
}

func (r *run) flush(ctx workflow.Context) {
	if _, err := waitFor(ctx, lastWords, "Notices under way", func() bool { return r.sending == 0 }); err != nil {
		workflow.GetLogger(ctx).Warn("The wait for notices ended", "Error", err)
	}
}
