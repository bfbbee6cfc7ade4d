package activities

import (
	"context"
	"errors"

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
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (i *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := i.Next.ExecuteActivity(ctx, in)
	return result, toTemporal(ctx, err)
}

// toTemporal is the one place where a domain error becomes a Temporal failure. An application error must be the
// outermost type: wrapped in another it would become retryable.
func toTemporal(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	// A cancelled activity must be recorded as cancelled, whatever the client library made of it.
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
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
