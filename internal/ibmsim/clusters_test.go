package ibmsim_test

import (
	"net/http"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	search "github.com/IBM/platform-services-go-sdk/globalsearchv2"
	controller "github.com/IBM/platform-services-go-sdk/resourcecontrollerv2"
	manager "github.com/IBM/platform-services-go-sdk/resourcemanagerv2"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

func (s *sim) ownerOf(cluster string) string {
	s.t.Helper()
	got, _, err := s.containers(keyAdmin).GetClusterKeyOwner(&ks.GetClusterKeyOwnerOptions{IdOrName: &cluster})
	require.NoError(s.t, err)
	return *got.Email
}

// Trap 1: without the header the default resource group's key is replaced, whatever was meant.
func resetWithoutGroupHitsTheDefaultGroup(t *testing.T) {
	s := startSim(t, "sample")
	resp, err := s.reset("CANARY-key-owner", "eu-de", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, "owner@acme.example", s.ownerOf("sandbox-eu"))
	require.Equal(t, "leaver@acme.example", s.ownerOf("shop-prod-eu"))
}

// Traps 2, 3 and 53: the caller becomes the owner; each reset makes one more key, which the owner's name does not show.
func resetIsNotIdempotent(t *testing.T) {
	s := startSim(t, "small")
	group, before := s.scope("eu-de").Group, len(s.cloud.State().Keys)
	for range 3 {
		_, err := s.reset(keyFunctional, "eu-central", group) // the old name means the same pair (trap 38)
		require.NoError(t, err)
		require.Equal(t, "clusters-1@acme.example", s.ownerOf("small-vpc"))
		require.Equal(t, "clusters-1@acme.example", s.ownerOf("small-classic"))
	}
	require.Len(t, s.cloud.State().Keys, before+3)
	require.Equal(t, []string{"containers-kubernetes.account-api-key.reset", "containers-kubernetes.account-api-key.reset", "containers-kubernetes.account-api-key.reset"}, s.actions())
	require.Equal(t, "clusters-1@acme.example", s.cloud.Ledger()[0].Email)
}

// Traps 5, 6: at 20 keys the refusal speaks of authentication.
func resetAtTheKeyLimit(t *testing.T) {
	s := startSim(t, "small")
	group := s.scope("eu-de").Group
	for range 19 {
		_, err := s.reset(keyFunctional, "eu-de", group)
		require.NoError(t, err)
	}
	resp, err := s.reset(keyFunctional, "eu-de", group)
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	body, _ := resp.GetResultAsMap()
	require.Equal(t, "A03e9b", body["code"])
	require.Equal(t, "Authentication", body["type"])
	require.NotEmpty(t, body["incidentID"])
}

// Trap 7: creation is restricted and the caller lacks the creator role; and without Administrator it is forbidden.
func resetWithoutRights(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Settings.RestrictCreatePlatformAPIKey = "RESTRICTED"
	s := startAccount(t, a)
	resp, err := s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	resp, err = s.reset(keyViewer, "eu-de", s.scope("eu-de").Group)
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	resp, err = s.reset(keyFunctional, "atlantis", s.scope("eu-de").Group)
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

// Trap 29: the role acts only some time after it was given.
func grantActsLate(t *testing.T) {
	s := startSim(t, "small")
	s.join(s.groupID("cluster-key-owners"), s.user("viewer@acme.example").IAMID)
	_, err := s.reset(keyViewer, "eu-de", s.scope("eu-de").Group)
	require.Error(t, err)
	s.clock.Advance(30 * time.Second)
	_, err = s.reset(keyViewer, "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
}

// Trap 50: a key whose owner is fenced in by addresses never works for the clusters.
func ownerWithAnIPAllowList(t *testing.T) {
	s := startSim(t, "traps")
	_, err := s.reset("CANARY-key-fenced", "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
	s.clock.Advance(time.Minute)
	found := s.cloud.Outages()
	require.Len(t, found, 2)
	require.Equal(t, "owner's IP allow list", found[0].Cause)
	require.Equal(t, s.at(10*time.Second), found[0].From, "the old key served until the new one was replicated")
}

func TestClusterLists(t *testing.T) {
	s := startSim(t, "sample")
	c := s.containers(keyAdmin)
	vpc, _, err := c.VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.NoError(t, err)
	classic, _, err := c.ClassicGetClusters(&ks.ClassicGetClustersOptions{})
	require.NoError(t, err)
	satellite, _, err := c.GetSatelliteClusters(&ks.GetSatelliteClustersOptions{})
	require.NoError(t, err)
	require.Len(t, vpc, 9)
	require.Len(t, classic, 2)
	require.Len(t, satellite, 1)
	require.Equal(t, "eu-central", *classic[0].Region, "the old name (trap 38)")
	flat, _, err := c.GetClusters(&ks.GetClustersOptions{})
	require.NoError(t, err)
	require.Len(t, flat, 2)
	one, _, err := c.GetCluster(&ks.GetClusterOptions{Cluster: core.StringPtr("openshift-prod-us")})
	require.NoError(t, err)
	require.Equal(t, "openshift", *one.Type)
	require.Equal(t, "deployed", *one.Lifecycle.MasterState)
	_, resp, err := c.GetCluster(&ks.GetClusterOptions{Cluster: core.StringPtr("nowhere")})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	regions, _, err := c.GetRegions(&ks.GetRegionsOptions{})
	require.NoError(t, err)
	require.Len(t, regions.Regions, 11)
}

// Traps 30 and 40: another group's header hides a cluster, and so does a missing role, in silence.
func hiddenClusters(t *testing.T) {
	s := startSim(t, "traps")
	all, _, err := s.containers(keyAdmin).VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.NoError(t, err)
	seen, _, err := s.containers(keyViewer).VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.NoError(t, err)
	require.Len(t, all, 5)
	require.Len(t, seen, 2)
	_, resp, err := s.containers(keyAdmin).GetClusterKeyOwner(&ks.GetClusterKeyOwnerOptions{IdOrName: core.StringPtr("old-labels"), XAuthResourceGroupID: all[4].ResourceGroup})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// Traps 47 and 49: a refresh takes its time, refuses company, and only its end renews the secret.
func masterRefresh(t *testing.T) {
	s := startSim(t, "small")
	old := s.scope("eu-de").Key
	_, err := s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
	s.clock.Advance(10 * time.Second)
	state := func() string {
		got, _, err := s.containers(keyAdmin).GetCluster(&ks.GetClusterOptions{Cluster: core.StringPtr("small-vpc")})
		require.NoError(t, err)
		return *got.Lifecycle.MasterState
	}
	s.refresh(keyAdmin, "small-vpc")
	require.Equal(t, "updating", state())
	resp, err := s.containers(keyAdmin).HandleMasterAPIServer(&ks.HandleMasterAPIServerOptions{IdOrName: core.StringPtr("small-vpc"), Action: core.StringPtr("refresh"), XAuthResourceGroup: core.StringPtr(s.scope("eu-de").Group)})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	s.clock.Advance(3*time.Minute - 1)
	require.Equal(t, old, s.cloud.State().Clusters[0].SecretKey)
	s.clock.Advance(1)
	require.Equal(t, "deployed", state())
	require.Equal(t, s.scope("eu-de").Key, s.cloud.State().Clusters[0].SecretKey)
	require.Equal(t, old, s.cloud.State().Clusters[1].SecretKey, "the other cluster was not refreshed")

	traps := startSim(t, "traps")
	resp, err = traps.containers(keyAdmin).VpcRefreshMaster(&ks.VpcRefreshMasterOptions{Cluster: core.StringPtr("updating")})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
}

// A refresh that began before the reset carries the old key.
func TestRefreshCarriesTheKeyOfItsStart(t *testing.T) {
	s := startSim(t, "small")
	old := s.scope("eu-de").Key
	s.refresh(keyAdmin, "small-vpc")
	_, err := s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
	s.clock.Advance(time.Hour)
	require.Equal(t, old, s.cloud.State().Clusters[0].SecretKey)
}

// Trap 46: classic credentials of a pair; E0051 when there are none.
func classicCredentials(t *testing.T) {
	s := startSim(t, "traps")
	header := map[string]string{"X-Auth-Resource-Group": s.cloud.State().Scopes[1].Group}
	got, _, err := s.containers(keyAdmin).GetUserCredentials(&ks.GetUserCredentialsOptions{XRegion: core.StringPtr("eu-de"), Headers: header})
	require.NoError(t, err)
	require.Equal(t, "leaver@acme.example", *got.ApiUser)
	_, resp, err := s.containers(keyAdmin).GetUserCredentials(&ks.GetUserCredentialsOptions{XRegion: core.StringPtr("eu-de")})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	body, _ := resp.GetResultAsMap()
	require.Equal(t, "E0051", body["code"])
	enough, _, err := s.containers(keyAdmin).GetInfraPermissions(&ks.GetInfraPermissionsOptions{XRegion: core.StringPtr("eu-de"), XAuthResourceGroup: core.StringPtr(header["X-Auth-Resource-Group"])})
	require.NoError(t, err)
	require.NotNil(t, enough.VirtualWorkerManagerPermissions)
}

// Add-ons and the cluster's state tell of a dead key when tokens are over, not before (trap 45).
func healthFollowsTheKey(t *testing.T) {
	s := startSim(t, "small")
	health := func() string {
		list, _, err := s.containers(keyAdmin).GetClusterAddons(&ks.GetClusterAddonsOptions{IdOrName: core.StringPtr("small-vpc"), XAuthResourceGroup: core.StringPtr(s.scope("eu-de").Group)})
		require.NoError(t, err)
		require.Len(t, list, 2)
		return *list[0].HealthState
	}
	old := s.handOver()
	require.Equal(t, "normal", health())
	s.deleteKey(old)
	require.Equal(t, "normal", health())
	s.clock.Advance(time.Hour)
	require.Equal(t, "critical", health())
	s.restart()
	require.Equal(t, "normal", health())
}

// Three more ways to see clusters, each with its paging.
func TestGroupsInstancesAndSearch(t *testing.T) {
	s := startSim(t, "sample")
	m, err := manager.NewResourceManagerV2(&manager.ResourceManagerV2Options{URL: s.env["IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT"], Authenticator: s.auth(keyAdmin)})
	require.NoError(t, err)
	groups, _, err := m.ListResourceGroups(&manager.ListResourceGroupsOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Len(t, groups.Resources, 3)
	require.True(t, *groups.Resources[0].Default)

	c, err := controller.NewResourceControllerV2(&controller.ResourceControllerV2Options{URL: s.env["IBMCLOUD_RESOURCE_CONTROLLER_API_ENDPOINT"], Authenticator: s.auth(keyAdmin)})
	require.NoError(t, err)
	pager, err := c.NewResourceInstancesPager(&controller.ListResourceInstancesOptions{Limit: core.Int64Ptr(5), ResourceID: core.StringPtr("containers-kubernetes")})
	require.NoError(t, err)
	instances, err := pager.GetAll()
	require.NoError(t, err)
	require.Len(t, instances, 12)

	g, err := search.NewGlobalSearchV2(&search.GlobalSearchV2Options{URL: s.env["IBMCLOUD_GS_API_ENDPOINT"], Authenticator: s.auth(keyAdmin)})
	require.NoError(t, err)
	o := &search.SearchOptions{Query: core.StringPtr("service_name:containers-kubernetes AND type:k8-cluster"), Limit: core.Int64Ptr(5), AccountID: core.StringPtr(s.cloud.AccountID())}
	found := 0
	for {
		page, _, err := g.Search(o)
		require.NoError(t, err)
		found += len(page.Items)
		if page.SearchCursor == nil {
			break
		}
		o = &search.SearchOptions{SearchCursor: page.SearchCursor, Limit: o.Limit}
	}
	require.Equal(t, 12, found)
}
