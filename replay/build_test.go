package replay_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	workflowID = "order/1"
	queue      = "orders"
)

// builder writes a history as a server would.
type builder struct {
	t         *testing.T
	dc        converter.DataConverter
	events    []*historypb.HistoryEvent
	completed int64
	now       time.Time
}

func begin(t *testing.T, dc converter.DataConverter, input any) *builder {
	t.Helper()
	b := &builder{t: t, dc: dc, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: "Order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Input: b.payloads(input),
			WorkflowId: workflowID, OriginalExecutionRunId: "0190a000-0000-7000-8000-000000000001", FirstExecutionRunId: "0190a000-0000-7000-8000-000000000001", Attempt: 1,
		}}})
	return b
}

func (b *builder) add(e *historypb.HistoryEvent) int64 {
	b.now = b.now.Add(time.Second)
	e.EventId, e.EventTime = int64(len(b.events)+1), timestamppb.New(b.now)
	b.events = append(b.events, e)
	return e.EventId
}

func (b *builder) payloads(values ...any) *commonpb.Payloads {
	b.t.Helper()
	ps, err := b.dc.ToPayloads(values...)
	require.NoError(b.t, err)
	return ps
}

func (b *builder) payload(dc converter.DataConverter, v any) *commonpb.Payload {
	b.t.Helper()
	p, err := dc.ToPayload(v)
	require.NoError(b.t, err)
	return p
}

func (b *builder) summary(text string) *sdkpb.UserMetadata {
	if text == "" {
		return nil
	}
	return &sdkpb.UserMetadata{Summary: b.payload(b.dc, text)}
}

// task is a workflow task from its scheduling to its completion, with the flags that a worker of today sets.
func (b *builder) task() {
	scheduled := b.scheduled()
	started := b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
		WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: scheduled}}})
	b.completed = b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: started,
			SdkMetadata: &sdkpb.WorkflowTaskCompletedMetadata{LangUsedFlags: []uint32{3, 4}}}}})
}

func (b *builder) scheduled() int64 {
	return b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
		WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{TaskQueue: &taskqueuepb.TaskQueue{Name: queue}}}})
}

func (b *builder) activity(id, name string, input any) int64 {
	return b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, UserMetadata: b.summary("Charge the card"),
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: id, ActivityType: &commonpb.ActivityType{Name: name}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Input: b.payloads(input),
			ScheduleToCloseTimeout: durationpb.New(time.Hour), ScheduleToStartTimeout: durationpb.New(time.Hour),
			StartToCloseTimeout: durationpb.New(time.Minute), HeartbeatTimeout: durationpb.New(10 * time.Second),
			RetryPolicy:                  &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Second), BackoffCoefficient: 2, MaximumInterval: durationpb.New(time.Minute), MaximumAttempts: 5},
			WorkflowTaskCompletedEventId: b.completed,
		}}})
}

func (b *builder) activityDone(scheduled int64, result any) {
	started := b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
		ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled, Attempt: 1}}})
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
		ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: started, Result: b.payloads(result)}}})
}

func (b *builder) timer(id string, d time.Duration, summary string) int64 {
	return b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_TIMER_STARTED, UserMetadata: b.summary(summary),
		Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
			TimerId: id, StartToFireTimeout: durationpb.New(d), WorkflowTaskCompletedEventId: b.completed}}})
}

func (b *builder) fired(id string, started int64) {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_TIMER_FIRED, Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{
		TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: id, StartedEventId: started}}})
}

func (b *builder) timerCanceled(id string, started int64) {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_TIMER_CANCELED, Attributes: &historypb.HistoryEvent_TimerCanceledEventAttributes{
		TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{TimerId: id, StartedEventId: started, WorkflowTaskCompletedEventId: b.completed}}})
}

func (b *builder) attribute(name string, value any) {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, Attributes: &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
		UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{WorkflowTaskCompletedEventId: b.completed,
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{name: b.payload(converter.GetDefaultDataConverter(), value)}}}}})
}

func (b *builder) memo(name string, value any) {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
		WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{WorkflowTaskCompletedEventId: b.completed,
			UpsertedMemo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{name: b.payload(b.dc, value)}}}}})
}

