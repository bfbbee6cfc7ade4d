package replay

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind says what differs.
type Kind string

// The kinds of differences.
const (
	// Commands: Temporal's own check fails. A run under way would get stuck on this build.
	Commands Kind = "commands"
	// Task: the workflow's code fails in a way that only a worker shows, such as a panic or an unregistered type.
	Task Kind = "task"

	Activity   Kind = "activity"
	Timer      Kind = "timer"
	Child      Kind = "child workflow"
	Signal     Kind = "signal"
	Attributes Kind = "search attributes"
	Memo       Kind = "memo"
	SideEffect Kind = "side effect"
	Version    Kind = "version"
	Update     Kind = "update"
	End        Kind = "end"
)

// Difference is one thing in which this build does not do what the history says.
type Difference struct {
	EventID  int64  `json:"eventId,omitempty"`  // of the history; 0 where no event can be named
	Kind     Kind   `json:"kind"`               // what differs
	Name     string `json:"name,omitempty"`     // activity type, update name, … as in the history
	Field    string `json:"field,omitempty"`    // such as "input[0].scope.region" or "start-to-close timeout"; empty: the whole
	Expected string `json:"expected,omitempty"` // what the history says; empty: nothing
	Got      string `json:"got,omitempty"`      // what this build does; empty: nothing
}

// Stuck tells whether runs with this history would get stuck on this build. The other differences let them go on, but
// otherwise than they began.
func (d Difference) Stuck() bool { return d.Kind == Commands || d.Kind == Task }

// String is the difference in one line, with long values cut around the place where they begin to differ.
func (d Difference) String() string {
	where := string(d.Kind)
	if d.Name != "" {
		where += " " + d.Name
	}
	if d.Field != "" {
		where += ", " + d.Field
	}
	expected, got := excerpt(d.Expected, d.Got)
	if d.EventID == 0 {
		return fmt.Sprintf("%s: the history has %s, this build %s", where, expected, got)
	}
	return fmt.Sprintf("event %d: %s: the history has %s, this build %s", d.EventID, where, expected, got)
}

// excerpt cuts two long texts to the place where they begin to differ.
func excerpt(a, b string) (string, string) {
	const before, most = 40, 160
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	from := max(same-before, 0)
	cut := func(s string) string {
		if s == "" {
			return "nothing"
		}
		start, end, lead, trail := 0, len(s), "", ""
		if from > 0 && len(s) > most {
			start, lead = min(from, len(s)), "…"
		}
		if end-start > most {
			end, trail = start+most, "…"
		}
		for start < end && !utf8.RuneStart(s[start]) {
			start++
		}
		return lead + strings.ToValidUTF8(s[start:end], "") + trail
	}
	return cut(a), cut(b)
}
