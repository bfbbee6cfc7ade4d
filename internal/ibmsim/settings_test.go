package ibmsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/stretchr/testify/require"
)

func (s *sim) changeSettings(key string, o *identity.UpdateAccountSettingsOptions) (*identity.AccountSettingsResponse, *core.DetailedResponse, error) {
	s.t.Helper()
	o.AccountID = core.StringPtr(s.cloud.AccountID())
	if o.IfMatch == nil {
		o.IfMatch = core.StringPtr("*")
	}
	return s.identity(key).UpdateAccountSettings(o)
}

// Settings act at once and only where they say so: who may create keys, who sees users, who may be invited.
func TestAccountSettingsChange(t *testing.T) {
	s := startSim(t, "small")
	before, _, err := s.identity(keyAdmin).GetAccountSettings(&identity.GetAccountSettingsOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Len(t, s.allUsers(keyViewer, 100), 5)
	after, _, err := s.changeSettings(keyAdmin, &identity.UpdateAccountSettingsOptions{
		IfMatch: before.EntityTag, RestrictCreatePlatformApikey: core.StringPtr("RESTRICTED"), RestrictUserListVisibility: core.StringPtr("RESTRICTED"), Mfa: core.StringPtr("TOTP4ALL"),
		RestrictUserDomains: []identity.AccountSettingsUserDomainRestriction{{RealmID: core.StringPtr("IBMid"), RestrictInvitation: core.BoolPtr(true), InvitationEmailAllowPatterns: []string{"*@acme.example"}}},
	})
	require.NoError(t, err)
	require.NotEqual(t, *before.EntityTag, *after.EntityTag)
	require.Equal(t, "TOTP4ALL", *after.Mfa)
	require.Equal(t, *before.MaxSessionsPerIdentity, *after.MaxSessionsPerIdentity, "what is not named stays")

	resp, err := s.reset(keyFunctional, "eu-de", "")
	require.Error(t, err)
	body, _ := resp.GetResultAsMap()
	require.Equal(t, "A03e9b", body["code"])
	require.Len(t, s.allUsers(keyViewer, 100), 1)
	_, resp, err = s.invite(keyAdmin, "new@other.example")
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	_, resp, err = s.invite(keyAdmin, "one.two@acme.example")
	require.Error(t, err, "one star stops at a dot")
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	_, _, err = s.invite(keyAdmin, "New@acme.example")
	require.NoError(t, err)
	require.Contains(t, s.actions(), "iam-identity.accountsettings.update")

	_, resp, err = s.changeSettings(keyAdmin, &identity.UpdateAccountSettingsOptions{IfMatch: before.EntityTag, Mfa: core.StringPtr("NONE")})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	_, resp, err = s.changeSettings(keyViewer, &identity.UpdateAccountSettingsOptions{Mfa: core.StringPtr("NONE")})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	_, resp, err = s.changeSettings(keyAdmin, &identity.UpdateAccountSettingsOptions{Mfa: core.StringPtr("SOMETIMES"), SystemAccessTokenExpirationInSeconds: core.StringPtr("60")})
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Contains(t, err.Error(), "900 to 3600", "each problem is named")
	require.Contains(t, err.Error(), "mfa")
}

// Shorter tokens let a dead key be felt earlier, from the first token on that is made after the change.
func TestTokensOfAnotherLife(t *testing.T) {
	s := startSim(t, "small")
	s.clock.Advance(30 * time.Minute)
	_, _, err := s.changeSettings(keyAdmin, &identity.UpdateAccountSettingsOptions{SystemAccessTokenExpirationInSeconds: core.StringPtr("900")})
	require.NoError(t, err)
	_, body := s.keyGrant(keyAdmin)
	require.InDelta(t, 900, body["expires_in"], 0)
	s.clock.Advance(35 * time.Minute) // the holders' tokens of minute 0 ended at 60; they have one until 75 now
	s.deleteKey(s.scope("eu-de").Key)
	s.clock.Advance(time.Hour)
	for _, o := range s.cloud.Outages() {
		if o.Subject == "master" {
			require.Equal(t, s.at(75*time.Minute), o.From)
		}
	}
	require.Len(t, s.cloud.Outages(), 6, "two pairs, two masters, two pods")
}
