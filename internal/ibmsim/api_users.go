package ibmsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Members of the account.
var userRoutes = []route{
	{api: &usersAPI, method: "GET", path: "/v2/accounts/{account}/users", handle: listUsers},
	{api: &usersAPI, method: "GET", path: "/v2/accounts/{account}/users/{iam}", handle: getUser},
	{api: &usersAPI, method: "PATCH", path: "/v2/accounts/{account}/users/{iam}", handle: updateUser},
	{api: &usersAPI, method: "GET", path: "/v2/accounts/{account}/users/{iam}/settings", handle: getUserSettings},
	{api: &usersAPI, method: "PATCH", path: "/v2/accounts/{account}/users/{iam}/settings", handle: updateUserSettings},
}

func (k *call) readsUsers() bool {
	return k.may("user-management", "Administrator", "Editor", "Operator", "Viewer")
}

// seesUsers is the silent shortening: without a role a caller sees everybody only while the account does not restrict
// the list's visibility, and otherwise only itself, with status 200 (trap 16).
func (k *call) seesUsers() bool {
	return k.readsUsers() || k.w.memberAt(k.caller.iam, k.now) && k.w.settings.RestrictUserListVisibility != "RESTRICTED"
}

func (k *call) wrongAccount() (reply, bool) {
	if k.path("account") == k.w.accountID {
		return reply{}, false
	}
	return k.listRefusal(http.StatusForbidden, "forbidden", "You have no access to this account."), true
}

// listUsers pages with limit (default 100) and _start, which comes back inside next_url.
func listUsers(k *call) reply {
	if rep, wrong := k.wrongAccount(); wrong {
		return rep
	}
	limit := 100
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 100)
	}
	all, total, wanted := k.seesUsers(), 0, k.userFilter()
	start := k.q("_start")
	after, _ := strconv.Atoi(start)
	started := start == ""
	resources, next := []any{}, ""
	for _, u := range k.w.users {
		if !u.listed() || (!all && u.iam != k.caller.iam) || !wanted(u) {
			continue
		}
		total++
		started = started || u.seq >= after
		switch {
		case !started:
		case len(resources) < limit:
			resources = append(resources, k.w.userBody(u))
		case next == "":
			next = strconv.Itoa(u.seq)
		}
	}
	body := map[string]any{"total_results": total, "limit": limit, "first_url": k.usersURL(limit, ""), "resources": resources}
	if next != "" {
		body["next_url"] = k.usersURL(limit, next)
	}
	return ok(body)
}

func (k *call) usersURL(limit int, start string) string {
	q := url.Values{}
	for name, values := range k.query() {
		q[name] = values
	}
	q.Del("_start")
	q.Set("limit", strconv.Itoa(limit))
	if start != "" {
		q.Set("_start", start)
	}
	return strings.TrimPrefix(k.r.URL.Path, usersAPI.prefixes[0]) + "?" + q.Encode()
}

// userFilter applies user_id and search: field:value terms, a comma meaning OR.
func (k *call) userFilter() func(*user) bool {
	id, search := k.q("user_id"), k.q("search")
	return func(u *user) bool {
		if id != "" && !strings.EqualFold(id, u.email) {
			return false
		}
		return search == "" || slices.ContainsFunc(strings.Split(search, ","), u.matches)
	}
}

func (u *user) matches(term string) bool {
	field, value, _ := strings.Cut(strings.TrimSpace(term), ":")
	have := map[string]string{
		"firstname": u.first, "lastname": u.last, "email": u.email, "state": u.state, "iam_id": u.iam, "realm": "IBMid", "userId": u.email, "user_id": u.email,
	}[field]
	return have != "" && strings.EqualFold(have, value)
}

// visibleUser is the listed user of the path, if the caller may see it.
func (k *call) visibleUser() *user {
	u := k.w.byIAM[k.path("iam")]
	if u == nil || !u.listed() || (u.iam != k.caller.iam && !k.seesUsers()) {
		return nil
	}
	return u
}

func (k *call) noUser() reply {
	return k.listRefusal(http.StatusNotFound, "not_found", "The user "+k.path("iam")+" is not in the account.")
}

func getUser(k *call) reply {
	if rep, wrong := k.wrongAccount(); wrong {
		return rep
	}
	u := k.visibleUser()
	if u == nil {
		return k.noUser()
	}
	body := k.w.userBody(u)
	if k.yes("include_activity") {
		body["activity"] = k.w.activityBody(u.lastAuthn, u.authns)
	}
	return ok(body)
}

func getUserSettings(k *call) reply {
	if rep, wrong := k.wrongAccount(); wrong {
		return rep
	}
	u := k.visibleUser()
	if u == nil {
		return k.noUser()
	}
	return ok(map[string]any{"language": u.language, "notification_language": "en-us", "allowed_ip_addresses": u.allowedIPs, "self_manage": true})
}

func (w *world) userBody(u *user) map[string]any {
	return map[string]any{
		"id": w.ids.of("user", u.iam), "iam_id": u.iam, "realm": "IBMid", "user_id": u.email, "firstname": u.first, "lastname": u.last,
		"state": u.state, "email": u.email, "phonenumber": u.phone, "altphonenumber": "", "photo": "", "account_id": w.accountID,
		"added_on": u.added.UTC().Format(time.RFC3339),
	}
}
