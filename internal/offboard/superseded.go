package offboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// KeyEvidence is what is known about the account's cluster keys and about what may still hold one that was superseded.
type KeyEvidence struct {
	TakenAt time.Time       `json:"takenAt"`
	People  []Person        `json:"people,omitempty"` // the owners of the scopes' newest keys, at least
	Scopes  []ScopeEvidence `json:"scopes,omitempty"`
	// Hidden are clusters that the engine cannot see: each may belong to any scope (trap 40).
	Hidden []ClusterRef `json:"hidden,omitempty"`
	// Named says of keys that are known to be used for something else besides, what that is, by key ID.
	Named map[string]string `json:"named,omitempty"`
}

// ScopeEvidence is one scope with at least one superseded key.
type ScopeEvidence struct {
	Scope    Scope             `json:"scope"`
	Keys     []Key             `json:"keys"`               // every cluster key of the scope, whoever owns it, with LastUsed
	Unread   []string          `json:"unread,omitempty"`   // IDs of those whose last use could not be read
	Clusters []ClusterEvidence `json:"clusters,omitempty"` // every cluster of the scope
}

// ClusterEvidence is one cluster and since when it cannot hold an older key.
type ClusterEvidence struct {
	Cluster Cluster `json:"cluster"` // with Owner
	// Looked: its control plane was asked for Master and its own API for Dependents and Since.
	Looked     bool        `json:"looked,omitempty"`
	Master     Master      `json:"master,omitzero"`
	Dependents []Dependent `json:"dependents,omitempty"`
	// Since is when the oldest pod of a dependent was started; zero where there is none or it is not known.
	Since time.Time `json:"since,omitzero"`
	// Unreachable says why its own API could not be asked; empty when it was.
	Unreachable string `json:"unreachable,omitempty"`
}

// SupersededKey is a cluster key that is not the newest of its scope, and whether it is proven unused.
type SupersededKey struct {
	Key    Key    `json:"key"`
	Newest string `json:"newest"` // ID of the scope's newest key
	// Unused: nothing holds it. Because says what proves that, or everything that keeps it from being proven.
	Unused  bool     `json:"unused"`
	Because []string `json:"because"`
}

// Superseded judges every superseded key of the scopes, in their order and oldest first. Neither IAM nor the containers
// API says which key is in use (facts, section 2.4), so a key counts as unused only if everything that could hold it is
// known not to: the scope's newest key works and is the one that every cluster names, every control plane was refreshed
// and every dependent started after that key was made, and IAM saw no use within the policy's recent-use window. What is
// not known proves nothing.
func Superseded(e KeyEvidence, p Policy) []SupersededKey {
	var list []SupersededKey
	people := make(map[string]Person, len(e.People))
	for _, person := range e.People {
		people[person.IAMID] = person
	}
	for _, scope := range e.Scopes {
		keys := MarkSuperseded(scope.Keys)
		slices.SortStableFunc(keys, func(a, b Key) int { return a.CreatedAt.Compare(b.CreatedAt) })
		i := slices.IndexFunc(keys, func(k Key) bool { return k.Class == ClusterKey && k.Scope.ID() == scope.Scope.ID() && !k.Superseded })
		if i < 0 {
			continue // no key of the scope at all
		}
		newest := keys[i]
		shared := scopeDoubts(scope, newest, people, e.Hidden)
		for _, k := range keys {
			if !k.Superseded || k.Scope.ID() != scope.Scope.ID() {
				continue
			}
			verdict := SupersededKey{Key: k, Newest: newest.ID, Because: append(keyDoubts(k, newest, scope, e, p), shared...)}
			if verdict.Unused = len(verdict.Because) == 0; verdict.Unused {
				verdict.Because = proof(k, newest, people[newest.IAMID], scope, e.TakenAt)
			}
			list = append(list, verdict)
		}
	}
	return list
}

// keyDoubts is what the key itself leaves open.
func keyDoubts(k, newest Key, scope ScopeEvidence, e KeyEvidence, p Policy) []string {
	var list []string
	doubt := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	window := p.RecentUse.Std()
	if k.Locked {
		doubt("it is locked: somebody wants it kept")
	}
	if use := e.Named[k.ID]; use != "" {
		doubt("%s", use)
	}
	switch {
	case k.CreatedAt.IsZero():
		doubt("IAM does not say when it was made, so it may be the current key")
	case k.CreatedAt.Equal(newest.CreatedAt):
		doubt("it was made in the same moment as key %s, so either may be the current one", newest.ID)
	}
	switch {
	case slices.Contains(scope.Unread, k.ID):
		doubt("its last use could not be read")
	case k.LastUsed.IsZero() && e.TakenAt.Sub(newest.CreatedAt) <= window:
		doubt("no use of it is known, but it was superseded only %s", ago(e.TakenAt, newest.CreatedAt))
	case !k.LastUsed.IsZero() && e.TakenAt.Sub(k.LastUsed) <= window:
		doubt("it was last used %s, within the %s that count as recent", ago(e.TakenAt, k.LastUsed), p.RecentUse)
	}
	return list
}

