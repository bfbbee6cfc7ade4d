package offboard

import "fmt"

// Differences says in sentences what of two plans a person would see differently; empty if nothing.
func Differences(old, now Plan) []string {
	var list []string
	compare := func(what string, a, b map[string]string) {
		for _, k := range sortedKeys(a) {
			if other, still := b[k]; !still {
				list = append(list, fmt.Sprintf("%s is no longer in the plan: %s", what, a[k]))
			} else if other != a[k] {
				list = append(list, fmt.Sprintf("%s changed: %s, before: %s", what, other, a[k]))
			}
		}
		for _, k := range sortedKeys(b) {
			if _, before := a[k]; !before {
				list = append(list, fmt.Sprintf("%s is new: %s", what, b[k]))
			}
		}
	}
	compare("A hand-over", old.handoverLines(), now.handoverLines())
	compare("A key", old.keyLines(), now.keyLines())
	compare("A finding", old.findingLines(), now.findingLines())
	if len(list) == 0 && old.Digest != now.Digest {
		list = append(list, "details of clusters or of the preparation changed")
	}
	return list
}

func (plan Plan) handoverLines() map[string]string {
	m := map[string]string{}
	for _, h := range plan.Handovers {
		names := make([]string, len(h.Clusters))
		for i, c := range h.Clusters {
			names[i] = c.Name
		}
		m[h.Scope.ID()] = fmt.Sprintf("%s, %s by %s, clusters %v", h.Scope, h.Action, orNobody(h.FunctionalID), names)
	}
	return m
}

func orNobody(s string) string {
	if s == "" {
		return "nobody"
	}
	return s
}

func (plan Plan) keyLines() map[string]string {
	m := map[string]string{}
	for _, k := range plan.Keys {
		m[k.ID] = fmt.Sprintf("%s (%s), locked %t, disabled %t", k.ID, k.Name, k.Unlock, k.Disabled)
	}
	return m
}

func (plan Plan) findingLines() map[string]string {
	m := map[string]string{}
	for _, f := range plan.Findings {
		m[f.ID] = string(f.Severity) + " " + f.ID
	}
	return m
}
