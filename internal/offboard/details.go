package offboard

import (
	"fmt"
	"strings"
	"time"
)

// Details is the run's page in the Web UI: markdown with tables, nothing else (the UI renders no images and no HTML).
func Details(p Progress) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("## %s %s", verb(p), name(p))
	line("")
	line("**Phase:** %s  ", phaseLine(p))
	if p.Waiting != "" {
		line("**Waiting for:** %s  ", p.Waiting)
	}
	if p.Message != "" {
		line("**Result:** %s  ", p.Message)
	}
	if p.Request.Ticket != "" || p.Request.Reason != "" {
		line("**Why:** %s  ", strings.TrimSpace(p.Request.Ticket+" "+p.Request.Reason))
	}
	b.WriteString(holdsMarkdown(p))
	if len(p.Changed) > 0 {
		line("\n## What changed since the plan was approved\n")
		for _, c := range p.Changed {
			line("- %s", c)
		}
	}
	if p.Plan != nil && p.Phase == PhaseApprove && p.Status == Running {
		b.WriteString(approvalMarkdown(p))
		b.WriteString(PlanMarkdown(*p.Plan))
		return b.String()
	}
	if p.Plan != nil && (p.Status == Planned || p.FoundNothing()) {
		b.WriteString(PlanMarkdown(*p.Plan))
		return b.String()
	}
	b.WriteString(scopesMarkdown(p))
	b.WriteString(keysMarkdown(p))
	if p.Soak != nil && p.Phase == PhaseSoak {
		line("\n**Soak** until %s; every look is in the run `%s`.", clock(p.Soak.Until), p.Soak.Run)
	}
	if len(p.Residual) > 0 {
		line("\n## What remains\n")
		for _, r := range p.Residual {
			line("- %s", r)
		}
	}
	return b.String()
}

func verb(p Progress) string {
	switch {
	case p.Status != Running && p.Status != "":
		return string(p.Status) + ":"
	case p.Move != nil:
		return "Moving"
	case p.Prune != nil:
		return "Pruning"
	}
	return "Offboarding"
}

func phaseLine(p Progress) string {
	if p.Status != Running && p.Status != "" {
		return "ended"
	}
	return string(p.Phase)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

func holdsMarkdown(p Progress) string {
	var b strings.Builder
	for _, h := range p.Holds {
		fmt.Fprintf(&b, "\n## Needs a person: %s\n\n", h.Subject)
		fmt.Fprintf(&b, "%s\n\n%s\n\n", h.Problem, h.Means)
		fmt.Fprintf(&b, "Send the update `resolve` with `{\"scope\": %q, \"action\": \"retry\", \"by\": \"you@acme.example\"}`:\n\n", h.Subject)
		fmt.Fprintf(&b, "- `retry`: %s\n", h.Retry)
		if h.Skip != "" {
			fmt.Fprintf(&b, "- `skip`: %s\n", h.Skip)
		}
		fmt.Fprintf(&b, "- `abort`: %s\n", h.Abort)
	}
	return b.String()
}

func approvalMarkdown(p Progress) string {
	var b strings.Builder
	b.WriteString("\n## What is needed from you\n\n")
	if p.Plan.Blockers() > 0 {
		b.WriteString("Nothing can be approved while a blocker stands. Remove it, then send `resolve` with `{\"scope\": \"plan\", \"action\": \"retry\", \"by\": \"you@acme.example\"}` to survey again.\n")
		return b.String()
	}
	answers := ""
	for _, f := range p.Plan.Findings {
		if f.Severity != Decision {
			continue
		}
		if answers != "" {
			answers += ", "
		}
		answers += fmt.Sprintf("%q: %q", f.ID, f.Options[0])
	}
	if answers != "" {
		answers = ", \"answers\": {" + answers + "}"
	}
	fmt.Fprintf(&b, "Nothing has been changed. To go on, somebody other than the requester sends the update `approve`:\n\n```json\n{\"by\": \"approver@acme.example\", \"digest\": %q%s}\n```\n\nTo stop, send `reject` with `{\"by\": \"you@acme.example\", \"note\": \"why\"}`.\n", p.Plan.Digest, answers)
	return b.String()
}

func scopesMarkdown(p Progress) string {
	if len(p.Scopes) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Scopes\n\n| scope | action | new owner | state | clusters | new key |\n|---|---|---|---|---|---|\n")
	for _, s := range p.Scopes {
		state := string(s.State)
		if s.Step != "" && s.State != ScopeDone {
			state += ": " + s.Step
		}
		names := make([]string, len(s.Clusters))
		for i, c := range s.Clusters {
			names[i] = c.Name
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(s.Scope.String()), s.Action, dash(s.FunctionalID), cell(state), cell(strings.Join(names, ", ")), dash(s.KeyMade))
	}
	return b.String()
}

func keysMarkdown(p Progress) string {
	if len(p.Keys) == 0 {
		return ""
	}
	var b strings.Builder
	if p.Prune != nil {
		b.WriteString("\n## Superseded keys\n\n| key | owner | for | state |\n|---|---|---|---|\n")
		for _, k := range p.Keys {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", k.ID, cell(k.Owner), cell(purpose(k.Class, k.Scope)), k.State)
		}
		return b.String()
	}
	b.WriteString("\n## Keys of the leaver\n\n| key | for | state |\n|---|---|---|\n")
	for _, k := range p.Keys {
		fmt.Fprintf(&b, "| %s %s | %s | %s |\n", cell(k.Name), k.ID, cell(purpose(k.Class, k.Scope)), k.State)
	}
	return b.String()
}

func purpose(class KeyClass, scope Scope) string {
	if class == ClusterKey && scope.Region != "" {
		return scope.String()
	}
	return string(class)
}

// cell keeps a text inside its table cell.
func cell(s string) string { return cells.Replace(s) }

var cells = strings.NewReplacer("|", `\|`, "\n", " ")

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return cell(s)
}

