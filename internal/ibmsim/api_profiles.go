package ibmsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Trusted profiles and the identities that may assume them.
var profileRoutes = []route{
	{api: &identityAPI, method: "GET", path: "/v1/profiles", handle: listProfiles},
	{api: &identityAPI, method: "POST", path: "/v1/profiles", handle: createProfile},
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}", handle: withProfile(getProfile)},
	{api: &identityAPI, method: "PUT", path: "/v1/profiles/{id}", handle: withProfile(updateProfile)},
	{api: &identityAPI, method: "DELETE", path: "/v1/profiles/{id}", handle: withProfile(deleteProfile)},
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/identities", handle: withProfile(listProfileIdentities)},
	{api: &identityAPI, method: "PUT", path: "/v1/profiles/{id}/identities", handle: withProfile(setProfileIdentities)},
	{api: &identityAPI, method: "POST", path: "/v1/profiles/{id}/identities/{type}", handle: withProfile(addProfileIdentity)},
	{api: &identityAPI, method: "GET", path: "/v1/profiles/{id}/identities/{type}/{identifier}", handle: withProfile(getProfileIdentity)},
	{api: &identityAPI, method: "DELETE", path: "/v1/profiles/{id}/identities/{type}/{identifier}", handle: withProfile(deleteProfileIdentity)},
}

// profileMember is an identity that may assume a profile. One whose user was removed dangles: it stays and means nobody.
type profileMember struct{ kind, identifier, description string }

func listProfiles(k *call) reply {
	var list []*profile
	for _, p := range k.w.profiles {
		if !p.deleted && k.readsIdentities() && k.account(k.q("account_id")) && (k.q("name") == "" || p.name == k.q("name")) {
			list = append(list, p)
		}
	}
	return k.identityPage(len(list), "profiles", func(i int) any { return k.w.profileBody(list[i]) }, strconv.Itoa, nextIndex)
}

func withProfile(handle func(*call, *profile) reply) func(*call) reply {
	return func(k *call) reply {
		i := slices.IndexFunc(k.w.profiles, func(p *profile) bool { return p.id == k.path("id") && !p.deleted })
		if i < 0 || !k.readsIdentities() {
			return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The trusted profile could not be found.")
		}
		if k.r.Method != http.MethodGet && !k.editsIdentities() {
			return k.iamForbidden()
		}
		return handle(k, k.w.profiles[i])
	}
}

func getProfile(k *call, p *profile) reply {
	return reply{status: http.StatusOK, body: k.w.profileBody(p), header: map[string]string{"ETag": p.entityTag()}}
}

func createProfile(k *call) reply {
	var in struct {
		Name, Description string
		AccountID         string `json:"account_id"`
	}
	if !k.decode(&in) || in.Name == "" || in.AccountID == "" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0102E", "The properties account_id and name are required.")
	}
	if !k.account(in.AccountID) || !k.editsIdentities() {
		return k.iamForbidden()
	}
	if slices.ContainsFunc(k.w.profiles, func(p *profile) bool { return p.name == in.Name && !p.deleted }) {
		return k.iamRefusal(http.StatusConflict, "BXNIM0447E", "A trusted profile with this name exists.")
	}
	id := "Profile-" + uuidOf(k.w.ids.next("profile"))
	p := &profile{id: id, iam: "iam-" + id, name: in.Name, description: in.Description, created: k.now, modified: k.now, tag: 1}
	k.w.addProfile(p)
	k.record("iam-identity.account-profile.create", p.id, "name", p.name)
	return created(k.w.profileBody(p))
}

func updateProfile(k *call, p *profile) reply {
	if k.entityChanged(p.entityTag()) {
		return k.staleEntity()
	}
	var in struct{ Name, Description *string }
	if !k.decode(&in) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The body could not be read.")
	}
	set(&p.name, in.Name)
	set(&p.description, in.Description)
	k.touchProfile(p, "name", p.name)
	return ok(k.w.profileBody(p))
}

func (k *call) touchProfile(p *profile, details ...string) {
	p.tag++
	p.modified = k.now
	k.record("iam-identity.account-profile.update", p.id, details...)
}

func deleteProfile(k *call, p *profile) reply {
	p.deleted = true
	p.gone = k.now
	k.w.forget(p.iam, k.now)
	k.record("iam-identity.account-profile.delete", p.id, "name", p.name)
	return noContent()
}

