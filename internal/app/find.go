package app

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Find returns the workflow ID of the run that a person means: by its workflow ID or that of one of its children, by the
// ID Temporal gave its newest execution, or by the e-mail address or IAM ID of the leaver, in any case. An open run comes
// before the newest that has ended. *NoRun if there is none.
func (r *Runs) Find(ctx context.Context, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", &NoRun{Name: name}
	}
	ended := ""
	for _, candidate := range r.candidates(name) {
		id, open, err := r.run(ctx, candidate)
		if _, missing := errors.AsType[*NoRun](err); missing {
			continue
		}
		if err != nil {
			return "", err
		}
		if open || candidate == name {
			return id, nil
		}
		ended = id
	}
	switch {
	case strings.Contains(name, "/"):
		return "", &NoRun{Name: name} // no person's name
	case executionID.MatchString(name):
		return r.execution(ctx, name)
	}
	// Runs that were started elsewhere, or by the person's other name, have an ID that tells nothing.
	id, err := r.search(ctx, name, Filter{Open: true, Limit: 200})
	if id != "" || err != nil {
		return id, err
	}
	if ended != "" {
		return ended, nil
	}
	id, err = r.search(ctx, name, Filter{Limit: 100})
	if id == "" && err == nil {
		err = &NoRun{Name: name}
	}
	return id, err
}

func (r *Runs) candidates(name string) []string {
	if r.config.Account == "" || strings.Contains(name, "/") {
		return []string{name}
	}
	return []string{workflows.ID(r.config.Account, name), name}
}

// run looks a workflow up and returns the ID of the run it is or belongs to; *NoRun where it is none of the engine's.
func (r *Runs) run(ctx context.Context, workflowID string) (id string, open bool, err error) {
	d, err := r.describe(ctx, workflowID)
	if err != nil {
		return "", false, err
	}
	if d.TaskQueueName != workflows.TaskQueue {
		return "", false, &NoRun{Name: workflowID}
	}
	if d.ParentWorkflowExecution != nil && d.WorkflowType.Name != workflows.Offboard {
		workflowID = d.ParentWorkflowExecution.ID
	}
	return workflowID, d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

var executionID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// execution finds the run by the ID Temporal gave one of its executions. An answer to an earlier execution would reach
// the newest, which is another offboarding: that is an error.
func (r *Runs) execution(ctx context.Context, runID string) (string, error) {
	answer, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("RunId = '%s'", runID), PageSize: 1})
	if err != nil {
		return "", fmt.Errorf("find the run %s: %w", runID, err)
	}
	if len(answer.GetExecutions()) == 0 {
		return "", &NoRun{Name: runID}
	}
	workflowID := answer.GetExecutions()[0].GetExecution().GetWorkflowId()
	d, err := r.describe(ctx, workflowID)
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(d.WorkflowExecution.RunID, runID) {
		return "", fmt.Errorf("%s is an earlier execution of %s: name that to mean the newest one", runID, workflowID)
	}
	id, _, err := r.run(ctx, workflowID)
	return id, err
}

// search asks runs whom they are about, the newest first.
func (r *Runs) search(ctx context.Context, name string, f Filter) (string, error) {
	list, err := r.List(ctx, f)
	if err != nil {
		return "", err
	}
	for _, l := range list {
		if strings.EqualFold(l.Person, name) {
			return l.WorkflowID, nil
		}
	}
	// They may have been started by the person's other name, which only the run itself knows.
	about := make([]bool, len(list))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8) // a query is a workflow task; more at once would only wait in the worker
	for i, l := range list {
		if l.Type == workflows.Move || l.Type == workflows.Prune {
			continue // it is about nobody
		}
		group.Go(func() error {
			p, err := r.progress(groupCtx, l.WorkflowID)
			if _, absent := errors.AsType[*NoWorker](err); absent {
				return err
			}
			if err == nil { // a run that failed tells nobody whom it was about
				about[i] = isAbout(p, name)
			}
			return nil
		})
	}
	err = group.Wait()
	for i, l := range list {
		if about[i] {
			return l.WorkflowID, nil
		}
	}
	return "", err
}

func isAbout(p offboard.Progress, name string) bool {
	for _, own := range []string{p.Leaver.Email, p.Leaver.IAMID, p.Request.User} {
		if own != "" && strings.EqualFold(own, name) {
			return true
		}
	}
	return false
}
