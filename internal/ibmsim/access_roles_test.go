package ibmsim_test

import (
	"net/http"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	policies "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/stretchr/testify/require"
)

func (s *sim) customRole(name, service string, actions ...string) *policies.CustomRole {
	s.t.Helper()
	role, resp, err := s.policies(keyAdmin).CreateRole(&policies.CreateRoleOptions{
		Name: &name, DisplayName: core.StringPtr("Role " + name), AccountID: core.StringPtr(s.cloud.AccountID()), ServiceName: &service, Actions: actions,
	})
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusCreated, resp.StatusCode)
	return role
}

// clusterPolicy is about the clusters in eu-de, so that it does not collide with what the account's people have already.
func (s *sim) clusterPolicy(email, role string) *policies.CreateV2PolicyOptions {
	s.t.Helper()
	o := s.policyFor(s.user(email).IAMID, role)
	o.Resource.Attributes[1].Value = "containers-kubernetes"
	o.Resource.Attributes = append(o.Resource.Attributes, policies.V2PolicyResourceAttribute{Key: core.StringPtr("region"), Operator: core.StringPtr("stringEquals"), Value: "eu-de"})
	return o
}

// giveRole is a policy with a role by its CRN on the Kubernetes Service.
func (s *sim) giveRole(email, crn string) *policies.V2Policy {
	s.t.Helper()
	o := s.clusterPolicy(email, "Viewer")
	o.Control.Grant.Roles = []policies.Roles{{RoleID: &crn}}
	p, _, err := s.policies(keyAdmin).CreateV2Policy(o)
	require.NoError(s.t, err)
	s.clock.Advance(30 * time.Second)
	return p
}

func (s *sim) statusOfRefresh(key string) int {
	s.t.Helper()
	resp, _ := s.containers(key).VpcRefreshMaster(&ks.VpcRefreshMasterOptions{Cluster: core.StringPtr("small-vpc")})
	return resp.StatusCode
}

// A custom role gives its actions and nothing else, also when it is named as a system role is; a change of it changes what
// its policies give.
func TestCustomRoles(t *testing.T) {
	s := startSim(t, "small")
	role := s.customRole("Administrator", "containers-kubernetes", "containers-kubernetes.cluster.operate")
	require.Equal(t, http.StatusForbidden, s.statusOfRefresh(keyViewer))
	given := s.giveRole("viewer@acme.example", *role.CRN)
	require.Equal(t, http.StatusNoContent, s.statusOfRefresh(keyViewer))
	resp, err := s.reset(keyViewer, "eu-de", "")
	require.Error(t, err, "operate is not create")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)

	_, resp, err = s.policies(keyViewer).GetRole(&policies.GetRoleOptions{RoleID: role.ID})
	require.NoError(t, err)
	etag := resp.GetHeaders().Get("ETag")
	replace := func(actions ...string) (*core.DetailedResponse, error) {
		_, resp, err := s.policies(keyAdmin).ReplaceRole(&policies.ReplaceRoleOptions{RoleID: role.ID, IfMatch: &etag, DisplayName: core.StringPtr("Resetter"), Actions: actions})
		return resp, err
	}
	_, err = replace("containers-kubernetes.cluster.create")
	require.NoError(t, err)
	resp, err = replace("containers-kubernetes.cluster.read")
	require.Error(t, err)
	require.Equal(t, http.StatusPreconditionFailed, resp.StatusCode, "the tag is old now")
	_, err = s.reset(keyViewer, "eu-de", "")
	require.Error(t, err, "a grant acts late")
	s.clock.Advance(time.Minute)
	_, err = s.reset(keyViewer, "eu-de", "")
	require.NoError(t, err)
	s.clock.Advance(4 * time.Hour)
	require.Empty(t, s.cloud.Outages(), "create is what a key's owner needs")

	list, _, err := s.policies(keyAdmin).ListRoles(&policies.ListRolesOptions{AccountID: core.StringPtr(s.cloud.AccountID()), ServiceName: core.StringPtr("containers-kubernetes")})
	require.NoError(t, err)
	require.Len(t, list.CustomRoles, 1)
	require.Len(t, list.SystemRoles[0].Actions, 4)
	resp, err = s.policies(keyAdmin).DeleteRole(&policies.DeleteRoleOptions{RoleID: role.ID})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	lost := s.clock.Now()
	_, err = s.policies(keyAdmin).DeleteV2Policy(&policies.DeleteV2PolicyOptions{ID: given.ID})
	require.NoError(t, err)
	_, err = s.policies(keyAdmin).DeleteRole(&policies.DeleteRoleOptions{RoleID: role.ID})
	require.NoError(t, err)
	s.clock.Advance(time.Hour)
	require.Equal(t, lost, s.cloud.Outages()[0].From)
	require.Equal(t, "owner lacks rights", s.cloud.Outages()[0].Cause)
}

