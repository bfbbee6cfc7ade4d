package ibmsim_test

import (
	"net/http"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// Pools come, grow, shrink, move and go through both versions of the API.
func TestWorkerPools(t *testing.T) {
	s := slowClusters(t, "small")
	c, name := s.containers(keyAdmin), core.StringPtr("small-vpc")
	made, resp, err := c.VpcCreateWorkerPool(&ks.VpcCreateWorkerPoolOptions{
		Cluster: name, Name: core.StringPtr("gpu"), Flavor: core.StringPtr("gx2.8x64"), WorkerCount: core.Int64Ptr(2), VpcID: core.StringPtr("r010-vpc"),
		Zones: []ks.Zone{{ID: core.StringPtr("eu-de-1")}}, Labels: map[string]string{"team": "ml"},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Equal(t, map[string]int{"normal": 2, "provisioning": 2}, s.workerStates(*name))
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, map[string]int{"normal": 4}, s.workerStates(*name))
	size := func(n int64) {
		resp, err := c.V2ResizeWorkerPool(&ks.V2ResizeWorkerPoolOptions{Cluster: name, Workerpool: made.WorkerPoolID, Size: &n})
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, resp.StatusCode)
		s.clock.Advance(5 * time.Minute)
	}
	size(3)
	require.Equal(t, map[string]int{"normal": 5}, s.workerStates(*name))
	size(1)
	require.Equal(t, map[string]int{"normal": 3}, s.workerStates(*name))
	_, err = c.VpcCreateWorkerPoolZone(&ks.VpcCreateWorkerPoolZoneOptions{Cluster: name, Workerpool: core.StringPtr("gpu"), ID: core.StringPtr("eu-de-2"), SubnetID: core.StringPtr("y")})
	require.NoError(t, err)
	s.clock.Advance(5 * time.Minute)
	deep, _, err := c.VpcGetWorkerPool(&ks.VpcGetWorkerPoolOptions{Cluster: name, Workerpool: core.StringPtr("gpu")})
	require.NoError(t, err)
	require.Len(t, deep.Zones, 2)
	require.Equal(t, int64(1), *deep.WorkerCount)
	_, err = c.RemoveWorkerPoolZone(&ks.RemoveWorkerPoolZoneOptions{IdOrName: name, PoolidOrName: core.StringPtr("gpu"), Zoneid: core.StringPtr("eu-de-1")})
	require.NoError(t, err)
	_, err = c.PatchWorkerPool(&ks.PatchWorkerPoolOptions{IdOrName: name, PoolidOrName: core.StringPtr("gpu"), State: core.StringPtr("labels"), Labels: map[string]string{"team": "ops"}})
	require.NoError(t, err)
	flat, _, err := c.GetWorkerPool1(&ks.GetWorkerPool1Options{IdOrName: name, PoolidOrName: core.StringPtr("gpu")})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"team": "ops"}, flat.Labels)
	require.Len(t, flat.Zones, 1)
	_, err = c.RemoveWorkerPool(&ks.RemoveWorkerPoolOptions{IdOrName: name, PoolidOrName: core.StringPtr("gpu")})
	require.NoError(t, err)
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, map[string]int{"normal": 2}, s.workerStates(*name))
	_, resp, err = c.VpcGetWorkerPool(&ks.VpcGetWorkerPoolOptions{Cluster: name, Workerpool: core.StringPtr("gpu")})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Empty(t, s.cloud.Outages())
}

// Single workers: added, replaced, rebooted and removed; a dead key shows at the one that was ordered.
func TestSingleWorkers(t *testing.T) {
	s := slowClusters(t, "small")
	c, name := s.containers(keyAdmin), core.StringPtr("small-vpc")
	resp, err := c.AddClusterWorkers(&ks.AddClusterWorkersOptions{IdOrName: name, WorkerNum: core.Int64Ptr(1), XAuthResourceGroup: core.StringPtr(s.defaultGroup())})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, map[string]int{"normal": 3}, s.workerStates(*name))
	list, _, err := c.GetClusterWorkers(&ks.GetClusterWorkersOptions{IdOrName: name})
	require.NoError(t, err)
	act := func(action string) error {
		_, err := c.UpdateClusterWorker(&ks.UpdateClusterWorkerOptions{IdOrName: name, WorkerID: list[0].ID, Action: &action})
		return err
	}
	require.NoError(t, act("reboot"))
	require.Error(t, act("dance"))
	s.deleteKey(s.scope("eu-de").Key)
	_, err = c.VpcReplaceWorker(&ks.VpcReplaceWorkerOptions{Cluster: name, WorkerID: list[0].ID})
	require.NoError(t, err, "the refusal comes later")
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, map[string]int{"normal": 2, "delete_failed": 1, "provision_failed": 1}, s.workerStates(*name))
	flat, _, err := c.GetClusterWorkers(&ks.GetClusterWorkersOptions{IdOrName: name})
	require.NoError(t, err)
	require.Contains(t, *flat[3].ErrorMessage, "key deleted")
	resp, err = c.V2RemoveWorker(&ks.V2RemoveWorkerOptions{Cluster: name, WorkerID: flat[3].ID})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	s.clock.Advance(2 * time.Minute)
	require.Equal(t, map[string]int{"normal": 2, "delete_failed": 1}, s.workerStates(*name))

	viewer := s.containers(keyViewer)
	resp, err = viewer.V2RemoveWorker(&ks.V2RemoveWorkerOptions{Cluster: name, WorkerID: flat[0].ID})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// The first action in a pair need not be a cluster: an account may have clusters in a pair that never had a key.
func TestFirstOrderInAPairMakesItsKey(t *testing.T) {
	a := accountWithoutScopes(t)
	s := startAccount(t, a)
	s.clock.Advance(time.Minute)
	require.Equal(t, "no key", s.cloud.Outages()[0].Cause)
	_, err := s.containers(keyLeaver).V2ResizeWorkerPool(&ks.V2ResizeWorkerPoolOptions{Cluster: core.StringPtr("small-vpc"), Workerpool: core.StringPtr("default"), Size: core.Int64Ptr(2)})
	require.NoError(t, err)
	require.Equal(t, "leaver@acme.example", s.scope("eu-de").Owner)
	s.clock.Advance(time.Hour)
	require.Equal(t, map[string]int{"normal": 6}, s.workerStates("small-vpc"))
	for _, o := range s.cloud.Outages() {
		if firstWord(o.Subject) == "scope" {
			require.Equal(t, s.at(time.Minute+10*time.Second), o.To, "when IAM knows the key")
		} else {
			require.Zero(t, o.To, "nobody refreshed the masters")
		}
	}
}

func accountWithoutScopes(t *testing.T) *ibmsim.Account {
	t.Helper()
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Scopes = nil
	return a
}
