package ibmcloud_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

const (
	administrator = "crn:v1:bluemix:public:iam::::role:Administrator"
	manager       = "crn:v1:bluemix:public:iam::::serviceRole:Manager"
	viewerRole    = "crn:v1:bluemix:public:iam::::role:Viewer"
)

var platform = offboard.Grant{Name: "kubernetes platform", Service: "containers-kubernetes", ResourceGroup: prodID, Roles: []string{administrator}}

func TestGroupIsMadeOnce(t *testing.T) {
	s := newSim(t)
	id, created, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "Owners of cluster keys", "run-1", nil)
	require.NoError(t, err)
	assert.True(t, created)
	again, created, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "Owners of cluster keys", "run-1", nil)
	require.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, id, again)
	assert.Len(t, s.did(), 1)

	require.NoError(t, s.cloud.Access.DeleteGroup(t.Context(), id))
	require.NoError(t, s.cloud.Access.DeleteGroup(t.Context(), id), "gone already")
	assert.Len(t, s.did(), 1)
}

// Two runs that share a functional ID cannot take its access from under each other, however their calls interleave.
func TestGroupIsNotTakenFromARunThatUsesIt(t *testing.T) {
	s := newSim(t)
	access := s.cloud.Access
	id, _, err := access.EnsureGroup(t.Context(), "offboard-owners", "Owners of cluster keys", "run-a", nil)
	require.NoError(t, err)
	_, _, err = access.EnsureGroup(t.Context(), "offboard-owners", "Owners of cluster keys", "run-b", nil)
	require.NoError(t, err)

	used, err := access.CloseGroup(t.Context(), id, "run-a")
	require.NoError(t, err)
	assert.True(t, used, "the other run uses it")
	for range 2 {
		used, err = access.CloseGroup(t.Context(), id, "run-b")
		require.NoError(t, err)
		assert.False(t, used, "now nobody else does")
	}
	_, _, err = access.EnsureGroup(t.Context(), "offboard-owners", "Owners of cluster keys", "run-c", nil)
	assert.Equal(t, offboard.Pending, failure(t, err).Code, "it is being taken away")
	assert.Contains(t, err.Error(), "run-b")
	used, err = access.CloseGroup(t.Context(), id, "run-c")
	require.NoError(t, err)
	assert.True(t, used, "only one takes it away")

	for range 2 {
		require.NoError(t, access.LeaveGroup(t.Context(), id, "run-b"))
	}
	_, _, err = access.EnsureGroup(t.Context(), "offboard-owners", "Owners of cluster keys", "run-c", nil)
	require.NoError(t, err)

	require.NoError(t, access.DeleteGroup(t.Context(), id))
	require.NoError(t, access.LeaveGroup(t.Context(), id, "run-c"), "gone already")
	used, err = access.CloseGroup(t.Context(), id, "run-c")
	require.NoError(t, err)
	assert.False(t, used, "what is gone is used by nobody")
}

// What was read is written under its entity tag: of two runs at the same moment one tries again.
func TestGroupChangedAtTheSameMomentIsReadAgain(t *testing.T) {
	s := newSim(t)
	id, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-a", nil)
	require.NoError(t, err)
	s.fault(t, ibmsim.Fault{Service: "iam-groups", Method: "PATCH", Status: http.StatusConflict,
		Body: `{"trace": "1", "errors": [{"code": "conflict", "message": "changed"}], "status_code": 409}`, Times: 1})
	err = s.cloud.Access.LeaveGroup(t.Context(), id, "run-a")
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code)
	require.NoError(t, s.cloud.Access.LeaveGroup(t.Context(), id, "run-a"))
}

func TestGroupWithALostReply(t *testing.T) {
	s := newSim(t)
	s.fault(t, ibmsim.Fault{Service: "iam-groups", Method: "POST", DropAfter: true})
	_, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	assert.True(t, failure(t, err).Ambiguous)
	_, created, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	require.NoError(t, err)
	assert.False(t, created)
	assert.Len(t, s.did(), 1)
}

func TestMembership(t *testing.T) {
	s := newSim(t)
	id, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	require.NoError(t, err)
	who := s.iam(t, "clusters-1@acme.example")
	s.did()
	for _, want := range []bool{true, false} {
		added, err := s.cloud.Access.AddMember(t.Context(), id, who, nil)
		require.NoError(t, err)
		assert.Equal(t, want, added)
	}
	for range 2 {
		require.NoError(t, s.cloud.Access.RemoveMember(t.Context(), id, who))
	}
	assert.Equal(t, []string{"iam-groups.member.add by " + admin, "iam-groups.member.delete by " + admin}, s.did())
}

