package console

import (
	"fmt"
	"strings"
	"time"

	"offboard/internal/offboard"
)

// Status shows how a run stands: its phases with their times, what it waits for, every scope, the keys, and what a
// person must answer with which command. Scopes, by their ID, hold what the hand-overs say of themselves; where one is
// missing, what the run knows of it is shown.
func (c *Console) Status(p offboard.Progress, scopes map[string]offboard.ScopeProgress, now time.Time) {
	for _, line := range c.status(p, scopes, now, false) {
		c.Line("%s", line)
	}
}

// status is the picture as lines; a short one leaves out the scopes that nothing happens in.
func (c *Console) status(p offboard.Progress, scopes map[string]offboard.ScopeProgress, now time.Time, short bool) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }

	head := c.paint(bold, name(p)) + "  " + c.State(p.Status)
	if p.Status == offboard.Running {
		head += "  " + string(p.Phase)
	}
	if len(p.Timings) > 0 {
		head += "  " + c.Faint(Elapsed(span(p.Timings[0].Started, p.Timings[len(p.Timings)-1].Ended, now)))
	}
	if p.Request.Ticket != "" {
		head += "  " + c.Faint(p.Request.Ticket)
	}
	lines = append(lines, head)
	lines = append(lines, c.phases(p, now)...)
	if p.Waiting != "" {
		lines = append(lines, c.wrap("", "Waiting for "+p.Waiting)...)
	}
	if p.Message != "" {
		lines = append(lines, c.wrap("", p.Message)...)
	}
	for _, prep := range p.Prepared {
		if !prep.Done {
			add("Preparing %s: %s", prep.Email, prep.Step)
		}
	}
	if len(p.Scopes) > 0 {
		add("")
		lines = append(lines, c.scopeTable(p, scopes, now, short)...)
	}
	if text := keyCounts(p.Keys); text != "" {
		add("")
		add("Keys: %s", text)
	}
	if p.Soak != nil && p.Phase == offboard.PhaseSoak && p.Status == offboard.Running {
		add("Soak: %s left, until %s, %s", Elapsed(p.Soak.Until.Sub(now)), moment(p.Soak.Until), plural(p.Soak.Probes, "probe"))
		for _, t := range p.Soak.Trouble {
			lines = append(lines, c.wrap("  ", c.Bad(t))...)
		}
	}
	lines = append(lines, c.questions(p)...)
	if len(p.Residual) > 0 {
		add("")
		add("%s", c.paint(wait, "What remains"))
		for _, r := range p.Residual {
			lines = append(lines, c.wrap("  ", r)...)
		}
	}
	return lines
}

func name(p offboard.Progress) string {
	if p.Move != nil {
		return p.Move.String()
	}
	if p.Prune != nil {
		return p.Prune.String()
	}
	if p.Leaver.Email != "" {
		return p.Leaver.Email
	}
	return p.Request.User
}

// span is how long something took, or takes until now.
func span(from, to, now time.Time) time.Duration {
	if to.IsZero() {
		to = now
	}
	return to.Sub(from)
}

// phases shows those that ran and the one that runs. One that ran again, as a survey does after a changed plan, is
// shown once, with its last time.
func (c *Console) phases(p offboard.Progress, now time.Time) []string {
	var parts []string
	last := map[offboard.Phase]int{}
	for i, t := range p.Timings {
		last[t.Phase] = i
	}
	for i, t := range p.Timings {
		if last[t.Phase] != i {
			continue
		}
		took := Elapsed(span(t.Started, t.Ended, now))
		if t.Ended.IsZero() && p.Status == offboard.Running {
			parts = append(parts, c.paint(wait, fmt.Sprintf("● %s %s", t.Phase, took)))
			continue
		}
		parts = append(parts, c.Good("✓")+" "+string(t.Phase)+" "+c.Faint(took))
	}
	if len(parts) == 0 {
		return nil
	}
	var lines []string
	line := ""
	for _, part := range parts {
		if line != "" && c.width() > 0 && length(line)+3+length(part) > c.width() {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += "   "
		}
		line += part
	}
	return append(lines, line)
}

