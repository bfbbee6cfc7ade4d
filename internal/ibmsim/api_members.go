package ibmsim

import "net/http"

// Changes of access group membership. Bulk calls answer 207 whatever became of the items (trap 25).

// maxItems is the documented size of a bulk call.
const maxItems = 50

func addMembers(k *call, g *accessGroup) reply {
	var in struct {
		Members []struct {
			IamID string `json:"iam_id"`
			Type  string `json:"type"`
		} `json:"members"`
	}
	if !k.decode(&in) || len(in.Members) == 0 || len(in.Members) > maxItems {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs 1 to 50 members.")
	}
	items := []any{}
	for _, m := range in.Members {
		item := map[string]any{"iam_id": m.IamID, "type": m.Type}
		k.addMember(g, m.IamID, item)
		items = append(items, item)
	}
	return multi(map[string]any{"members": items})
}

// addMember adds one identity and writes what came of it into the item. Adding a member again succeeds.
func (k *call) addMember(g *accessGroup, iam string, item map[string]any) {
	switch {
	case k.fault != nil && k.fault.Partial207:
		k.itemFailed(item, http.StatusServiceUnavailable, "unable_to_process", "The member could not be processed.")
	case !k.w.listedIdentity(iam):
		k.itemFailed(item, http.StatusNotFound, "not_found", "The identity "+iam+" is not in the account.")
	default:
		m := k.w.staticMember(g.id, iam)
		if m == nil {
			m = k.w.join(g.id, iam, k.caller.iam, k.now, k.now.Add(k.w.grantDelay()))
			k.record("iam-groups.member.add", g.id, "group", g.name, "iam_id", iam)
		}
		item["status_code"], item["created_at"], item["created_by_id"] = http.StatusOK, groupTime(m.added), m.by
	}
}

func (k *call) itemFailed(item map[string]any, status int, code, message string) {
	item["status_code"], item["trace"] = status, k.requestID
	item["errors"] = []any{map[string]any{"code": code, "message": message}}
}

func (w *world) listedIdentity(iam string) bool {
	if s := w.serviceByIAM[iam]; s != nil {
		return !s.deleted
	}
	if p := w.profileByIAM[iam]; p != nil {
		return !p.deleted
	}
	u := w.byIAM[iam]
	return u != nil && u.listed()
}

// dropMember ends one membership and writes what came of it into the item.
func (k *call) dropMember(g *accessGroup, iam string, item map[string]any) {
	m := k.w.staticMember(g.id, iam)
	switch {
	case k.fault != nil && k.fault.Partial207:
		k.itemFailed(item, http.StatusServiceUnavailable, "unable_to_process", "The member could not be processed.")
	case m == nil:
		k.itemFailed(item, http.StatusNotFound, "not_found", "The identity is not a member of the group.")
	default:
		m.end(k.now)
		item["status_code"] = http.StatusNoContent
		k.record("iam-groups.member.delete", g.id, "group", g.name, "iam_id", iam)
	}
}

func removeMembers(k *call, g *accessGroup) reply {
	var in struct {
		Members []string `json:"members"`
	}
	if !k.decode(&in) || len(in.Members) == 0 || len(in.Members) > maxItems {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs 1 to 50 members.")
	}
	items := []any{}
	for _, iam := range in.Members {
		item := map[string]any{"iam_id": iam}
		k.dropMember(g, iam, item)
		items = append(items, item)
	}
	return multi(map[string]any{"access_group_id": g.id, "members": items})
}

// removeMemberOrAll serves both DELETE of one member of one group and of one identity in all groups.
func removeMemberOrAll(k *call) reply {
	if k.path("group") == allGroups {
		return leaveAll(k)
	}
	return withGroup(func(k *call, g *accessGroup) reply {
		m := k.w.staticMember(g.id, k.path("iam"))
		if m == nil {
			return k.listRefusal(http.StatusNotFound, "not_found", "The identity is not a member of the group.")
		}
		m.end(k.now)
		k.record("iam-groups.member.delete", g.id, "group", g.name, "iam_id", m.iam)
		return noContent()
	})(k)
}

func leaveAll(k *call) reply {
	if !k.editsGroups() {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change access groups.")
	}
	iam, items := k.path("iam"), []any{}
	for _, g := range k.w.groups {
		if g.deleted || k.w.staticMember(g.id, iam) == nil {
			continue
		}
		item := map[string]any{"access_group_id": g.id}
		k.dropMember(g, iam, item)
		items = append(items, item)
	}
	return multi(map[string]any{"iam_id": iam, "groups": items})
}

// joinSeveral is PUT _allgroups: one identity into several groups.
func joinSeveral(k *call) reply {
	if k.path("group") != allGroups {
		return k.listRefusal(http.StatusNotFound, "not_found", "The access group could not be found.")
	}
	if !k.editsGroups() {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change access groups.")
	}
	var in struct {
		Groups []string `json:"groups"`
	}
	if !k.decode(&in) || len(in.Groups) == 0 || len(in.Groups) > maxItems {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs 1 to 50 groups.")
	}
	items := []any{}
	for _, id := range in.Groups {
		item := map[string]any{"access_group_id": id}
		if g := k.w.group(id); g != nil {
			k.addMember(g, k.path("iam"), item)
		} else {
			k.itemFailed(item, http.StatusNotFound, "not_found", "The access group could not be found.")
		}
		items = append(items, item)
	}
	return multi(map[string]any{"iam_id": k.path("iam"), "groups": items})
}
