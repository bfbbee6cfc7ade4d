package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// fields is what an event or a call says, in a form in which the two can be compared and shown: text, numbers as text,
// lists, maps. A nil is the same as none.
type fields map[string]any

// text sets a field that is left out while it is empty.
func (f fields) text(name, value string) {
	if value != "" {
		f[name] = value
	}
}

func (f fields) summary(summary, details string) {
	f.text("summary", summary)
	f.text("details", details)
}

func (f fields) metadata(r *reader, m *sdkpb.UserMetadata) {
	f["summary"] = r.payload(r.workflowData(), m.GetSummary())
	f["details"] = r.payload(r.workflowData(), m.GetDetails())
}

// reader reads payloads and failures through the codec of their workflow.
type reader struct {
	data                                converter.DataConverter
	failures                            converter.FailureConverter
	namespace, workflowID, workflowType string
}

func (r *reader) workflowData() converter.DataConverter { return r.dataOf(r.workflowID) }

// dataOf converts the data of another workflow, such as a child's input.
func (r *reader) dataOf(workflowID string) converter.DataConverter {
	return converter.WithDataConverterSerializationContext(r.data, converter.WorkflowSerializationContext{Namespace: r.namespace, WorkflowID: workflowID})
}

func (r *reader) activityData(activityType, queue string) converter.DataConverter {
	return converter.WithDataConverterSerializationContext(r.data, converter.ActivitySerializationContext{
		Namespace: r.namespace, WorkflowID: r.workflowID, WorkflowType: r.workflowType, ActivityType: activityType, TaskQueue: queue})
}

// values are Go values as they would be recorded.
func (r *reader) values(dc converter.DataConverter, values ...any) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = r.value(dc, v)
	}
	return list
}

func (r *reader) value(dc converter.DataConverter, v any) any {
	p, err := dc.ToPayload(v)
	if err != nil {
		return fmt.Sprintf("(%T cannot be written: %v)", v, err)
	}
	return r.payload(dc, p)
}

func (r *reader) payloads(dc converter.DataConverter, ps *commonpb.Payloads) []any {
	list := make([]any, len(ps.GetPayloads()))
	for i, p := range ps.GetPayloads() {
		list[i] = r.payload(dc, p)
	}
	return list
}

// payload reads one payload behind the codec.
func (r *reader) payload(dc converter.DataConverter, p *commonpb.Payload) any {
	if p == nil {
		return nil
	}
	var raw converter.RawValue
	if err := dc.FromPayload(p, &raw); err != nil {
		return fmt.Sprintf("(cannot be read: %v)", err)
	}
	data := raw.Payload().GetData()
	switch encoding := string(raw.Payload().GetMetadata()[converter.MetadataEncoding]); encoding {
	case converter.MetadataEncodingNil:
		return nil
	case converter.MetadataEncodingJSON, converter.MetadataEncodingProtoJSON:
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var v any
		if err := decoder.Decode(&v); err != nil {
			return string(data)
		}
		return v
	default:
		return encoding + " " + base64.StdEncoding.EncodeToString(data)
	}
}

// failure is what a failure says to those who handle it. Stack traces and identities may change.
func (r *reader) failure(f *failurepb.Failure) any {
	if f == nil {
		return nil
	}
	message := f.GetMessage()
	if f.GetEncodedAttributes() != nil {
		if said, ok := r.payload(r.workflowData(), f.GetEncodedAttributes()).(map[string]any); ok {
			message, _ = said["message"].(string)
		}
	}
	out := map[string]any{"message": message, "cause": r.failure(f.GetCause())}
	switch {
	case f.GetApplicationFailureInfo() != nil:
		info := f.GetApplicationFailureInfo()
		out["type"], out["details"] = info.GetType(), r.payloads(r.workflowData(), info.GetDetails())
		out["retryable"] = strconv.FormatBool(!info.GetNonRetryable())
	case f.GetActivityFailureInfo() != nil:
		out["type"] = "activity " + f.GetActivityFailureInfo().GetActivityType().GetName()
	case f.GetChildWorkflowExecutionFailureInfo() != nil:
		out["type"] = "child " + f.GetChildWorkflowExecutionFailureInfo().GetWorkflowType().GetName()
	case f.GetTimeoutFailureInfo() != nil:
		out["type"] = "timeout " + f.GetTimeoutFailureInfo().GetTimeoutType().String()
	case f.GetCanceledFailureInfo() != nil:
		out["type"] = "canceled"
	case f.GetTerminatedFailureInfo() != nil:
		out["type"] = "terminated"
	}
	return out
}

