package door

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"offboard/internal/offboard"
)

// act does what an event asks for. It returns the run ID of the open run that it met or made.
func (d *Door) act(ctx context.Context, e Event, k known, released bool) (Outcome, string, error) {
	if e.Kind == Cancelled {
		return d.cancel(ctx, e, k)
	}
	if e.Kind == Rescheduled {
		run, err := d.engine.Find(ctx, e.User)
		if err != nil {
			return Outcome{}, "", err
		}
		if run.ID != "" {
			return d.move(ctx, e, k, run)
		}
	}
	return d.start(ctx, e, k, released)
}

// start begins a run, or meets the one that is open.
func (d *Door) start(ctx context.Context, e Event, k known, released bool) (Outcome, string, error) {
	request, err := e.request(d.approvals[e.Source], d.now())
	if err != nil {
		return Outcome{}, "", err
	}
	again := false
	if !released {
		var free bool
		if free, again, err = d.store.reserve(e.person(), d.config.Brake, d.now()); err != nil {
			return Outcome{}, "", err
		}
		if !free {
			return d.hold(ctx, e, k)
		}
	}
	run, err := d.engine.Start(ctx, request)
	if open, yes := errors.AsType[*Open](err); yes {
		if !again && !released { // where it was counted before, the open run may be the one that was meant
			if err := d.store.unreserve(e.person()); err != nil {
				return Outcome{}, "", err
			}
		}
		return d.meet(ctx, e, k, open.Run)
	}
	if err != nil {
		return Outcome{}, "", err
	}
	o := Outcome{Result: Started, Run: run.ID, Link: run.Link, Message: fmt.Sprintf("The offboarding of %s has started.", e.User)}
	if e.LastDay.After(d.now()) {
		o.Message = fmt.Sprintf("The offboarding of %s has started and waits for %s.", e.User, e.LastDay.Format(time.RFC3339))
	}
	return o, run.RunID, nil
}

// hold keeps an event for a person to release, unless it only concerns a run that is open.
func (d *Door) hold(ctx context.Context, e Event, k known) (Outcome, string, error) {
	if k.person.RunID != "" && k.person.Kind != Cancelled {
		run, err := d.engine.Find(ctx, e.User)
		if err != nil {
			return Outcome{}, "", err
		}
		if run.ID != "" {
			return d.move(ctx, e, k, run)
		}
	}
	d.logger.Warn("the mass brake holds an offboarding: look at GET /brake, then POST /brake/release or /brake/discard",
		zap.String("source", e.Source), zap.String("event", e.ID), zap.String("user", e.User),
		zap.Int("starts", d.config.Brake.Starts), zap.Duration("window", d.config.Brake.Window))
	return Outcome{Result: Held, Message: fmt.Sprintf("Held: more than %d offboardings were asked for within %s, so a person must release the others. Nothing is lost.",
		d.config.Brake.Starts, d.config.Brake.Window)}, "", nil
}

// meet is for an event that asks for a run while one is open.
func (d *Door) meet(ctx context.Context, e Event, k known, run Run) (Outcome, string, error) {
	if k.person.leaving(run) && (e.Soft || e.LastDay.Equal(k.person.LastDay)) {
		return alreadyRunning(e, run), run.RunID, nil // said before: no need to ask the run, which takes a worker
	}
	found, err := d.engine.Find(ctx, e.User)
	if err != nil {
		return Outcome{}, "", err
	}
	if found.ID == "" {
		return Outcome{}, "", &Away{After: time.Second, Alone: true, Why: "the run of this person has just ended"}
	}
	return d.move(ctx, e, k, found)
}

// move brings an open run in line with an event.
func (d *Door) move(ctx context.Context, e Event, k known, run Run) (Outcome, string, error) {
	future := e.LastDay.After(d.now())
	switch {
	case run.Mode == offboard.ModePlan:
		return Outcome{}, "", &Away{After: time.Minute, Alone: true, Why: fmt.Sprintf("the run %s, which only plans, is open for this person", run.ID)}
	case run.Phase == offboard.PhaseUndo || run.Phase == offboard.PhaseReport || k.person.Kind == Cancelled && k.person.RunID == run.RunID:
		return Outcome{}, "", &Away{After: time.Minute, Alone: true, Why: fmt.Sprintf("the run %s is ending", run.ID)}
	case e.Soft:
		return alreadyRunning(e, run), run.RunID, nil
	case run.Phase == "" || run.Phase == offboard.PhaseAdmit:
		return Outcome{}, "", &Away{After: 5 * time.Second, Alone: true, Why: fmt.Sprintf("the run %s is only just beginning", run.ID)}
	case run.Phase != offboard.PhaseWait && future:
		return Outcome{}, "", &Refused{Run: run.ID, Message: fmt.Sprintf("the run %s no longer waits for a last day: it is in phase %q; to stop it, say that the person stays", run.ID, run.Phase)}
	case run.Phase != offboard.PhaseWait || e.LastDay.Equal(run.LastDay):
		return alreadyRunning(e, run), run.RunID, nil
	}
	day := e.LastDay
	if day.IsZero() {
		day = d.now()
	}
	text, err := d.engine.Reschedule(ctx, d.message(e, run), day)
	if _, gone := errors.AsType[*Gone](err); gone {
		return Outcome{}, "", &Away{After: time.Second, Alone: true, Why: "the run of this person has just ended", Cause: err}
	}
	if err != nil {
		return Outcome{}, "", err
	}
	return Outcome{Result: Moved, Run: run.ID, Link: run.Link, Message: text}, run.RunID, nil
}

func alreadyRunning(e Event, run Run) Outcome {
	return Outcome{Result: AlreadyRunning, Run: run.ID, Link: run.Link, Message: fmt.Sprintf("The offboarding of %s is running already.", e.User)}
}

// cancel turns the open run round, if there is one.
func (d *Door) cancel(ctx context.Context, e Event, k known) (Outcome, string, error) {
	nothing := Outcome{Result: NothingToDo, Message: fmt.Sprintf("Nothing to do: no offboarding of %s is running.", e.User)}
	if k.held != nil {
		nothing.Message = fmt.Sprintf("The offboarding of %s that was held will not be started.", e.User)
	}
	run, err := d.engine.Find(ctx, e.User)
	if err != nil || run.ID == "" || run.Mode == offboard.ModePlan {
		return nothing, "", err
	}
	text, err := d.engine.Reinstate(ctx, d.message(e, run))
	_, refused := errors.AsType[*Refused](err)
	if _, gone := errors.AsType[*Gone](err); gone || refused && k.person.Kind == Cancelled && k.person.RunID == run.RunID {
		return nothing, run.RunID, nil // somebody said so before
	}
	if err != nil {
		return Outcome{}, "", err
	}
	return Outcome{Result: Reinstated, Run: run.ID, Link: run.Link, Message: text}, run.RunID, nil
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
