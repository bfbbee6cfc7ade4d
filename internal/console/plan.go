package console

import (
	"fmt"
	"strings"

	"offboard/internal/offboard"
)

// Plan shows what will be done, what stops meanwhile, and what needs an answer.
func (c *Console) Plan(plan offboard.Plan) {
	summary := fmt.Sprintf("%s with %s to hand over; no key is retired and nobody is removed.", plural(len(plan.Handovers), "scope"), plural(plan.Clusters(), "cluster"))
	switch {
	case plan.Prunes():
		c.Line("%s", c.paint(bold, "Plan "+plan.Digest))
		summary = plan.InWords()
	case plan.Moves():
		c.Line("%s", c.paint(bold, "Plan "+plan.Digest))
	default:
		c.Line("%s for %s", c.paint(bold, "Plan "+plan.Digest), who(plan.Leaver))
		summary = fmt.Sprintf("%s with %s to hand over; %s to disable and, after a healthy soak of %s, to delete; %s.",
			plural(len(plan.Handovers), "scope"), plural(plan.Clusters(), "cluster"), plural(len(plan.Keys), "key"), plan.Soak, removal(plan))
	}
	for _, line := range c.wrap("", summary) {
		c.Line("%s", line)
	}
	if len(plan.Handovers) > 0 {
		c.Heading("Hand-overs")
		var rows [][]string
		for _, h := range plan.Handovers {
			for i, cluster := range h.Clusters {
				row := []string{"", "", "", cluster.Name, restarts(cluster), cluster.Type}
				if i == 0 {
					row[0], row[1], row[2] = h.Scope.String(), string(h.Action), dash(h.FunctionalID)
				}
				rows = append(rows, row)
			}
		}
		c.Table([]string{"SCOPE", "ACTION", "NEW OWNER", "CLUSTER", "RESTARTED", "TYPE"}, rows)
		c.radius(plan)
	}
	if plan.Prunes() {
		c.superseded(plan)
	} else if len(plan.Keys) > 0 {
		c.Heading("Keys of the leaver")
		var rows [][]string
		for _, k := range plan.Keys {
			rows = append(rows, []string{k.ID, k.Name, purpose(k.Class, k.Scope), moment(k.Created), moment(k.LastUsed)})
		}
		c.Table([]string{"KEY", "NAME", "FOR", "CREATED", "LAST USED"}, rows)
	}
	c.foresight(plan)
	for _, severity := range []offboard.Severity{offboard.Blocker, offboard.Decision, offboard.Note} {
		c.findings(plan, severity)
	}
}

// superseded are the keys that a prune retires.
func (c *Console) superseded(plan offboard.Plan) {
	if len(plan.Keys) == 0 {
		return
	}
	c.Heading("Superseded keys that go")
	var rows [][]string
	for _, k := range plan.Keys {
		rows = append(rows, []string{k.ID, k.Owner, purpose(k.Class, k.Scope), moment(k.Created), moment(k.LastUsed)})
	}
	c.Table([]string{"KEY", "OWNER", "FOR", "CREATED", "LAST USED"}, rows)
}

func who(p offboard.Person) string {
	if p.IAMID == "" {
		return p.Email
	}
	return fmt.Sprintf("%s (%s)", p.Email, p.IAMID)
}

func removal(plan offboard.Plan) string {
	if plan.RemoveUser {
		return "then the user is removed, which cannot be undone"
	}
	return "the user stays in the account"
}

func restarts(cluster offboard.PlannedCluster) string {
	if cluster.Manual != "" {
		return "by hand"
	}
	names := make([]string, len(cluster.Dependents))
	for i, d := range cluster.Dependents {
		names[i] = d.Name
	}
	return dash(strings.Join(names, ", "))
}

// radius says once what a dead key means, for all clusters that it means the same for.
func (c *Console) radius(plan offboard.Plan) {
	var order []string
	clusters := map[string][]string{}
	for _, h := range plan.Handovers {
		for _, cluster := range h.Clusters {
			text := offboard.Radius(cluster)
			if clusters[text] == nil {
				order = append(order, text)
			}
			clusters[text] = append(clusters[text], cluster.Name)
		}
	}
	c.Heading("Without the hand-over, when the leaver's keys die")
	for _, text := range order {
		c.bullet("", fmt.Sprintf("%s: %s", strings.Join(clusters[text], ", "), text))
	}
}

// foresight says how recently the keys were used, how long a run needs and what it cannot take back.
func (c *Console) foresight(plan offboard.Plan) {
	if plan.Empty() {
		return
	}
	f := offboard.NewForesight(plan)
	part := func(title string, list []string) {
		if len(list) == 0 {
			return
		}
		c.Heading(title)
		for _, sentence := range list {
			c.bullet("", sentence)
		}
	}
	part("How recently the keys were used", f.Uses())
	part("How long it takes", f.Takes)
	for _, sentence := range f.Assumptions {
		c.bullet(faint, "Assumed: "+sentence)
	}
	part("What cannot be undone", f.Final)
}

func (c *Console) findings(plan offboard.Plan, severity offboard.Severity) {
	title := map[offboard.Severity]string{
		offboard.Blocker:  c.Bad("Blockers: nothing can be done while these stand"),
		offboard.Decision: c.paint(wait, "Decisions: each needs an answer"),
		offboard.Note:     "Notes",
	}[severity]
	first := true
	for _, f := range plan.Findings {
		if f.Severity != severity {
			continue
		}
		if first {
			c.Line("\n%s", title)
			first = false
		}
		c.bullet("", strings.TrimSpace(f.Text+" "+f.Remedy))
		if severity != offboard.Decision || len(f.Options) == 0 {
			continue
		}
		others := ""
		if len(f.Options) > 1 {
			others = "  or " + strings.Join(f.Options[1:], ", ")
		}
		c.Line("    --answer %s%s", quote(f.ID+"="+f.Options[0]), others)
	}
}

// bullet writes a wrapped list item.
func (c *Console) bullet(code, text string) {
	for i, line := range c.wrap("  ", text) {
		mark := "  "
		if i == 0 {
			mark = "- "
		}
		c.Line("%s", c.paint(code, mark+strings.TrimPrefix(line, "  ")))
	}
}

func purpose(class offboard.KeyClass, scope offboard.Scope) string {
	if class == offboard.ClusterKey && scope.Region != "" {
		return scope.String()
	}
	return string(class)
}
