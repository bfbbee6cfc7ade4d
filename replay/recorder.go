package replay

import (
	"cmp"
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// call is one thing the workflow's code asked for during a replay.
type call struct {
	task   int64 // the WorkflowTaskStarted event of the task in which it was asked
	kind   Kind
	name   string // what Temporal's check tells calls of a kind apart by, where it does
	fields fields
}

// answer is what an update handler returned.
type answer struct {
	refused error // by the validator, which a replay does not ask
	done    bool
	fields  fields
}

// recorder is the interceptor that writes down what the workflow's code asks for. Workflow code runs one coroutine at a
// time, so nothing is locked.
type recorder struct {
	interceptor.WorkerInterceptorBase
	read     *reader
	calls    []call
	versions map[string]workflow.Version
	updates  map[string]*answer
	end      *call
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (r *recorder) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	r.versions, r.updates = map[string]workflow.Version{}, map[string]*answer{}
	in := &inbound{recorder: r}
	in.Next = next
	return in
}

// InterceptActivity implements interceptor.WorkerInterceptor; no activity runs in a replay.
func (r *recorder) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return next
}

func (r *recorder) note(ctx workflow.Context, kind Kind, name string, f fields) {
	r.calls = append(r.calls, call{task: task(ctx), kind: kind, name: name, fields: f})
}

// task is the event with which the current workflow task began. The SDK sets the length before it runs the task's code.
func task(ctx workflow.Context) int64 { return int64(workflow.GetInfo(ctx).GetCurrentHistoryLength()) }

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	recorder *recorder
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &outbound{recorder: i.recorder}
	out.Next = next
	return i.Next.Init(out)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := i.Next.ExecuteWorkflow(ctx, in)
	i.recorder.end = &call{task: task(ctx), kind: End, fields: i.recorder.read.ending(result, err)}
	return result, err
}

// ExecuteUpdate implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	a := &answer{}
	i.recorder.updates[workflow.GetCurrentUpdateInfo(ctx).ID] = a
	a.refused = i.Next.ValidateUpdate(ctx, in)
	result, err := i.Next.ExecuteUpdate(ctx, in)
	a.done = true
	if err != nil {
		a.fields = fields{"failure": i.recorder.read.failure(i.recorder.read.failures.ErrorToFailure(err))}
	} else {
		a.fields = fields{"result": i.recorder.read.values(i.recorder.read.workflowData(), result)}
	}
	return result, err
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	recorder *recorder
}

// GetInfo implements interceptor.WorkflowOutboundInterceptor. The SDK replays in a namespace of its own, and checks less in
// any other; the workflow sees the one it ran in.
func (o *outbound) GetInfo(ctx workflow.Context) *workflow.Info {
	info := *o.Next.GetInfo(ctx)
	info.Namespace = o.recorder.read.namespace
	return &info
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	options, info := workflow.GetActivityOptions(ctx), workflow.GetInfo(ctx)
	queue := cmp.Or(options.TaskQueue, info.TaskQueueName)
	f := fields{
		"task queue":   queue,
		"input":        o.recorder.read.values(o.recorder.read.activityData(activityType, queue), args...),
		"retry policy": retryPolicy(options.RetryPolicy),
	}
	f.summary(options.Summary, "")
	limits{options.ScheduleToCloseTimeout, options.ScheduleToStartTimeout, options.StartToCloseTimeout, options.HeartbeatTimeout}.
		asServer(info.WorkflowRunTimeout).into(f)
	o.recorder.note(ctx, Activity, activityType, f)
	return o.Next.ExecuteActivity(ctx, activityType, args...)
}

// NewTimer implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	o.timer(ctx, d, "")
	return o.Next.NewTimer(ctx, d)
}

// NewTimerWithOptions implements interceptor.WorkflowOutboundInterceptor. Sleep and AwaitWithTimeout come through here.
func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	o.timer(ctx, d, options.Summary)
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *outbound) timer(ctx workflow.Context, d time.Duration, summary string) {
	if d <= 0 {
		return // it fires at once and leaves no event
	}
	f := fields{"duration": d.String()}
	f.summary(summary, "")
	o.recorder.note(ctx, Timer, "", f)
}

// ExecuteChildWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
	if ctx.Err() != nil {
		return o.Next.ExecuteChildWorkflow(ctx, childType, args...)
	}
	options, info := workflow.GetChildWorkflowOptions(ctx), workflow.GetInfo(ctx)
	f := fields{
		"task queue":        cmp.Or(options.TaskQueue, info.TaskQueueName),
		"input":             o.recorder.read.values(o.recorder.read.dataOf(options.WorkflowID), args...),
		"retry policy":      retryPolicy(options.RetryPolicy),
		"execution timeout": options.WorkflowExecutionTimeout.String(),
		"run timeout":       cmp.Or(options.WorkflowRunTimeout, options.WorkflowExecutionTimeout).String(),
		"close policy":      cmp.Or(options.ParentClosePolicy, enumspb.PARENT_CLOSE_POLICY_TERMINATE).String(),
		"ID reuse policy":   cmp.Or(options.WorkflowIDReusePolicy, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE).String(),
	}
	f.text("cron schedule", options.CronSchedule)
	f.text("workflow ID", options.WorkflowID) // otherwise it is the SDK's own
	f.summary(options.StaticSummary, options.StaticDetails)
	o.recorder.note(ctx, Child, childType, f)
	return o.Next.ExecuteChildWorkflow(ctx, childType, args...)
}

// SignalExternalWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, signal string, arg any) workflow.Future {
	o.signal(ctx, workflowID, runID, signal, arg)
	return o.Next.SignalExternalWorkflow(ctx, workflowID, runID, signal, arg)
}

// SignalChildWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SignalChildWorkflow(ctx workflow.Context, workflowID, signal string, arg any) workflow.Future {
	o.signal(ctx, workflowID, "", signal, arg)
	return o.Next.SignalChildWorkflow(ctx, workflowID, signal, arg)
}

func (o *outbound) signal(ctx workflow.Context, workflowID, runID, signal string, arg any) {
	f := fields{"workflow ID": workflowID, "input": o.recorder.read.values(o.recorder.read.dataOf(workflowID), arg)}
	f.text("run ID", runID)
	o.recorder.note(ctx, Signal, signal, f)
}

// UpsertTypedSearchAttributes implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, attributes ...temporal.SearchAttributeUpdate) error {
	f := fields{}
	for key, value := range temporal.NewSearchAttributes(attributes...).GetUntypedValues() {
		f[key.GetName()] = o.recorder.read.value(converter.GetDefaultDataConverter(), value)
	}
	o.recorder.note(ctx, Attributes, "", f)
	return o.Next.UpsertTypedSearchAttributes(ctx, attributes...)
}

// UpsertSearchAttributes implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) UpsertSearchAttributes(ctx workflow.Context, attributes map[string]any) error {
	f := fields{}
	for key, value := range attributes {
		f[key] = o.recorder.read.value(converter.GetDefaultDataConverter(), value)
	}
	o.recorder.note(ctx, Attributes, "", f)
	return o.Next.UpsertSearchAttributes(ctx, attributes)
}

// UpsertMemo implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) UpsertMemo(ctx workflow.Context, memo map[string]any) error {
	f := fields{}
	for key, value := range memo {
		f[key] = o.recorder.read.value(o.recorder.read.workflowData(), value)
	}
	o.recorder.note(ctx, Memo, "", f)
	return o.Next.UpsertMemo(ctx, memo)
}

// SideEffect implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SideEffect(ctx workflow.Context, f func(workflow.Context) any) converter.EncodedValue {
	o.sideEffect(ctx, "")
	return o.Next.SideEffect(ctx, f)
}

// SideEffectWithOptions implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SideEffectWithOptions(ctx workflow.Context, options workflow.SideEffectOptions, f func(workflow.Context) any) converter.EncodedValue {
	o.sideEffect(ctx, options.Summary)
	return o.Next.SideEffectWithOptions(ctx, options, f)
}

func (o *outbound) sideEffect(ctx workflow.Context, summary string) {
	f := fields{}
	f.summary(summary, "")
	o.recorder.note(ctx, SideEffect, "", f)
}

// GetVersion implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) GetVersion(ctx workflow.Context, change string, least, most workflow.Version) workflow.Version {
	v := o.Next.GetVersion(ctx, change, least, most)
	o.recorder.versions[change] = v
	return v
}

// ending is what a workflow returned, as the SDK tells the server.
func (r *reader) ending(result any, err error) fields {
	if canceled, yes := errors.AsType[*temporal.CanceledError](err); yes {
		f := fields{"how": "canceled"}
		var details converter.RawValue
		if canceled.HasDetails() && canceled.Details(&details) == nil {
			f["details"] = []any{r.payload(r.workflowData(), details.Payload())}
		}
		return f
	}
	if again, yes := errors.AsType[*workflow.ContinueAsNewError](err); yes {
		return fields{"how": "continued as new", "workflow type": again.WorkflowType.Name, "task queue": again.TaskQueueName,
			"input": r.payloads(r.workflowData(), again.Input)}
	}
	if err != nil {
		return fields{"how": "failed", "failure": r.failure(r.failures.ErrorToFailure(err))}
	}
	f := fields{"how": "completed"}
	if list := r.values(r.workflowData(), result); result != nil {
		f["result"] = list
	}
	return f
}
