package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"offboard/internal/offboard"
)

// Kind is what an event says of a person.
type Kind string

// The kinds of events.
const (
	Requested   Kind = "requested"   // the person leaves
	Rescheduled Kind = "rescheduled" // the person leaves on another day
	Cancelled   Kind = "cancelled"   // the person stays
)

// Event is what a sender says of one person, whatever its wire format was.
type Event struct {
	// ID is the sender's own ID of the event, the same for each delivery: with Source it is the idempotency key.
	ID string `json:"id"`
	// Source names the sender: "webhooks/NAME", "scim", "okta", "hibob" or "bamboohr".
	Source string `json:"source"`
	Kind   Kind   `json:"kind"`
	// At is when it happened at the sender. An event that is older than the last one applied for the person is ignored; one
	// from the future counts as from now. Zero: now.
	At time.Time `json:"at"`
	// User is the e-mail address or the IAM ID of the person.
	User string `json:"user"`
	// LastDay is when the offboarding may begin; zero: at once.
	LastDay     time.Time `json:"lastDay,omitzero"`
	Reason      string    `json:"reason,omitempty"`
	Ticket      string    `json:"ticket,omitempty"`
	RequestedBy string    `json:"requestedBy,omitempty"` // e-mail address; empty: Config.RequestedBy
	// Soft says that an account was only deactivated, or activated again, which may mean less than leaving or staying: the
	// plan waits for a yes whatever the source's approval is, a run that is open already is not moved, and what somebody
	// else asked for is not called off.
	Soft bool `json:"soft,omitempty"`
	// Urgent: the run goes before others, as for somebody who is dismissed.
	Urgent bool `json:"urgent,omitempty"`
}

// person is the name under which what is known of a person is kept.
func (e Event) person() string { return strings.ToLower(strings.TrimSpace(e.User)) }

// key is the idempotency key.
func (e Event) key() string { return e.Source + "\x00" + e.ID }

// Result is what became of an event.
type Result string

// The results.
const (
	Started        Result = "started"        // a run was started
	AlreadyRunning Result = "alreadyRunning" // a run for the person is open and needs no change
	Moved          Result = "rescheduled"    // the last day of the open run was moved
	Reinstated     Result = "reinstated"     // the open run turns round
	NothingToDo    Result = "nothingToDo"    // there is no open run to turn round
	Held           Result = "held"           // the mass brake is on: a person must release it
	Ignored        Result = "ignored"        // something newer was applied for the person already, or it concerns nobody
	Queued         Result = "queued"         // it is kept and will be applied soon
	Declined       Result = "refused"        // the run said no; the message is its sentence

	// What only operators say.
	Approved Result = "approved"
	Rejected Result = "rejected"
	Resolved Result = "resolved"
)

// Outcome is what became of an event, for the sender and the audit line.
type Outcome struct {
	Result  Result `json:"outcome"`
	Message string `json:"message"`       // one sentence
	Run     string `json:"run,omitempty"` // workflow ID
	Link    string `json:"link,omitempty"`
	// Duplicate: the event was applied by an earlier delivery, and this is its outcome.
	Duplicate bool `json:"-"`
}

// Invalid says what is wrong with what was sent, all of it.
type Invalid struct{ Problems []string }

// Error implements error: one line a problem.
func (e *Invalid) Error() string { return strings.Join(e.Problems, "\n") }

// request is the input of the run that an event asks for. The error is an *Invalid with every problem.
func (e Event) request(approval string, now time.Time) (offboard.Request, error) {
	input := map[string]any{"user": e.User, "requestedBy": e.RequestedBy, "reason": e.Reason, "ticket": e.Ticket}
	if approval != "" && !e.Soft {
		input["approval"] = approval
	}
	if !e.LastDay.IsZero() {
		input["lastDay"] = e.LastDay
	}
	if e.Urgent {
		input["urgent"] = true
	}
	data, err := json.Marshal(input)
	if err != nil { // a year that JSON has no form for
		return offboard.Request{}, &Invalid{Problems: []string{"the last day cannot be written: " + err.Error()}}
	}
	request, err := offboard.DecodeRequest(data, now)
	if wrong, yes := errors.AsType[*offboard.InvalidInput](err); yes {
		return offboard.Request{}, &Invalid{Problems: wrong.Problems}
	}
	return request, err
}

// complete fills in what a sender may leave out and checks the rest. The error is an *Invalid with every problem.
func (e Event) complete(requestedBy string, now time.Time) (Event, error) {
	var problems []string
	if e.ID == "" {
		problems = append(problems, "the event has no ID")
	}
	if strings.ContainsRune(e.ID, 0) || len(e.ID) > longestID {
		problems = append(problems, fmt.Sprintf("the event's ID must be text of at most %d bytes", longestID))
	}
	switch e.Kind {
	case Requested, Rescheduled, Cancelled:
	default:
		problems = append(problems, fmt.Sprintf("the event is of kind %q: it must be %q, %q or %q", e.Kind, Requested, Rescheduled, Cancelled))
	}
	if e.Kind == Rescheduled && e.LastDay.IsZero() {
		problems = append(problems, `"lastDay" is missing: to which day is it moved?`)
	}
	if e.RequestedBy == "" {
		e.RequestedBy = requestedBy
	}
	if !e.At.IsZero() && e.At.Year() < 2000 {
		problems = append(problems, fmt.Sprintf("the event happened in the year %d: check its time", e.At.Year()))
	}
	if e.At.IsZero() || e.At.After(now) {
		e.At = now // a sender whose clock runs fast must not silence its own later events
	}
	_, err := e.request("", now)
	if wrong, yes := errors.AsType[*Invalid](err); yes {
		problems = append(problems, wrong.Problems...)
	}
	if len(problems) > 0 {
		return Event{}, &Invalid{Problems: problems}
	}
	return e, nil
}

// longestID is far above any sender's: IDs are UUIDs and the like.
const longestID = 512
