package telemetry

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// endings counts runs when they end, from their reports. It stands in the workflow, so it uses the workflow's own metrics,
// which keep silent in a replay.
type endings struct{ interceptor.InterceptorBase }

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (*endings) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &ending{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type ending struct {
	interceptor.WorkflowInboundInterceptorBase
}

// failed is the status of a run without a report: wrong input, a person who is being offboarded already, a cancellation
// before anything began.
const failed = "Failed"

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (e *ending) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := e.Next.ExecuteWorkflow(ctx, in)
	metrics := workflow.GetMetricsHandler(ctx)
	report, whole := result.(offboard.Report)
	switch {
	case err == nil && whole:
		countReport(metrics, report)
	case err != nil && workflow.GetInfo(ctx).ParentWorkflowExecution == nil && !workflow.IsContinueAsNewError(err):
		tagged(metrics, "status", failed).Counter(runsEnded).Inc(1)
	}
	return result, err
}

func countReport(metrics client.MetricsHandler, report offboard.Report) {
	tagged(metrics, "status", string(report.Status)).Counter(runsEnded).Inc(1)
	tagged(metrics, "status", string(report.Status)).Timer(runDuration).Record(report.Ended.Sub(report.Started))
	for _, t := range report.Progress.Timings {
		if !t.Ended.IsZero() {
			tagged(metrics, "phase", string(t.Phase)).Timer(phaseDuration).Record(t.Ended.Sub(t.Started))
		}
	}
	for _, s := range report.Progress.Scopes {
		metrics.WithTags(map[string]string{"action": string(s.Action), "state": string(s.State)}).Counter(scopesEnded).Inc(1)
	}
}

func tagged(metrics client.MetricsHandler, name, value string) client.MetricsHandler {
	return metrics.WithTags(map[string]string{name: value})
}
