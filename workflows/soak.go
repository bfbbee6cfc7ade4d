package workflows

import (
	"errors"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// mostProbes bounds the probes of one soak, and with them its calls, however long it is.
const mostProbes = 1000

// soak waits while everything is watched, because issued tokens hide a dead key for as long as they live (traps 12, 13).
// At the first sign of harm the keys are enabled again at once; then a person decides.
func (r *run) soak(ctx workflow.Context) error {
	if !r.anyDisabled() {
		return nil
	}
	keys, also := "the leaver's keys", " and the user in the account"
	if r.state.Prune != nil {
		keys, also = "the superseded keys", ""
	}
	for {
		r.enter(ctx, offboard.PhaseSoak)
		trouble, err := r.soakOnce(ctx)
		if err != nil || len(trouble) == 0 {
			return err
		}
		// In this order: first the keys, then everything else.
		if err := r.enableAll(ctx); err != nil {
			return err
		}
		err = r.hold(ctx, offboard.Hold{Subject: "soak", Step: "soak", Code: offboard.Conflict,
			Problem: "After " + keys + " were disabled: " + strings.Join(trouble, "; ") + ".",
			Means:   "The keys were enabled again at once, so what still uses them works.",
			Retry:   "disables the keys and soaks again",
			Skip:    "leaves the keys alive" + also + "; the run ends as Incomplete",
			Abort:   "stops the run and undoes what can be undone"})
		switch {
		case err == nil:
		case errors.Is(err, errSkipped):
			for i := range r.state.Keys {
				r.state.Keys[i].Keep()
			}
			return nil
		default:
			return err
		}
		if err := r.disable(ctx); err != nil {
			return err
		}
	}
}

// soakOnce has everything watched until the soak is over or something is wrong, and says what. The watching is a child
// run, which continues as new by itself, so that this run's history does not grow with the soak.
func (r *run) soakOnce(ctx workflow.Context) ([]string, error) {
	in := SoakInput{
		Until: workflow.Now(ctx).Add(r.state.Plan.Soak.Std()),
		Pause: offboard.Duration(max(r.policy.SoakProbe.Std(), r.state.Plan.Soak.Std()/mostProbes)),
	}
	in.Urgent = r.state.Request.Urgent
	in.Probe.Clusters, in.Probe.Known = r.watched()
	for _, k := range r.state.Keys {
		if k.State == offboard.KeyDisabled && (k.Disabled || r.state.Prune != nil) {
			in.Probe.Keys = append(in.Probe.Keys, activities.WatchedKey{ID: k.ID, Name: k.Name, Since: r.unusedSince(k)})
		}
	}
	r.state.Soak = &offboard.SoakProgress{Run: r.state.WorkflowID + "/soak", Until: in.Until}
	r.waiting(ctx, "the soak, until %s", in.Until.Format(time.RFC3339))
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          r.state.Soak.Run,
		StaticSummary:       brief("Watch what " + r.whose() + " keys were for"),
		WaitForCancellation: true,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
	})
	var got offboard.SoakProgress
	err := workflow.ExecuteChildWorkflow(ctx, Soak, in).Get(ctx, &got)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		// Not to know is not to be well: a soak that nobody watched has proven nothing.
		got = *r.state.Soak
		got.Trouble = []string{"the clusters were not watched to the end: the run " + got.Run + " was ended by somebody"}
	}
	got.Run = r.state.Soak.Run
	r.state.Soak = &got
	return got.Trouble, nil
}

// whose says which keys this run retires.
func (r *run) whose() string {
	if r.state.Prune != nil {
		return "superseded"
	}
	return r.state.Leaver.Email + "'s"
}

// unusedSince is from when on no use of a disabled key may be seen. IAM cuts its times, so of a superseded key, which
// nothing may use at all, every use is one that comes after the last one that the plan knew.
func (r *run) unusedSince(k offboard.KeyProgress) time.Time {
	if r.state.Prune != nil {
		return k.LastUsed
	}
	return k.DisabledAt
}

func (r *run) anyDisabled() bool {
	for _, k := range r.state.Keys {
		if k.State == offboard.KeyDisabled {
			return true
		}
	}
	return false
}

// enableAll enables every key that this run disabled, all at the same time, and cannot be cancelled.
func (r *run) enableAll(ctx workflow.Context) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return firstOf(each(ctx, len(r.state.Keys), r.state.Keys, "enable", func(ctx workflow.Context, i int, _ offboard.KeyProgress) error {
		return r.enableKey(ctx, &r.state.Keys[i])
	}))
}
