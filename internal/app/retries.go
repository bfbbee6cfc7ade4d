package app

import (
	"context"
	"regexp"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"offboard/internal/offboard"
)

// failing says in words why a call of a run is being tried again; empty if none is. It is the server that knows
// this, not the run. What cannot be read is left out: it only adds to what the run says of itself.
func (r *Runs) failing(ctx context.Context, workflowID string) string {
	d, err := r.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return ""
	}
	var worst *workflowpb.PendingActivityInfo
	for _, a := range d.GetPendingActivities() {
		if a.GetAttempt() > 1 && !expected(a) && (worst == nil || a.GetAttempt() > worst.GetAttempt()) {
			worst = a
		}
	}
	if worst == nil {
		return ""
	}
	converter.DecodeCommonFailureAttributes(dataConverter(r.client), worst.GetLastFailure())
	text := requestID.ReplaceAllString(worst.GetLastFailure().GetMessage(), "")
	// Before the first colon stands what was attempted, which the run's own step says already.
	if _, why, found := strings.Cut(text, ": "); found {
		return why
	}
	return text
}

// requestID is different in each try; without it the same trouble reads the same.
var requestID = regexp.MustCompile(` \(request [^)]*\)`)

// expected tells whether the failure is only a look that came too early, or there is none.
func expected(a *workflowpb.PendingActivityInfo) bool {
	f := a.GetLastFailure()
	if f == nil || a.GetState() == enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED {
		return true
	}
	return f.GetApplicationFailureInfo().GetType() == string(offboard.Pending)
}