func (w *world) profileBody(p *profile) map[string]any {
	return map[string]any{
		"id": p.id, "iam_id": p.iam, "entity_tag": p.entityTag(), "crn": "crn:v1:bluemix:public:iam-identity::a/" + w.accountID + "::profile:" + p.id,
		"name": p.name, "description": p.description, "created_at": w.iamTime(p.created), "modified_at": w.iamTime(p.modified), "account_id": w.accountID,
	}
}

func (w *world) profileMemberBody(m profileMember) map[string]any {
	return map[string]any{"iam_id": m.identifier, "identifier": m.identifier, "type": m.kind, "accounts": []string{w.accountID}, "description": m.description}
}

func listProfileIdentities(k *call, p *profile) reply {
	list := []any{}
	for _, m := range p.members {
		list = append(list, k.w.profileMemberBody(m))
	}
	return ok(map[string]any{"entity_tag": p.entityTag(), "identities": list})
}

// profileMemberRequest is one identity as a request names it: by IAM ID, or a user by e-mail, or a service ID by its ID.
type profileMemberRequest struct {
	Identifier, Type, Description string
}

func (k *call) profileMember(in profileMemberRequest) (profileMember, bool) {
	iam := in.Identifier
	switch in.Type {
	case "user":
		if u := k.w.current(iam); u != nil {
			iam = u.iam
		}
	case "serviceid":
		if !strings.HasPrefix(iam, "iam-") {
			iam = "iam-" + iam
		}
	case "crn":
		return profileMember{in.Type, iam, in.Description}, strings.HasPrefix(iam, "crn:")
	default:
		return profileMember{}, false
	}
	return profileMember{in.Type, iam, in.Description}, k.w.listedIdentity(iam)
}

func addProfileIdentity(k *call, p *profile) reply {
	var in profileMemberRequest
	if !k.decode(&in) || in.Type != "" && in.Type != k.path("type") {
		return k.badProfileIdentity()
	}
	in.Type = k.path("type")
	m, known := k.profileMember(in)
	if !known {
		return k.badProfileIdentity()
	}
	if i := p.find(m.kind, m.identifier); i >= 0 {
		p.members[i] = m
	} else {
		p.members = append(p.members, m)
	}
	k.touchProfile(p, "added", m.identifier)
	return ok(k.w.profileMemberBody(m))
}

func (k *call) badProfileIdentity() reply {
	return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The identity is not a user, service ID or resource of the account.")
}

func setProfileIdentities(k *call, p *profile) reply {
	if k.entityChanged(p.entityTag()) {
		return k.staleEntity()
	}
	var in struct{ Identities []profileMemberRequest }
	if !k.decode(&in) {
		return k.badProfileIdentity()
	}
	var members []profileMember
	for _, one := range in.Identities {
		m, known := k.profileMember(one)
		if !known {
			return k.badProfileIdentity()
		}
		members = append(members, m)
	}
	p.members = members
	k.touchProfile(p, "identities", strconv.Itoa(len(members)))
	return listProfileIdentities(k, p)
}

func (p *profile) find(kind, identifier string) int {
	return slices.IndexFunc(p.members, func(m profileMember) bool { return m.kind == kind && m.identifier == identifier })
}

func (k *call) noProfileIdentity() reply {
	return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The identity is not part of the profile.")
}

// member finds the path's identity; a user may also be named by e-mail.
func (k *call) pathMember(p *profile) int {
	identifier := k.path("identifier")
	if u := k.w.current(identifier); u != nil {
		identifier = u.iam
	}
	return p.find(k.path("type"), identifier)
}

func getProfileIdentity(k *call, p *profile) reply {
	i := k.pathMember(p)
	if i < 0 {
		return k.noProfileIdentity()
	}
	return ok(k.w.profileMemberBody(p.members[i]))
}

func deleteProfileIdentity(k *call, p *profile) reply {
	i := k.pathMember(p)
	if i < 0 {
		return k.noProfileIdentity()
	}
	removed := p.members[i].identifier
	p.members = slices.Delete(p.members, i, i+1)
	k.touchProfile(p, "removed", removed)
	return noContent()
}
