package workflows

import (
	"cmp"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
)

// The places of waiting activities in the task queue: the smaller the earlier. They matter where workers are busy, because
// IBM's limit of requests or their own number of places is reached.
const (
	placeUndo    = 1 // what was changed must be changed back, whoever waits
	placeUrgent  = 2
	placeDefault = 3
	placeLook    = 4 // whoever only looks whether something has come about lets those go first who bring something about
)

// preset is how long one kind of activity is tried. Budgets are times, because a time is what a person can reason
// about; when one is used up the step holds for a person.
type preset struct {
	attempt  time.Duration // one attempt
	budget   time.Duration // all attempts together; zero: without end
	first    time.Duration // pause after the first failure
	factor   float64
	most     time.Duration // longest pause
	attempts int32         // zero: as many as the budget allows
	place    int           // zero: that of the run
	silence  time.Duration // zero: the usual
}

// How long an attempt may be without a heartbeat before it counts as dead, which is how soon the death of a worker is
// noticed. Every activity beats twice in that time (see the interceptor). Of a worker that only stood still for so long, a
// second attempt begins beside the first: harmless, but a change that may be sent twice, and a long list that is read from
// its beginning again, are given more time than a look.
const (
	silence     = 10 * time.Second
	lookSilence = 5 * time.Second
)

var (
	// reading looks at the account: a page of a slow list takes seconds, a whole large account minutes. Half an hour
	// bridges an outage of an API that is worth waiting for without anybody noticing.
	reading = preset{attempt: 10 * time.Minute, budget: 30 * time.Minute, first: time.Second, factor: 2, most: time.Minute}
	// changing sends one change. Two minutes let a slow service answer; an hour outlives most incidents, and what fails
	// longer is for a person to know.
	changing = preset{attempt: 2 * time.Minute, budget: time.Hour, first: time.Second, factor: 2, most: 2 * time.Minute}
	// resetting is changing with room in one attempt to wait out the replication of a key that the attempt before may have
	// made.
	resetting = preset{attempt: 5 * time.Minute, budget: time.Hour, first: time.Second, factor: 2, most: time.Minute}
	// confirming waits for an effect: seconds for a key, minutes for a control plane (2 to 5 are documented as usual), up
	// to an hour under load. While it is awaited the activities space their looks themselves; the pauses here are those
	// after failures.
	confirming = preset{attempt: 2 * time.Minute, budget: time.Hour, first: 500 * time.Millisecond, factor: 1.3, most: 20 * time.Second, place: placeLook, silence: lookSilence}
	// undoing never gives up: what was changed must be changed back.
	undoing = preset{attempt: 2 * time.Minute, first: time.Second, factor: 2, most: 5 * time.Minute, place: placeUndo}
	// telling may be lost: a report that cannot be stored is still the run's result.
	telling = preset{attempt: 30 * time.Second, first: time.Second, factor: 2, most: 10 * time.Second, attempts: 5}
)

// notifying may be lost too, but a chat or a mail server that is restarted should be waited for.
var notifying = preset{attempt: time.Minute, budget: 15 * time.Minute, first: 2 * time.Second, factor: 2, most: 2 * time.Minute}

// awaiting waits for a person to accept an invitation: looked at often at first, every five minutes after a while.
func awaiting(deadline offboard.Duration) preset {
	return preset{attempt: time.Minute, budget: deadline.Std(), first: 2 * time.Second, factor: 1.5, most: 5 * time.Minute}
}

// within replaces the budget by the policy's, where it has one.
func (p preset) within(policy offboard.Policy) preset {
	if policy.StepBudget > 0 && p.budget > 0 {
		p.budget = policy.StepBudget.Std()
	}
	return p
}

func (p preset) options(ctx workflow.Context, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		Priority:               p.priority(ctx),
		StartToCloseTimeout:    p.attempt,
		ScheduleToCloseTimeout: p.budget,
		HeartbeatTimeout:       cmp.Or(p.silence, silence),
		// The outcome of a step that is cancelled half-way decides what must be undone.
		WaitForCancellation: true,
		Summary:             brief(summary),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: p.first, BackoffCoefficient: p.factor, MaximumInterval: p.most, MaximumAttempts: p.attempts,
		},
	}
}

// priority is the place of an activity among all that wait. Runs that are as urgent take turns: a large one does not keep
// a small one waiting.
func (p preset) priority(ctx workflow.Context) temporal.Priority {
	urgent, _ := ctx.Value(urgentKey{}).(bool)
	place := cmp.Or(p.place, placeDefault)
	if urgent {
		place = min(place, placeUrgent)
	}
	info := workflow.GetInfo(ctx)
	whose := info.OriginalRunID
	if info.RootWorkflowExecution != nil {
		whose = info.RootWorkflowExecution.RunID
	}
	return temporal.Priority{PriorityKey: place, FairnessKey: whose}
}

type urgentKey struct{}

// hurried marks the context of a run that goes before others.
func hurried(ctx workflow.Context, urgent bool) workflow.Context {
	if !urgent {
		return ctx
	}
	return workflow.WithValue(ctx, urgentKey{}, true)
}

// brief keeps a summary below the 200 bytes that Temporal documents for it.
func brief(text string) string {
	const most = 190
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
