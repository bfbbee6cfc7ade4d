package console

import (
	"fmt"
	"strings"

	"offboard/internal/offboard"
)

// rehearsal shows what only the report of a rehearsal has: that nothing was changed, what would go wrong first, and how
// long the real thing would take.
func (c *Console) rehearsal(r *offboard.Rehearsal) {
	c.Line("%s", c.paint(wait, r.Banner()))
	for _, line := range c.wrap("", r.Sentence()) {
		c.Line("%s", line)
	}
	c.Heading("Expected first problem")
	if r.First() == nil {
		c.Line("None: nothing in the rehearsal needed a person but the approval.")
	}
	for i, p := range r.Problems {
		if i == 1 {
			c.Heading("What else would need a person")
		}
		c.bullet("", p.String())
		if p.Remedy != "" {
			c.bullet(faint, "  What to do: "+p.Remedy)
		}
	}
	if len(r.Expected) > 0 {
		c.Heading("Expected durations")
		var rows [][]string
		for _, t := range r.Expected {
			what := string(t.Phase)
			if t.Scope != "" {
				what = "  " + t.Scope
			}
			rows = append(rows, []string{what, Elapsed(t.Measured.Std()), Elapsed(t.Usual.Std()), Elapsed(t.Long.Std()), t.Note})
		}
		rows = append(rows, []string{"all", "", Elapsed(r.Usual.Std()), Elapsed(r.Long.Std()), "people's answers"})
		c.Table([]string{"PHASE", "REHEARSED", "USUAL", "SLOW", "NOT COUNTED"}, rows)
	}
	if len(r.Faults) > 0 {
		c.Heading("Faults that were asked for")
		for _, f := range r.Faults {
			c.bullet("", strings.TrimSpace(fmt.Sprintf("%s: %s; struck %d times", f.Fault, f.Means, f.Hits)))
		}
	}
	if len(r.Outages) > 0 {
		c.Heading("Without a working key in the rehearsal")
		for _, o := range r.Outages {
			c.bullet("", o)
		}
	}
	c.Line("\n%s", c.Faint(fmt.Sprintf("%d assumptions and all delays are in the report (--format markdown or html).", len(r.Assumptions))))
	c.Line("")
}
