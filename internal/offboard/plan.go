package offboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Action is what a hand-over does to a scope.
type Action string

// The actions.
const (
	// Reset makes a new cluster key as the functional ID, then refreshes and restarts what holds the old one.
	Reset Action = "reset"
	// Refresh makes no key: the scope already has a newer key of somebody else, but its masters, secrets and dependents
	// may still hold one of the leaver's older keys, so they are refreshed and restarted before those die.
	Refresh Action = "refresh"
)

// Plan is what will be done. It is computed once from a survey, recorded, shown, and approved by its digest.
type Plan struct {
	Digest      string        `json:"digest"`
	SurveyedAt  time.Time     `json:"surveyedAt"`
	Account     string        `json:"account"`
	Leaver      Person        `json:"leaver"`
	Handovers   []Handover    `json:"handovers,omitempty"`
	Preparation []Preparation `json:"preparation,omitempty"`
	// Fallback takes the scopes that are reset if the run turns round afterwards.
	Fallback   *FunctionalID `json:"fallback,omitempty"`
	Keys       []PlannedKey  `json:"keys,omitempty"`
	Soak       Duration      `json:"soak"`
	TokenLife  Duration      `json:"tokenLife"`
	RemoveUser bool          `json:"removeUser"`
	// Sync are the clusters whose access list is synchronised after the removal, and Bindings the custom bindings in
	// them that name the leaver.
	Sync     []ClusterRef     `json:"sync,omitempty"`
	Bindings []ClusterBinding `json:"bindings,omitempty"`
	Findings []Finding        `json:"findings,omitempty"`
	// Prune is which superseded keys are pruned, where that is what the plan is for, and Watch the scopes of those that go.
	Prune *PruneSelection `json:"prune,omitempty"`
	Watch []WatchedScope  `json:"watch,omitempty"`
}

// Handover is one scope and who takes it.
type Handover struct {
	Scope        Scope            `json:"scope"`
	Action       Action           `json:"action"`
	FunctionalID string           `json:"functionalId,omitempty"` // e-mail address; empty for Refresh
	Clusters     []PlannedCluster `json:"clusters,omitempty"`
}

// ClusterRef names a cluster.
type ClusterRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ClusterBinding is a custom binding in a cluster.
type ClusterBinding struct {
	Cluster ClusterRef `json:"cluster"`
	Binding Binding    `json:"binding"`
}

// PlannedCluster is one cluster of a hand-over.
type PlannedCluster struct {
	ClusterRef
	Provider   string      `json:"provider"`
	Type       string      `json:"type"`
	Owner      string      `json:"owner,omitempty"`      // whose key it was at the survey; empty where that could not be read
	Dependents []Dependent `json:"dependents,omitempty"` // to be restarted
	// Manual says why dependents cannot be restarted from here; a person is asked to do it.
	Manual string `json:"manual,omitempty"`
}

// Preparation is one functional ID and what must be true of it before it takes anything.
type Preparation struct {
	Email  string  `json:"email"`
	Invite bool    `json:"invite,omitempty"` // it is not in the account yet
	Scopes []Scope `json:"scopes"`
	Grants []Grant `json:"grants"`
}

// PlannedKey is one key of the leaver, or a superseded one, and what happens to it.
type PlannedKey struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Class    KeyClass  `json:"class"`
	Scope    Scope     `json:"scope,omitzero"`
	Unlock   bool      `json:"unlock,omitempty"`
	Disabled bool      `json:"disabled,omitempty"` // by somebody else, before us: an undo leaves it so
	LastUsed time.Time `json:"lastUsed,omitzero"`
	Created  time.Time `json:"created,omitzero"`
	// Owner of a superseded key: an e-mail address, or the IAM ID of somebody who is not in the account.
	Owner string `json:"owner,omitempty"`
}

