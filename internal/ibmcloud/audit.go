package ibmcloud

import (
	"context"
	"strings"

	"github.com/IBM/platform-services-go-sdk/iamidentityv1"
	policy "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"

	"offboard/internal/offboard"
)

// What only an audit asks for. Everything here reads lists.

// AccountOwner is the account owner's IAM ID, empty where the account API refuses to tell the engine.
func (u *Users) AccountOwner(ctx context.Context) (string, error) { return u.owner(ctx) }

// RightsOf lists what policies give each of the identities, its own and those of its access groups. It reads the account's
// policies once, whoever they are for, and one list of groups for each identity. Seen counts all policies that were shown:
// without a role on access management lists are short and no error says so (trap 17).
func (a *Access) RightsOf(ctx context.Context, iamIDs []string) (rights map[string][]offboard.Right, seen int, err error) {
	bySubject := map[string][]offboard.Right{}
	o := op{name: "ListV2Policies", text: "list the account's access policies"}
	err = a.eachPolicy(ctx, o, policy.ListV2PoliciesOptions{}, func(p policy.V2PolicyTemplateMetaData) (more bool) {
		seen++
		right := offboard.Right{Roles: rolesOf(p.Control)}
		if unconditional(p) {
			right.Resources = covered(p.Resource)
		}
		for _, subject := range subjectsOf(p.Subject) {
			bySubject[subject] = append(bySubject[subject], right)
		}
		return true
	})
	if err != nil {
		return nil, 0, err
	}
	rights = make(map[string][]offboard.Right, len(iamIDs))
	for _, id := range iamIDs {
		rights[id] = append(rights[id], bySubject[id]...)
		groups, err := a.groupsOf(ctx, id)
		if err != nil {
			return nil, 0, err
		}
		for _, group := range groups {
			rights[id] = append(rights[id], bySubject[group]...)
		}
	}
	return rights, seen, nil
}

// subjectsOf are the identities and access groups that a policy is for.
func subjectsOf(s *policy.V2PolicySubject) []string {
	if s == nil {
		return nil
	}
	var list []string
	for _, attribute := range s.Attributes {
		text, ok := attribute.Value.(string)
		if key := value(attribute.Key); ok && (key == "iam_id" || key == "access_group_id") {
			list = append(list, text)
		}
	}
	return list
}

// Profiles lists the account's trusted profiles with the users they name. It takes one request for each profile of the
// account besides the list: no service answers this in one.
func (a *Access) Profiles(ctx context.Context) ([]offboard.TrustedProfile, error) {
	o := op{name: "ListProfiles", text: "list the trusted profiles"}
	var profiles []offboard.TrustedProfile
	err := pages(o, func(token string) (string, error) {
		options := &iamidentityv1.ListProfilesOptions{AccountID: &a.account, Pagesize: new(int64(100))}
		if token != "" {
			options.Pagetoken = &token
		}
		list, err := ask(ctx, o, a.api.iam.ListProfilesWithContext, options)
		if err != nil {
			return "", err
		}
		for _, p := range list.Profiles {
			users, err := a.usersOf(ctx, p)
			if err != nil {
				return "", err
			}
			profiles = append(profiles, offboard.TrustedProfile{ID: value(p.ID), Name: value(p.Name), Users: users})
		}
		return nextToken(o, list.Next, "pagetoken")
	})
	return profiles, err
}

// usersOf are the IAM IDs of the users that a trusted profile lists; none for a profile that is gone.
func (a *Access) usersOf(ctx context.Context, profile iamidentityv1.TrustedProfile) ([]string, error) {
	o := op{name: "GetProfileIdentities", text: "list the identities of the trusted profile " + value(profile.Name)}
	answer, err := ask(ctx, o, a.api.iam.GetProfileIdentitiesWithContext, &iamidentityv1.GetProfileIdentitiesOptions{ProfileID: profile.ID})
	if offboard.CodeOf(err) == offboard.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var users []string
	for _, identity := range answer.Identities {
		if strings.EqualFold(value(identity.Type), "user") {
			users = append(users, value(identity.IamID))
		}
	}
	return users, nil
}

// ServiceIDs lists the account's service IDs. Who made one stands in its history only, which the list brings along.
func (a *Access) ServiceIDs(ctx context.Context) ([]offboard.ServiceID, error) {
	o := op{name: "ListServiceIds", text: "list the service IDs"}
	var list []offboard.ServiceID
	options := &iamidentityv1.ListServiceIdsOptions{AccountID: &a.account, Pagesize: new(int64(100)), IncludeHistory: new(true)}
	err := pages(o, func(token string) (string, error) {
		if token != "" {
			options.Pagetoken = &token
		}
		page, err := ask(ctx, o, a.api.iam.ListServiceIdsWithContext, options)
		if err != nil {
			return "", err
		}
		for _, s := range page.Serviceids {
			id := offboard.ServiceID{ID: value(s.ID), Name: value(s.Name)}
			for _, entry := range s.History {
				if strings.HasPrefix(strings.ToUpper(value(entry.Action)), "CREATE") {
					id.Creator = value(entry.IamID)
				}
			}
			list = append(list, id)
		}
		return nextToken(o, page.Next, "pagetoken")
	})
	return list, err
}
