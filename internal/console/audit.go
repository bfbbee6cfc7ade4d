package console

import (
	"fmt"
	"strings"

	"offboard/internal/offboard"
)

// Audit shows who would break what, and what to do about it.
func (c *Console) Audit(a offboard.Audit) {
	c.Line("%s", c.paint(bold, "Audit of account "+a.Account)+c.Faint("  "+moment(a.TakenAt)))
	for _, line := range c.wrap("", a.Message) {
		c.Line("%s", line)
	}
	c.auditDifferences(a.Differences)
	if len(a.People) > 0 {
		c.Heading("Who would break what")
		var rows [][]string
		for _, p := range a.People {
			rows = append(rows, []string{p.Title(), fmt.Sprint(len(p.Scopes) + p.LeftOut["scopes"]), fmt.Sprint(p.Clusters), p.Harm(a.TakenAt)})
		}
		c.Table([]string{"PERSON", "SCOPES", "CLUSTERS", "IF THEY LEFT TODAY"}, rows)
	}
	if len(a.FunctionalIDs) > 0 {
		c.Heading("Functional IDs")
		var rows [][]string
		for _, f := range a.FunctionalIDs {
			rows = append(rows, []string{f.Email, dash(f.State), fmt.Sprintf("%d of %d", f.Keys, f.Limit), fmt.Sprint(f.Scopes), fmt.Sprint(f.Clusters)})
		}
		c.Table([]string{"IDENTITY", "STATE", "KEYS", "SCOPES", "CLUSTERS"}, rows)
	}
	if len(a.Superseded) > 0 {
		c.Heading("Superseded cluster keys")
		var rows [][]string
		for _, k := range a.Superseded {
			verdict := c.paint(wait, "not proven")
			if k.Unused {
				verdict = c.Good("proven")
			}
			rows = append(rows, []string{k.Key.ID, k.Key.Scope.String(), verdict, strings.Join(k.Because, "; ")})
		}
		c.Table([]string{"KEY", "SCOPE", "UNUSED", "WHY"}, rows)
	}
	c.auditFindings(a, offboard.Blocker, c.Bad("Blockers: broken already, or without anybody doing anything"))
	c.auditFindings(a, offboard.Decision, c.paint(wait, "Decisions: breaks when one person leaves, or cannot be excluded"))
	c.auditFindings(a, offboard.Note, "Notes")
	for _, name := range []string{"findings", "people", "superseded"} {
		if n := a.LeftOut[name]; n > 0 {
			c.Line("\n%s", c.Faint(fmt.Sprintf("%d more %s were too many to keep.", n, name)))
		}
	}
}

func (c *Console) auditDifferences(d *offboard.AuditDifferences) {
	if d == nil {
		return
	}
	c.Heading("Since the audit of " + moment(d.Since))
	if d.None() {
		c.Line("Nothing differs.")
	}
	for _, f := range d.New {
		c.bullet("", fmt.Sprintf("new (%s): %s", f.Severity, f.Text))
	}
	for _, change := range d.Changed {
		c.bullet("", fmt.Sprintf("%s (%s): %s", strings.ToLower(change.Title()), change.Numbers(), change.Text))
	}
	for _, f := range d.Gone {
		c.bullet("", fmt.Sprintf("gone (%s): %s", f.Severity, f.Text))
	}
	if d.Uneven != "" {
		c.Line("%s", c.Faint("Note: "+d.Uneven+"."))
	}
}

func (c *Console) auditFindings(a offboard.Audit, severity offboard.Severity, title string) {
	first := true
	for _, f := range a.Findings {
		if f.Severity != severity {
			continue
		}
		if first {
			c.Line("\n%s", title)
			first = false
		}
		c.bullet("", strings.TrimSpace(f.Text+" "+f.Remedy))
		if f.Command != "" {
			c.Line("    %s", f.Command)
		}
	}
}
