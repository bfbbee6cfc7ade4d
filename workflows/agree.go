package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// agree surveys, plans and gets a yes to the very plan that will be carried out.
func (r *run) agree(ctx workflow.Context) error {
	for {
		// The last day may have been moved while the plan waited for a yes.
		if err := r.waitForLastDay(ctx); err != nil || r.state.Status != offboard.Running {
			return err
		}
		plan, err := r.makePlan(ctx)
		if err != nil {
			return err
		}
		if r.state.Request.Wait(workflow.Now(ctx)) > 0 {
			continue // the last day was moved meanwhile
		}
		r.compare(plan)
		r.state.Plan = &plan
		if r.state.Request.Mode == offboard.ModePlan {
			r.end(offboard.Planned, "The plan is ready: %s. Nothing was changed.", plan.Counts())
			return nil
		}
		if r.state.Move != nil && len(plan.Handovers) == 0 && plan.Blockers() == 0 {
			r.end(offboard.Completed, "No selected scope needs a new owner. Nothing was changed.")
			return nil
		}
		if r.state.Prune != nil && len(plan.Keys) == 0 && plan.Blockers() == 0 {
			r.end(offboard.Completed, "No selected key is superseded and proven unused. Nothing was changed.")
			return nil
		}
		if plan.Blockers() > 0 {
			if err := r.blocked(ctx, plan); err != nil {
				return err
			}
			continue
		}
		if r.state.Approval == nil || r.state.Approval.Digest != plan.Digest {
			r.state.Approval = nil
			if err := r.awaitApproval(ctx, plan); err != nil {
				return err
			}
		}
		if r.state.Approval == nil {
			continue // the last day was moved
		}
		if workflow.Now(ctx).Sub(plan.SurveyedAt) <= r.policy.PlanFreshness.Std() {
			r.state.Changed = nil
			r.state.Begin(plan, r.state.Decisions)
			return nil
		}
		// The plan was approved long after the account was looked at: look again, and ask again if it differs.
	}
}

func (r *run) makePlan(ctx workflow.Context) (offboard.Plan, error) {
	var plan offboard.Plan
	for {
		r.enter(ctx, offboard.PhaseSurvey)
		survey, prune, err := r.look(ctx)
		if err != nil && !stopped(err) {
			if err := r.hold(ctx, holdFor("survey", "survey the account", err,
				"Nothing was changed and nothing is broken: the account could not be read.", "surveys again", "")); err != nil {
				return plan, err
			}
			continue
		}
		if err != nil {
			return plan, err
		}
		r.enter(ctx, offboard.PhasePlan)
		// A side effect records the plan: a worker with other rules replays this run with this plan.
		encoded := workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{Summary: "The plan, computed from the survey and the policy"},
			func(workflow.Context) any {
				switch {
				case r.state.Prune != nil:
					return offboard.NewPrunePlan(prune, *r.state.Prune, r.state.Request, r.policy)
				case r.state.Move != nil:
					return offboard.NewMovePlan(survey, *r.state.Move, r.adm.FunctionalIDs, r.policy)
				}
				return offboard.NewPlan(survey, r.state.Request, r.policy)
			})
		return plan, encoded.Get(&plan)
	}
}

// look surveys what this kind of run is about.
func (r *run) look(ctx workflow.Context) (survey offboard.Survey, prune offboard.PruneSurvey, err error) {
	if r.state.Prune != nil {
		prune, err = r.surveyPrune(ctx, nil)
		return survey, prune, err
	}
	survey, err = r.survey(ctx)
	return survey, prune, err
}

// compare notes what differs from a plan that was shown before.
func (r *run) compare(plan offboard.Plan) {
	r.state.Changed = nil
	if old := r.state.Plan; old != nil && old.Digest != plan.Digest {
		r.state.Changed = offboard.Differences(*old, plan)
	}
}

// blocked waits until somebody has removed what forbids to go on.
func (r *run) blocked(ctx workflow.Context, plan offboard.Plan) error {
	r.enter(ctx, offboard.PhaseApprove)
	var text string
	for _, f := range plan.Findings {
		if f.Severity == offboard.Blocker {
			text += f.Text + " " + f.Remedy + "\n\n"
		}
	}
	hold := offboard.Hold{Subject: "plan", Step: "plan", Code: offboard.Invalid, Problem: text,
		Means: "Nothing was changed and nothing is broken.", Retry: "surveys and plans again", Abort: "ends the run as Rejected"}
	err := r.hold(ctx, hold)
	if errors.Is(err, errStopped) && r.stop.status == offboard.RolledBack {
		r.stop.status = offboard.Rejected // nothing was begun, so nothing is rolled back
	}
	return err
}

// awaitApproval waits for a yes, reminds, and gives up at the policy's deadline. It comes back without a yes when the last
// day was moved.
func (r *run) awaitApproval(ctx workflow.Context, plan offboard.Plan) error {
	questions := 0
	for _, f := range plan.Findings {
		if f.Severity == offboard.Decision {
			questions++
		}
	}
	r.enter(ctx, offboard.PhaseApprove)
	if r.state.Request.Approval == offboard.ApprovalNone && questions == 0 {
		r.state.Approval = &offboard.Approval{Digest: plan.Digest, At: workflow.Now(ctx), Automatic: true}
		return nil
	}
	asked := workflow.Now(ctx)
	deadline := asked.Add(r.policy.ApprovalDeadline.Std())
	r.askApproval(ctx, offboard.NoticePlanReady, deadline)
	for {
		r.waiting(ctx, "somebody's yes to plan %s%s, since %s, until %s", plan.Digest, answersNeeded(questions), asked.Format(time.RFC3339), deadline.Format(time.RFC3339))
		pause := min(r.policy.ApprovalReminder.Std(), deadline.Sub(workflow.Now(ctx)))
		answered, err := waitFor(ctx, pause, "Reminder: the plan waits for a yes", func() bool {
			return r.state.Approval != nil || r.stop != nil || r.state.Request.Wait(workflow.Now(ctx)) > 0
		})
		switch {
		case err != nil:
			return err
		case r.stop != nil:
			return errStopped
		case answered:
			r.state.Waiting = ""
			return nil
		case !workflow.Now(ctx).Before(deadline):
			r.order(offboard.Rejected, "Nobody approved the plan by %s.", deadline.Format(time.RFC3339))
			return errStopped
		}
		r.askApproval(ctx, offboard.NoticeApprovalReminder, deadline)
	}
}

func answersNeeded(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " with an answer to 1 question"
	}
	return fmt.Sprintf(" with answers to %d questions", n)
}
