package replay

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	historypb "go.temporal.io/api/history/v1"
)

// comparison holds a history against what was recorded of its replay.
type comparison struct {
	events []*historypb.HistoryEvent
	rec    *recorder
	read   *reader
	// began finds the WorkflowTaskStarted event of a WorkflowTaskCompleted event.
	began map[int64]int64
	// broken: Temporal's check stopped the replay half-way, so what is missing was perhaps only not reached.
	broken bool
	list   []Difference
}

// compare returns everything that differs; failure is what Temporal's own replay says.
func compare(events []*historypb.HistoryEvent, rec *recorder, read *reader, failure error) []Difference {
	c := &comparison{events: events, rec: rec, read: read, began: map[int64]int64{}}
	for _, e := range events {
		if a := e.GetWorkflowTaskCompletedEventAttributes(); a != nil {
			c.began[e.GetEventId()] = a.GetStartedEventId()
		}
	}
	// An ending that differs stops nothing: everything before it was replayed.
	c.broken = failure != nil && !strings.Contains(failure.Error(), otherEnd)
	missing, extra := c.commands()
	if c.broken {
		c.refused(failure, missing, extra)
	}
	c.versions()
	c.updates()
	c.end(failure)
	return c.list
}

// otherEnd is how the SDK says that a completed run did not complete in the replay.
const otherEnd = "doesn't return the same result as the last event"

func (c *comparison) add(id int64, kind Kind, name, field, expected, got string) {
	c.list = append(c.list, Difference{EventID: id, Kind: kind, Name: name, Field: field, Expected: expected, Got: got})
}

// place is where calls and events are paired: in one workflow task, among those of one kind.
type place struct {
	task int64
	kind Kind
}

// commands compares the calls with the events that came of them. It returns the first event without a call and the
// first call without an event; those are only meaningful when Temporal's check failed, because a call that is cancelled
// in the task that makes it leaves no event.
func (c *comparison) commands() (missing *recorded, extra *call) {
	calls := map[place][]call{}
	for _, made := range c.rec.calls {
		at := place{made.task, made.kind}
		calls[at] = append(calls[at], made)
	}
	var order []place
	history := map[place][]recorded{}
	completed := map[int64]bool{}
	for _, e := range c.events {
		if got, ok := c.read.recorded(e); ok {
			at := place{c.began[got.completed], got.kind}
			if len(history[at]) == 0 {
				order = append(order, at)
			}
			history[at] = append(history[at], got)
		}
	}
	for _, started := range c.began {
		completed[started] = true
	}
	for _, at := range order {
		first := c.pair(history[at], calls[at])
		if first != nil && (missing == nil || first.id < missing.id) {
			missing = first
		}
	}
	for i, made := range c.rec.calls {
		at := place{made.task, made.kind}
		if completed[made.task] && len(calls[at]) > len(history[at]) {
			return missing, &c.rec.calls[i]
		}
	}
	return missing, nil
}

// pair finds the pairs with the fewest differences that keep both orders, notes these differences, and returns the first
// event that got no call.
func (c *comparison) pair(events []recorded, calls []call) (missing *recorded) {
	for _, p := range pairs(events, calls) {
		e := events[p.event]
		if p.call < 0 {
			if missing == nil {
				missing = &e
			}
			continue
		}
		for _, g := range p.gaps {
			c.add(e.id, e.kind, e.name, g.field, g.expected, g.got)
		}
	}
	return missing
}

// paired is an event and its call, -1 for none.
type paired struct {
	event, call int
	gaps        []gap
}

// pairs is the cheapest way to pair events with calls in order, where to leave out a call costs nothing.
func pairs(events []recorded, calls []call) []paired {
	if sameNames(events, calls) {
		list := make([]paired, len(events))
		for i := range events {
			list[i] = paired{i, i, gaps(events[i].fields, calls[i].fields)}
		}
		return list
	}
	const unpaired = 10_000
	best := make([][]int, len(events)+1) // the cost from here to the end
	found := make([][][]gap, len(events))
	for i := range best {
		best[i] = make([]int, len(calls)+1)
	}
	for i := len(events) - 1; i >= 0; i-- {
		found[i] = make([][]gap, len(calls))
		best[i][len(calls)] = best[i+1][len(calls)] + unpaired
		for j := len(calls) - 1; j >= 0; j-- {
			best[i][j] = min(best[i+1][j]+unpaired, best[i][j+1])
			if events[i].name == calls[j].name {
				found[i][j] = gaps(events[i].fields, calls[j].fields)
				best[i][j] = min(best[i][j], best[i+1][j+1]+len(found[i][j]))
			}
		}
	}
	var list []paired
	for i, j := 0, 0; i < len(events); {
		switch {
		case j < len(calls) && events[i].name == calls[j].name && best[i][j] == best[i+1][j+1]+len(found[i][j]):
			list = append(list, paired{i, j, found[i][j]})
			i, j = i+1, j+1
		case j < len(calls) && best[i][j] == best[i][j+1]:
			j++
		default:
			list = append(list, paired{event: i, call: -1})
			i++
		}
	}
	return list
}

func sameNames(events []recorded, calls []call) bool {
	return slices.EqualFunc(events, calls, func(e recorded, c call) bool { return e.name == c.name })
}

// saidEvent finds the event in the SDK's own words.
var saidEvent = regexp.MustCompile(`EventId:(\d+)`)

