package ibmsim_test

import (
	"net/http"
	"testing"

	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	policies "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// Trap 25: 207 says nothing about the items.
func multiStatus(t *testing.T) {
	s := startSim(t, "small")
	group, viewer := s.groupID("cluster-key-owners"), s.user("viewer@acme.example").IAMID
	got := s.join(group, "IBMid-NOBODY")
	require.EqualValues(t, 404, *got.Members[0].StatusCode)
	require.Len(t, got.Members[0].Errors, 1)

	_, err := s.cloud.AddFault(ibmsim.Fault{Service: "iam-groups", Method: "PUT", Partial207: true})
	require.NoError(t, err)
	got = s.join(group, viewer)
	require.EqualValues(t, 503, *got.Members[0].StatusCode)
	require.Empty(t, s.cloud.Ledger())

	for range 2 {
		got = s.join(group, viewer)
		require.EqualValues(t, 200, *got.Members[0].StatusCode)
	}
	require.Equal(t, []string{"iam-groups.member.add"}, s.actions(), "adding a member again does nothing")

	list, _, err := s.groups(keyAdmin).ListAccessGroupMembers(&groups.ListAccessGroupMembersOptions{AccessGroupID: &group, Verbose: core.BoolPtr(true)})
	require.NoError(t, err)
	require.Len(t, list.Members, 2)
	left, resp, err := s.groups(keyAdmin).RemoveMemberFromAllAccessGroups(&groups.RemoveMemberFromAllAccessGroupsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &viewer})
	require.NoError(t, err)
	require.Equal(t, http.StatusMultiStatus, resp.StatusCode)
	require.Len(t, left.Groups, 1)
}

func TestAccessGroupLifecycle(t *testing.T) {
	s := startSim(t, "small")
	c := s.groups(keyAdmin)
	made, resp, err := c.CreateAccessGroup(&groups.CreateAccessGroupOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Name: core.StringPtr("handover")})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	_, resp, err = c.CreateAccessGroup(&groups.CreateAccessGroupOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Name: core.StringPtr("handover")})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	s.join(*made.ID, s.user("viewer@acme.example").IAMID)
	_, err = c.DeleteAccessGroup(&groups.DeleteAccessGroupOptions{AccessGroupID: made.ID})
	require.Error(t, err)
	resp, err = c.DeleteAccessGroup(&groups.DeleteAccessGroupOptions{AccessGroupID: made.ID, Force: core.BoolPtr(true)})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	_, resp, err = s.groups(keyViewer).CreateAccessGroup(&groups.CreateAccessGroupOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Name: core.StringPtr("mine")})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

func (s *sim) policyFor(iam, role string) *policies.CreateV2PolicyOptions {
	crn := "crn:v1:bluemix:public:iam::::role:" + role
	return &policies.CreateV2PolicyOptions{
		Type:    core.StringPtr("access"),
		Control: &policies.Control{Grant: &policies.Grant{Roles: []policies.Roles{{RoleID: &crn}}}},
		Subject: &policies.V2PolicySubject{Attributes: []policies.V2PolicySubjectAttribute{{Key: core.StringPtr("iam_id"), Operator: core.StringPtr("stringEquals"), Value: iam}}},
		Resource: &policies.V2PolicyResource{Attributes: []policies.V2PolicyResourceAttribute{
			{Key: core.StringPtr("accountId"), Operator: core.StringPtr("stringEquals"), Value: s.cloud.AccountID()},
			{Key: core.StringPtr("serviceName"), Operator: core.StringPtr("stringEquals"), Value: "is"},
		}},
	}
}

