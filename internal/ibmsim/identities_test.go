package ibmsim_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	users "github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// A key works until its expiry, can be given a later one, and 90 days after expiry and last change it is gone, locked or not.
func TestKeyExpiryAndPurge(t *testing.T) {
	s := startSim(t, "small")
	c := s.identity(keyAdmin)
	mine := s.user("offboard-admin@acme.example").IAMID
	_, resp, err := c.CreateAPIKey(&identity.CreateAPIKeyOptions{Name: core.StringPtr("x"), IamID: &mine, ExpiresAt: core.StringPtr("tomorrow")})
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	form := func(d time.Duration) *string { return core.StringPtr(s.at(d).Format("2006-01-02T15:04-0700")) }
	made, _, err := c.CreateAPIKey(&identity.CreateAPIKeyOptions{Name: core.StringPtr("short"), IamID: &mine, ExpiresAt: form(time.Hour)})
	require.NoError(t, err)
	s.clock.Advance(30 * time.Minute)
	status, _ := s.keyGrant(*made.Apikey)
	require.Equal(t, http.StatusOK, status)
	s.clock.Advance(30 * time.Minute)
	status, _ = s.keyGrant(*made.Apikey)
	require.Equal(t, http.StatusBadRequest, status)
	_, _, err = s.identity(keyAdmin).UpdateAPIKey(&identity.UpdateAPIKeyOptions{ID: made.ID, IfMatch: core.StringPtr("*"), ExpiresAt: form(3 * time.Hour)})
	require.NoError(t, err)
	status, _ = s.keyGrant(*made.Apikey)
	require.Equal(t, http.StatusOK, status)
	_, err = s.identity(keyAdmin).LockAPIKey(&identity.LockAPIKeyOptions{ID: made.ID})
	require.NoError(t, err)
	exists := func() bool {
		_, resp, err := s.identity(keyAdmin).GetAPIKey(&identity.GetAPIKeyOptions{ID: made.ID})
		require.Equal(t, err != nil, resp.StatusCode == http.StatusNotFound)
		return err == nil
	}
	s.clock.Advance(90*24*time.Hour + time.Hour) // one hour before the purge
	require.True(t, exists())
	s.clock.Advance(2 * time.Hour)
	require.False(t, exists())
}

// A cluster key that expires is an outage like any other, from the minute of its expiry.
func TestExpiredClusterKey(t *testing.T) {
	s := startSim(t, "small")
	id := s.scope("eu-de").Key
	_, _, err := s.identity(keyLeaver).UpdateAPIKey(&identity.UpdateAPIKeyOptions{ID: &id, IfMatch: core.StringPtr("*"), ExpiresAt: core.StringPtr(s.at(90 * time.Minute).Format("2006-01-02T15:04-0700"))})
	require.NoError(t, err)
	s.clock.Advance(3 * time.Hour)
	for _, o := range s.cloud.Outages() {
		from := 2 * time.Hour // the token of the first hour's end
		if firstWord(o.Subject) == "scope" {
			from = 90 * time.Minute
		}
		require.Equal(t, s.at(from), o.From, o.Subject)
		require.Equal(t, "key expired", o.Cause)
	}
	require.Len(t, s.cloud.Outages(), 6)
}

