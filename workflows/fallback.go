package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// proveFallback makes sure, before anything is reset, that the identity which would take the scopes back can do so. It
// gives it nothing: whoever names a fallback has given it its access.
func (r *run) proveFallback(ctx workflow.Context) error {
	to := r.state.Plan.Fallback
	if to == nil || r.state.Plan.Resets() == 0 {
		return nil
	}
	access := activities.AwaitGrantsInput{Email: to.Email, Patience: r.policy.GrantPatience}
	for _, h := range r.state.Plan.Handovers {
		if h.Action == offboard.Reset {
			access.Scopes = append(access.Scopes, clustersIn(h))
		}
	}
	proof := activities.ProveInput{Email: to.Email, IAMID: to.IAMID, Account: r.state.Account, Patience: r.policy.GrantPatience}
	for {
		_, err := do(ctx, confirming.within(r.policy), "Prove that the key of the fallback identity "+to.Email+" works", verbs.Prove, proof)
		if err == nil {
			_, err = do(ctx, confirming.within(r.policy), "Check that the fallback identity "+to.Email+" sees the clusters", verbs.AwaitGrants, access)
		}
		if err == nil || stopped(err) {
			return err
		}
		if err := r.hold(ctx, holdFor("fallback "+to.Email, "prove the fallback identity", err,
			"Nothing is broken: no key of the leaver was touched. Without a fallback identity that works, a scope that has a new owner could not be taken back.",
			"tries again", "")); err != nil {
			return err
		}
	}
}

// fallBackLater registers, before a scope is reset, how it is taken back: as the fallback identity, because the leaver's
// own key cannot become current again.
func (r *run) fallBackLater(i int, h offboard.Handover) {
	to := r.state.Plan.Fallback
	if to == nil || h.Action != offboard.Reset {
		return
	}
	r.onUndo(fmt.Sprintf("hand %s to the fallback identity %s", h.Scope, to.Email), func(ctx workflow.Context) error {
		s := &r.state.Scopes[i]
		if !s.ResetSent && s.KeyMade == "" {
			return nil
		}
		if s.FellBack == "" {
			if proven, err := r.fallBack(ctx, s, h, to.Email); err != nil || !proven {
				return err
			}
		}
		if s.KeyMade == "" {
			return nil
		}
		// Everything in the scope is proven to run on the fallback's key, so the one this run made before is in nobody's use.
		got, err := do(ctx, undoing, "Delete the key made for "+h.FunctionalID+" in "+h.Scope.String(), verbs.DeleteKey, activities.KeyInput{ID: s.KeyMade})
		if err != nil {
			return err
		}
		r.change(ctx, "Deleted the key made for "+h.FunctionalID+" in "+h.Scope.String(), s.KeyMade, "iam-identity.user-apikey.delete", got.Receipt)
		return nil
	})
}

// fallBack hands a scope over once more, to the fallback identity, and tells whether everything in it is proven to run on
// that one's key.
func (r *run) fallBack(ctx workflow.Context, s *offboard.ScopeProgress, h offboard.Handover, to string) (proven bool, err error) {
	before := *s
	h.FunctionalID = to
	s.Run, s.State = ScopeID(r.state.WorkflowID, h.Scope)+"/fallback", offboard.ScopeRunning
	r.show(ctx)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          s.Run,
		StaticSummary:       brief(fmt.Sprintf("take %s back as %s", h.Scope, to)),
		WaitForCancellation: true,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
	})
	var got offboard.ScopeProgress
	err = workflow.ExecuteChildWorkflow(ctx, HandOver, HandOverInput{
		Handover: h, Leaver: r.state.Leaver, Policy: r.policy, Mark: r.state.RunID + "-fallback",
	}).Get(ctx, &got)
	r.close(h.Scope.String())
	*s = before
	r.show(ctx)
	if err != nil {
		return false, err
	}
	r.adopt(&got, true)
	if got.KeyMade != "" {
		s.FellBack = to // the key is the fallback's, whether or not everything in the scope runs on it
	}
	r.state.Waivers = append(r.state.Waivers, got.Waivers...)
	if got.State != offboard.ScopeDone || len(got.Waivers) > 0 {
		r.state.Residual = append(r.state.Residual, fmt.Sprintf(
			"Scope %s was not proven to run on the key of the fallback identity %s (%s): the key of %s and its access are kept.", h.Scope, to, got.State, before.FunctionalID))
		return false, nil
	}
	return true, nil
}

// clustersIn are the clusters of a hand-over by ID.
func clustersIn(h offboard.Handover) activities.ScopeClusters {
	want := activities.ScopeClusters{Scope: h.Scope}
	for _, c := range h.Clusters {
		want.Clusters = append(want.Clusters, c.ID)
	}
	return want
}
