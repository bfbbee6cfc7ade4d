// Package telemetry makes the traces and metrics of one process: spans to an OTLP receiver where the standard OTEL_*
// environment names one, metrics on a page for Prometheus, and both for Temporal's SDK.
//
// It knows OpenTelemetry, Temporal's SDK and the domain (internal/offboard). It must not know IBM, Kubernetes, the door or
// the configuration: they tell it what happened in plain words. No label and no span ever holds an e-mail address.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
)

// Config says whose telemetry it is.
type Config struct {
	Service string // name of the program; OTEL_SERVICE_NAME replaces it
	Version string
	// Env is asked whether and how to send traces. The exporter reads everything else about its receiver, such as headers
	// and certificates, from the process's own environment.
	Env func(string) string
	// Clean takes secrets out of what a span says; nil: nothing is taken out but e-mail addresses.
	Clean func(string) string
	// OnError is told of what could not be recorded or sent; it must be safe for concurrent use.
	OnError func(error)
}

// Telemetry is one process's traces and metrics. All methods are safe for concurrent use.
type Telemetry struct {
	*Instruments
	tracer   trace.Tracer
	temporal metric.Meter
	page     http.Handler
	onError  func(error)
	close    []func(context.Context) error
}

// scope names our own spans and metrics.
const scope = "offboard"

// New makes a process's telemetry. Nothing is contacted before there is a span to send. The error says which setting is
// wrong.
func New(ctx context.Context, c Config) (*Telemetry, error) {
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.Clean == nil {
		c.Clean = func(s string) string { return s }
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", c.Service), attribute.String("service.version", c.Version)),
		resource.WithFromEnv()) // last: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	if err != nil {
		return nil, fmt.Errorf("describe this process for traces and metrics: %w", err)
	}
	t := &Telemetry{onError: c.OnError}
	if err := t.traces(ctx, c, about); err != nil {
		return nil, err
	}
	if err := t.metrics(about); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

func (t *Telemetry) metrics(about *resource.Resource) error {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return fmt.Errorf("make the page of metrics: %w", err)
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(about), sdkmetric.WithView(views()...))
	t.close = append(t.close, provider.Shutdown)
	t.temporal = provider.Meter("temporal-sdk-go")
	t.page = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	t.Instruments, err = newInstruments(provider.Meter(scope))
	return err
}

// Page serves the metrics in Prometheus's format.
func (t *Telemetry) Page() http.Handler { return t.page }

// closing bounds how long the last spans may take: they must not use up what a pod has to end in.
const closing = 3 * time.Second

// Close sends what is left, within three seconds. Nothing may be recorded afterwards.
func (t *Telemetry) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	problems := make([]error, len(t.close))
	for i, end := range t.close {
		problems[i] = end(ctx)
	}
	t.close = nil
	return errors.Join(problems...)
}
