package telemetry

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"offboard/internal/offboard"
)

// Instruments are our own metrics outside of workflows. No label may hold what a person or a cluster is called: names of
// services, operations, routes, phases and codes only, of which there are few.
type Instruments struct {
	cloudRequests, kubernetesRequests, requests, doorEvents metric.Int64Counter
	cloudDuration, kubernetesDuration, requestDuration      metric.Float64Histogram
	runsOpen, runsWaiting, functionalKeys, functionalLimit  metric.Int64Gauge
	doorQueued, doorHeld                                    metric.Int64Gauge
	lookedAt                                                metric.Float64Gauge
}

func newInstruments(m metric.Meter) (*Instruments, error) {
	var problems []error
	counter := func(name string) metric.Int64Counter {
		c, err := m.Int64Counter(name)
		problems = append(problems, err)
		return c
	}
	gauge := func(name string) metric.Int64Gauge {
		g, err := m.Int64Gauge(name)
		problems = append(problems, err)
		return g
	}
	seconds := func(name string) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithUnit("s"))
		problems = append(problems, err)
		return h
	}
	at, err := m.Float64Gauge(lookedAt, metric.WithUnit("s"))
	problems = append(problems, err)
	i := &Instruments{
		cloudRequests: counter(cloudRequests), kubernetesRequests: counter(kubernetesRequests), requests: counter(requests), doorEvents: counter(doorEvents),
		cloudDuration: seconds(cloudDuration), kubernetesDuration: seconds(kubernetesDuration), requestDuration: seconds(requestDuration),
		runsOpen: gauge(runsOpen), runsWaiting: gauge(runsWaiting), functionalKeys: gauge(functionalKeys), functionalLimit: gauge(functionalLimit),
		doorQueued: gauge(doorQueued), doorHeld: gauge(doorHeld), lookedAt: at,
	}
	return i, errors.Join(problems...)
}

// code is a status as a label; zero means that no answer came.
func code(status int) attribute.KeyValue {
	if status == 0 {
		return attribute.String("code", "none")
	}
	return attribute.String("code", strconv.Itoa(status))
}

func labels(list ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(list...))
}

// CloudRequest counts an exchange with a service of IBM Cloud; status is zero when no answer came.
func (i *Instruments) CloudRequest(ctx context.Context, service, operation string, status int, took time.Duration) {
	i.cloudRequests.Add(ctx, 1, labels(attribute.String("service", service), attribute.String("operation", operation), code(status)))
	i.cloudDuration.Record(ctx, took.Seconds(), labels(attribute.String("service", service)))
}

// KubernetesRequest counts an exchange with a cluster's Kubernetes API; status is zero when no answer came.
func (i *Instruments) KubernetesRequest(ctx context.Context, verb, resource string, status int, took time.Duration) {
	i.kubernetesRequests.Add(ctx, 1, labels(attribute.String("verb", verb), attribute.String("resource", resource), code(status)))
	i.kubernetesDuration.Record(ctx, took.Seconds(), labels(attribute.String("verb", verb)))
}

// Request counts a request that this program answered. route is a pattern and not a path; empty: no route took it.
func (i *Instruments) Request(ctx context.Context, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	i.requests.Add(ctx, 1, labels(attribute.String("route", route), code(status)))
	i.requestDuration.Record(ctx, took.Seconds(), labels(attribute.String("route", route)))
}

// DoorEvent counts an event that the door applied, or did not.
func (i *Instruments) DoorEvent(ctx context.Context, source, kind, outcome string) {
	i.doorEvents.Add(ctx, 1, labels(attribute.String("source", source), attribute.String("kind", kind), attribute.String("outcome", outcome)))
}

// DoorBacklog says how many events are in the door's queue, and how many the mass brake holds.
func (i *Instruments) DoorBacklog(ctx context.Context, queued, held int) {
	i.doorQueued.Record(ctx, int64(queued))
	i.doorHeld.Record(ctx, int64(held))
}

// OpenRuns says how many runs are open in each phase and how many of them wait for a person, as counted now. Phases that
// are not named have none.
func (i *Instruments) OpenRuns(ctx context.Context, open, waiting map[offboard.Phase]int, now time.Time) {
	for _, phase := range phases {
		of := labels(attribute.String("phase", string(phase)))
		i.runsOpen.Record(ctx, int64(open[phase]), of)
		i.runsWaiting.Record(ctx, int64(waiting[phase]), of)
	}
	i.lookedAt.Record(ctx, float64(now.UnixMilli())/1000)
}

// FunctionalIDKeys says how many API keys a functional ID holds, by its IAM ID, and how many it may hold.
func (i *Instruments) FunctionalIDKeys(ctx context.Context, iamID string, held, limit int) {
	i.functionalKeys.Record(ctx, int64(held), labels(attribute.String("iam_id", iamID)))
	i.functionalLimit.Record(ctx, int64(limit))
}
