package offboard

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// AuditSurvey is everything an audit read of an account. Reading it changed nothing.
type AuditSurvey struct {
	TakenAt       time.Time         `json:"takenAt"`
	Request       AuditRequest      `json:"request"`
	Account       Account           `json:"account"`
	Engine        Identity          `json:"engine"`
	FunctionalIDs []FunctionalID    `json:"functionalIds,omitempty"`
	Groups        []ResourceGroup   `json:"groups,omitempty"`
	Clusters      []ClusterEvidence `json:"clusters,omitempty"` // of the whole account
	Hidden        []ClusterRef      `json:"hidden,omitempty"`   // known to global search only (trap 40)
	// Users and UserKeys count what is in the account. People are the users an audit speaks of: owners of clusters, holders
	// of keys made for clusters, those whom a profile or a service ID names, and the functional IDs. Who is asked for by name
	// and is not among them is not in the account.
	Users    int      `json:"users"`
	UserKeys int      `json:"userKeys"`
	People   []Person `json:"people,omitempty"`
	// Keys are all keys made for clusters and Satellite locations, and the personal ones of those who hold one or own a
	// cluster; with EveryKey also those of others that are in use. LastUsed is read where it is wanted, see LastUseWanted.
	Keys   []Key    `json:"keys,omitempty"`
	Unread []string `json:"unread,omitempty"` // IDs of keys whose last use could not be read
	// Blind: the engine was shown no key but its own, so that a missing key proves nothing.
	Blind bool `json:"blind,omitempty"`
	// Rights are what policies give the owners, by IAM ID. Who is not in it could not be judged.
	Rights     map[string][]Right `json:"rights,omitempty"`
	Profiles   []TrustedProfile   `json:"profiles,omitempty"`
	ServiceIDs []ServiceID        `json:"serviceIds,omitempty"`
	// Classic says whose manual classic credentials a scope uses, by scope ID; only read with Dependents.
	Classic map[string]string `json:"classic,omitempty"`
	Missing []Missing         `json:"missing,omitempty"`
}

// TrustedProfile is an IAM trusted profile and the users it lists as identities.
type TrustedProfile struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Users []string `json:"users,omitempty"` // IAM IDs
}

// ServiceID is an IAM service ID.
type ServiceID struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Creator string `json:"creator,omitempty"` // IAM ID; empty where its history does not tell
}

// LastUseWanted lists the IDs of the keys whose last use an audit needs, one call each: cluster keys of scopes that have
// more than one, Satellite keys, and the personal keys of people who have to do with clusters. Functional IDs and the
// engine use their own keys by design.
func (s AuditSurvey) LastUseWanted() []string {
	several := map[string]bool{}
	keys := MarkSuperseded(s.Keys)
	for _, k := range keys {
		if k.Superseded {
			several[k.Scope.ID()] = true
		}
	}
	var list []string
	for _, k := range keys {
		switch {
		case !k.LastUsed.IsZero(): // known already
		case k.Class == ClusterKey && (several[k.Scope.ID()] || k.Scope.Region == ""), k.Class == SatelliteKey,
			k.Class == PersonalKey && !s.trusted(k.IAMID):
			list = append(list, k.ID)
		}
	}
	slices.Sort(list)
	return list
}

// Owners are the IAM IDs of those in the account who own a cluster's key or hold the newest one of a scope, and who are
// to be judged by their access.
func (s AuditSurvey) Owners() []string {
	var list []string
	named, inAccount := map[string]bool{}, map[string]bool{}
	for _, c := range s.Clusters {
		if !c.Cluster.Going() {
			named[strings.ToLower(c.Cluster.Owner.Email)] = true
		}
	}
	for _, p := range s.People {
		inAccount[p.IAMID] = true
		if p.Email != "" && named[strings.ToLower(p.Email)] {
			list = append(list, p.IAMID)
		}
	}
	for _, k := range MarkSuperseded(s.Keys) {
		if inAccount[k.IAMID] && k.Class == ClusterKey && k.Scope.Region != "" && !k.Superseded {
			list = append(list, k.IAMID)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// trusted tells whether an identity is one of ours, which does not leave.
func (s AuditSurvey) trusted(iamID string) bool {
	return iamID == s.Engine.IAMID || slices.ContainsFunc(s.FunctionalIDs, func(f FunctionalID) bool { return f.IAMID == iamID && iamID != "" })
}

// auditScope is one scope as an audit looks at it.
type auditScope struct {
	Scope
	live   []ClusterEvidence // clusters that are not going away
	keys   []Key             // cluster keys of the scope, oldest first
	newest Key               // zero where there is none
}

// scopes groups the clusters and the cluster keys by scope, sorted by ID.
func (s AuditSurvey) scopes() []*auditScope {
	byID := map[string]*auditScope{}
	at := func(scope Scope) *auditScope {
		found := byID[scope.ID()]
		if found == nil {
			if scope.ResourceGroupName == "" {
				for _, g := range s.Groups {
					if g.ID == scope.ResourceGroup {
						scope.ResourceGroupName = g.Name
					}
				}
			}
			scope.APIRegion = ""
			found = &auditScope{Scope: scope}
			byID[scope.ID()] = found
		}
		return found
	}
	for _, c := range s.Clusters {
		if !c.Cluster.Going() {
			scope := at(c.Cluster.Scope())
			scope.live = append(scope.live, c)
		}
	}
	for _, k := range MarkSuperseded(s.Keys) {
		if k.Class != ClusterKey || k.Scope.Region == "" {
			continue
		}
		scope := at(k.Scope)
		scope.keys = append(scope.keys, k)
		if !k.Superseded {
			scope.newest = k
		}
	}
	list := make([]*auditScope, 0, len(byID))
	for _, id := range sortedKeys(byID) {
		scope := byID[id]
		slices.SortFunc(scope.live, func(a, b ClusterEvidence) int { return cmp.Compare(a.Cluster.ID, b.Cluster.ID) })
		slices.SortStableFunc(scope.keys, func(a, b Key) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		list = append(list, scope)
	}
	return list
}

// owner is whom the scope's clusters name, the most often; where none names anybody, who holds its newest key. It is an
// address in lower case.
func (a *auditScope) owner(people map[string]Person) string {
	count := map[string]int{}
	for _, c := range a.live {
		if email := c.Cluster.Owner.Email; email != "" {
			count[strings.ToLower(email)]++
		}
	}
	best := ""
	for _, email := range sortedKeys(count) {
		if count[email] > count[best] {
			best = email
		}
	}
	if best == "" {
		best = strings.ToLower(people[a.newest.IAMID].Email)
	}
	return best
}

// keyEvidence is what the survey says of superseded keys, see Superseded.
func (s AuditSurvey) keyEvidence(scopes []*auditScope) KeyEvidence {
	e := KeyEvidence{TakenAt: s.TakenAt, People: s.People, Hidden: s.Hidden, Named: map[string]string{s.Engine.KeyID: "it is the key the engine works with"}}
	for _, scope := range scopes {
		if len(scope.keys) < 2 {
			continue
		}
		e.Scopes = append(e.Scopes, ScopeEvidence{Scope: scope.Scope, Keys: scope.keys, Unread: s.Unread, Clusters: scope.live})
	}
	return e
}
