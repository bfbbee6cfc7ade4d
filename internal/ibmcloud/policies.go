package ibmcloud

import (
	"context"
	"maps"
	"slices"

	policy "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"

	"offboard/internal/offboard"
)

// Policies are made, read and changed with version 2 of the API only, as IBM asks for one version throughout.

// Grant finds a policy of the group for exactly the same resources or makes one. One that exists is adopted, and gets the
// roles it lacks (trap 26); created is false then, and an undo must leave it alone. Conflict if somebody changes it
// meanwhile. After an ambiguous error the next call finds what was made.
func (a *Access) Grant(ctx context.Context, groupID string, grant offboard.Grant, making func()) (policyID string, created bool, err error) {
	o := op{name: "CreateV2Policy", text: "grant " + grant.Name + " to the access group " + groupID, once: true}
	if problem := cannotGrant(groupID, grant); problem != "" {
		return "", false, offboard.Errorf(offboard.Invalid, o.text, "%s", problem)
	}
	wanted := a.resources(grant)
	existing, err := a.policyFor(ctx, groupID, wanted)
	if err != nil {
		return "", false, titled(err, o.text)
	}
	if existing != "" {
		return existing, false, titled(a.extend(ctx, existing, grant.Roles), o.text)
	}
	about(making)
	made, response, err := askFully(ctx, o, a.api.policies.CreateV2PolicyWithContext, &policy.CreateV2PolicyOptions{
		Type:        new("access"),
		Description: new("Offboard: " + grant.Name),
		Control:     control(grant.Roles),
		Subject:     &policy.V2PolicySubject{Attributes: []policy.V2PolicySubjectAttribute{{Key: new("access_group_id"), Operator: new("stringEquals"), Value: groupID}}},
		Resource:    &policy.V2PolicyResource{Attributes: attributes(wanted)},
	})
	if rival := conflictingPolicy(response); rival != "" {
		return rival, false, titled(a.extend(ctx, rival, grant.Roles), o.text)
	}
	if err != nil {
		return "", false, err
	}
	return value(made.ID), true, nil
}

// Revoke deletes a policy; nil if it is gone.
func (a *Access) Revoke(ctx context.Context, policyID string) error {
	o := op{name: "DeleteV2Policy", text: "delete the policy " + policyID}
	return gone(tell(ctx, o, a.api.policies.DeleteV2PolicyWithContext, &policy.DeleteV2PolicyOptions{ID: &policyID}))
}

// cannotGrant says what makes a grant a defect of ours. A registry policy for one resource group breaks pulls (trap 27).
func cannotGrant(groupID string, grant offboard.Grant) string {
	switch {
	case groupID == "":
		return "there is no access group"
	case len(grant.Roles) == 0:
		return "there is no role"
	case grant.Service == "" && grant.ResourceGroup == "":
		return "neither a service nor a resource group is named"
	case grant.Service == "container-registry" && grant.ResourceGroup != "":
		return "access to Container Registry must not be limited to a resource group"
	}
	return ""
}

// resources are the attributes of what a grant covers. With a service, a resource group limits the grant to what is in
// it; without one, the grant is for the group itself, which is a resource of its own kind.
func (a *Access) resources(grant offboard.Grant) map[string]string {
	wanted := map[string]string{"accountId": a.account}
	switch {
	case grant.Service == "":
		wanted["resourceType"] = "resource-group"
		wanted["resource"] = grant.ResourceGroup
	case grant.ResourceGroup == "":
		wanted["serviceName"] = grant.Service
	default:
		wanted["serviceName"] = grant.Service
		wanted["resourceGroupId"] = grant.ResourceGroup
	}
	return wanted
}

// groupPolicy is what a policy of an access group covers.
type groupPolicy struct {
	id     string
	covers map[string]string
}

// policyFor finds the group's policy for exactly these resources, empty if there is none. All grants to a group that are
// wanted at the same time have one list of its policies.
func (a *Access) policyFor(ctx context.Context, groupID string, wanted map[string]string) (string, error) {
	list, err := together(ctx, &a.policies, groupID, func(ctx context.Context) ([]groupPolicy, error) {
		var list []groupPolicy
		o := op{name: "ListV2Policies", text: "list the policies of the access group " + groupID}
		err := a.eachPolicy(ctx, o, policy.ListV2PoliciesOptions{AccessGroupID: &groupID}, func(p policy.V2PolicyTemplateMetaData) (more bool) {
			if of(p.Subject, groupID) && unconditional(p) {
				list = append(list, groupPolicy{value(p.ID), covered(p.Resource)})
			}
			return true
		})
		return list, err
	})
	for _, p := range list {
		if maps.Equal(p.covers, wanted) {
			return p.id, err
		}
	}
	return "", err
}

