package offboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Foresight is a plan in the words of somebody who owns a cluster and knows nothing of keys: what depends on them, what
// will be restarted, how long it takes, and what nobody can take back.
type Foresight struct {
	Clusters    []ClusterForesight
	Takes       []string // how long, a sentence each
	Assumptions []string // what that rests on
	Final       []string // what cannot be undone
}

// ClusterForesight is one cluster of a plan.
type ClusterForesight struct {
	Name, Scope string
	Depends     string // what stops if the key dies without a hand-over
	LastUsed    string // of the key, when the plan was made; empty where it is not known
	Happens     string // what the run does in it
}

// The estimate of a hand-over. IBM gives no figures; these are what a healthy, idle scope needs at least, and what a busy
// one may need before the run asks a person.
const (
	scopeAtBest  = 5 * time.Minute
	scopeAtWorst = 45 * time.Minute
)

// NewForesight works a plan out for its readers. It adds nothing that the plan does not say.
func NewForesight(plan Plan) Foresight {
	f := Foresight{Final: final(plan)}
	for _, h := range plan.Handovers {
		for _, c := range h.Clusters {
			f.Clusters = append(f.Clusters, ClusterForesight{Name: c.Name, Scope: h.Scope.String(), Depends: Radius(c),
				LastUsed: lastUseOf(plan, h.Scope), Happens: happens(h, c)})
		}
	}
	f.Takes, f.Assumptions = takes(plan)
	return f
}

// lastUseOf is when the leaver's newest use of a scope's key was.
func lastUseOf(plan Plan, scope Scope) string {
	var last time.Time
	for _, k := range plan.Keys {
		if k.Class == ClusterKey && k.Scope.ID() == scope.ID() && k.LastUsed.After(last) {
			last = k.LastUsed
		}
	}
	if last.IsZero() {
		return ""
	}
	return "the key was last used " + ago(plan.SurveyedAt, last)
}

func happens(h Handover, c PlannedCluster) string {
	key := "The cluster gets a key of " + orNobody(h.FunctionalID)
	if h.Action == Refresh {
		key = "The cluster keeps its newer key"
	}
	key += " and its master is refreshed; workloads keep running. "
	switch {
	case c.Manual != "":
		return key + "A person is asked to restart the storage and autoscaler controllers, because the engine cannot reach the cluster."
	case len(c.Dependents) == 0:
		return key + "Nothing is restarted."
	}
	return key + "Restarted: " + restarts(c) + "."
}

// takes estimates how long the run needs, and says what the estimate assumes.
func takes(plan Plan) (sentences, assumptions []string) {
	if n := len(plan.Handovers); n > 0 {
		parallel := DefaultPolicy().ParallelScopes
		rounds := time.Duration((n + parallel - 1) / parallel)
		sentences = append(sentences, fmt.Sprintf("Handing over %s: between %s and %s.", counted(n, "scope", "scopes"),
			span(rounds*scopeAtBest), span(time.Duration(n)*scopeAtWorst)))
		assumptions = append(assumptions,
			fmt.Sprintf("A scope takes between %s and %s: the reset, the refresh of its masters, the restarts, and the proof that all is healthy. IBM publishes no figures.", span(scopeAtBest), span(scopeAtWorst)),
			"The shorter time is for as many scopes at once as the policy allows by default, the longer one for one after the other.")
	}
	if len(plan.Keys) > 0 {
		sentences = append(sentences, fmt.Sprintf("Soak, in which the keys are disabled and can be enabled again: %s.", plan.Soak))
	}
	if len(plan.Keys) > 0 && !plan.Prunes() {
		sentences = append(sentences, fmt.Sprintf("Access ends no later than %s after the last key is disabled, because tokens outlive their keys.", plan.TokenLife))
	}
	if slices.ContainsFunc(plan.Preparation, func(p Preparation) bool { return p.Invite }) {
		assumptions = append(assumptions, "Invitations are accepted at once; the run waits until they are.")
	}
	if count(plan.Findings, Decision)+count(plan.Findings, Blocker) > 0 {
		assumptions = append(assumptions, "The time that people need for their answers is not counted.")
	}
	return sentences, assumptions
}

func final(plan Plan) []string {
	var list []string
	if n := plan.Resets(); n > 0 {
		list = append(list, fmt.Sprintf("The new key of %s: a reset cannot be taken back, only followed by another one. The clusters run on either.", counted(n, "scope", "scopes")))
	}
	if n := len(plan.Keys); n > 0 {
		list = append(list, fmt.Sprintf("The deletion of %s after the soak of %s. Until then the keys are only disabled.", counted(n, "key", "keys"), plan.Soak))
	}
	if plan.RemoveUser {
		list = append(list, plan.Leaver.Email+"'s removal from the account: an invitation brings the person back, but not their access.")
	}
	return list
}

// foresightMarkdown is what a plan that was not begun means for the clusters' owners: how old the use of each key is, how
// long the run takes and what nobody can take back. What depends on the keys stands in the plan itself.
func foresightMarkdown(plan Plan) string {
	if plan.Empty() {
		return ""
	}
	f := NewForesight(plan)
	var b strings.Builder
	part := func(title string, list []string) {
		if len(list) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n### %s\n\n", title)
		for _, sentence := range list {
			fmt.Fprintf(&b, "- %s\n", sentence)
		}
	}
	part("How recently the keys were used", f.Uses())
	part("How long it takes", f.Takes)
	if len(f.Assumptions) > 0 {
		fmt.Fprintf(&b, "\nThis is an estimate. It assumes: %s\n", strings.Join(f.Assumptions, " "))
	}
	part("What cannot be undone", f.Final)
	return b.String()
}

// Uses says of each scope how recently its key was used, where that is known.
func (f Foresight) Uses() []string {
	var list []string
	for _, c := range f.Clusters {
		if said := fmt.Sprintf("%s: %s.", c.Scope, c.LastUsed); c.LastUsed != "" && !slices.Contains(list, said) {
			list = append(list, said)
		}
	}
	return list
}
