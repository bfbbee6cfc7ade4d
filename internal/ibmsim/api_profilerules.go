package ibmsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Claim rules and links of trusted profiles. A rule for federated people decides who may assume the profile; rules and
// links for compute resources are kept, and nothing here logs in as a compute resource.
var profileRuleRoutes = []route{
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/rules", handle: withProfile(listProfileRules)},
	{api: &identityAPI, method: "POST", path: "/v1/profiles/{id}/rules", handle: withProfile(addProfileRule)},
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/rules/{rule}", handle: withProfileRule(getProfileRule)},
	{api: &identityAPI, method: "PUT", path: "/v1/profiles/{id}/rules/{rule}", handle: withProfileRule(updateProfileRule)},
	{api: &identityAPI, method: "DELETE", path: "/v1/profiles/{id}/rules/{rule}", handle: withProfileRule(deleteProfileRule)},
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/links", handle: withProfile(listProfileLinks)},
	{api: &identityAPI, method: "POST", path: "/v1/profiles/{id}/links", handle: withProfile(addProfileLink)},
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/links/{link}", handle: withProfileLink(getProfileLink)},
	{api: &identityAPI, method: "DELETE", path: "/v1/profiles/{id}/links/{link}", handle: withProfileLink(deleteProfileLink)},
}

// Types of claim rules.
const (
	ruleSAML    = "Profile-SAML"
	ruleCompute = "Profile-CR"
)

var computeTypes = []string{"VSI", "PVS", "BMS", "IKS_SA", "ROKS_SA", "CE"}

// profileRule is a claim rule of a trusted profile.
type profileRule struct {
	id, kind, name, realm, compute string
	expiration                     int64
	conditions                     []claimCondition
	created, modified              time.Time
	tag                            int
}

func (r *profileRule) entityTag() string { return fmt.Sprintf("%d-%s", r.tag, r.id[len(r.id)-8:]) }

// profileLink ties a profile to one compute resource.
type profileLink struct {
	id, name, compute string
	target            linkTarget
	created           time.Time
}

type linkTarget struct {
	CRN           string `json:"crn"`
	Namespace     string `json:"namespace,omitempty"`
	Name          string `json:"name,omitempty"`
	ComponentType string `json:"component_type,omitempty"`
	ComponentName string `json:"component_name,omitempty"`
}

// admits tells whether an identity may assume the profile: it is named, or its identity provider's claims meet a rule.
func (w *world) admits(p *profile, iam string) bool {
	if p.find("user", iam) >= 0 || p.find("serviceid", iam) >= 0 {
		return true
	}
	u := w.byIAM[iam]
	return u != nil && slices.ContainsFunc(p.rules, func(r *profileRule) bool { return r.kind == ruleSAML && u.provider.meet(r.realm, r.conditions) })
}

func withProfileRule(handle func(*call, *profile, *profileRule) reply) func(*call) reply {
	return withProfile(func(k *call, p *profile) reply {
		i := slices.IndexFunc(p.rules, func(r *profileRule) bool { return r.id == k.path("rule") })
		if i < 0 {
			return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The claim rule could not be found.")
		}
		return handle(k, p, p.rules[i])
	})
}

func (w *world) profileRuleBody(r *profileRule) map[string]any {
	body := map[string]any{
		"id": r.id, "entity_tag": r.entityTag(), "created_at": w.iamTime(r.created), "modified_at": w.iamTime(r.modified), "name": r.name, "type": r.kind,
		"expiration": r.expiration, "conditions": r.conditions,
	}
	if r.kind == ruleSAML {
		body["realm_name"] = r.realm
	} else {
		body["cr_type"] = r.compute
	}
	return body
}

func listProfileRules(k *call, p *profile) reply {
	list := []any{}
	for _, r := range p.rules {
		list = append(list, k.w.profileRuleBody(r))
	}
	return ok(map[string]any{"rules": list})
}

func (k *call) profileRuleReply(status int, r *profileRule) reply {
	return reply{status: status, body: k.w.profileRuleBody(r), header: map[string]string{"ETag": r.entityTag()}}
}

func getProfileRule(k *call, _ *profile, r *profileRule) reply {
	return k.profileRuleReply(http.StatusOK, r)
}

