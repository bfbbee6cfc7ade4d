package ibmcloud_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

func TestRightsOfReadsThePoliciesOnceForEverybody(t *testing.T) {
	s := newSim(t)
	leaving, functional, nobody := s.iam(t, leaver), s.iam(t, "clusters-1@acme.example"), s.iam(t, viewer)
	rights, seen, err := s.cloud.Access.RightsOf(t.Context(), []string{leaving, functional, nobody})
	require.NoError(t, err)
	assert.Equal(t, 6, seen)
	require.Len(t, rights[leaving], 1)
	assert.Equal(t, "service", rights[leaving][0].Resources["serviceType"])
	assert.Len(t, rights[leaving][0].Roles, 2)
	assert.Len(t, rights[functional], 3, "through its access group")
	assert.Empty(t, rights[nobody])
	policies, groups := 0, 0
	for _, r := range s.Requests() {
		switch r.Route {
		case "/v2/policies":
			policies += r.Count
		case "/v2/groups":
			groups += r.Count
		}
	}
	assert.Equal(t, 1, policies, "pages of policies")
	assert.Equal(t, 3, groups, "lists of groups")
	assert.Empty(t, s.did())

	mine := s.as(t, "CANARY-key-viewer")
	_, seen, err = mine.Access.RightsOf(t.Context(), nil)
	require.NoError(t, err)
	assert.Zero(t, seen, "a shortened list is no error (trap 17)")
}

func TestRightsThatDependOnTheTimeCannotBeJudged(t *testing.T) {
	s := newSim(t, func(a *ibmsim.Account) {
		a.Policies = append(a.Policies, ibmsim.Grant{User: viewer, Roles: []string{"Administrator"}, Service: "all", Ends: ibmsim.Duration(3600e9)})
	})
	id := s.iam(t, viewer)
	rights, _, err := s.cloud.Access.RightsOf(t.Context(), []string{id})
	require.NoError(t, err)
	require.Len(t, rights[id], 1)
	assert.Nil(t, rights[id][0].Resources)
}

func TestProfilesAndServiceIDsNameTheirPeople(t *testing.T) {
	s := newSim(t, func(a *ibmsim.Account) {
		a.ServiceIDs = append(a.ServiceIDs, ibmsim.ServiceID{Name: "puller", Creator: leaver})
	})
	profiles, err := s.cloud.Access.Profiles(t.Context())
	require.NoError(t, err)
	require.Len(t, profiles, 2)
	users := map[string][]string{}
	for _, p := range profiles {
		users[p.Name] = p.Users
	}
	assert.Equal(t, map[string][]string{"pipeline": {s.iam(t, leaver)}, "audit": {s.iam(t, viewer)}}, users)
	ids, err := s.cloud.Access.ServiceIDs(t.Context())
	require.NoError(t, err)
	require.Len(t, ids, 1)
	assert.Equal(t, "puller", ids[0].Name)
	assert.Equal(t, s.iam(t, leaver), ids[0].Creator)
	assert.Empty(t, s.did())

	for route, read := range map[string]func() error{
		"/v1/profiles":   func() error { _, err := s.cloud.Access.Profiles(t.Context()); return err },
		"/v1/serviceids": func() error { _, err := s.cloud.Access.ServiceIDs(t.Context()); return err },
		"/v2/policies":   func() error { _, _, err := s.cloud.Access.RightsOf(t.Context(), []string{"x"}); return err },
		"/v2/groups":     func() error { _, _, err := s.cloud.Access.RightsOf(t.Context(), []string{"x"}); return err },
	} {
		s.fault(t, ibmsim.Fault{Path: route, Status: http.StatusServiceUnavailable, Times: 1})
		assert.Equal(t, offboard.Unavailable, offboard.CodeOf(read()), route)
	}
}

func TestAccountOwnerIsRead(t *testing.T) {
	s := newSim(t)
	owner, err := s.cloud.Users.AccountOwner(t.Context())
	require.NoError(t, err)
	assert.Equal(t, s.iam(t, "owner@acme.example"), owner)
}

// A client that only reads sends nothing that changes anything, whatever it is asked.
func TestReadOnlyTransportRefusesEveryChange(t *testing.T) {
	s := newSim(t)
	e := s.Endpoints(s.url)
	cloud, err := ibmcloud.New(ibmcloud.Config{Account: s.AccountID(), APIKey: fixed("CANARY-key-offboard-admin"),
		FunctionalIDs: []ibmcloud.FunctionalID{{Email: "clusters-1@acme.example", APIKey: fixed("CANARY-key-clusters-1")}},
		HTTPClient:    &http.Client{Transport: ibmcloud.ReadOnly(nil)},
		Endpoints: ibmcloud.Endpoints{IAM: e["IBMCLOUD_IAM_API_ENDPOINT"], UserManagement: e["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"],
			ResourceManagement: e["IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT"], GlobalSearch: e["IBMCLOUD_GS_API_ENDPOINT"], Containers: e["IBMCLOUD_CS_API_ENDPOINT"]}})
	require.NoError(t, err)
	ctx := t.Context()
	id, key, cluster := s.iam(t, leaver), s.key(t, leaver, "ci-pipeline").ID, s.cluster(t, "shop")
	s.did()
	for name, change := range map[string]func() error{
		"invite":  func() error { _, err := cloud.Users.Invite(ctx, newcome); return err },
		"remove":  func() error { return cloud.Users.Remove(ctx, id) },
		"lock":    func() error { return cloud.Keys.Lock(ctx, key) },
		"disable": func() error { return cloud.Keys.Disable(ctx, key) },
		"delete":  func() error { return cloud.Keys.Delete(ctx, key) },
		"group":   func() error { _, _, err := cloud.Access.EnsureGroup(ctx, "g", "d", "run", nil); return err },
		"refresh": func() error { return cloud.Clusters.RefreshMaster(ctx, cluster.ID, cluster.Scope()) },
		"sync":    func() error { return cloud.Clusters.SyncAccess(ctx, cluster.ID) },
		"reset":   func() error { return cloud.Successors.Reset(ctx, "clusters-1@acme.example", prod) },
	} {
		assert.Error(t, change(), name)
	}
	assert.Empty(t, s.did(), "nothing was changed")

	_, err = cloud.Keys.UserKeys(ctx)
	require.NoError(t, err)
	_, _, err = cloud.Keys.Room(ctx, []string{id})
	require.NoError(t, err)
	_, err = cloud.Clusters.Indexed(ctx)
	require.NoError(t, err)
	_, err = cloud.Kubeconfig(ctx, cluster.ID)
	require.NoError(t, err)
}

func TestReadOnlyTransportSaysWhatItRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := http.Client{Transport: ibmcloud.ReadOnly(http.DefaultTransport)}
	_, err := client.Post(server.URL+"/v1/keys", "text/plain", strings.NewReader("x"))
	assert.ErrorContains(t, err, "POST /v1/keys would change something, and this client only reads")
	response, err := client.Head(server.URL + "/v1/keys")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}
