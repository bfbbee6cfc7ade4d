package ibmsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Invitations: asynchronous, and finished by a human (trap 19).
var invitationRoutes = []route{
	{api: &usersAPI, method: "POST", path: "/v2/accounts/{account}/users", handle: inviteUsers},
	{api: &usersAPI, method: "POST", path: "/v2/users/accept", handle: acceptInvitation},
}

type invitation struct {
	Users []struct {
		Email       string `json:"email"`
		AccountRole string `json:"account_role"`
	} `json:"users"`
	Policies     []policyBody `json:"iam_policy"`
	AccessGroups []string     `json:"access_groups"`
}

// inviteUsers refuses service IDs, which can neither invite nor remove (trap 22). An e-mail that is already invited or a
// member is answered with its present state and nothing happens (inferred; trap 20).
func inviteUsers(k *call) reply {
	if rep, wrong := k.wrongAccount(); wrong {
		return rep
	}
	if k.caller.service || !k.may("user-management", "Administrator", "Editor") {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to invite users to this account.")
	}
	var in invitation
	if !k.decode(&in) || len(in.Users) == 0 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs users.")
	}
	for _, id := range in.AccessGroups {
		if k.w.group(id) == nil {
			return k.listRefusal(http.StatusBadRequest, "invalid_body", "The access group "+id+" does not exist.")
		}
	}
	for _, one := range in.Users {
		if !k.w.settings.invitable(one.Email) {
			return k.listRefusal(http.StatusBadRequest, "invalid_body", "The account's settings do not let "+one.Email+" be invited.") // inferred
		}
	}
	resources := []any{}
	for _, one := range in.Users {
		u := k.w.current(one.Email)
		if u == nil {
			u = k.invite(one.Email, in)
		}
		resources = append(resources, map[string]any{"email": u.email, "id": u.iam, "state": u.state})
	}
	return accepted(map[string]any{"resources": resources})
}

// invite adds the invitee under a placeholder IAM ID, which acceptance replaces (trap 56).
func (k *call) invite(email string, in invitation) *user {
	w := k.w
	spec, known := w.directory[strings.ToLower(email)]
	if !known {
		spec = UserSpec{Email: email, Outsider: true, NeverAccepts: true}
	}
	u := &user{iam: "BSS-" + w.ids.next("invitee"), email: email, first: spec.First, last: spec.Last, state: stateProcessing, added: k.now, spec: spec, allowedIPs: spec.AllowedIPs, provider: provider{spec.Realm, spec.Claims}}
	w.addUser(u)
	for _, id := range in.AccessGroups {
		w.join(id, u.iam, k.caller.iam, k.now, k.now.Add(w.grantDelay()))
	}
	for _, b := range in.Policies {
		p := &policy{id: uuidOf(w.ids.next("policy")), version: 1, kind: kindAccess, subjectKey: "iam_id", subject: u.iam, created: k.now, by: k.caller.iam, tag: 1}
		p.roles, p.attrs = b.roleIDs(), b.resourceAttributes(w.accountID)
		w.putPolicy(p, k.now.Add(w.grantDelay()))
	}
	k.record("user-management.user.invite", u.email, "iam_id", u.iam, "access_groups", strings.Join(in.AccessGroups, ","), "policies", fmt.Sprint(len(in.Policies)))
	w.awaitAcceptance(u)
	return u
}

// awaitAcceptance begins the life of an invitation.
func (w *world) awaitAcceptance(u *user) {
	u.acceptsIn = firstDuration(u.spec.Accepts, w.knobs.Accepts)
	if u.spec.NeverAccepts || u.acceptsIn == 0 {
		u.acceptsIn = -1
	}
	w.clock.AfterFunc(w.knobs.InviteProcessing.Std(), func() { w.invitationProcessed(u) })
}

func firstDuration(values ...Duration) time.Duration {
	for _, v := range values {
		if v != 0 {
			return v.Std()
		}
	}
	return 0
}

func (w *world) invitationProcessed(u *user) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if (u.state != stateProcessing && u.state != statePending) || !u.listed() {
		return
	}
	if u.state == stateProcessing {
		u.state = statePending
		w.happened(usersAPI.name, "user-management.user.invite", u.email, "outcome", "success", "state", statePending)
	}
	if u.acceptsIn >= 0 {
		w.clock.AfterFunc(u.acceptsIn, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.admit(u)
		})
	}
}

// admit makes an invitee a member: the human said yes. It reports whether there was an invitation to accept.
func (w *world) admit(u *user) bool {
	if u == nil || !u.listed() || (u.state != statePending && u.state != stateProcessing) {
		return false
	}
	now := w.clock.Now()
	old := u.iam
	delete(w.byIAM, old)
	u.iam = w.iamOf(u.spec)
	if before := w.byIAM[u.iam]; before != nil {
		u.active = slices.Clone(before.active) // the same person was a member once; the past stays explainable
	}
	w.byIAM[u.iam] = u
	w.byEmail[strings.ToLower(u.email)] = u
	u.state = stateActive
	u.active = append(u.active, span{from: now})
	w.moveGrants(old, u.iam)
	if u.spec.APIKey != "" && w.keyBySecret[u.spec.APIKey] == nil {
		w.loginKey(u, u.spec.APIKey, now)
	}
	w.happened(usersAPI.name, "user-management.user-invitation.accept", u.email, "iam_id", u.iam, "previous_iam_id", old)
	return true
}

// acceptInvitation is called with the invitee's token; it answers 204 to somebody who is a member already.
func acceptInvitation(k *call) reply {
	var in struct {
		AccountID string `json:"account_id"`
	}
	if !k.decode(&in) || in.AccountID != k.w.accountID {
		return k.listRefusal(http.StatusNotFound, "not_found", "There is no invitation to this account.")
	}
	u := k.w.current(k.caller.email)
	if u != nil && u.state == stateActive {
		return noContent()
	}
	if !k.w.admit(u) {
		return k.listRefusal(http.StatusNotFound, "not_found", "There is no invitation to this account.")
	}
	return accepted(nil)
}

// Accept accepts a pending invitation by e-mail, as the human would, and reports whether there was one.
func (c *Cloud) Accept(email string) bool {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.admit(w.current(email))
}