// scopeDoubts is what the scope leaves open about all its superseded keys.
func scopeDoubts(scope ScopeEvidence, newest Key, people map[string]Person, hidden []ClusterRef) []string {
	var list []string
	doubt := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, h := range hidden {
		doubt("cluster %s is hidden from the engine and may belong to this scope", h.Name)
	}
	var live []ClusterEvidence
	for _, c := range scope.Clusters {
		if !c.Cluster.Going() {
			live = append(live, c)
		}
	}
	if len(live) == 0 {
		return list // nothing depends on any key of the scope
	}
	owner, known := people[newest.IAMID]
	switch {
	case newest.CreatedAt.IsZero():
		doubt("IAM does not say when key %s was made, which seems to be the current one", newest.ID)
	case newest.Disabled:
		doubt("the newest key %s is disabled, so the clusters may run on this one", newest.ID)
	case !known:
		doubt("the newest key %s belongs to %s, who is not in the account", newest.ID, newest.IAMID)
	case !owner.Active():
		doubt("the newest key %s belongs to %s, who is in state %s", newest.ID, owner.Email, owner.State)
	case slices.Contains(scope.Unread, newest.ID), newest.LastUsed.IsZero():
		doubt("no use of the newest key %s is known, so nothing proves that it works", newest.ID)
	}
	for _, c := range live {
		list = append(list, clusterDoubts(c, newest, owner)...)
	}
	return list
}

// clusterDoubts is what one cluster leaves open about every key that is older than the newest.
func clusterDoubts(c ClusterEvidence, newest Key, owner Person) []string {
	var list []string
	name := c.Cluster.Name
	doubt := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch {
	case c.Cluster.Owner.Email == "":
		doubt("it is not known whose key cluster %s names", name)
	case owner.Email != "" && !c.Cluster.Owner.Is(owner.Email):
		doubt("cluster %s names a key of %s, not the newest one of %s", name, c.Cluster.Owner.Email, owner.Email)
	}
	if c.Cluster.State != "normal" {
		doubt("cluster %s is in state %s: an older key may be its cure", name, orUnknown(c.Cluster.State))
	}
	switch {
	case !c.Looked:
		doubt("nobody looked into cluster %s", name)
		return list
	case c.Master.Modified.IsZero():
		doubt("it is not known when the control plane of cluster %s was refreshed", name)
	case !c.Master.Modified.After(newest.CreatedAt):
		doubt("the control plane of cluster %s was not refreshed since the newest key was made", name)
	case !c.Master.Settled():
		doubt("the control plane of cluster %s is %s", name, c.Master.State)
	}
	switch {
	case c.Unreachable != "":
		doubt("cluster %s cannot be reached, so its workloads may hold an older key (%s)", name, c.Unreachable)
	case len(c.Dependents) == 0:
	case c.Since.IsZero():
		doubt("it is not known since when %s in cluster %s run", workloadNames(c.Dependents), name)
	case !c.Since.After(newest.CreatedAt):
		doubt("%s in cluster %s run since %s, before the newest key was made", workloadNames(c.Dependents), name, c.Since.UTC().Format(time.DateOnly))
	}
	return list
}

// proof says why a key is taken for unused.
func proof(k, newest Key, owner Person, scope ScopeEvidence, now time.Time) []string {
	list := []string{"no use of it is known"}
	if !k.LastUsed.IsZero() {
		list[0] = "it was last used " + ago(now, k.LastUsed)
	}
	live := 0
	for _, c := range scope.Clusters {
		if !c.Cluster.Going() {
			live++
		}
	}
	if live == 0 {
		return append(list, "no cluster is left in "+scope.Scope.String())
	}
	return append(list,
		fmt.Sprintf("%s runs on key %s of %s, made %s and last used %s", scope.Scope, newest.ID, owner.Email, ago(now, newest.CreatedAt), ago(now, newest.LastUsed)),
		fmt.Sprintf("the control planes and workloads of %s began after that key was made", counted(live, "cluster", "clusters")))
}

func workloadNames(list []Dependent) string {
	var names []string
	for _, d := range list {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, " and ")
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