// Trap 26: a second policy for the same subject and resource is a conflict that names the first.
func policyConflict(t *testing.T) {
	s := startSim(t, "small")
	viewer := s.user("viewer@acme.example").IAMID
	made, resp, err := s.policies(keyAdmin).CreateV2Policy(s.policyFor(viewer, "Viewer"))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	etag := resp.GetHeaders().Get("ETag")
	require.NotEmpty(t, etag)

	_, resp, err = s.policies(keyAdmin).CreateV2Policy(s.policyFor(viewer, "Editor"))
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	body, _ := resp.GetResultAsMap()
	first := body["errors"].([]any)[0].(map[string]any)
	require.Equal(t, "policy_conflict_error", first["code"])
	require.Equal(t, *made.ID, first["details"].(map[string]any)["conflicts_with"].(map[string]any)["policy"])

	next := s.policyFor(viewer, "Editor")
	_, resp, err = s.policies(keyAdmin).ReplaceV2Policy(&policies.ReplaceV2PolicyOptions{ID: made.ID, IfMatch: &etag, Control: next.Control, Type: next.Type, Subject: next.Subject, Resource: next.Resource})
	require.NoError(t, err)
	require.NotEqual(t, etag, resp.GetHeaders().Get("ETag"))
	_, resp, err = s.policies(keyAdmin).ReplaceV2Policy(&policies.ReplaceV2PolicyOptions{ID: made.ID, IfMatch: &etag, Control: next.Control, Type: next.Type, Subject: next.Subject, Resource: next.Resource})
	require.Error(t, err)
	require.Equal(t, http.StatusPreconditionFailed, resp.StatusCode)
	resp, err = s.policies(keyAdmin).DeleteV2Policy(&policies.DeleteV2PolicyOptions{ID: made.ID})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, []string{"iam-am.policy.create", "iam-am.policy.update", "iam-am.policy.delete"}, s.actions())
}

// Trap 17: without permission the list is empty, not refused; creating is refused.
func policiesOfACallerWithoutRole(t *testing.T) {
	s := startSim(t, "small")
	all, _, err := s.policies(keyAdmin).ListV2Policies(&policies.ListV2PoliciesOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Len(t, all.Policies, s.cloud.State().Policies)
	own, _, err := s.policies(keyViewer).ListPolicies(&policies.ListPoliciesOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Len(t, own.Policies, 1)
	_, resp, err := s.policies(keyViewer).CreateV2Policy(s.policyFor(s.user("viewer@acme.example").IAMID, "Administrator"))
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	roles, _, err := s.policies(keyAdmin).ListRoles(&policies.ListRolesOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Len(t, roles.SystemRoles, 4)
}

// Version 1 writes what version 2 reads, and a deleted policy can be restored.
func TestPolicyV1(t *testing.T) {
	s := startSim(t, "small")
	viewer := s.user("viewer@acme.example").IAMID
	crn := "crn:v1:bluemix:public:iam::::role:Viewer"
	made, _, err := s.policies(keyAdmin).CreatePolicy(&policies.CreatePolicyOptions{
		Type: core.StringPtr("access"), Roles: []policies.PolicyRole{{RoleID: &crn}},
		Subjects:  []policies.PolicySubject{{Attributes: []policies.SubjectAttribute{{Name: core.StringPtr("iam_id"), Value: &viewer}}}},
		Resources: []policies.PolicyResource{{Attributes: []policies.ResourceAttribute{{Name: core.StringPtr("serviceName"), Value: core.StringPtr("kms")}}}},
	})
	require.NoError(t, err)
	_, err = s.policies(keyAdmin).DeletePolicy(&policies.DeletePolicyOptions{PolicyID: made.ID})
	require.NoError(t, err)
	got, resp, err := s.policies(keyAdmin).GetPolicy(&policies.GetPolicyOptions{PolicyID: made.ID})
	require.NoError(t, err)
	require.Equal(t, "deleted", *got.State)
	back, _, err := s.policies(keyAdmin).UpdatePolicyState(&policies.UpdatePolicyStateOptions{PolicyID: made.ID, IfMatch: core.StringPtr(resp.GetHeaders().Get("ETag")), State: core.StringPtr("active")})
	require.NoError(t, err)
	require.Equal(t, "active", *back.State)
}

func TestAccessSettings(t *testing.T) {
	s := startSim(t, "small")
	got, _, err := s.policies(keyAdmin).GetSettings(&policies.GetSettingsOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Equal(t, "enabled", *got.ExternalAccountIdentityInteraction.IdentityTypes.User.State)
}
