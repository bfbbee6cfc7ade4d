package telemetry

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

func settings(pairs ...string) func(string) string {
	env := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

func TestTracesAreOffUnlessAReceiverIsNamed(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for name, c := range map[string]struct {
		env      func(string) string
		protocol string
		problem  string
	}{
		"nothing":             {settings(), "", ""},
		"an endpoint":         {settings(endpoint, "http://a:4318"), "http/protobuf", ""},
		"of traces":           {settings("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a:4318"), "http/protobuf", ""},
		"gRPC":                {settings(endpoint, "http://a:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "grpc", ""},
		"traces' own":         {settings(endpoint, "http://a", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), "grpc", ""},
		"asked for":           {settings("OTEL_TRACES_EXPORTER", "otlp"), "http/protobuf", ""},
		"none":                {settings(endpoint, "http://a:4318", "OTEL_TRACES_EXPORTER", "none"), "", ""},
		"disabled":            {settings(endpoint, "http://a:4318", "OTEL_SDK_DISABLED", "true"), "", ""},
		"an unknown exporter": {settings("OTEL_TRACES_EXPORTER", "zipkin"), "", `OTEL_TRACES_EXPORTER is "zipkin"`},
		"an unknown protocol": {settings(endpoint, "http://a", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), "", `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json"`},
	} {
		protocol, err := wanted(c.env)
		assert.Equal(t, c.protocol, protocol, name)
		if c.problem == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.problem, name)
		}
	}
	_, err := New(t.Context(), Config{Env: settings("OTEL_TRACES_EXPORTER", "zipkin")})
	assert.ErrorContains(t, err, "zipkin")
}

// recorded is a telemetry whose spans arrive in memory at once, cleaned as all are.
func recorded(t *testing.T) (*Telemetry, *tracetest.InMemoryExporter) {
	t.Helper()
	told, err := New(t.Context(), Config{Service: "offboard-test", Version: "1", Env: settings()})
	require.NoError(t, err)
	memory := tracetest.NewInMemoryExporter()
	clean := &cleaning{SpanExporter: memory, clean: func(s string) string { return strings.ReplaceAll(s, "hunter2", "(secret)") }, onError: func(err error) { t.Error(err) }}
	provider := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(newIDs()), sdktrace.WithSyncer(clean))
	told.tracer = provider.Tracer(scope)
	t.Cleanup(func() { assert.NoError(t, told.Close(context.Background())) })
	return told, memory
}

func TestSpansOfRequests(t *testing.T) {
	told, memory := recorded(t)
	told.Sent(t.Context(), Sent{Name: "iam GetAPIKey"})
	assert.Empty(t, memory.GetSpans(), "outside of a trace there is nothing to tell")

	ctx, end := told.Receive(t.Context(), "POST")
	require.Len(t, Fields(ctx), 2)
	assert.Empty(t, Fields(t.Context()))
	told.Sent(ctx, Sent{Name: "iam GetAPIKey", System: "ibm-cloud", Method: "GET", Status: 429, Took: time.Second, Detail: map[string]string{"ibm.request_id": "tx", "empty": ""}})
	told.Sent(ctx, Sent{Name: "kubernetes list pods", System: "kubernetes", Method: "GET"})
	end("POST /scim/v2/Users", 503, map[string]string{"offboard.outcome": "held"})

	spans := memory.GetSpans()
	require.Len(t, spans, 3)
	throttled, lost, door := spans[0], spans[1], spans[2]
	assert.Equal(t, time.Second, throttled.EndTime.Sub(throttled.StartTime))
	assert.Equal(t, door.SpanContext.TraceID(), throttled.SpanContext.TraceID())
	assert.Equal(t, door.SpanContext.SpanID(), throttled.Parent.SpanID())
	assert.Contains(t, throttled.Attributes, attribute.String("ibm.request_id", "tx"))
	assert.Equal(t, codes.Error, throttled.Status.Code)
	assert.Equal(t, "no answer came", lost.Status.Description)
	assert.Equal(t, "POST /scim/v2/Users", door.Name)
	assert.Equal(t, codes.Error, door.Status.Code)
	assert.Contains(t, door.Attributes, attribute.String("offboard.outcome", "held"))
}

