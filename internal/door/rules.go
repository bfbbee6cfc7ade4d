package door

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"offboard/internal/offboard"
)

// act does what an event asks for. It returns the open run that it met or made.
func (d *Door) act(ctx context.Context, e Event, k known, released bool) (Outcome, met, error) {
	if e.Kind == Cancelled {
		return d.cancel(ctx, e, k)
	}
	if e.Kind == Rescheduled {
		run, err := d.engine.Find(ctx, e.User)
		if err != nil {
			return Outcome{}, met{}, err
		}
		if run.ID != "" {
			return d.move(ctx, e, k, run)
		}
	}
	return d.start(ctx, e, k, released)
}

// start begins a run, or meets the one that is open.
func (d *Door) start(ctx context.Context, e Event, k known, released bool) (Outcome, met, error) {
	request, err := e.request(d.approvals[e.Source], d.now())
	if err != nil {
		return Outcome{}, met{}, err
	}
	if d.config.Soak > 0 {
		request.Soak = d.config.Soak
	}
	again := false
	if !released {
		var free bool
		if free, again, err = d.store.reserve(e, d.config.Brake, d.now()); err != nil {
			return Outcome{}, met{}, err
		}
		if !free {
			return d.hold(ctx, e, k)
		}
	}
	run, err := d.engine.Start(ctx, request)
	if open, yes := errors.AsType[*Open](err); yes {
		if !again && !released { // where it was counted before, the open run may be the one that was meant
			if err := d.store.unreserve(e.person()); err != nil {
				return Outcome{}, met{}, err
			}
		}
		o, m, err := d.meet(ctx, e, k, open.Run)
		m.begun = k.person.Tried != nil || released
		return o, m, err
	}
	if err != nil {
		return Outcome{}, met{}, err
	}
	o := Outcome{Result: Started, Run: run.ID, Link: run.Link, Message: fmt.Sprintf("The offboarding of %s has started.", e.User)}
	if e.LastDay.After(d.now()) {
		o.Message = fmt.Sprintf("The offboarding of %s has started and waits for %s.", e.User, e.LastDay.Format(time.RFC3339))
	}
	return o, met{runID: run.RunID, begun: true}, nil
}

// hold keeps an event for a person to release, unless it only concerns a run that is open.
func (d *Door) hold(ctx context.Context, e Event, k known) (Outcome, met, error) {
	if k.person.RunID != "" && k.person.Kind != Cancelled {
		run, err := d.engine.Find(ctx, e.User)
		if err != nil {
			return Outcome{}, met{}, err
		}
		if run.ID != "" {
			return d.move(ctx, e, k, run)
		}
	}
	if e.Soft && k.held != nil && !k.held.Soft { // which says more
		return heldOutcome(d.config.Brake), met{apart: true}, nil
	}
	d.logger.Warn("the mass brake holds an offboarding: look at GET /brake, then POST /brake/release or /brake/discard",
		zap.String("source", e.Source), zap.String("event", e.ID), zap.String("user", e.User),
		zap.Int("starts", d.config.Brake.Starts), zap.Duration("window", d.config.Brake.Window))
	return heldOutcome(d.config.Brake), met{}, nil
}

func heldOutcome(b Brake) Outcome {
	return Outcome{Result: Held, Message: fmt.Sprintf("Held: more than %d offboardings were asked for within %s, so a person must release the others. Nothing is lost.",
		b.Starts, b.Window)}
}

// meet is for an event that asks for a run while one is open.
func (d *Door) meet(ctx context.Context, e Event, k known, run Run) (Outcome, met, error) {
	if k.person.leaving(run) && (e.Soft || e.LastDay.Equal(k.person.LastDay)) {
		return alreadyRunning(e, run), met{runID: run.RunID}, nil // said before: no need to ask the run, which takes a worker
	}
	found, err := d.engine.Find(ctx, e.User)
	if err != nil {
		return Outcome{}, met{}, err
	}
	if found.ID == "" {
		return Outcome{}, met{}, &Away{After: time.Second, Alone: true, Why: "the run of this person has just ended"}
	}
	return d.move(ctx, e, k, found)
}

// undecided are the phases of a run that goes back to waiting if its last day is moved.
var undecided = []offboard.Phase{offboard.PhaseWait, offboard.PhaseSurvey, offboard.PhasePlan, offboard.PhaseApprove}

