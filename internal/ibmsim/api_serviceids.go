package ibmsim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Service IDs. They survive the user that made them; deleting one deletes its keys and policies.
var serviceIDRoutes = []route{
	{api: &identityAPI, method: "GET", path: "/v1/serviceids/{$}", handle: listServiceIDs},
	{api: &identityAPI, method: "GET", path: "/v1/serviceids", handle: listServiceIDs},
	{api: &identityAPI, method: "POST", path: "/v1/serviceids/{$}", handle: createServiceID},
	{api: &identityAPI, method: "POST", path: "/v1/serviceids", handle: createServiceID},
	{api: &identityAPI, method: "GET", path: "/v1/serviceids/{id}", handle: withServiceID(getServiceID)},
	{api: &identityAPI, method: "PUT", path: "/v1/serviceids/{id}", handle: withServiceID(updateServiceID)},
	{api: &identityAPI, method: "DELETE", path: "/v1/serviceids/{id}", handle: withServiceID(deleteServiceID)},
	{api: &identityAPI, method: "POST", path: "/v1/serviceids/{id}/lock", handle: withServiceID(lockServiceID(true))},
	{api: &identityAPI, method: "DELETE", path: "/v1/serviceids/{id}/lock", handle: withServiceID(lockServiceID(false))},
}

func (k *call) readsIdentities() bool {
	return k.may("iam-identity", "Administrator", "Editor", "Operator", "Viewer")
}

// editsIdentities is the right to make, change and delete service IDs and trusted profiles.
func (k *call) editsIdentities() bool { return k.may("iam-identity", "Administrator", "Operator") }

// listServiceIDs is silently empty for a caller without a role.
func listServiceIDs(k *call) reply {
	var list []*serviceID
	for _, s := range k.w.services {
		if !s.deleted && k.readsIdentities() && k.account(k.q("account_id")) && (k.q("name") == "" || s.name == k.q("name")) {
			list = append(list, s)
		}
	}
	return k.identityPage(len(list), "serviceids", func(i int) any { return k.w.serviceIDBody(list[i], k.yes("include_history")) }, strconv.Itoa, nextIndex)
}

func nextIndex(mark string) int {
	return position(mark) + 1
}

func withServiceID(handle func(*call, *serviceID) reply) func(*call) reply {
	return func(k *call) reply {
		i := slices.IndexFunc(k.w.services, func(s *serviceID) bool { return s.id == k.path("id") && !s.deleted })
		if i < 0 || !k.readsIdentities() {
			return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The service ID could not be found.")
		}
		if k.r.Method != http.MethodGet && !k.editsIdentities() {
			return k.iamForbidden()
		}
		return handle(k, k.w.services[i])
	}
}

func getServiceID(k *call, s *serviceID) reply {
	body := k.w.serviceIDBody(s, k.yes("include_history"))
	if k.yes("include_activity") {
		body["activity"] = k.w.activityBody(s.lastAuthn, s.authns)
	}
	return reply{status: http.StatusOK, body: body, header: map[string]string{"ETag": s.entityTag()}}
}

// createServiceID may make a key along with it, whose value is told once.
func createServiceID(k *call) reply {
	var in struct {
		AccountID   string `json:"account_id"`
		Name        string
		Description string
		Apikey      *struct {
			Name, Description, Apikey string
			StoreValue                bool   `json:"store_value"`
			ExpiresAt                 string `json:"expires_at"`
		}
	}
	if !k.decode(&in) || in.Name == "" || in.AccountID == "" || in.Apikey != nil && in.Apikey.Name == "" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0102E", "The properties account_id and name are required.")
	}
	restricted := k.w.settings.RestrictCreateServiceID == "RESTRICTED"
	if !k.account(in.AccountID) || !k.editsIdentities() || restricted && !k.may("iam-identity", "ServiceIdCreator") {
		return k.iamForbidden()
	}
	id := "ServiceId-" + uuidOf(k.w.ids.next("service-id"))
	s := &serviceID{id: id, iam: "iam-" + id, name: in.Name, description: in.Description, creator: k.caller.iam, created: k.now, modified: k.now, tag: 1}
	s.locked = k.r.Header.Get("Entity-Lock") == "true"
	body := map[string]any{}
	if in.Apikey != nil {
		expires, ok := parseExpiry(in.Apikey.ExpiresAt)
		if !ok || !k.secretIsFree(in.Apikey.Apikey) {
			return k.badKey()
		}
		key := k.w.newKey(s.iam, k.caller.iam, in.Apikey.Name, in.Apikey.Description, k.now)
		k.useSecret(key, in.Apikey.Apikey)
		key.expires, key.stored = expires, in.Apikey.StoreValue
		body = k.w.keyBody(key)
		body["apikey"] = key.secret
	}
	k.w.services = append(k.w.services, s)
	k.w.serviceByIAM[s.iam] = s
	k.record("iam-identity.account-serviceid.create", s.id, "name", s.name)
	answer := k.w.serviceIDBody(s, false)
	if in.Apikey != nil {
		answer["apikey"] = body
	}
	return created(answer)
}

