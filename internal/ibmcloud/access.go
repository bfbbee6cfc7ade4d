package ibmcloud

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	"github.com/IBM/platform-services-go-sdk/iamidentityv1"

	"offboard/internal/offboard"
)

// Access are groups, policies and trusted profiles, seen by the engine. The policies are in policies.go.
type Access struct {
	account string
	api     *clients
}

// EnsureGroup finds the access group of that name or makes it. After an ambiguous error the next call finds it.
func (a *Access) EnsureGroup(ctx context.Context, name, description string, making func()) (id string, created bool, err error) {
	o := op{name: "CreateAccessGroup", text: "make the access group " + name, once: true}
	id, err = a.group(ctx, name)
	if err != nil {
		return "", false, titled(err, o.text)
	}
	if id != "" {
		return id, false, nil
	}
	about(making)
	made, err := ask(ctx, o, a.api.groups.CreateAccessGroupWithContext, &iamaccessgroupsv2.CreateAccessGroupOptions{AccountID: &a.account, Name: &name, Description: &description})
	if err != nil {
		return "", false, err
	}
	return value(made.ID), true, nil
}

// group finds a group by its exact name, empty if there is none. The service's own search matches parts of names and
// descriptions.
func (a *Access) group(ctx context.Context, name string) (string, error) {
	o := op{name: "ListAccessGroups", text: "list the access groups"}
	found := ""
	err := pages(o, func(token string) (string, error) {
		offset, err := strconv.ParseInt("0"+token, 10, 64)
		if err != nil {
			return "", offboard.Errorf(offboard.Unavailable, o.text, "the next page's offset is no number")
		}
		list, err := ask(ctx, o, a.api.groups.ListAccessGroupsWithContext, &iamaccessgroupsv2.ListAccessGroupsOptions{
			AccountID: &a.account, Limit: new(int64(100)), Offset: &offset, HidePublicAccess: new(true),
		})
		if err != nil {
			return "", err
		}
		at := slices.IndexFunc(list.Groups, func(g iamaccessgroupsv2.Group) bool { return value(g.Name) == name })
		if at >= 0 {
			found = value(list.Groups[at].ID)
			return "", nil
		}
		if list.Next == nil {
			return "", nil
		}
		return nextToken(o, list.Next.Href, "offset")
	})
	return found, err
}

// AddMember puts an identity into the group and tells whether it was not in it before. Partial if the service refused
// this member in an answer that is otherwise a success (trap 25).
func (a *Access) AddMember(ctx context.Context, groupID, iamID string, making func()) (added bool, err error) {
	test := op{name: "IsMemberOfAccessGroup", text: "look for " + iamID + " in the access group " + groupID}
	err = tell(ctx, test, a.api.groups.IsMemberOfAccessGroupWithContext, &iamaccessgroupsv2.IsMemberOfAccessGroupOptions{AccessGroupID: &groupID, IamID: &iamID})
	if err == nil {
		return false, nil
	}
	if offboard.CodeOf(err) != offboard.NotFound {
		return false, err
	}
	o := op{name: "AddMembersToAccessGroup", text: "add " + iamID + " to the access group " + groupID}
	about(making)
	answer, err := ask(ctx, o, a.api.groups.AddMembersToAccessGroupWithContext, &iamaccessgroupsv2.AddMembersToAccessGroupOptions{
		AccessGroupID: &groupID,
		Members:       []iamaccessgroupsv2.AddGroupMembersRequestMembersItem{{IamID: &iamID, Type: new(memberType(iamID))}},
	})
	if err != nil {
		return false, err
	}
	for _, m := range answer.Members {
		if value(m.IamID) != iamID {
			continue
		}
		if err := item(o, value(m.StatusCode), codesOf(m.Errors)); err != nil {
			return false, err
		}
		return true, nil
	}
	return false, offboard.Errorf(offboard.Partial, o.text, "the answer does not mention this member")
}

// RemoveMember takes an identity out of the group; nil if it is not in it or the group is gone.
func (a *Access) RemoveMember(ctx context.Context, groupID, iamID string) error {
	o := op{name: "RemoveMemberFromAccessGroup", text: "take " + iamID + " out of the access group " + groupID}
	return gone(tell(ctx, o, a.api.groups.RemoveMemberFromAccessGroupWithContext, &iamaccessgroupsv2.RemoveMemberFromAccessGroupOptions{AccessGroupID: &groupID, IamID: &iamID}))
}

// DeleteGroup deletes a group with its members and policies; nil if it is gone.
func (a *Access) DeleteGroup(ctx context.Context, groupID string) error {
	o := op{name: "DeleteAccessGroup", text: "delete the access group " + groupID}
	return gone(tell(ctx, o, a.api.groups.DeleteAccessGroupWithContext, &iamaccessgroupsv2.DeleteAccessGroupOptions{AccessGroupID: &groupID, Force: new(true)}))
}

// TrustedProfiles names the profiles that list the user as an identity, sorted. It takes one request for each profile of
// the account: no service answers this in one.
func (a *Access) TrustedProfiles(ctx context.Context, iamID string) ([]string, error) {
	o := op{name: "ListProfiles", text: "list the trusted profiles"}
	var names []string
	err := pages(o, func(token string) (string, error) {
		options := &iamidentityv1.ListProfilesOptions{AccountID: &a.account, Pagesize: new(int64(100))}
		if token != "" {
			options.Pagetoken = &token
		}
		list, err := ask(ctx, o, a.api.iam.ListProfilesWithContext, options)
		if err != nil {
			return "", err
		}
		for _, profile := range list.Profiles {
			names, err = a.appendIfListed(ctx, names, profile, iamID)
			if err != nil {
				return "", err
			}
		}
		return nextToken(o, list.Next, "pagetoken")
	})
	slices.Sort(names)
	return names, err
}

func (a *Access) appendIfListed(ctx context.Context, names []string, profile iamidentityv1.TrustedProfile, iamID string) ([]string, error) {
	o := op{name: "GetProfileIdentities", text: "list the identities of the trusted profile " + value(profile.Name)}
	answer, err := ask(ctx, o, a.api.iam.GetProfileIdentitiesWithContext, &iamidentityv1.GetProfileIdentitiesOptions{ProfileID: profile.ID})
	if offboard.CodeOf(err) == offboard.NotFound {
		return names, nil // deleted since it was listed
	}
	if err != nil {
		return names, err
	}
	for _, identity := range answer.Identities {
		if value(identity.IamID) == iamID {
			return append(names, value(profile.Name)), nil
		}
	}
	return names, nil
}

// about says that something is about to be made.
func about(making func()) {
	if making != nil {
		making()
	}
}

// memberType is the kind of an identity, which its ID shows.
func memberType(iamID string) string {
	switch {
	case strings.HasPrefix(iamID, "iam-ServiceId-"):
		return "service"
	case strings.HasPrefix(iamID, "iam-Profile-"):
		return "profile"
	}
	return "user"
}

func codesOf(list []iamaccessgroupsv2.Error) []string {
	var codes []string
	for _, e := range list {
		codes = append(codes, value(e.Code))
	}
	return codes
}
