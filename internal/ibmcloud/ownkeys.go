package ibmcloud

import (
	"context"
	"slices"

	"github.com/IBM/platform-services-go-sdk/iamidentityv1"

	"offboard/internal/offboard"
)

// Keys lists the functional ID's own keys, classified, without LastUsed. It asks as the functional ID, which may list
// its own keys (trap 8) and holds twenty at most: one page, where the account's list can have hundreds. Hand-overs that ask at
// the same time have one list.
func (s *Successors) Keys(ctx context.Context, email string) ([]offboard.Key, error) {
	o := op{name: "ListAPIKeys", text: "list the keys of " + email}
	who, err := s.find(email, o.text)
	if err != nil {
		return nil, err
	}
	iamID, err := who.self(ctx, s.users, o.text)
	if err != nil {
		return nil, err
	}
	list, err := together(ctx, &who.lists, iamID, func(ctx context.Context) ([]offboard.Key, error) {
		return everyKey(ctx, o, who.api, iamidentityv1.ListAPIKeysOptions{AccountID: &s.keys.account, IamID: &iamID})
	})
	return slices.Clone(list), err
}

// self is the IAM ID behind the functional ID's present key. A key never changes its owner, so it is asked once a key.
func (w *successor) self(ctx context.Context, users *Users, text string) (string, error) {
	secret, err := w.api.identity.secret(ctx)
	if err != nil {
		return "", titled(err, text)
	}
	mark := fingerprint(secret)
	w.mu.Lock()
	known, iamID := w.key == mark, w.iamID
	w.mu.Unlock()
	if known {
		return iamID, nil
	}
	identity, err := users.whose(ctx, w.api, text)
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.key, w.iamID = mark, identity.IAMID
	return identity.IAMID, nil
}
