package ibmcloud

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	"github.com/IBM/platform-services-go-sdk/iamidentityv1"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Access are groups, policies and trusted profiles, seen by the engine. The policies are in policies.go.
type Access struct {
	account  string
	api      *clients
	policies share.Reads[[]groupPolicy]
}

// EnsureGroup finds the access group of that name or makes it, and notes in it that the run uses it. After an ambiguous
// error the next call finds it. Pending while another run is taking the group's access away.
func (a *Access) EnsureGroup(ctx context.Context, name, description, run string, making func()) (id string, created bool, err error) {
	o := op{name: "CreateAccessGroup", text: "make the access group " + name, once: true}
	id, err = a.group(ctx, name)
	if err != nil {
		return "", false, titled(err, o.text)
	}
	if id != "" {
		return id, false, titled(a.join(ctx, id, run), o.text)
	}
	description = groupUsers{text: description}.joined(run).String()
	about(making)
	made, err := ask(ctx, o, a.api.groups.CreateAccessGroupWithContext, &iamaccessgroupsv2.CreateAccessGroupOptions{AccountID: &a.account, Name: &name, Description: &description})
	if err != nil {
		return "", false, err
	}
	return value(made.ID), true, nil
}

// join notes in a group that a run uses it.
func (a *Access) join(ctx context.Context, id, run string) error {
	return a.note(ctx, id, func(u groupUsers) (groupUsers, error) {
		if u.closer != "" && u.closer != run {
			return u, offboard.Errorf(offboard.Pending, "use the access group "+id, "run %s is taking its access away", u.closer)
		}
		return u.joined(run), nil
	})
}

// CloseGroup keeps every other run from beginning to use the group, so that its access can be taken away, and tells whether
// another run uses it already: then the group stays open and the run's own note is taken back. False if it is gone.
func (a *Access) CloseGroup(ctx context.Context, id, run string) (used bool, err error) {
	err = a.note(ctx, id, func(u groupUsers) (groupUsers, error) {
		u = u.left(run)
		if used = len(u.runs) > 0 || u.closer != ""; !used {
			u.closer = run
		}
		return u, nil
	})
	if offboard.CodeOf(err) == offboard.NotFound {
		return false, nil
	}
	return used, err
}

// LeaveGroup takes back what the run noted in the group, and opens it again where the run had closed it; nil if it is gone.
func (a *Access) LeaveGroup(ctx context.Context, id, run string) error {
	return gone(a.note(ctx, id, func(u groupUsers) (groupUsers, error) { return u.left(run), nil }))
}

// note changes who is noted in a group, under the entity tag of what was read. Unavailable if somebody else changed the
// group in between: the next attempt reads it again.
func (a *Access) note(ctx context.Context, id string, change func(groupUsers) (groupUsers, error)) error {
	read := op{name: "GetAccessGroup", text: "read the access group " + id}
	group, response, err := askFully(ctx, read, a.api.groups.GetAccessGroupWithContext, &iamaccessgroupsv2.GetAccessGroupOptions{AccessGroupID: &id})
	if err != nil {
		return err
	}
	was := value(group.Description)
	users, err := change(usersOf(was))
	if err != nil || users.String() == was {
		return err
	}
	write := op{name: "UpdateAccessGroup", text: "note in the access group " + id + " which runs use it"}
	_, err = ask(ctx, write, a.api.groups.UpdateAccessGroupWithContext, &iamaccessgroupsv2.UpdateAccessGroupOptions{
		AccessGroupID: &id, IfMatch: new(response.Headers.Get("ETag")), Description: new(users.String()),
	})
	if offboard.CodeOf(err) == offboard.Conflict {
		return offboard.Errorf(offboard.Unavailable, write.text, "somebody changed it at the same moment")
	}
	return err
}

// group finds a group by its exact name, empty if there is none. The service's own search matches parts of names and
// descriptions.
func (a *Access) group(ctx context.Context, name string) (string, error) {
	o := op{name: "ListAccessGroups", text: "list the access groups"}
	found := ""
	err := a.eachGroup(ctx, o, nil, func(g iamaccessgroupsv2.Group) (more bool) {
		if value(g.Name) == name {
			found = value(g.ID)
		}
		return found == ""
	})
	return found, err
}

// eachGroup goes through the access groups of the account, or only through those that an identity is in, until see wants
// no more.
func (a *Access) eachGroup(ctx context.Context, o op, iamID *string, see func(iamaccessgroupsv2.Group) (more bool)) error {
	return pages(o, func(token string) (string, error) {
		offset, err := strconv.ParseInt("0"+token, 10, 64)
		if err != nil {
			return "", offboard.Errorf(offboard.Unavailable, o.text, "the next page's offset is no number")
		}
		list, err := ask(ctx, o, a.api.groups.ListAccessGroupsWithContext, &iamaccessgroupsv2.ListAccessGroupsOptions{
			AccountID: &a.account, IamID: iamID, Limit: new(int64(100)), Offset: &offset, HidePublicAccess: new(true),
		})
		if err != nil {
			return "", err
		}
		for _, g := range list.Groups {
			if !see(g) {
				return "", nil
			}
		}
		if list.Next == nil {
			return "", nil
		}
		return nextToken(o, list.Next.Href, "offset")
	})
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