// NewPlan computes the plan for a survey. It decides nothing that needs a person: that becomes a finding.
func NewPlan(s Survey, r Request, p Policy) Plan {
	plan := Plan{
		SurveyedAt: s.TakenAt, Account: s.Account.ID, Leaver: s.Leaver,
		Soak: r.Soak, TokenLife: s.Account.TokenLife, RemoveUser: r.RemoveUser,
	}
	plan.Handovers = handovers(s)
	plan.assign(s)
	plan.Preparation = preparations(plan.Handovers, s)
	plan.Fallback = s.Fallback
	for _, k := range s.Keys {
		plan.Keys = append(plan.Keys, PlannedKey{ID: k.ID, Name: k.Name, Class: k.Class, Scope: k.Scope,
			Unlock: k.Locked, Disabled: k.Disabled, LastUsed: k.LastUsed, Created: k.CreatedAt})
	}
	for _, scope := range s.Scopes {
		for _, c := range scope.Clusters {
			ref := ClusterRef{ID: c.Cluster.ID, Name: c.Cluster.Name}
			if c.Cluster.Going() {
				continue
			}
			plan.Sync = append(plan.Sync, ref)
			for _, b := range c.Inspection.Bindings {
				plan.Bindings = append(plan.Bindings, ClusterBinding{Cluster: ref, Binding: b})
			}
		}
	}
	plan.Findings = append(plan.Findings, findings(s, plan, p)...)
	slices.SortStableFunc(plan.Findings, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	plan.Digest = plan.digest()
	return plan
}

func rank(s Severity) int { return slices.Index([]Severity{Blocker, Decision, Note}, s) }

// handovers picks the scopes to touch: those whose key the leaver owns, and those where an older key of theirs may
// still be in use.
func handovers(s Survey) []Handover {
	var list []Handover
	for _, scope := range s.Scopes {
		action := s.Action(scope)
		if action == "" {
			continue
		}
		if clusters := plannedClusters(scope); len(clusters) > 0 { // without any, a reset would only mint one more key (trap 58)
			list = append(list, Handover{Scope: scope.Scope, Action: action, Clusters: clusters})
		}
	}
	return list
}

// Action is what becomes of a scope that has clusters when the leaver goes; empty if it is none of theirs. It asks the
// owners and the leaver's keys only, and not what is inside the clusters.
func (s Survey) Action(scope ScopeSurvey) Action {
	switch {
	case ownedBy(scope, s.Leaver), mayBeOwned(scope, s):
		return Reset
	case holdsClusterKey(s.Keys, scope.Scope):
		return Refresh
	}
	return ""
}

func ownedBy(scope ScopeSurvey, leaver Person) bool {
	return slices.ContainsFunc(scope.Clusters, func(c ClusterSurvey) bool {
		return !c.Cluster.Going() && c.Cluster.Owner.Is(leaver.Email)
	})
}

// mayBeOwned tells whether the scope may run on a key of the leaver although no cluster says so: their key is the newest
// one there, or they hold one and a cluster's owner could not be read. A reset too many does no harm, a missing one does.
func mayBeOwned(scope ScopeSurvey, s Survey) bool {
	if slices.ContainsFunc(s.Keys, func(k Key) bool { return !k.Superseded && k.isOf(scope.Scope) }) {
		return true
	}
	unknown := slices.ContainsFunc(scope.Clusters, func(c ClusterSurvey) bool { return !c.Cluster.Going() && c.Cluster.Owner.Email == "" })
	return unknown && holdsClusterKey(s.Keys, scope.Scope)
}

func holdsClusterKey(keys []Key, scope Scope) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.isOf(scope) })
}

// isOf tells whether a key is a cluster key of the scope.
func (k Key) isOf(scope Scope) bool { return k.Class == ClusterKey && k.Scope.ID() == scope.ID() }

func plannedClusters(scope ScopeSurvey) []PlannedCluster {
	var list []PlannedCluster
	for _, c := range scope.Clusters {
		if c.Cluster.Going() {
			continue
		}
		list = append(list, PlannedCluster{
			ClusterRef: ClusterRef{ID: c.Cluster.ID, Name: c.Cluster.Name},
			Provider:   c.Cluster.Provider, Type: c.Cluster.Type, Owner: c.Cluster.Owner.Email,
			Dependents: c.Inspection.Restartable(), Manual: c.Inspection.Unreachable,
		})
	}
	return list
}

// Restartable are the dependents without storage drivers that do not use the key (trap 48).
func (i Inspection) Restartable() []Dependent {
	if !i.TrustedProfile {
		return i.Dependents
	}
	storage := map[string]bool{}
	for _, rule := range BuiltinDependents() {
		storage[rule.Name] = rule.StorageOnly
	}
	return slices.DeleteFunc(slices.Clone(i.Dependents), func(d Dependent) bool { return storage[d.Name] })
}

