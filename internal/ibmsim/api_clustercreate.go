package ibmsim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Creating and deleting clusters. Success statuses are those of the SDK's own tests; refusals of bad input are inferred.
var clusterCreateRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v1/clusters", handle: createClassic},
	{api: &containersAPI, method: "POST", path: "/v2/vpc/createCluster", handle: createVPC},
	{api: &containersAPI, method: "DELETE", path: "/v1/clusters/{cluster}", handle: removeCluster},
}

var (
	clusterNameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,31}$`)
	versionForm     = regexp.MustCompile(`^[0-9]+\.[0-9]+(\.[0-9]+)?(_[0-9]+)?(_openshift)?$`)
)

// maxRegionClusters is the documented limit of a region and provider.
const maxRegionClusters = 100

// newCluster is what both kinds of request come down to.
type newCluster struct {
	name, version, provider string
	flavor, pool            string
	zones                   []string
	perZone                 int
	private                 bool
}

func createClassic(k *call) reply {
	var in struct {
		Name            string `json:"name"`
		DataCenter      string `json:"dataCenter"`
		MachineType     string `json:"machineType"`
		MasterVersion   string `json:"masterVersion"`
		DefaultPoolName string `json:"defaultWorkerPoolName"`
		WorkerNum       int    `json:"workerNum"`
		PublicEndpoint  *bool  `json:"publicServiceEndpoint"`
	}
	if !k.decode(&in) {
		return k.badCluster("The body could not be read.")
	}
	region, known := classicRegion(in.DataCenter)
	if !known {
		return k.badCluster("The data center " + in.DataCenter + " does not exist.")
	}
	n := newCluster{
		name: in.Name, version: in.MasterVersion, provider: "classic", flavor: firstOf(in.MachineType, "u3c.2x4"), pool: in.DefaultPoolName, zones: []string{in.DataCenter},
		perZone: max(in.WorkerNum, 1), private: in.PublicEndpoint != nil && !*in.PublicEndpoint,
	}
	c, refused := k.createCluster(n, region)
	if c == nil {
		return refused
	}
	return created(map[string]any{"id": c.id})
}

func createVPC(k *call) reply {
	var in struct {
		Name        string `json:"name"`
		KubeVersion string `json:"kubeVersion"`
		Provider    string `json:"provider"`
		Private     bool   `json:"disablePublicServiceEndpoint"`
		WorkerPool  struct {
			Name        string `json:"name"`
			Flavor      string `json:"flavor"`
			VpcID       string `json:"vpcID"`
			WorkerCount int    `json:"workerCount"`
			Zones       []struct {
				ID string `json:"id"`
			} `json:"zones"`
		} `json:"workerPool"`
	}
	if !k.decode(&in) || in.Provider != "" && in.Provider != "vpc-gen2" {
		return k.badCluster("The body could not be read, or its provider is not vpc-gen2.")
	}
	n := newCluster{name: in.Name, version: in.KubeVersion, provider: "vpc-gen2", flavor: in.WorkerPool.Flavor, pool: in.WorkerPool.Name, perZone: max(in.WorkerPool.WorkerCount, 1), private: in.Private}
	region := ""
	for _, z := range in.WorkerPool.Zones {
		of, known := vpcRegion(z.ID)
		if !known || region != "" && of != region {
			return k.badCluster("The zones must exist and lie in one region.")
		}
		region = of
		n.zones = append(n.zones, z.ID)
	}
	if region == "" || in.WorkerPool.VpcID == "" {
		return k.badCluster("The worker pool needs a vpcID and zones.")
	}
	c, refused := k.createCluster(n, region)
	if c == nil {
		return refused
	}
	return created(map[string]any{"clusterID": c.id})
}

func (k *call) badCluster(text string) reply {
	return k.ksRefusal(http.StatusBadRequest, "E0007", "General", text)
}

// createCluster needs Administrator in the pair. The first action in a pair makes the pair's key, and its caller the owner
// of it; a key that is there already is used whoever owns it, also when it is dead.
func (k *call) createCluster(n newCluster, region string) (*cluster, reply) {
	group, refused := k.targetGroup()
	if group == nil {
		return nil, refused
	}
	if !k.w.may(k.caller.iam, target{service: "containers-kubernetes", region: region, group: group.id}, k.now, "Administrator") {
		return nil, k.ksForbidden("Administrator of the Kubernetes Service in the region and resource group")
	}
	if text := n.bad(); text != "" {
		return nil, k.badCluster(text)
	}
	if k.w.clusterByRef[n.name] != nil {
		return nil, k.ksRefusal(http.StatusConflict, "E0007", "General", "A cluster with this name exists.")
	}
	c := k.w.buildCluster(n, region, group, k.now)
	if k.w.regionClusters(c) >= maxRegionClusters || k.w.regionWorkers(c)+c.workerCount() > maxRegionWorkers {
		return nil, k.ksRefusal(http.StatusConflict, "E0007", "General", "The quota of clusters or workers in the region is used up.")
	}
	key, refused := k.pairKey(c.scope.id)
	if key == nil {
		return nil, refused
	}
	c.by = k.caller.iam
	k.w.addCluster(c)
	k.record("containers-kubernetes.cluster.create", c.spec.Name, "cluster", c.id, "region", region, "resource_group", group.id, "key", key.id)
	w := k.w
	w.clock.AfterFunc(max(w.knobs.ClusterDeploy.Std(), key.replicated.Sub(k.now)), func() { w.masterDeployed(c) })
	return c, reply{}
}

func (n newCluster) bad() string {
	switch {
	case !clusterNameForm.MatchString(n.name):
		return "The name begins with a letter and has letters, digits and hyphens, 32 at most."
	case n.version != "" && !versionForm.MatchString(n.version):
		return "The version " + n.version + " does not exist."
	case n.pool != "" && !clusterNameForm.MatchString(n.pool):
		return "The worker pool's name is not valid."
	}
	return ""
}

// buildCluster is a cluster that nobody knows of yet. A VPC cluster comes with its storage drivers, as documented.
func (w *world) buildCluster(n newCluster, region string, group *resourceGroup, now time.Time) *cluster {
	kind := "kubernetes"
	if strings.HasSuffix(n.version, "_openshift") {
		kind = "openshift"
	}
	spec := Cluster{
		Name: n.name, Region: region, ResourceGroup: group.name, Provider: n.provider, Type: kind, State: clusterDeploying, Version: firstOf(n.version, defaultVersion(kind)), PrivateOnly: n.private,
	}
	if n.provider == "vpc-gen2" {
		spec.BlockCSI, spec.FileCSI = "deployment", true
	} else {
		spec.Region = firstOf(regionInfo(region).old, region)
	}
	c := newClusterOf(spec, w.ids.clusterID(n.name+"#"+w.ids.next("cluster")), now)
	c.scope = w.scope(scopeID{region, group.id})
	c.crn = w.clusterCRN(c)
	p := c.addPool(firstOf(n.pool, defaultPool), n.flavor, n.zones, min(n.perZone, maxWorkers))
	for _, zone := range n.zones {
		for range p.perZone {
			p.add(zone)
		}
	}
	c.spec.Workers = c.workerCount()
	c.master = master{status: "Deploying", modified: now}
	return c
}

func (w *world) clusterCRN(c *cluster) string {
	return fmt.Sprintf("crn:v1:bluemix:public:containers-kubernetes:%s:a/%s:%s::", c.scope.id.region, w.accountID, c.id)
}

func (w *world) regionClusters(c *cluster) int {
	n := 0
	for _, other := range w.clusters {
		if !other.gone() && other.spec.Provider == c.spec.Provider && other.scope.id.region == c.scope.id.region {
			n++
		}
	}
	return n
}

// removeCluster answers at once; asking again while it is under way changes nothing (inferred).
func removeCluster(k *call) reply {
	c, refused := k.cluster(k.path("cluster"))
	if c == nil {
		return refused
	}
	if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator") {
		return k.ksForbidden("Administrator of the cluster")
	}
	if !c.deleting.IsZero() {
		return noContent()
	}
	k.w.deleteCluster(c, k.now)
	k.record("containers-kubernetes.cluster.delete", c.spec.Name, "cluster", c.id)
	return noContent()
}

// vpcRegion finds the region of a VPC zone.
func vpcRegion(zone string) (string, bool) {
	for _, r := range regions {
		if slices.Contains(r.vpcZones(), zone) {
			return r.name, true
		}
	}
	return "", false
}
