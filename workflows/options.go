package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
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
}

// silence is how long an attempt may be without a heartbeat before it counts as dead. Every activity beats by itself
// (see the interceptor), so this is how soon the death of a worker is noticed; a third of it would do on a quiet machine.
const silence = 15 * time.Second

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
	// to an hour under load. Pauses grow slowly, so that a wait is not overshot by much.
	confirming = preset{attempt: 2 * time.Minute, budget: time.Hour, first: 500 * time.Millisecond, factor: 1.3, most: 20 * time.Second}
	// undoing never gives up: what was changed must be changed back.
	undoing = preset{attempt: 2 * time.Minute, first: time.Second, factor: 2, most: 5 * time.Minute}
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

func (p preset) options(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    p.attempt,
		ScheduleToCloseTimeout: p.budget,
		HeartbeatTimeout:       silence,
		// The outcome of a step that is cancelled half-way decides what must be undone.
		WaitForCancellation: true,
		Summary:             brief(summary),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: p.first, BackoffCoefficient: p.factor, MaximumInterval: p.most, MaximumAttempts: p.attempts,
		},
	}
}

// brief keeps a summary below the 200 bytes that Temporal documents for it.
func brief(text string) string {
	const most = 190
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
