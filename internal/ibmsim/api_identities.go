package ibmsim

import (
	"net/http"
	"strconv"
	"strings"
)

// Service IDs and trusted profiles, as far as finding what names a user needs.
var (
	serviceIDRoutes = []route{
		{api: &identityAPI, method: "GET", path: "/v1/serviceids/{$}", handle: listServiceIDs},
		{api: &identityAPI, method: "GET", path: "/v1/serviceids/{id}", handle: getServiceID},
	}
	profileRoutes = []route{
		{api: &identityAPI, method: "GET", path: "/v1/profiles", handle: listProfiles},
		{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}", handle: getProfile},
		{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/identities", handle: listProfileIdentities},
		{api: &identityAPI, method: "DELETE", path: "/v1/profiles/{id}/identities/{type}/{identifier}", handle: deleteProfileIdentity},
	}
)

func (k *call) readsIdentities() bool {
	return k.may("iam-identity", "Administrator", "Editor", "Operator", "Viewer")
}

// listServiceIDs is silently empty for a caller without a role.
func listServiceIDs(k *call) reply {
	var list []*serviceID
	for _, s := range k.w.services {
		if k.readsIdentities() && k.account(k.q("account_id")) && (k.q("name") == "" || s.name == k.q("name")) {
			list = append(list, s)
		}
	}
	return k.identityPage(len(list), "serviceids", func(i int) any { return k.w.serviceIDBody(list[i], k.yes("include_history")) }, strconv.Itoa, nextIndex)
}

func nextIndex(mark string) int {
	n, _ := strconv.Atoi(mark)
	return n + 1
}

func getServiceID(k *call) reply {
	for _, s := range k.w.services {
		if s.id == k.path("id") && k.readsIdentities() {
			return ok(k.w.serviceIDBody(s, k.yes("include_history")))
		}
	}
	return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The service ID could not be found.")
}

func (w *world) serviceIDBody(s *serviceID, history bool) map[string]any {
	body := map[string]any{
		"id": s.id, "iam_id": s.iam, "entity_tag": "1-" + s.id[len(s.id)-8:], "crn": "crn:v1:bluemix:public:iam-identity::a/" + w.accountID + "::serviceid:" + s.id,
		"locked": s.locked, "created_at": w.iamTime(s.created), "modified_at": w.iamTime(s.created), "account_id": w.accountID, "name": s.name, "description": s.description,
	}
	if history {
		body["history"] = w.historyBody([]historyItem{{s.created, s.creator, "CREATE", "Service ID created"}})
	}
	return body
}

func listProfiles(k *call) reply {
	var list []*profile
	for _, p := range k.w.profiles {
		if k.readsIdentities() && k.account(k.q("account_id")) && (k.q("name") == "" || p.name == k.q("name")) {
			list = append(list, p)
		}
	}
	return k.identityPage(len(list), "profiles", func(i int) any { return k.w.profileBody(list[i]) }, strconv.Itoa, nextIndex)
}

func (k *call) profile() *profile {
	for _, p := range k.w.profiles {
		if p.id == k.path("id") && k.readsIdentities() {
			return p
		}
	}
	return nil
}

func (k *call) noProfile() reply {
	return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The trusted profile could not be found.")
}

func getProfile(k *call) reply {
	p := k.profile()
	if p == nil {
		return k.noProfile()
	}
	return ok(k.w.profileBody(p))
}

func (w *world) profileBody(p *profile) map[string]any {
	return map[string]any{
		"id": p.id, "iam_id": p.iam, "entity_tag": "1-" + p.id[len(p.id)-8:], "crn": "crn:v1:bluemix:public:iam-identity::a/" + w.accountID + "::profile:" + p.id,
		"name": p.name, "created_at": w.iamTime(p.created), "modified_at": w.iamTime(p.created), "account_id": w.accountID,
	}
}

func listProfileIdentities(k *call) reply {
	p := k.profile()
	if p == nil {
		return k.noProfile()
	}
	list := []any{}
	for _, email := range p.identities {
		iam := k.w.iamByEmail(email)
		list = append(list, map[string]any{"iam_id": iam, "identifier": iam, "type": "user", "accounts": []string{k.w.accountID}})
	}
	return ok(map[string]any{"entity_tag": "1-" + p.id[len(p.id)-8:], "identities": list})
}

func deleteProfileIdentity(k *call) reply {
	p := k.profile()
	if p == nil {
		return k.noProfile()
	}
	if !k.managesKeys() {
		return k.iamForbidden()
	}
	for i, email := range p.identities {
		if k.path("type") == "user" && (k.w.iamByEmail(email) == k.path("identifier") || strings.EqualFold(email, k.path("identifier"))) {
			p.identities = append(p.identities[:i:i], p.identities[i+1:]...)
			k.record("iam-identity.account-profile.update", p.id, "removed", email)
			return noContent()
		}
	}
	return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The identity is not part of the profile.")
}
