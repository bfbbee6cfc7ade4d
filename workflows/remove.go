package workflows

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// remove removes the user, which deletes whatever key they still have: so only when none is left that somebody wanted to
// keep, and no scope stayed with them.
func (r *run) remove(ctx workflow.Context) error {
	if !r.state.Plan.RemoveUser || r.state.AnyKeyLeft() || r.state.HandedOver() < len(r.state.Scopes) {
		return nil
	}
	r.enter(ctx, offboard.PhaseRemove)
	leaver := r.state.Leaver
	var receipt offboard.Receipt
	err := r.unforeseen(ctx)
	if err == nil {
		err = r.persist(ctx, "user", "remove the user",
			"Nothing is broken: every scope runs on its new key and the leaver's keys are deleted. "+leaver.Email+" is still a user of the account.",
			"tries again", "leaves the user in the account; the run ends as Incomplete", func(ctx workflow.Context) error {
				in := activities.UserInput{IAMID: leaver.IAMID}
				got, err := do(ctx, changing.within(r.policy), "Remove "+leaver.Email+" from the account", verbs.RemoveUser, in)
				if err != nil {
					return err
				}
				if got.RequestID != "" { // a repetition that finds the user gone has none
					receipt = got.Receipt
				}
				_, err = do(ctx, confirming.within(r.policy), "Wait until "+leaver.Email+" is gone", verbs.ConfirmRemoved, in)
				return err
			})
	}
	if errors.Is(err, errSkipped) {
		return nil
	}
	if err != nil {
		return err
	}
	r.state.UserRemoved = true
	r.change(ctx, "Removed "+leaver.Email+" from the account", leaver.IAMID, "user-management.user.delete", receipt)
	return nil
}

// clean takes the removed user's access out of the clusters. What cannot be cleaned is listed; it gives no access
// without the user, so nothing holds here.
func (r *run) clean(ctx workflow.Context) error {
	if r.state.UserRemoved {
		r.enter(ctx, offboard.PhaseClean)
		r.syncAccess(ctx)
		r.removeSubjects(ctx)
	}
	if r.state.Remains() {
		r.end(offboard.Incomplete, "%s", r.incompleteSentence())
		return nil
	}
	what := "removed from the account"
	if !r.state.Plan.RemoveUser {
		what = "still in the account, as asked"
	}
	resets := r.state.Plan.Resets()
	r.end(offboard.Completed, "Scopes with a new owner: %d, refreshed: %d, clusters in all: %d, keys deleted: %d. %s is %s.",
		resets, len(r.state.Scopes)-resets, r.state.Plan.Clusters(), len(r.state.Keys), r.state.Leaver.Email, what)
	return nil
}

func (r *run) incompleteSentence() string {
	if r.state.Prune != nil {
		return r.state.PrunedSentence()
	}
	left := 0
	for _, k := range r.state.Keys {
		if k.State != offboard.KeyDeleted {
			left++
		}
	}
	text := fmt.Sprintf("%d of %d scopes were handed over, %d of %d keys remain", r.state.HandedOver(), len(r.state.Scopes), left, len(r.state.Keys))
	if r.state.Plan.RemoveUser && !r.state.UserRemoved {
		text += ", and " + r.state.Leaver.Email + " was not removed"
	}
	return text + "."
}

func (r *run) syncAccess(ctx workflow.Context) {
	const part = 20
	errs := each(ctx, parallelReads, slices.Collect(slices.Chunk(r.state.Plan.Sync, part)), "sync", func(ctx workflow.Context, _ int, clusters []offboard.ClusterRef) error {
		in := activities.SyncAccessInput{Clusters: clusters}
		got, err := do(ctx, changing.within(r.policy), fmt.Sprintf("Synchronise the access lists of %d clusters", len(clusters)), verbs.SyncAccess, in)
		if err != nil {
			return err
		}
		for _, c := range clusters {
			if why := got.Failed[c.ID]; why != "" {
				r.state.Residual = append(r.state.Residual, fmt.Sprintf("The access list of cluster %s was not synchronised: %s", c.Name, why))
			} else {
				r.change(ctx, "Access list of "+c.Name+" synchronised", c.ID, "containers-kubernetes.cluster-rbac.apply", got.Receipts[c.ID])
			}
		}
		_, err = do(ctx, confirming.within(r.policy), "Wait for the access lists", verbs.ConfirmAccess, in)
		return err
	})
	for _, err := range errs {
		if err != nil {
			r.state.Residual = append(r.state.Residual, "Access lists were not proven to be synchronised: "+problem(err))
		}
	}
}

func (r *run) removeSubjects(ctx workflow.Context) {
	if !r.policy.CleanBindings {
		return
	}
	each(ctx, parallelReads, r.state.Plan.Bindings, "bindings", func(ctx workflow.Context, _ int, b offboard.ClusterBinding) error {
		got, err := do(ctx, changing.within(r.policy), fmt.Sprintf("Take the leaver out of %s in %s", b.Binding, b.Cluster.Name), verbs.RemoveSubject, activities.RemoveSubjectInput{Binding: b})
		if err != nil {
			r.state.Residual = append(r.state.Residual, fmt.Sprintf("%s in cluster %s could not be cleaned: %s", b.Binding, b.Cluster.Name, problem(err)))
			return err
		}
		r.change(ctx, fmt.Sprintf("Took the leaver out of %s in %s", b.Binding, b.Cluster.Name), b.Target(), "", got.Receipt)
		return nil
	})
}
