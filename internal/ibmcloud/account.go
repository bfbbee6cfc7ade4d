package ibmcloud

import (
	"context"
	"strconv"
	"time"

	"github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/IBM/platform-services-go-sdk/usermanagementv1"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// defaultTokenLife is IAM's where the account has not set its own.
const defaultTokenLife = time.Hour

// Account reads the settings that concern everybody, the number of users the engine can see, and the owner.
func (u *Users) Account(ctx context.Context) (offboard.Account, error) {
	o := op{name: "GetAccountSettings", text: "read the account's identity settings"}
	var settings *iamidentityv1.AccountSettingsResponse
	var list *usermanagementv1.UserList
	var owner string
	err := atonce.Do(
		func() (err error) {
			settings, err = ask(ctx, o, u.api.iam.GetAccountSettingsWithContext, &iamidentityv1.GetAccountSettingsOptions{AccountID: &u.account})
			return err
		},
		func() (err error) {
			list, err = u.page(ctx, op{name: "ListUsers", text: "count the account's users"}, "")
			return err
		},
		func() (err error) { owner, err = u.owner(ctx); return err },
	)
	if err != nil {
		return offboard.Account{}, err
	}
	return offboard.Account{
		ID:             u.account,
		OwnerIAMID:     owner,
		TokenLife:      offboard.Duration(tokenLife(value(settings.SystemAccessTokenExpirationInSeconds))),
		RestrictedKeys: value(settings.RestrictCreatePlatformApikey) == "RESTRICTED",
		VisibleUsers:   max(int(value(list.TotalResults)), len(list.Resources)),
	}, nil
}

// tokenLife reads a setting that is a number of seconds as text, or NOT_SET.
func tokenLife(setting string) time.Duration {
	seconds, err := strconv.Atoi(setting)
	if err != nil || seconds <= 0 {
		return defaultTokenLife
	}
	return time.Duration(seconds) * time.Second
}

// owner is the account owner's IAM ID, empty where the account API refuses to tell the engine. No SDK has this API; path
// and field names are those that IBM's published Go clients use.
func (u *Users) owner(ctx context.Context) (string, error) {
	if u.api.accounts == nil {
		return "", nil
	}
	o := op{name: "GetAccount", text: "read who owns the account"}
	var answer struct {
		Entity struct {
			OwnerIAMID string `json:"owner_iam_id"`
		} `json:"entity"`
	}
	err := get(ctx, o, u.api.accounts, "/coe/v2/accounts/{account}", map[string]string{"account": u.account}, nil, "application/json", &answer)
	switch offboard.CodeOf(err) {
	case offboard.Denied, offboard.NotFound, offboard.Unsupported, offboard.Invalid:
		return "", nil
	}
	return answer.Entity.OwnerIAMID, err
}
