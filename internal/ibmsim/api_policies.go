package ibmsim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Policy management v1, and what both versions share.
var policyRoutes = []route{
	{api: &policyAPI, method: "GET", path: "/v1/policies", handle: listPolicies(policyV1)},
	{api: &policyAPI, method: "POST", path: "/v1/policies", handle: createPolicyV1},
	{api: &policyAPI, method: "GET", path: "/v1/policies/{policy}", handle: withPolicy(getPolicy(policyV1))},
	{api: &policyAPI, method: "PUT", path: "/v1/policies/{policy}", handle: withPolicy(replacePolicyV1)},
	{api: &policyAPI, method: "PATCH", path: "/v1/policies/{policy}", handle: withPolicy(restorePolicy)},
	{api: &policyAPI, method: "DELETE", path: "/v1/policies/{policy}", handle: withPolicy(deletePolicy)},
}

func (k *call) readsPolicies() bool {
	return k.may("iam-access-management", "Administrator", "Editor", "Operator", "Viewer")
}

// grants is the right to give access to the target of a policy: Administrator of it, or of access management.
func (k *call) grants(p *policy) bool {
	tg := target{}
	for _, a := range p.attrs {
		switch a.key {
		case "serviceName":
			tg.service = a.value
		case "resourceGroupId":
			tg.group = a.value
		case "region":
			tg.region, _ = modernRegion(a.value)
		}
	}
	return k.may("iam-access-management", "Administrator") || (tg.service != "" && k.w.holdsRole(k.caller.iam, tg, k.now, "Administrator"))
}

// listPolicies is silently empty, except for one's own, without a role (trap 17).
func listPolicies(render func(*world, *policy) any) func(*call) reply {
	return func(k *call) reply {
		if k.q("account_id") == "" {
			return k.listRefusal(http.StatusBadRequest, "missing_required_query_parameter", "The parameter account_id is required.")
		}
		state := firstOf(k.q("state"), "active")
		var list []*policy
		for _, p := range k.w.policies {
			if p.state() != state || !k.account(k.q("account_id")) || (!k.readsPolicies() && p.subject != k.caller.iam) || !k.wantsPolicy(p) {
				continue
			}
			list = append(list, p)
		}
		return k.policyPage(list, render)
	}
}

func (k *call) wantsPolicy(p *policy) bool {
	if t := k.q("type"); t != "" && t != p.kind {
		return false
	}
	if iam := k.q("iam_id"); iam != "" && (p.subjectKey != "iam_id" || p.subject != iam) {
		return false
	}
	if id := k.q("access_group_id"); id != "" && (p.subjectKey != "access_group_id" || p.subject != id) {
		return false
	}
	if name := k.q("service_name"); name != "" && !slices.ContainsFunc(p.attrs, func(a attribute) bool { return a.key == "serviceName" && a.value == name }) {
		return false
	}
	return true
}

// policyPage pages when limit is given, with a start token.
func (k *call) policyPage(list []*policy, render func(*world, *policy) any) reply {
	start := position(k.q("start"))
	limit := len(list)
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 100)
	}
	items := []any{}
	for i := start; i < min(start+limit, len(list)); i++ {
		items = append(items, render(k.w, list[i]))
	}
	body := map[string]any{"policies": items}
	if k.q("limit") != "" {
		q := maps.Clone(k.query())
		q.Del("start")
		body["limit"], body["first"] = limit, map[string]any{"href": k.url() + "?" + q.Encode()}
		if next := start + limit; next < len(list) {
			q.Set("start", strconv.Itoa(next))
			body["next"] = map[string]any{"href": k.url() + "?" + q.Encode(), "start": strconv.Itoa(next)}
		}
	}
	return ok(body)
}

// withPolicy finds the policy of the path; deleted ones stay readable, as the real service keeps them for restoring.
func withPolicy(handle func(*call, *policy) reply) func(*call) reply {
	return func(k *call) reply {
		p := k.w.policyByID[k.path("policy")]
		if p == nil || (!k.readsPolicies() && p.subject != k.caller.iam) {
			return k.listRefusal(http.StatusNotFound, "policy_not_found", "The policy could not be found.")
		}
		if k.r.Method != http.MethodGet && !k.grants(p) {
			return k.policyForbidden()
		}
		return handle(k, p)
	}
}

func getPolicy(render func(*world, *policy) any) func(*call, *policy) reply {
	return func(k *call, p *policy) reply { return k.policyReply(http.StatusOK, p, render) }
}

// policyReply carries the entity tag in a header; there is none in the body.
func (k *call) policyReply(status int, p *policy, render func(*world, *policy) any) reply {
	return reply{status: status, body: render(k.w, p), header: map[string]string{"ETag": p.etag()}}
}

func createPolicyV1(k *call) reply {
	var in policyBody
	if !k.decode(&in) || len(in.Subjects) != 1 || len(in.Resources) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs one subject, roles and a resource.")
	}
	p := &policy{kind: in.Type, description: in.Description, version: 1, roles: in.roleIDs(), attrs: in.resourceAttributes(k.w.accountID)}
	p.setSubject(in.subjectAttributes())
	return k.createPolicy(p, policyV1)
}

