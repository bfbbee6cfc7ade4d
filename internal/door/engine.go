package door

import (
	"context"
	"fmt"
	"time"

	"offboard/internal/offboard"
)

// Engine is what the door needs of the engine. All methods are safe for concurrent use. Each may return an *Away where
// the engine cannot be asked now; then nothing is known of what it did, and the same call again does no harm.
type Engine interface {
	// Start begins an offboarding and returns when the start is durable. *Open where a run for the person is open.
	Start(ctx context.Context, request offboard.Request) (Run, error)
	// Find returns the open run of a person; a Run without an ID if there is none.
	Find(ctx context.Context, user string) (Run, error)
	// Reschedule moves the last day and returns what the run answers; *Refused where it says no, *Gone where it has ended.
	Reschedule(ctx context.Context, m Message, lastDay time.Time) (string, error)
	// Reinstate says that the person stays and returns what the run answers; *Refused where it says no, *Gone where it has
	// ended.
	Reinstate(ctx context.Context, m Message) (string, error)
	// Standing tells how a run stands; *NoRun where none has the name. The name is the run's workflow ID, or the e-mail
	// address or IAM ID of the person who leaves, which means the open run or else the newest.
	Standing(ctx context.Context, name string) (Standing, error)
	// Approve says yes to a plan and returns what the run answers; *Refused where it says no, *Gone where it has ended. So do
	// Reject, which says no to a plan, and Resolve, which answers a hold.
	Approve(ctx context.Context, m Message, a Approval) (string, error)
	Reject(ctx context.Context, m Message) (string, error)
	Resolve(ctx context.Context, m Message, r Resolution) (string, error)
	// Ready tells whether the engine answers.
	Ready(ctx context.Context) error
}

// Run is an open run.
type Run struct {
	ID      string // workflow ID
	RunID   string
	Link    string
	Mode    string // empty where it was not looked up
	Phase   offboard.Phase
	LastDay time.Time
}

// Message is what is said to a run.
type Message struct {
	Run  Run
	Key  string // the same key to the same run acts once and gives the same answer; empty: each call acts
	By   string // e-mail address
	Note string
}

// Standing is how a run stands.
type Standing struct {
	Run      Run
	Progress offboard.Progress
}

// Approval is a yes to the plan with a digest. The proof is that of offboard.ApprovalClaim; empty: nobody vouches.
type Approval struct {
	Digest  string
	Answers map[string]string
	Proof   string
}

// Resolution is the answer to a hold, as in workflows.Resolve.
type Resolution struct{ Scope, Action string }

// NoRun says that no run is known by a name.
type NoRun struct{ Name string }

// Error implements error.
func (e *NoRun) Error() string { return fmt.Sprintf("no run is known by the name %q", e.Name) }

// Open says that a run for the person is open already, and names it.
type Open struct{ Run Run }

// Error implements error.
func (e *Open) Error() string { return "a run for this person is open already: " + e.Run.ID }

// Refused says that a run said no; the message is its own sentence. Sending the same again later may have another answer.
type Refused struct{ Run, Message string }

// Error implements error.
func (e *Refused) Error() string { return e.Message }

// Gone says that a run has ended meanwhile.
type Gone struct{ Run string }

// Error implements error.
func (e *Gone) Error() string { return fmt.Sprintf("the run %s has ended", e.Run) }

// Away says that an event cannot be applied now and should come again. Nothing of it is lost or half done.
type Away struct {
	After time.Duration // when to come again
	Why   string        // in words that may be shown to the sender
	Alone bool          // it is about this person's run only: events of other people may go through
	Cause error         // for the log; may be nil
}

// Error implements error.
func (e *Away) Error() string {
	if e.Cause == nil {
		return e.Why
	}
	return e.Why + ": " + e.Cause.Error()
}

// Unwrap gives the cause.
func (e *Away) Unwrap() error { return e.Cause }