// retryPolicy is a policy as the server completes it; none at all is the server's default.
func retryPolicy(p *temporal.RetryPolicy) any {
	var filled temporal.RetryPolicy
	if p != nil {
		filled = *p
	}
	if filled.InitialInterval == 0 {
		filled.InitialInterval = time.Second
	}
	if filled.BackoffCoefficient == 0 {
		filled.BackoffCoefficient = 2
	}
	if filled.MaximumInterval == 0 {
		filled.MaximumInterval = 100 * filled.InitialInterval
	}
	types := make([]any, len(filled.NonRetryableErrorTypes))
	for i, t := range filled.NonRetryableErrorTypes {
		types[i] = t
	}
	return map[string]any{
		"initial interval": filled.InitialInterval.String(), "backoff": strconv.FormatFloat(filled.BackoffCoefficient, 'g', -1, 64),
		"maximum interval": filled.MaximumInterval.String(), "maximum attempts": strconv.Itoa(int(filled.MaximumAttempts)),
		"non-retryable types": types,
	}
}

func recordedPolicy(p *commonpb.RetryPolicy) any {
	if p == nil {
		return retryPolicy(nil)
	}
	return retryPolicy(&temporal.RetryPolicy{InitialInterval: p.GetInitialInterval().AsDuration(), BackoffCoefficient: p.GetBackoffCoefficient(),
		MaximumInterval: p.GetMaximumInterval().AsDuration(), MaximumAttempts: p.GetMaximumAttempts(), NonRetryableErrorTypes: p.GetNonRetryableErrorTypes()})
}

// limits are an activity's timeouts: schedule-to-close, schedule-to-start, start-to-close, heartbeat.
type limits struct{ toClose, toStart, attempt, heartbeat time.Duration }

// asServer completes and bounds timeouts as the server does before it records them.
func (l limits) asServer(run time.Duration) limits {
	atMost := func(d, most time.Duration) time.Duration {
		if d <= 0 || (most > 0 && d > most) {
			return most
		}
		return d
	}
	switch {
	case l.toClose > 0:
		l.toStart, l.attempt = atMost(l.toStart, l.toClose), atMost(l.attempt, l.toClose)
	case l.attempt > 0:
		l.toClose = run
		if l.toStart == 0 {
			l.toStart = run
		}
	}
	if run > 0 {
		l.toClose, l.toStart, l.attempt = min(l.toClose, run), min(l.toStart, run), min(l.attempt, run)
	}
	if l.heartbeat > 0 {
		l.heartbeat = atMost(l.heartbeat, l.attempt)
	}
	return l
}

func (l limits) into(f fields) {
	f["schedule-to-close timeout"], f["schedule-to-start timeout"] = l.toClose.String(), l.toStart.String()
	f["start-to-close timeout"], f["heartbeat timeout"] = l.attempt.String(), l.heartbeat.String()
}

// gap is one place in which two values differ.
type gap struct{ field, expected, got string }

// gaps compares what is expected with what is there.
func gaps(expected, got fields) []gap {
	return differ("", map[string]any(expected), map[string]any(got), nil)
}

func differ(path string, expected, got any, list []gap) []gap {
	if empty(expected) && empty(got) {
		return list
	}
	switch e := expected.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			return differInMaps(path, e, g, list)
		}
	case []any:
		if g, ok := got.([]any); ok {
			for i := range max(len(e), len(g)) {
				list = differ(fmt.Sprintf("%s[%d]", path, i), at(e, i), at(g, i), list)
			}
			return list
		}
	}
	if a, b := show(expected), show(got); a != b {
		return append(list, gap{path, a, b})
	}
	return list
}

func differInMaps(path string, expected, got map[string]any, list []gap) []gap {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(expected)), maps.Keys(got))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		below := key
		if path != "" {
			below = path + "." + key
		}
		list = differ(below, expected[key], got[key], list)
	}
	return list
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// empty tells whether a value is as good as none. False, zero and an empty text are not: leaving out a field is a change.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !empty(item) })
	}
	return false
}

func show(v any) string {
	if empty(v) {
		return ""
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
