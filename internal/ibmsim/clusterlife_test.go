package ibmsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/ibmsim"
)

// slowClusters is an account in which everything about clusters takes its time.
func slowClusters(t *testing.T, name string) *sim {
	t.Helper()
	a, err := ibmsim.Load(name)
	require.NoError(t, err)
	minutes := func(n time.Duration) ibmsim.Duration { return ibmsim.Duration(n * time.Minute) }
	a.Knobs.ClusterDeploy, a.Knobs.WorkerDeploy, a.Knobs.ClusterDelete, a.Knobs.WorkerDelete = minutes(10), minutes(5), minutes(4), minutes(2)
	return startAccount(t, a)
}

func (s *sim) createVPC(key, name string, workers int64, zones ...string) (*ks.CreateClusterResponse, *core.DetailedResponse, error) {
	s.t.Helper()
	pool := &ks.VPCCreateClusterWorkerPool{Name: core.StringPtr("default"), Flavor: core.StringPtr("bx2.4x16"), VpcID: core.StringPtr("r010-vpc"), WorkerCount: &workers}
	for _, z := range zones {
		pool.Zones = append(pool.Zones, ks.VPCCreateClusterWorkerPoolZone{ID: &z, SubnetID: core.StringPtr("subnet-" + z)})
	}
	return s.containers(key).VpcCreateCluster(&ks.VpcCreateClusterOptions{XAuthResourceGroup: core.StringPtr(s.defaultGroup()), Name: &name, Provider: core.StringPtr("vpc-gen2"), WorkerPool: pool})
}

func (s *sim) defaultGroup() string {
	s.t.Helper()
	_, body := s.getJSON("/resource-controller/v2/resource_groups?default=true", s.token(keyAdmin))
	return body["resources"].([]any)[0].(map[string]any)["id"].(string)
}

func (s *sim) getJSON(path, token string) (int, map[string]any) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	return s.do(r)
}

func (s *sim) clusterState(name string) string {
	s.t.Helper()
	c, resp, err := s.containers(keyAdmin).VpcGetCluster(&ks.VpcGetClusterOptions{Cluster: &name})
	if err != nil {
		require.Equal(s.t, http.StatusNotFound, resp.StatusCode)
		return ""
	}
	return *c.State
}

func (s *sim) workerStates(cluster string) map[string]int {
	s.t.Helper()
	list, _, err := s.containers(keyAdmin).GetClusterWorkers(&ks.GetClusterWorkersOptions{IdOrName: &cluster})
	require.NoError(s.t, err)
	states := map[string]int{}
	for _, v := range list {
		states[*v.State]++
	}
	return states
}

// The first cluster of a pair makes the pair's key, and whoever asked for the cluster the owner of it.
func TestFirstClusterOfAPair(t *testing.T) {
	s := slowClusters(t, "empty")
	require.Empty(t, s.cloud.State().Scopes)
	made, resp, err := s.createVPC(keyAdmin, "first", 2, "us-east-1", "us-east-2")
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Len(t, *made.ClusterID, 20)
	require.Equal(t, "offboard-admin@acme.example", s.scope("us-east").Owner)
	require.Contains(t, s.actions(), "sim.account-api-key.created")
	s.clock.Advance(time.Minute)
	require.Len(t, s.clusterKeys(), 1)
	require.Contains(t, *s.clusterKeys()[0].Description, "us-east")
	_, _, err = s.createVPC("CANARY-key-owner", "second", 1, "us-east-1")
	require.NoError(t, err)
	require.Len(t, s.clusterKeys(), 1, "the pair has a key already")

	require.Equal(t, "deploying", s.clusterState("first"))
	status, _ := s.kubeconfig(keyAdmin, "first", true)
	require.Equal(t, http.StatusConflict, status)
	s.clock.Advance(9 * time.Minute)
	require.Equal(t, "pending", s.clusterState("first"))
	require.Equal(t, map[string]int{"provisioning": 4}, s.workerStates("first"))
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, "normal", s.clusterState("first"))
	require.Equal(t, map[string]int{"normal": 4}, s.workerStates("first"))
	pods, err := s.kube(keyAdmin, "first").CoreV1().Pods("kube-system").List(context.Background(), metav1.ListOptions{LabelSelector: "component=ibm-vpc-block-csi-controller"})
	require.NoError(t, err)
	require.Len(t, pods.Items, 1)
	s.clock.Advance(24 * time.Hour)
	require.Empty(t, s.cloud.Outages(), "there was no key before the cluster, and nobody who missed it")
}

