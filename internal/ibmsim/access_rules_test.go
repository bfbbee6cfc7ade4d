package ibmsim_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	policies "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

func formBody(form url.Values) io.Reader { return strings.NewReader(form.Encode()) }

// Temporary access begins and ends by itself, and its end is an outage like any other loss of rights.
func TestTemporaryAccess(t *testing.T) {
	s := startSim(t, "small")
	s.handOver()
	s.restart()
	iam := s.user("clusters-1@acme.example").IAMID
	s.leave(s.groupID("cluster-key-owners"), iam)
	lost := s.clock.Now()
	from, to := lost.Add(10*time.Minute), lost.Add(time.Hour)
	o := s.policyFor(iam, "Administrator")
	o.Resource.Attributes[1].Value = "containers-kubernetes"
	o.Pattern = core.StringPtr("time-based-conditions:once")
	at := func(operator string, t time.Time) policies.NestedConditionIntf {
		return &policies.NestedConditionRuleAttribute{Key: core.StringPtr("{{environment.attributes.current_date_time}}"), Operator: &operator, Value: t.Format(time.RFC3339)}
	}
	o.Rule = &policies.V2PolicyRuleRuleWithNestedConditions{Operator: core.StringPtr("and"), Conditions: []policies.NestedConditionIntf{
		at("dateTimeGreaterThanOrEquals", from), at("dateTimeLessThanOrEquals", to),
	}}
	made, _, err := s.policies(keyAdmin).CreateV2Policy(o)
	require.NoError(t, err)
	require.Equal(t, "time-based-conditions:once", *made.Pattern)
	s.clock.Advance(3 * time.Hour)
	var scopes []ibmsim.Outage
	for _, one := range s.cloud.Outages() {
		if one.Cluster == "small-vpc" && firstWord(one.Subject) == "scope" {
			scopes = append(scopes, one)
		}
	}
	require.Len(t, scopes, 2)
	require.Equal(t, []time.Time{lost, from}, []time.Time{scopes[0].From, scopes[0].To})
	require.Equal(t, to, scopes[1].From)
}

// Members by an identity provider's rule are listed apart and cannot be taken out.
func TestDynamicMembers(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.AccessGroups[0].Dynamic = []string{"viewer@acme.example"}
	s := startAccount(t, a)
	group, viewer := s.groupID("cluster-key-owners"), s.user("viewer@acme.example").IAMID
	list := func(kind string) []groups.ListGroupMembersResponseMember {
		got, _, err := s.groups(keyAdmin).ListAccessGroupMembers(&groups.ListAccessGroupMembersOptions{AccessGroupID: &group, MembershipType: &kind})
		require.NoError(t, err)
		return got.Members
	}
	require.Len(t, list("static"), 1)
	require.Len(t, list("all"), 2)
	require.Equal(t, viewer, *list("dynamic")[0].IamID)
	resp, err := s.groups(keyAdmin).RemoveMemberFromAccessGroup(&groups.RemoveMemberFromAccessGroupOptions{AccessGroupID: &group, IamID: &viewer})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	_, err = s.reset(keyViewer, "eu-de", "")
	require.NoError(t, err, "the access is real")
	rules, _, err := s.groups(keyAdmin).ListAccessGroupRules(&groups.ListAccessGroupRulesOptions{AccessGroupID: &group})
	require.NoError(t, err)
	require.Len(t, rules.Rules, 1)
	s.removeUser("viewer@acme.example")
	require.Empty(t, list("dynamic"))
}

func TestAccessGroupCanBeRenamed(t *testing.T) {
	s := startSim(t, "small")
	id := s.groupID("cluster-key-owners")
	_, resp, err := s.groups(keyAdmin).GetAccessGroup(&groups.GetAccessGroupOptions{AccessGroupID: &id})
	require.NoError(t, err)
	etag := resp.GetHeaders().Get("ETag")
	rename := func() (*groups.Group, *core.DetailedResponse, error) {
		return s.groups(keyAdmin).UpdateAccessGroup(&groups.UpdateAccessGroupOptions{AccessGroupID: &id, IfMatch: &etag, Name: core.StringPtr("owners")})
	}
	got, _, err := rename()
	require.NoError(t, err)
	require.Equal(t, "owners", *got.Name)
	_, resp, err = rename()
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
}

// Version 1 replaces what it made, not what version 2 made; version 2 takes a version 1 policy over.
func TestPolicyVersions(t *testing.T) {
	s := startSim(t, "small")
	viewer := s.user("viewer@acme.example").IAMID
	role := func(name string) []policies.PolicyRole {
		return []policies.PolicyRole{{RoleID: core.StringPtr("crn:v1:bluemix:public:iam::::role:" + name)}}
	}
	subjects := []policies.PolicySubject{{Attributes: []policies.SubjectAttribute{{Name: core.StringPtr("iam_id"), Value: &viewer}}}}
	resources := []policies.PolicyResource{{Attributes: []policies.ResourceAttribute{{Name: core.StringPtr("accountId"), Value: core.StringPtr(s.cloud.AccountID())}, {Name: core.StringPtr("serviceName"), Value: core.StringPtr("kms")}}}}
	made, resp, err := s.policies(keyAdmin).CreatePolicy(&policies.CreatePolicyOptions{Type: core.StringPtr("access"), Roles: role("Viewer"), Subjects: subjects, Resources: resources})
	require.NoError(t, err)
	replace := func(etag string) (*policies.PolicyTemplateMetaData, *core.DetailedResponse, error) {
		_, resp, err := s.policies(keyAdmin).ReplacePolicy(&policies.ReplacePolicyOptions{PolicyID: made.ID, IfMatch: &etag, Type: core.StringPtr("access"), Roles: role("Editor"), Subjects: subjects, Resources: resources})
		return nil, resp, err
	}
	_, resp, err = replace(resp.GetHeaders().Get("ETag"))
	require.NoError(t, err)
	next := s.policyFor(viewer, "Operator")
	next.Resource.Attributes[1].Value = "kms"
	_, resp, err = s.policies(keyAdmin).ReplaceV2Policy(&policies.ReplaceV2PolicyOptions{ID: made.ID, IfMatch: core.StringPtr(resp.GetHeaders().Get("ETag")), Control: next.Control, Type: next.Type, Subject: next.Subject, Resource: next.Resource})
	require.NoError(t, err)
	_, resp, err = replace(resp.GetHeaders().Get("ETag"))
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}
