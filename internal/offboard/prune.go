package offboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PruneSurvey is what was found before superseded cluster keys are pruned. Reading it changes nothing.
type PruneSurvey struct {
	Account Account `json:"account"`
	// Evidence holds the scopes with superseded keys that were selected, and when they were looked at.
	Evidence KeyEvidence `json:"evidence"`
	// Scopes are all that have a cluster key, whether or not one of them is superseded.
	Scopes []Scope `json:"scopes,omitempty"`
	// Unread are cluster keys whose description does not say their scope.
	Unread  []Key     `json:"unread,omitempty"`
	Missing []Missing `json:"missing,omitempty"`
}

// WatchedScope is a scope whose clusters the soak of a prune looks at.
type WatchedScope struct {
	Scope Scope `json:"scope"`
	// Newest is the ID of the key that the scope runs on, and Owner whose it is: an e-mail address, or an IAM ID.
	Newest   string           `json:"newest"`
	Owner    string           `json:"owner,omitempty"`
	Clusters []PlannedCluster `json:"clusters,omitempty"`
}

// Takes tells whether the selection means a superseded key. The owner's e-mail address is empty where they are not in
// the account.
func (s PruneSelection) Takes(k Key, owner Person) bool {
	switch {
	case len(s.Scopes) > 0:
		return k.Scope.isNamed(s.Scopes)
	case s.OwnedBy != "":
		return s.OwnedBy == k.IAMID || (owner.Email != "" && strings.EqualFold(s.OwnedBy, owner.Email))
	}
	return true
}

// Select leaves only the scopes with a superseded key that the selection means. Their other keys stay with them, because
// they are evidence.
func (s PruneSelection) Select(e KeyEvidence) KeyEvidence {
	people := byIAMID(e.People)
	e.Scopes = slices.DeleteFunc(slices.Clone(e.Scopes), func(scope ScopeEvidence) bool {
		return !slices.ContainsFunc(MarkSuperseded(scope.Keys), func(k Key) bool {
			owner := people[k.IAMID]
			return k.Superseded && s.Takes(k, owner)
		})
	})
	return e
}

// Missing lists what the selection names and the account does not have.
func (s PruneSelection) Missing(scopes []Scope) []string {
	return slices.DeleteFunc(slices.Clone(s.Scopes), func(wanted string) bool {
		return slices.ContainsFunc(scopes, func(have Scope) bool { return have.isNamed([]string{wanted}) })
	})
}

// NewPrunePlan computes the plan of a prune: the selected superseded keys that are proven unused go, and a note says of
// each key, whether it goes or stays, why.
func NewPrunePlan(s PruneSurvey, sel PruneSelection, r Request, p Policy) Plan {
	plan := Plan{SurveyedAt: s.Evidence.TakenAt, Account: s.Account.ID, Soak: r.Soak, TokenLife: s.Account.TokenLife, Prune: &sel}
	people := byIAMID(s.Evidence.People)
	var goes, stays []Finding
	for _, v := range Superseded(s.Evidence, p) {
		k := v.Key
		owner := people[k.IAMID]
		if !sel.Takes(k, owner) {
			continue
		}
		note := Finding{ID: "key/" + k.ID, Severity: Note}
		what := fmt.Sprintf("Key %s of %s, owned by %s,", k.ID, k.Scope, cmp.Or(owner.Email, k.IAMID))
		if !v.Unused {
			note.Text = what + " stays: " + strings.Join(v.Because, "; ") + "."
			stays = append(stays, note)
			continue
		}
		note.Text = what + " goes: " + strings.Join(v.Because, "; ") + "."
		goes = append(goes, note)
		plan.Keys = append(plan.Keys, PlannedKey{ID: k.ID, Name: k.Name, Class: k.Class, Scope: k.Scope, Disabled: k.Disabled,
			LastUsed: k.LastUsed, Created: k.CreatedAt, Owner: cmp.Or(owner.Email, k.IAMID)})
	}
	for _, scope := range s.Evidence.Scopes {
		if slices.ContainsFunc(plan.Keys, func(k PlannedKey) bool { return k.Scope.ID() == scope.Scope.ID() }) {
			plan.Watch = append(plan.Watch, watchedScope(scope, people))
		}
	}
	for _, wanted := range sel.Missing(s.Scopes) {
		plan.Findings = append(plan.Findings, Finding{ID: "absent/" + wanted, Severity: Blocker,
			Text: fmt.Sprintf("No cluster key that the engine can see is of %s.", wanted), Remedy: "Correct the name, or leave the scope out."})
	}
	plan.Findings = append(plan.Findings, missingFindings(s.Missing)...)
	plan.Findings = append(append(plan.Findings, stays...), unreadFindings(s.Unread, sel, people)...)
	plan.Findings = append(plan.Findings, goes...)
	plan.Digest = plan.digest()
	return plan
}

