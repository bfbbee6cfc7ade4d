package offboard

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// chart is the timeline of a report: rows of bars on one axis.
type chart struct {
	From, To time.Time
	Rows     []lane
	Legend   []legend
}

// lane is one row of the chart. Its text says all that its bars show.
type lane struct {
	Label string
	Kind  string // how the bars are painted: work, wait, undo, scope, token or person
	Inner bool   // part of the row above it
	Start time.Time
	Took  string
	Alt   string
	Bars  []bar
}

// bar is a stretch of a lane on an axis of 1000 units.
type bar struct{ X, Width float64 }

type legend struct{ Kind, Means string }

// legends says what the paints mean, in the order of the legend.
var legends = []legend{
	{"work", "the engine works"},
	{"wait", "the engine waits"},
	{"scope", "a scope is handed over"},
	{"token", "issued tokens may live"},
	{"person", "a person answers"},
	{"undo", "changes are taken back"},
}

func kindOfPhase(p Phase) string {
	switch p {
	case PhaseWait, PhaseApprove, PhaseSoak:
		return "wait"
	case PhaseUndo:
		return "undo"
	}
	return "work"
}

// timeline draws a run; nil where no time passed that could be drawn.
func timeline(r Report) *chart {
	p := r.Progress
	if len(p.Timings) == 0 {
		return nil
	}
	end := func(t time.Time) time.Time {
		if t.IsZero() {
			return r.Ended
		}
		return t
	}
	var marks []time.Time
	for _, t := range p.Timings {
		marks = append(marks, t.Started, end(t.Ended))
	}
	if r.AccessEnds.After(slices.MaxFunc(marks, time.Time.Compare)) {
		marks = append(marks, r.AccessEnds)
	}
	ax := newAxis(marks)
	if ax == nil {
		return nil
	}
	c := &chart{From: ax.marks[0], To: ax.marks[len(ax.marks)-1]}
	scopesDrawn := false
	for _, t := range p.Timings {
		c.add(ax.lane(capital(string(t.Phase)), kindOfPhase(t.Phase), t.Started, end(t.Ended)))
		if t.Phase != PhaseHandOver || scopesDrawn {
			continue
		}
		scopesDrawn = true // a second pass hands over the same scopes
		for _, s := range p.Scopes {
			if s.Started.IsZero() {
				continue
			}
			l := ax.lane(s.Scope.String(), "scope", s.Started, end(s.Ended))
			l.Inner = true
			c.add(l)
		}
	}
	if !r.AccessEnds.IsZero() {
		c.add(ax.lane("Issued tokens", "token", p.DisabledAt, r.AccessEnds))
	}
	c.add(ax.people(p))
	for _, l := range legends {
		if slices.ContainsFunc(c.Rows, func(row lane) bool { return row.Kind == l.Kind }) {
			c.Legend = append(c.Legend, l)
		}
	}
	return c
}

func (c *chart) add(l lane) {
	if len(l.Bars) > 0 {
		c.Rows = append(c.Rows, l)
	}
}

// capital writes an ASCII word with a capital.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// axis maps moments to 0..1000. The stretch between two neighbouring marks is as wide as the logarithm of its length,
// because an offboarding has seconds of work beside days of waiting.
type axis struct {
	marks []time.Time
	at    []float64
}

const axisWidth = 1000

// newAxis makes an axis through the given moments; nil where they span no time. Zero moments are left out.
func newAxis(moments []time.Time) *axis {
	marks := slices.DeleteFunc(moments, time.Time.IsZero)
	slices.SortFunc(marks, time.Time.Compare)
	marks = slices.CompactFunc(marks, time.Time.Equal)
	if len(marks) < 2 {
		return nil
	}
	at := make([]float64, len(marks))
	for i := 1; i < len(marks); i++ {
		at[i] = at[i-1] + math.Log1p(marks[i].Sub(marks[i-1]).Seconds())
	}
	total := at[len(at)-1]
	for i := range at {
		at[i] *= axisWidth / total
	}
	return &axis{marks: marks, at: at}
}

func (a *axis) position(t time.Time) float64 {
	i, exact := slices.BinarySearchFunc(a.marks, t, time.Time.Compare)
	switch {
	case exact:
		return a.at[i]
	case i == 0:
		return 0
	case i == len(a.marks):
		return axisWidth
	}
	share := t.Sub(a.marks[i-1]).Seconds() / a.marks[i].Sub(a.marks[i-1]).Seconds()
	return a.at[i-1] + share*(a.at[i]-a.at[i-1])
}

func (a *axis) bar(from, to time.Time) bar {
	const least = 3 // narrower is not seen
	x := a.position(from)
	width := max(a.position(to)-x, least)
	x = min(x, axisWidth-width)
	return bar{X: math.Round(x*10) / 10, Width: math.Round(width*10) / 10}
}

func (a *axis) lane(label, kind string, from, to time.Time) lane {
	took := span(to.Sub(from))
	return lane{Label: label, Kind: kind, Start: from, Took: took, Bars: []bar{a.bar(from, to)},
		Alt: fmt.Sprintf("%s: from %s to %s, %s", label, clock(from), clock(to), took)}
}

// people is the row of what persons said, a mark each.
func (a *axis) people(p Progress) lane {
	l := lane{Label: "Answers of people", Kind: "person"}
	var said []string
	mark := func(at time.Time, format string, args ...any) {
		if l.Start.IsZero() {
			l.Start = at
		}
		l.Bars = append(l.Bars, a.bar(at, at))
		said = append(said, fmt.Sprintf(format, args...)+" at "+clock(at))
	}
	if p.Approval != nil && !p.Approval.Automatic {
		mark(p.Approval.At, "approved by %s", p.Approval.By)
	}
	for _, h := range p.Answers {
		mark(h.At, "%s for %s by %s", h.Action, h.Subject, h.By)
	}
	l.Took = fmt.Sprintf("%d answers", len(l.Bars))
	if len(l.Bars) == 1 {
		l.Took = "1 answer"
	}
	l.Alt = strings.Join(said, "; ")
	return l
}

// span writes how long something took in its two largest units.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	two := func(large, small time.Duration, unit, part string) string {
		d := d.Round(small)
		text := fmt.Sprintf("%d %s", d/large, unit)
		if rest := d % large / small; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, part)
		}
		return text
	}
	switch {
	case d < 0:
		return "–"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute-time.Second/2:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d < time.Hour-time.Second/2:
		return two(time.Minute, time.Second, "min", "s")
	case d < 2*day-time.Minute/2:
		return two(time.Hour, time.Minute, "h", "min")
	}
	return two(day, time.Hour, "d", "h")
}
