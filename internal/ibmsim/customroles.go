package ibmsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxCustomRoles is the documented limit of an account.
const maxCustomRoles = 40

// customRole is a role somebody made of a service's actions. What it gave in the past counts for outages, so its actions
// are a history.
type customRole struct {
	id, crn, name, service string
	displayName            string
	description            string
	created, modified      time.Time
	by                     string
	tag                    int
	versions               []roleVersion
}

// roleVersion is what a role's actions were for a while.
type roleVersion struct {
	span
	actions []string
}

// isCustom tells a custom role's CRN from a system or service role's.
func isCustom(crn string) bool { return strings.Contains(crn, ":customRole:") }

func (r *customRole) etag() string { return fmt.Sprintf("%d-%s", r.tag, r.id[:8]) }

func (r *customRole) deleted() bool { return !r.versions[len(r.versions)-1].to.IsZero() }

func (r *customRole) actions() []string { return r.versions[len(r.versions)-1].actions }

// allowsAt tells whether the role had an action at t.
func (r *customRole) allowsAt(action string, t time.Time) bool {
	return slices.ContainsFunc(r.versions, func(v roleVersion) bool { return v.holds(t) && slices.Contains(v.actions, action) })
}

// customRole finds a role that policies may name.
func (w *world) customRole(crn string) *customRole {
	for _, r := range w.customRoles {
		if r.crn == crn && !r.deleted() {
			return r
		}
	}
	return nil
}

// serviceAction is an action of a service whose effect is modelled, and the system roles that have it, the weakest last.
type serviceAction struct {
	name  string
	roles []string
}

// serviceActions are the actions that decide something here. The Kubernetes Service's create, operate and read and the
// key's manage are documented; that update is an Editor's and which calls need list and get is inferred.
var serviceActions = map[string][]serviceAction{
	"containers-kubernetes": {
		{"containers-kubernetes.cluster.create", []string{"Administrator"}},
		{"containers-kubernetes.cluster.update", []string{"Administrator", "Editor"}},
		{"containers-kubernetes.cluster.operate", []string{"Administrator", "Operator"}},
		{"containers-kubernetes.cluster.read", []string{"Administrator", "Editor", "Operator", "Viewer"}},
	},
	"iam-identity": {
		{"iam-identity.apikey.manage", []string{"Administrator"}},
		{"iam-identity.apikey.list", []string{"Administrator", "Editor", "Operator", "Viewer"}},
		{"iam-identity.apikey.get", []string{"Administrator", "Editor", "Operator", "Viewer"}},
	},
}

// actionsOf are the actions of a service that a system role has.
func actionsOf(service, role string) []string {
	actions := []string{}
	for _, a := range serviceActions[service] {
		if slices.Contains(a.roles, role) {
			actions = append(actions, a.name)
		}
	}
	return actions
}

// mayByAction tells whether a custom role gives what an operation asks for. Operations name the roles that suffice, the
// weakest last; an action stands for its weakest role, so a role with cluster.create alone cannot read.
func (w *world) mayByAction(iam string, tg target, t time.Time, weakest string) bool {
	if len(w.customRoles) == 0 || !w.memberAt(iam, t) {
		return false
	}
	var wanted []string
	for _, a := range serviceActions[tg.service] {
		if a.roles[len(a.roles)-1] == weakest {
			wanted = append(wanted, a.name)
		}
	}
	if len(wanted) == 0 {
		return false
	}
	for _, r := range w.rightsOf(iam, t) {
		if !covers(r.attrs, tg) || r.muddled() {
			continue
		}
		for _, role := range w.customRoles {
			if slices.Contains(r.roles, role.crn) && slices.ContainsFunc(wanted, func(action string) bool { return role.allowsAt(action, t) }) {
				return true
			}
		}
	}
	return false
}

// badActions says which actions cannot belong to a role of a service. Those that nothing here depends on are taken: the
// simulator does not know every action of every service.
func badActions(service string, actions []string) string {
	for _, a := range actions {
		if !strings.HasPrefix(a, service+".") || strings.Count(a, ".") < 2 {
			return "The action " + a + " is not one of the service " + service + "."
		}
	}
	if len(actions) == 0 {
		return "A role needs at least one action."
	}
	return ""
}
