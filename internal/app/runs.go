package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Runs is what people and the engine do with runs from outside: start them, look at them, answer them. All methods are
// safe for concurrent use. A run is named by its workflow ID; see Find for other names.
type Runs struct {
	client client.Client
	config RunsConfig
}

// RunsConfig says where runs are.
type RunsConfig struct {
	Account   string // for the workflow IDs of new runs and to find runs by a person's name; may be empty
	Namespace string // for links; empty: "default"
	UI        string // base URL of the Web UI for links; empty: DefaultUI
	// Patience is how long a worker may take to answer a query or an update; zero: 20 seconds.
	Patience time.Duration
}

// NewRuns makes a Runs.
func NewRuns(c client.Client, config RunsConfig) *Runs {
	if config.Namespace == "" {
		config.Namespace = client.DefaultNamespace
	}
	if config.UI == "" {
		config.UI = DefaultUI
	}
	if config.Patience == 0 {
		config.Patience = 20 * time.Second // a worker that must replay a long history first needs a few
	}
	return &Runs{client: c, config: config}
}

// NoRun says that no run has a name.
type NoRun struct{ Name string }

// Error implements error.
func (e *NoRun) Error() string { return fmt.Sprintf("no run is known by the name %q", e.Name) }

// AlreadyRunning says that a run for the same person is open, and names it.
type AlreadyRunning struct{ WorkflowID, RunID, Link string }

// Error implements error.
func (e *AlreadyRunning) Error() string {
	return fmt.Sprintf("a run for this person is open already: %s\n%s", e.WorkflowID, e.Link)
}

// Refused says that the run refused an answer; the message is the run's own sentence.
type Refused struct{ Message string }

// Error implements error.
func (e *Refused) Error() string { return e.Message }

// NoWorker says that no worker answered in time.
type NoWorker struct{ Patience time.Duration }

// Error implements error.
func (e *NoWorker) Error() string {
	return fmt.Sprintf("no worker answered within %s: is one running on the task queue %q? (starter check tells)", e.Patience, workflows.TaskQueue)
}

// Failed says that a run ended without a report, which is what wrong input and a cancellation from outside do.
type Failed struct{ WorkflowID, How, Why string }

// Error implements error.
func (e *Failed) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the run %s ended as %s: %s", e.WorkflowID, e.How, e.Why), ": ")
}

// Started is a run that was just started.
type Started struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Link       string `json:"link"`
}

// Start begins an offboarding. An open run for the same person is an *AlreadyRunning.
func (r *Runs) Start(ctx context.Context, request offboard.Request) (Started, error) {
	account, err := r.account(request)
	if err != nil {
		return Started{}, err
	}
	return r.begin(ctx, workflows.StartOptions(account, request), workflows.Offboard, request, "the offboarding of "+request.User)
}

// begin starts a run of any kind. *AlreadyRunning if one of that ID is open.
func (r *Runs) begin(ctx context.Context, options client.StartWorkflowOptions, workflowType string, input any, what string) (Started, error) {
	run, err := r.client.ExecuteWorkflow(ctx, options, workflowType, input)
	if open, yes := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); yes {
		return Started{}, &AlreadyRunning{WorkflowID: options.ID, RunID: open.RunId, Link: r.Link(options.ID, open.RunId)}
	}
	if err != nil {
		return Started{}, fmt.Errorf("start %s: %w", what, err)
	}
	return Started{WorkflowID: run.GetID(), RunID: run.GetRunID(), Link: r.Link(run.GetID(), run.GetRunID())}, nil
}

// Open finds the open run that Start would have met, or made: what to ask where the answer to a start was lost. *NoRun if
// there is none.
func (r *Runs) Open(ctx context.Context, request offboard.Request) (Started, error) {
	account, err := r.account(request)
	if err != nil {
		return Started{}, err
	}
	id := workflows.ID(account, request.User)
	d, err := r.describe(ctx, id)
	if err != nil {
		return Started{}, err
	}
	if d.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return Started{}, &NoRun{Name: request.User}
	}
	run := d.WorkflowExecution.RunID
	return Started{WorkflowID: id, RunID: run, Link: r.Link(id, run)}, nil
}

func (r *Runs) account(request offboard.Request) (string, error) {
	switch {
	case request.Account != "":
		return request.Account, nil
	case r.config.Account != "":
		return r.config.Account, nil
	}
	return "", errors.New("no account is named: set IBMCLOUD_ACCOUNT_ID")
}

// Link is the run's page in the Web UI.
func (r *Runs) Link(workflowID, runID string) string {
	link := fmt.Sprintf("%s/namespaces/%s/workflows/%s", r.config.UI, url.PathEscape(r.config.Namespace), url.PathEscape(workflowID))
	if runID != "" {
		link += "/" + runID + "/history"
	}
	return link
}

// StartForm is the Web UI's start form with everything filled in but the workflow ID and the input.
func (r *Runs) StartForm() string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/start-workflow?taskQueue=%s&workflowType=%s",
		r.config.UI, url.PathEscape(r.config.Namespace), workflows.TaskQueue, workflows.Offboard)
}

// Holder names the run that holds a claim: the parent of the claim's workflow. It is empty if the claim is free again.
func (r *Runs) Holder(ctx context.Context, claim string) (string, error) {
	d, err := r.client.DescribeWorkflowExecution(ctx, claim, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return "", nil
	}
	if err != nil {
		return "", offboard.Errorf(offboard.Unavailable, "look up who holds claim "+claim, "%v", err)
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", nil
	}
	return info.GetParentExecution().GetWorkflowId(), nil
}