func (k *call) entityChanged(tag string) bool {
	match := k.r.Header.Get("If-Match")
	return match != "*" && match != tag
}

func (k *call) staleEntity() reply {
	return k.iamRefusal(http.StatusConflict, "BXNIM0417E", "The entity was changed in the meantime; its entity_tag does not match.")
}

// lockedEntity refuses to change a locked key, service ID or what belongs to one (trap 14); status and code are inferred.
func (k *call) lockedEntity(what string) reply {
	return k.iamRefusal(http.StatusConflict, "BXNIM0452E", what+" is locked. Unlock it before you change or delete it.")
}

func updateServiceID(k *call, s *serviceID) reply {
	if k.entityChanged(s.entityTag()) {
		return k.staleEntity()
	}
	if s.locked {
		return k.lockedEntity("The service ID")
	}
	var in struct{ Name, Description *string }
	if !k.decode(&in) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The body could not be read.")
	}
	set(&s.name, in.Name)
	set(&s.description, in.Description)
	k.touchServiceID(s)
	k.record("iam-identity.account-serviceid.update", s.id, "name", s.name)
	return ok(k.w.serviceIDBody(s, false))
}

func (k *call) touchServiceID(s *serviceID) {
	s.tag++
	s.modified = k.now
}

// deleteServiceID takes its keys, policies and memberships with it.
func deleteServiceID(k *call, s *serviceID) reply {
	if s.locked {
		return k.lockedEntity("The service ID")
	}
	s.deleted = true
	s.gone = k.now
	for _, key := range k.w.keysByOwner[s.iam] {
		if key.deleted.IsZero() {
			k.w.dropKey(key, k.now, causeOwner)
		}
	}
	k.w.forget(s.iam, k.now)
	k.record("iam-identity.account-serviceid.delete", s.id, "name", s.name)
	return noContent()
}

func lockServiceID(lock bool) func(*call, *serviceID) reply {
	return func(k *call, s *serviceID) reply {
		if s.locked == lock {
			return noContent()
		}
		s.locked = lock
		k.touchServiceID(s)
		k.record("iam-identity.account-serviceid.update", s.id, "locked", strconv.FormatBool(lock))
		return noContent()
	}
}

func (w *world) serviceIDBody(s *serviceID, history bool) map[string]any {
	body := map[string]any{
		"id": s.id, "iam_id": s.iam, "entity_tag": s.entityTag(), "crn": "crn:v1:bluemix:public:iam-identity::a/" + w.accountID + "::serviceid:" + s.id,
		"locked": s.locked, "created_at": w.iamTime(s.created), "modified_at": w.iamTime(s.modified), "account_id": w.accountID, "name": s.name, "description": s.description,
	}
	if history {
		body["history"] = w.historyBody([]historyItem{{s.created, s.creator, "CREATE", "Service ID created"}})
	}
	return body
}

func (w *world) activityBody(last time.Time, count int64) map[string]any {
	activity := map[string]any{"authn_count": count}
	if count > 0 {
		activity["last_authn"] = w.iamTime(last)
	}
	return activity
}
