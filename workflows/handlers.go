package workflows

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// handle registers every message handler before the first wait, so that none is lost or refused for want of a handler.
func (r *run) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (offboard.Progress, error) { return r.state, nil },
		workflow.QueryHandlerOptions{Description: "Plan, progress per scope and cluster, findings, holds and timings"})
	if err != nil {
		return err
	}
	held := workflow.GetSignalChannelWithOptions(ctx, heldSignal, workflow.SignalChannelOptions{
		Description: "From a hand-over of this run: a step waits for a person, or goes on"})
	workflow.GoNamed(ctx, "holds", func(ctx workflow.Context) {
		for {
			var m heldMessage
			if more := held.Receive(ctx, &m); !more {
				return
			}
			r.onHeld(ctx, m)
		}
	})
	for _, err := range []error{
		update(ctx, ApproveUpdate, "Say yes to the plan that is shown: {\"by\": \"you@acme.example\", \"digest\": \"…\", \"answers\": {…}}", r.mayApprove, r.approve),
		update(ctx, RejectUpdate, "Say no before anything is changed: {\"by\": \"you@acme.example\", \"note\": \"why\"}", r.mayReject, r.reject),
		update(ctx, RescheduleUpdate, "Move the last day while the run waits for it: {\"by\": \"you@acme.example\", \"lastDay\": \"2026-12-31T17:00:00+01:00\"}", r.mayReschedule, r.reschedule),
		update(ctx, ReinstateUpdate, "The person stays; undo what can be undone: {\"by\": \"you@acme.example\", \"note\": \"why\"}", r.mayReinstate, r.reinstate),
		update(ctx, ResolveUpdate, "Answer a hold: {\"scope\": \"…\", \"action\": \"retry|skip|abort\", \"by\": \"you@acme.example\"}", r.mayResolve, r.resolve),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// update registers one update with its validator.
func update[M any](ctx workflow.Context, name, description string, validate func(workflow.Context, M) error, apply func(workflow.Context, M) (Reply, error)) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, apply, workflow.UpdateHandlerOptions{Validator: validate, Description: description})
}

func (r *run) mayApprove(_ workflow.Context, m Approve) error {
	switch {
	case r.state.Status != offboard.Running:
		return fmt.Errorf("this run has ended as %s", r.state.Status)
	case r.state.Phase != offboard.PhaseApprove || r.state.Plan == nil:
		return fmt.Errorf("there is no plan to approve now: the run is in phase %q", r.state.Phase)
	case r.state.Approval != nil:
		return fmt.Errorf("the plan was approved by %s already", r.state.Approval.By)
	case r.state.Plan.Blockers() > 0:
		return fmt.Errorf("the plan has %d blockers and cannot be approved: remove them, then send resolve with scope \"plan\" and action \"retry\"", r.state.Plan.Blockers())
	}
	if err := named("by", m.By); err != nil {
		return err
	}
	switch {
	case strings.EqualFold(m.By, r.state.Request.RequestedBy):
		return fmt.Errorf("%s requested this offboarding and cannot approve it too: somebody else must", m.By)
	case r.state.Leaves() && strings.EqualFold(m.By, r.state.Leaver.Email):
		return fmt.Errorf("%s is the person who leaves and cannot approve this", m.By)
	case m.Digest == "":
		return fmt.Errorf("\"digest\" is missing: it says which plan you approve; the plan that is shown has %q", r.state.Plan.Digest)
	case m.Digest != r.state.Plan.Digest:
		return fmt.Errorf("the digest %q is not that of the plan that is shown, %q: read it again", m.Digest, r.state.Plan.Digest)
	}
	if missing := r.state.Plan.Unanswered(m.Answers); len(missing) > 0 {
		return fmt.Errorf("the approval is incomplete: %s", strings.Join(missing, "; "))
	}
	switch {
	case m.Proof != "" && !r.proven(m):
		return fmt.Errorf("the proof does not fit: it was made for another run, plan, person or answer, or with a key that the policy does not name")
	case m.Proof == "" && r.policy.VerifiedApproval:
		return fmt.Errorf("this account takes approvals from authenticated people only: approve through the engine's own door, not here")
	}
	return nil
}