func TestNothingThatNamesAPersonLeaves(t *testing.T) {
	told, memory := recorded(t)
	ctx, span := told.tracer.Start(t.Context(), "look up leaver@acme.example", trace.WithAttributes(attribute.String("who", "<leaver@acme.example>"), attribute.Int("n", 1)))
	span.RecordError(errors.New("no user leaver@acme.example, and hunter2"))
	span.SetStatus(codes.Error, `no user "leaver@acme.example"`)
	span.End()
	assert.NotEmpty(t, Fields(ctx))
	s := memory.GetSpans()[0]
	assert.Equal(t, "look up (address)", s.Name)
	assert.Equal(t, []attribute.KeyValue{attribute.String("who", "<(address)>"), attribute.Int("n", 1)}, s.Attributes)
	assert.Equal(t, `no user "(address)"`, s.Status.Description)
	assert.Contains(t, s.Events[0].Attributes, attribute.String("exception.message", "no user (address), and (secret)"))
}

// away is a receiver that does not answer.
type away struct{ sdktrace.SpanExporter }

func (away) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("nobody there")
}

func TestAReceiverThatIsAwayIsToldOfAndNoMatter(t *testing.T) {
	var said error
	c := &cleaning{SpanExporter: away{}, clean: func(s string) string { return s }, onError: func(err error) { said = err }}
	require.NoError(t, c.ExportSpans(t.Context(), nil))
	assert.EqualError(t, said, "nobody there")
}

func TestTheSameKeyIsTheSameSpan(t *testing.T) {
	told, memory := recorded(t)
	var o client.Options
	require.NoError(t, told.Instrument(&o))
	assert.Len(t, o.Interceptors, 2)
	assert.NotNil(t, o.MetricsHandler)

	made := func(key string) interceptor.TracerSpan {
		tracer, err := newTracer(options(told.tracer))
		require.NoError(t, err)
		span, err := tracer.StartSpan(&interceptor.TracerStartSpanOptions{Operation: "RunWorkflow", Name: "Offboard", Time: time.Now(), IdempotencyKey: key})
		require.NoError(t, err)
		span.Finish(&interceptor.TracerFinishSpanOptions{})
		return span
	}
	made("a")
	made("a")
	made("b")
	made("")
	made("")
	spans := memory.GetSpans()
	require.Len(t, spans, 5)
	same := func(i, j int) bool { return spans[i].SpanContext.Equal(spans[j].SpanContext) }
	assert.True(t, same(0, 1), "a replay makes the span that was there before, in the same trace")
	assert.False(t, same(1, 2))
	assert.False(t, same(3, 4), "without a key every span is another")
	assert.Equal(t, "RunWorkflow:Offboard", spans[0].Name)
}

