package ibmsim

import (
	"slices"
	"strings"
	"time"
)

// target is what an action is done to, in the attributes policies speak of. Empty means the whole account.
type target struct {
	service, region, group, instance, namespace string
}

// attribute is one condition of a policy on its resource.
type attribute struct{ key, operator, value string }

// right is what one policy gave for a while. Policies are replaced and deleted; rights are the history of that.
type right struct {
	span
	subject string // an IAM ID or an access group ID
	roles   []string
	attrs   []attribute
	times   *timeRule
}

// holds tells whether the right is in force at t, by its life and by its policy's rule.
func (r *right) holds(t time.Time) bool { return r.span.holds(t) && r.times.holds(t) }

// membership is an identity's time in an access group.
type membership struct {
	span
	group, iam string
	added      time.Time
	by         string
	rule       *groupRule // by an identity provider's rule: no call on members ends it, but one on the rule does
	expires    time.Time  // of such a membership, unless the account file made it
}

// accountServices are the account management services: a policy on "all" does not cover them.
var accountServices = []string{"iam-identity", "user-management", "iam-access-management", "iam-groups", "billing", "resource-group", "global-search-tagging"}

// roleCRN turns a role's short name into its CRN.
func roleCRN(name string) (string, bool) {
	switch name {
	case "Administrator", "Editor", "Operator", "Viewer":
		return "crn:v1:bluemix:public:iam::::role:" + name, true
	case "Manager", "Writer", "Reader":
		return "crn:v1:bluemix:public:iam::::serviceRole:" + name, true
	case "UserApiKeyCreator", "ServiceIdCreator":
		return "crn:v1:bluemix:public:iam-identity::::serviceRole:" + name, true
	}
	return "", false
}

func roleName(crn string) string { return crn[strings.LastIndex(crn, ":")+1:] }

func knownRole(crn string) bool {
	want, ok := roleCRN(roleName(crn))
	return ok && want == crn
}

// roles collects the short names of all roles an identity holds on a target at t.
func (w *world) roles(iam string, tg target, t time.Time) []string {
	if !w.memberAt(iam, t) {
		return nil
	}
	if w.owned(iam, t) {
		return []string{"Administrator", "Manager", "UserApiKeyCreator", "ServiceIdCreator"}
	}
	var held []string
	for _, r := range w.rightsOf(iam, t) {
		if covers(r.attrs, tg) && !r.muddled() {
			for _, crn := range r.roles {
				if !isCustom(crn) { // one may be named as the system's are
					held = append(held, roleName(crn))
				}
			}
		}
	}
	return held
}

// rightsOf lists the rights in force for an identity at t, its own and its groups'.
func (w *world) rightsOf(iam string, t time.Time) []*right {
	var found []*right
	add := func(subject string) {
		for _, r := range w.rights[subject] {
			if r.holds(t) {
				found = append(found, r)
			}
		}
	}
	add(iam)
	for _, m := range w.memberships[iam] {
		if m.holds(t) {
			add(m.group)
		}
	}
	return found
}

// may tells whether the identity holds one of the roles on the target at t, the weakest of which is named last, or a
// custom role with the action that the weakest stands for.
func (w *world) may(iam string, tg target, t time.Time, anyOf ...string) bool {
	return w.holdsRole(iam, tg, t, anyOf...) || w.mayByAction(iam, tg, t, anyOf[len(anyOf)-1])
}

// holdsRole is for what no modelled action stands for: a custom role does not give it.
func (w *world) holdsRole(iam string, tg target, t time.Time, anyOf ...string) bool {
	for _, have := range w.roles(iam, tg, t) {
		if slices.Contains(anyOf, have) {
			return true
		}
	}
	return false
}

// namespace is the cluster namespace a right is limited to.
func (r *right) namespace() string {
	i := slices.IndexFunc(r.attrs, func(a attribute) bool { return a.key == "namespace" })
	if i < 0 {
		return ""
	}
	return r.attrs[i].value
}

// muddled tells whether a right gives platform and service roles in one namespace, which has no effect (trap 28).
func (r *right) muddled() bool {
	if r.namespace() == "" {
		return false
	}
	service := func(crn string) bool { return strings.Contains(crn, ":serviceRole:") }
	n := 0
	for _, crn := range r.roles {
		if service(crn) {
			n++
		}
	}
	return n > 0 && n < len(r.roles)
}

// covers tells whether every attribute of a policy agrees with the target. An attribute the target leaves open is not
// covered: a policy for one resource group says nothing about the whole account.
func covers(attrs []attribute, tg target) bool {
	for _, a := range attrs {
		if !agrees(a, tg) {
			return false
		}
	}
	return true
}

func agrees(a attribute, tg target) bool {
	switch a.key {
	case "accountId":
		return true
	case "serviceName":
		return matches(a, tg.service)
	case "serviceType":
		return (a.value == "platform_service") == slices.Contains(accountServices, tg.service)
	case "resourceGroupId":
		return matches(a, tg.group)
	case "region":
		modern, ok := modernRegion(a.value)
		return ok && modern == tg.region
	case "serviceInstance":
		return matches(a, tg.instance)
	case "namespace":
		return matches(a, tg.namespace)
	case "resourceType":
		return a.value == tg.service
	case "resource":
		return tg.service == "resource-group" && matches(a, tg.group)
	}
	return false
}

func matches(a attribute, value string) bool {
	if a.operator == "stringMatch" && strings.HasSuffix(a.value, "*") {
		return strings.HasPrefix(value, strings.TrimSuffix(a.value, "*"))
	}
	return a.value == value
}

// seesGroup tells whether a resource group shows in the identity's lists.
func (w *world) seesGroup(iam, group string, t time.Time) bool {
	if w.owned(iam, t) || len(w.roles(iam, target{service: "resource-group", group: group}, t)) > 0 {
		return w.memberAt(iam, t)
	}
	if !w.memberAt(iam, t) {
		return false
	}
	for _, r := range w.rightsOf(iam, t) {
		limit := slices.IndexFunc(r.attrs, func(a attribute) bool { return a.key == "resourceGroupId" })
		if limit < 0 && !slices.ContainsFunc(r.attrs, func(a attribute) bool { return a.key == "serviceName" || a.value == "platform_service" }) {
			return true
		}
		if limit >= 0 && r.attrs[limit].value == group {
			return true
		}
	}
	return false
}

// ownsWell tells whether an identity holds what a cluster key's owner needs for its clusters to work. The reset itself
// does not check it: a key with too few rights breaks everybody in the pair.
func (w *world) ownsWell(iam string, id scopeID, t time.Time) bool {
	return w.may(iam, target{service: "containers-kubernetes", region: id.region, group: id.group}, t, "Administrator")
}
