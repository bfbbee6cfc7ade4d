package rehearsal

import (
	"strings"
	"time"

	"offboard/internal/offboard"
)

// View is a real account as far as an offboarding would look at it. It holds no secret.
type View struct {
	TakenAt time.Time
	Took    time.Duration // to look
	Account offboard.Account
	Engine  offboard.Identity
	People  []offboard.Person
	Leaver  offboard.Person // zero where nobody, or more than one, has the name
	Keys    []offboard.Key  // of everybody; LastUsed of the leaver's alone
	Limit   int             // API keys an identity may hold
	// FunctionalIDs are those configured, in that order.
	FunctionalIDs []FunctionalID
	EngineRights  Rights
	Groups        []offboard.ResourceGroup
	Clusters      []offboard.Cluster    // with the owners of their keys
	Hidden        []offboard.ClusterRef // that only global search knows
	Inspections   map[string]offboard.Inspection
	ClassicUsers  map[string]string // by scope ID; scopes without one are left out
	Profiles      []string          // trusted profiles that name the leaver
	Missing       []offboard.Missing
}

// FunctionalID is a functional ID as it is now.
type FunctionalID struct {
	Email  string
	Proof  offboard.Identity // whose key is configured; zero where IAM refuses it
	Held   int               // API keys, those that no list shows included
	Rights Rights
}

// Rights are what is known of an identity's access.
type Rights struct {
	List    []Right
	Unknown string // why they could not be read; empty where they were
}

// person finds somebody by IAM ID.
func (v View) person(iamID string) (offboard.Person, bool) {
	for _, p := range v.People {
		if iamID != "" && p.IAMID == iamID {
			return p, true
		}
	}
	return offboard.Person{}, false
}

// named are the people that a name stands for.
func (v View) named(name string) []offboard.Person {
	var list []offboard.Person
	for _, p := range v.People {
		if strings.EqualFold(p.Email, name) || strings.EqualFold(p.IAMID, name) {
			list = append(list, p)
		}
	}
	return list
}

// Cluster finds a cluster by name or ID.
func (v View) Cluster(name string) (offboard.Cluster, bool) {
	for _, c := range v.Clusters {
		if c.ID == name || c.Name == name {
			return c, true
		}
	}
	return offboard.Cluster{}, false
}