func TestServiceIDLifecycle(t *testing.T) {
	s := startSim(t, "small")
	c, account := s.identity(keyAdmin), core.StringPtr(s.cloud.AccountID())
	made, resp, err := c.CreateServiceID(&identity.CreateServiceIDOptions{
		AccountID: account, Name: core.StringPtr("builder"), Description: core.StringPtr("builds"), Apikey: &identity.APIKeyInsideCreateServiceIDRequest{Name: core.StringPtr("first")},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	secret := *made.Apikey.Apikey
	s.clock.Advance(10 * time.Second)
	s.token(secret)

	_, resp, err = c.UpdateServiceID(&identity.UpdateServiceIDOptions{ID: made.ID, IfMatch: core.StringPtr("0-stale"), Name: core.StringPtr("x")})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	changed, _, err := c.UpdateServiceID(&identity.UpdateServiceIDOptions{ID: made.ID, IfMatch: made.EntityTag, Name: core.StringPtr("renamed")})
	require.NoError(t, err)
	require.Equal(t, "renamed", *changed.Name)

	_, err = c.LockServiceID(&identity.LockServiceIDOptions{ID: made.ID})
	require.NoError(t, err)
	resp, err = c.DeleteServiceID(&identity.DeleteServiceIDOptions{ID: made.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	_, resp, err = c.CreateAPIKey(&identity.CreateAPIKeyOptions{Name: core.StringPtr("second"), IamID: made.IamID})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	_, err = c.UnlockServiceID(&identity.UnlockServiceIDOptions{ID: made.ID})
	require.NoError(t, err)
	_, err = c.DeleteServiceID(&identity.DeleteServiceIDOptions{ID: made.ID})
	require.NoError(t, err)
	_, resp, err = c.GetServiceID(&identity.GetServiceIDOptions{ID: made.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	status, _ := s.keyGrant(secret)
	require.Equal(t, http.StatusBadRequest, status)
	_, resp, err = s.identity(keyViewer).CreateServiceID(&identity.CreateServiceIDOptions{AccountID: account, Name: core.StringPtr("mine")})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	require.Equal(t, []string{
		"iam-identity.account-serviceid.create", "iam-identity.account-serviceid.update", "iam-identity.account-serviceid.update", "iam-identity.account-serviceid.update",
		"iam-identity.account-serviceid.delete",
	}, s.actions())
}

// Whoever a profile names may assume it, acts with the profile's rights, and can make no user key with them.
func TestAssumeTrustedProfile(t *testing.T) {
	s := startSim(t, "small")
	c, account := s.identity(keyAdmin), core.StringPtr(s.cloud.AccountID())
	made, resp, err := c.CreateProfile(&identity.CreateProfileOptions{AccountID: account, Name: core.StringPtr("ops")})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	_, _, err = c.SetProfileIdentity(&identity.SetProfileIdentityOptions{
		ProfileID: made.ID, IdentityType: core.StringPtr("user"), Type: core.StringPtr("user"), Identifier: core.StringPtr(s.user("viewer@acme.example").IAMID),
	})
	require.NoError(t, err)
	grant := s.policyFor(*made.IamID, "Administrator")
	grant.Resource.Attributes[1].Value = "containers-kubernetes"
	_, _, err = s.policies(keyAdmin).CreateV2Policy(grant)
	require.NoError(t, err)
	s.clock.Advance(30 * time.Second)

	assume := func(key string) (int, map[string]any) {
		return s.grant(url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:assume"}, "access_token": {s.token(key)}, "profile_id": {*made.ID}})
	}
	status, _ := assume(keyLeaver)
	require.Equal(t, http.StatusBadRequest, status)
	a, err := core.NewIamAssumeAuthenticatorBuilder().SetApiKey(keyViewer).SetURL(s.env["IBMCLOUD_IAM_API_ENDPOINT"]).SetIAMProfileID(*made.ID).Build()
	require.NoError(t, err)
	token, err := a.GetToken()
	require.NoError(t, err)
	as, err := identity.NewIamIdentityV1(&identity.IamIdentityV1Options{URL: s.env["IBMCLOUD_IAM_API_ENDPOINT"], Authenticator: &core.BearerTokenAuthenticator{BearerToken: token}})
	require.NoError(t, err)
	_, resp, err = as.CreateAPIKey(&identity.CreateAPIKeyOptions{Name: core.StringPtr("k"), IamID: made.IamID})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	r, err := http.NewRequest(http.MethodPost, s.env["IBMCLOUD_CS_API_ENDPOINT"]+"/v1/keys", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Region", "eu-de")
	status, body := s.do(r)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "A03e9b", body["code"], "it has the role, and cannot make the key")

	got, _, err := c.GetProfileIdentities(&identity.GetProfileIdentitiesOptions{ProfileID: made.ID})
	require.NoError(t, err)
	_, _, err = c.SetProfileIdentities(&identity.SetProfileIdentitiesOptions{ProfileID: made.ID, IfMatch: got.EntityTag, Identities: []identity.ProfileIdentityRequest{}})
	require.NoError(t, err)
	status, _ = assume(keyViewer)
	require.Equal(t, http.StatusBadRequest, status)
	_, err = c.DeleteProfile(&identity.DeleteProfileOptions{ProfileID: made.ID})
	require.NoError(t, err)
	_, resp, err = c.GetProfile(&identity.GetProfileOptions{ProfileID: made.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// A passcode is good for one login.
func TestPasscode(t *testing.T) {
	s := startSim(t, "small")
	_, body := s.keyGrant(keyViewer, "bx", "bx")
	r, err := http.NewRequest(http.MethodPost, s.env["IBMCLOUD_IAM_API_ENDPOINT"]+"/identity/passcode", formBody(url.Values{"refresh_token": {body["refresh_token"].(string)}}))
	require.NoError(t, err)
	r.SetBasicAuth("bx", "bx")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, made := s.do(r)
	require.Equal(t, http.StatusOK, status)
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		status, _ = s.grant(url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:passcode"}, "passcode": {made["passcode"].(string)}}, "bx", "bx")
		require.Equal(t, want, status)
	}
}

// Profiles and settings of users can be patched; only three states can be set.
func TestUserPatch(t *testing.T) {
	s := startSim(t, "small")
	account, viewer := core.StringPtr(s.cloud.AccountID()), core.StringPtr(s.user("viewer@acme.example").IAMID)
	patch := func(key string, o users.UpdateUserProfileOptions) int {
		o.AccountID, o.IamID = account, viewer
		resp, err := s.users(key).UpdateUserProfile(&o)
		require.Equal(t, resp.StatusCode != http.StatusNoContent, err != nil)
		return resp.StatusCode
	}
	require.Equal(t, http.StatusNoContent, patch(keyAdmin, users.UpdateUserProfileOptions{State: core.StringPtr("VPN_ONLY"), Phonenumber: core.StringPtr("1")}))
	got, _, err := s.users(keyAdmin).GetUserProfile(&users.GetUserProfileOptions{AccountID: account, IamID: viewer})
	require.NoError(t, err)
	require.Equal(t, "VPN_ONLY", *got.State)
	require.Equal(t, "1", *got.Phonenumber)
	require.Equal(t, http.StatusBadRequest, patch(keyAdmin, users.UpdateUserProfileOptions{State: core.StringPtr("PENDING")}))
	require.Equal(t, http.StatusNoContent, patch(keyViewer, users.UpdateUserProfileOptions{Firstname: core.StringPtr("Veronica")}))
	require.Equal(t, http.StatusForbidden, patch(keyViewer, users.UpdateUserProfileOptions{State: core.StringPtr("ACTIVE")}))
	require.Equal(t, http.StatusForbidden, patch(keyFunctional, users.UpdateUserProfileOptions{Firstname: core.StringPtr("Eve")}))
	resp, err := s.users(keyAdmin).UpdateUserSettings(&users.UpdateUserSettingsOptions{AccountID: account, IamID: viewer, AllowedIPAddresses: core.StringPtr("192.0.2.7")})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	settings, _, err := s.users(keyAdmin).GetUserSettings(&users.GetUserSettingsOptions{AccountID: account, IamID: viewer})
	require.NoError(t, err)
	require.Equal(t, "192.0.2.7", *settings.AllowedIPAddresses)
}

// Removal by attribute is in IBM's documentation and in no SDK.
func TestRemoveByAttribute(t *testing.T) {
	s := startSim(t, "small")
	remove := func(query string) int {
		r, err := http.NewRequest(http.MethodDelete, s.env["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"]+"/v2/accounts/"+s.cloud.AccountID()+"/users?"+query, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+s.token(keyAdmin))
		status, _ := s.do(r)
		return status
	}
	require.Equal(t, http.StatusNotFound, remove("email=nobody@acme.example"))
	require.Equal(t, http.StatusNoContent, remove("email=VIEWER@acme.example&realm=IBMid"))
	require.Equal(t, http.StatusNotFound, remove("user_id=viewer@acme.example"))
}

// The account file's keys with an expiry behave as keys that got one by a call.
func TestExpiryInTheAccountFile(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Keys = append(a.Keys,
		ibmsim.KeySpec{Owner: "leaver@acme.example", Name: "soon", Secret: "CANARY-soon", ExpiresIn: ibmsim.Duration(time.Hour)},
		ibmsim.KeySpec{Owner: "leaver@acme.example", Name: "past", Secret: "CANARY-past", Created: ibmsim.Duration(40 * 24 * time.Hour), Expired: ibmsim.Duration(24 * time.Hour)},
		ibmsim.KeySpec{Owner: "leaver@acme.example", Name: "purged", Secret: "CANARY-purged", Created: ibmsim.Duration(400 * 24 * time.Hour), Expired: ibmsim.Duration(200 * 24 * time.Hour)})
	s := startAccount(t, a)
	names := map[string]bool{}
	for _, k := range s.accountKeys(keyAdmin, 100) {
		names[*k.Name] = true
	}
	require.True(t, names["soon"])
	require.True(t, names["past"])
	require.False(t, names["purged"])
	status, _ := s.keyGrant("CANARY-past")
	require.Equal(t, http.StatusBadRequest, status)
	s.token("CANARY-soon")
	s.clock.Advance(time.Hour)
	status, _ = s.keyGrant("CANARY-soon")
	require.Equal(t, http.StatusBadRequest, status)
}
