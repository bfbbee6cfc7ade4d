package ibmsim

import "time"

// span is a half-open piece of time; a zero end means it has not ended.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool {
	return !t.Before(s.from) && (s.to.IsZero() || t.Before(s.to))
}

func inAny(spans []span, t time.Time) bool {
	for _, s := range spans {
		if s.holds(t) {
			return true
		}
	}
	return false
}

// life is a span in which an API key worked, and why it stopped.
type life struct {
	span
	cause string
}

// Causes of a key's death, as outages name them.
const (
	causeMissing  = "no key"
	causeUnknown  = "key not replicated yet"
	causeDisabled = "key disabled"
	causeDeleted  = "key deleted"
	causeExpired  = "key expired"
	causeOwner    = "owner removed"
	causeRights   = "owner lacks rights"
)

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