// unreadFindings are about cluster keys of nobody knows which scope; one that was selected by its scope is not among them.
func unreadFindings(unread []Key, sel PruneSelection, people map[string]Person) []Finding {
	var list []Finding
	for _, k := range unread {
		owner := people[k.IAMID]
		if len(sel.Scopes) == 0 && sel.Takes(k, owner) {
			list = append(list, Finding{ID: "key/" + k.ID, Severity: Note,
				Text: fmt.Sprintf("Key %s, owned by %s, stays: it does not say which scope it belongs to, so nobody can tell whether it is superseded.", k.ID, cmp.Or(owner.Email, k.IAMID))})
		}
	}
	return list
}

func watchedScope(scope ScopeEvidence, people map[string]Person) WatchedScope {
	w := WatchedScope{Scope: scope.Scope}
	for _, k := range MarkSuperseded(scope.Keys) {
		if !k.Superseded && k.Scope.ID() == scope.Scope.ID() {
			owner := people[k.IAMID]
			w.Newest, w.Owner = k.ID, cmp.Or(owner.Email, k.IAMID)
		}
	}
	for _, c := range scope.Clusters {
		if !c.Cluster.Going() {
			w.Clusters = append(w.Clusters, PlannedCluster{ClusterRef: ClusterRef{ID: c.Cluster.ID, Name: c.Cluster.Name},
				Provider: c.Cluster.Provider, Type: c.Cluster.Type, Owner: c.Cluster.Owner.Email, Dependents: c.Dependents, Manual: c.Unreachable})
		}
	}
	return w
}

func byIAMID(list []Person) map[string]Person {
	people := make(map[string]Person, len(list))
	for _, p := range list {
		people[p.IAMID] = p
	}
	return people
}

// KeyDoubt is a key of a plan to prune that is no longer proven unused, and why.
type KeyDoubt struct {
	ID  string   `json:"id"`
	Why []string `json:"why"`
}

// PruneDoubts looks at the keys that a prune is about to disable or to delete, with new evidence. It tells of each that
// is there and not proven unused any more. A use since the plan was made is always a doubt, however long ago IAM says it
// was; and so is a key that works although this run had disabled it.
func PruneDoubts(e KeyEvidence, keys []KeyProgress, p Policy) []KeyDoubt {
	verdicts := map[string]SupersededKey{}
	for _, v := range Superseded(e, p) {
		verdicts[v.Key.ID] = v
	}
	var list []KeyDoubt
	for _, k := range keys {
		if k.State != KeyActive && k.State != KeyDisabled {
			continue
		}
		i := slices.IndexFunc(e.Scopes, func(scope ScopeEvidence) bool { return scope.Scope.ID() == k.Scope.ID() })
		if i < 0 {
			list = append(list, KeyDoubt{ID: k.ID, Why: []string{"nobody looked at " + k.Scope.String() + " again"}})
			continue
		}
		j := slices.IndexFunc(e.Scopes[i].Keys, func(have Key) bool { return have.ID == k.ID })
		if j < 0 {
			continue // somebody deleted it: there is nothing left to prove
		}
		now := e.Scopes[i].Keys[j]
		doubt := KeyDoubt{ID: k.ID}
		v, judged := verdicts[k.ID]
		switch {
		case !judged:
			doubt.Why = append(doubt.Why, "it is the newest key of its scope by now")
		case !v.Unused:
			doubt.Why = append(doubt.Why, v.Because...)
		}
		if now.LastUsed.After(k.LastUsed) {
			doubt.Why = append(doubt.Why, "it was used at "+now.LastUsed.UTC().Format(time.RFC3339)+", after the plan was made")
		}
		if k.State == KeyDisabled && !now.Disabled {
			doubt.Why = append(doubt.Why, "somebody enabled it again")
		}
		if len(doubt.Why) > 0 {
			list = append(list, doubt)
		}
	}
	return list
}

