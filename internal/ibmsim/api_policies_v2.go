package ibmsim

import "net/http"

// Policy management v2.
var policyV2Routes = []route{
	{api: &policyAPI, method: "GET", path: "/v2/policies", handle: listPolicies(policyV2)},
	{api: &policyAPI, method: "POST", path: "/v2/policies", handle: createPolicyV2},
	{api: &policyAPI, method: "GET", path: "/v2/policies/{policy}", handle: withPolicy(getPolicy(policyV2))},
	{api: &policyAPI, method: "PUT", path: "/v2/policies/{policy}", handle: withPolicy(replacePolicyV2)},
	{api: &policyAPI, method: "DELETE", path: "/v2/policies/{policy}", handle: withPolicy(deletePolicy)},
}

// policyV2Body is a policy on the wire of v2.
type policyV2Body struct {
	Type        string `json:"type"`
	Description string `json:"description"`
	Control     struct {
		Grant struct {
			Roles []struct {
				RoleID string `json:"role_id"`
			} `json:"roles"`
		} `json:"grant"`
	} `json:"control"`
	Subject  keyedValues `json:"subject"`
	Resource keyedValues `json:"resource"`
	Pattern  string      `json:"pattern"`
	Rule     *policyRule `json:"rule"`
}

type keyedValues struct {
	Attributes []struct {
		Key      string `json:"key"`
		Operator string `json:"operator"`
		Value    any    `json:"value"`
	} `json:"attributes"`
}

func (b policyV2Body) roleIDs() []string {
	var ids []string
	for _, r := range b.Control.Grant.Roles {
		ids = append(ids, r.RoleID)
	}
	return ids
}

func (v keyedValues) attributes() []attribute {
	var attrs []attribute
	for _, a := range v.Attributes {
		text, _ := a.Value.(string)
		attrs = append(attrs, attribute{a.Key, firstOf(a.Operator, "stringEquals"), text})
	}
	return attrs
}

func createPolicyV2(k *call) reply {
	var in policyV2Body
	if !k.decode(&in) || len(in.Resource.Attributes) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs control, a subject and a resource.")
	}
	times, err := readTimes(in.Pattern, in.Rule)
	if err != nil {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", err.Error())
	}
	p := &policy{kind: in.Type, description: in.Description, version: 2, roles: in.roleIDs(), attrs: in.Resource.attributes(), times: times}
	p.setSubject(in.Subject.attributes())
	return k.createPolicy(p, policyV2)
}

func replacePolicyV2(k *call, p *policy) reply {
	var in policyV2Body
	if !k.decode(&in) || len(in.Resource.Attributes) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs control and a resource.")
	}
	times, err := readTimes(in.Pattern, in.Rule)
	if err != nil {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", err.Error())
	}
	next := &policy{version: 2, roles: in.roleIDs(), attrs: in.Resource.attributes(), description: in.Description, times: times}
	if p.kind == kindAuthorization {
		next.source = in.Subject.attributes()
	}
	return k.replacePolicy(p, next, policyV2)
}

func policyV2(_ *world, p *policy) any {
	keyed := func(list []attribute) []any {
		attrs := []any{}
		for _, a := range list {
			attrs = append(attrs, map[string]any{"key": a.key, "operator": a.operator, "value": a.value})
		}
		return attrs
	}
	var roles []any
	for _, r := range p.roles {
		roles = append(roles, map[string]any{"role_id": r})
	}
	body := policyCommon(p)
	body["href"] = "https://iam.cloud.ibm.com/v2/policies/" + p.id
	body["control"] = map[string]any{"grant": map[string]any{"roles": roles}}
	body["subject"] = map[string]any{"attributes": keyed(p.subjectAttributes())}
	body["resource"] = map[string]any{"attributes": keyed(p.attrs)}
	if p.times != nil {
		body["pattern"], body["rule"] = p.times.pattern, p.times.rule
	}
	return body
}
