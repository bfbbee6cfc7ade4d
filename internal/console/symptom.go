package console

import (
	"fmt"
	"strings"

	"offboard/internal/offboard"
)

// Symptom shows what a symptom means and what to do. Found is what it was known by.
func (c *Console) Symptom(s offboard.Symptom, found []string) {
	c.Line("%s", c.paint(bold, s.Title))
	c.Line("%s", c.paint(faint, fmt.Sprintf("%s: %s", s.ID, strings.Join(found, "; "))))
	for _, text := range []string{"Means: " + s.Means, fmt.Sprintf("Cause (%s): %s", s.Confidence, s.Cause)} {
		for _, line := range c.wrap("", text) {
			c.Line("%s", line)
		}
	}
	c.Line("What to do:")
	for _, a := range s.Do {
		c.bullet("", a.Text)
		if a.Command != "" {
			c.Line("    %s", c.paint(bold, a.Command)) // whole, to be copied
		}
	}
	c.Line("%s", c.paint(faint, s.Docs))
}
