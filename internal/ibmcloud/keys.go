package ibmcloud

import (
	"context"
	"time"

	"github.com/IBM/platform-services-go-sdk/iamidentityv1"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Keys are the account's user API keys, seen by the engine. No method returns a secret.
type Keys struct {
	account string
	api     *clients
	lists   share.Reads[[]offboard.Key]
}

// UserKeys reads every page of the account's user keys, classified, without LastUsed. It asks for the account's keys and
// not for one user's, which IAM refuses or answers with nothing (trap 8).
func (k *Keys) UserKeys(ctx context.Context) ([]offboard.Key, error) {
	return everything(ctx, &k.lists, func(ctx context.Context) ([]offboard.Key, error) {
		o := op{name: "ListAPIKeys", text: "list the account's user API keys"}
		return everyKey(ctx, o, k.api, iamidentityv1.ListAPIKeysOptions{AccountID: &k.account, Scope: new("account"), Type: new("user")})
	})
}

// everyKey reads every page of a list of keys; IAM's pages hold 20 unless more are asked for (trap 9).
func everyKey(ctx context.Context, o op, api *clients, options iamidentityv1.ListAPIKeysOptions) ([]offboard.Key, error) {
	var keys []offboard.Key
	options.Pagesize = new(int64(100))
	err := pages(o, func(token string) (string, error) {
		if token != "" {
			options.Pagetoken = &token
		}
		list, err := ask(ctx, o, api.iam.ListAPIKeysWithContext, &options)
		if err != nil {
			return "", err
		}
		for _, found := range list.Apikeys {
			keys = append(keys, key(&found))
		}
		return nextToken(o, list.Next, "pagetoken")
	})
	return keys, err
}

// Key reads one key with LastUsed, which is an expensive question and only asked for one key. NotFound if there is none.
func (k *Keys) Key(ctx context.Context, id string) (offboard.Key, error) {
	found, err := ask(ctx, op{name: "GetAPIKey", text: "read the API key " + id}, k.api.iam.GetAPIKeyWithContext, &iamidentityv1.GetAPIKeyOptions{ID: &id, IncludeActivity: new(true)})
	if err != nil {
		return offboard.Key{}, err
	}
	return key(found), nil
}

// Room tells how many keys each identity holds and how many each may hold (trap 5). An identity that IAM does not answer
// for holds none.
func (k *Keys) Room(ctx context.Context, iamIDs []string) (limit int, held map[string]int, err error) {
	held = make(map[string]int, len(iamIDs))
	if len(iamIDs) == 0 {
		return 0, held, nil
	}
	o := op{name: "BulkListAccountEntityConsumption", text: "count the API keys of the functional IDs"}
	answer, err := ask(ctx, o, k.api.iam.BulkListAccountEntityConsumptionWithContext, &iamidentityv1.BulkListAccountEntityConsumptionOptions{AccountID: &k.account, ApikeysPerIdentity: iamIDs})
	if err != nil {
		return 0, nil, err
	}
	if answer.ApikeysPerIdentity == nil {
		return 0, nil, unreadable(o, nil)
	}
	for _, id := range iamIDs {
		held[id] = 0
	}
	for _, identity := range answer.ApikeysPerIdentity.Identities {
		held[value(identity.IamID)] = int(value(identity.Count))
	}
	return int(value(answer.ApikeysPerIdentity.Limit)), held, nil
}

// Lock locks a key against changes. Nothing happens to a locked one.
func (k *Keys) Lock(ctx context.Context, id string) error {
	o := op{name: "LockAPIKey", text: "lock the API key " + id}
	return k.change(ctx, o, id, func(key offboard.Key) bool { return key.Locked }, func() error {
		return tell(ctx, o, k.api.iam.LockAPIKeyWithContext, &iamidentityv1.LockAPIKeyOptions{ID: &id})
	})
}

// Unlock takes a key's lock away. Nothing happens to one without a lock.
func (k *Keys) Unlock(ctx context.Context, id string) error {
	o := op{name: "UnlockAPIKey", text: "unlock the API key " + id}
	return k.change(ctx, o, id, func(key offboard.Key) bool { return !key.Locked }, func() error {
		return tell(ctx, o, k.api.iam.UnlockAPIKeyWithContext, &iamidentityv1.UnlockAPIKeyOptions{ID: &id})
	})
}

// Disable suspends a key. Nothing happens to a disabled one. Locked if its lock prevents it.
func (k *Keys) Disable(ctx context.Context, id string) error {
	o := op{name: "DisableAPIKey", text: "disable the API key " + id}
	return k.change(ctx, o, id, func(key offboard.Key) bool { return key.Disabled }, func() error {
		return tell(ctx, o, k.api.iam.DisableAPIKeyWithContext, &iamidentityv1.DisableAPIKeyOptions{ID: &id})
	})
}

// Enable lets a disabled key work again. Nothing happens to an enabled one. Locked if its lock prevents it.
func (k *Keys) Enable(ctx context.Context, id string) error {
	o := op{name: "EnableAPIKey", text: "enable the API key " + id}
	return k.change(ctx, o, id, func(key offboard.Key) bool { return !key.Disabled }, func() error {
		return tell(ctx, o, k.api.iam.EnableAPIKeyWithContext, &iamidentityv1.EnableAPIKeyOptions{ID: &id})
	})
}

// Delete removes a key for good; nil if it is gone. Locked, read from the key and not guessed from a status, if it is
// locked (trap 14): nothing is sent then.
func (k *Keys) Delete(ctx context.Context, id string) error {
	o := op{name: "DeleteAPIKey", text: "delete the API key " + id}
	found, err := k.state(ctx, o, id)
	if err != nil {
		return gone(err)
	}
	if found.Locked {
		return locked(o)
	}
	return gone(tell(ctx, o, k.api.iam.DeleteAPIKeyWithContext, &iamidentityv1.DeleteAPIKeyOptions{ID: &id}))
}

// change sends a request unless the key already is as wanted: how IAM answers a repetition is not documented.
func (k *Keys) change(ctx context.Context, o op, id string, already func(offboard.Key) bool, send func() error) error {
	found, err := k.state(ctx, o, id)
	if err != nil {
		return err
	}
	if already(found) {
		return nil
	}
	err = send()
	if code := offboard.CodeOf(err); found.Locked && (code == offboard.Conflict || code == offboard.Invalid) {
		return locked(o)
	}
	return err
}

// state reads a key without its activity.
func (k *Keys) state(ctx context.Context, o op, id string) (offboard.Key, error) {
	read := op{name: "GetAPIKey", text: o.text}
	found, err := ask(ctx, read, k.api.iam.GetAPIKeyWithContext, &iamidentityv1.GetAPIKeyOptions{ID: &id})
	if err != nil {
		return offboard.Key{}, err
	}
	return key(found), nil
}

func locked(o op) error { return offboard.Errorf(offboard.Locked, o.text, "the key is locked") }

func key(k *iamidentityv1.APIKey) offboard.Key {
	found := offboard.Key{
		ID:          value(k.ID),
		Name:        value(k.Name),
		Description: value(k.Description),
		IAMID:       value(k.IamID),
		Locked:      value(k.Locked),
		Disabled:    value(k.Disabled),
		CreatedAt:   instant(time.Time(value(k.CreatedAt))),
	}
	if k.Activity != nil {
		found.LastUsed = parseInstant(value(k.Activity.LastAuthn))
	}
	return found.Classify()
}
