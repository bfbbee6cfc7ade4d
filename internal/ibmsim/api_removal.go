package ibmsim

import (
	"net/http"
	"strings"
	"time"
)

// Removal of users: v2 answers when it is done, v3 at once.
var removalRoutes = []route{
	{api: &usersAPI, method: "DELETE", path: "/v2/accounts/{account}/users/{iam}", handle: removeNow},
	{api: &usersAPI, method: "DELETE", path: "/v2/accounts/{account}/users", handle: removeByAttribute},
	{api: &usersAPI, method: "DELETE", path: "/v3/accounts/{account}/users/{iam}", handle: removeLater},
}

// removable finds the user to remove or says why not. Bodies of these refusals are inferred.
func (k *call) removable(iam string) (*user, reply) {
	if rep, wrong := k.wrongAccount(); wrong {
		return nil, rep
	}
	u := k.w.byIAM[iam]
	self := iam == k.caller.iam
	if k.caller.service || (!self && !k.may("user-management", "Administrator", "Editor")) {
		return nil, k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to remove users from this account.")
	}
	if u == nil || !u.listed() {
		return nil, k.noUser()
	}
	if u.iam == k.w.owner() {
		return nil, k.listRefusal(http.StatusBadRequest, "cannot_remove_owner", "The account owner cannot be removed.")
	}
	if child := k.w.classicChild(u); child != "" {
		return nil, k.listRefusal(http.StatusBadRequest, "cannot_remove_classic_user", "The classic infrastructure user cannot be removed: "+child+" is below it.")
	}
	return u, reply{}
}

func (w *world) classicChild(parent *user) string {
	for _, u := range w.users {
		if u.listed() && u.spec.ClassicParent != "" && strings.EqualFold(u.spec.ClassicParent, parent.email) {
			return u.email
		}
	}
	return ""
}

func removeNow(k *call) reply {
	return k.removeUser(k.path("iam"))
}

// removeByAttribute names the user by user_id or email instead of the IAM ID. It is documented and in no SDK.
func removeByAttribute(k *call) reply {
	u := k.w.current(firstOf(k.q("user_id"), k.q("email")))
	if u == nil {
		return k.removeUser("")
	}
	return k.removeUser(u.iam)
}

func (k *call) removeUser(iam string) reply {
	u, refused := k.removable(iam)
	if u == nil {
		return refused
	}
	keys := k.w.remove(u, k.now)
	k.record("user-management.user.delete", u.email, "iam_id", u.iam, "keys", keys)
	return noContent()
}

// removeLater may end in ERROR_WHILE_DELETING, which only the profile tells (trap 18).
func removeLater(k *call) reply {
	u, refused := k.removable(k.path("iam"))
	if u == nil {
		return refused
	}
	w := k.w
	k.record("user-management.user.delete", u.email, "iam_id", u.iam, "outcome", "pending")
	w.clock.AfterFunc(w.knobs.RemovalDelay.Std(), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !u.listed() {
			return
		}
		if w.knobs.RemovalFails {
			u.state = stateErrDelete
			w.happened(usersAPI.name, "user-management.user.delete", u.email, "outcome", "failure")
			return
		}
		keys := w.remove(u, w.clock.Now())
		w.happened(usersAPI.name, "user-management.user.delete", u.email, "outcome", "success", "keys", keys)
	})
	return accepted(nil)
}

// remove takes a user out of the account with membership, policies, group memberships and all API keys, for good
// (trap 15). Clusters keep the user in their RBAC until the next sync. It returns the IDs of the keys that died.
func (w *world) remove(u *user, now time.Time) string {
	u.removed = now
	if n := len(u.active); n > 0 && u.active[n-1].to.IsZero() {
		u.active[n-1].to = now
	}
	var died []string
	for _, k := range w.keysByOwner[u.iam] {
		if k.deleted.IsZero() {
			w.dropKey(k, now, causeOwner)
			died = append(died, k.id)
		}
	}
	w.forget(u.iam, now)
	return strings.Join(died, ",")
}