// Trap 58's other side: a leaver who makes a cluster in a new pair owns one more key, and takes the cluster down with him.
func TestALeaversNewCluster(t *testing.T) {
	s := slowClusters(t, "small")
	_, _, err := s.createVPC(keyLeaver, "late", 1, "us-south-1")
	require.NoError(t, err)
	require.Equal(t, "leaver@acme.example", s.scope("us-south").Owner)
	s.clock.Advance(time.Hour)
	removed := s.clock.Now()
	s.removeUser("leaver@acme.example")
	s.clock.Advance(2 * time.Hour)
	var subjects []string
	for _, o := range s.cloud.Outages() {
		if o.Cluster == "late" {
			subjects = append(subjects, firstWord(o.Subject))
			if firstWord(o.Subject) == "scope" {
				require.Equal(t, removed, o.From)
			}
		}
	}
	require.Len(t, subjects, 4, "pair, master, and the two storage drivers: %v", subjects)
}

// With a dead key the master comes and the workers do not. A hand-over and a rebalance bring them.
func TestOrderingWithADeadKey(t *testing.T) {
	s := slowClusters(t, "small")
	s.deleteKey(s.scope("eu-de").Key)
	_, _, err := s.createVPC(keyAdmin, "starved", 1, "eu-de-1")
	require.NoError(t, err)
	require.NotEqual(t, "offboard-admin@acme.example", s.scope("eu-de").Owner, "a dead key is the pair's key all the same")
	s.clock.Advance(time.Hour)
	require.Equal(t, "critical", s.clusterState("starved"))
	require.Equal(t, map[string]int{"provision_failed": 1}, s.workerStates("starved"))
	require.Contains(t, s.actions(), "sim.worker.failed")
	var from []time.Time
	for _, o := range s.cloud.Outages() {
		if o.Cluster == "starved" {
			from = append(from, o.From)
			require.Equal(t, "key deleted", o.Cause)
		}
	}
	require.Equal(t, []time.Time{s.at(10 * time.Minute), s.at(10 * time.Minute)}, from, "the pair and the master, from when the cluster has one")

	_, err = s.reset(keyFunctional, "eu-de", "")
	require.NoError(t, err)
	s.clock.Advance(time.Minute)
	resp, err := s.containers(keyAdmin).RebalanceWorkerPool(&ks.RebalanceWorkerPoolOptions{Cluster: core.StringPtr("starved"), Workerpool: core.StringPtr("default")})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	s.clock.Advance(10 * time.Minute)
	require.Equal(t, map[string]int{"normal": 1}, s.workerStates("starved"))
	require.Equal(t, "warning", s.clusterState("starved"), "its master and drivers have the dead key until a refresh and a restart")
}

// Without a slot for the key there is no cluster either, and the reason hides as it does at a reset.
func TestNoClusterWithoutAKey(t *testing.T) {
	a, err := ibmsim.Load("empty")
	require.NoError(t, err)
	a.Knobs.KeyLimit = 1
	s := startAccount(t, a)
	_, resp, err := s.createVPC(keyAdmin, "first", 1, "us-east-1")
	require.Error(t, err)
	body, _ := resp.GetResultAsMap()
	require.Equal(t, "A03e9b", body["code"])
	require.Empty(t, s.cloud.State().Clusters)
	require.Empty(t, s.cloud.Ledger())
}

