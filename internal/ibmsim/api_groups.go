package ibmsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Access groups v2.
var groupRoutes = []route{
	{api: &groupsAPI, method: "GET", path: "/v2/groups", handle: listGroups},
	{api: &groupsAPI, method: "POST", path: "/v2/groups", handle: createGroup},
	{api: &groupsAPI, method: "GET", path: "/v2/groups/{group}", handle: withGroup(getGroup)},
	{api: &groupsAPI, method: "PATCH", path: "/v2/groups/{group}", handle: withGroup(updateGroup)},
	{api: &groupsAPI, method: "DELETE", path: "/v2/groups/{group}", handle: withGroup(deleteGroup)},
	{api: &groupsAPI, method: "GET", path: "/v2/groups/{group}/members", handle: withGroup(listMembers)},
	{api: &groupsAPI, method: "PUT", path: "/v2/groups/{group}/members", handle: withGroup(addMembers)},
	{api: &groupsAPI, method: "HEAD", path: "/v2/groups/{group}/members/{iam}", handle: withGroup(testMember)},
	{api: &groupsAPI, method: "DELETE", path: "/v2/groups/{group}/members/{iam}", handle: removeMemberOrAll},
	{api: &groupsAPI, method: "PUT", path: "/v2/groups/{group}/members/{iam}", handle: joinSeveral},
	{api: &groupsAPI, method: "POST", path: "/v2/groups/{group}/members/delete", handle: withGroup(removeMembers)},
}

// allGroups stands in the place of a group's ID where all of them are meant.
const allGroups = "_allgroups"

func (k *call) readsGroups() bool {
	return k.may("iam-groups", "Administrator", "Editor", "Operator", "Viewer")
}
func (k *call) editsGroups() bool { return k.may("iam-groups", "Administrator", "Editor") }

func withGroup(handle func(*call, *accessGroup) reply) func(*call) reply {
	return func(k *call) reply {
		g := k.w.group(k.path("group"))
		if g == nil || !k.readsGroups() {
			return k.listRefusal(http.StatusNotFound, "not_found", "The access group could not be found.")
		}
		if k.r.Method != http.MethodGet && k.r.Method != http.MethodHead && !k.editsGroups() {
			return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change this access group.")
		}
		return handle(k, g)
	}
}

// listGroups shows a caller without a role only the groups it is in (inferred).
func listGroups(k *call) reply {
	var list []*accessGroup
	for _, g := range k.w.groups {
		if g.deleted || !k.account(k.q("account_id")) || (!k.readsGroups() && k.w.member(g.id, k.caller.iam) == nil) {
			continue
		}
		if iam := k.q("iam_id"); iam != "" && k.w.member(g.id, iam) == nil {
			continue
		}
		if text := k.q("search"); text != "" && !strings.Contains(strings.ToLower(g.name), strings.ToLower(text)) {
			continue
		}
		list = append(list, g)
	}
	return k.offsetPage(len(list), "groups", func(i int) any { return k.w.groupBody(list[i]) })
}

// offsetPage is the access groups' paging dialect: limit (default 50), offset, and hrefs.
func (k *call) offsetPage(n int, member string, item func(int) any) reply {
	limit, offset := 50, position(k.q("offset"))
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 100)
	}
	items := []any{}
	for i := offset; i < min(offset+limit, n); i++ {
		items = append(items, item(i))
	}
	href := func(at int) map[string]string {
		q := url.Values{}
		for name, values := range k.query() {
			q[name] = values
		}
		q.Set("limit", strconv.Itoa(limit))
		q.Set("offset", strconv.Itoa(at))
		return map[string]string{"href": k.url() + "?" + q.Encode()}
	}
	body := map[string]any{
		"limit": limit, "offset": offset, "total_count": n, "first": href(0), "last": href(max(0, (n-1)/limit*limit)), member: items,
	}
	if offset+limit < n {
		body["next"] = href(offset + limit)
	}
	if offset > 0 {
		body["previous"] = href(max(0, offset-limit))
	}
	return ok(body)
}

