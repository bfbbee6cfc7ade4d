package ibmcloud_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

func TestResourceGroups(t *testing.T) {
	s := newSim(t)
	groups, err := s.cloud.Clusters.ResourceGroups(t.Context())
	require.NoError(t, err)
	require.Len(t, groups, 2)
	assert.Contains(t, groups, offboard.ResourceGroup{ID: prodID, Name: "prod"})
	assert.True(t, groups[0].Default || groups[1].Default)
}

func TestClustersOfEveryProvider(t *testing.T) {
	s := newSim(t)
	clusters, err := s.cloud.Clusters.Clusters(t.Context())
	require.NoError(t, err)
	got := map[string]string{}
	for i, c := range clusters {
		got[c.Name] = c.Provider + " " + c.Type + " " + c.Scope().String()
		assert.True(t, i == 0 || clusters[i-1].ID < c.ID, "sorted by ID")
	}
	assert.Equal(t, map[string]string{
		"shop": "vpc-gen2 kubernetes eu-de/prod", "vault": "vpc-gen2 openshift eu-de/prod",
		"legacy": "classic kubernetes eu-de/default", "edge": "satellite kubernetes eu-de/default",
	}, got)
	legacy := s.cluster(t, "legacy").Scope()
	assert.Equal(t, "eu-central", legacy.XRegion(), "trap 38: the API's own spelling is kept")

	indexed, err := s.cloud.Clusters.Indexed(t.Context())
	require.NoError(t, err)
	require.Len(t, indexed, 4)
	for i, c := range clusters {
		assert.Equal(t, offboard.ClusterRef{ID: c.ID, Name: c.Name}, indexed[i])
	}
	assert.Empty(t, s.did())
}

// Trap 41: the Satellite list may fail where there is no Satellite, the other lists never.
func TestListsThatFail(t *testing.T) {
	withSatellite := newSim(t)
	without := newSim(t, func(a *ibmsim.Account) { a.Clusters = a.Clusters[:3] })
	for _, c := range []struct {
		name, path string
		s          *sim
		want       offboard.Code
	}{
		{"Satellite in use", "satellite", withSatellite, offboard.Denied},
		{"no Satellite", "satellite", without, ""},
		{"VPC", "vpc", without, offboard.Denied},
		{"classic", "classic", without, offboard.Denied},
	} {
		c.s.fault(t, ibmsim.Fault{Service: "containers", Path: "/v2/" + c.path + "/getClusters", Status: 403, Body: `{"code":"A0010"}`})
		clusters, err := c.s.cloud.Clusters.Clusters(t.Context())
		assert.Equal(t, c.want, offboard.CodeOf(err), c.name)
		if c.want == "" {
			assert.Len(t, clusters, 3)
		}
		c.s.ClearFaults()
	}
}

func TestListsThatAreNull(t *testing.T) {
	null := says(200, "null")
	s := newStub(t, null)
	clusters, err := s.cloud(t).Clusters.Clusters(t.Context())
	require.NoError(t, err, "trap 59")
	assert.Empty(t, clusters)
	addons, err := s.cloud(t).Clusters.Addons(t.Context(), "c1")
	require.NoError(t, err)
	assert.Empty(t, addons)

	s = newStub(t, says(200, ""))
	_, err = s.cloud(t).Clusters.Clusters(t.Context())
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code, "a cut-off answer is not an empty account")
}

func TestIndexReadsEveryPageAndLeavesWorkersOut(t *testing.T) {
	page := func(cursor string, crns ...string) string {
		var items []string
		for _, c := range crns {
			items = append(items, `{"crn":"`+c+`","name":"n"}`)
		}
		return `{"search_cursor":"` + cursor + `","limit":100,"items":[` + strings.Join(items, ",") + `]}`
	}
	var full []string
	for range 100 {
		full = append(full, "crn:v1:bluemix:public:containers-kubernetes:eu-de:a/"+account+":c1:worker:w1")
	}
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		if strings.Contains(string(body), `"search_cursor":"next"`) {
			says(200, page("more", "crn:v1:bluemix:public:containers-kubernetes:eu-de:a/"+account+":c2::", "not a crn"))(w, r)
			return
		}
		says(200, page("next", full...))(w, r)
	})
	refs, err := s.cloud(t).Clusters.Indexed(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []offboard.ClusterRef{{ID: "c2", Name: "n"}}, refs)
	assert.Len(t, s.sent(), 2)
	assert.Equal(t, account, s.sent()[0].URL.Query().Get("account_id"), "trap 24")
}

