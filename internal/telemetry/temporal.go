package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// Instrument makes a Temporal client, and the workers that are made of it, tell us of what they do.
func (t *Telemetry) Instrument(o *client.Options) error {
	o.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: t.temporal, UseMonotonicCounters: true, OnError: t.onError,
	})
	spans, err := newTracer(options(t.tracer))
	if err != nil {
		return fmt.Errorf("make the tracer for Temporal: %w", err)
	}
	o.Interceptors = append(o.Interceptors, interceptor.NewTracingInterceptor(spans), &endings{})
	return nil
}

func options(t trace.Tracer) opentelemetry.TracerOptions {
	return opentelemetry.TracerOptions{
		Tracer: t,
		// A run that is watched is asked every second.
		DisableQueryTracing: true,
		// What is in baggage would be kept in the history.
		DisableBaggage:    true,
		TextMapPropagator: propagation.TraceContext{},
		// A header that somebody else made wrong must not stop a run.
		AllowInvalidParentSpans: true,
	}
}

// tracer is contrib's tracer, but for the IDs of spans that a replay makes again.
type tracer struct {
	interceptor.Tracer
	options opentelemetry.TracerOptions
}

func newTracer(o opentelemetry.TracerOptions) (*tracer, error) {
	inner, err := opentelemetry.NewTracer(o)
	if err != nil {
		return nil, err
	}
	return &tracer{Tracer: inner, options: o}, nil
}

// StartSpan implements interceptor.Tracer. The key does not reach the function that starts a span, so that there is one
// function, and a tracer around it, for each key.
func (t *tracer) StartSpan(o *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	if o.IdempotencyKey == "" {
		return t.Tracer.StartSpan(o)
	}
	keyed := t.options
	keyed.SpanStarter = func(ctx context.Context, tr trace.Tracer, name string, options ...trace.SpanStartOption) trace.Span {
		_, span := tr.Start(withKey(ctx, o.IdempotencyKey), name, options...)
		return span
	}
	once, err := opentelemetry.NewTracer(keyed)
	if err != nil {
		return nil, err
	}
	return once.StartSpan(o)
}
