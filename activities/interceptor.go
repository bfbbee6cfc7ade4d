package activities

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"offboard/internal/offboard"
)

// FailureDetails travel with the failure of an activity.
type FailureDetails struct {
	RequestID string `json:"requestId,omitempty"`
	// Ambiguous: the request may have taken effect although it failed.
	Ambiguous bool `json:"ambiguous,omitempty"`
}

// Interceptor translates the errors of every activity into what Temporal understands, so that none can forget it: the
// failure's type is the error's code, a final code is not retried, a rate limit carries its delay, waiting for an effect
// is no alarm. The message is the error's own text, which never holds a response body.
//
// An attempt that finds an effect not there yet looks again by itself for as long as it may linger: most effects come
// within seconds, and a new attempt costs the server more than a look.
func Interceptor(linger time.Duration) interceptor.WorkerInterceptor {
	return &workerInterceptor{linger: linger}
}

// Linger is how long an attempt looks again by itself. It is longer than a key, a secret or a rollout usually takes, and
// shorter than anybody who cancels a run should wait: an attempt learns of that with its heartbeats only.
const Linger = 6 * time.Second

type workerInterceptor struct {
	interceptor.WorkerInterceptorBase
	linger  time.Duration
	waiting atomic.Int64 // attempts that linger
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (w *workerInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activityInterceptor{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, worker: w}
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	worker *workerInterceptor
	beat   *heartbeat
}

// Init implements interceptor.ActivityInboundInterceptor.
func (i *activityInterceptor) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	i.beat = &heartbeat{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: outbound}}
	return i.Next.Init(i.beat)
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor. The activity does not see that its run is
// cancelled: a change that is broken off has an unknown outcome, and every attempt is short. Its deadline holds. Its
// result gets the receipt of the last change that was asked for, in this attempt or in one before.
func (i *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	collecting, receipts := offboard.CollectReceipts(ctx)
	i.beat.collect(ctx, receipts)
	stop := i.beat.start(ctx)
	defer stop()
	whole, cancel := context.WithoutCancel(collecting), func() {}
	if deadline, ok := ctx.Deadline(); ok {
		whole, cancel = context.WithDeadline(whole, deadline)
	}
	defer cancel()
	begun, info := time.Now(), activity.GetInfo(ctx)
	if info.Attempt > 1 && confirms(info.ActivityType.Name) {
		whole = offboard.Looking(whole)
	}
	result, err := i.Next.ExecuteActivity(whole, in)
	for offboard.CodeOf(err) == offboard.Pending && i.mayLookAgain(ctx, begun) {
		result, err = i.Next.ExecuteActivity(offboard.Looking(whole), in)
	}
	waited := info.StartedTime.Sub(info.ScheduledTime) + time.Since(begun) // by the server's clock, then by this machine's
	if err != nil {
		i.beat.leave(ctx)
		return result, toTemporal(ctx, err, waited)
	}
	return withReceipt(result, receipts.Last()), nil
}

// mayLookAgain waits until it is time for the next look at an effect, and tells whether this attempt is still to take it.
// Only a first attempt lingers: what has taken longer than that gives its place in the worker to others in between.
func (i *activityInterceptor) mayLookAgain(ctx context.Context, begun time.Time) bool {
	waited := time.Since(begun)
	pause := max(waited/16, shortest, time.Duration(i.worker.waiting.Add(1))*elbowRoom)
	defer i.worker.waiting.Add(-1)
	end := begun.Add(i.worker.linger)
	// An attempt that is cut off by its deadline says nothing of what it saw last.
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-deadlineMargin).Before(end) {
		end = deadline.Add(-deadlineMargin)
	}
	if activity.GetInfo(ctx).Attempt > 1 || time.Now().Add(pause).After(end) {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-activity.GetWorkerStopChannel(ctx):
		return false
	case <-timer.C:
		return true
	}
}

// shortest is the pause between the first looks of an attempt that lingers: a key or a pod that is awaited for a second or three
// should not be missed by a third of one.
const shortest = 200 * time.Millisecond

// elbowRoom is what each attempt that lingers adds to the pauses of all: a worker looks 333 times a second at most,
// however many clusters are waited for.
const elbowRoom = 3 * time.Millisecond

// deadlineMargin is enough for a look and its report.
const deadlineMargin = 2 * time.Second

// heartbeat shows the server that the worker lives while an activity runs, so that a dead worker is noticed in seconds
// and not when the attempt's time is up. It repeats the details the activity gave last: a heartbeat without details would
// wipe them.
type heartbeat struct {
	interceptor.ActivityOutboundInterceptorBase
	mu       sync.Mutex
	details  []any
	receipts *offboard.Receipts
}

// RecordHeartbeat implements interceptor.ActivityOutboundInterceptor.
func (h *heartbeat) RecordHeartbeat(ctx context.Context, details ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(details) > 0 {
		h.details = details
	}
	h.Next.RecordHeartbeat(ctx, h.said()...)
}

// start beats twice in each heartbeat timeout until stop is called.
func (h *heartbeat) start(ctx context.Context) (stop func()) {
	timeout := h.Next.GetInfo(ctx).HeartbeatTimeout
	if timeout <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(timeout / 2)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				h.RecordHeartbeat(ctx)
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// toTemporal is the one place where a domain error becomes a Temporal failure. An application error must be the
// outermost type: wrapped in another it would become retryable.
func toTemporal(ctx context.Context, err error, waited time.Duration) error {
	if err == nil {
		return nil
	}
	// A cancelled activity must be recorded as cancelled, whatever the client library made of it.
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return ctx.Err()
	}
	if _, already := errors.AsType[*temporal.ApplicationError](err); already {
		return err
	}
	e, ok := errors.AsType[*offboard.Error](err)
	if !ok {
		return temporal.NewApplicationErrorWithOptions("unexpected error; its text is in the worker's log only", string(offboard.Unavailable),
			temporal.ApplicationErrorOptions{})
	}
	options := temporal.ApplicationErrorOptions{
		NonRetryable:   !e.Code.Retryable(),
		NextRetryDelay: again(e, waited),
		Details:        []any{FailureDetails{RequestID: e.RequestID, Ambiguous: e.Ambiguous}},
	}
	if e.Code == offboard.Pending || e.Code == offboard.RateLimited {
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Code), options)
}

// Spacing of the looks at an effect that is awaited: a fifth of the time waited so far, so that no wait is overshot by
// more and a wait of minutes costs some thirty requests, within bounds. An attempt that lingers looks more often: what
// comes within seconds is what people watch.
const (
	soonest = 300 * time.Millisecond
	usual   = 20 * time.Second // the longest pause of the first ten minutes; after them a thirtieth of the time waited
	latest  = 5 * time.Minute  // what takes hours is somebody who has not accepted an invitation yet
)

// pauseAfter is the pause before the next look at an effect that has been awaited for so long.
func pauseAfter(waited time.Duration) time.Duration {
	return min(max(waited/5, soonest), max(usual, waited/30), latest)
}

// again is when to try again: when the service said, or, while an effect is awaited, by how long it has been awaited. Zero
// leaves it to the activity's retry policy.
func again(e *offboard.Error, waited time.Duration) time.Duration {
	if e.RetryAfter > 0 || e.Code != offboard.Pending {
		return e.RetryAfter
	}
	return pauseAfter(waited)
}

// confirms tells whether a verb waits for an effect: its attempts after the first look again.
func confirms(verb string) bool {
	return strings.HasPrefix(verb, "Confirm") || strings.HasPrefix(verb, "Await")
}
