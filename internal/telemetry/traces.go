package telemetry

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// traces sets up the spans. Without a receiver there are none, and nothing of them in the headers of a run.
func (t *Telemetry) traces(ctx context.Context, c Config, about *resource.Resource) error {
	protocol, err := wanted(c.Env)
	if err != nil {
		return err
	}
	if protocol == "" {
		t.tracer = noop.NewTracerProvider().Tracer(scope)
		return nil
	}
	exporter, err := otlptrace.New(ctx, receiver(protocol))
	if err != nil {
		return fmt.Errorf("make the exporter of traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithIDGenerator(newIDs()),
		sdktrace.WithBatcher(&cleaning{SpanExporter: exporter, clean: c.Clean, onError: c.OnError}))
	t.tracer = provider.Tracer(scope)
	t.close = append(t.close, provider.Shutdown)
	return nil
}

// receiver makes the client of one of the protocols that wanted returns.
func receiver(protocol string) otlptrace.Client {
	if protocol == "grpc" {
		return otlptracegrpc.NewClient()
	}
	return otlptracehttp.NewClient()
}

// wanted reads from OpenTelemetry's standard environment by which protocol traces are sent; empty: they are not. Unlike
// an SDK that is set up automatically, nothing is sent unless a receiver is named: a port on this machine that happens to
// be open is nobody who was meant to hear of this.
func wanted(env func(string) string) (string, error) {
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := strings.TrimSpace(env(name)); value != "" {
				return name, value
			}
		}
		return "", ""
	}
	_, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	_, exporter := first("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(env("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return "", nil
	case exporter != "" && exporter != "otlp":
		return "", fmt.Errorf("OTEL_TRACES_EXPORTER is %q: it must be otlp or none", exporter)
	}
	name, protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	switch protocol {
	case "":
		return "http/protobuf", nil
	case "grpc", "http/protobuf":
		return protocol, nil
	}
	return "", fmt.Errorf("%s is %q: it must be http/protobuf or grpc", name, protocol)
}
