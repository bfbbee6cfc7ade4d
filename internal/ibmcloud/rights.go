package ibmcloud

import (
	"context"
	"slices"
	"strings"

	"github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	policy "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
)

// Right is what one policy gives an identity, directly or through an access group.
type Right struct {
	Roles []string // role CRNs
	// Resources are the attributes of what the policy covers, by their names. Nil for one that cannot be judged from its
	// text: it has a rule in time, tags, or an attribute that is more than an equality.
	Resources map[string]string
}

// accountServices are the account management services the engine works with: a policy on all services does not cover
// them, one on all account management services covers nothing else.
var accountServices = []string{"iam-identity", "user-management", "iam-access-management", "iam-groups", "resource-group"}

// Covers tells whether the right holds for everything of a service in the whole account.
func (r Right) Covers(service string) bool {
	if r.Resources == nil {
		return false
	}
	named := false
	for key, value := range r.Resources {
		switch {
		case key == "accountId":
		case key == "serviceName", key == "resourceType":
			named = named || value == service
			if value != service {
				return false
			}
		case key == "serviceType":
			named = true
			if (value == "platform_service") != slices.Contains(accountServices, service) {
				return false
			}
		default: // limited to a part of the account, or by something this cannot judge
			return false
		}
	}
	return named
}

// Judged tells whether what the right gives can be told from its policy's text alone.
func (r Right) Judged() bool {
	if r.Resources == nil {
		return false
	}
	for key := range r.Resources {
		switch key {
		case "accountId", "serviceName", "serviceType", "resourceType", "resource", "resourceGroupId", "region", "serviceInstance", "namespace":
		default:
			return false
		}
	}
	return !slices.ContainsFunc(r.Roles, func(role string) bool { return strings.Contains(role, ":customRole:") })
}

// Rights lists what policies give an identity, its own and those of its access groups. Without a role on access
// management the list is short and no error says so (trap 17): what is missing from it is no proof.
func (a *Access) Rights(ctx context.Context, iamID string) ([]Right, error) {
	o := op{name: "ListV2Policies", text: "list the access of " + iamID}
	list, err := a.rights(ctx, o, policy.ListV2PoliciesOptions{IamID: &iamID})
	if err != nil {
		return nil, err
	}
	groups, err := a.groupsOf(ctx, iamID)
	if err != nil {
		return nil, titled(err, o.text)
	}
	for _, id := range groups {
		more, err := a.rights(ctx, o, policy.ListV2PoliciesOptions{AccessGroupID: &id})
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

func (a *Access) rights(ctx context.Context, o op, of policy.ListV2PoliciesOptions) ([]Right, error) {
	var rights []Right
	err := a.eachPolicy(ctx, o, of, func(p policy.V2PolicyTemplateMetaData) (more bool) {
		right := Right{Roles: rolesOf(p.Control)}
		if unconditional(p) {
			right.Resources = covered(p.Resource)
		}
		rights = append(rights, right)
		return true
	})
	return rights, err
}

// groupsOf lists the IDs of the access groups an identity is in.
func (a *Access) groupsOf(ctx context.Context, iamID string) ([]string, error) {
	o := op{name: "ListAccessGroups", text: "list the access groups of " + iamID}
	var ids []string
	err := a.eachGroup(ctx, o, &iamID, func(g iamaccessgroupsv2.Group) (more bool) {
		ids = append(ids, value(g.ID))
		return true
	})
	return ids, err
}
