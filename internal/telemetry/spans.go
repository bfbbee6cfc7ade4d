package telemetry

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// Sent is a request that this program sent and that has been answered, or not.
type Sent struct {
	Name   string // the span's: what was asked of whom, such as "containers GetCluster"
	System string // who was asked: ibm-cloud or kubernetes
	Method string
	Status int // zero: no answer came
	Took   time.Duration
	Detail map[string]string // attributes of the span besides
}

// Sent makes a span of a request that has just been answered, below the span that the context carries; without one there
// is nothing to tell. It is made afterwards and from what the adapters say, so that no address, no header and no body gets
// near it, and nobody outside is sent our IDs.
func (t *Telemetry) Sent(ctx context.Context, s Sent) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	now := time.Now()
	attributes := []attribute.KeyValue{attribute.String("peer.service", s.System), attribute.String("http.request.method", s.Method)}
	if s.Status != 0 {
		attributes = append(attributes, attribute.Int("http.response.status_code", s.Status))
	}
	attributes = append(attributes, texts(s.Detail)...)
	_, span := t.tracer.Start(ctx, s.Name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(now.Add(-s.Took)), trace.WithAttributes(attributes...))
	switch {
	case s.Status == 0:
		span.SetStatus(codes.Error, "no answer came")
	case s.Status >= 400:
		span.SetStatus(codes.Error, http.StatusText(s.Status))
	}
	span.End(trace.WithTimestamp(now))
}

// Receive begins the span of a request that this program answers, which begins a trace: what a sender says of traces is
// not believed, since it could tie the runs of many people together. The function it returns ends the span; route is a
// pattern and not a path.
func (t *Telemetry) Receive(ctx context.Context, method string) (context.Context, func(route string, status int, details map[string]string)) {
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", method)))
	return ctx, func(route string, status int, details map[string]string) {
		if route != "" {
			span.SetName(route)
			span.SetAttributes(attribute.String("http.route", route))
		}
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		span.SetAttributes(texts(details)...)
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// texts are attributes; what is empty is left out.
func texts(details map[string]string) []attribute.KeyValue {
	var list []attribute.KeyValue
	for name, value := range details {
		if value != "" {
			list = append(list, attribute.String(name, value))
		}
	}
	return list
}

// Fields are the keys by which a line of the log and a trace find each other, the same that Temporal's SDK writes; none
// outside of a trace.
func Fields(ctx context.Context) []zap.Field {
	c := trace.SpanContextFromContext(ctx)
	if !c.IsValid() {
		return nil
	}
	return []zap.Field{zap.Stringer("TraceID", c.TraceID()), zap.Stringer("SpanID", c.SpanID())}
}
