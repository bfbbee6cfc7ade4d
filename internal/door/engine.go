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
	Key  string // the same key to the same run acts once and gives the same answer
	By   string // e-mail address
	Note string
}

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
