package ibmsim

import "net/http"

// The account API names the account's owner. It is in none of IBM's Go SDKs; path and fields are those that public
// clients of it read (bluemix-go's account package, the integration tests of IBM's platform SDKs).
var accountRoutes = []route{
	{api: &accountsAPI, method: "GET", path: "/coe/v2/accounts/{id}", handle: getAccount},
}

// getAccount answers any member of the account; what others get is inferred.
func getAccount(k *call) reply {
	if k.path("id") != k.w.accountID {
		return k.listRefusal(http.StatusNotFound, "not_found", "The account could not be found.")
	}
	return ok(map[string]any{
		"metadata": map[string]any{"guid": k.w.accountID, "url": "/coe/v2/accounts/" + k.w.accountID},
		"entity": map[string]any{
			"name": k.w.account.Name, "type": "PAYG", "state": "ACTIVE",
			"owner_iam_id": k.w.owner(), "owner_userid": k.w.who(k.w.owner()).label(),
		},
	})
}
