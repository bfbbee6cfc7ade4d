package ibmsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	users "github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/stretchr/testify/require"
)

func (s *sim) allUsers(key string, limit int64) []users.UserProfile {
	s.t.Helper()
	pager, err := s.users(key).NewUsersPager(&users.ListUsersOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Limit: &limit})
	require.NoError(s.t, err)
	all, err := pager.GetAll()
	require.NoError(s.t, err)
	return all
}

func TestUserListPages(t *testing.T) {
	s := startSim(t, "sample")
	want := len(s.cloud.State().Users)
	require.Greater(t, want, 100)
	for _, limit := range []int64{10, 100} {
		seen := map[string]bool{}
		for _, u := range s.allUsers(keyAdmin, limit) {
			seen[*u.IamID] = true
		}
		require.Len(t, seen, want)
	}
	found, _, err := s.users(keyAdmin).ListUsers(&users.ListUsersOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Search: core.StringPtr("email:LEAVER@acme.example")})
	require.NoError(t, err)
	require.Len(t, found.Resources, 1)
}

// Trap 16: without a role the list is the caller, with status 200, and everybody else seems to be gone.
func userListOfACallerWithoutRole(t *testing.T) {
	s := startSim(t, "traps")
	list := s.allUsers(keyViewer, 100)
	require.Len(t, list, 1)
	require.Equal(t, "viewer@acme.example", *list[0].Email)
	_, resp, err := s.users(keyViewer).GetUserProfile(&users.GetUserProfileOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: core.StringPtr(s.user("leaver@acme.example").IAMID)})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

func (s *sim) invite(key, email string, accessGroups ...string) (*users.InvitedUser, *core.DetailedResponse, error) {
	s.t.Helper()
	list, resp, err := s.users(key).InviteUsers(&users.InviteUsersOptions{
		AccountID: core.StringPtr(s.cloud.AccountID()), Users: []users.InviteUser{{Email: &email, AccountRole: core.StringPtr("Member")}}, AccessGroups: accessGroups,
	})
	if err != nil {
		return nil, resp, err
	}
	return &list.Resources[0], resp, nil
}

// Traps 19, 20, 21 and 56: an invitation is processed, waits for its human, and changes the IAM ID on acceptance; what
// was given to the placeholder moves along. Inviting again does nothing.
func invitation(t *testing.T) {
	s := startSim(t, "traps")
	group := s.groupID("cluster-key-owners")
	got, resp, err := s.invite(keyAdmin, "Clusters-1@ACME.example", group)
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	require.Equal(t, "PROCESSING", *got.State)
	require.Regexp(t, "^BSS-[0-9a-f]{32}$", *got.ID)
	s.clock.Advance(5 * time.Second)
	require.Equal(t, "PENDING", s.user("clusters-1@acme.example").State)
	status, _ := s.keyGrant(keyFunctional)
	require.Equal(t, http.StatusBadRequest, status, "the key works only once its owner is a member")

	require.True(t, s.cloud.Accept("clusters-1@acme.example"))
	require.False(t, s.cloud.Accept("clusters-1@acme.example"))
	now := s.user("clusters-1@acme.example")
	require.Equal(t, "ACTIVE", now.State)
	require.Regexp(t, "^IBMid-", now.IAMID)
	_, resp, err = s.users(keyAdmin).GetUserProfile(&users.GetUserProfileOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: got.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)

	member, err := s.groups(keyAdmin).IsMemberOfAccessGroup(&groups.IsMemberOfAccessGroupOptions{AccessGroupID: &group, IamID: &now.IAMID})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, member.StatusCode)
	s.clock.Advance(10 * time.Second)
	s.token(keyFunctional)

	again, _, err := s.invite(keyAdmin, "clusters-1@acme.example")
	require.NoError(t, err)
	require.Equal(t, "ACTIVE", *again.State)
	require.Equal(t, []string{"user-management.user.invite", "user-management.user.invite", "user-management.user-invitation.accept"}, s.actions())
}

// The invitee's own acceptance, with a token of a person that is not yet a member.
func TestAcceptWithTheInviteesToken(t *testing.T) {
	s := startSim(t, "traps")
	_, _, err := s.invite(keyAdmin, "clusters-1@acme.example")
	require.NoError(t, err)
	s.clock.Advance(5 * time.Second)
	token, ok := s.cloud.Login("clusters-1@acme.example")
	require.True(t, ok)
	c, err := users.NewUserManagementV1(&users.UserManagementV1Options{URL: s.env["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"], Authenticator: &core.BearerTokenAuthenticator{BearerToken: token}})
	require.NoError(t, err)
	for _, want := range []int{http.StatusAccepted, http.StatusNoContent} {
		resp, err := c.Accept(&users.AcceptOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
		require.NoError(t, err)
		require.Equal(t, want, resp.StatusCode)
	}
}

func TestSampleInviteeAcceptsByItself(t *testing.T) {
	s := startSim(t, "sample")
	_, _, err := s.invite(keyAdmin, "clusters-1@acme.example")
	require.NoError(t, err)
	s.clock.Advance(2300*time.Millisecond - 1)
	require.Equal(t, "PENDING", s.user("clusters-1@acme.example").State)
	s.clock.Advance(1)
	require.Equal(t, "ACTIVE", s.user("clusters-1@acme.example").State)
}

// Trap 22: a service ID can neither invite nor remove, whatever its roles.
func serviceIDsManageNobody(t *testing.T) {
	s := startSim(t, "traps")
	_, resp, err := s.invite("CANARY-key-engine-service", "clusters-1@acme.example")
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	resp, err = s.users("CANARY-key-engine-service").RemoveUser(&users.RemoveUserOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: core.StringPtr(s.user("leaver@acme.example").IAMID)})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// Trap 23: neither the owner nor somebody with classic children can be removed.
func whoCannotBeRemoved(t *testing.T) {
	s := startSim(t, "traps")
	for _, email := range []string{"owner@acme.example", "parent@acme.example"} {
		resp, err := s.users(keyAdmin).RemoveUser(&users.RemoveUserOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: core.StringPtr(s.user(email).IAMID)})
		require.Error(t, err, email)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	}
	s.removeUser("child@acme.example")
	s.removeUser("parent@acme.example")
}

// Traps 15 and 18: removal takes keys, policies and memberships for good; v3 is done only later.
func TestRemoval(t *testing.T) {
	s := startSim(t, "sample")
	leaver := s.user("leaver@acme.example")
	resp, err := s.users(keyAdmin).V3RemoveUser(&users.V3RemoveUserOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &leaver.IAMID})
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	require.Len(t, s.allUsers(keyAdmin, 100), len(s.cloud.State().Users))
	policies := s.cloud.State().Policies
	s.clock.Advance(500 * time.Millisecond)
	_, resp, err = s.users(keyAdmin).GetUserProfile(&users.GetUserProfileOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &leaver.IAMID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	for _, k := range s.cloud.State().Keys {
		require.NotEqual(t, "leaver@acme.example", k.Owner)
	}
	require.Equal(t, policies-1, s.cloud.State().Policies)
	resp, err = s.users(keyAdmin).RemoveUser(&users.RemoveUserOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &leaver.IAMID})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Equal(t, []string{"user-management.user.delete", "user-management.user.delete"}, s.actions())
}