// move brings an open run in line with an event.
func (d *Door) move(ctx context.Context, e Event, k known, run Run) (Outcome, met, error) {
	future := e.LastDay.After(d.now())
	switch {
	case run.Mode == offboard.ModePlan:
		return Outcome{}, met{}, &Away{After: time.Minute, Alone: true, Why: fmt.Sprintf("the run %s, which only plans, is open for this person", run.ID)}
	case run.Phase == offboard.PhaseUndo || run.Phase == offboard.PhaseReport || k.person.Kind == Cancelled && k.person.RunID == run.RunID:
		return Outcome{}, met{}, &Away{After: time.Minute, Alone: true, Why: fmt.Sprintf("the run %s is ending", run.ID)}
	case e.Soft:
		return alreadyRunning(e, run), met{runID: run.RunID}, nil
	case run.Phase == "" || run.Phase == offboard.PhaseAdmit:
		return Outcome{}, met{}, &Away{After: 5 * time.Second, Alone: true, Why: fmt.Sprintf("the run %s is only just beginning", run.ID)}
	case !slices.Contains(undecided, run.Phase) && future:
		return Outcome{}, met{}, &Refused{Run: run.ID, Message: fmt.Sprintf("the run %s no longer waits for a last day: it is in phase %q; to stop it, say that the person stays", run.ID, run.Phase)}
	case run.Phase != offboard.PhaseWait && !future || e.LastDay.Equal(run.LastDay):
		return alreadyRunning(e, run), met{runID: run.RunID}, nil
	}
	day := e.LastDay
	if day.IsZero() {
		day = d.now()
	}
	text, err := d.engine.Reschedule(ctx, d.message(e, run), day)
	if _, gone := errors.AsType[*Gone](err); gone {
		return Outcome{}, met{}, &Away{After: time.Second, Alone: true, Why: "the run of this person has just ended", Cause: err}
	}
	if err != nil {
		return Outcome{}, met{}, err
	}
	return Outcome{Result: Moved, Run: run.ID, Link: run.Link, Message: text}, met{runID: run.RunID}, nil
}

func alreadyRunning(e Event, run Run) Outcome {
	return Outcome{Result: AlreadyRunning, Run: run.ID, Link: run.Link, Message: fmt.Sprintf("The offboarding of %s is running already.", e.User)}
}

// cancel turns the open run round, if there is one.
func (d *Door) cancel(ctx context.Context, e Event, k known) (Outcome, met, error) {
	nothing := Outcome{Result: NothingToDo, Message: fmt.Sprintf("Nothing to do: no offboarding of %s is running.", e.User)}
	goesOn := Outcome{Result: NothingToDo, Message: fmt.Sprintf("Nothing is called off: somebody else asked for the offboarding of %s, which goes on. To stop it, they must say that the person stays.", e.User)}
	if k.held != nil {
		if e.Soft && !k.held.Soft && k.held.Source != e.Source {
			return goesOn, met{apart: true}, nil
		}
		nothing.Message = fmt.Sprintf("The offboarding of %s that was held will not be started.", e.User)
	}
	run, err := d.engine.Find(ctx, e.User)
	if err != nil || run.ID == "" || run.Mode == offboard.ModePlan {
		return nothing, met{}, err
	}
	if !k.person.mayCallOff(e, run) {
		goesOn.Run, goesOn.Link = run.ID, run.Link
		return goesOn, met{apart: true}, nil
	}
	text, err := d.engine.Reinstate(ctx, d.message(e, run))
	_, refused := errors.AsType[*Refused](err)
	if _, gone := errors.AsType[*Gone](err); gone || refused && k.person.Kind == Cancelled && k.person.RunID == run.RunID {
		return nothing, met{runID: run.RunID}, nil // somebody said so before
	}
	if err != nil {
		return Outcome{}, met{}, err
	}
	return Outcome{Result: Reinstated, Run: run.ID, Link: run.Link, Message: text}, met{runID: run.RunID}, nil
}

// message is what is said to a run in the sender's name.
func (d *Door) message(e Event, run Run) Message {
	note := "Through the HTTP door, from " + e.Source + "."
	if e.Reason != "" {
		note += " " + e.Reason
	}
	if e.Ticket != "" {
		note += " (" + e.Ticket + ")"
	}
	return Message{Run: run, Key: e.key(), By: e.RequestedBy, Note: note}
}
