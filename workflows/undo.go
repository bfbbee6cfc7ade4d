package workflows

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// undoStep is one thing to undo. It is registered before the step that it undoes, does nothing if that never took
// effect, and may run twice.
type undoStep struct {
	what string
	run  func(ctx workflow.Context) error
}

// onUndo registers how to undo what comes next.
func (r *run) onUndo(what string, f func(ctx workflow.Context) error) {
	r.undo = append(r.undo, undoStep{what: what, run: f})
}

// withdrawLater registers how to take access back that this run gave. Nothing is taken back once a reset may have been
// sent: a scope may depend on it. The activity looks for keys of other runs besides.
func (r *run) withdrawLater(what, event string, verb func(context.Context, activities.WithdrawInput) (activities.WithdrawResult, error), in activities.WithdrawInput) {
	r.onUndo(what, func(ctx workflow.Context) error {
		if r.state.ResetSent() {
			return nil
		}
		got, err := do(ctx, undoing, "Undo: "+what, verb, in)
		if err != nil {
			return err
		}
		switch {
		case got.Kept:
			r.state.Residual = append(r.state.Residual, "Not undone, because clusters depend on it: "+what)
			return nil
		case got.Used:
			r.state.Residual = append(r.state.Residual, "Not undone, because another run uses it: "+what)
			return nil
		}
		look := event
		if got.RequestID == "" {
			look = "" // it was gone already: there is no event
		}
		r.change(ctx, "Undone: "+what, cmp.Or(in.PolicyID, in.IAMID, in.GroupID), look, got.Receipt)
		return nil
	})
}

// mayHaveMade notes that a failed step may have made something all the same, for the report of a run that turns round.
// The same step's success takes it back (see made).
func (r *run) mayHaveMade(what string, err error) {
	if code := failure(err).Code; !failure(err).Ambiguous && code != offboard.Unavailable && !stopped(err) {
		return // refused
	}
	if _, known := r.unsure[what]; !known {
		r.onUndo("look for "+what, func(workflow.Context) error {
			if r.unsure[what] && !r.state.ResetSent() {
				r.state.Residual = append(r.state.Residual, "Whether this run made "+what+" is not known, because no answer came: look for it by hand.")
			}
			return nil
		})
	}
	r.unsure[what] = true
}

// made says that a step that may have made something has told.
func (r *run) made(what string) {
	if r.unsure[what] {
		r.unsure[what] = false
	}
}

// turnRound undoes what can be undone and gives the run its status. It runs on a context that cannot be cancelled.
func (r *run) turnRound(ctx workflow.Context, cause error) {
	if r.pivot {
		r.end(offboard.Incomplete, "%s Stopped after the first deletion: %s", r.incompleteSentence(), problem(cause))
		return
	}
	if r.stop == nil {
		text := problem(cause)
		if stopped(cause) {
			text = "the run was cancelled"
		}
		if errors.Is(cause, errStopped) {
			text = "the run was stopped"
		}
		if r.state.Approval == nil {
			text += "; nothing was changed" // nothing is begun before the yes
		}
		r.stop = &stopOrder{status: offboard.RolledBack, message: text + "."}
	}
	r.state.Holds = nil
	if len(r.undo) > 0 {
		r.enter(ctx, offboard.PhaseUndo)
		r.waiting(ctx, "what was done to be undone")
	}
	for _, step := range slices.Backward(r.undo) {
		r.undoOne(ctx, step)
	}
	r.noteResets()
	r.end(r.stop.status, "%s", r.stop.message)
}

// undoPatience is how long an undo is tried before a person is told; it goes on being tried.
const undoPatience = 15 * time.Minute

// undoOne undoes one step. It is tried until it succeeds, or until a person says to leave it.
func (r *run) undoOne(ctx workflow.Context, step undoStep) {
	for {
		err := r.tryUndo(ctx, step)
		if err == nil {
			return
		}
		subject := "undo: " + step.what
		if !stopped(err) { // a refusal that no later attempt cures by itself
			delete(r.answers, subject)
			r.askAboutUndo(ctx, step, problem(err))
			if waited := workflow.Await(ctx, func() bool { _, given := r.answers[subject]; return given }); waited != nil {
				workflow.GetLogger(ctx).Warn("The wait for an answer ended", "Error", waited)
			}
			r.close(subject)
			r.show(ctx)
			if r.answers[subject].Action == offboard.ActionRetry {
				continue
			}
		}
		r.state.Residual = append(r.state.Residual, "Not undone, left so by "+r.answers[subject].By+": "+step.what+".")
		return
	}
}

// tryUndo runs one step, which retries by itself what a later attempt may cure. When that takes long, a person is told
// and may end it; the error is then a cancellation.
func (r *run) tryUndo(ctx workflow.Context, step undoStep) (failed error) {
	done := false
	trying, giveUp := workflow.WithCancel(ctx)
	workflow.GoNamed(trying, "undo", func(ctx workflow.Context) {
		failed = step.run(ctx)
		done = true
	})
	in, err := waitFor(ctx, undoPatience, "Patience with: "+step.what, func() bool { return done })
	if err != nil || in {
		return failed
	}
	subject := "undo: " + step.what
	delete(r.answers, subject)
	r.askAboutUndo(ctx, step, "it has been tried for "+undoPatience.String()+"; the pending activities of this run say why it fails")
	leave := func() bool {
		answer, given := r.answers[subject]
		return given && answer.Action != offboard.ActionRetry
	}
	if err := workflow.Await(ctx, func() bool { return done || leave() }); err != nil {
		workflow.GetLogger(ctx).Warn("The wait for an undo ended", "Error", err)
	}
	r.close(subject)
	giveUp()
	r.show(ctx)
	if err := workflow.Await(ctx, func() bool { return done }); err != nil {
		workflow.GetLogger(ctx).Warn("The wait for an undo ended", "Error", err)
	}
	return failed
}

func (r *run) askAboutUndo(ctx workflow.Context, step undoStep, why string) {
	r.askForHelp(ctx, offboard.Hold{
		Subject: "undo: " + step.what, Step: "undo", Code: offboard.Unavailable, Since: workflow.Now(ctx),
		Problem: "This could not be undone yet: " + step.what + ": " + why + ".",
		Means:   "What this run changed there is as the run left it.",
		Retry:   "tries again, or goes on trying", Skip: "leaves it; the report lists it", Abort: "leaves it; the report lists it",
	})
	r.show(ctx)
}

// noteResets says which scopes keep their new owner although the run turned round, and of which that is not known.
func (r *run) noteResets() {
	var made, unknown, back []offboard.Scope
	for _, s := range r.state.Scopes {
		switch {
		case s.FellBack != "":
			back = append(back, s.Scope)
		case s.KeyMade != "":
			made = append(made, s.Scope)
		case s.ResetSent:
			unknown = append(unknown, s.Scope)
		}
	}
	if len(back) > 0 {
		r.state.Residual = append(r.state.Residual, "These scopes belong to the fallback identity "+r.state.Plan.Fallback.Email+" now: "+scopeNames(back)+".")
	}
	if len(made) > 0 {
		r.state.Residual = append(r.state.Residual, "These scopes keep their new owner, and the owner its access: "+scopeNames(made)+".")
	}
	if len(unknown) > 0 {
		r.state.Residual = append(r.state.Residual, "Whether these scopes have a new owner is not known, because a reset was sent and never confirmed; look at the key owner of their clusters: "+scopeNames(unknown)+".")
	}
}