func (c *Console) scopeTable(p offboard.Progress, scopes map[string]offboard.ScopeProgress, now time.Time, short bool) []string {
	var rows [][]string
	left := map[offboard.ScopeState]int{}
	for _, s := range p.Scopes {
		if live, ok := scopes[s.Scope.ID()]; ok {
			s = live
		}
		active := s.State == offboard.ScopeRunning || s.State == offboard.ScopeHeld
		if short && !active {
			left[s.State]++
			continue
		}
		took := "–"
		if !s.Started.IsZero() {
			took = Elapsed(span(s.Started, s.Ended, now))
		}
		rows = append(rows, []string{s.Scope.String(), string(s.Action), dash(s.FunctionalID), c.scopeState(s), dash(s.KeyMade), took})
		if !active || short {
			continue
		}
		for _, cluster := range s.Clusters {
			rows = append(rows, []string{"  " + cluster.Name, "", "", clusterState(cluster), "", ""})
		}
	}
	lines := c.table([]string{"SCOPE", "ACTION", "NEW OWNER", "STATE", "NEW KEY", "TIME"}, rows)
	if len(left) > 0 {
		var parts []string
		for _, state := range []offboard.ScopeState{offboard.ScopeWaiting, offboard.ScopeDone, offboard.ScopeSkipped, offboard.ScopeFailed} {
			if left[state] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", left[state], state))
			}
		}
		lines = append(lines, c.Faint("other scopes: "+strings.Join(parts, ", ")))
	}
	return lines
}

func (c *Console) scopeState(s offboard.ScopeProgress) string {
	text := string(s.State)
	if s.Step != "" && s.State != offboard.ScopeDone {
		text += ": " + s.Step
	}
	switch s.State {
	case offboard.ScopeDone:
		return c.Good(text)
	case offboard.ScopeHeld, offboard.ScopeFailed:
		return c.Bad(text)
	case offboard.ScopeRunning:
		return c.paint(wait, text)
	}
	return text
}

// clusterState is one cluster's steps so far, in words.
func clusterState(c offboard.ClusterProgress) string {
	var parts []string
	if c.Refreshed {
		parts = append(parts, "master refreshed")
	}
	if len(c.Restarted) > 0 {
		parts = append(parts, "restarted "+strings.Join(c.Restarted, ", "))
	}
	if c.Manual != "" {
		parts = append(parts, "restart by hand")
	}
	if c.Healthy {
		parts = append(parts, "healthy")
	}
	if c.Step != "" && !c.Healthy {
		parts = append(parts, c.Step)
	}
	return dash(strings.Join(parts, "; "))
}

func keyCounts(keys []offboard.KeyProgress) string {
	counts := map[offboard.KeyState]int{}
	for _, k := range keys {
		counts[k.State]++
	}
	var parts []string
	for _, state := range []offboard.KeyState{offboard.KeyActive, offboard.KeyDisabled, offboard.KeyDeleted, offboard.KeyKept} {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	return strings.Join(parts, ", ")
}

// questions are what a person must answer, with the command that does it.
func (c *Console) questions(p offboard.Progress) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, h := range p.Holds {
		add("")
		add("%s %s", c.Bad("Needs a person:"), h.Subject)
		lines = append(lines, c.wrap("  ", h.Problem)...)
		lines = append(lines, c.wrap("  ", h.Means)...)
		lines = append(lines, c.wrap("  ", "retry: "+h.Retry)...)
		if h.Skip != "" {
			lines = append(lines, c.wrap("  ", "skip:  "+h.Skip)...)
		}
		lines = append(lines, c.wrap("  ", "abort: "+h.Abort)...)
		add("  %s", c.paint(bold, c.Answer(p, h)))
		if known := offboard.Explain(h.Problem); len(known) > 0 {
			add("  %s", c.paint(faint, fmt.Sprintf("%s: %s explain %s", known[0].Title, c.program, known[0].ID)))
		}
	}
	if p.Status == offboard.Running && p.Phase == offboard.PhaseApprove && p.Approval == nil && p.Plan != nil && p.Plan.Blockers() == 0 {
		add("")
		add("%s (shown by %s status %s --plan)", c.paint(wait, "Needs a yes to plan "+p.Plan.Digest), c.program, c.run(p))
		add("  %s", c.paint(bold, c.Approval(p)))
	}
	return lines
}

// Answer is the command that answers a hold with a retry; the other answers are listed with the hold.
func (c *Console) Answer(p offboard.Progress, h offboard.Hold) string {
	return fmt.Sprintf("%s resolve %s --scope %s --action %s --by you@acme.example", c.program, c.run(p), quote(h.Subject), offboard.ActionRetry)
}

// Approval is the command that approves the plan, with the safest answer to each decision.
func (c *Console) Approval(p offboard.Progress) string {
	command := fmt.Sprintf("%s approve %s --by you@acme.example --digest %s", c.program, c.run(p), p.Plan.Digest)
	for _, f := range p.Plan.Findings {
		if f.Severity == offboard.Decision && len(f.Options) > 0 {
			command += " --answer " + quote(f.ID+"="+f.Options[0])
		}
	}
	return command
}

// run names the run as a person would type it.
func (c *Console) run(p offboard.Progress) string {
	if user := name(p); user != "" && p.Leaves() {
		return quote(user)
	}
	return quote(p.WorkflowID)
}
