package telemetry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ids gives spans their IDs: random ones, and those of workflows by a key. A worker that takes a run over replays it, and
// its span must be the one that the spans before it hang on; a run that nobody's trace began must have one trace and not
// one for each worker that ever held it.
type ids struct{}

func newIDs() sdktrace.IDGenerator { return ids{} }

type idKey struct{}

// withKey makes the next span's ID depend on nothing but the key.
func withKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, idKey{}, key)
}

// NewIDs implements sdktrace.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if key, ok := ctx.Value(idKey{}).(string); ok {
		sum := sha256.Sum256([]byte(key))
		return trace.TraceID(sum[16:]), trace.SpanID(sum[:8])
	}
	var id trace.TraceID
	_, _ = rand.Read(id[:]) // it never fails: crypto/rand ends the process instead
	return id, randomSpan()
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if key, ok := ctx.Value(idKey{}).(string); ok {
		sum := sha256.Sum256([]byte(key))
		return trace.SpanID(sum[:8])
	}
	return randomSpan()
}

func randomSpan() trace.SpanID {
	var id trace.SpanID
	_, _ = rand.Read(id[:])
	return id
}
