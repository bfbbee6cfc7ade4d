package ibmcloud

import (
	"context"

	"github.com/IBM/platform-services-go-sdk/iamidentityv1"

	"offboard/internal/offboard"
)

// Keys lists the functional ID's own keys, classified, without LastUsed. It asks as the functional ID, which may list
// its own keys (trap 8) and holds twenty at most: one page, where the account's list can have hundreds.
func (s *Successors) Keys(ctx context.Context, email string) ([]offboard.Key, error) {
	o := op{name: "ListAPIKeys", text: "list the keys of " + email}
	who, err := s.find(email, o.text)
	if err != nil {
		return nil, err
	}
	identity, err := s.users.whose(ctx, who.api, o.text)
	if err != nil {
		return nil, err
	}
	return everyKey(ctx, o, who.api, iamidentityv1.ListAPIKeysOptions{AccountID: &s.keys.account, IamID: &identity.IAMID})
}
