package ibmsim

import "net/http"

// Manual classic credentials of a pair, and what the pair's key may do on the infrastructure.
var credentialRoutes = []route{
	{api: &containersAPI, method: "GET", path: "/v1/credentials", handle: getCredentials},
	{api: &containersAPI, method: "POST", path: "/v1/credentials", handle: storeCredentials},
	{api: &containersAPI, method: "DELETE", path: "/v1/credentials", handle: removeCredentials},
	{api: &containersAPI, method: "GET", path: "/v1/infra-permissions", handle: infraPermissions},
}

// pairFor also asks for a role in the pair.
func (k *call) pairFor(anyOf ...string) (scopeID, reply) {
	id, refused := k.pair()
	if refused.status != 0 {
		return id, refused
	}
	if !k.w.may(k.caller.iam, target{service: "containers-kubernetes", region: id.region, group: id.group}, k.now, anyOf...) {
		return id, k.ksForbidden(anyOf[len(anyOf)-1])
	}
	return id, reply{}
}

// getCredentials answers E0051 when nothing is stored; the status is inferred.
func getCredentials(k *call) reply {
	id, refused := k.pairFor("Administrator", "Editor", "Operator", "Viewer")
	if refused.status != 0 {
		return refused
	}
	user := k.w.credentials[id]
	if user == "" {
		return k.ksRefusal(http.StatusNotFound, "E0051", "Provisioning", "No infrastructure credentials are set for this account.")
	}
	return ok(map[string]any{"apiUser": user})
}

func storeCredentials(k *call) reply {
	id, refused := k.pairFor("Administrator")
	if refused.status != 0 {
		return refused
	}
	user := k.r.Header.Get("X-Auth-Softlayer-Username")
	if user == "" || k.r.Header.Get("X-Auth-Softlayer-APIKey") == "" {
		return k.ksRefusal(http.StatusBadRequest, "E0007", "General", "User name and API key headers are required.")
	}
	k.w.credentials[id] = user
	k.record("containers-kubernetes.account-infra-credential.set", id.String(), "api_user", user)
	return noContent()
}

func removeCredentials(k *call) reply {
	id, refused := k.pairFor("Administrator")
	if refused.status != 0 {
		return refused
	}
	delete(k.w.credentials, id)
	k.record("containers-kubernetes.account-infra-credential.delete", id.String())
	return noContent()
}

// infraPermissions answers about the pair's key: empty objects mean enough.
func infraPermissions(k *call) reply {
	id, refused := k.pairFor("Administrator", "Editor", "Operator", "Viewer")
	if refused.status != 0 {
		return refused
	}
	enough := map[string]any{"required": map[string]any{}, "recommended": map[string]any{}}
	lacking := enough
	if key := k.w.scope(id).current(); key == nil || !k.w.ownsWell(key.owner, id, k.now) {
		lacking = map[string]any{"required": map[string]any{"virtual": []string{"Manage worker nodes"}}, "recommended": map[string]any{}}
	}
	return ok(map[string]any{
		"account": k.w.accountID, "accountType": "IAM", "networkManagerPermissions": enough, "physicalWorkerManagerPermissions": enough,
		"storageManagerPermissions": enough, "virtualWorkerManagerPermissions": lacking,
	})
}
