package workflows

import (
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// mostProbes bounds the probes of one soak, so that its history stays short however long it is.
const mostProbes = 300

// soak waits while everything is watched, because issued tokens hide a dead key for as long as they live (traps 12, 13).
// At the first sign of harm the keys are enabled again at once; then a person decides.
func (r *run) soak(ctx workflow.Context) error {
	if !r.anyDisabled() {
		return nil
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
		r.state.Soak.Trouble = trouble
		err = r.hold(ctx, offboard.Hold{Subject: "soak", Step: "soak", Code: offboard.Conflict,
			Problem: "After the leaver's keys were disabled: " + strings.Join(trouble, "; ") + ".",
			Means:   "The keys were enabled again at once, so what still uses them works.",
			Retry:   "disables the keys and soaks again",
			Skip:    "leaves the keys alive and the user in the account; the run ends as Incomplete",
			Abort:   "stops the offboarding and undoes what can be undone"})
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

// soakOnce watches until the soak is over or something is wrong, and says what.
func (r *run) soakOnce(ctx workflow.Context) ([]string, error) {
	r.state.Soak = &offboard.SoakProgress{Until: workflow.Now(ctx).Add(r.state.Plan.Soak.Std())}
	pause := max(r.policy.SoakProbe.Std(), r.state.Plan.Soak.Std()/mostProbes)
	clusters, known := r.watched()
	in := activities.ProbeInput{Clusters: clusters, Known: known}
	for _, k := range r.state.Keys {
		if k.State == offboard.KeyDisabled && k.Disabled {
			in.Keys = append(in.Keys, activities.WatchedKey{ID: k.ID, Name: k.Name, Since: k.DisabledAt})
		}
	}
	for {
		left := r.state.Soak.Until.Sub(workflow.Now(ctx))
		r.waiting(ctx, "the soak, until %s", r.state.Soak.Until.Format(time.RFC3339))
		if _, err := waitFor(ctx, max(min(pause, left), time.Millisecond), "Next look during the soak", func() bool { return r.stop != nil }); err != nil {
			return nil, err
		}
		if r.stop != nil {
			return nil, errStopped
		}
		got, err := do(ctx, reading, "Look at the clusters and at the disabled keys", verbs.Probe, in)
		if err != nil {
			if stopped(err) {
				return nil, err
			}
			// Not to know is not to be well: a soak that cannot look has proven nothing.
			return []string{"the clusters could not be looked at: " + problem(err)}, nil
		}
		r.state.Soak.Probes++
		r.state.Soak.Last = workflow.Now(ctx)
		if len(got.Trouble) > 0 {
			return got.Trouble, nil
		}
		if !workflow.Now(ctx).Before(r.state.Soak.Until) {
			return nil, nil
		}
	}
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
