package ibmcloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

func TestProve(t *testing.T) {
	s := newSim(t)
	assert.Equal(t, []string{fid, newcome}, s.cloud.Successors.Emails())
	who, err := s.cloud.Successors.Prove(t.Context(), "Clusters-1@acme.example")
	require.NoError(t, err)
	assert.Equal(t, fid, who.Email)
	assert.Equal(t, s.iam(t, fid), who.IAMID)

	_, err = s.cloud.Successors.Prove(t.Context(), newcome)
	assert.Equal(t, offboard.Denied, offboard.CodeOf(err), "not a member yet")
	_, err = s.cloud.Users.Invite(t.Context(), newcome)
	require.NoError(t, err)
	s.Advance(3 * time.Minute)
	who, err = s.cloud.Successors.Prove(t.Context(), newcome)
	require.NoError(t, err)
	assert.Equal(t, newcome, who.Email)
}

func TestSeesOnlyTheScope(t *testing.T) {
	s := newSim(t)
	ids, err := s.cloud.Successors.Sees(t.Context(), fid, prod)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{s.cluster(t, "shop").ID, s.cluster(t, "vault").ID}, ids)
	ids, err = s.cloud.Successors.Sees(t.Context(), fid, s.cluster(t, "legacy").Scope())
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{s.cluster(t, "legacy").ID, s.cluster(t, "edge").ID}, ids, "one scope in two spellings")
	ids, err = s.cloud.Successors.Sees(t.Context(), fid, offboard.Scope{Region: "us-south", ResourceGroup: prodID})
	require.NoError(t, err)
	assert.Empty(t, ids)
}

// Traps 1 and 2: the named group's key is replaced, and it belongs to the functional ID.
func TestResetReplacesTheScopesKeyOnly(t *testing.T) {
	s := newSim(t)
	require.NoError(t, s.cloud.Successors.Reset(t.Context(), fid, prod))
	assert.Equal(t, []string{"containers-kubernetes.account-api-key.reset by " + fid}, s.did())
	s.Advance(time.Minute)
	owner, err := s.cloud.Clusters.KeyOwner(t.Context(), s.cluster(t, "shop").ID, prod)
	require.NoError(t, err)
	assert.True(t, owner.Is(fid))
	legacy := s.cluster(t, "legacy")
	owner, err = s.cloud.Clusters.KeyOwner(t.Context(), legacy.ID, legacy.Scope())
	require.NoError(t, err)
	assert.True(t, owner.Is(leaver), "the default group's key is untouched")
	assert.Equal(t, prodID, s.key(t, fid, offboard.ClusterKeyName).Scope.ResourceGroup)

	require.NoError(t, s.cloud.Successors.Reset(t.Context(), fid, legacy.Scope()), "the old spelling of a region")
	assert.Len(t, s.did(), 1)
}

// Trap 3: the reply is lost, the key is made, and the adapter does not try again.
func TestResetWithALostReply(t *testing.T) {
	s := newSim(t)
	s.fault(t, ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", DropAfter: true})
	e := failure(t, s.cloud.Successors.Reset(t.Context(), fid, prod))
	assert.Equal(t, offboard.Unavailable, e.Code)
	assert.True(t, e.Ambiguous)
	assert.Len(t, s.did(), 1)
}

// Traps 5, 6 and 7: the service says the same of a full identity and of one that may not make keys.
func TestResetThatIAMRefuses(t *testing.T) {
	full := newSim(t, func(a *ibmsim.Account) { a.Knobs.KeyLimit = 1 })
	e := failure(t, full.cloud.Successors.Reset(t.Context(), fid, prod))
	assert.Equal(t, offboard.KeyLimit, e.Code, e.Message)
	assert.False(t, e.Ambiguous)
	assert.Contains(t, e.Message, "A03e9b")

	restricted := newSim(t, func(a *ibmsim.Account) { a.Settings.RestrictCreatePlatformAPIKey = "RESTRICTED" })
	e = failure(t, restricted.cloud.Successors.Reset(t.Context(), fid, prod))
	assert.Equal(t, offboard.Denied, e.Code)
	assert.Contains(t, e.Message, "User API key creator")
	assert.Empty(t, restricted.did())
}

func TestResetWithoutTheRole(t *testing.T) {
	s := newSim(t, func(a *ibmsim.Account) { a.AccessGroups[0].Members = nil })
	e := failure(t, s.cloud.Successors.Reset(t.Context(), fid, prod))
	assert.Equal(t, offboard.Denied, e.Code)
	assert.NotEmpty(t, e.RequestID)
	assert.Empty(t, s.did())
}
