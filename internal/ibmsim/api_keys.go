package ibmsim

import (
	"net/http"
	"strconv"
	"time"
)

// IAM API keys. Authorisation: one's own keys always, all others' with Administrator on iam-identity.
var apiKeyRoutes = []route{
	{api: &identityAPI, method: "GET", path: "/v1/apikeys", handle: listKeys},
	{api: &identityAPI, method: "POST", path: "/v1/apikeys", handle: createKey},
	{api: &identityAPI, method: "GET", path: "/v1/apikeys/details", handle: keyDetails},
	{api: &identityAPI, method: "GET", path: "/v1/apikeys/{id}", handle: withKey(getKey)},
	{api: &identityAPI, method: "PUT", path: "/v1/apikeys/{id}", handle: withKey(updateKey)},
	{api: &identityAPI, method: "DELETE", path: "/v1/apikeys/{id}", handle: withKey(deleteKey)},
	{api: &identityAPI, method: "POST", path: "/v1/apikeys/{id}/lock", handle: withKey(lockKey(true))},
	{api: &identityAPI, method: "DELETE", path: "/v1/apikeys/{id}/lock", handle: withKey(lockKey(false))},
	{api: &identityAPI, method: "POST", path: "/v1/apikeys/{id}/disable", handle: withKey(disableKey)},
	{api: &identityAPI, method: "DELETE", path: "/v1/apikeys/{id}/disable", handle: withKey(enableKey)},
}

// managesKeys is iam-identity.apikey.manage: other identities' keys.
func (k *call) managesKeys() bool { return k.may("iam-identity", "Administrator") }

// withKey finds the key of the path. Keys of others need the manage right; a key the replicas do not know is a 404.
func withKey(handle func(*call, *apiKey) reply) func(*call) reply {
	return func(k *call) reply {
		key := k.w.keyByID[k.path("id")]
		if key == nil || !k.w.visible(key, k.now) {
			return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The API key could not be found.")
		}
		if key.owner != k.caller.iam && !k.managesKeys() {
			return k.iamForbidden()
		}
		return handle(k, key)
	}
}

func getKey(k *call, key *apiKey) reply {
	body := k.w.keyBody(key)
	if k.yes("include_activity") {
		last, count := k.w.activity(key, k.now)
		body["activity"] = k.w.activityBody(last, count)
	}
	if k.yes("include_history") {
		body["history"] = k.w.historyBody(key.history)
	}
	return reply{status: http.StatusOK, body: body, header: map[string]string{"ETag": key.entityTag()}}
}

// keyDetails tells whom a key's value belongs to.
func keyDetails(k *call) reply {
	key := k.w.keyBySecret[k.r.Header.Get("IAM-ApiKey")]
	if key == nil || !k.w.visible(key, k.now) {
		return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The API key could not be found.")
	}
	return getKey(k, key)
}

// createKey makes a key for the caller; nobody can make a user's key for them.
func createKey(k *call) reply {
	var in struct {
		Name, Description, Apikey string
		IamID                     string `json:"iam_id"`
		AccountID                 string `json:"account_id"`
		StoreValue                bool   `json:"store_value"`
		SupportSessions           bool   `json:"support_sessions"`
		ActionWhenLeaked          string `json:"action_when_leaked"`
		ExpiresAt                 string `json:"expires_at"`
	}
	if !k.decode(&in) || in.Name == "" || in.IamID == "" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0102E", "The properties name and iam_id are required.")
	}
	service := k.w.serviceByIAM[in.IamID]
	forService := service != nil && !service.deleted
	// The session of a trusted profile cannot make a user's key, and a profile has none of its own.
	if k.caller.profile && !forService || in.IamID != k.caller.iam && !(forService && k.managesKeys()) {
		return k.iamForbidden()
	}
	if forService && service.locked {
		return k.lockedEntity("The service ID")
	}
	expires, fine := parseExpiry(in.ExpiresAt)
	if !fine || !k.secretIsFree(in.Apikey) {
		return k.badKey()
	}
	if !forService && k.w.creationRestricted(k.caller.iam, k) {
		return k.iamForbidden()
	}
	if k.w.keyCount(in.IamID) >= k.w.knobs.KeyLimit {
		return k.keyLimit()
	}
	key := k.w.newKey(in.IamID, k.caller.iam, in.Name, in.Description, k.now)
	k.useSecret(key, in.Apikey)
	key.expires, key.stored, key.supportSessions = expires, in.StoreValue, in.SupportSessions
	key.actionWhenLeaked = firstOf(in.ActionWhenLeaked, "none")
	key.locked = k.r.Header.Get("Entity-Lock") == "true"
	if k.r.Header.Get("Entity-Disable") == "true" {
		key.disabled = true
		key.kill(k.now, causeDisabled)
	}
	k.record(k.keyAction(key, "create"), key.id, "name", key.name, "owner", key.owner)
	body := k.w.keyBody(key)
	body["apikey"] = key.secret
	return created(body)
}

func (k *call) keyLimit() reply {
	return k.iamRefusal(http.StatusUnprocessableEntity, "BXNIM0151E", "The number of API keys for this identity is exhausted.")
}

// creationRestricted is the account setting that demands the key creator role (trap 7).
func (w *world) creationRestricted(iam string, k *call) bool {
	return w.settings.RestrictCreatePlatformAPIKey == "RESTRICTED" &&
		!w.may(iam, target{service: "iam-identity"}, k.now, "UserApiKeyCreator")
}