func (w *world) groupBody(g *accessGroup) map[string]any {
	return map[string]any{
		"id": g.id, "name": g.name, "description": g.description, "account_id": w.accountID, "created_at": groupTime(g.created),
		"created_by_id": g.by, "last_modified_at": groupTime(g.created), "last_modified_by_id": g.by,
		"href": "https://iam.cloud.ibm.com/v2/groups/" + g.id, "is_federated": false,
	}
}

func groupTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func createGroup(k *call) reply {
	if !k.account(k.q("account_id")) || !k.editsGroups() {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to create access groups.")
	}
	var in struct{ Name, Description string }
	if !k.decode(&in) || in.Name == "" || len(in.Name) > 100 || len(in.Description) > 250 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The name has 1 to 100 characters, the description at most 250.")
	}
	for _, g := range k.w.groups {
		if !g.deleted && g.name == in.Name {
			return k.listRefusal(http.StatusConflict, "conflict", "An access group with this name exists.")
		}
	}
	g := &accessGroup{id: "AccessGroupId-" + uuidOf(k.w.ids.next("access-group")), name: in.Name, description: in.Description, created: k.now, by: k.caller.iam}
	k.w.groups = append(k.w.groups, g)
	k.record("iam-groups.group.create", g.id, "name", g.name)
	return created(k.w.groupBody(g))
}

func getGroup(k *call, g *accessGroup) reply {
	return reply{status: http.StatusOK, body: k.w.groupBody(g), header: map[string]string{"ETag": g.etag()}}
}

func (g *accessGroup) etag() string { return fmt.Sprintf("%d-%s", g.tag, g.id[len(g.id)-8:]) }

func updateGroup(k *call, g *accessGroup) reply {
	if k.entityChanged(g.etag()) {
		return k.listRefusal(http.StatusConflict, "conflict", "The access group was changed in the meantime; its entity tag does not match.")
	}
	var in struct{ Name, Description *string }
	if !k.decode(&in) || in.Name != nil && (*in.Name == "" || len(*in.Name) > 100) || in.Description != nil && len(*in.Description) > 250 {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The name has 1 to 100 characters, the description at most 250.")
	}
	set(&g.name, in.Name)
	set(&g.description, in.Description)
	g.tag++
	k.record("iam-groups.group.update", g.id, "name", g.name)
	return getGroup(k, g)
}

func (m *membership) kind() string {
	if m.rule != nil {
		return "dynamic"
	}
	return "static"
}

// deleteGroup needs force to take members and policies with it.
func deleteGroup(k *call, g *accessGroup) reply {
	members := k.w.membersOf(g.id)
	if len(members) > 0 && !k.yes("force") {
		return k.listRefusal(http.StatusConflict, "conflict", "The access group has members. Use force to delete it.")
	}
	for _, m := range members { // the rules go with the group, so dynamic ones end, too
		m.end(k.now)
	}
	for _, p := range k.w.policies {
		if p.subject == g.id && p.deleted.IsZero() {
			k.w.endPolicy(p, k.now)
		}
	}
	g.deleted = true
	k.record("iam-groups.group.delete", g.id, "name", g.name)
	return noContent()
}

func testMember(k *call, g *accessGroup) reply {
	if k.w.member(g.id, k.path("iam")) == nil {
		return reply{status: http.StatusNotFound}
	}
	return noContent()
}

func listMembers(k *call, g *accessGroup) reply {
	kind := firstOf(k.q("membership_type"), "all")
	members := slices.DeleteFunc(k.w.membersOf(g.id), func(m *membership) bool {
		return kind != "all" && kind != m.kind() || k.q("type") != "" && k.q("type") != memberType(k.w.who(m.iam))
	})
	return k.offsetPage(len(members), "members", func(i int) any {
		m := members[i]
		who := k.w.who(m.iam)
		body := map[string]any{
			"iam_id": m.iam, "type": memberType(who), "membership_type": m.kind(), "created_at": groupTime(m.added), "created_by_id": m.by,
			"href": "https://iam.cloud.ibm.com/v2/groups/" + g.id + "/members/" + m.iam,
		}
		if k.yes("verbose") {
			body["name"], body["email"] = who.name, who.email
		}
		return body
	})
}

func memberType(who identity) string {
	if who.service {
		return "service"
	}
	if who.profile {
		return "profile"
	}
	return "user"
}
