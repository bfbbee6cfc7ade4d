package ibmsim_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

func (s *sim) accountKeys(key string, size int64) []identity.APIKey {
	s.t.Helper()
	o := &identity.ListAPIKeysOptions{
		AccountID: core.StringPtr(s.cloud.AccountID()), Scope: core.StringPtr("account"), Type: core.StringPtr("user"), Pagesize: &size, Sort: core.StringPtr("name"),
	}
	var all []identity.APIKey
	for {
		list, _, err := s.identity(key).ListAPIKeys(o)
		require.NoError(s.t, err)
		all = append(all, list.Apikeys...)
		if list.Next == nil {
			return all
		}
		o.Pagetoken, err = core.GetQueryParam(list.Next, "pagetoken")
		require.NoError(s.t, err)
	}
}

// Trap 9: one page holds 20 keys unless told otherwise, and next is a URL.
func keyListPages(t *testing.T) {
	s := startSim(t, "sample")
	list, _, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{Scope: core.StringPtr("account")})
	require.NoError(t, err)
	require.Len(t, list.Apikeys, 20)
	require.Contains(t, *list.Next, "pagetoken=")

	for _, size := range []int64{1, 7, 100} {
		seen := map[string]bool{}
		for _, k := range s.accountKeys(keyAdmin, size) {
			require.False(t, seen[*k.ID], "twice")
			seen[*k.ID] = true
		}
		require.Greater(t, len(seen), 100)
		require.Len(t, s.cloud.State().Keys, len(seen)+1, "all but the service ID's")
	}
	_, _, err = s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{Pagesize: core.Int64Ptr(101)})
	require.Error(t, err)
}

// A page boundary whose key is deleted between two pages loses and repeats nothing.
func TestKeyListSurvivesDeletionBetweenPages(t *testing.T) {
	s := startSim(t, "sample")
	first, _, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{Scope: core.StringPtr("account"), Sort: core.StringPtr("name"), Pagesize: core.Int64Ptr(10)})
	require.NoError(t, err)
	all := s.accountKeys(keyAdmin, 100)
	s.deleteKey(*first.Apikeys[9].ID)
	token, err := core.GetQueryParam(first.Next, "pagetoken")
	require.NoError(t, err)
	second, _, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{Scope: core.StringPtr("account"), Sort: core.StringPtr("name"), Pagesize: core.Int64Ptr(10), Pagetoken: token})
	require.NoError(t, err)
	require.Equal(t, *all[10].ID, *second.Apikeys[0].ID)
}

// Trap 8: an administrator asking for one user's keys is refused; without the role the account's list is one's own.
func keysOfOthers(t *testing.T) {
	s := startSim(t, "small")
	leaver := s.user("leaver@acme.example").IAMID
	_, resp, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{IamID: &leaver})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	for _, k := range s.accountKeys(keyViewer, 100) {
		require.Equal(t, s.user("viewer@acme.example").IAMID, *k.IamID)
	}
	_, resp, err = s.identity(keyViewer).GetAPIKey(&identity.GetAPIKeyOptions{ID: core.StringPtr(s.scope("eu-de").Key)})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// Trap 14: a locked key can neither be disabled nor deleted. Repeating a lock changes nothing.
func lockedKey(t *testing.T) {
	s := startSim(t, "small")
	id := core.StringPtr(s.scope("eu-de").Key)
	for range 2 {
		_, err := s.identity(keyAdmin).LockAPIKey(&identity.LockAPIKeyOptions{ID: id})
		require.NoError(t, err)
	}
	resp, err := s.identity(keyAdmin).DeleteAPIKey(&identity.DeleteAPIKeyOptions{ID: id})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	_, err = s.identity(keyAdmin).UnlockAPIKey(&identity.UnlockAPIKeyOptions{ID: id})
	require.NoError(t, err)
	s.deleteKey(*id)
	resp, err = s.identity(keyAdmin).DeleteAPIKey(&identity.DeleteAPIKeyOptions{ID: id})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Equal(t, []string{"iam-identity.user-apikey.update", "iam-identity.user-apikey.update", "iam-identity.user-apikey.delete"}, s.actions())
}

