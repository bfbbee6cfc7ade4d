package offboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// digest covers everything a person says yes to, and nothing that changes by itself between two surveys: times of last
// use, readiness of pods, texts.
func (plan Plan) digest() string {
	type cluster struct {
		ID         string
		Manual     bool // not why: the text of a failed connection differs each time
		Dependents []string
	}
	type handover struct {
		Scope, Action, To string
		Clusters          []cluster
	}
	type essence struct {
		Account, Leaver string
		Handovers       []handover
		Invite          []string
		Keys            []string
		Soak            Duration
		Remove          bool
		Sync, Findings  []string
		Fallback        string   `json:",omitempty"`
		Prune           string   `json:",omitempty"`
		Watch           []string `json:",omitempty"`
	}
	e := essence{Account: plan.Account, Leaver: plan.Leaver.IAMID, Soak: plan.Soak, Remove: plan.RemoveUser}
	if plan.Fallback != nil {
		e.Fallback = plan.Fallback.Email
	}
	if plan.Prunes() {
		e.Prune = plan.Prune.String()
	}
	for _, w := range plan.Watch {
		e.Watch = append(e.Watch, w.Scope.ID()+" on "+w.Newest)
		for _, c := range w.Clusters {
			e.Watch = append(e.Watch, c.ID)
		}
	}
	for _, h := range plan.Handovers {
		part := handover{Scope: h.Scope.ID(), Action: string(h.Action), To: h.FunctionalID}
		for _, c := range h.Clusters {
			entry := cluster{ID: c.ID, Manual: c.Manual != ""}
			for _, d := range c.Dependents {
				entry.Dependents = append(entry.Dependents, d.String())
			}
			slices.Sort(entry.Dependents) // the order of a cluster's lists says nothing
			part.Clusters = append(part.Clusters, entry)
		}
		e.Handovers = append(e.Handovers, part)
	}
	for _, p := range plan.Preparation {
		e.Invite = append(e.Invite, fmt.Sprint(p.Email, p.Invite, p.Grants))
	}
	for _, k := range plan.Keys {
		e.Keys = append(e.Keys, fmt.Sprint(k.ID, k.Unlock, k.Disabled))
	}
	for _, c := range plan.Sync {
		e.Sync = append(e.Sync, c.ID)
	}
	for _, f := range plan.Findings {
		if f.Severity != Note { // a note asks for nothing, and what clusters say of themselves changes by the minute
			e.Findings = append(e.Findings, string(f.Severity)+" "+f.ID)
		}
	}
	for _, b := range plan.Bindings {
		e.Findings = append(e.Findings, b.Target())
	}
	slices.Sort(e.Findings)
	data, err := json.Marshal(e)
	if err != nil {
		return "" // cannot happen: the struct holds texts and numbers only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}