// createPolicy refuses a second policy for the same subject and resource, naming the first (trap 26).
func (k *call) createPolicy(p *policy, render func(*world, *policy) any) reply {
	if rep := k.badPolicy(p); rep.status != 0 {
		return rep
	}
	if !k.grants(p) {
		return k.policyForbidden()
	}
	if have := k.w.conflicting(p); have != nil {
		return k.policyConflict(have)
	}
	p.id, p.created, p.by, p.tag = uuidOf(k.w.ids.next("policy")), k.now, k.caller.iam, 1
	k.w.putPolicy(p, k.now.Add(k.w.grantDelay()))
	k.record("iam-am.policy.create", p.id, "subject", p.subject, "roles", roleNames(p.roles))
	return k.policyReply(http.StatusCreated, p, render)
}

func (k *call) policyConflict(have *policy) reply {
	rep := k.listRefusal(http.StatusConflict, "policy_conflict_error", "A policy with this subject and resource exists.")
	errors := rep.body.(map[string]any)["errors"].([]map[string]any)
	errors[0]["details"] = map[string]any{"conflicts_with": map[string]any{"etag": have.etag(), "role": firstOf(have.roles...), "policy": have.id}}
	return rep
}

func (k *call) badPolicy(p *policy) reply {
	if p.kind != kindAccess && p.kind != kindAuthorization {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The type of a policy is access or authorization.")
	}
	if len(p.roles) == 0 || !p.names("serviceType", "serviceName", "resourceGroupId", "service_group_id", "resourceType") {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "A policy needs roles and says what it is for.")
	}
	for _, r := range p.roles {
		if !knownRole(r) && k.w.customRole(r) == nil {
			return k.listRefusal(http.StatusBadRequest, "role_not_found", "The role "+r+" does not exist.")
		}
	}
	if p.kind == kindAuthorization {
		return k.badAuthorization(p)
	}
	if p.subjectKey != "iam_id" && p.subjectKey != "access_group_id" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The subject is named by iam_id or access_group_id.")
	}
	if s := k.w.serviceByIAM[p.subject]; s != nil && s.locked {
		return k.listRefusal(http.StatusConflict, "unable_to_process", "The service ID of the subject is locked.") // status inferred
	}
	if p.subjectKey == "iam_id" && !k.w.listedIdentity(p.subject) || p.subjectKey == "access_group_id" && k.w.group(p.subject) == nil {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The subject "+p.subject+" is not in the account.")
	}
	return reply{}
}

func replacePolicyV1(k *call, p *policy) reply {
	var in policyBody
	if !k.decode(&in) || len(in.Resources) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs roles and a resource.")
	}
	if p.version == 2 {
		// Version 1 cannot carry what version 2 may hold; IBM asks for one version per policy (refusal inferred).
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The policy was made with version 2 of this API and can only be changed with it.")
	}
	next := &policy{version: 1, roles: in.roleIDs(), attrs: in.resourceAttributes(k.w.accountID), description: in.Description}
	if p.kind == kindAuthorization {
		next.source = in.subjectAttributes()
	}
	return k.replacePolicy(p, next, policyV1)
}

// replacePolicy ends the old access at once and lets the new one act after the usual delay, unless nothing changed.
func (k *call) replacePolicy(p, next *policy, render func(*world, *policy) any) reply {
	if k.r.Header.Get("If-Match") != p.etag() {
		return k.listRefusal(http.StatusPreconditionFailed, "request_not_processed", "The policy was changed in the meantime; its entity tag does not match.")
	}
	next.id, next.kind, next.subjectKey, next.subject = p.id, p.kind, p.subjectKey, p.subject
	if rep := k.badPolicy(next); rep.status != 0 {
		return rep
	}
	if have := k.w.conflicting(next); have != nil {
		return k.policyConflict(have)
	}
	same := slices.Equal(p.roles, next.roles) && sameResource(p.attrs, next.attrs) && p.times.same(next.times)
	p.roles, p.source, p.attrs, p.times, p.description, p.version, p.modified = next.roles, next.source, next.attrs, next.times, next.description, next.version, k.now
	p.tag++
	if !same && p.deleted.IsZero() {
		p.endRight(k.now)
		k.w.startRight(p, k.now.Add(k.w.grantDelay()))
	}
	k.record("iam-am.policy.update", p.id, "subject", p.subject, "roles", roleNames(p.roles))
	return k.policyReply(http.StatusOK, p, render)
}

// restorePolicy brings a deleted policy back.
func restorePolicy(k *call, p *policy) reply {
	var in struct{ State string }
	if !k.decode(&in) || in.State != "active" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The only state to set is active.")
	}
	if k.r.Header.Get("If-Match") != p.etag() {
		return k.listRefusal(http.StatusPreconditionFailed, "request_not_processed", "The entity tag does not match.")
	}
	if !p.deleted.IsZero() {
		p.deleted, p.modified = time.Time{}, k.now
		p.tag++
		k.w.startRight(p, k.now.Add(k.w.grantDelay()))
		k.record("iam-am.policy.update", p.id, "subject", p.subject, "state", "active")
	}
	return k.policyReply(http.StatusOK, p, policyV1)
}

func deletePolicy(k *call, p *policy) reply {
	if !p.deleted.IsZero() {
		return k.listRefusal(http.StatusNotFound, "policy_not_found", "The policy could not be found.")
	}
	k.w.endPolicy(p, k.now)
	k.record("iam-am.policy.delete", p.id, "subject", p.subject, "roles", roleNames(p.roles))
	return noContent()
}
