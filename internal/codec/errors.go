package codec

import (
	"fmt"
	"strings"
)

// UnknownKey says that a payload was encrypted with a key that this program does not have.
type UnknownKey struct {
	ID    string
	Known []string // the IDs of the keys there are
}

// Error implements error.
func (e *UnknownKey) Error() string {
	if e.ID == "" {
		return fmt.Sprintf("a payload is encrypted but does not say with which key: its metadata has no %s", KeyIDField)
	}
	return fmt.Sprintf("a payload is encrypted with the key %s, which is not configured here (known: %s)", quoted(e.ID), strings.Join(e.Known, ", "))
}

// Unreadable says that a payload does not open with the key it names.
type Unreadable struct{ ID, Namespace, Why string }

// Error implements error.
func (e *Unreadable) Error() string {
	return fmt.Sprintf("a payload does not open with the key %s in namespace %q: %s", quoted(e.ID), e.Namespace, e.Why)
}

// quoted shows an ID that came with a payload, which may be anything.
func quoted(id string) string {
	return fmt.Sprintf("%.*q", longestID, id)
}