// assign gives each reset to a functional ID with room for one more key (trap 5), filling them in the order they are
// named so that as few as possible are prepared.
func (plan *Plan) assign(s Survey) {
	free := make([]int, len(s.FunctionalIDs))
	room := 0
	for i, f := range s.FunctionalIDs {
		free[i] = f.Free()
		room += free[i]
	}
	needed := 0
	for i := range plan.Handovers {
		if plan.Handovers[i].Action != Reset {
			continue
		}
		needed++
		for j := range free {
			if free[j] > 0 {
				free[j]--
				plan.Handovers[i].FunctionalID = s.FunctionalIDs[j].Email
				break
			}
		}
	}
	if needed <= room || len(s.FunctionalIDs) == 0 { // without any there is a blocker of its own
		return
	}
	names := make([]string, len(s.FunctionalIDs))
	for i, f := range s.FunctionalIDs {
		names[i] = fmt.Sprintf("%s holds %d of %d keys", f.Email, f.Keys, f.Limit)
	}
	plan.Findings = append(plan.Findings, Finding{
		ID: "headroom", Severity: Blocker,
		Text: fmt.Sprintf("%s a new owner, but the functional IDs have room for %s only: %s.",
			counted(needed, "scope needs", "scopes need"), counted(room, "more API key", "more API keys"), strings.Join(names, ", ")),
		Remedy: "Delete keys of the functional IDs that nothing uses, have IBM raise the limit, or configure one more functional ID.",
	})
}

func preparations(handovers []Handover, s Survey) []Preparation {
	var list []Preparation
	for _, f := range s.FunctionalIDs {
		p := Preparation{Email: f.Email, Invite: f.State == ""}
		for _, h := range handovers {
			if h.FunctionalID == f.Email {
				p.Scopes = append(p.Scopes, h.Scope)
			}
		}
		if len(p.Scopes) == 0 {
			continue
		}
		p.Grants = GrantsFor(p.Scopes, s)
		list = append(list, p)
	}
	return list
}

// Moves tells whether the plan moves scopes although nobody leaves.
func (plan Plan) Moves() bool { return plan.Leaver.IAMID == "" && !plan.Prunes() }

// Counts says how much the plan is about, for the sentence at the end of a run that only plans.
func (plan Plan) Counts() string {
	if plan.Prunes() {
		return fmt.Sprintf("%d superseded keys can go", len(plan.Keys))
	}
	return fmt.Sprintf("%d scopes, %d clusters, %d keys", len(plan.Handovers), plan.Clusters(), len(plan.Keys))
}

// Blockers counts the findings that forbid to go on.
func (plan Plan) Blockers() int { return count(plan.Findings, Blocker) }

// Clusters counts the clusters of all hand-overs.
func (plan Plan) Clusters() int {
	n := 0
	for _, h := range plan.Handovers {
		n += len(h.Clusters)
	}
	return n
}

// Resets counts the hand-overs that make a new key.
func (plan Plan) Resets() int {
	n := 0
	for _, h := range plan.Handovers {
		if h.Action == Reset {
			n++
		}
	}
	return n
}

// Empty tells whether there is nothing to do.
func (plan Plan) Empty() bool {
	return len(plan.Handovers) == 0 && len(plan.Keys) == 0 && !plan.RemoveUser
}

// Unanswered checks the answers of an approval and returns a sentence for each that is missing or not understood.
func (plan Plan) Unanswered(answers map[string]string) []string {
	var list []string
	known := map[string]bool{}
	for _, f := range plan.Findings {
		if f.Severity != Decision {
			continue
		}
		known[f.ID] = true
		answer, given := answers[f.ID]
		switch {
		case !given:
			list = append(list, fmt.Sprintf("%q needs an answer (%s): %s", f.ID, strings.Join(f.Options, " or "), f.Text))
		case !slices.Contains(f.Options, answer):
			list = append(list, fmt.Sprintf("%q cannot be answered %q: it takes %s", f.ID, answer, strings.Join(f.Options, " or ")))
		}
	}
	for _, id := range sortedKeys(answers) {
		if !known[id] {
			list = append(list, fmt.Sprintf("%q is not a question of this plan", id))
		}
	}
	return list
}

// Kept tells whether the answers keep the key alive.
func Kept(answers map[string]string, keyID string) bool { return answers["key/"+keyID] == AnswerKeep }
