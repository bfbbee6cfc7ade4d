package console

import (
	"fmt"
	"strings"

	"offboard/internal/offboard"
)

// Report shows the result of a run: what was done, by whom approved, what remains, and until when access can last.
func (c *Console) Report(r offboard.Report) {
	p := r.Progress
	what := "Offboarding"
	if p.Move != nil {
		what = "Move"
	}
	if p.Prune != nil {
		what = "Prune"
	}
	if r.Rehearsal != nil {
		c.rehearsal(r.Rehearsal)
		what = "Rehearsal: " + what
	}
	c.Line("%s of %s: %s", what, c.paint(bold, name(p)), c.State(r.Status))
	if r.Message != "" {
		for _, line := range c.wrap("", r.Message) {
			c.Line("%s", line)
		}
	}
	c.Line("")
	fact := func(what, value string) {
		if value != "" {
			c.Line("%-14s %s", what, value)
		}
	}
	fact("Account", p.Account)
	if p.Leaves() {
		fact("User", strings.TrimSpace(name(p)+" "+p.Leaver.IAMID))
	}
	fact("Requested by", p.Request.RequestedBy)
	fact("Why", strings.TrimSpace(p.Request.Ticket+" "+p.Request.Reason))
	fact("Approved by", approver(p.Approval))
	if !r.Started.IsZero() {
		fact("Begun", moment(r.Started)+", took "+Elapsed(r.Ended.Sub(r.Started)))
	}
	if !r.AccessEnds.IsZero() {
		fact("Access ends", "no later than "+moment(r.AccessEnds))
	}
	fact("Run", p.WorkflowID)
	if len(p.Scopes) > 0 {
		c.Heading("Scopes")
		for _, line := range c.scopeTable(p, nil, r.Ended, false) {
			c.Line("%s", line)
		}
	}
	if len(p.Keys) > 0 {
		if p.Prune != nil {
			c.Heading("Superseded keys")
		} else {
			c.Heading("Keys of the leaver")
		}
		var rows [][]string
		for _, k := range p.Keys {
			rows = append(rows, []string{k.ID, purpose(k.Class, k.Scope), c.keyState(k.State), moment(k.DisabledAt), moment(k.DeletedAt)})
		}
		c.Table([]string{"KEY", "FOR", "STATE", "DISABLED", "DELETED"}, rows)
	}
	if len(p.Residual) > 0 {
		c.Heading("What remains")
		for _, text := range p.Residual {
			c.bullet("", text)
		}
	}
	if len(p.Answers) > 0 {
		c.Heading("Answers of people")
		for _, a := range p.Answers {
			c.bullet("", strings.TrimSpace(fmt.Sprintf("%s: %s for %s by %s. %s", moment(a.At), a.Action, a.Subject, a.By, a.Note)))
		}
	}
	if p.Plan != nil && (r.Status == offboard.Planned || p.FoundNothing()) {
		c.Line("")
		c.Plan(*p.Plan)
	}
}

func (c *Console) keyState(s offboard.KeyState) string {
	if s == offboard.KeyDeleted {
		return c.Good(string(s))
	}
	return c.paint(wait, string(s))
}

func approver(a *offboard.Approval) string {
	switch {
	case a == nil:
		return ""
	case a.Automatic:
		return "nobody: the request asked for no approval, which the policy permits"
	case a.Verified:
		return fmt.Sprintf("%s (verified) on plan %s", a.By, a.Digest)
	}
	return fmt.Sprintf("%s (claimed) on plan %s", a.By, a.Digest)
}