func TestKeyUpdateNeedsItsEntityTag(t *testing.T) {
	s := startSim(t, "small")
	c := s.identity(keyLeaver)
	for _, k := range s.accountKeys(keyLeaver, 100) {
		if *k.Name != "ci-pipeline" {
			continue
		}
		stale := *k.EntityTag
		_, _, err := c.UpdateAPIKey(&identity.UpdateAPIKeyOptions{ID: k.ID, IfMatch: &stale, Description: core.StringPtr("kept")})
		require.NoError(t, err)
		_, resp, err := c.UpdateAPIKey(&identity.UpdateAPIKeyOptions{ID: k.ID, IfMatch: &stale, Name: core.StringPtr("lost")})
		require.Error(t, err)
		require.Equal(t, http.StatusConflict, resp.StatusCode)
		got, _, err := c.GetAPIKey(&identity.GetAPIKeyOptions{ID: k.ID, IncludeHistory: core.BoolPtr(true)})
		require.NoError(t, err)
		require.Equal(t, "ci-pipeline", *got.Name)
		require.Equal(t, "kept", *got.Description)
		require.Len(t, got.History, 2)
	}
}

// A new key is unknown to IAM until it is replicated, and its value is told once.
func TestNewKeyReplicates(t *testing.T) {
	s := startSim(t, "small")
	made, resp, err := s.identity(keyLeaver).CreateAPIKey(&identity.CreateAPIKeyOptions{Name: core.StringPtr("new"), IamID: core.StringPtr(s.user("leaver@acme.example").IAMID)})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	before := len(s.accountKeys(keyLeaver, 100))
	status, body := s.keyGrant(*made.Apikey)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "BXNIM0415E", body["errorCode"])
	s.clock.Advance(10 * time.Second)
	status, _ = s.keyGrant(*made.Apikey)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, s.accountKeys(keyLeaver, 100), before+1)
	got, _, err := s.identity(keyLeaver).GetAPIKey(&identity.GetAPIKeyOptions{ID: made.ID})
	require.NoError(t, err)
	require.Empty(t, *got.Apikey)

	details, _, err := s.identity(keyLeaver).GetAPIKeysDetails(&identity.GetAPIKeysDetailsOptions{IamAPIKey: made.Apikey})
	require.NoError(t, err)
	require.Equal(t, *made.ID, *details.ID)
}

// Trap 12: a token survives the key it came from, but not its own end.
func tokenOutlivesItsKey(t *testing.T) {
	s := startSim(t, "small")
	c := s.identity(keyLeaver)
	me := s.user("leaver@acme.example").IAMID
	for _, k := range s.accountKeys(keyAdmin, 100) {
		if *k.IamID == me && *k.Name == "login" {
			s.deleteKey(*k.ID)
		}
	}
	status, _ := s.keyGrant(keyLeaver)
	require.Equal(t, http.StatusBadRequest, status)
	s.clock.Advance(59 * time.Minute)
	_, _, err := c.ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.NoError(t, err)
	s.clock.Advance(time.Minute)
	_, resp, err := c.ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// Trap 36: the refresh token is real only for callers with client credentials; the two delegated steps end in an id token.
func refreshAndKubeTokens(t *testing.T) {
	s := startSim(t, "small")
	_, plain := s.keyGrant(keyAdmin)
	require.Equal(t, "not_supported", plain["refresh_token"])
	_, body := s.keyGrant(keyAdmin, "bx", "bx")
	refresh := body["refresh_token"].(string)
	status, _ := s.grant(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}, "bx", "bx")
	require.Equal(t, http.StatusOK, status)
	status, body = s.grant(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "response_type": {"delegated_refresh_token"}, "receiver_client_ids": {"kube"}}, "bx", "bx")
	require.Equal(t, http.StatusOK, status)
	delegated := body["delegated_refresh_token"].(string)
	status, body = s.grant(url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:delegated-refresh-token"}, "refresh_token": {delegated}}, "kube", "kube")
	require.Equal(t, http.StatusOK, status)
	require.NotEmpty(t, body["id_token"])
	status, body = s.grant(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"nonsense"}}, "bx", "bx")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "BXNIM0407E", body["errorCode"])
}

