package ibmsim

import (
	"net/http"
	"regexp"
	"slices"
)

// Roles: the system's, those of the services a cluster key's owner needs, and the account's own.
var roleRoutes = []route{
	{api: &policyAPI, method: "GET", path: "/v2/roles", handle: listRoles},
	{api: &policyAPI, method: "POST", path: "/v2/roles", handle: createRole},
	{api: &policyAPI, method: "GET", path: "/v2/roles/{role}", handle: withRole(getRole)},
	{api: &policyAPI, method: "PUT", path: "/v2/roles/{role}", handle: withRole(replaceRole)},
	{api: &policyAPI, method: "DELETE", path: "/v2/roles/{role}", handle: withRole(deleteRole)},
}

func listRoles(k *call) reply {
	name := k.q("service_name")
	role := func(name, service string) any {
		crn, _ := roleCRN(name)
		return map[string]any{"display_name": name, "crn": crn, "description": "", "actions": actionsOf(service, name)}
	}
	service := []any{role("Manager", name), role("Writer", name), role("Reader", name)}
	if name == "iam-identity" {
		service = []any{role("UserApiKeyCreator", name), role("ServiceIdCreator", name)}
	}
	custom := []any{}
	for _, r := range k.w.customRoles {
		if !r.deleted() && k.account(k.q("account_id")) && (name == "" || r.service == name) {
			custom = append(custom, k.w.roleBody(r))
		}
	}
	return ok(map[string]any{
		"custom_roles": custom, "service_roles": service,
		"system_roles": []any{role("Administrator", name), role("Editor", name), role("Operator", name), role("Viewer", name)},
	})
}

func (w *world) roleBody(r *customRole) map[string]any {
	return map[string]any{
		"id": r.id, "crn": r.crn, "name": r.name, "display_name": r.displayName, "description": r.description, "actions": r.actions(),
		"account_id": w.accountID, "service_name": r.service, "href": "https://iam.cloud.ibm.com/v2/roles/" + r.id,
		"created_at": policyTime(r.created), "created_by_id": r.by, "last_modified_at": policyTime(r.modified), "last_modified_by_id": r.by,
	}
}

func (k *call) roleReply(status int, r *customRole) reply {
	return reply{status: status, body: k.w.roleBody(r), header: map[string]string{"ETag": r.etag()}}
}

// editsRoles stands for Administrator of IBM's role management, which is one of the account management services.
func (k *call) editsRoles() bool { return k.may("iam-access-management", "Administrator") }

// withRole lets everybody read roles (inferred), as they let themselves be listed.
func withRole(handle func(*call, *customRole) reply) func(*call) reply {
	return func(k *call) reply {
		i := slices.IndexFunc(k.w.customRoles, func(r *customRole) bool { return r.id == k.path("role") && !r.deleted() })
		if i < 0 {
			return k.listRefusal(http.StatusNotFound, "role_not_found", "The role could not be found.")
		}
		if k.r.Method != http.MethodGet && !k.editsRoles() {
			return k.policyForbidden()
		}
		return handle(k, k.w.customRoles[i])
	}
}

func getRole(k *call, r *customRole) reply { return k.roleReply(http.StatusOK, r) }

// roleNameForm: a role's name is part of its CRN, alphanumeric and capitalized.
var roleNameForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,29}$`)

// createRole wants a name that no role of the account has, and at least one action of the one service.
func createRole(k *call) reply {
	var in struct {
		Name, Description string
		DisplayName       string   `json:"display_name"`
		AccountID         string   `json:"account_id"`
		ServiceName       string   `json:"service_name"`
		Actions           []string `json:"actions"`
	}
	if !k.decode(&in) || !roleNameForm.MatchString(in.Name) || in.DisplayName == "" || in.AccountID == "" || in.ServiceName == "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs display_name, account_id, service_name, actions and a name of letters and digits that begins with a capital.")
	}
	if !k.account(in.AccountID) || !k.editsRoles() {
		return k.policyForbidden()
	}
	if text := badActions(in.ServiceName, in.Actions); text != "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", text)
	}
	n := 0
	for _, r := range k.w.customRoles {
		if r.deleted() {
			continue
		}
		n++
		if r.name == in.Name || r.displayName == in.DisplayName {
			return k.listRefusal(http.StatusConflict, "role_conflict_error", "A role with this name exists.")
		}
	}
	if n >= maxCustomRoles {
		return k.listRefusal(http.StatusUnprocessableEntity, "unable_to_process", "The account has as many custom roles as it may.") // status inferred
	}
	r := &customRole{
		id: uuidOf(k.w.ids.next("role")), crn: "crn:v1:ibmcloud:public:iam-access-management::a/" + k.w.accountID + "::customRole:" + in.Name,
		name: in.Name, service: in.ServiceName, displayName: in.DisplayName, description: in.Description, created: k.now, modified: k.now, by: k.caller.iam, tag: 1,
		versions: []roleVersion{{span{from: k.now}, in.Actions}},
	}
	k.w.customRoles = append(k.w.customRoles, r)
	k.record("iam-am.role.create", r.id, "name", r.name)
	return k.roleReply(http.StatusCreated, r)
}

// replaceRole changes what every policy with the role gives, after the usual delay.
func replaceRole(k *call, r *customRole) reply {
	if k.r.Header.Get("If-Match") != r.etag() {
		return k.listRefusal(http.StatusPreconditionFailed, "request_not_processed", "The role was changed in the meantime; its entity tag does not match.")
	}
	var in struct {
		DisplayName string   `json:"display_name"`
		Description string   `json:"description"`
		Actions     []string `json:"actions"`
	}
	if !k.decode(&in) || in.DisplayName == "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs display_name and actions.")
	}
	if text := badActions(r.service, in.Actions); text != "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", text)
	}
	if !slices.Equal(r.actions(), in.Actions) {
		acts := k.now.Add(k.w.grantDelay())
		last := &r.versions[len(r.versions)-1]
		last.to = later(acts, last.from)
		r.versions = append(r.versions, roleVersion{span{from: last.to}, in.Actions})
	}
	r.displayName, r.description, r.modified = in.DisplayName, in.Description, k.now
	r.tag++
	k.record("iam-am.role.update", r.id, "name", r.name)
	return k.roleReply(http.StatusOK, r)
}

// deleteRole refuses while a policy gives the role (inferred).
func deleteRole(k *call, r *customRole) reply {
	for _, p := range k.w.policies {
		if p.deleted.IsZero() && slices.Contains(p.roles, r.crn) {
			return k.listRefusal(http.StatusConflict, "role_conflict_error", "The policy "+p.id+" gives this role.")
		}
	}
	last := &r.versions[len(r.versions)-1]
	last.to = later(k.now, last.from)
	k.record("iam-am.role.delete", r.id, "name", r.name)
	return noContent()
}
