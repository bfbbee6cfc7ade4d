package scim

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"
)

// Store keeps users. All methods are safe for concurrent use; what Save and Remove did survives a crash once they have
// returned. The handler never writes one user twice at a time, nor two users of one userName.
type Store interface {
	// User returns a user, ErrNoUser if there is none.
	User(ctx context.Context, id string) (User, error)
	// Lookup returns the users that have a value in an indexed attribute.
	Lookup(ctx context.Context, by Index, value string) ([]User, error)
	// Users goes through all users in the order of their IDs, which is that of their creation.
	Users(ctx context.Context) iter.Seq2[User, error]
	// Save writes a user, new or known.
	Save(ctx context.Context, u User) error
	// Remove forgets a user. One that is gone already is no error.
	Remove(ctx context.Context, id string) error
}

// ErrNoUser says that there is no user of an ID.
var ErrNoUser = errors.New("there is no such user")

// Index names an attribute by which users are found without reading all of them.
type Index string

// The indexes. User.Name and User.ExternalID give the indexed values.
const (
	ByName       Index = "userName"   // without regard to case, by strings.ToLower; at most one user
	ByExternalID Index = "externalId" // exactly; senders may give it to several
)

// Kind is what a change means for a person.
type Kind string

// The kinds of changes.
const (
	// Deactivated: suspended, unassigned or leaving; the senders have one message for all three.
	Deactivated Kind = "deactivated"
	// Activated: deactivated before and active again.
	Activated Kind = "activated"
	// Deleted: gone for good at the sender.
	Deleted Kind = "deleted"
)

// Change is a change of a user that the engine must hear of.
type Change struct {
	// ID is the idempotency key: the same request again has the same one, until it has succeeded.
	ID   string
	Kind Kind
	// Person is an e-mail address. After a Deactivated it stays the same for the Activated or Deleted that follows, whatever
	// the user is called by then.
	Person string
	// Since is when the change was asked for first.
	Since time.Time
	// UserID and ExternalID are the names of the user here and at the sender.
	UserID, ExternalID string
}

// Later is returned by Config.Apply where a change cannot be applied now: nothing is committed, and the sender is told
// to come again (503 with Retry-After).
type Later struct {
	After time.Duration // when; less than a second counts as one
	Why   string        // may be shown to the sender
	Cause error         // for the log; may be nil
}

// Error implements error.
func (e *Later) Error() string {
	if e.Cause == nil {
		return e.Why
	}
	return e.Why + ": " + e.Cause.Error()
}

// Unwrap gives the cause.
func (e *Later) Unwrap() error { return e.Cause }

// Refused is returned by Config.Apply where a change cannot be applied as it is; nothing was done.
type Refused struct {
	Problems []string // may be shown to the sender
	// Conflict: the change is right but does not fit what is going on now (409 instead of 400).
	Conflict bool
}

// Error implements error: one line a problem.
func (e *Refused) Error() string { return lines(e.Problems) }

// Rejected is returned by Config.Allow for a request that is not even looked into.
type Rejected struct {
	Status int           // of the answer: 401, 429
	Why    string        // is shown to the sender
	After  time.Duration // when it may come again; zero: it need not
	Header http.Header   // more of the answer's header
}

// Error implements error.
func (e *Rejected) Error() string { return e.Why }
