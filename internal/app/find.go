package app

import (
	"context"
	"errors"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"offboard/workflows"
)

// Find returns the workflow ID of the run that a person means: by its workflow ID, or by the e-mail address or IAM ID
// of the leaver, an open run before the newest that has ended. *NoRun if there is none.
func (r *Runs) Find(ctx context.Context, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", &NoRun{Name: name}
	}
	if strings.Contains(name, "/") {
		_, err := r.describe(ctx, name)
		return name, err
	}
	ended := ""
	for _, id := range r.candidates(name) {
		d, err := r.describe(ctx, id)
		if _, missing := errors.AsType[*NoRun](err); missing {
			continue
		}
		if err != nil {
			return "", err
		}
		if d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || id == name {
			return id, nil
		}
		ended = id
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
	if r.config.Account == "" {
		return []string{name}
	}
	return []string{workflows.ID(r.config.Account, name), name}
}

// search asks runs whom they are about, the newest first.
func (r *Runs) search(ctx context.Context, name string, f Filter) (string, error) {
	list, err := r.List(ctx, f)
	if err != nil {
		return "", err
	}
	for _, l := range list {
		if strings.EqualFold(strings.TrimPrefix(l.Summary, "Offboard "), name) {
			return l.WorkflowID, nil
		}
	}
	for _, l := range list {
		p, _, err := r.Status(ctx, l.WorkflowID)
		if _, absent := errors.AsType[*NoWorker](err); absent {
			return "", err
		}
		if err != nil {
			continue // a run that failed tells nobody whom it was about
		}
		for _, own := range []string{p.Leaver.Email, p.Leaver.IAMID, p.Request.User} {
			if own != "" && strings.EqualFold(own, name) {
				return l.WorkflowID, nil
			}
		}
	}
	return "", nil
}
