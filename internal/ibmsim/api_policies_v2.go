package ibmsim

import "net/http"

// Policy management v2, and roles.
var policyV2Routes = []route{
	{api: &policyAPI, method: "GET", path: "/v2/policies", handle: listPolicies(policyV2)},
	{api: &policyAPI, method: "POST", path: "/v2/policies", handle: createPolicyV2},
	{api: &policyAPI, method: "GET", path: "/v2/policies/{policy}", handle: withPolicy(getPolicy(policyV2))},
	{api: &policyAPI, method: "PUT", path: "/v2/policies/{policy}", handle: withPolicy(replacePolicyV2)},
	{api: &policyAPI, method: "DELETE", path: "/v2/policies/{policy}", handle: withPolicy(deletePolicy)},
	{api: &policyAPI, method: "GET", path: "/v2/roles", handle: listRoles},
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
	if !k.decode(&in) || len(in.Subject.Attributes) != 1 || len(in.Resource.Attributes) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs control, one subject and a resource.")
	}
	subject := in.Subject.attributes()[0]
	window, text := readWindow(in.Pattern, in.Rule)
	if text != "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", text)
	}
	p := &policy{kind: in.Type, description: in.Description, version: 2, subjectKey: subject.key, subject: subject.value, roles: in.roleIDs(), attrs: in.Resource.attributes(), window: window}
	return k.createPolicy(p, policyV2)
}

func replacePolicyV2(k *call, p *policy) reply {
	var in policyV2Body
	if !k.decode(&in) || len(in.Resource.Attributes) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs control and a resource.")
	}
	window, text := readWindow(in.Pattern, in.Rule)
	if text != "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", text)
	}
	return k.replacePolicy(p, &policy{version: 2, roles: in.roleIDs(), attrs: in.Resource.attributes(), description: in.Description, window: window}, policyV2)
}

func policyV2(_ *world, p *policy) any {
	var roles, attrs []any
	for _, r := range p.roles {
		roles = append(roles, map[string]any{"role_id": r})
	}
	for _, a := range p.attrs {
		attrs = append(attrs, map[string]any{"key": a.key, "operator": a.operator, "value": a.value})
	}
	body := policyCommon(p)
	body["href"] = "https://iam.cloud.ibm.com/v2/policies/" + p.id
	body["control"] = map[string]any{"grant": map[string]any{"roles": roles}}
	body["subject"] = map[string]any{"attributes": []any{map[string]any{"key": p.subjectKey, "operator": "stringEquals", "value": p.subject}}}
	body["resource"] = map[string]any{"attributes": attrs}
	if p.window != nil {
		body["pattern"], body["rule"] = p.window.pattern, p.window.rule()
	}
	return body
}

// listRoles knows the system roles and the service roles a cluster key's owner may need.
func listRoles(k *call) reply {
	role := func(name string) any {
		crn, _ := roleCRN(name)
		return map[string]any{"display_name": name, "crn": crn, "description": "", "actions": []string{}}
	}
	service := []any{role("Manager"), role("Writer"), role("Reader")}
	if k.q("service_name") == "iam-identity" {
		service = []any{role("UserApiKeyCreator"), role("ServiceIdCreator")}
	}
	return ok(map[string]any{
		"custom_roles": []any{}, "service_roles": service,
		"system_roles": []any{role("Administrator"), role("Editor"), role("Operator"), role("Viewer")},
	})
}