func (b *builder) marker(name string, details map[string]any, summary string) {
	encoded := map[string]*commonpb.Payloads{}
	for key, value := range details {
		encoded[key] = b.payloads(value)
	}
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_MARKER_RECORDED, UserMetadata: b.summary(summary), Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
		MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{MarkerName: name, Details: encoded, WorkflowTaskCompletedEventId: b.completed}}})
}

func (b *builder) child(id string, input any) int64 {
	return b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, UserMetadata: b.summary("Ship it"),
		Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
			Namespace: "default", WorkflowId: id, WorkflowType: &commonpb.WorkflowType{Name: "Ship"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Input: b.payloads(input),
			ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WorkflowIdReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			WorkflowRunTimeout: durationpb.New(time.Hour), WorkflowTaskCompletedEventId: b.completed}}})
}

func (b *builder) childDone(id string, initiated int64, result any) {
	execution := &commonpb.WorkflowExecution{WorkflowId: id, RunId: "0190a000-0000-7000-8000-000000000002"}
	kind := &commonpb.WorkflowType{Name: "Ship"}
	started := b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{
		ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{InitiatedEventId: initiated, WorkflowExecution: execution, WorkflowType: kind}}})
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes{
		ChildWorkflowExecutionCompletedEventAttributes: &historypb.ChildWorkflowExecutionCompletedEventAttributes{InitiatedEventId: initiated, StartedEventId: started,
			WorkflowExecution: execution, WorkflowType: kind, Result: b.payloads(result)}}})
}

func (b *builder) signal(workflowID, name string, input any) int64 {
	return b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{
		SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
			Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID}, SignalName: name, Input: b.payloads(input),
			Control:                      strconv.Itoa(len(b.events) + 1), //nolint:staticcheck // the SDK still matches by it: its own number of the signal, which is the event's
			WorkflowTaskCompletedEventId: b.completed}}})
}

func (b *builder) signalled(workflowID string, initiated int64) {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionSignaledEventAttributes{
		ExternalWorkflowExecutionSignaledEventAttributes: &historypb.ExternalWorkflowExecutionSignaledEventAttributes{
			InitiatedEventId:  initiated,
			Control:           strconv.FormatInt(initiated, 10), //nolint:staticcheck // as above
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID}}}})
}

// update is an update that was accepted and answered in one task, whose completion was just written.
func (b *builder) update(id, name string, input any, outcome *updatepb.Outcome) {
	meta := &updatepb.Meta{UpdateId: id, Identity: "approver"}
	accepted := b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{
		WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{ProtocolInstanceId: id, AcceptedRequestMessageId: id + "/request",
			AcceptedRequestSequencingEventId: b.completed - 2,
			AcceptedRequest:                  &updatepb.Request{Meta: meta, Input: &updatepb.Input{Name: name, Args: b.payloads(input)}}}}})
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED, Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{
		WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{Meta: meta, AcceptedEventId: accepted, Outcome: outcome}}})
}

func (b *builder) success(result any) *updatepb.Outcome {
	return &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: b.payloads(result)}}
}

func (b *builder) completedWith(result any) *historypb.History {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
		WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: b.payloads(result), WorkflowTaskCompletedEventId: b.completed}}})
	return b.history()
}

func (b *builder) failedWith(message, kind string) *historypb.History {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
		WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{WorkflowTaskCompletedEventId: b.completed,
			Failure: &failurepb.Failure{Message: message, Source: "GoSDK", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
				ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: kind, NonRetryable: true}}}}}})
	return b.history()
}

func (b *builder) canceled() *historypb.History {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{
		WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{WorkflowTaskCompletedEventId: b.completed}}})
	return b.history()
}

func (b *builder) cancelRequested() {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{
		WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{}}})
}

func (b *builder) again(input any) *historypb.History {
	b.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
		WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{WorkflowTaskCompletedEventId: b.completed,
			WorkflowType: &commonpb.WorkflowType{Name: "Order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Input: b.payloads(input)}}})
	return b.history()
}

func (b *builder) history() *historypb.History { return &historypb.History{Events: b.events} }