// A role whose action is taken away takes the key's owner's rights away, from then on and not before.
func TestCustomRoleLosesAnAction(t *testing.T) {
	s := startSim(t, "small")
	role := s.customRole("KeyOwner", "containers-kubernetes", "containers-kubernetes.cluster.create")
	s.giveRole("viewer@acme.example", *role.CRN)
	_, err := s.reset(keyViewer, "eu-de", "")
	require.NoError(t, err)
	s.clock.Advance(time.Hour)
	_, resp, err := s.policies(keyAdmin).GetRole(&policies.GetRoleOptions{RoleID: role.ID})
	require.NoError(t, err)
	_, _, err = s.policies(keyAdmin).ReplaceRole(&policies.ReplaceRoleOptions{
		RoleID: role.ID, IfMatch: core.StringPtr(resp.GetHeaders().Get("ETag")), DisplayName: core.StringPtr("Reader"), Actions: []string{"containers-kubernetes.cluster.read"},
	})
	require.NoError(t, err)
	changed := s.clock.Now()
	s.clock.Advance(time.Hour)
	require.Equal(t, changed.Add(30*time.Second), s.cloud.Outages()[0].From)
}

func TestBadCustomRoles(t *testing.T) {
	s := startSim(t, "small")
	s.customRole("Taken", "is", "is.instance.instance.read")
	create := func(key, name, action string) int {
		_, resp, err := s.policies(key).CreateRole(&policies.CreateRoleOptions{
			Name: &name, DisplayName: &name, AccountID: core.StringPtr(s.cloud.AccountID()), ServiceName: core.StringPtr("is"), Actions: []string{action},
		})
		require.Error(t, err)
		return resp.StatusCode
	}
	require.Equal(t, http.StatusConflict, create(keyAdmin, "Taken", "is.instance.instance.read"))
	require.Equal(t, http.StatusBadRequest, create(keyAdmin, "small", "is.instance.instance.read"))
	require.Equal(t, http.StatusBadRequest, create(keyAdmin, "Other", "kms.secrets.read"))
	require.Equal(t, http.StatusForbidden, create(keyViewer, "Other", "is.instance.instance.read"))
	for i := range 39 {
		s.customRole("Role"+itoa(i), "is", "is.instance.instance.read")
	}
	require.Equal(t, http.StatusUnprocessableEntity, create(keyAdmin, "Forty", "is.instance.instance.read"))
}

// Authorizations from service to service live beside the policies of people in both versions of the API.
func TestAuthorizations(t *testing.T) {
	s := startSim(t, "small")
	account := core.StringPtr(s.cloud.AccountID())
	named := func(name, value string) policies.SubjectAttribute {
		return policies.SubjectAttribute{Name: &name, Value: &value}
	}
	create := func(source string) (*policies.PolicyTemplateMetaData, *core.DetailedResponse, error) {
		p, resp, err := s.policies(keyAdmin).CreatePolicy(&policies.CreatePolicyOptions{
			Type:     core.StringPtr("authorization"),
			Subjects: []policies.PolicySubject{{Attributes: []policies.SubjectAttribute{named("accountId", *account), named("serviceName", source)}}},
			Roles:    []policies.PolicyRole{{RoleID: core.StringPtr("crn:v1:bluemix:public:iam::::serviceRole:Reader")}},
			Resources: []policies.PolicyResource{{Attributes: []policies.ResourceAttribute{
				{Name: core.StringPtr("accountId"), Value: account}, {Name: core.StringPtr("serviceName"), Value: core.StringPtr("secrets-manager")},
			}}},
		})
		if err != nil {
			return nil, resp, err
		}
		return &policies.PolicyTemplateMetaData{ID: p.ID}, resp, nil
	}
	made, _, err := create("containers-kubernetes")
	require.NoError(t, err)
	_, resp, err := create("containers-kubernetes")
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	_, _, err = create("is")
	require.NoError(t, err, "another source is another authorization")
	_, resp, err = create("")
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)

	v2, _, err := s.policies(keyAdmin).GetV2Policy(&policies.GetV2PolicyOptions{ID: made.ID})
	require.NoError(t, err)
	require.Equal(t, "authorization", *v2.Type)
	require.Equal(t, "containers-kubernetes", v2.Subject.Attributes[1].Value)
	kind := core.StringPtr("authorization")
	list, _, err := s.policies(keyAdmin).ListPolicies(&policies.ListPoliciesOptions{AccountID: account, Type: kind})
	require.NoError(t, err)
	require.Len(t, list.Policies, 2)
	list2, _, err := s.policies(keyAdmin).ListV2Policies(&policies.ListV2PoliciesOptions{AccountID: account, Type: kind})
	require.NoError(t, err)
	require.Len(t, list2.Policies, 2)
	_, err = s.policies(keyAdmin).DeletePolicy(&policies.DeletePolicyOptions{PolicyID: made.ID})
	require.NoError(t, err)
	again, _, err := create("containers-kubernetes")
	require.NoError(t, err)
	require.NotEqual(t, *made.ID, *again.ID)
}
