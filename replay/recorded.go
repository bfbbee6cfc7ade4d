package replay

import (
	"cmp"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
)

// The SDK's names of markers and of what is in them.
const (
	sideEffectMarker = "SideEffect"
	versionMarker    = "Version"
	versionChange    = "change-id"
	versionValue     = "version"
	versionAttribute = "TemporalChangeVersion"
)

// recorded is an event that came of a call, in the call's form.
type recorded struct {
	call
	id        int64
	completed int64 // the WorkflowTaskCompleted event of the task that asked for it
}

// recorded reads an event; ok is false for events that came of no call that is compared.
func (r *reader) recorded(e *historypb.HistoryEvent) (_ recorded, ok bool) {
	out := recorded{id: e.GetEventId()}
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		a := e.GetActivityTaskScheduledEventAttributes()
		name, queue := a.GetActivityType().GetName(), a.GetTaskQueue().GetName()
		out.completed, out.kind, out.name = a.GetWorkflowTaskCompletedEventId(), Activity, name
		out.fields = fields{"task queue": queue, "input": r.payloads(r.activityData(name, queue), a.GetInput()), "retry policy": recordedPolicy(a.GetRetryPolicy())}
		out.fields.metadata(r, e.GetUserMetadata())
		limits{a.GetScheduleToCloseTimeout().AsDuration(), a.GetScheduleToStartTimeout().AsDuration(),
			a.GetStartToCloseTimeout().AsDuration(), a.GetHeartbeatTimeout().AsDuration()}.into(out.fields)
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		a := e.GetTimerStartedEventAttributes()
		out.completed, out.kind = a.GetWorkflowTaskCompletedEventId(), Timer
		out.fields = fields{"duration": a.GetStartToFireTimeout().AsDuration().String()}
		out.fields.metadata(r, e.GetUserMetadata())
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		out.completed, out.kind = e.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowTaskCompletedEventId(), Child
		out.name, out.fields = r.child(e)
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		target := a.GetWorkflowExecution()
		out.completed, out.kind, out.name = a.GetWorkflowTaskCompletedEventId(), Signal, a.GetSignalName()
		out.fields = fields{"workflow ID": target.GetWorkflowId(), "input": r.payloads(r.dataOf(target.GetWorkflowId()), a.GetInput())}
		out.fields.text("run ID", target.GetRunId())
	case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		a := e.GetUpsertWorkflowSearchAttributesEventAttributes()
		if _, ofVersion := a.GetSearchAttributes().GetIndexedFields()[versionAttribute]; ofVersion {
			return out, false
		}
		out.completed, out.kind, out.fields = a.GetWorkflowTaskCompletedEventId(), Attributes, fields{}
		for name, p := range a.GetSearchAttributes().GetIndexedFields() {
			out.fields[name] = r.payload(converter.GetDefaultDataConverter(), p)
		}
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		a := e.GetWorkflowPropertiesModifiedEventAttributes()
		out.completed, out.kind, out.fields = a.GetWorkflowTaskCompletedEventId(), Memo, fields{}
		for name, p := range a.GetUpsertedMemo().GetFields() {
			out.fields[name] = r.payload(r.workflowData(), p)
		}
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		a := e.GetMarkerRecordedEventAttributes()
		if a.GetMarkerName() != sideEffectMarker {
			return out, false
		}
		out.completed, out.kind, out.fields = a.GetWorkflowTaskCompletedEventId(), SideEffect, fields{}
		out.fields.metadata(r, e.GetUserMetadata())
	default:
		return out, false
	}
	return out, true
}

func (r *reader) child(e *historypb.HistoryEvent) (name string, f fields) {
	a := e.GetStartChildWorkflowExecutionInitiatedEventAttributes()
	f = fields{
		"workflow ID":       a.GetWorkflowId(),
		"task queue":        a.GetTaskQueue().GetName(),
		"input":             r.payloads(r.dataOf(a.GetWorkflowId()), a.GetInput()),
		"retry policy":      retryPolicy(nil),
		"execution timeout": a.GetWorkflowExecutionTimeout().AsDuration().String(),
		"run timeout":       cmp.Or(a.GetWorkflowRunTimeout().AsDuration(), a.GetWorkflowExecutionTimeout().AsDuration()).String(),
		"close policy":      a.GetParentClosePolicy().String(),
		"ID reuse policy":   cmp.Or(a.GetWorkflowIdReusePolicy(), enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE).String(),
	}
	if a.GetRetryPolicy() != nil {
		f["retry policy"] = recordedPolicy(a.GetRetryPolicy())
	}
	f.text("cron schedule", a.GetCronSchedule())
	f.metadata(r, e.GetUserMetadata())
	return a.GetWorkflowType().GetName(), f
}

// recordedEnd reads the last event if the workflow's code ended there; otherwise ok is false. A run that timed out or was
// terminated was not ended by its code.
func (r *reader) recordedEnd(e *historypb.HistoryEvent) (_ recorded, ok bool) {
	out := recorded{id: e.GetEventId(), call: call{kind: End}}
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		a := e.GetWorkflowExecutionCompletedEventAttributes()
		out.completed, out.fields = a.GetWorkflowTaskCompletedEventId(), fields{"how": "completed", "result": r.payloads(r.workflowData(), a.GetResult())}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		a := e.GetWorkflowExecutionFailedEventAttributes()
		out.completed, out.fields = a.GetWorkflowTaskCompletedEventId(), fields{"how": "failed", "failure": r.failure(a.GetFailure())}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		a := e.GetWorkflowExecutionCanceledEventAttributes()
		out.completed, out.fields = a.GetWorkflowTaskCompletedEventId(), fields{"how": "canceled", "details": r.payloads(r.workflowData(), a.GetDetails())}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		a := e.GetWorkflowExecutionContinuedAsNewEventAttributes()
		out.completed = a.GetWorkflowTaskCompletedEventId()
		out.fields = fields{"how": "continued as new", "workflow type": a.GetWorkflowType().GetName(), "task queue": a.GetTaskQueue().GetName(),
			"input": r.payloads(r.workflowData(), a.GetInput())}
	default:
		return out, false
	}
	return out, true
}