func TestClusterIsDeleted(t *testing.T) {
	s := slowClusters(t, "small")
	remove := func(key, name string) int {
		resp, _ := s.containers(key).RemoveCluster(&ks.RemoveClusterOptions{IdOrName: &name})
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, remove(keyViewer, "small-vpc"))
	client := s.kube(keyAdmin, "small-vpc")
	require.Equal(t, http.StatusNoContent, remove(keyAdmin, "small-vpc"))
	require.Equal(t, http.StatusNoContent, remove(keyAdmin, "small-vpc"), "again")
	require.Equal(t, "deleting", s.clusterState("small-vpc"))
	resp, err := s.containers(keyAdmin).VpcRefreshMaster(&ks.VpcRefreshMasterOptions{Cluster: core.StringPtr("small-vpc")})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	s.clock.Advance(4 * time.Minute)
	require.Empty(t, s.clusterState("small-vpc"))
	_, err = client.CoreV1().Pods("kube-system").List(context.Background(), metav1.ListOptions{})
	require.Error(t, err)
	require.Len(t, s.cloud.State().Clusters, 1)
	s.deleteKey(s.scope("eu-de").Key)
	s.clock.Advance(5 * time.Hour)
	for _, o := range s.cloud.Outages() {
		require.Equal(t, "small-classic", o.Cluster, "what is gone misses nothing")
	}
	_, _, err = s.createVPC(keyAdmin, "small-vpc", 1, "eu-de-1")
	require.NoError(t, err, "the name is free again")

	require.Equal(t, http.StatusNoContent, remove(keyAdmin, "small-classic"))
	s.clock.Advance(4 * time.Minute)
	require.Equal(t, "delete_failed", s.clusterState("small-classic"), "machines are given back with the key, and it is dead")
	_, err = s.reset(keyFunctional, "eu-de", "")
	require.NoError(t, err)
	s.clock.Advance(time.Minute)
	require.Equal(t, http.StatusNoContent, remove(keyAdmin, "small-classic"))
	s.clock.Advance(4 * time.Minute)
	require.Empty(t, s.clusterState("small-classic"))
}

// A classic cluster orders with stored credentials before the key (trap 46): they decide, in both directions.
func TestClassicClusterAndCredentials(t *testing.T) {
	s := slowClusters(t, "small")
	create := func(name, center string) (*ks.ClusterCreateResponse, *core.DetailedResponse, error) {
		return s.containers(keyAdmin).CreateCluster(&ks.CreateClusterOptions{
			XAuthResourceGroup: core.StringPtr(s.defaultGroup()), Name: &name, DataCenter: &center, MachineType: core.StringPtr("u3c.2x4"), WorkerNum: core.Int64Ptr(2),
		})
	}
	store := func(user string) {
		_, err := s.containers(keyAdmin).StoreUserCredentials(&ks.StoreUserCredentialsOptions{
			XAuthSoftlayerUsername: &user, XAuthSoftlayerAPIKey: core.StringPtr("CANARY-classic"), XRegion: core.StringPtr("eu-de"), XAuthRefreshToken: core.StringPtr(""),
		})
		require.NoError(t, err)
	}
	s.deleteKey(s.scope("eu-de").Key)
	store("somebody-elsewhere")
	_, _, err := create("milan", "mil01")
	require.NoError(t, err)
	s.clock.Advance(15 * time.Minute)
	c, _, err := s.containers(keyAdmin).GetCluster(&ks.GetClusterOptions{Cluster: core.StringPtr("milan")})
	require.NoError(t, err)
	require.Equal(t, "eu-central", *c.Region, "managed from Frankfurt, under its old name")
	require.Equal(t, map[string]int{"normal": 2}, s.workerStates("milan"), "the credentials pay")

	store("leaver@acme.example")
	s.removeUser("leaver@acme.example")
	_, err = s.reset(keyFunctional, "eu-de", "")
	require.NoError(t, err)
	_, _, err = create("frankfurt", "fra02")
	require.NoError(t, err)
	s.clock.Advance(15 * time.Minute)
	require.Equal(t, map[string]int{"provision_failed": 2}, s.workerStates("frankfurt"), "the new key does not help")
	for name, center := range map[string]string{"nowhere": "xyz01", "small-vpc": "fra02", "-x": "fra02"} {
		_, resp, err := create(name, center)
		require.Error(t, err)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusConflict}, resp.StatusCode)
	}
}

func TestBadClusters(t *testing.T) {
	s := startSim(t, "small")
	status := func(key, name string, workers int64, zones ...string) int {
		_, resp, err := s.createVPC(key, name, workers, zones...)
		require.Error(t, err)
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, status(keyViewer, "one", 1, "eu-de-1"))
	require.Equal(t, http.StatusBadRequest, status(keyAdmin, "one", 1))
	require.Equal(t, http.StatusBadRequest, status(keyAdmin, "one", 1, "eu-de-1", "eu-gb-1"))
	require.Equal(t, http.StatusBadRequest, status(keyAdmin, strings.Repeat("x", 33), 1, "eu-de-1"))
	require.Equal(t, http.StatusConflict, status(keyAdmin, "small-vpc", 1, "eu-de-1"))
	require.Equal(t, http.StatusConflict, status(keyAdmin, "one", 501, "eu-de-1"), "more than the documented 500 workers")
	require.Empty(t, s.cloud.Ledger())
}
