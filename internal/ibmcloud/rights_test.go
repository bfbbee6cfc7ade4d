package ibmcloud_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
)

func TestRightsAreThoseOfTheIdentityAndItsGroups(t *testing.T) {
	s := newSim(t)
	engine, err := s.cloud.Access.Rights(t.Context(), s.iam(t, admin))
	require.NoError(t, err)
	covered := func(rights []ibmcloud.Right, service string) (is bool) {
		for _, r := range rights {
			assert.NotEmpty(t, r.Roles)
			assert.True(t, r.Judged())
			is = is || r.Covers(service)
		}
		return is
	}
	for _, service := range []string{"containers-kubernetes", "is", "iam-identity", "user-management", "resource-group"} {
		assert.True(t, covered(engine, service), service)
	}
	theirs, err := s.cloud.Access.Rights(t.Context(), s.iam(t, "clusters-1@acme.example"))
	require.NoError(t, err)
	assert.True(t, covered(theirs, "container-registry"), "by its group")
	assert.False(t, covered(theirs, "user-management"))
}

// Trap 17: the list is short, and nothing says so.
func TestRightsOfOthersAreEmptyWithoutARole(t *testing.T) {
	s := newSim(t)
	who := s.iam(t, admin)
	rights, err := s.as(t, "CANARY-key-viewer").Access.Rights(t.Context(), who)
	require.NoError(t, err)
	assert.Empty(t, rights)
}

func TestARightCovers(t *testing.T) {
	all := ibmcloud.Right{Resources: map[string]string{"accountId": "a", "serviceType": "service"}}
	assert.True(t, all.Covers("is"))
	assert.False(t, all.Covers("iam-identity"), "all services do not include account management")
	management := ibmcloud.Right{Resources: map[string]string{"serviceType": "platform_service"}}
	assert.True(t, management.Covers("iam-groups"))
	assert.False(t, management.Covers("is"))
	group := ibmcloud.Right{Resources: map[string]string{"serviceName": "is", "resourceGroupId": "g"}}
	assert.False(t, group.Covers("is"), "a part of the account only")
	assert.True(t, group.Judged())
	one := ibmcloud.Right{Resources: map[string]string{"serviceName": "is"}}
	assert.True(t, one.Covers("is"))
	assert.False(t, one.Covers("containers-kubernetes"))
	assert.False(t, ibmcloud.Right{Resources: map[string]string{"accountId": "a"}}.Covers("is"), "names nothing")
	for name, r := range map[string]ibmcloud.Right{
		"a rule in time": {},
		"service group":  {Resources: map[string]string{"service_group_id": "IAM"}},
		"a custom role":  {Resources: one.Resources, Roles: []string{"crn:v1:bluemix:public:is::a/a::customRole:Net"}},
	} {
		assert.False(t, r.Judged(), name)
	}
}

// A key of elsewhere is told as that, not as a refusal to read its user.
func TestTheKeyOfAnotherAccountIsRecognised(t *testing.T) {
	s := newSim(t)
	e := s.Endpoints(s.url)
	elsewhere, err := ibmcloud.New(ibmcloud.Config{
		Account: "ffffffffffffffffffffffffffffffff", APIKey: fixed("CANARY-key-offboard-admin"),
		Endpoints: ibmcloud.Endpoints{IAM: e["IBMCLOUD_IAM_API_ENDPOINT"], UserManagement: e["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"]},
	})
	require.NoError(t, err)
	who, err := elsewhere.Users.WhoAmI(t.Context())
	require.NoError(t, err)
	assert.Equal(t, s.AccountID(), who.Account)
	assert.Empty(t, who.Email)
}
