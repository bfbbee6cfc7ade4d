package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// HandOverInput says which scope goes to whom.
type HandOverInput struct {
	Handover offboard.Handover `json:"handover"`
	Leaver   offboard.Person   `json:"leaver"`
	Policy   offboard.Policy   `json:"policy"`
	// Mark is the same for all scopes of an offboarding and different for each offboarding.
	Mark string `json:"mark"`
	// Compensate: a step that fails ends the hand-over instead of holding it.
	Compensate bool `json:"compensate,omitempty"`
	// Fallback is who takes a scope that has a new owner when the offboarding turns round; empty: the new owner keeps it.
	Fallback string `json:"fallback,omitempty"`
	// Urgent: its steps go before those of other runs.
	Urgent bool `json:"urgent,omitempty"`
}

// The signals between a hand-over and its offboarding.
const (
	heldSignal   = "held"   // to the parent, a heldMessage: a step waits for a person, or no longer does
	answerSignal = "answer" // to the child, a Resolve
)

// heldMessage tells the parent how a hand-over stands.
type heldMessage struct {
	ScopeID string         `json:"scopeId"`
	Hold    *offboard.Hold `json:"hold,omitempty"` // nil: it goes on
}

var (
	errSkipped = errors.New("skipped by a person")
	errAborted = errors.New("aborted")
)

// Steps by whose names a hold knows what to advise.
const (
	stepReset = "reset the cluster key"
	stepOwner = "check the owner"
)

// parallelClusters bounds the clusters of one scope that are refreshed at the same time, so that a scope with hundreds does not
// schedule them all at once; the worker keeps to IBM's limit of requests by itself.
const parallelClusters = 50

// handover moves one scope.
type handover struct {
	in       HandOverInput
	state    offboard.ScopeProgress
	before   activities.RememberResult
	sent     bool               // a Reset was scheduled: it may have made a key
	receipt  offboard.Receipt   // of the last Reset that was answered
	owned    bool               // every cluster was seen to name the new owner together with the new key
	answer   *Resolve           // of a person, to the open hold
	pods     map[int][][]string // of each cluster's dependents, before the first restart
	renewed  map[int]bool       // clusters whose secret was seen renewed together with their master
	blind    map[int]bool       // clusters whose secret had a version before that is not known
	asked    map[int]bool       // clusters whose dependents a person was asked to restart by hand
	answered string             // who answered last
}

// handOverWorkflow hands one scope over, or refreshes what still holds an older key of the leaver there. It always ends
// with a result: how far it came.
func handOverWorkflow(ctx workflow.Context, in HandOverInput) (offboard.ScopeProgress, error) {
	h := &handover{in: in, pods: map[int][][]string{}, renewed: map[int]bool{}, blind: map[int]bool{}, asked: map[int]bool{}}
	if err := h.setup(ctx); err != nil {
		return h.state, err
	}
	h.run(hurried(ctx, in.Urgent))
	return h.state, nil
}

func (h *handover) setup(ctx workflow.Context) error {
	plan := h.in.Handover
	h.state = offboard.ScopeProgress{
		Scope: plan.Scope, Action: plan.Action, FunctionalID: plan.FunctionalID, Run: workflow.GetInfo(ctx).WorkflowExecution.ID,
		State: offboard.ScopeRunning, Started: workflow.Now(ctx),
	}
	for _, c := range plan.Clusters {
		h.state.Clusters = append(h.state.Clusters, offboard.ClusterProgress{ClusterRef: c.ClusterRef, Manual: c.Manual})
	}
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (offboard.ScopeProgress, error) { return h.state, nil },
		workflow.QueryHandlerOptions{Description: "How far the hand-over of this scope is, cluster by cluster"})
	if err != nil {
		return err
	}
	answers := workflow.GetSignalChannelWithOptions(ctx, answerSignal, workflow.SignalChannelOptions{
		Description: "An answer to a hold; sent by the offboarding when somebody sends it the update resolve"})
	workflow.GoNamed(ctx, "answers", func(ctx workflow.Context) {
		for {
			var a Resolve
			if more := answers.Receive(ctx, &a); !more {
				return
			}
			h.answer = &a
		}
	})
	h.show(ctx)
	return nil
}

