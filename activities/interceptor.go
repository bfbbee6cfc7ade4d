package activities

import (
	"context"
	"errors"
	"sync"
	"time"

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
func Interceptor() interceptor.WorkerInterceptor { return &workerInterceptor{} }

type workerInterceptor struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*workerInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activityInterceptor{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	beat *heartbeat
}

// Init implements interceptor.ActivityInboundInterceptor.
func (i *activityInterceptor) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	i.beat = &heartbeat{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: outbound}}
	return i.Next.Init(i.beat)
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor. The activity does not see that its run is
// cancelled: a change that is broken off has an unknown outcome, and every attempt is short. Its deadline holds.
func (i *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	stop := i.beat.start(ctx)
	defer stop()
	whole, cancel := context.WithoutCancel(ctx), func() {}
	if deadline, ok := ctx.Deadline(); ok {
		whole, cancel = context.WithDeadline(whole, deadline)
	}
	defer cancel()
	result, err := i.Next.ExecuteActivity(whole, in)
	return result, toTemporal(ctx, err)
}

// heartbeat shows the server that the worker lives while an activity runs, so that a dead worker is noticed in seconds
// and not when the attempt's time is up. It repeats the details the activity gave last: a heartbeat without details would
// wipe them.
type heartbeat struct {
	interceptor.ActivityOutboundInterceptorBase
	mu      sync.Mutex
	details []any
}

// RecordHeartbeat implements interceptor.ActivityOutboundInterceptor.
func (h *heartbeat) RecordHeartbeat(ctx context.Context, details ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(details) > 0 {
		h.details = details
	}
	h.Next.RecordHeartbeat(ctx, h.details...)
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
func toTemporal(ctx context.Context, err error) error {
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
		NextRetryDelay: e.RetryAfter,
		Details:        []any{FailureDetails{RequestID: e.RequestID, Ambiguous: e.Ambiguous}},
	}
	if e.Code == offboard.Pending || e.Code == offboard.RateLimited {
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Code), options)
}
