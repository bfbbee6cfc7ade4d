package ibmsim_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

const idp = "https://idp.acme.example"

// federated is the small account with a viewer who logs in through an identity provider.
func federated(t *testing.T) *sim {
	t.Helper()
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	for i, u := range a.Users {
		if u.Email == "viewer@acme.example" {
			a.Users[i].Realm = idp
			a.Users[i].Claims = map[string][]string{"groups": {"platform", "audit"}, "country": {"DE"}}
		}
	}
	return startAccount(t, a)
}

func condition(claim, operator, value string) groups.RuleConditions {
	return groups.RuleConditions{Claim: &claim, Operator: &operator, Value: &value}
}

// A rule makes a member at login, until its hours are over; and only of whom it means.
func TestDynamicRuleMakesMembers(t *testing.T) {
	s := federated(t)
	group, viewer := s.groupID("cluster-key-owners"), s.user("viewer@acme.example").IAMID
	isMember := func() bool {
		resp, err := s.groups(keyAdmin).IsMemberOfAccessGroup(&groups.IsMemberOfAccessGroupOptions{AccessGroupID: &group, IamID: &viewer})
		require.Equal(t, err == nil, resp.StatusCode == http.StatusNoContent)
		return err == nil
	}
	add := func(realm string, hours int64, conditions ...groups.RuleConditions) (*groups.Rule, *core.DetailedResponse, error) {
		return s.groups(keyAdmin).AddAccessGroupRule(&groups.AddAccessGroupRuleOptions{AccessGroupID: &group, RealmName: &realm, Expiration: &hours, Conditions: conditions, Name: core.StringPtr("platform people")})
	}
	_, _, err := add("https://other.acme.example", 1, condition("groups", "CONTAINS", `"platform"`))
	require.NoError(t, err)
	rule, resp, err := add(idp, 8, condition("groups", "CONTAINS", `"platform"`), condition("country", "IN", `["DE","FR"]`), condition("country", "NOT_EQUALS_IGNORE_CASE", `"us"`))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	s.token(keyViewer)
	require.False(t, isMember(), "an API key is no login of a person")
	_, ok := s.cloud.Login("viewer@acme.example")
	require.True(t, ok)
	require.True(t, isMember())
	_, err = s.reset(keyViewer, "eu-de", "")
	require.NoError(t, err, "the access is real")
	s.clock.Advance(7 * time.Hour)
	_, _ = s.cloud.Login("viewer@acme.example")
	s.clock.Advance(7 * time.Hour)
	require.True(t, isMember(), "the second login prolonged it")
	lost := s.clock.Now().Add(time.Hour)
	s.clock.Advance(2 * time.Hour)
	require.False(t, isMember())
	require.Equal(t, lost, s.cloud.Outages()[0].From, "the key's owner lost his rights with his session")

	_, _ = s.cloud.Login("viewer@acme.example")
	require.True(t, isMember())
	_, resp, err = s.groups(keyAdmin).GetAccessGroupRule(&groups.GetAccessGroupRuleOptions{AccessGroupID: &group, RuleID: rule.ID})
	require.NoError(t, err)
	replace := func() (*core.DetailedResponse, error) {
		_, r, err := s.groups(keyAdmin).ReplaceAccessGroupRule(&groups.ReplaceAccessGroupRuleOptions{
			AccessGroupID: &group, RuleID: rule.ID, IfMatch: core.StringPtr(resp.GetHeaders().Get("ETag")), RealmName: core.StringPtr(idp), Expiration: core.Int64Ptr(8),
			Conditions: []groups.RuleConditions{condition("country", "EQUALS_IGNORE_CASE", `"fr"`)},
		})
		return r, err
	}
	_, err = replace()
	require.NoError(t, err)
	require.False(t, isMember())
	_, _ = s.cloud.Login("viewer@acme.example")
	require.False(t, isMember())
	again, err := replace()
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, again.StatusCode)
	_, err = s.groups(keyAdmin).RemoveAccessGroupRule(&groups.RemoveAccessGroupRuleOptions{AccessGroupID: &group, RuleID: rule.ID})
	require.NoError(t, err)
	_, resp, err = s.groups(keyAdmin).GetAccessGroupRule(&groups.GetAccessGroupRuleOptions{AccessGroupID: &group, RuleID: rule.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	_, resp, err = add(idp, 25, condition("groups", "CONTAINS", `"x"`))
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	_, resp, err = add(idp, 1, condition("groups", "LIKE", `"x"`))
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

func (s *sim) profileNamed(name string) *identity.TrustedProfile {
	s.t.Helper()
	p, _, err := s.identity(keyAdmin).CreateProfile(&identity.CreateProfileOptions{Name: &name, AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(s.t, err)
	return p
}

// A claim rule lets people assume a profile that does not name them.
func TestClaimRulesOfAProfile(t *testing.T) {
	s := federated(t)
	p := s.profileNamed("operators")
	assume := func(key string) int {
		status, _ := s.grant(url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:assume"}, "access_token": {s.token(key)}, "profile_id": {*p.ID}})
		return status
	}
	require.Equal(t, http.StatusBadRequest, assume(keyViewer))
	made, resp, err := s.identity(keyAdmin).CreateClaimRule(&identity.CreateClaimRuleOptions{
		ProfileID: p.ID, Type: core.StringPtr("Profile-SAML"), RealmName: core.StringPtr(idp), Expiration: core.Int64Ptr(43200), Name: core.StringPtr("auditors"),
		Conditions: []identity.ProfileClaimRuleConditions{{Claim: core.StringPtr("groups"), Operator: core.StringPtr("CONTAINS"), Value: core.StringPtr(`"audit"`)}},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Equal(t, http.StatusOK, assume(keyViewer))
	require.Equal(t, http.StatusBadRequest, assume(keyLeaver))
	update := func(etag *string) (*core.DetailedResponse, error) {
		_, resp, err := s.identity(keyAdmin).UpdateClaimRule(&identity.UpdateClaimRuleOptions{
			ProfileID: p.ID, RuleID: made.ID, IfMatch: etag, Type: core.StringPtr("Profile-SAML"), RealmName: core.StringPtr(idp),
			Conditions: []identity.ProfileClaimRuleConditions{{Claim: core.StringPtr("groups"), Operator: core.StringPtr("EQUALS"), Value: core.StringPtr(`"audit"`)}},
		})
		return resp, err
	}
	_, err = update(made.EntityTag)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, assume(keyViewer), "two groups do not equal one")
	resp, err = update(made.EntityTag)
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	rules, _, err := s.identity(keyAdmin).ListClaimRules(&identity.ListClaimRulesOptions{ProfileID: p.ID})
	require.NoError(t, err)
	require.Len(t, rules.Rules, 1)
	_, err = s.identity(keyAdmin).DeleteClaimRule(&identity.DeleteClaimRuleOptions{ProfileID: p.ID, RuleID: made.ID})
	require.NoError(t, err)
	_, resp, err = s.identity(keyAdmin).GetClaimRule(&identity.GetClaimRuleOptions{ProfileID: p.ID, RuleID: made.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	_, resp, err = s.identity(keyAdmin).CreateClaimRule(&identity.CreateClaimRuleOptions{ProfileID: p.ID, Type: core.StringPtr("Profile-CR"), Conditions: []identity.ProfileClaimRuleConditions{}})
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

func TestLinksOfAProfile(t *testing.T) {
	s := startSim(t, "small")
	p := s.profileNamed("pods")
	link := func(crn, name string) (*identity.ProfileLink, *core.DetailedResponse, error) {
		return s.identity(keyAdmin).CreateLink(&identity.CreateLinkOptions{
			ProfileID: p.ID, CrType: core.StringPtr("IKS_SA"), Name: core.StringPtr("storage"),
			Link: &identity.CreateProfileLinkRequestLink{CRN: &crn, Namespace: core.StringPtr("kube-system"), Name: &name},
		})
	}
	crn := "crn:v1:bluemix:public:containers-kubernetes:eu-de:a/" + s.cloud.AccountID() + ":" + s.cloud.State().Clusters[0].ID + "::"
	made, resp, err := link(crn, "default")
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	got, _, err := s.identity(keyAdmin).GetLink(&identity.GetLinkOptions{ProfileID: p.ID, LinkID: made.ID})
	require.NoError(t, err)
	require.Equal(t, crn, *got.Link.CRN)
	for _, bad := range [][2]string{{"crn:v1:bluemix:public:is:eu-de:a/0000::instance:x", "default"}, {crn, ""}} {
		_, resp, err = link(bad[0], bad[1])
		require.Error(t, err)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	}
	_, err = s.identity(keyAdmin).DeleteLink(&identity.DeleteLinkOptions{ProfileID: p.ID, LinkID: made.ID})
	require.NoError(t, err)
	list, _, err := s.identity(keyAdmin).ListLinks(&identity.ListLinksOptions{ProfileID: p.ID})
	require.NoError(t, err)
	require.Empty(t, list.Links)
}