// The page has what an offboarding reports at its end, and nothing of a child.
func TestRunsAreCountedFromTheirReports(t *testing.T) {
	told, _ := recorded(t)
	var o client.Options
	require.NoError(t, told.Instrument(&o))
	begun := time.Date(2027, 1, 31, 16, 0, 0, 0, time.UTC)
	report := offboard.Report{Status: offboard.Completed, Started: begun, Ended: begun.Add(2 * time.Hour), Progress: offboard.Progress{
		Timings: []offboard.Timing{{Phase: offboard.PhaseSoak, Started: begun, Ended: begun.Add(time.Hour)}, {Phase: offboard.PhaseReport, Started: begun}},
		Scopes:  []offboard.ScopeProgress{{Action: "reset", State: offboard.ScopeDone}, {Action: "reset", State: offboard.ScopeSkipped}},
	}}
	for _, end := range []struct {
		report offboard.Report
		err    error
	}{{report, nil}, {offboard.Report{}, errors.New("wrong input")}} {
		var suite testsuite.WorkflowTestSuite
		suite.SetMetricsHandler(o.MetricsHandler)
		env := suite.NewTestWorkflowEnvironment()
		env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&endings{}}})
		env.RegisterWorkflowWithOptions(func(workflow.Context) (offboard.Report, error) { return end.report, end.err }, workflow.RegisterOptions{Name: "Offboard"})
		env.ExecuteWorkflow("Offboard")
		require.True(t, env.IsWorkflowCompleted())
		assert.Equal(t, end.err == nil, env.GetWorkflowError() == nil)
	}
	page := scrape(t, told)
	for _, line := range []string{
		`offboard_runs_ended_total{status="Completed"} 1`,
		`offboard_runs_ended_total{status="Failed"} 1`,
		`offboard_run_duration_seconds_sum{status="Completed"} 7200`,
		`offboard_phase_duration_seconds_bucket{phase="soak",le="3600"} 1`,
		`offboard_phase_duration_seconds_bucket{phase="soak",le="900"} 0`,
		`offboard_scopes_ended_total{action="reset",state="done"} 1`,
		`offboard_scopes_ended_total{action="reset",state="skipped"} 1`,
		`# HELP offboard_runs_ended_total Runs that ended, by the status of their report; Failed where there is none.`,
	} {
		assert.Contains(t, page, line+"\n")
	}
	assert.NotContains(t, page, `phase="report"`, "a phase that has not ended has no length")
}

func TestOurMetrics(t *testing.T) {
	told, _ := recorded(t)
	ctx := t.Context()
	told.CloudRequest(ctx, "iam", "GetAPIKey", 429, 30*time.Millisecond)
	told.CloudRequest(ctx, "iam", "GetAPIKey", 0, time.Second)
	told.KubernetesRequest(ctx, "list", "pods", 200, time.Millisecond)
	told.Request(ctx, "POST /webhooks/{source}", 202, time.Millisecond)
	told.Request(ctx, "", 404, time.Millisecond)
	told.DoorEvent(ctx, "scim", "requested", "started")
	told.DoorBacklog(ctx, 3, 12)
	told.OpenRuns(ctx, map[offboard.Phase]int{offboard.PhaseApprove: 2, offboard.PhaseHandOver: 1}, map[offboard.Phase]int{offboard.PhaseApprove: 1}, time.UnixMilli(1_800_000_000_500))
	told.FunctionalIDKeys(ctx, "IBMid-1", 18, 20)
	page := scrape(t, told)
	for _, line := range []string{
		`offboard_cloud_requests_total{code="429",operation="GetAPIKey",service="iam"} 1`,
		`offboard_cloud_requests_total{code="none",operation="GetAPIKey",service="iam"} 1`,
		`offboard_cloud_request_duration_seconds_bucket{service="iam",le="0.05"} 1`,
		`offboard_kubernetes_requests_total{code="200",resource="pods",verb="list"} 1`,
		`offboard_http_requests_total{code="202",route="POST /webhooks/{source}"} 1`,
		`offboard_http_requests_total{code="404",route="none"} 1`,
		`offboard_door_events_total{kind="requested",outcome="started",source="scim"} 1`,
		`offboard_door_queued 3`,
		`offboard_door_held 12`,
		`offboard_runs_open{phase="approve"} 2`,
		`offboard_runs_open{phase="hand over"} 1`,
		`offboard_runs_open{phase="soak"} 0`,
		`offboard_runs_waiting{phase="approve"} 1`,
		`offboard_runs_waiting{phase="hand over"} 0`,
		`offboard_runs_looked_at_seconds 1.8000000005e+09`,
		`offboard_functional_id_keys{iam_id="IBMid-1"} 18`,
		`offboard_functional_id_key_limit 20`,
	} {
		assert.Contains(t, page, line+"\n")
	}
	assert.Contains(t, page, `service_name="offboard-test"`)
	assert.Contains(t, page, "go_goroutines ")
	// The next look finds nobody.
	told.OpenRuns(ctx, nil, nil, time.Now())
	assert.Contains(t, scrape(t, told), `offboard_runs_open{phase="approve"} 0`+"\n")
}

func scrape(t *testing.T, told *Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	told.Page().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.String()
}
