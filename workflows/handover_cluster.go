package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// clusters refreshes every cluster and restarts what depends on the key in it. What fails in one does not stop the
// others; together they hold once, and an answer retries only what failed.
func (h *handover) clusters(ctx workflow.Context) error {
	todo := h.present()
	return h.step(ctx, "refresh and restart", func() []int { return todo }, func(ctx workflow.Context) error {
		errs := each(ctx, parallelClusters, todo, "cluster", func(ctx workflow.Context, _ int, i int) error { return h.cluster(ctx, i) })
		var failed []int
		var texts []string
		var first error
		for n, err := range errs {
			if err == nil {
				continue
			}
			if stopped(err) {
				return err
			}
			failed, texts = append(failed, todo[n]), append(texts, h.state.Clusters[todo[n]].Name+": "+problem(err))
			if first == nil {
				first = err
			}
		}
		todo = failed
		if first == nil {
			return nil
		}
		return &offboard.Error{Code: failure(first).Code, Op: "refresh and restart", Message: strings.Join(texts, "\n\n")}
	})
}

// cluster is the story of one cluster: the new key reaches its control plane, then its secret, then its dependents.
func (h *handover) cluster(ctx workflow.Context, i int) error {
	c, plan := &h.state.Clusters[i], h.in.Handover.Clusters[i]
	say := func(step string) { c.Step = step; h.show(ctx) }
	if !c.Refreshed {
		say("refreshing the master")
		sent, err := do(ctx, changing.within(h.in.Policy), "Refresh the master of "+c.Name, verbs.RefreshMaster,
			activities.RefreshMasterInput{Cluster: c.ClusterRef, Scope: h.state.Scope})
		if err != nil {
			return err
		}
		gone := sent.Gone
		if !gone {
			got, err := do(ctx, confirming.within(h.in.Policy), "Wait for the master of "+c.Name, verbs.ConfirmMaster,
				activities.ConfirmMasterInput{Cluster: c.ClusterRef, Before: sent.Before, Secret: h.secretToo(i)})
			if err != nil {
				return err
			}
			gone = got.Gone
			if got.Secret != nil {
				h.renewed[i], h.pods[i] = true, got.Secret.Pods
			}
			h.change(ctx, "Master of "+c.Name+" refreshed", c.ID, "containers-kubernetes.cluster-master.refresh", sent.Receipt)
		}
		c.Refreshed = true
		if gone {
			c.Healthy = true
			say("gone")
			return nil
		}
	}
	if len(plan.Dependents) == 0 && plan.Manual == "" {
		say("")
		return nil
	}
	if err := h.restart(ctx, i, say); err != nil {
		return h.byHand(ctx, i, err)
	}
	say("")
	return nil
}

func (h *handover) restart(ctx workflow.Context, i int, say func(string)) error {
	c := &h.state.Clusters[i]
	if !h.renewed[i] {
		say("waiting for the secret")
		if err := h.reach(ctx, i); err != nil {
			return err
		}
		if err := h.awaitSecret(ctx, i); err != nil {
			return err
		}
	}
	plan := h.in.Handover.Clusters[i]
	say("restarting")
	if h.pods[i] == nil { // the version of its secret was not known, so nothing could be waited for
		got, err := do(ctx, reading.within(h.in.Policy), "Record the pods in "+c.Name, verbs.SnapshotPods,
			activities.SnapshotPodsInput{Cluster: c.ClusterRef, Dependents: plan.Dependents})
		if err != nil {
			return err
		}
		h.pods[i] = got.Pods
	}
	in := activities.RestartInput{Cluster: c.ClusterRef, Dependents: plan.Dependents, Old: h.pods[i], Mark: h.in.Mark}
	restarted, err := do(ctx, changing.within(h.in.Policy), "Restart "+workloads(plan.Dependents)+" in "+c.Name, verbs.Restart, in)
	if err != nil {
		return err
	}
	if _, err := do(ctx, confirming.within(h.in.Policy), "Wait for the restart in "+c.Name, verbs.ConfirmRestart, in); err != nil {
		return err
	}
	c.Restarted = nil
	for _, d := range plan.Dependents {
		c.Restarted = append(c.Restarted, d.Workload)
		h.change(ctx, "Restarted "+d.String()+" in "+c.Name, c.ID, "", restarted.Receipt)
	}
	return nil
}

