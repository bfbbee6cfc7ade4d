package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// holdFor says in words what failed at a step of the run itself. An empty skip means that it cannot be skipped.
func holdFor(subject, step string, cause error, means, retry, skip string) offboard.Hold {
	return offboard.Hold{Subject: subject, Step: step, Code: failure(cause).Code, Problem: problem(cause), Means: means,
		Retry: retry, Skip: skip, Abort: "stops the run and undoes what can be undone"}
}

// hold waits for a person's answer. Nil means try again; errSkipped go on without; errStopped turn round. A hold that
// nobody answers in time is skipped where that is possible and aborted otherwise, except after the first deletion, where
// it waits without end.
func (r *run) hold(ctx workflow.Context, h offboard.Hold) error {
	if r.state.Request.OnFailure == offboard.OnFailureCompensate && !r.pivot && h.Subject != "plan" {
		r.order(offboard.RolledBack, "%s failed: %s", h.Step, h.Problem)
		return errStopped
	}
	var deadline time.Duration
	h.Since = workflow.Now(ctx)
	if r.pivot {
		h.Abort = "leaves it as it is; the run ends as Incomplete"
	} else {
		deadline = r.policy.HoldDeadline.Std()
		h.Until = h.Since.Add(deadline)
	}
	delete(r.answers, h.Subject)
	r.close(h.Subject)
	r.askForHelp(ctx, h)
	r.waiting(ctx, "a person: %s", h.Problem)
	answered, err := waitFor(ctx, deadline, "Deadline of the hold: "+h.Subject, func() bool {
		_, yes := r.answers[h.Subject]
		return yes || (r.stop != nil && !r.pivot)
	})
	r.close(h.Subject)
	r.waiting(ctx, "")
	if err != nil {
		return err
	}
	answer, given := r.answers[h.Subject]
	if !given && answered {
		return errStopped
	}
	action := answer.Action
	if !given {
		action = offboard.ActionAbort
		if h.Skip != "" {
			action = offboard.ActionSkip
		}
	}
	switch action {
	case offboard.ActionRetry:
		return nil
	case offboard.ActionSkip:
		return errSkipped
	}
	if r.pivot {
		return errSkipped // forward only: what is not done is listed as remaining
	}
	who := "nobody answered the hold in time"
	if given {
		who = answer.By + " aborted"
	}
	r.order(offboard.RolledBack, "%s: %s. %s", h.Subject, who, h.Problem)
	return errStopped
}

// persist runs a step of the run itself until it is done or a person decides otherwise. It returns nil when the step is
// done, errSkipped when it was skipped.
func (r *run) persist(ctx workflow.Context, subject, step, means, retry, skip string, f func(workflow.Context) error) error {
	for {
		err := f(ctx)
		if err == nil || stopped(err) || errors.Is(err, errStopped) || errors.Is(err, errSkipped) {
			return err
		}
		if err := r.hold(ctx, holdFor(subject, step, err, means, retry, skip)); err != nil {
			return err
		}
	}
}
