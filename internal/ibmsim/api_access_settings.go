package ibmsim

// The account's switch for identities of other accounts. It is always open here: no identity of the simulator is foreign.
var accessSettingsRoutes = []route{
	{api: &policyAPI, method: "GET", path: "/v1/accounts/{account}/settings/access_management", handle: accessSettings},
}

func accessSettings(k *call) reply {
	if !k.account(k.path("account")) || !k.readsPolicies() {
		return k.policyForbidden()
	}
	open := map[string]any{"state": "enabled", "external_allowed_accounts": []string{}}
	return ok(map[string]any{"external_account_identity_interaction": map[string]any{
		"identity_types": map[string]any{"user": open, "service_id": open, "service": open},
	}})
}