// refused says what Temporal's check found, with the event where the comparison knows it.
func (c *comparison) refused(failure error, missing *recorded, extra *call) {
	const mark = "[TMPRL1100] "
	_, mismatch, order := strings.Cut(failure.Error(), mark)
	if !order {
		c.add(0, Task, "", "", "a workflow task that succeeds", failure.Error())
		return
	}
	mismatch = strings.TrimPrefix(mismatch, "nondeterministic workflow: ")
	d := Difference{Kind: Commands, Expected: "the same commands", Got: mismatch}
	if expected, got, both := strings.Cut(strings.TrimPrefix(mismatch, "history event is "), ", replay command is "); both {
		d.Expected, d.Got = expected, got
	} else if only, yes := strings.CutPrefix(mismatch, "missing replay command for "); yes {
		d.Expected, d.Got = only, ""
	} else if only, yes := strings.CutPrefix(mismatch, "extra replay command for "); yes {
		d.Expected, d.Got = "", only
	}
	switch {
	case extra != nil && (missing == nil || extra.task < c.began[missing.completed]):
		d.EventID, d.Name = extra.task, strings.TrimSpace(fmt.Sprintf("%s %s", extra.kind, extra.name))
	case missing != nil:
		d.EventID, d.Name = missing.id, strings.TrimSpace(fmt.Sprintf("%s %s", missing.kind, missing.name))
		instead := slices.IndexFunc(c.rec.calls, func(made call) bool {
			return made.task == c.began[missing.completed] && made.kind == missing.kind && made.name != missing.name
		})
		if instead >= 0 {
			d.Expected, d.Got = missing.name, c.rec.calls[instead].name
		}
	default:
		if said := saidEvent.FindStringSubmatch(mismatch); said != nil {
			d.EventID, _ = strconv.ParseInt(said[1], 10, 64) // digits
		}
	}
	// What comes later is a consequence.
	if d.EventID > 0 {
		c.list = slices.DeleteFunc(c.list, func(other Difference) bool { return other.EventID > d.EventID })
	}
	c.list = append(c.list, d)
}

// versions checks that every version a run decided on is still asked for. Temporal's check lets it pass when it is not.
func (c *comparison) versions() {
	for _, e := range c.events {
		a := e.GetMarkerRecordedEventAttributes()
		if a.GetMarkerName() != versionMarker || c.broken {
			continue
		}
		change := c.detail(a, versionChange)
		name, _ := change.(string)
		got, asked := c.rec.versions[name]
		expected, now := show(c.detail(a, versionValue)), ""
		if asked {
			now = fmt.Sprint(got)
		}
		if expected != now {
			c.add(e.GetEventId(), Version, name, "", expected, now)
		}
	}
}

func (c *comparison) detail(a *historypb.MarkerRecordedEventAttributes, name string) any {
	list := c.read.payloads(c.read.workflowData(), a.GetDetails()[name])
	return at(list, 0)
}

// updates compares the answers.
func (c *comparison) updates() {
	names := map[string]string{}
	for _, e := range c.events {
		if a := e.GetWorkflowExecutionUpdateAcceptedEventAttributes(); a != nil {
			id := a.GetAcceptedRequest().GetMeta().GetUpdateId()
			names[id] = a.GetAcceptedRequest().GetInput().GetName()
			if got := c.rec.updates[id]; got != nil && got.refused != nil {
				c.add(e.GetEventId(), Update, names[id], "validation", "accepted", "refused: "+got.refused.Error())
			}
		}
		a := e.GetWorkflowExecutionUpdateCompletedEventAttributes()
		if a == nil {
			continue
		}
		id := a.GetMeta().GetUpdateId()
		got := c.rec.updates[id]
		if got == nil || !got.done {
			if !c.broken {
				c.add(e.GetEventId(), Update, names[id], "", "an answer", "")
			}
			continue
		}
		expected := fields{}
		if failure := a.GetOutcome().GetFailure(); failure != nil {
			expected["failure"] = c.read.failure(failure)
		} else {
			expected["result"] = c.read.payloads(c.read.workflowData(), a.GetOutcome().GetSuccess())
		}
		for _, g := range gaps(expected, got.fields) {
			c.add(e.GetEventId(), Update, names[id], g.field, g.expected, g.got)
		}
	}
}

// end compares how the run ended, and when.
func (c *comparison) end(failure error) {
	last := c.events[len(c.events)-1]
	expected, ended := c.read.recordedEnd(last)
	got := c.rec.end
	if got != nil && !c.completed(got.task) {
		got = nil // in a task that the history does not know
	}
	switch {
	case c.broken || (!ended && got == nil):
	case !ended:
		c.add(got.task, End, "", "", "", show(map[string]any(got.fields)))
	case got == nil:
		text := ""
		if failure != nil {
			text = failure.Error()
		}
		c.add(expected.id, End, "", "", show(expected.fields["how"]), text)
	default:
		if at := c.began[expected.completed]; at != got.task {
			c.add(expected.id, End, "", "workflow task", fmt.Sprintf("event %d", at), fmt.Sprintf("event %d", got.task))
		}
		for _, g := range gaps(expected.fields, got.fields) {
			c.add(expected.id, End, "", g.field, g.expected, g.got)
		}
	}
}

func (c *comparison) completed(task int64) bool {
	for _, started := range c.began {
		if started == task {
			return true
		}
	}
	return false
}