// proven tells whether a door vouches for the approver.
func (r *run) proven(m Approve) bool {
	claim := offboard.ApprovalClaim{WorkflowID: r.state.WorkflowID, RunID: r.state.RunID, Digest: m.Digest, By: m.By, Answers: m.Answers}
	return claim.Proven(m.Proof, r.policy.ApproverKeys)
}

func (r *run) approve(ctx workflow.Context, m Approve) (Reply, error) {
	r.state.Approval = &offboard.Approval{By: m.By, Digest: m.Digest, At: workflow.Now(ctx), Note: m.Note, Verified: m.Proof != ""}
	r.state.Decisions = m.Answers
	if r.state.Move != nil {
		return Reply{Message: fmt.Sprintf("Plan %s is approved; the scopes are handed over.", m.Digest)}, nil
	}
	if r.state.Prune != nil {
		return Reply{Message: fmt.Sprintf("Plan %s is approved; the superseded keys are disabled.", m.Digest)}, nil
	}
	return Reply{Message: fmt.Sprintf("Plan %s is approved; the offboarding of %s begins.", m.Digest, r.state.Leaver.Email)}, nil
}

func (r *run) mayReject(_ workflow.Context, m Reject) error {
	if err := named("by", m.By); err != nil {
		return err
	}
	switch {
	case r.state.Status != offboard.Running:
		return fmt.Errorf("this run has ended as %s", r.state.Status)
	case r.state.Approval != nil || !slices.Contains([]offboard.Phase{offboard.PhaseAdmit, offboard.PhaseWait, offboard.PhaseSurvey, offboard.PhasePlan, offboard.PhaseApprove}, r.state.Phase):
		return fmt.Errorf("the plan is approved and the run is in phase %q: send reinstate to turn it round", r.state.Phase)
	}
	return nil
}

func (r *run) reject(_ workflow.Context, m Reject) (Reply, error) {
	r.order(offboard.Rejected, "%s said no.%s", m.By, noted(m.Note))
	return Reply{Message: "Rejected; nothing of the leaver was changed."}, nil
}

func (r *run) mayReschedule(ctx workflow.Context, m Reschedule) error {
	if err := named("by", m.By); err != nil {
		return err
	}
	undecided := []offboard.Phase{offboard.PhaseWait, offboard.PhaseSurvey, offboard.PhasePlan, offboard.PhaseApprove}
	switch now := workflow.Now(ctx); {
	case r.state.Status != offboard.Running:
		return fmt.Errorf("this run has ended as %s", r.state.Status)
	case !r.state.Leaves():
		return fmt.Errorf("nobody leaves here, so there is no last day")
	case r.state.Approval != nil || !slices.Contains(undecided, r.state.Phase):
		return fmt.Errorf("the last day cannot be moved any more: the run is in phase %q and the plan is approved", r.state.Phase)
	case m.LastDay.IsZero():
		return fmt.Errorf("\"lastDay\" is missing: a time with zone like \"2026-12-31T17:00:00+01:00\"")
	case m.LastDay.After(now.AddDate(5, 0, 0)):
		return fmt.Errorf("\"lastDay\" %s is more than five years ahead: check the year", m.LastDay.Format(time.RFC3339))
	case m.LastDay.Before(now.AddDate(-1, 0, 0)):
		return fmt.Errorf("\"lastDay\" %s is more than a year ago: check the year", m.LastDay.Format(time.RFC3339))
	}
	return nil
}

func (r *run) reschedule(ctx workflow.Context, m Reschedule) (Reply, error) {
	r.state.Request.LastDay = m.LastDay
	r.state.Answers = append(r.state.Answers, offboard.HoldAnswer{Subject: "last day", Action: RescheduleUpdate, By: m.By, At: workflow.Now(ctx),
		Note: strings.TrimSpace("moved to " + m.LastDay.Format(time.RFC3339) + ". " + m.Note)})
	return Reply{Message: "The last day is now " + m.LastDay.Format(time.RFC3339) + "."}, nil
}

