package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// director is who approves and answers in a rehearsal. Nobody can have that address (RFC 2606).
const director = "rehearsal@offboard.invalid"

// watch follows the run to its end, answers what it asks, and notes what a person would have had to answer.
func (r *rehearsing) watch(ctx context.Context, runs *Runs) (offboard.Report, error) {
	r.tried = map[string]int{}
	var failed error
	show := func(p offboard.Progress, scopes map[string]offboard.ScopeProgress) bool {
		r.seen = p
		if r.options.Show != nil {
			r.options.Show(p, scopes)
		}
		failed = r.answer(ctx, runs, p)
		return failed != nil
	}
	err := runs.Follow(ctx, r.workflowID(), glance, show)
	for over(err) { // a hand-over ended while it was asked how it stands
		err = runs.Follow(ctx, r.workflowID(), glance, show)
	}
	err = errors.Join(failed, err)
	if refused, yes := errors.AsType[*Failed](err); yes && refused.How == workflows.InvalidInput {
		return r.refused(refused.Why), nil
	}
	if err != nil {
		return offboard.Report{}, fmt.Errorf("follow the rehearsal: %w", err)
	}
	report, err := runs.Wait(ctx, r.workflowID())
	if err != nil {
		return offboard.Report{}, fmt.Errorf("read the rehearsal's report: %w", err)
	}
	return report, nil
}

// glance is how often the run is looked at: a rehearsal is over in seconds.
const glance = 200 * time.Millisecond

// over tells whether an error only says that a run has ended which was just asked.
func over(err error) bool {
	_, yes := errors.AsType[*Refused](err)
	return yes
}

// refused is the report of a run that would not begin.
func (r *rehearsing) refused(why string) offboard.Report {
	now := time.Now().UTC()
	r.problems = append(r.problems, offboard.ExpectedProblem{Kind: offboard.ProblemRefused, Phase: offboard.PhaseAdmit, Subject: r.options.Request.User, Text: why})
	p := offboard.Progress{WorkflowID: r.workflowID(), Namespace: r.connection.Namespace, Status: offboard.Rejected, Message: "The run would not begin: " + why,
		Request: r.request(), Account: r.stage.Scene.Account.ID, Leaver: r.view.Leaver}
	p.Enter(offboard.PhaseAdmit, now)
	p.Timings[0].Ended = now
	return offboard.NewReport(p, now)
}

// answer approves a plan that waits, and answers the holds. That the run has gone on meanwhile is no error.
func (r *rehearsing) answer(ctx context.Context, runs *Runs, p offboard.Progress) error {
	var err error
	if p.Status == offboard.Running && p.Phase == offboard.PhaseApprove && p.Plan != nil && p.Approval == nil {
		err = r.readPlan(ctx, runs, p)
	}
	for _, h := range p.Holds {
		if err == nil {
			err = r.answerHold(ctx, runs, p, h)
		}
	}
	if over(err) {
		return nil
	}
	return err
}

// readPlan notes the blockers and decisions of a plan, and approves it if that is possible.
func (r *rehearsing) readPlan(ctx context.Context, runs *Runs, p offboard.Progress) error {
	answers := map[string]string{}
	for _, f := range p.Plan.Findings {
		problem := offboard.ExpectedProblem{Kind: offboard.ProblemBlocker, Phase: offboard.PhaseApprove, Subject: f.ID, Text: f.Text, Remedy: f.Remedy}
		switch {
		case f.Severity == offboard.Decision && len(f.Options) > 0:
			answers[f.ID] = f.Options[0]
			problem.Kind, problem.Answer = offboard.ProblemDecision, f.Options[0]
		case f.Severity != offboard.Blocker:
			continue
		}
		r.note(problem)
	}
	if p.Plan.Blockers() > 0 {
		return nil // the run holds for it
	}
	_, err := runs.Approve(ctx, r.workflowID(), workflows.Approve{By: director, Digest: p.Plan.Digest, Answers: answers, Note: "Given by the rehearsal, not by a person."})
	return err
}

// note remembers a problem, once.
func (r *rehearsing) note(p offboard.ExpectedProblem) {
	if !slices.ContainsFunc(r.problems, func(have offboard.ExpectedProblem) bool {
		return have.Kind == p.Kind && have.Subject == p.Subject && have.Step == p.Step
	}) {
		r.problems = append(r.problems, p)
	}
}

func (r *rehearsing) answerHold(ctx context.Context, runs *Runs, p offboard.Progress, h offboard.Hold) error {
	key := h.Subject + "\n" + h.Step
	action := answerTo(h, r.tried[key])
	if h.Subject != "plan" { // whose blockers are noted one by one
		r.note(offboard.ExpectedProblem{Kind: offboard.ProblemHold, Phase: p.Phase, Subject: h.Subject, Step: h.Step, Text: strings.TrimRight(h.Problem, ". \n") + ". " + h.Means, Remedy: remedy(h), Answer: action})
	}
	_, err := runs.Resolve(ctx, r.workflowID(), workflows.Resolve{Scope: h.Subject, Action: action, By: director, Note: "Answered by the rehearsal, not by a person."})
	if err == nil {
		r.tried[key]++
	}
	return err
}

// answerTo chooses what a rehearsal says to a hold that it has answered so often: to try again once where that may help,
// then to go on without, and to give up where that cannot be.
func answerTo(h offboard.Hold, tried int) string {
	helps := h.Code.Retryable() && h.Code != offboard.Pending // what was waited for in vain would be waited for again
	switch {
	case h.Subject == "plan": // nobody removes a blocker here
		return offboard.ActionAbort
	case helps && tried == 0:
		return offboard.ActionRetry
	case h.Skip != "":
		return offboard.ActionSkip
	}
	return offboard.ActionAbort
}

// remedy says what to do about a hold: what is known of its error, and what the answers do.
func remedy(h offboard.Hold) string {
	text := ""
	if known := offboard.Explain(h.Problem); len(known) > 0 && len(known[0].Do) > 0 {
		text = strings.TrimSpace(known[0].Do[0].Text+" "+known[0].Do[0].Command) + ". "
	}
	text += "Then answer retry, which " + h.Retry
	if h.Skip != "" {
		text += "; skip " + h.Skip
	}
	return text + "; abort " + h.Abort + "."
}