// Trap 25: 207 says nothing of the items.
func TestMemberRefusedInside207(t *testing.T) {
	s := newSim(t)
	id, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	require.NoError(t, err)
	s.did()
	s.fault(t, ibmsim.Fault{Service: "iam-groups", Method: "PUT", Partial207: true})
	who := s.iam(t, leaver)
	_, err = s.cloud.Access.AddMember(t.Context(), id, who, nil)
	assert.Equal(t, offboard.Partial, failure(t, err).Code)
	_, err = s.cloud.Access.AddMember(t.Context(), id, "IBMid-nobody", nil)
	e := failure(t, err)
	assert.Equal(t, offboard.Partial, e.Code)
	assert.Contains(t, e.Message, "(not_found)")
	assert.Empty(t, s.did())
	added, err := s.cloud.Access.AddMember(t.Context(), id, who, nil)
	require.NoError(t, err)
	assert.True(t, added)
}

func TestGrantIsMadeOnceAndRevoked(t *testing.T) {
	s := newSim(t)
	id, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	require.NoError(t, err)
	s.did()
	grants := []offboard.Grant{
		platform,
		{Name: "registry", Service: "container-registry", Roles: []string{administrator}},
		{Name: "group", ResourceGroup: prodID, Roles: []string{viewerRole}},
	}
	for _, g := range grants {
		first, created, err := s.cloud.Access.Grant(t.Context(), id, g, nil)
		require.NoError(t, err, g.Name)
		assert.True(t, created, g.Name)
		again, created, err := s.cloud.Access.Grant(t.Context(), id, g, nil)
		require.NoError(t, err, g.Name)
		assert.False(t, created, g.Name)
		assert.Equal(t, first, again)
		assert.Equal(t, []string{"iam-am.policy.create by " + admin}, s.did())
		require.NoError(t, s.cloud.Access.Revoke(t.Context(), first))
		require.NoError(t, s.cloud.Access.Revoke(t.Context(), first), "gone already")
		assert.Equal(t, []string{"iam-am.policy.delete by " + admin}, s.did())
	}
}

// Trap 26: a second policy for the same resources is refused, so the first one gets the missing roles.
func TestGrantExtendsWhatIsThere(t *testing.T) {
	s := newSim(t)
	id, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	require.NoError(t, err)
	first, _, err := s.cloud.Access.Grant(t.Context(), id, platform, nil)
	require.NoError(t, err)
	s.did()
	more := platform
	more.Roles = []string{manager}
	adopted, created, err := s.cloud.Access.Grant(t.Context(), id, more, nil)
	require.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, first, adopted)
	assert.Equal(t, []string{"iam-am.policy.update by " + admin}, s.did())
	more.Roles = []string{administrator, manager}
	_, created, err = s.cloud.Access.Grant(t.Context(), id, more, nil)
	require.NoError(t, err)
	assert.False(t, created)
	assert.Empty(t, s.did(), "it holds both roles by now")
}

func TestGrantWithALostReply(t *testing.T) {
	s := newSim(t)
	id, _, err := s.cloud.Access.EnsureGroup(t.Context(), "offboard-owners", "", "run-1", nil)
	require.NoError(t, err)
	s.did()
	s.fault(t, ibmsim.Fault{Service: "iam-policy", Method: "POST", DropAfter: true})
	_, _, err = s.cloud.Access.Grant(t.Context(), id, platform, nil)
	assert.True(t, failure(t, err).Ambiguous)
	_, _, err = s.cloud.Access.Grant(t.Context(), id, platform, nil)
	require.NoError(t, err)
	assert.Len(t, s.did(), 1)
}

func TestGrantsThatMustNotBe(t *testing.T) {
	s := newSim(t)
	for name, g := range map[string]offboard.Grant{
		"registry in one group, trap 27": {Service: "container-registry", ResourceGroup: prodID, Roles: []string{administrator}},
		"no role":                        {Service: "is"},
		"for nothing":                    {Roles: []string{viewerRole}},
	} {
		_, _, err := s.cloud.Access.Grant(t.Context(), "AccessGroupId-1", g, nil)
		assert.Equal(t, offboard.Invalid, offboard.CodeOf(err), name)
	}
	_, _, err := s.cloud.Access.Grant(t.Context(), "", platform, nil)
	assert.Equal(t, offboard.Invalid, offboard.CodeOf(err))
	assert.Empty(t, s.did())
}

func TestTrustedProfiles(t *testing.T) {
	s := newSim(t)
	names, err := s.cloud.Access.TrustedProfiles(t.Context(), s.iam(t, leaver))
	require.NoError(t, err)
	assert.Equal(t, []string{"pipeline"}, names)
	names, err = s.cloud.Access.TrustedProfiles(t.Context(), s.iam(t, admin))
	require.NoError(t, err)
	assert.Empty(t, names)
}