func (r *run) mayReinstate(_ workflow.Context, m Reinstate) error {
	if err := named("by", m.By); err != nil {
		return err
	}
	switch {
	case r.state.Status != offboard.Running:
		return fmt.Errorf("this run has ended as %s", r.state.Status)
	case !r.state.Leaves():
		return fmt.Errorf("nobody leaves here: cancel the run to turn it round")
	case r.state.Phase == offboard.PhaseReport:
		return fmt.Errorf("this run is ending right now")
	case r.pivot:
		return fmt.Errorf("the first key has been deleted, which cannot be undone: let the run finish, then invite %s again; their keys must be made anew", r.state.Leaver.Email)
	case r.stop != nil:
		return fmt.Errorf("the run turns round already: %s", r.stop.message)
	}
	return nil
}

func (r *run) reinstate(_ workflow.Context, m Reinstate) (Reply, error) {
	r.order(offboard.Reinstated, "%s said that the person stays.%s", m.By, noted(m.Note))
	return Reply{Message: "The person stays; what can be undone is being undone."}, nil
}

func (r *run) mayResolve(_ workflow.Context, m Resolve) error {
	if err := named("by", m.By); err != nil {
		return err
	}
	hold, err := r.state.OpenHold(m.Scope)
	if err != nil {
		return err
	}
	switch m.Action {
	case offboard.ActionRetry, offboard.ActionAbort:
		return nil
	case offboard.ActionSkip:
		if hold.Skip == "" {
			return fmt.Errorf("%q cannot be skipped: answer retry or abort", hold.Subject)
		}
		return nil
	}
	return fmt.Errorf("\"action\" is %q: it must be retry, skip or abort", m.Action)
}

func (r *run) resolve(ctx workflow.Context, m Resolve) (Reply, error) {
	hold, err := r.state.OpenHold(m.Scope)
	if err != nil {
		return Reply{}, err
	}
	r.close(hold.Subject)
	r.state.Answers = append(r.state.Answers, offboard.HoldAnswer{Subject: hold.Subject, Step: hold.Step, Action: m.Action, By: m.By, Note: m.Note, At: workflow.Now(ctx)})
	r.show(ctx)
	m.Scope = hold.Subject
	if i := slices.IndexFunc(r.state.Scopes, func(s offboard.ScopeProgress) bool { return s.Scope.String() == hold.Subject }); i >= 0 {
		err := workflow.SignalExternalWorkflow(ctx, r.state.Scopes[i].Run, "", answerSignal, m).Get(ctx, nil)
		if err != nil {
			return Reply{}, fmt.Errorf("the hand-over of %s could not be told: %w", hold.Subject, err)
		}
	} else {
		r.answers[hold.Subject] = m
	}
	return Reply{Message: fmt.Sprintf("%s: %s", hold.Subject, m.Action)}, nil
}

// onHeld notes what a hand-over says of itself.
func (r *run) onHeld(ctx workflow.Context, m heldMessage) {
	i := slices.IndexFunc(r.state.Scopes, func(s offboard.ScopeProgress) bool { return s.Scope.ID() == m.ScopeID })
	if i < 0 {
		return
	}
	s := &r.state.Scopes[i]
	r.close(s.Scope.String())
	if s.State == offboard.ScopeRunning || s.State == offboard.ScopeHeld {
		s.State, s.Hold, s.Step = offboard.ScopeRunning, m.Hold, ""
		if m.Hold != nil {
			s.State, s.Step = offboard.ScopeHeld, m.Hold.Step
			r.askForHelp(ctx, *m.Hold)
		}
	}
	r.show(ctx)
}

// close takes a hold off the list.
func (r *run) close(subject string) {
	r.state.Holds = slices.DeleteFunc(r.state.Holds, func(h offboard.Hold) bool { return h.Subject == subject })
}

// order turns the run round, unless it is too late for that.
func (r *run) order(status offboard.Status, format string, args ...any) {
	if r.stop != nil || r.pivot {
		return
	}
	r.stop = &stopOrder{status: status, message: fmt.Sprintf(format, args...)}
	if r.cancel != nil {
		r.cancel()
	}
}

func noted(note string) string {
	if note == "" {
		return ""
	}
	return " " + note
}

// named checks that a person is named by an e-mail address.
func named(field, email string) error {
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return fmt.Errorf("%q must be the e-mail address of the person who says this, not %q", field, email)
	}
	return nil
}
