package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// hold waits for a person's answer; nil means try again.
func (h *handover) hold(ctx workflow.Context, step string, which func() []int, cause error) error {
	h.answer = nil
	h.state.State, h.state.Hold = offboard.ScopeHeld, h.newHold(ctx, step, which, cause)
	h.show(ctx)
	if err := h.tell(ctx, h.state.Hold); err != nil {
		return err
	}
	answered, err := waitFor(ctx, h.in.Policy.HoldDeadline.Std(), "Deadline of the hold: "+step, func() bool { return h.answer != nil })
	if err != nil {
		return err
	}
	action := offboard.ActionSkip // nobody answered: the scope stays with the leaver, which is the safe side
	if answered {
		action, h.answered = h.answer.Action, h.answer.By
	}
	h.state.State, h.state.Hold = offboard.ScopeRunning, nil
	h.show(ctx)
	if err := h.tell(ctx, nil); err != nil {
		return err
	}
	switch action {
	case offboard.ActionRetry:
		return nil
	case offboard.ActionAbort:
		return errAborted
	}
	return errSkipped
}

func (h *handover) newHold(ctx workflow.Context, step string, which func() []int, cause error) *offboard.Hold {
	affected := h.present()
	if which != nil {
		affected = which()
	}
	names := make([]string, len(affected))
	for n, i := range affected {
		names[n] = h.state.Clusters[i].Name
	}
	keeper := "scopes that have a new owner keep it"
	if h.in.Fallback != "" {
		keeper = "scopes that have a new owner go to " + h.in.Fallback
	}
	skip := "leaves the scope and its keys with the leaver; the user is then not removed and the run ends as Incomplete"
	if h.moves() {
		skip = "leaves the scope with its owner; the run ends as Incomplete"
	}
	now := workflow.Now(ctx)
	return &offboard.Hold{
		Subject: h.state.Scope.String(), Step: step, Code: failure(cause).Code, Problem: problem(cause) + advice(step, failure(cause).Code),
		Means: h.means(names, failure(cause).Code),
		Retry: "tries this step again",
		Skip:  skip,
		Abort: "stops the whole offboarding and undoes what can be undone; " + keeper,
		Since: now, Until: now.Add(h.in.Policy.HoldDeadline.Std()),
	}
}

// advice says what a person can do about a refusal.
func advice(step string, code offboard.Code) string {
	switch {
	case step == stepOwner && code == offboard.Pending:
		return ". A name that is neither the leaver's nor the functional ID's is of somebody who reset this scope after the run did, which retrying alone does not change: reset it again as the functional ID, with this region and resource group targeted (ibmcloud ks api-key reset), and answer retry; or let them keep it: answer skip, and start the run anew once this one has ended, so that its plan knows the new owner"
	case step != stepReset:
		return ""
	}
	switch code {
	case offboard.Denied:
		return ". The functional ID needs the platform role Administrator and the service role Manager on the Kubernetes service for this region and resource group, and User API key creator where the account restricts who may create keys"
	case offboard.KeyLimit:
		return ". The functional ID holds as many API keys as IAM allows one identity, 20 by default: delete keys of it that nothing uses, or have IBM raise the limit"
	}
	return ""
}

func (h *handover) means(clusters []string, code offboard.Code) string {
	list, owner := strings.Join(clusters, ", "), "leaver"
	if h.moves() {
		owner = "owner"
	}
	switch {
	case !h.state.ResetSent:
		return fmt.Sprintf("Nothing is broken: %s still runs on the key it had (clusters %s).", h.state.Scope, list)
	case h.state.KeyMade == "" && !code.Retryable():
		return fmt.Sprintf("Nothing is broken: the %s's key of %s is alive (clusters %s), and the last attempt to make a new one was refused.", owner, h.state.Scope, list)
	case h.state.KeyMade == "":
		return fmt.Sprintf("Nothing is broken: the %s's key of %s is alive (clusters %s). Whether a new key was made is not known yet.", owner, h.state.Scope, list)
	}
	return fmt.Sprintf("Nothing is broken: the %s's old key is alive. %s has its new key, but clusters %s are not proven to run on it.", owner, h.state.Scope, list)
}

// moves tells whether the scope is moved although nobody leaves.
func (h *handover) moves() bool { return h.in.Leaver.IAMID == "" }

// tell lets the parent know that a person is needed, or no longer is.
func (h *handover) tell(ctx workflow.Context, hold *offboard.Hold) error {
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution
	if parent == nil {
		return nil
	}
	return workflow.SignalExternalWorkflow(ctx, parent.ID, "", heldSignal, heldMessage{ScopeID: h.state.Scope.ID(), Hold: hold}).Get(ctx, nil)
}
