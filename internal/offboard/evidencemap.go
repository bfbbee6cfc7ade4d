package offboard

import (
	"cmp"
	"fmt"
)

// mapRow is one scope on the map of a report: the key all its clusters depend on, before and after.
type mapRow struct {
	Name, State, Tone string
	Before, After     mapSide
	Clusters          []mapCluster
}

type mapSide struct {
	Owner string
	Keys  []string
}

type mapCluster struct{ Name, Dependents string }

// scopeMap draws what a run did to its scopes, or what a plan will do; nil where there are none.
func scopeMap(p Progress) []mapRow {
	if p.Plan == nil {
		return nil
	}
	reached := map[string]ScopeProgress{}
	for _, s := range p.Scopes {
		reached[s.Scope.ID()] = s
	}
	var rows []mapRow
	for _, h := range p.Plan.Handovers {
		row := mapRow{Name: h.Scope.String(), State: "planned", Tone: "info", After: mapSide{Owner: h.FunctionalID}}
		owner := ""
		for _, c := range h.Clusters {
			row.Clusters = append(row.Clusters, mapCluster{c.Name, dependents(c)})
			owner = cmp.Or(owner, c.Owner)
		}
		row.Before = mapSide{Owner: cmp.Or(owner, "not known")}
		if h.Action == Reset {
			row.Before.Keys = oldKeys(*p.Plan, h.Scope)
		} else { // the newest key is somebody else's already; the leaver's older ones are not theirs
			row.After.Owner = row.Before.Owner
		}
		if s, begun := reached[h.Scope.ID()]; begun {
			row.State, row.Tone = string(s.State), toneOfScope(s.State)
			row.After = mapSide{Owner: ownerAfter(s, row)}
			if s.KeyMade != "" {
				row.After.Keys = []string{s.KeyMade}
			}
		}
		row.After.Owner = cmp.Or(row.After.Owner, "nobody has room")
		rows = append(rows, row)
	}
	return rows
}

// ownerAfter is whose key the clusters named last; that of before where the scope was not reached.
func ownerAfter(s ScopeProgress, row mapRow) string {
	if s.FellBack != "" {
		return s.FellBack
	}
	for _, c := range s.Clusters {
		if c.Owner != "" {
			return c.Owner
		}
	}
	if s.KeyMade != "" {
		return s.FunctionalID
	}
	return row.Before.Owner
}

func oldKeys(plan Plan, scope Scope) []string {
	var list []string
	for _, k := range plan.Keys {
		if k.Class == ClusterKey && k.Scope.ID() == scope.ID() {
			list = append(list, k.ID)
		}
	}
	return list
}

func dependents(c PlannedCluster) string {
	switch n := len(c.Dependents); {
	case c.Manual != "":
		return "dependents not known"
	case n == 0:
		return "no workload to restart"
	default:
		return fmt.Sprintf("%s on the key", counted(n, "workload depends", "workloads depend"))
	}
}