// PlanMarkdown is a plan for the people who say yes or no to it.
func PlanMarkdown(plan Plan) string { return planMarkdown(plan, foresightMarkdown(plan)) }

// planMarkdown puts what it is given before the findings, of which there may be many.
func planMarkdown(plan Plan, foresight string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Plan `%s`\n\n", plan.Digest)
	b.WriteString(planInWords(plan) + "\n")
	for _, h := range plan.Handovers {
		what := "the key is somebody else's by now; masters are refreshed and dependents restarted, since they may still hold the leaver's older key"
		if h.Action == Reset {
			what = "new key as " + h.FunctionalID
			if h.FunctionalID == "" {
				what = "new key, but nobody has room for it"
			}
		}
		fmt.Fprintf(&b, "\n**%s**: %s\n\n", h.Scope, what)
		for _, c := range h.Clusters {
			fmt.Fprintf(&b, "- %s (%s): without the key %s. Restarted: %s.\n", c.Name, c.Type, Radius(c), restarts(c))
		}
	}
	for _, p := range plan.Preparation {
		how := "a member already"
		if p.Invite {
			how = "is invited"
		}
		fmt.Fprintf(&b, "\n**%s** (%s) gets: %s.\n", p.Email, how, accessInWords(p.Grants, p.Scopes))
	}
	b.WriteString(foresight)
	for _, severity := range []Severity{Blocker, Decision, Note} {
		b.WriteString(findingsMarkdown(plan, severity))
	}
	return b.String()
}

// accessInWords says what is granted, with the names of resource groups.
func accessInWords(grants []Grant, scopes []Scope) string {
	parts := make([]string, len(grants))
	for i, g := range grants {
		roles := make([]string, len(g.Roles))
		for j, crn := range g.Roles {
			roles[j] = crn[strings.LastIndex(crn, ":")+1:]
		}
		where := "in the whole account"
		for _, s := range scopes {
			if s.ResourceGroup == g.ResourceGroup {
				where = "in resource group " + s.ResourceGroupName
			}
		}
		service := g.Service
		if service == "" {
			service = "the group itself"
		}
		parts[i] = fmt.Sprintf("%s on %s %s", strings.Join(roles, " and "), service, where)
	}
	return strings.Join(parts, "; ")
}

