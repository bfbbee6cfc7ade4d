package chaos_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// standing says where the workflows of a case that does not end have come to: what is pending, and the last events.
func (b *bench) standing(id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // the case's own is over
	defer cancel()
	list, err := b.conn.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId STARTS_WITH %q AND ExecutionStatus = 'Running'", id)})
	if err != nil {
		return fmt.Sprintf("its workflows cannot be listed: %v", err)
	}
	var text strings.Builder
	for _, e := range list.GetExecutions() {
		id := e.GetExecution()
		fmt.Fprintf(&text, "%s %s\n", e.GetType().GetName(), id.GetWorkflowId())
		d, err := b.conn.DescribeWorkflowExecution(ctx, id.GetWorkflowId(), id.GetRunId())
		if err != nil {
			fmt.Fprintf(&text, "  %v\n", err)
			continue
		}
		for _, a := range d.GetPendingActivities() {
			fmt.Fprintf(&text, "  pending %s, attempt %d, %s: %s\n", a.GetActivityType().GetName(), a.GetAttempt(), a.GetState(), a.GetLastFailure().GetMessage())
		}
		if task := d.GetPendingWorkflowTask(); task != nil {
			fmt.Fprintf(&text, "  pending workflow task, attempt %d, %s\n", task.GetAttempt(), task.GetState())
		}
		for _, line := range b.lastEvents(ctx, id.GetWorkflowId(), id.GetRunId()) {
			fmt.Fprintf(&text, "  %s\n", line)
		}
	}
	return text.String()
}

func (b *bench) lastEvents(ctx context.Context, id, run string) []string {
	var list []string
	events := b.conn.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return append(list, err.Error())
		}
		list = append(list, fmt.Sprintf("%4d %s %s %s", e.GetEventId(), e.GetEventTime().AsTime().Format("05.000"), e.GetEventType(), about(e)))
	}
	const most = 25
	return list[max(len(list)-most, 0):]
}

// about is what an event is of.
func about(e *historypb.HistoryEvent) string {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
		return e.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return e.GetWorkflowExecutionSignaledEventAttributes().GetSignalName()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput().GetName()
	}
	return ""
}