// eachPolicy goes through the account's access policies that the options ask for, until see wants no more.
func (a *Access) eachPolicy(ctx context.Context, o op, options policy.ListV2PoliciesOptions, see func(policy.V2PolicyTemplateMetaData) (more bool)) error {
	options.AccountID, options.Type, options.Limit = &a.account, new("access"), new(int64(100))
	return pages(o, func(token string) (string, error) {
		if token != "" {
			options.Start = &token
		}
		list, err := ask(ctx, o, a.api.policies.ListV2PoliciesWithContext, &options)
		if err != nil {
			return "", err
		}
		for _, p := range list.Policies {
			if !see(p) {
				return "", nil
			}
		}
		if list.Next == nil {
			return "", nil
		}
		if start := value(list.Next.Start); start != "" {
			return start, nil
		}
		return nextToken(o, list.Next.Href, "start")
	})
}

// extend adds the roles that a policy lacks, under the entity tag of what was read.
func (a *Access) extend(ctx context.Context, id string, roles []string) error {
	read := op{name: "GetV2Policy", text: "read the policy " + id}
	p, response, err := askFully(ctx, read, a.api.policies.GetV2PolicyWithContext, &policy.GetV2PolicyOptions{ID: &id})
	if err != nil {
		return err
	}
	all := rolesOf(p.Control)
	for _, role := range roles {
		if !slices.Contains(all, role) {
			all = append(all, role)
		}
	}
	if len(all) == len(rolesOf(p.Control)) {
		return nil
	}
	o := op{name: "ReplaceV2Policy", text: "add roles to the policy " + id}
	_, err = ask(ctx, o, a.api.policies.ReplaceV2PolicyWithContext, &policy.ReplaceV2PolicyOptions{
		ID: &id, IfMatch: new(response.Headers.Get("ETag")), Control: control(all), Type: p.Type, Description: p.Description,
		Subject: p.Subject, Resource: p.Resource, Pattern: p.Pattern, Rule: p.Rule,
	})
	return err
}

func control(roles []string) *policy.Control {
	grant := &policy.Grant{}
	for _, role := range roles {
		grant.Roles = append(grant.Roles, policy.Roles{RoleID: &role})
	}
	return &policy.Control{Grant: grant}
}

// rolesOf reads the roles out of either form the service answers with.
func rolesOf(c policy.ControlResponseIntf) []string {
	var roles []string
	var grant *policy.Grant
	switch c := c.(type) {
	case *policy.ControlResponse:
		grant = c.Grant
	case *policy.ControlResponseControl:
		grant = c.Grant
	}
	if grant == nil {
		return nil
	}
	for _, r := range grant.Roles {
		roles = append(roles, value(r.RoleID))
	}
	return roles
}

func attributes(wanted map[string]string) []policy.V2PolicyResourceAttribute {
	var list []policy.V2PolicyResourceAttribute
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		list = append(list, policy.V2PolicyResourceAttribute{Key: &key, Operator: new("stringEquals"), Value: wanted[key]})
	}
	return list
}

// covered are a policy's resource attributes, nil if one of them is more than an equality or tags narrow it down.
func covered(r *policy.V2PolicyResource) map[string]string {
	if r == nil || len(r.Tags) > 0 {
		return nil
	}
	have := map[string]string{}
	for _, attribute := range r.Attributes {
		text, ok := attribute.Value.(string)
		if !ok || value(attribute.Operator) != "stringEquals" {
			return nil
		}
		have[value(attribute.Key)] = text
	}
	return have
}

func of(subject *policy.V2PolicySubject, groupID string) bool {
	if subject == nil {
		return false
	}
	return slices.ContainsFunc(subject.Attributes, func(a policy.V2PolicySubjectAttribute) bool {
		return value(a.Key) == "access_group_id" && a.Value == any(groupID)
	})
}

// unconditional tells whether a policy holds at all times.
func unconditional(p policy.V2PolicyTemplateMetaData) bool {
	return p.Rule == nil && value(p.Pattern) == ""
}