func TestOneCluster(t *testing.T) {
	s := newSim(t)
	vault, master, err := s.cloud.Clusters.Cluster(t.Context(), s.cluster(t, "vault").ID)
	require.NoError(t, err)
	assert.Equal(t, "openshift", vault.Type)
	assert.True(t, vault.PrivateOnly)
	assert.True(t, master.Settled())
	assert.Equal(t, "normal", master.Health)
	shop, _, err := s.cloud.Clusters.Cluster(t.Context(), s.cluster(t, "shop").ID)
	require.NoError(t, err)
	assert.False(t, shop.PrivateOnly)

	_, _, err = s.cloud.Clusters.Cluster(t.Context(), "nothing")
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))
}

func TestKeyOwnerSendsBothHeaders(t *testing.T) {
	s := newSim(t)
	owner, err := s.cloud.Clusters.KeyOwner(t.Context(), s.cluster(t, "shop").ID, prod)
	require.NoError(t, err)
	assert.True(t, owner.Is(leaver))
	assert.Equal(t, "Lena Leaver", owner.Name)

	stub := newStub(t, says(200, `{"email":"x@acme.example"}`))
	_, err = stub.cloud(t).Clusters.KeyOwner(t.Context(), "c1", prod)
	require.NoError(t, err)
	assert.Equal(t, prodID, stub.sent()[0].Header.Get("X-Auth-Resource-Group"), "trap 30")
	assert.Equal(t, prodID, stub.sent()[0].Header.Get("X-Auth-Resource-Group-Id"))
	assert.Equal(t, account, stub.sent()[0].Header.Get("X-Auth-Resource-Account"), "trap 24")
}

func TestAddons(t *testing.T) {
	s := newSim(t)
	addons, err := s.cloud.Clusters.Addons(t.Context(), s.cluster(t, "shop").ID)
	require.NoError(t, err)
	require.NotEmpty(t, addons)
	assert.Equal(t, "vpc-block-csi-driver", addons[0].Name)
	assert.False(t, addons[0].Bad())
	_, err = s.cloud.Clusters.Addons(t.Context(), "nothing")
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))
}

func TestClassicUser(t *testing.T) {
	s := newSim(t)
	user, err := s.cloud.Clusters.ClassicUser(t.Context(), s.cluster(t, "legacy").Scope())
	require.NoError(t, err)
	assert.Equal(t, "1234567_classic@acme.example", user, "trap 46")
	user, err = s.cloud.Clusters.ClassicUser(t.Context(), prod)
	require.NoError(t, err)
	assert.Empty(t, user)
}

func TestRefreshMaster(t *testing.T) {
	s := newSim(t)
	for _, name := range []string{"shop", "legacy", "edge"} {
		c := s.cluster(t, name)
		require.NoError(t, s.cloud.Clusters.RefreshMaster(t.Context(), c.ID, c.Scope()), name)
		_, master, err := s.cloud.Clusters.Cluster(t.Context(), c.ID)
		require.NoError(t, err)
		assert.False(t, master.Settled(), name)
		assert.Len(t, s.did(), 1)
	}
	s.Advance(4 * time.Minute)
	_, master, err := s.cloud.Clusters.Cluster(t.Context(), s.cluster(t, "shop").ID)
	require.NoError(t, err)
	assert.True(t, master.Settled())
	assert.Equal(t, time.Date(2026, 3, 2, 9, 3, 0, 0, time.UTC), master.Modified)
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(s.cloud.Clusters.RefreshMaster(t.Context(), "nothing", prod)))
}

func TestSyncAccess(t *testing.T) {
	s := newSim(t)
	id := s.cluster(t, "shop").ID
	require.NoError(t, s.cloud.Clusters.SyncAccess(t.Context(), id))
	synced, err := s.cloud.Clusters.Synced(t.Context(), id)
	require.NoError(t, err)
	assert.False(t, synced)
	s.Advance(2 * time.Minute)
	synced, err = s.cloud.Clusters.Synced(t.Context(), id)
	require.NoError(t, err)
	assert.True(t, synced)

	stub := newStub(t, says(200, `{"synchronized":false,"error":"the cluster is away"}`))
	_, err = stub.cloud(t).Clusters.Synced(t.Context(), "c1")
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code)
}

// Trap 31: the SDK's method would drop the document.
func TestKubeconfig(t *testing.T) {
	s := newSim(t)
	document, err := s.cloud.Kubeconfig(t.Context(), s.cluster(t, "shop").ID)
	require.NoError(t, err)
	assert.Contains(t, string(document), "server: "+s.url+"/kube/")
	assert.Empty(t, s.did(), "reading it is no change")
	_, err = s.cloud.Kubeconfig(t.Context(), "nothing")
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))

	stub := newStub(t, says(200, `{"some":"thing"}`))
	_, err = stub.cloud(t).Kubeconfig(t.Context(), "c1")
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code)
}
