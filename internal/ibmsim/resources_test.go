package ibmsim_test

import (
	"bytes"
	"encoding/json"
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

func (s *sim) manager(key string) *manager.ResourceManagerV2 {
	s.t.Helper()
	c, err := manager.NewResourceManagerV2(&manager.ResourceManagerV2Options{URL: s.env["IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

func (s *sim) controller(key string) *controller.ResourceControllerV2 {
	s.t.Helper()
	c, err := controller.NewResourceControllerV2(&controller.ResourceControllerV2Options{URL: s.env["IBMCLOUD_RESOURCE_CONTROLLER_API_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

// A resource group can be made, renamed and, when it is empty and not the default one, deleted.
func TestResourceGroupsChange(t *testing.T) {
	s := startSim(t, "small")
	m := s.manager(keyAdmin)
	made, resp, err := m.CreateResourceGroup(&manager.CreateResourceGroupOptions{Name: core.StringPtr("stage"), AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Len(t, *made.ID, 32)
	create := func(key, name string) int {
		_, resp, err := s.manager(key).CreateResourceGroup(&manager.CreateResourceGroupOptions{Name: &name, AccountID: core.StringPtr(s.cloud.AccountID())})
		require.Error(t, err)
		return resp.StatusCode
	}
	require.Equal(t, http.StatusConflict, create(keyAdmin, "stage"))
	require.Equal(t, http.StatusBadRequest, create(keyAdmin, ""))
	require.Equal(t, http.StatusForbidden, create(keyViewer, "mine"))

	renamed, _, err := m.UpdateResourceGroup(&manager.UpdateResourceGroupOptions{ID: core.StringPtr(s.defaultGroup()), Name: core.StringPtr("Default")})
	require.NoError(t, err)
	require.Equal(t, "Default", *renamed.Name)
	_, flat := s.getJSON("/containers/global/v2/getCluster?cluster=small-vpc", s.token(keyAdmin))
	require.Equal(t, "Default", flat["resourceGroupName"], "clusters show the new name")

	remove := func(id string) int {
		resp, _ := m.DeleteResourceGroup(&manager.DeleteResourceGroupOptions{ID: &id})
		return resp.StatusCode
	}
	require.Equal(t, http.StatusBadRequest, remove(s.defaultGroup()), "the default group")
	i, _, err := s.controller(keyAdmin).CreateResourceInstance(&controller.CreateResourceInstanceOptions{
		Name: core.StringPtr("bucket"), Target: core.StringPtr("global"), ResourceGroup: made.ID, ResourcePlanID: core.StringPtr("cloud-object-storage.standard"),
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, remove(*made.ID), "not empty")
	_, err = s.controller(keyAdmin).DeleteResourceInstance(&controller.DeleteResourceInstanceOptions{ID: i.GUID})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, remove(*made.ID))
	require.Equal(t, http.StatusNotFound, remove(*made.ID))
	resp, err = s.reset(keyAdmin, "eu-de", *made.ID)
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

func TestResourceInstancesChange(t *testing.T) {
	s := startSim(t, "small")
	c := s.controller(keyAdmin)
	made, resp, err := c.CreateResourceInstance(&controller.CreateResourceInstanceOptions{
		Name: core.StringPtr("vault"), Target: core.StringPtr("eu-de"), ResourceGroup: core.StringPtr(s.defaultGroup()), ResourcePlanID: core.StringPtr("secrets-manager.trial"),
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Equal(t, "secrets-manager", *made.ResourceID)
	got, _, err := c.GetResourceInstance(&controller.GetResourceInstanceOptions{ID: made.CRN})
	require.NoError(t, err)
	require.Equal(t, *made.GUID, *got.GUID)
	changed, _, err := c.UpdateResourceInstance(&controller.UpdateResourceInstanceOptions{ID: made.ID, Name: core.StringPtr("vault-2")})
	require.NoError(t, err)
	require.Equal(t, "vault-2", *changed.Name)
	count := func(key, state string) int64 {
		o := &controller.ListResourceInstancesOptions{}
		if state != "" {
			o.State = &state
		}
		list, _, err := s.controller(key).ListResourceInstances(o)
		require.NoError(t, err)
		return *list.RowsCount
	}
	require.Equal(t, int64(3), count(keyAdmin, ""))
	require.Equal(t, int64(2), count(keyViewer, ""), "the viewer sees clusters only")
	_, err = c.DeleteResourceInstance(&controller.DeleteResourceInstanceOptions{ID: made.GUID})
	require.NoError(t, err)
	require.Equal(t, int64(2), count(keyAdmin, ""))
	require.Equal(t, int64(1), count(keyAdmin, "removed"))
	for _, id := range []string{*made.GUID, s.cloud.State().Clusters[0].ID} {
		resp, err = c.DeleteResourceInstance(&controller.DeleteResourceInstanceOptions{ID: &id})
		require.Error(t, err, "neither what is gone nor a cluster")
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	}
	for key, o := range map[string]controller.CreateResourceInstanceOptions{
		keyAdmin:  {Name: core.StringPtr("x"), Target: core.StringPtr("eu-de"), ResourceGroup: core.StringPtr(s.defaultGroup()), ResourcePlanID: core.StringPtr("containers.kubernetes.cluster")},
		keyViewer: {Name: core.StringPtr("x"), Target: core.StringPtr("eu-de"), ResourceGroup: core.StringPtr(s.defaultGroup()), ResourcePlanID: core.StringPtr("kms.tiered")},
	} {
		_, resp, err = s.controller(key).CreateResourceInstance(&o)
		require.Error(t, err)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound}, resp.StatusCode)
	}
}

// A new cluster shows in all three inventories, and in none once it is gone.
func TestInventoriesFollow(t *testing.T) {
	s := startSim(t, "small")
	found := func() (instances, v3 int, v2 map[string]any) {
		list, _, err := s.controller(keyAdmin).ListResourceInstances(&controller.ListResourceInstancesOptions{Name: core.StringPtr("new")})
		require.NoError(t, err)
		c, err := search.NewGlobalSearchV2(&search.GlobalSearchV2Options{URL: s.env["IBMCLOUD_GS_API_ENDPOINT"], Authenticator: s.auth(keyAdmin)})
		require.NoError(t, err)
		hits, _, err := c.Search(&search.SearchOptions{Query: core.StringPtr("service_name:containers-kubernetes AND name:new")})
		require.NoError(t, err)
		return len(list.Resources), len(hits.Items), s.searchV2(`{"query":"name:new","fields":["name"]}`, "")
	}
	_, _, err := s.createVPC(keyAdmin, "new", 1, "eu-de-1")
	require.NoError(t, err)
	instances, v3, v2 := found()
	require.Equal(t, []int{1, 1, 1}, []int{instances, v3, len(v2["items"].([]any))})
	require.Equal(t, false, v2["more_data"])
	s.clock.Advance(time.Minute)
	_, err = s.containers(keyAdmin).RemoveCluster(&ks.RemoveClusterOptions{IdOrName: core.StringPtr("new")})
	require.NoError(t, err)
	s.clock.Advance(time.Minute)
	instances, v3, v2 = found()
	require.Equal(t, []int{0, 0, 0}, []int{instances, v3, len(v2["items"].([]any))})
}

func (s *sim) searchV2(body, query string) map[string]any {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.env["IBMCLOUD_GS_API_ENDPOINT"]+"/v2/resources/search"+query, bytes.NewBufferString(body))
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+s.token(keyAdmin))
	status, got := s.do(r)
	require.Equal(s.t, http.StatusOK, status)
	return got
}

// The older search goes on with a token of its own until there is no more.
func TestOlderSearchPages(t *testing.T) {
	a := ibmsim.Generate(2, 2, 25, 20, 1)
	a.Knobs.Latency = 0
	s := startAccount(t, a)
	names, token := map[any]bool{}, ""
	for range 3 {
		body, err := json.Marshal(map[string]any{"query": "service_name:containers-kubernetes", "token": token})
		require.NoError(t, err)
		got := s.searchV2(string(body), "")
		for _, item := range got["items"].([]any) {
			names[item.(map[string]any)["name"]] = true
		}
		token, _ = got["token"].(string)
		require.Equal(t, got["more_data"], token != "")
	}
	require.Empty(t, token)
	require.Len(t, names, 25)
}