// Background use moves last_authn: the master and two pods of small-vpc and the master of small-classic ask each hour.
func TestActivityFollowsBackgroundUse(t *testing.T) {
	s := startSim(t, "small")
	activity := func() *identity.Activity {
		k, _, err := s.identity(keyAdmin).GetAPIKey(&identity.GetAPIKeyOptions{ID: core.StringPtr(s.scope("eu-de").Key), IncludeActivity: core.BoolPtr(true)})
		require.NoError(t, err)
		return k.Activity
	}
	require.EqualValues(t, 4, *activity().AuthnCount)
	s.clock.Advance(150 * time.Minute)
	got := activity()
	require.EqualValues(t, 12, *got.AuthnCount)
	at, err := core.ParseDateTime(*got.LastAuthn)
	require.NoError(t, err)
	require.WithinDuration(t, s.at(2*time.Hour), time.Time(at), time.Second)
}

// Trap 5: the count against the limit, by query and by body.
func limits(t *testing.T) {
	s := startSim(t, "small")
	iam := s.user("leaver@acme.example").IAMID
	byQuery, _, err := s.identity(keyAdmin).GetAccountLimits(&identity.GetAccountLimitsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), ApikeysPerIdentity: &iam})
	require.NoError(t, err)
	require.EqualValues(t, 20, *byQuery.ApikeysPerIdentity.Limit)
	require.EqualValues(t, 3, *byQuery.ApikeysPerIdentity.Identities[0].Count)
	byBody, _, err := s.identity(keyAdmin).BulkListAccountEntityConsumption(&identity.BulkListAccountEntityConsumptionOptions{AccountID: core.StringPtr(s.cloud.AccountID()), ApikeysPerIdentity: []string{iam}})
	require.NoError(t, err)
	require.Equal(t, byQuery.ApikeysPerIdentity, byBody.ApikeysPerIdentity)
}

func TestIdentitySettingsFollowTheKnobs(t *testing.T) {
	s := startSim(t, "sample")
	got, _, err := s.identity(keyAdmin).GetAccountSettings(&identity.GetAccountSettingsOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Equal(t, "4", *got.SystemAccessTokenExpirationInSeconds)
	require.Equal(t, "RESTRICTED", *got.RestrictCreatePlatformApikey)
	ids, _, err := s.identity(keyAdmin).ListServiceIds(&identity.ListServiceIdsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IncludeHistory: core.BoolPtr(true)})
	require.NoError(t, err)
	require.Len(t, ids.Serviceids, 2)
	profiles, _, err := s.identity(keyAdmin).ListProfiles(&identity.ListProfilesOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	members, _, err := s.identity(keyAdmin).GetProfileIdentities(&identity.GetProfileIdentitiesOptions{ProfileID: profiles.Profiles[1].ID})
	require.NoError(t, err)
	require.Equal(t, s.user("leaver@acme.example").IAMID, *members.Identities[0].IamID)
}

func TestCanaryIsInEverySecret(t *testing.T) {
	s := startSim(t, "small")
	require.Contains(t, s.token(keyAdmin), ibmsim.CanaryPrefix)
	_, body := s.keyGrant(keyAdmin, "bx", "bx")
	require.Contains(t, body["refresh_token"], ibmsim.CanaryPrefix)
}

// A key used in the background is not inactive, whoever owns it; one without any login is.
func TestActivityReport(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Knobs.ReportTime = ibmsim.Duration(2 * time.Minute)
	s := startAccount(t, a)
	account := core.StringPtr(s.cloud.AccountID())
	asked, resp, err := s.identity(keyAdmin).CreateReport(&identity.CreateReportOptions{AccountID: account, Type: core.StringPtr("inactive"), Duration: core.StringPtr("24")})
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	_, resp, err = s.identity(keyAdmin).GetReport(&identity.GetReportOptions{AccountID: account, Reference: asked.Reference})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	s.clock.Advance(2 * time.Minute)
	got, _, err := s.identity(keyAdmin).GetReport(&identity.GetReportOptions{AccountID: account, Reference: core.StringPtr("latest")})
	require.NoError(t, err)
	inactive := map[string]bool{}
	for _, k := range got.Apikeys {
		inactive[*k.ID] = true
	}
	require.Len(t, inactive, 4, "the login keys nobody used; ci-pipeline was used 20 h ago")
	require.NotContains(t, inactive, s.scope("eu-de").Key)
}
