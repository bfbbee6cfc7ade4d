package replay

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Options say how the worker is made whose runs are replayed. They must be the same as the worker's, or the replay
// finds differences that are none.
type Options struct {
	// Register registers the workflows, under the names the worker gives them. Required.
	Register func(worker.WorkflowRegistry)
	// DataConverter is the client's, with its codec; nil means Temporal's default.
	DataConverter converter.DataConverter
	// FailureConverter is the client's; nil means Temporal's default over DataConverter.
	FailureConverter converter.FailureConverter
	// ContextPropagators and Interceptors are the worker's.
	ContextPropagators []workflow.ContextPropagator
	Interceptors       []interceptor.WorkerInterceptor
	// DisableRegistrationAliasing is the worker's.
	DisableRegistrationAliasing bool
	// Namespace the histories are of; empty means "default". Workflows can see it.
	Namespace string
	// Ignore drops the differences for which it returns true; nil drops none. What stops a run cannot be ignored.
	Ignore func(Difference) bool
}

// Replayer replays histories. It keeps nothing between two of them and may be used from any goroutine.
type Replayer struct{ options Options }

// New makes a Replayer.
func New(o Options) (*Replayer, error) {
	if o.Register == nil {
		return nil, errors.New("replay: Options.Register is missing: it says which workflows there are")
	}
	if o.DataConverter == nil {
		o.DataConverter = converter.GetDefaultDataConverter()
	}
	if o.FailureConverter == nil {
		o.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: o.DataConverter})
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	return &Replayer{options: o}, nil
}

// Replay runs this build's workflow over the history and returns everything it does otherwise, in the order of events;
// none means that a run with this history cannot tell the builds apart. The history may be of a closed run or of an open
// one, whole from its first event on; it is not changed. An error means that the history cannot be replayed by any build.
func (r *Replayer) Replay(h *historypb.History) ([]Difference, error) {
	events := h.GetEvents()
	started := &historypb.WorkflowExecutionStartedEventAttributes{}
	if len(events) > 0 {
		started = events[0].GetWorkflowExecutionStartedEventAttributes()
	}
	if started.GetWorkflowType().GetName() == "" {
		return nil, errors.New("replay: the history does not begin with the start of a workflow")
	}
	if !slices.ContainsFunc(events, func(e *historypb.HistoryEvent) bool { return e.GetWorkflowTaskCompletedEventAttributes() != nil }) {
		return nil, nil // no worker has done anything yet
	}
	// The SDK changes the history it replays.
	copied, err := h.Marshal()
	if err != nil {
		return nil, fmt.Errorf("replay: copy the history: %w", err)
	}
	read := &reader{data: r.options.DataConverter, failures: r.options.FailureConverter, namespace: r.options.Namespace,
		workflowID: started.GetWorkflowId(), workflowType: started.GetWorkflowType().GetName()}
	rec := &recorder{read: read}
	failure := r.run(copied, rec, workflow.Execution{ID: started.GetWorkflowId()})
	list := compare(events, rec, read, failure)
	slices.SortStableFunc(list, func(a, b Difference) int { return int(a.EventID - b.EventID) })
	if r.options.Ignore != nil {
		list = slices.DeleteFunc(list, func(d Difference) bool { return !d.Stuck() && r.options.Ignore(d) })
	}
	return list, nil
}

// run is Temporal's replay, which fills the recorder on its way. A replayer for each history, because an interceptor
// cannot tell histories apart.
func (r *Replayer) run(history []byte, rec *recorder, execution workflow.Execution) error {
	o := r.options
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter:      o.DataConverter,
		FailureConverter:   o.FailureConverter,
		ContextPropagators: o.ContextPropagators,
		// The last one is nearest to the SDK: it sees what the worker's own made of a call.
		Interceptors:                append(slices.Clone(o.Interceptors), rec),
		DisableRegistrationAliasing: o.DisableRegistrationAliasing,
	})
	if err != nil {
		return fmt.Errorf("make Temporal's replayer: %w", err)
	}
	o.Register(replayer)
	h := &historypb.History{}
	if err := h.Unmarshal(history); err != nil {
		return fmt.Errorf("copy the history: %w", err)
	}
	return replayer.ReplayWorkflowHistoryWithOptions(quiet, h, worker.ReplayWorkflowHistoryOptions{OriginalExecution: execution})
}

// quiet swallows the SDK's log: what it would say is in the differences.
var quiet = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
