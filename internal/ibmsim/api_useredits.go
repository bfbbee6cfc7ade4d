package ibmsim

import (
	"net/http"
	"slices"
)

// Changes of a member's profile and settings.

// editable finds the user of the path for a change by an administrator or, if self is allowed, by the user.
func (k *call) editable(self bool) (*user, reply) {
	if rep, wrong := k.wrongAccount(); wrong {
		return nil, rep
	}
	u := k.visibleUser()
	if u == nil {
		return nil, k.noUser()
	}
	if !(self && u.iam == k.caller.iam) && !k.may("user-management", "Administrator", "Editor") {
		return nil, k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change this user.")
	}
	return u, reply{}
}

// updateUser changes names and the few states that can be set by hand; a user's access does not depend on these here.
func updateUser(k *call) reply {
	u, refused := k.editable(true)
	if u == nil {
		return refused
	}
	var in struct{ Firstname, Lastname, State, Email, Phonenumber *string }
	if !k.decode(&in) {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body could not be read.")
	}
	settable := []string{stateActive, stateVPNOnly, stateNoClassic}
	if in.State != nil && (!slices.Contains(settable, *in.State) || !slices.Contains(settable, u.state)) {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The state cannot be set from "+u.state+" to "+*in.State+".")
	}
	if in.State != nil && u.iam == k.caller.iam && !k.may("user-management", "Administrator", "Editor") {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change your own state.")
	}
	set(&u.first, in.Firstname)
	set(&u.last, in.Lastname)
	set(&u.phone, in.Phonenumber)
	set(&u.state, in.State)
	k.record("user-management.user.update", u.email, "iam_id", u.iam, "state", u.state)
	return noContent()
}

// updateUserSettings may fence a user in by addresses, which makes keys that are made from then on useless to clusters
// (trap 50).
func updateUserSettings(k *call) reply {
	u, refused := k.editable(true)
	if u == nil {
		return refused
	}
	var in struct {
		Language           *string
		AllowedIPAddresses *string `json:"allowed_ip_addresses"`
	}
	if !k.decode(&in) {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body could not be read.")
	}
	if in.AllowedIPAddresses != nil && !k.may("user-management", "Administrator", "Editor") {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change allowed addresses.")
	}
	set(&u.language, in.Language)
	set(&u.allowedIPs, in.AllowedIPAddresses)
	k.record("user-management.user-setting.update", u.email, "iam_id", u.iam)
	return noContent()
}