// readProfileRule reads and checks a rule's body; the refusal is empty if all is well.
func (k *call) readProfileRule(r *profileRule) reply {
	var in struct {
		Type       string           `json:"type"`
		Name       string           `json:"name"`
		RealmName  string           `json:"realm_name"`
		CrType     string           `json:"cr_type"`
		Expiration int64            `json:"expiration"`
		Conditions []claimCondition `json:"conditions"`
	}
	if !k.decode(&in) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The body could not be read.")
	}
	switch {
	case in.Type == ruleSAML && in.RealmName != "":
	case in.Type == ruleCompute && slices.Contains(computeTypes, in.CrType):
	default:
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "A rule is of type "+ruleSAML+" with a realm_name, or "+ruleCompute+" with one of the cr_types "+strings.Join(computeTypes, ", ")+".")
	}
	if text := badConditions(in.Conditions); text != "" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", text)
	}
	r.kind, r.name, r.realm, r.compute, r.expiration, r.conditions, r.modified = in.Type, in.Name, in.RealmName, in.CrType, in.Expiration, in.Conditions, k.now
	return reply{}
}

func addProfileRule(k *call, p *profile) reply {
	r := &profileRule{created: k.now, tag: 1}
	if refused := k.readProfileRule(r); refused.status != 0 {
		return refused
	}
	r.id = "ClaimRule-" + uuidOf(k.w.ids.next("rule"))
	p.rules = append(p.rules, r)
	k.touchProfile(p, "rule_added", r.id)
	return k.profileRuleReply(http.StatusCreated, r)
}

func updateProfileRule(k *call, p *profile, r *profileRule) reply {
	if k.entityChanged(r.entityTag()) {
		return k.staleEntity()
	}
	if refused := k.readProfileRule(r); refused.status != 0 {
		return refused
	}
	r.tag++
	k.touchProfile(p, "rule_changed", r.id)
	return k.profileRuleReply(http.StatusOK, r)
}

func deleteProfileRule(k *call, p *profile, r *profileRule) reply {
	p.rules = slices.DeleteFunc(p.rules, func(have *profileRule) bool { return have == r })
	k.touchProfile(p, "rule_removed", r.id)
	return noContent()
}

func withProfileLink(handle func(*call, *profile, *profileLink) reply) func(*call) reply {
	return withProfile(func(k *call, p *profile) reply {
		i := slices.IndexFunc(p.links, func(l *profileLink) bool { return l.id == k.path("link") })
		if i < 0 {
			return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The link could not be found.")
		}
		return handle(k, p, p.links[i])
	})
}

func (w *world) profileLinkBody(l *profileLink) map[string]any {
	return map[string]any{
		"id": l.id, "entity_tag": "1-" + l.id[len(l.id)-8:], "created_at": w.iamTime(l.created), "modified_at": w.iamTime(l.created),
		"name": l.name, "cr_type": l.compute, "is_cross_account": false, "link": l.target,
	}
}

func listProfileLinks(k *call, p *profile) reply {
	list := []any{}
	for _, l := range p.links {
		list = append(list, k.w.profileLinkBody(l))
	}
	return ok(map[string]any{"links": list})
}

func getProfileLink(k *call, _ *profile, l *profileLink) reply { return ok(k.w.profileLinkBody(l)) }

// addProfileLink does not ask whether the resource exists; its CRN must be of this account.
func addProfileLink(k *call, p *profile) reply {
	var in struct {
		Name   string     `json:"name"`
		CrType string     `json:"cr_type"`
		Link   linkTarget `json:"link"`
	}
	if !k.decode(&in) || !slices.Contains(computeTypes, in.CrType) || !strings.HasPrefix(in.Link.CRN, "crn:") || !strings.Contains(in.Link.CRN, ":a/"+k.w.accountID+":") {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "A link needs a cr_type of "+strings.Join(computeTypes, ", ")+" and the CRN of a resource of this account.")
	}
	if strings.HasSuffix(in.CrType, "_SA") && (in.Link.Namespace == "" || in.Link.Name == "") {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "A link to a service account needs its namespace and name.")
	}
	l := &profileLink{id: "Link-" + uuidOf(k.w.ids.next("link")), name: in.Name, compute: in.CrType, target: in.Link, created: k.now}
	p.links = append(p.links, l)
	k.touchProfile(p, "link_added", l.id)
	return created(k.w.profileLinkBody(l))
}

func deleteProfileLink(k *call, p *profile, l *profileLink) reply {
	p.links = slices.DeleteFunc(p.links, func(have *profileLink) bool { return have == l })
	k.touchProfile(p, "link_removed", l.id)
	return noContent()
}
