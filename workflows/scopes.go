package workflows

import (
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// handOver moves every scope, a few at a time, each in a child workflow of its own. A scope that holds does not stop the
// others.
func (r *run) handOver(ctx workflow.Context) error {
	if len(r.state.Plan.Handovers) == 0 {
		return nil
	}
	r.enter(ctx, offboard.PhaseHandOver)
	err := firstOf(each(ctx, r.policy.ParallelScopes, r.state.Plan.Handovers, "hand over", r.handOverScope))
	if err != nil {
		return err
	}
	if r.stop != nil {
		return errStopped
	}
	return nil
}

func (r *run) handOverScope(ctx workflow.Context, i int, h offboard.Handover) error {
	if r.stop != nil {
		return errStopped
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	id := ScopeID(r.state.WorkflowID, h.Scope)
	s := &r.state.Scopes[i]
	s.State, s.Run, s.Started = offboard.ScopeRunning, id, workflow.Now(ctx)
	if h.Action == offboard.Reset {
		s.ResetSent = true // until the hand-over says otherwise: an undo must not revoke what it may depend on
	}
	r.fallBackLater(i, h)
	r.show(ctx)
	fallback := ""
	if r.state.Plan.Fallback != nil {
		fallback = r.state.Plan.Fallback.Email
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          id,
		StaticSummary:       brief(fmt.Sprintf("%s %s", h.Action, h.Scope)),
		WaitForCancellation: true, // how far it came decides what may be undone
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
	})
	var got offboard.ScopeProgress
	err := workflow.ExecuteChildWorkflow(ctx, HandOver, HandOverInput{
		Handover: h, Leaver: r.state.Leaver, Policy: r.policy, Mark: r.state.RunID,
		Compensate: r.state.Request.OnFailure == offboard.OnFailureCompensate, Fallback: fallback, Urgent: r.state.Request.Urgent,
	}).Get(ctx, &got)
	r.close(h.Scope.String())
	if err != nil {
		s.State, s.Ended = offboard.ScopeFailed, workflow.Now(ctx)
		return err
	}
	*s = got
	r.adopt(s, false)
	r.state.Waivers = append(r.state.Waivers, got.Waivers...)
	switch {
	case got.Aborted:
		text := r.abortedBy(h.Scope.String())
		if got.Hold != nil {
			text = got.Hold.Problem
		}
		r.order(offboard.RolledBack, "The hand-over of %s was given up: %s", h.Scope, text)
	case got.State == offboard.ScopeSkipped:
		r.state.KeepKeysOf(h.Scope)
	}
	r.show(ctx)
	return nil
}

// abortedBy says who aborted the last hold of a subject.
func (r *run) abortedBy(subject string) string {
	for _, a := range slices.Backward(r.state.Answers) {
		if a.Subject == subject {
			return a.By + " aborted." + noted(a.Note)
		}
	}
	return "a person aborted."
}

// watched are the clusters that were handed over, with what depends on the key in them, and the troubles they had
// before.
func (r *run) watched() (clusters []activities.WatchedCluster, known []string) {
	if r.state.Prune != nil {
		return r.watchedOfPrune(), r.known
	}
	for i, s := range r.state.Scopes {
		if s.State != offboard.ScopeDone {
			continue
		}
		known = append(known, s.Ailing...)
		for n, c := range r.state.Plan.Handovers[i].Clusters {
			w := activities.WatchedCluster{ClusterRef: c.ClusterRef, Dependents: s.Clusters[n].Watch}
			if c.Manual == "" {
				w.Dependents = c.Dependents
			}
			clusters = append(clusters, w)
		}
	}
	return clusters, known
}