// run is the story of a hand-over.
func (h *handover) run(ctx workflow.Context) {
	err := h.steps(ctx,
		h.remember,
		h.reset,
		h.confirmKey,
		h.confirmOwners,
		h.clusters,
		h.confirmHealth,
	)
	switch {
	case err == nil:
		h.state.State, h.state.Step = offboard.ScopeDone, ""
	case errors.Is(err, errSkipped):
		h.state.State = offboard.ScopeSkipped
	default:
		h.state.State, h.state.Aborted = offboard.ScopeFailed, errors.Is(err, errAborted)
	}
	h.state.Ended = workflow.Now(ctx)
	h.show(ctx)
}

func (h *handover) steps(ctx workflow.Context, list ...func(workflow.Context) error) error {
	for _, f := range list {
		// A step that finds the run cancelled must not look as if it had been begun.
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (h *handover) resets() bool { return h.in.Handover.Action == offboard.Reset }

func (h *handover) remember(ctx workflow.Context) error {
	in := activities.RememberInput{Scope: h.state.Scope, FunctionalID: h.state.FunctionalID, Clusters: h.watched(nil)}
	return h.step(ctx, "look at the scope", nil, func(ctx workflow.Context) (err error) {
		h.before, err = do(ctx, reading.within(h.in.Policy), "Remember the keys, masters and secrets of "+h.state.Scope.String(), verbs.Remember, in)
		h.state.Ailing = h.before.Ailing
		return err
	})
}

func (h *handover) reset(ctx workflow.Context) error {
	if !h.resets() {
		return nil
	}
	return h.step(ctx, stepReset, nil, h.sendReset)
}

// sendReset makes the new key, unless an earlier attempt has: then it finds that one.
func (h *handover) sendReset(ctx workflow.Context) error {
	in := activities.ResetInput{Scope: h.state.Scope, FunctionalID: h.state.FunctionalID, Before: h.before.Keys,
		Again: h.sent, Replication: h.in.Policy.Replication}
	h.sent, h.state.ResetSent = true, true
	got, err := do(ctx, resetting.within(h.in.Policy), fmt.Sprintf("Reset the cluster key of %s as %s", h.state.Scope, h.state.FunctionalID), verbs.Reset, in)
	if err != nil {
		return err
	}
	h.state.KeyMade = got.KeyID
	if got.RequestID != "" {
		h.receipt = got.Receipt
	}
	return nil
}

func (h *handover) confirmKey(ctx workflow.Context) error {
	if !h.resets() {
		return nil
	}
	looked := false
	err := h.step(ctx, "wait for the new key", nil, func(ctx workflow.Context) error {
		if looked && h.state.KeyMade == "" {
			// A key that never comes was never made, whatever the answer said. Reset looks once more before it sends.
			if err := h.sendReset(ctx); err != nil {
				return err
			}
		}
		if h.state.KeyMade != "" {
			return nil
		}
		looked = true
		got, err := do(ctx, confirming.within(h.in.Policy), "Look for the new cluster key of "+h.state.Scope.String(), verbs.ConfirmKey,
			activities.ConfirmKeyInput{Scope: h.state.Scope, FunctionalID: h.state.FunctionalID, Before: h.before.Keys, Owners: h.owners()})
		h.state.KeyMade = got.KeyID
		if got.Owners != nil {
			h.owned = true
			h.noteOwners(*got.Owners)
		}
		return err
	})
	if err == nil {
		h.change(ctx, "New cluster key for "+h.state.Scope.String(), h.state.KeyMade, "containers-kubernetes.account-api-key.reset",
			offboard.Receipt{RequestID: h.receipt.RequestID, By: h.state.FunctionalID})
	}
	return err
}

func (h *handover) confirmOwners(ctx workflow.Context) error {
	if h.owned {
		return nil
	}
	return h.step(ctx, stepOwner, nil, func(ctx workflow.Context) error {
		got, err := do(ctx, confirming.within(h.in.Policy), "Check who owns the key of every cluster in "+h.state.Scope.String(), verbs.ConfirmOwners, *h.owners())
		h.noteOwners(got)
		return err
	})
}

// owners says who must own the key of every cluster, or must not.
func (h *handover) owners() *activities.ConfirmOwnersInput {
	in := activities.ConfirmOwnersInput{Scope: h.state.Scope, Clusters: refsOf(h.state.Clusters, h.present()), Owner: h.state.FunctionalID}
	if !h.resets() {
		in.Not = h.in.Leaver.Email
	}
	return &in
}

func (h *handover) noteOwners(got activities.ConfirmOwnersResult) {
	for i := range h.state.Clusters {
		if owner := got.Owners[h.state.Clusters[i].ID]; owner != "" {
			h.state.Clusters[i].Owner = owner
		}
	}
}

func (h *handover) confirmHealth(ctx workflow.Context) error {
	in := activities.ConfirmHealthInput{Clusters: h.watched(h.before.Unreachable), Known: h.before.Ailing}
	err := h.step(ctx, "check the health", nil, func(ctx workflow.Context) error {
		_, err := do(ctx, confirming.within(h.in.Policy), "Check that the clusters of "+h.state.Scope.String()+" are well", verbs.ConfirmHealth, in)
		return err
	})
	if err != nil {
		return err
	}
	for i := range h.state.Clusters {
		h.state.Clusters[i].Healthy = h.state.Clusters[i].Manual == ""
	}
	return nil
}

// step runs one step until it is done or a person decides otherwise.
func (h *handover) step(ctx workflow.Context, name string, which func() []int, f func(workflow.Context) error) error {
	for {
		h.state.Step = name
		h.show(ctx)
		err := f(ctx)
		if err == nil || stopped(err) {
			return err
		}
		if h.in.Compensate {
			h.state.Hold = h.newHold(ctx, name, which, err)
			return errAborted
		}
		if err := h.hold(ctx, name, which, err); err != nil {
			return err
		}
	}
}

// present are the indexes of the clusters that still exist.
func (h *handover) present() []int {
	var list []int
	for i, c := range h.state.Clusters {
		if !slices.Contains(h.before.Gone, c.ID) {
			list = append(list, i)
		}
	}
	return list
}

// watched are the clusters with what can be watched in them; in those that cannot be reached nothing can.
func (h *handover) watched(unreachable map[string]string) []activities.WatchedCluster {
	var list []activities.WatchedCluster
	for _, i := range h.present() {
		c := h.in.Handover.Clusters[i]
		w := activities.WatchedCluster{ClusterRef: c.ClusterRef, Dependents: c.Dependents}
		if unreachable[c.ID] != "" || c.Manual != "" {
			w.Dependents = nil
		}
		list = append(list, w)
	}
	return list
}

func (h *handover) change(ctx workflow.Context, what, target, event string, got offboard.Receipt) {
	h.state.Changes = append(h.state.Changes, offboard.Change{At: workflow.Now(ctx), What: what, Target: target, By: got.By, Event: event, RequestID: got.RequestID})
}

func (h *handover) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, offboard.ScopeDetails(h.state))
}

func refsOf(clusters []offboard.ClusterProgress, which []int) []offboard.ClusterRef {
	list := make([]offboard.ClusterRef, len(which))
	for n, i := range which {
		list[n] = clusters[i].ClusterRef
	}
	return list
}

func workloads(dependents []offboard.Dependent) string {
	names := make([]string, len(dependents))
	for i, d := range dependents {
		names[i] = d.Workload
	}
	return strings.Join(names, ", ")
}
