package offboard

import (
	"errors"
	"fmt"
	"time"
)

// Code says what an error means for the step that met it. The set is closed: adapters translate into it, the workflow
// decides by it.
type Code string

// The codes. Retryable says which of them a later attempt may cure.
const (
	// Invalid: the request itself is wrong; a defect of ours or bad input.
	Invalid Code = "Invalid"
	// Denied: the identity that asked lacks the right, or its own key was refused.
	Denied Code = "Denied"
	// NotFound: the thing is not there. For deletions that is success.
	NotFound Code = "NotFound"
	// Conflict: somebody changed the thing meanwhile, or it is busy; read again and try again.
	Conflict Code = "Conflict"
	// Locked: the thing is locked and must be unlocked first (trap 14).
	Locked Code = "Locked"
	// Partial: a bulk call succeeded for some items only (trap 25).
	Partial Code = "Partial"
	// RateLimited: too many requests; Error.RetryAfter says how long to wait, if the service said so.
	RateLimited Code = "RateLimited"
	// Unavailable: 5xx, no answer, an answer that cannot be read, anything unknown.
	Unavailable Code = "Unavailable"
	// Unsupported: this kind of thing cannot do this verb.
	Unsupported Code = "Unsupported"
	// Pending: the request was fine and its effect is not visible yet.
	Pending Code = "Pending"
	// KeyLimit: the identity holds as many API keys as IAM allows it (trap 6).
	KeyLimit Code = "KeyLimit"
	// Stuck: the service tried and gave up; a person must act before it can go on (trap 18).
	Stuck Code = "Stuck"
	// Unreachable: the cluster's own API cannot be reached from here (trap 42).
	Unreachable Code = "Unreachable"
)

// Retryable tells whether a later attempt of the same call may succeed without anybody doing anything.
func (c Code) Retryable() bool {
	switch c {
	case Conflict, Partial, RateLimited, Unavailable, Pending, Unreachable:
		return true
	case Invalid, Denied, NotFound, Locked, Unsupported, KeyLimit, Stuck:
		return false
	}
	return true
}

// Error is what every port returns. Its text holds the operation, what was meant, the vendor's code and a request ID;
// never a response body, which can hold a secret.
type Error struct {
	Code       Code
	Op         string        // the verb and its object: "reset the cluster key of eu-de/prod"
	Message    string        // why, in words; the vendor's own code where it has one
	RequestID  string        // the vendor's ID of the failed request, for a support case
	RetryAfter time.Duration // how long the service asked us to wait; zero if it did not say
	Ambiguous  bool          // the request may have taken effect although it failed
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Op, e.Message)
	if e.Message == "" {
		text = fmt.Sprintf("%s: %s", e.Op, e.Code)
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Errorf makes an Error without a request ID.
func Errorf(code Code, op, format string, args ...any) *Error {
	return &Error{Code: code, Op: op, Message: fmt.Sprintf(format, args...)}
}

// CodeOf finds the code of an error; Unavailable where the error is not one of ours, empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Unavailable
}
