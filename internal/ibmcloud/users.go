package ibmcloud

import (
	"context"
	"strings"

	"github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/IBM/platform-services-go-sdk/usermanagementv1"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Users is the account's membership, seen by the engine.
type Users struct {
	account string
	api     *clients
	lists   share.Reads[[]offboard.Person]
}

// WhoAmI tells whose key the engine works with. The e-mail address is empty for an identity that is no user of the
// account, such as a service ID (trap 22), and for a key of another account.
func (u *Users) WhoAmI(ctx context.Context) (offboard.Identity, error) {
	return u.whose(ctx, u.api, "tell whose key the engine works with")
}

// whose asks IAM about an identity's own key and the engine about the user behind it.
func (u *Users) whose(ctx context.Context, own *clients, text string) (offboard.Identity, error) {
	secret, err := own.identity.secret(ctx)
	if err != nil {
		return offboard.Identity{}, titled(err, text)
	}
	o := op{name: "GetAPIKeysDetails", text: text}
	key, err := ask(ctx, o, own.iam.GetAPIKeysDetailsWithContext, &iamidentityv1.GetAPIKeysDetailsOptions{IamAPIKey: &secret})
	if offboard.CodeOf(err) == offboard.NotFound {
		return offboard.Identity{}, offboard.Errorf(offboard.Denied, text, "IAM does not know the key of %s", own.identity.name)
	}
	if err != nil {
		return offboard.Identity{}, err
	}
	id := offboard.Identity{IAMID: value(key.IamID), Account: value(key.AccountID), KeyID: value(key.ID)}
	if id.Account != u.account {
		return id, nil // whose users another account has is nothing this identity may ask
	}
	person, err := u.Person(ctx, id.IAMID)
	if err != nil && offboard.CodeOf(err) != offboard.NotFound {
		return offboard.Identity{}, err
	}
	id.Email = person.Email
	return id, nil
}

// People reads every page of the user list (trap 16: maybe only the engine itself).
func (u *Users) People(ctx context.Context) ([]offboard.Person, error) {
	return everything(ctx, &u.lists, u.everybody)
}

func (u *Users) everybody(ctx context.Context) ([]offboard.Person, error) {
	o := op{name: "ListUsers", text: "list the account's users"}
	var people []offboard.Person
	err := pages(o, func(token string) (string, error) {
		list, err := u.page(ctx, o, token)
		if err != nil {
			return "", err
		}
		for _, p := range list.Resources {
			people = append(people, person(&p))
		}
		return nextToken(o, list.NextURL, "_start")
	})
	return people, err
}

func (u *Users) page(ctx context.Context, o op, token string) (*usermanagementv1.UserList, error) {
	options := &usermanagementv1.ListUsersOptions{AccountID: &u.account, Limit: new(int64(100))}
	if token != "" {
		options.Start = &token
	}
	return ask(ctx, o, u.api.users.ListUsersWithContext, options)
}

// Person reads one user's profile. NotFound if there is none.
func (u *Users) Person(ctx context.Context, iamID string) (offboard.Person, error) {
	o := op{name: "GetUserProfile", text: "read the user " + iamID}
	profile, err := ask(ctx, o, u.api.users.GetUserProfileWithContext, &usermanagementv1.GetUserProfileOptions{AccountID: &u.account, IamID: &iamID})
	if err != nil {
		return offboard.Person{}, err
	}
	return person(profile), nil
}

// Invite sends an invitation, unless the address is a member's or an invitee's already, and tells the state after it. The
// IAM ID in the answer may be a placeholder (trap 56). After an ambiguous error the next call finds the invitee.
func (u *Users) Invite(ctx context.Context, email string) (offboard.Person, error) {
	o := op{name: "InviteUsers", text: "invite " + email, once: true}
	if email == "" {
		return offboard.Person{}, offboard.Errorf(offboard.Invalid, o.text, "there is no address")
	}
	// The whole list is read: how the service's search treats case is not documented (trap 21).
	people, err := u.People(ctx)
	if err != nil {
		return offboard.Person{}, titled(err, o.text)
	}
	for _, p := range people {
		if strings.EqualFold(p.Email, email) && p.State != "ERROR_WHILE_PROCESSING" {
			return p, nil
		}
	}
	sent, err := ask(ctx, o, u.api.users.InviteUsersWithContext, &usermanagementv1.InviteUsersOptions{
		AccountID: &u.account,
		Users:     []usermanagementv1.InviteUser{{Email: &email, AccountRole: new("Member")}},
	})
	if err != nil {
		return offboard.Person{}, err
	}
	for _, r := range sent.Resources {
		if strings.EqualFold(value(r.Email), email) {
			return offboard.Person{IAMID: value(r.ID), Email: value(r.Email), State: value(r.State)}, nil
		}
	}
	return offboard.Person{}, unreadable(o, nil)
}

// Remove begins to remove a user by the asynchronous call, which a lost answer does not make ambiguous: Person answers
// NotFound when it is done, and a state of ERROR_WHILE_DELETING when it failed (trap 18). Nil for who is gone already.
func (u *Users) Remove(ctx context.Context, iamID string) error {
	o := op{name: "V3RemoveUser", text: "remove the user " + iamID}
	return gone(tell(ctx, o, u.api.users.V3RemoveUserWithContext, &usermanagementv1.V3RemoveUserOptions{AccountID: &u.account, IamID: &iamID}))
}

func person(p *usermanagementv1.UserProfile) offboard.Person {
	return offboard.Person{
		IAMID: value(p.IamID),
		Email: value(p.Email),
		Name:  strings.TrimSpace(value(p.Firstname) + " " + value(p.Lastname)),
		Realm: value(p.Realm),
		State: value(p.State),
	}
}
