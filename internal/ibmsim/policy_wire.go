package ibmsim

import (
	"slices"
	"time"
)

// policyBody is a policy on the wire of v1.
type policyBody struct {
	Type        string `json:"type"`
	Description string `json:"description"`
	Subjects    []struct {
		Attributes []namedValue `json:"attributes"`
	} `json:"subjects"`
	Roles []struct {
		RoleID string `json:"role_id"`
	} `json:"roles"`
	Resources []struct {
		Attributes []namedValue `json:"attributes"`
	} `json:"resources"`
}

type namedValue struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Operator string `json:"operator,omitempty"`
}

func (b policyBody) roleIDs() []string {
	var ids []string
	for _, r := range b.Roles {
		ids = append(ids, r.RoleID)
	}
	return ids
}

func (b policyBody) subjectAttributes() []attribute {
	var attrs []attribute
	for _, s := range b.Subjects {
		for _, a := range s.Attributes {
			attrs = append(attrs, attribute{a.Name, "stringEquals", a.Value})
		}
	}
	return attrs
}

// resourceAttributes completes the account, which an invitation's policies leave out.
func (b policyBody) resourceAttributes(account string) []attribute {
	var attrs []attribute
	for _, r := range b.Resources {
		for _, a := range r.Attributes {
			attrs = append(attrs, attribute{a.Name, firstOf(a.Operator, "stringEquals"), a.Value})
		}
	}
	if !slices.ContainsFunc(attrs, func(a attribute) bool { return a.key == "accountId" }) {
		attrs = append([]attribute{{"accountId", "stringEquals", account}}, attrs...)
	}
	return attrs
}

func roleNames(crns []string) string {
	names := ""
	for i, r := range crns {
		if i > 0 {
			names += ","
		}
		names += roleName(r)
	}
	return names
}

func policyV1(w *world, p *policy) any {
	var roles, attrs []any
	for _, r := range p.roles {
		roles = append(roles, map[string]any{"role_id": r, "display_name": roleName(r)})
	}
	for _, a := range p.attrs {
		attrs = append(attrs, map[string]any{"name": a.key, "value": a.value, "operator": a.operator})
	}
	body := policyCommon(p)
	var subject []any
	for _, a := range p.subjectAttributes() {
		subject = append(subject, map[string]any{"name": a.key, "value": a.value})
	}
	body["subjects"] = []any{map[string]any{"attributes": subject}}
	body["roles"] = roles
	body["resources"] = []any{map[string]any{"attributes": attrs}}
	return body
}

func policyCommon(p *policy) map[string]any {
	return map[string]any{
		"id": p.id, "type": p.kind, "description": p.description, "state": p.state(), "href": "https://iam.cloud.ibm.com/v1/policies/" + p.id,
		"created_at": policyTime(p.created), "created_by_id": p.by, "last_modified_at": policyTime(p.modified), "last_modified_by_id": p.by,
	}
}

func policyTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
