package ibmcloud_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

func TestWhoAmI(t *testing.T) {
	s := newSim(t)
	me, err := s.cloud.Users.WhoAmI(t.Context())
	require.NoError(t, err)
	assert.Equal(t, admin, me.Email)
	assert.Equal(t, s.AccountID(), me.Account)
	assert.Equal(t, s.iam(t, admin), me.IAMID)
	assert.NotEmpty(t, me.KeyID)

	_, err = s.as(t, "CANARY-no-such-key").Users.WhoAmI(t.Context())
	assert.Equal(t, offboard.Denied, offboard.CodeOf(err))
	assert.NotContains(t, err.Error(), "CANARY")
}

func TestAccount(t *testing.T) {
	s := newSim(t, func(a *ibmsim.Account) { a.Settings.RestrictCreatePlatformAPIKey = "RESTRICTED" })
	account, err := s.cloud.Users.Account(t.Context())
	require.NoError(t, err)
	assert.Equal(t, s.AccountID(), account.ID)
	assert.Equal(t, offboard.Duration(time.Hour), account.TokenLife)
	assert.True(t, account.RestrictedKeys)
	assert.Equal(t, 135, account.VisibleUsers, "five members and 130 fillers; the outsider is not one")
}

func TestTokenLifeHasADefault(t *testing.T) {
	for setting, want := range map[string]time.Duration{"900": 15 * time.Minute, "NOT_SET": time.Hour, "": time.Hour, "0": time.Hour} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
			body := map[string]string{
				"/v1/accounts/" + account + "/settings/identity": `{"system_access_token_expiration_in_seconds":"` + setting + `"}`,
				"/v2/accounts/" + account + "/users":             `{"total_results":1,"limit":100,"resources":[{}]}`,
				"/coe/v2/accounts/" + account:                    `{"entity":{"owner_iam_id":"IBMid-owner"}}`,
			}[r.URL.Path]
			says(200, body)(w, r)
		})
		got, err := s.cloud(t).Users.Account(t.Context())
		require.NoError(t, err)
		assert.Equal(t, offboard.Account{ID: account, OwnerIAMID: "IBMid-owner", TokenLife: offboard.Duration(want), VisibleUsers: 1}, got)
	}
}

func TestOwnerIsOptional(t *testing.T) {
	for status, want := range map[int]offboard.Code{403: "", 404: "", 501: "", 500: offboard.Unavailable} {
		s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/coe/v2/accounts/"+account {
				says(status, `{}`)(w, r)
				return
			}
			says(200, `{"total_results":7,"limit":100}`)(w, r)
		})
		got, err := s.cloud(t).Users.Account(t.Context())
		assert.Equal(t, want, offboard.CodeOf(err), status)
		assert.Empty(t, got.OwnerIAMID)
		_, err = s.cloud(t, func(c *ibmcloud.Config) { c.Endpoints.Accounts = "" }).Users.Account(t.Context())
		assert.NoError(t, err, "an overridden IAM must not send the question to IBM")
	}
}

func TestPeopleReadsEveryPage(t *testing.T) {
	s := newSim(t)
	people, err := s.cloud.Users.People(t.Context())
	require.NoError(t, err)
	assert.Len(t, people, 135)
	seen := map[string]bool{}
	for _, p := range people {
		assert.False(t, seen[p.IAMID], p.IAMID)
		seen[p.IAMID] = true
	}
	one, err := s.cloud.Users.Person(t.Context(), s.iam(t, leaver))
	require.NoError(t, err)
	assert.Equal(t, offboard.Person{IAMID: one.IAMID, Email: leaver, Name: "Lena Leaver", Realm: "IBMid", State: "ACTIVE"}, one)
	assert.True(t, one.Active())
}

// Trap 16: a list of one is what somebody without a role sees.
func TestPeopleMayBeOnlyOneself(t *testing.T) {
	s := newSim(t, func(a *ibmsim.Account) { a.Settings.RestrictUserListVisibility = "RESTRICTED" })
	people, err := s.as(t, "CANARY-key-viewer").Users.People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
	assert.Equal(t, viewer, people[0].Email)
}

func TestPersonWhoIsNotThere(t *testing.T) {
	s := newSim(t)
	_, err := s.cloud.Users.Person(t.Context(), "IBMid-nobody")
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))
}

func TestInviteOnceAndAccepted(t *testing.T) {
	s := newSim(t)
	invited, err := s.cloud.Users.Invite(t.Context(), newcome)
	require.NoError(t, err)
	assert.Equal(t, "PROCESSING", invited.State)
	assert.False(t, invited.Active(), "trap 19: an invitation is no membership")
	again, err := s.cloud.Users.Invite(t.Context(), "Clusters-2@ACME.example")
	require.NoError(t, err)
	assert.Equal(t, invited.IAMID, again.IAMID)
	assert.Equal(t, []string{"user-management.user.invite by " + admin}, s.did())

	s.Advance(2 * time.Minute)
	member, err := s.cloud.Users.Invite(t.Context(), newcome)
	require.NoError(t, err, "trap 20: a member is no error")
	assert.True(t, member.Active())
	assert.NotEqual(t, invited.IAMID, member.IAMID, "trap 56")
	assert.Empty(t, s.did())
}

func TestInviteWithALostReply(t *testing.T) {
	s := newSim(t)
	s.fault(t, ibmsim.Fault{Service: "user-management", Method: "POST", DropAfter: true})
	_, err := s.cloud.Users.Invite(t.Context(), newcome)
	e := failure(t, err)
	assert.Equal(t, offboard.Unavailable, e.Code)
	assert.True(t, e.Ambiguous)
	_, err = s.cloud.Users.Invite(t.Context(), newcome)
	require.NoError(t, err)
	assert.Len(t, s.did(), 1, "the second attempt found the first one's invitation")
}

func TestInviteWithoutTheRight(t *testing.T) {
	s := newSim(t)
	_, err := s.as(t, "CANARY-key-viewer").Users.Invite(t.Context(), newcome)
	assert.Equal(t, offboard.Denied, offboard.CodeOf(err))
	assert.False(t, failure(t, err).Ambiguous)
}

func TestRemove(t *testing.T) {
	s := newSim(t)
	id := s.iam(t, viewer)
	s.fault(t, ibmsim.Fault{Service: "user-management", Method: "DELETE", DropAfter: true})
	err := s.cloud.Users.Remove(t.Context(), id)
	assert.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
	person, err := s.cloud.Users.Person(t.Context(), id)
	require.NoError(t, err, "removal is asynchronous")
	assert.Equal(t, viewer, person.Email)
	s.Advance(time.Minute)
	_, err = s.cloud.Users.Person(t.Context(), id)
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))
	require.NoError(t, s.cloud.Users.Remove(t.Context(), id), "gone already")
	assert.Equal(t, []string{"user-management.user.delete by " + admin}, s.did())
}

func TestRemovalThatFailsLater(t *testing.T) {
	s := newSim(t, func(a *ibmsim.Account) { a.Knobs.RemovalFails = true })
	id := s.iam(t, viewer)
	require.NoError(t, s.cloud.Users.Remove(t.Context(), id))
	s.Advance(time.Minute)
	person, err := s.cloud.Users.Person(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "ERROR_WHILE_DELETING", person.State, "trap 18")
}

func TestOwnerCannotBeRemoved(t *testing.T) {
	s := newSim(t)
	err := s.cloud.Users.Remove(t.Context(), s.iam(t, "owner@acme.example"))
	assert.Equal(t, offboard.Invalid, offboard.CodeOf(err), "trap 23")
	assert.Empty(t, s.did())
}
