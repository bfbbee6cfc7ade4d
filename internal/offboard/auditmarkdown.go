package offboard

import (
	"fmt"
	"strings"
)

// How much of an audit its page in the Web UI shows: the server takes 20,000 bytes of it.
const (
	detailFindings = 25
	detailPeople   = 25
	detailBytes    = 16_000
)

// Details is the page of a finished audit in the Web UI.
func (a Audit) Details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Audit of account %s\n\n%s\n", a.Account, a.Message)
	b.WriteString(a.differencesMarkdown())
	b.WriteString(findingsTable(a.Findings[:min(len(a.Findings), detailFindings)]))
	if more := len(a.Findings) - detailFindings; more > 0 {
		fmt.Fprintf(&b, "\n…and %s, see the result of this run.\n", counted(more, "more finding", "more findings"))
	}
	if people := a.peopleMarkdown(detailPeople); b.Len()+len(people) < detailBytes {
		b.WriteString(people)
	}
	text := b.String()
	if len(text) > detailBytes {
		text = strings.ToValidUTF8(text[:detailBytes], "") + "…\n\nThe rest is in the result of this run.\n"
	}
	return text
}

// Markdown is the audit as text.
func (a Audit) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Audit of account %s", a.Account)
	line("")
	line("%s", a.Message)
	line("")
	line("| | |\n|---|---|")
	for _, f := range a.facts() {
		line("| %s | %s |", f.Name, cell(f.Value))
	}
	b.WriteString(a.differencesMarkdown())
	b.WriteString(findingsTable(a.Findings))
	b.WriteString(a.remediesMarkdown())
	b.WriteString(a.peopleMarkdown(len(a.People)))
	if len(a.FunctionalIDs) > 0 {
		line("\n## Functional IDs\n\n| identity | state | keys | scopes | clusters |\n|---|---|---|---|---|")
		for _, f := range a.FunctionalIDs {
			line("| %s | %s | %d of %d | %d | %d |", cell(f.Email), stateOf(f.State), f.Keys, f.Limit, f.Scopes, f.Clusters)
		}
	}
	if len(a.Superseded) > 0 {
		line("\n## Superseded cluster keys\n\n| key | scope | unused | why |\n|---|---|---|---|")
		for _, k := range a.Superseded {
			line("| `%s` | %s | %s | %s |", k.Key.ID, cell(k.Key.Scope.String()), proven(k.Unused), cell(strings.Join(k.Because, "; ")))
		}
	}
	if left := a.leftOut(); left != "" {
		line("\n%s", left)
	}
	return b.String()
}

func stateOf(state string) string {
	if state == "" {
		return "not in the account"
	}
	return state
}

func proven(unused bool) string {
	if unused {
		return "proven"
	}
	return "not proven"
}

// facts are what stands at the head of every form of an audit.
func (a Audit) facts() []fact {
	depth := "lists and owners only"
	switch {
	case a.Request.Dependents && a.Request.EveryKey:
		depth = "into every cluster, and the last use of every user key"
	case a.Request.Dependents:
		depth = "into every cluster"
	case a.Request.EveryKey:
		depth = "lists, owners, and the last use of every user key"
	}
	var list []fact
	add := func(name, value string) {
		if value != "" {
			list = append(list, fact{Name: name, Value: value})
		}
	}
	add("Taken", clock(a.TakenAt))
	add("Account", a.Account)
	add("Looked at", depth)
	add("Seen", fmt.Sprintf("%s in %s, %s, %s", counted(a.Totals.Clusters, "cluster", "clusters"), counted(a.Totals.Scopes, "scope", "scopes"),
		counted(a.Totals.Users, "user", "users"), counted(a.Totals.UserKeys, "user API key", "user API keys")))
	add("Findings", fmt.Sprintf("%s, %s, %s", counted(a.Totals.Blockers, "blocker", "blockers"), counted(a.Totals.Decisions, "decision", "decisions"), counted(a.Totals.Notes, "note", "notes")))
	add("Engine's identity", a.Engine)
	add("Requested by", a.Request.RequestedBy)
	add("Reason", a.Request.Reason)
	add("Run", strings.TrimSpace(a.WorkflowID+" "+a.RunID))
	return list
}

func findingsTable(list []AuditFinding) string {
	if len(list) == 0 {
		return "\n## Findings\n\nNone.\n"
	}
	var b strings.Builder
	b.WriteString("\n## Findings, the most harmful first\n\n| | clusters | what | what to do |\n|---|---|---|---|\n")
	for _, f := range list {
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", f.Severity, f.Clusters, cell(f.Text), dash(cell(f.Remedy)))
	}
	return b.String()
}

// remediesMarkdown lists the commands, each once: a cell of a table is no place to copy one from.
func (a Audit) remediesMarkdown() string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, f := range a.Findings {
		if f.Command == "" || seen[f.Command] {
			continue
		}
		if len(seen) == 0 {
			b.WriteString("\n## Commands\n\n```\n")
		}
		seen[f.Command] = true
		b.WriteString(f.Command + "\n")
	}
	if len(seen) > 0 {
		b.WriteString("```\n")
	}
	return b.String()
}

func (a Audit) peopleMarkdown(most int) string {
	if len(a.People) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Who would break what\n\n| who | scopes | clusters | if they left today |\n|---|---|---|---|\n")
	for _, p := range a.People[:min(len(a.People), most)] {
		var scopes []string
		for _, s := range p.Scopes {
			scopes = append(scopes, s.Scope.String())
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", cell(p.Title()), dash(cell(strings.Join(scopes, ", "))), p.Clusters, dash(cell(p.Harm(a.TakenAt))))
	}
	return b.String()
}

func (a Audit) differencesMarkdown() string {
	d := a.Differences
	if d == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Since the audit of %s\n\n", clock(d.Since))
	if d.None() {
		b.WriteString("Nothing differs.\n")
	}
	for _, f := range d.New {
		fmt.Fprintf(&b, "- **New** (%s): %s\n", f.Severity, f.Text)
	}
	for _, c := range d.Changed {
		fmt.Fprintf(&b, "- **%s** (%s): %s\n", c.Title(), c.Numbers(), c.Text)
	}
	for _, f := range d.Gone {
		fmt.Fprintf(&b, "- **Gone** (%s): %s\n", f.Severity, f.Text)
	}
	if d.Uneven != "" {
		fmt.Fprintf(&b, "\nNote: %s.\n", d.Uneven)
	}
	return b.String()
}

// Title says whether a change is for the better.
func (c AuditChange) Title() string {
	if c.Worse() {
		return "Worse"
	}
	return "Better"
}

// Numbers says what changed: "Note to Decision, 3 clusters instead of 2".
func (c AuditChange) Numbers() string {
	var parts []string
	if c.Severity != c.Was {
		parts = append(parts, fmt.Sprintf("%s to %s", c.Was, c.Severity))
	}
	if c.Clusters != c.Before {
		parts = append(parts, fmt.Sprintf("%s instead of %d", counted(c.Clusters, "cluster", "clusters"), c.Before))
	}
	return strings.Join(parts, ", ")
}

// leftOut says what was too much to keep; empty where everything is there.
func (a Audit) leftOut() string {
	if len(a.LeftOut) == 0 {
		return ""
	}
	var parts []string
	for _, name := range sortedKeys(a.LeftOut) {
		parts = append(parts, fmt.Sprintf("%d %s", a.LeftOut[name], name))
	}
	return "Left out because there were too many: " + strings.Join(parts, ", ") + "."
}