// reach makes sure that the cluster can be asked. One that could not be asked before is reported once, and then looked
// into: it may answer by now.
func (h *handover) reach(ctx workflow.Context, i int) error {
	c, plan := &h.state.Clusters[i], &h.in.Handover.Clusters[i]
	why := plan.Manual
	if why == "" {
		why = h.before.Unreachable[c.ID]
	}
	if why == "" {
		return nil
	}
	unreachable := func(why string) error {
		return offboard.Errorf(offboard.Unreachable, "restart what depends on the key in "+c.Name, "%s", why)
	}
	if !h.asked[i] {
		return unreachable(why)
	}
	got, err := do(ctx, reading.within(h.in.Policy), "Look into "+c.Name+" again", verbs.Inspect, activities.InspectInput{
		Clusters: []offboard.ClusterRef{c.ClusterRef}, Leaver: h.in.Leaver.Email, Policy: h.in.Policy})
	if err != nil {
		return err
	}
	found, there := got.Inspections[c.ID]
	switch {
	case !there:
		plan.Dependents = nil // deleted meanwhile
	case found.Unreachable != "":
		return unreachable(found.Unreachable)
	default:
		plan.Dependents = found.Restartable()
		c.Watch = plan.Dependents
	}
	plan.Manual, c.Manual = "", ""
	delete(h.before.Unreachable, c.ID)
	h.blind[i] = true
	return nil
}

// awaitSecret waits until the secret that the drivers read was renewed. Where its version before is not known, it is
// given the time it may take.
func (h *handover) awaitSecret(ctx workflow.Context, i int) error {
	c := &h.state.Clusters[i]
	if h.blind[i] {
		_, err := waitFor(ctx, h.in.Policy.SecretPatience.Std(), "Time for the secret of "+c.Name+" to be renewed", func() bool { return false })
		return err
	}
	secret := h.secretOf(i)
	// A scope whose key is not reset may hold the current key in its secrets already; then nothing renews them.
	if !h.resets() {
		secret.Patience = max(h.in.Policy.SecretPatience, 1)
	}
	got, err := do(ctx, confirming.within(h.in.Policy), "Wait for the renewed secret of "+c.Name, verbs.ConfirmSecret, secret)
	if err == nil && h.pods[i] == nil {
		h.pods[i] = got.Pods
	}
	return err
}

// secretOf says what to look for in the secret that the drivers of a cluster read.
func (h *handover) secretOf(i int) activities.ConfirmSecretInput {
	c := h.state.Clusters[i]
	secret := activities.ConfirmSecretInput{Cluster: c.ClusterRef, Before: h.before.Secrets[c.ID]}
	// Once a hand-over: after a restart that came up too slowly, the pods of that moment are the new ones.
	if h.pods[i] == nil {
		secret.Dependents = h.in.Handover.Clusters[i].Dependents
	}
	return secret
}

// secretToo is secretOf where whoever waits for the master should look at the secret, too: in a cluster that can be asked and
// has something to restart.
func (h *handover) secretToo(i int) *activities.ConfirmSecretInput {
	plan := h.in.Handover.Clusters[i]
	if len(plan.Dependents) == 0 || plan.Manual != "" || h.before.Unreachable[plan.ID] != "" {
		return nil
	}
	secret := h.secretOf(i)
	return &secret
}

// byHand asks a person to restart what the engine cannot reach, and takes their word the second time.
func (h *handover) byHand(ctx workflow.Context, i int, err error) error {
	c := &h.state.Clusters[i]
	if stopped(err) || failure(err).Code != offboard.Unreachable {
		return err
	}
	if h.asked[i] {
		c.Manual = "restarted by hand, says " + h.answered
		h.state.Waivers = append(h.state.Waivers, fmt.Sprintf("what depends on the key in cluster %s was %s", c.Name, c.Manual))
		c.Step, c.Healthy = "", false
		h.show(ctx)
		return nil
	}
	h.asked[i] = true
	return &offboard.Error{Code: offboard.Unreachable, Op: "restart what depends on the key in " + c.Name,
		Message: problem(err) + ". Restart the storage and autoscaler controllers in kube-system by hand, then answer retry: if the cluster still cannot be reached, your word is taken and the report says so"}
}
