package ibmsim

import (
	"net/http"
	"strings"
)

// Limits of IAM identity and how much of them is used up.
var limitRoutes = []route{
	{api: &identityAPI, method: "GET", path: "/v1/accounts/{account}/limits/identity", handle: limitsByQuery},
	{api: &identityAPI, method: "POST", path: "/v1/accounts/{account}/limits/identity", handle: limitsByBody},
}

func limitsByQuery(k *call) reply {
	wanted := strings.Trim(k.q("apikeys_per_identity"), "[]") // the SDK takes a string; lists written as [a b] are met too
	return k.limits(strings.FieldsFunc(wanted, func(r rune) bool { return r == ',' || r == ' ' }))
}

func limitsByBody(k *call) reply {
	var in struct {
		APIKeysPerIdentity []string `json:"apikeys_per_identity"`
	}
	if !k.decode(&in) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The body could not be read.")
	}
	return k.limits(in.APIKeysPerIdentity)
}

// limits counts keys against the limit of 20 per identity (trap 5).
func (k *call) limits(identities []string) reply {
	if !k.account(k.path("account")) || !k.readsIdentities() {
		return k.iamForbidden()
	}
	counts := []any{}
	for _, iam := range identities {
		counts = append(counts, map[string]any{"iam_id": iam, "count": k.w.keyCount(iam)})
	}
	body := map[string]any{
		"serviceid_groups": map[string]any{"limit": 100, "count": 0}, "profiles": map[string]any{"limit": 2000, "count": len(k.w.profiles)},
	}
	if len(identities) > 0 {
		body["apikeys_per_identity"] = map[string]any{"limit": k.w.knobs.KeyLimit, "identities": counts}
	}
	return ok(body)
}
