package telemetry

import (
	"context"
	"regexp"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// cleaning takes out of every span what must not leave: secrets, and e-mail addresses, which the sentences of errors name
// people by. Traces are often kept by somebody else, and for longer than a person's data may be.
type cleaning struct {
	sdktrace.SpanExporter
	clean   func(string) string
	onError func(error)
}

// address is anything that could be an e-mail address.
var address = regexp.MustCompile(`[^\s<>"'(),;:=/]+@[^\s<>"'(),;:=/]+`)

// ExportSpans implements sdktrace.SpanExporter. That a receiver is away is told and otherwise no matter.
func (c *cleaning) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	list := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		list[i] = &cleanSpan{ReadOnlySpan: s, text: c.text}
	}
	if err := c.SpanExporter.ExportSpans(ctx, list); err != nil {
		c.onError(err)
	}
	return nil
}

func (c *cleaning) text(s string) string { return address.ReplaceAllString(c.clean(s), "(address)") }

// cleanSpan is a span without what must not leave.
type cleanSpan struct {
	sdktrace.ReadOnlySpan
	text func(string) string
}

// Name implements sdktrace.ReadOnlySpan.
func (s *cleanSpan) Name() string { return s.text(s.ReadOnlySpan.Name()) }

// Attributes implements sdktrace.ReadOnlySpan.
func (s *cleanSpan) Attributes() []attribute.KeyValue { return s.all(s.ReadOnlySpan.Attributes()) }

// Status implements sdktrace.ReadOnlySpan.
func (s *cleanSpan) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = s.text(status.Description)
	return status
}

// Events implements sdktrace.ReadOnlySpan.
func (s *cleanSpan) Events() []sdktrace.Event {
	list := s.ReadOnlySpan.Events()
	clean := make([]sdktrace.Event, len(list))
	for i, e := range list {
		e.Name, e.Attributes = s.text(e.Name), s.all(e.Attributes)
		clean[i] = e
	}
	return clean
}

func (s *cleanSpan) all(list []attribute.KeyValue) []attribute.KeyValue {
	clean := make([]attribute.KeyValue, len(list))
	for i, kv := range list {
		if kv.Value.Type() == attribute.STRING {
			kv.Value = attribute.StringValue(s.text(kv.Value.AsString()))
		}
		clean[i] = kv
	}
	return clean
}
