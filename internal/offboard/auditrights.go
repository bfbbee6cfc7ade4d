package offboard

import (
	"slices"
	"strings"
)

// Right is what one policy gives an identity, directly or through an access group.
type Right struct {
	Roles []string `json:"roles,omitempty"` // role CRNs
	// Resources are the attributes of what the policy covers, by their names. Nil for one that cannot be judged from its
	// text: it has a rule in time, tags, or an attribute that is more than an equality.
	Resources map[string]string `json:"resources,omitempty"`
}

// accessNeed is a role that the owner of a scope's key must hold (facts, section 4.3).
type accessNeed struct {
	service string
	anyOf   []string // short names of roles
	account bool     // for the whole account: limited to a group it is not effective (trap 27)
}

// String says the need in words: "Administrator on container-registry".
func (n accessNeed) String() string { return strings.Join(n.anyOf, " or ") + " on " + n.service }

// needs are the documented roles of whoever owns the key of a scope, as far as they are IAM policies.
func (a *auditScope) needs() []accessNeed {
	list := []accessNeed{
		{service: "containers-kubernetes", anyOf: []string{"Administrator"}},
		{service: "containers-kubernetes", anyOf: []string{"Manager", "Writer"}},
		{service: "container-registry", anyOf: []string{"Administrator"}, account: true},
	}
	if slices.ContainsFunc(a.live, func(c ClusterEvidence) bool { return c.Cluster.Provider == "vpc-gen2" }) {
		list = append(list, accessNeed{service: "is", anyOf: []string{"Administrator"}})
	}
	return list
}

// lacking lists what the rights do not give for a scope. Unknown: some of them cannot be judged, so that what seems to be
// lacking may be there.
func lacking(scope *auditScope, rights []Right) (lacks []string, unknown bool) {
	for _, need := range scope.needs() {
		if !slices.ContainsFunc(rights, func(r Right) bool { return r.meets(need, scope.Scope) }) {
			lacks = append(lacks, need.String())
		}
	}
	return lacks, slices.ContainsFunc(rights, func(r Right) bool { return !r.judged() })
}

func (r Right) meets(n accessNeed, scope Scope) bool {
	return r.covers(n, scope) && slices.ContainsFunc(n.anyOf, func(role string) bool {
		return slices.ContainsFunc(r.Roles, func(crn string) bool {
			return strings.HasSuffix(crn, ":role:"+role) || strings.HasSuffix(crn, ":serviceRole:"+role)
		})
	})
}

// covers tells whether the right holds for a service's resources in a scope.
func (r Right) covers(n accessNeed, scope Scope) bool {
	named := false
	for key, value := range r.Resources {
		fits := false
		switch key {
		case "accountId":
			fits = true
		case "serviceName":
			fits, named = value == n.service, true
		case "serviceType": // all services but those that manage the account
			fits, named = value == "service", true
		case "resourceGroupId":
			fits = value == scope.ResourceGroup && !n.account
		case "region":
			fits = Region(value) == scope.Region && !n.account
		}
		if !fits {
			return false
		}
	}
	return named
}

// Concerns tells whether the right may have to do with clusters: an audit keeps no others.
func (r Right) Concerns() bool {
	service, named := r.Resources["serviceName"]
	if named {
		return slices.Contains([]string{"containers-kubernetes", "container-registry", "is"}, service)
	}
	kind, typed := r.Resources["serviceType"]
	return !typed && r.Resources["resourceType"] == "" || kind == "service"
}

// judged tells whether what the right gives can be told from its policy's text alone.
func (r Right) judged() bool {
	return r.Resources != nil && !slices.ContainsFunc(r.Roles, func(role string) bool { return strings.Contains(role, ":customRole:") })
}
