package offboard

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Named writes the names of resource groups for their IDs, as far as the plan knows them.
func (v page) Named(text string) string { return groupNames(v.P).Replace(text) }

func groupNames(p Progress) *strings.Replacer {
	var pairs []string
	if p.Plan != nil {
		for _, h := range p.Plan.Handovers {
			if h.Scope.ResourceGroupName != "" {
				pairs = append(pairs, h.Scope.ResourceGroup, h.Scope.ResourceGroupName)
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// scopeRow is one scope of the report's page with its clusters.
type scopeRow struct {
	Name, State, Tone string
	What              string
	Key, Run          string
	Clusters          []clusterRow
}

// clusterRow is one cluster, and whose key it had when the plan was made.
type clusterRow struct {
	ClusterProgress
	Before string
}

func scopeRows(p Progress) []scopeRow {
	before := map[string]string{}
	if p.Plan != nil {
		for _, h := range p.Plan.Handovers {
			for _, c := range h.Clusters {
				before[c.ID] = c.Owner
			}
		}
	}
	list := make([]scopeRow, 0, len(p.Scopes))
	for _, s := range p.Scopes {
		row := scopeRow{Name: s.Scope.String(), State: string(s.State), Tone: toneOfScope(s.State),
			What: sayAction(s.Action, s.FunctionalID), Key: s.KeyMade, Run: s.Run}
		for _, c := range s.Clusters {
			row.Clusters = append(row.Clusters, clusterRow{c, before[c.ID]})
		}
		if s.State != ScopeDone {
			row.What = "planned: " + row.What
		}
		if !s.Started.IsZero() && !s.Ended.IsZero() {
			row.What += fmt.Sprintf(", %s to %s", stamp(s.Started), s.Ended.UTC().Format("15:04:05"))
		}
		if s.State != ScopeDone && s.Step != "" {
			row.State += ": " + s.Step
		}
		list = append(list, row)
	}
	return list
}

func countClusters(rows []scopeRow) int {
	n := 0
	for _, row := range rows {
		n += len(row.Clusters)
	}
	return n
}

func toneOfScope(s ScopeState) string {
	switch s {
	case ScopeDone:
		return "good"
	case ScopeFailed:
		return "bad"
	case ScopeSkipped, ScopeHeld:
		return "warn"
	}
	return "calm"
}

// keyRow is one key of the leaver.
type keyRow struct {
	KeyProgress
	For, Tone string
	Before    bool // somebody else disabled it before this run
}

func keyRows(p Progress) []keyRow {
	before := map[string]bool{}
	if p.Plan != nil {
		for _, k := range p.Plan.Keys {
			before[k.ID] = k.Disabled
		}
	}
	names := groupNames(p)
	tone := map[KeyState]string{KeyDeleted: "good", KeyDisabled: "info", KeyKept: "warn", KeyActive: "warn"}
	list := make([]keyRow, 0, len(p.Keys))
	for _, k := range p.Keys {
		list = append(list, keyRow{KeyProgress: k, For: names.Replace(purpose(k.Class, k.Scope)), Tone: tone[k.State], Before: before[k.ID]})
	}
	return list
}

// handRow is one functional ID: what was planned for it and what was made of that.
type handRow struct {
	Email, IAMID, Membership, Group string
	Takes, Needs, Granted           []string
}

func handRows(p Progress) []handRow {
	if p.Plan == nil {
		return nil
	}
	names := groupNames(p)
	var list []handRow
	for _, prep := range p.Plan.Preparation {
		row := handRow{Email: prep.Email, Membership: "was in the account"}
		if prep.Invite {
			row.Membership = "to be invited"
		}
		for _, s := range prep.Scopes {
			row.Takes = append(row.Takes, s.String())
		}
		for _, g := range prep.Grants {
			row.Needs = append(row.Needs, names.Replace(g.Name))
		}
		for _, done := range p.Prepared {
			if done.Email != prep.Email {
				continue
			}
			row.IAMID, row.Group = done.IAMID, done.Group
			for _, g := range done.Granted {
				row.Granted = append(row.Granted, names.Replace(g))
			}
			if done.Invited {
				row.Membership = "invited by this run"
			}
		}
		list = append(list, row)
	}
	return list
}

// findingGroup is the findings of one severity, with the answers given to them.
type findingGroup struct {
	Title string
	List  []answered
}

type answered struct {
	Finding
	Answer string
	Open   bool // it wanted an answer, others were answered, it was not
}

func findingGroups(p Progress) (groups []findingGroup, stray []string) {
	known := map[string]bool{}
	if p.Plan != nil {
		for _, g := range []struct {
			severity Severity
			title    string
		}{{Blocker, "Blockers"}, {Decision, "Decisions"}, {Note, "Notes"}} {
			group := findingGroup{Title: g.title}
			for _, f := range p.Plan.Findings {
				if f.Severity != g.severity {
					continue
				}
				known[f.ID] = true
				answer := p.Decisions[f.ID]
				group.List = append(group.List, answered{Finding: f, Answer: answer,
					Open: f.Severity == Decision && answer == "" && p.Approval != nil})
			}
			if len(group.List) > 0 {
				groups = append(groups, group)
			}
		}
	}
	for _, id := range sortedKeys(p.Decisions) {
		if !known[id] {
			stray = append(stray, id+": "+p.Decisions[id])
		}
	}
	return groups, stray
}

// stamp is a moment in the running text; twoLines puts date and time into a narrow cell.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func twoLines(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	// Digits and punctuation only: nothing here comes from outside.
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2006-01-02") + `<br/> ` + t.Format("15:04:05") + `</time>`)
}
