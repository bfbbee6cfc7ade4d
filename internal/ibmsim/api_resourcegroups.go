package ibmsim

import (
	"net/http"
	"slices"
)

// Resource groups.
var resourceGroupRoutes = []route{
	{api: &managerAPI, method: "GET", path: "/v2/resource_groups", handle: listResourceGroups},
	{api: &managerAPI, method: "POST", path: "/v2/resource_groups", handle: createResourceGroup},
	{api: &managerAPI, method: "GET", path: "/v2/resource_groups/{id}", handle: withResourceGroup(getResourceGroup)},
	{api: &managerAPI, method: "PATCH", path: "/v2/resource_groups/{id}", handle: withResourceGroup(updateResourceGroup)},
	{api: &managerAPI, method: "DELETE", path: "/v2/resource_groups/{id}", handle: withResourceGroup(deleteResourceGroup)},
}

// listResourceGroups is not paginated and shows only what the caller may see.
func listResourceGroups(k *call) reply {
	list := []any{}
	for _, g := range k.w.resourceGroups {
		if !k.account(k.q("account_id")) || !k.w.seesGroup(k.caller.iam, g.id, k.now) {
			continue
		}
		if (k.q("name") != "" && g.name != k.q("name")) || (k.yes("default") && !g.isDefault) {
			continue
		}
		list = append(list, k.w.resourceGroupBody(g))
	}
	return ok(map[string]any{"resources": list})
}

func withResourceGroup(handle func(*call, *resourceGroup) reply) func(*call) reply {
	return func(k *call) reply {
		g := k.w.groupByID(k.path("id"))
		if g == nil || !k.w.seesGroup(k.caller.iam, g.id, k.now) {
			return k.listRefusal(http.StatusNotFound, "not_found", "The resource group could not be found.")
		}
		if k.r.Method != http.MethodGet && !k.editsResourceGroup(g.id) {
			return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to change this resource group.")
		}
		return handle(k, g)
	}
}

// editsResourceGroup is the right to change a group, or with an empty ID to make one (which roles: inferred).
func (k *call) editsResourceGroup(id string) bool {
	return k.w.may(k.caller.iam, target{service: "resource-group", group: id}, k.now, "Administrator", "Editor")
}

func getResourceGroup(k *call, g *resourceGroup) reply { return ok(k.w.resourceGroupBody(g)) }

func (w *world) resourceGroupCRN(id string) string {
	return "crn:v1:bluemix:public:resource-controller::a/" + w.accountID + "::resource-group:" + id
}

func (w *world) resourceGroupBody(g *resourceGroup) map[string]any {
	return map[string]any{
		"id": g.id, "crn": w.resourceGroupCRN(g.id), "account_id": w.accountID, "name": g.name, "state": "ACTIVE", "default": g.isDefault,
		"quota_id": w.ids.of("quota", "standard"), "resource_linkages": []any{}, "created_at": policyTime(g.created), "updated_at": policyTime(later(g.modified, g.created)),
	}
}

// createResourceGroup answers the group's ID and CRN alone, as the SDK reads it.
func createResourceGroup(k *call) reply {
	var in struct {
		Name      string `json:"name"`
		AccountID string `json:"account_id"`
	}
	if !k.decode(&in) || in.Name == "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs a name.")
	}
	if !k.account(in.AccountID) || !k.editsResourceGroup("") {
		return k.listRefusal(http.StatusForbidden, "forbidden", "You are not allowed to create resource groups.")
	}
	if k.w.groupNamed(in.Name) != nil {
		return k.groupNameTaken()
	}
	g := &resourceGroup{id: k.w.ids.next("resource-group"), name: in.Name, created: k.now}
	k.w.resourceGroups = append(k.w.resourceGroups, g)
	k.record("resource-manager.resource-group.create", g.id, "name", g.name)
	return created(map[string]any{"id": g.id, "crn": k.w.resourceGroupCRN(g.id)})
}

func (k *call) groupNameTaken() reply {
	return k.listRefusal(http.StatusConflict, "conflict", "A resource group with this name exists.") // inferred
}

func updateResourceGroup(k *call, g *resourceGroup) reply {
	var in struct {
		Name  *string `json:"name"`
		State *string `json:"state"`
	}
	if !k.decode(&in) || in.Name != nil && *in.Name == "" || in.State != nil && *in.State != "ACTIVE" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "A name is not empty, and the only state to set is ACTIVE.")
	}
	if in.Name != nil && *in.Name != g.name && k.w.groupNamed(*in.Name) != nil {
		return k.groupNameTaken()
	}
	set(&g.name, in.Name)
	g.modified = k.now
	k.record("resource-manager.resource-group.update", g.id, "name", g.name)
	return ok(k.w.resourceGroupBody(g))
}

// deleteResourceGroup wants an empty group that is not the default one; that a cluster key of the group does not hold it is
// inferred, as are both refusals' statuses. The key stays in IAM.
func deleteResourceGroup(k *call, g *resourceGroup) reply {
	if g.isDefault {
		return k.listRefusal(http.StatusBadRequest, "forbidden", "The default resource group cannot be deleted.")
	}
	if slices.ContainsFunc(k.w.resources(), func(r resource) bool { return r.group == g.id && r.state != stateRemoved }) {
		return k.listRefusal(http.StatusBadRequest, "not_empty", "The resource group has resources in it.")
	}
	k.w.resourceGroups = slices.DeleteFunc(k.w.resourceGroups, func(have *resourceGroup) bool { return have == g })
	k.record("resource-manager.resource-group.delete", g.id, "name", g.name)
	return noContent()
}
