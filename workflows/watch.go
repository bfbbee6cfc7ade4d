package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// probesPerRun is how many looks one run of a soak takes before it continues as new: about 1,600 events, which a worker
// replays in a blink.
const probesPerRun = 200

// SoakInput says what is watched, and until when.
type SoakInput struct {
	Until time.Time             `json:"until"`
	Pause offboard.Duration     `json:"pause"` // between two looks
	Probe activities.ProbeInput `json:"probe"`
	// Probes were taken by the runs before this one.
	Probes int `json:"probes,omitempty"`
	// Urgent: its looks go before the steps of other runs.
	Urgent bool `json:"urgent,omitempty"`
}

// soakWorkflow looks at the clusters and the disabled keys again and again until the time is up or something is wrong.
// Its result says what is wrong; it changes nothing.
func soakWorkflow(ctx workflow.Context, in SoakInput) (offboard.SoakProgress, error) {
	state := offboard.SoakProgress{Until: in.Until, Probes: in.Probes}
	ctx = hurried(ctx, in.Urgent)
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (offboard.SoakProgress, error) { return state, nil },
		workflow.QueryHandlerOptions{Description: "How often the clusters and keys were looked at, and when last"})
	if err != nil {
		return state, err
	}
	for looks := 0; looks < probesPerRun; looks++ {
		workflow.SetCurrentDetails(ctx, offboard.SoakDetails(state))
		left := in.Until.Sub(workflow.Now(ctx))
		if _, err := waitFor(ctx, max(min(in.Pause.Std(), left), time.Millisecond), "Next look", func() bool { return false }); err != nil {
			return state, err
		}
		got, err := do(ctx, reading, "Look at the clusters and at the disabled keys", verbs.Probe, in.Probe)
		if err != nil {
			if stopped(err) {
				return state, err
			}
			// Not to know is not to be well: a soak that cannot look has proven nothing.
			state.Trouble = []string{"the clusters could not be looked at: " + problem(err)}
			return state, nil
		}
		state.Probes++
		state.Last, state.Trouble = workflow.Now(ctx), got.Trouble
		if len(got.Trouble) > 0 || !workflow.Now(ctx).Before(in.Until) {
			workflow.SetCurrentDetails(ctx, offboard.SoakDetails(state))
			return state, nil
		}
	}
	in.Probes = state.Probes
	return state, workflow.NewContinueAsNewError(ctx, Soak, in)
}