// Prunes tells whether the plan is one to prune superseded keys.
func (plan Plan) Prunes() bool { return plan.Prune != nil }

// ProblemsOfPrune are the problems of an admission that concern a prune, see Problems.
func (a Admission) ProblemsOfPrune(p PruneRequest) []string {
	r := p.Request()
	list := a.accountProblems(r)
	list = append(append(list, a.approvalProblems(r)...), a.shortSoak(r)...)
	if p.OwnedBy != "" && isEmail(p.OwnedBy) && a.Gone() {
		text := fmt.Sprintf("\"ownedBy\": no user %q is in account %s: name an owner who is gone by IAM ID", p.OwnedBy, a.Account.ID)
		if len(a.Similar) > 0 {
			text += "; similar names: " + strings.Join(a.Similar, ", ")
		}
		list = append(list, text)
	}
	return list
}

// Leaves tells whether the run is about a person who leaves: neither a move nor a prune.
func (p *Progress) Leaves() bool { return p.Move == nil && p.Prune == nil }

// InWords is the plan in one sentence.
func (plan Plan) InWords() string { return planInWords(plan) }

// prunedInWords is a plan to prune in one sentence.
func prunedInWords(plan Plan) string {
	stay := plan.staying()
	if len(plan.Keys) == 0 {
		return fmt.Sprintf("No superseded key is proven unused; %s.", counted(stay, "key stays", "keys stay"))
	}
	clusters := 0
	for _, w := range plan.Watch {
		clusters += len(w.Clusters)
	}
	return fmt.Sprintf("%s disabled, and deleted after a healthy soak of %s in which %s watched; %s. Nothing is handed over, nothing is restarted and nobody is removed.",
		counted(len(plan.Keys), "superseded key is", "superseded keys are"), plan.Soak, counted(clusters, "cluster is", "clusters are"), counted(stay, "key stays", "keys stay"))
}

// prunedNumbers are a prune, or a plan to prune, at a glance.
func prunedNumbers(p Progress) []number {
	deleted, stay := 0, 0
	for _, k := range p.Keys {
		switch k.State {
		case KeyDeleted:
			deleted++
		case KeyKept:
			stay++
		}
	}
	if len(p.Keys) > 0 {
		return []number{{fmt.Sprintf("%d of %d", deleted, len(p.Keys)), "superseded keys deleted"}, {fmt.Sprint(stay), plural(stay, "key was spared", "keys were spared")},
			{fmt.Sprint(len(p.Residual)), plural(len(p.Residual), "item remains", "items remain")}}
	}
	plan := *p.Plan
	return []number{
		{fmt.Sprint(len(plan.Keys)), plural(len(plan.Keys), "superseded key to delete", "superseded keys to delete")},
		{fmt.Sprint(plan.staying()), plural(plan.staying(), "key that stays", "keys that stay")},
		{fmt.Sprint(plan.Blockers()), plural(plan.Blockers(), "blocker", "blockers")},
	}
}

// staying counts the keys that a plan to prune leaves alone: each has a note that says why.
func (plan Plan) staying() int {
	n := 0
	for _, f := range plan.Findings {
		id, isKey := strings.CutPrefix(f.ID, "key/")
		if isKey && !slices.ContainsFunc(plan.Keys, func(k PlannedKey) bool { return k.ID == id }) {
			n++
		}
	}
	return n
}

// FoundNothing tells whether a prune ended because no key can go: its plan then says of each why it stays.
func (p *Progress) FoundNothing() bool {
	return p.Prune != nil && p.Status == Completed && p.Plan != nil && len(p.Plan.Keys) == 0
}

// PrunedSentence says how a prune came out.
func (p *Progress) PrunedSentence() string {
	deleted := 0
	for _, k := range p.Keys {
		if k.State == KeyDeleted {
			deleted++
		}
	}
	return fmt.Sprintf("%d of %d superseded keys are deleted.", deleted, len(p.Keys))
}
