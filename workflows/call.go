package workflows

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// verbs gives the activities' names and types; it is never dereferenced.
var verbs *activities.Activities

// do runs an activity and returns its result. The compiler checks input and result; the name is the method's.
func do[In, Out any](ctx workflow.Context, p preset, summary string, verb func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, p.options(ctx, summary)), verb, in).Get(ctx, &out)
	if err != nil && ctx.Err() != nil {
		return out, ctx.Err() // an attempt that failed is not repeated once the run is cancelled
	}
	return out, err
}

// each runs f for every item, at most limit at a time, and returns the errors in the items' order.
func each[T any](ctx workflow.Context, limit int, items []T, name string, f func(workflow.Context, int, T) error) []error {
	errs := make([]error, len(items))
	room := workflow.NewSemaphore(ctx, int64(max(limit, 1)))
	wg := workflow.NewWaitGroup(ctx)
	for i, item := range items {
		if err := room.Acquire(ctx, 1); err != nil {
			errs[i] = err
			continue
		}
		wg.Add(1)
		workflow.GoNamed(ctx, name, func(ctx workflow.Context) {
			errs[i] = f(ctx, i, item)
			room.Release(1)
			wg.Done()
		})
	}
	wg.Wait(ctx)
	return errs
}

// atOnce runs steps that need nothing of each other, and returns the first error in their order.
func atOnce(ctx workflow.Context, name string, steps ...func(workflow.Context) error) error {
	return firstOf(each(ctx, len(steps), steps, name, func(ctx workflow.Context, _ int, step func(workflow.Context) error) error { return step(ctx) }))
}

// waitFor waits until the condition holds or the time is up, and tells whether the condition holds. A time of zero
// waits without end. The timer is cancelled when it is no longer needed; workflow.AwaitWithTimeout would leave it.
func waitFor(ctx workflow.Context, d time.Duration, summary string, condition func() bool) (bool, error) {
	if condition() {
		return true, nil
	}
	if d <= 0 {
		err := workflow.Await(ctx, condition)
		return condition(), err
	}
	timerCtx, cancel := workflow.WithCancel(ctx)
	timer := workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{Summary: brief(summary)})
	err := workflow.Await(ctx, func() bool { return condition() || timer.IsReady() })
	cancel()
	if err == nil && !condition() {
		err = ctx.Err() // a cancellation makes the timer ready too, before Await hears of it
	}
	return condition(), err
}

// failure reads what an activity's error means. The text is the activity's own.
func failure(err error) *offboard.Error {
	if e, ok := errors.AsType[*offboard.Error](err); ok {
		return e
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		e := &offboard.Error{Code: offboard.Code(app.Type()), Op: app.Message()}
		var details activities.FailureDetails
		if app.HasDetails() && app.Details(&details) == nil {
			e.RequestID, e.Ambiguous = details.RequestID, details.Ambiguous
		}
		return e
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return offboard.Errorf(offboard.Unavailable, "the step", "no answer in time (%s)", timeout.TimeoutType())
	}
	return offboard.Errorf(offboard.Unavailable, "the step", "failed for an unknown reason")
}

// problem is the text of a failure for people.
func problem(err error) string {
	e := failure(err)
	if e.Message == "" {
		return e.Op // the activity's whole text
	}
	return e.Error()
}

// stopped tells whether an error only says that the run was cancelled.
func stopped(err error) bool { return temporal.IsCanceledError(err) }