func updateKey(k *call, key *apiKey) reply {
	if k.entityChanged(key.entityTag()) {
		return k.staleEntity()
	}
	if key.locked {
		return k.lockedKey()
	}
	var in struct {
		Name, Description *string
		SupportSessions   *bool   `json:"support_sessions"`
		ActionWhenLeaked  *string `json:"action_when_leaked"`
		ExpiresAt         *string `json:"expires_at"`
	}
	if !k.decode(&in) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The body could not be read.")
	}
	set(&key.name, in.Name)
	set(&key.description, in.Description)
	set(&key.supportSessions, in.SupportSessions)
	set(&key.actionWhenLeaked, in.ActionWhenLeaked)
	if in.ExpiresAt != nil {
		expires, fine := parseExpiry(*in.ExpiresAt)
		if !fine {
			return k.badKey()
		}
		key.expireAt(expires, k.now)
	}
	k.touchKey(key, "UPDATE", "API key updated")
	k.record(k.keyAction(key, "update"), key.id, "name", key.name)
	return ok(k.w.keyBody(key))
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (k *call) lockedKey() reply { return k.lockedEntity("The API key") }

// expiryForm is the documented pattern of expires_at, yyyy-MM-ddTHH:mm+0000.
const expiryForm = "2006-01-02T15:04-0700"

// parseExpiry reads an expiry; an empty one means never.
func parseExpiry(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(expiryForm, text)
	return t.UTC(), err == nil
}

func (k *call) badKey() reply {
	return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The property expires_at is not of the form yyyy-MM-ddTHH:mm+0000, or the value of apikey is in use.")
}

// secretIsFree guards against two keys with one value.
func (k *call) secretIsFree(secret string) bool {
	return secret == "" || k.w.keyBySecret[secret] == nil
}

// useSecret gives a new key the value its maker wished.
func (k *call) useSecret(key *apiKey, secret string) {
	if secret == "" {
		return
	}
	delete(k.w.keyBySecret, key.secret)
	key.secret = secret
	k.w.keyBySecret[secret] = key
}

func deleteKey(k *call, key *apiKey) reply {
	if key.locked {
		return k.lockedKey()
	}
	k.w.dropKey(key, k.now, causeDeleted)
	k.record(k.keyAction(key, "delete"), key.id, "name", key.name, "owner", key.owner, "description", key.description)
	return noContent()
}

// lockKey and its kin are idempotent: what a repeated call answers is not published, here it succeeds and changes nothing.
func lockKey(lock bool) func(*call, *apiKey) reply {
	return func(k *call, key *apiKey) reply {
		if key.locked == lock {
			return noContent()
		}
		key.locked = lock
		k.touchKey(key, "UPDATE", "lock="+strconv.FormatBool(lock))
		k.record(k.keyAction(key, "update"), key.id, "locked", strconv.FormatBool(lock), "owner", key.owner)
		return noContent()
	}
}

func disableKey(k *call, key *apiKey) reply {
	if key.locked {
		return k.lockedKey()
	}
	if key.disabled {
		return noContent()
	}
	key.disabled = true
	key.kill(k.now.Add(k.w.knobs.DisableDelay.Std()), causeDisabled) // it works on for a while (trap 13)
	k.touchKey(key, "UPDATE", "disabled")
	k.record(k.keyAction(key, "update"), key.id, "disabled", "true", "owner", key.owner)
	return noContent()
}

func enableKey(k *call, key *apiKey) reply {
	if key.locked {
		return k.lockedKey()
	}
	if !key.disabled {
		return noContent()
	}
	key.disabled = false
	key.revive(k.now)
	k.touchKey(key, "UPDATE", "enabled")
	k.record(k.keyAction(key, "update"), key.id, "disabled", "false", "owner", key.owner)
	return noContent()
}

func (k *call) touchKey(key *apiKey, action, text string) {
	key.tag++
	key.modified = k.now
	key.history = append(key.history, historyItem{k.now, k.caller.iam, action, text})
}

func (k *call) keyAction(key *apiKey, verb string) string {
	if k.w.serviceByIAM[key.owner] != nil {
		return "iam-identity.serviceid-apikey." + verb
	}
	return "iam-identity.user-apikey." + verb
}

func (w *world) keyBody(key *apiKey) map[string]any {
	body := map[string]any{
		"id": key.id, "entity_tag": key.entityTag(), "crn": "crn:v1:bluemix:public:iam-identity::a/" + w.accountID + "::apikey:" + key.id,
		"locked": key.locked, "disabled": key.disabled, "created_at": w.iamTime(key.created), "created_by": key.createdBy,
		"modified_at": w.iamTime(key.modified), "name": key.name, "iam_id": key.owner, "account_id": w.accountID, "apikey": "",
		"support_sessions": key.supportSessions, "action_when_leaked": key.actionWhenLeaked,
	}
	if key.description != "" {
		body["description"] = key.description
	}
	if !key.expires.IsZero() {
		body["expires_at"] = key.expires.UTC().Format(expiryForm)
	}
	if w.knobs.NoCreatedAt {
		body["created_at"] = "" // which IBM's SDK reads as the year 1970 (trap 60)
	}
	if key.stored && w.serviceByIAM[key.owner] != nil {
		body["apikey"] = key.secret
	}
	return body
}

func (w *world) historyBody(items []historyItem) []map[string]any {
	list := []map[string]any{}
	for _, h := range items {
		list = append(list, map[string]any{
			"timestamp": w.iamTime(h.at), "iam_id": h.iam, "iam_id_account": w.accountID, "action": h.action, "params": []string{}, "message": h.text,
		})
	}
	return list
}