// planInWords is the plan in one sentence.
func planInWords(plan Plan) string {
	if plan.Prunes() {
		return prunedInWords(plan)
	}
	resets := plan.Resets()
	if plan.Moves() {
		return fmt.Sprintf("%s a new owner, with %s in all; no key is retired and nobody is removed.",
			counted(resets, "scope gets", "scopes get"), counted(plan.Clusters(), "cluster", "clusters"))
	}
	refreshed := ""
	if n := len(plan.Handovers) - resets; n > 0 {
		refreshed = " and " + counted(n, "scope is", "scopes are") + " refreshed"
	}
	return fmt.Sprintf("%s a new owner%s, with %s in all; %s disabled, and deleted after a healthy soak of %s; %s.",
		counted(resets, "scope gets", "scopes get"), refreshed,
		counted(plan.Clusters(), "cluster", "clusters"), counted(len(plan.Keys), "key is", "keys are"), plan.Soak, removal(plan))
}

// counted puts a number before the word that fits it.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func removal(plan Plan) string {
	if plan.RemoveUser {
		return plan.Leaver.Email + " is removed from the account, which cannot be undone"
	}
	return plan.Leaver.Email + " stays in the account"
}

// Radius says what stops in a cluster when its key dies, in a cluster owner's words.
func Radius(c PlannedCluster) string {
	if c.Manual != "" {
		return "what stops is not known (" + c.Manual + ")"
	}
	parts := []string{"workers and load balancers cannot be ordered"}
	for _, d := range c.Dependents {
		if d.Breaks != "" {
			parts = append(parts, d.Breaks)
		}
	}
	return strings.Join(parts, "; ")
}

func restarts(c PlannedCluster) string {
	if c.Manual != "" {
		return "by hand"
	}
	names := make([]string, len(c.Dependents))
	for i, d := range c.Dependents {
		names[i] = d.Workload
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func findingsMarkdown(plan Plan, severity Severity) string {
	if count(plan.Findings, severity) == 0 {
		return ""
	}
	var b strings.Builder
	title := map[Severity]string{Blocker: "Blockers: nothing can be done while these stand", Decision: "Decisions: each needs an answer", Note: "Notes"}
	fmt.Fprintf(&b, "\n### %s\n\n", title[severity])
	for _, f := range plan.Findings {
		if f.Severity != severity {
			continue
		}
		fmt.Fprintf(&b, "- %s", f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(&b, " %s", f.Remedy)
		}
		if severity == Decision {
			fmt.Fprintf(&b, " (`%s`: %s)", f.ID, strings.Join(f.Options, " or "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// SoakDetails is the page of one soak.
func SoakDetails(s SoakProgress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Soak until %s\n\nProbes: %d, the last at %s.\n", clock(s.Until), s.Probes, dash(clock(s.Last)))
	for _, t := range s.Trouble {
		fmt.Fprintf(&b, "\n- %s", t)
	}
	return b.String()
}

// ScopeDetails is the page of one hand-over.
func ScopeDetails(s ScopeProgress) string {
	var b strings.Builder
	to := ""
	if s.FunctionalID != "" {
		to = " to " + s.FunctionalID
	}
	fmt.Fprintf(&b, "## %s %s%s\n\n**State:** %s", s.Action, s.Scope, to, s.State)
	if s.Step != "" {
		fmt.Fprintf(&b, ": %s", s.Step)
	}
	b.WriteString("\n")
	if s.KeyMade != "" {
		fmt.Fprintf(&b, "\n**New key:** %s\n", s.KeyMade)
	}
	if s.Hold != nil {
		fmt.Fprintf(&b, "\n## Needs a person\n\n%s\n\n%s\n\nAnswer by the update `resolve` of the parent run.\n", s.Hold.Problem, s.Hold.Means)
	}
	b.WriteString("\n| cluster | owner of the key | master refreshed | restarted | step |\n|---|---|---|---|---|\n")
	for _, c := range s.Clusters {
		step := c.Step
		if c.Healthy {
			step = "healthy"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(c.Name), dash(c.Owner), yes(c.Refreshed), dash(strings.Join(c.Restarted, ", ")), dash(step))
	}
	return b.String()
}
