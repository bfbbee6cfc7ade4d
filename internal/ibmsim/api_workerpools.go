package ibmsim

import (
	"net/http"
	"slices"
	"strconv"
)

// Changes of workers and worker pools. They need Operator of the cluster (inferred) and, when machines are ordered, the
// pair's key: the first such action in a pair without one makes it, for its caller. What the key is worth shows later, at
// the worker. Statuses are those of the SDK's own tests.
var workerPoolRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v1/clusters/{cluster}/workerpools", handle: changesWorkers(createPoolV1)},
	{api: &containersAPI, method: "POST", path: "/v2/vpc/createWorkerPool", handle: changesWorkers(createPoolV2)},
	{api: &containersAPI, method: "PATCH", path: "/v1/clusters/{cluster}/workerpools/{pool}", handle: changesPool(patchPool)},
	{api: &containersAPI, method: "POST", path: "/v2/resizeWorkerPool", handle: changesPool(resizePool)},
	{api: &containersAPI, method: "POST", path: "/v2/rebalanceWorkerPool", handle: changesPool(rebalancePool)},
	{api: &containersAPI, method: "POST", path: "/v2/setWorkerPoolLabels", handle: changesPool(labelPool)},
	{api: &containersAPI, method: "POST", path: "/v2/setWorkerPoolTaints", handle: changesPool(taintPool)},
	{api: &containersAPI, method: "DELETE", path: "/v1/clusters/{cluster}/workerpools/{pool}", handle: changesPool(removePool)},
	{api: &containersAPI, method: "POST", path: "/v2/removeWorkerPool", handle: changesPool(removePool)},
	{api: &containersAPI, method: "POST", path: "/v1/clusters/{cluster}/workerpools/{pool}/zones", handle: changesPool(addZone)},
	{api: &containersAPI, method: "POST", path: "/v2/vpc/createWorkerPoolZone", handle: changesPool(addZone)},
	{api: &containersAPI, method: "DELETE", path: "/v1/clusters/{cluster}/workerpools/{pool}/zones/{zone}", handle: changesPool(removeZone(http.StatusAccepted))},
	{api: &containersAPI, method: "POST", path: "/v2/removeWorkerPoolZone", handle: changesPool(removeZone(http.StatusNoContent))},
}

// workerRequest is the body of all these calls together; version 1 has some of it in the path.
type workerRequest struct {
	Cluster     string `json:"cluster"`
	Pool        string `json:"workerpool"`
	PoolID      string `json:"workerPoolID"` // what bluemix-go sends
	WorkerID    string `json:"workerID"`
	Name        string `json:"name"`
	Flavor      string `json:"flavor"`
	MachineType string `json:"machineType"`
	Action      string `json:"action"`
	State       string `json:"state"`
	Zone        string `json:"zone"`
	ID          string `json:"id"` // of a zone
	WorkerNum   int    `json:"workerNum"`
	WorkerCount int    `json:"workerCount"`
	SizePerZone *int   `json:"sizePerZone"`
	Size        *int   `json:"size"`
	Zones       []struct {
		ID string `json:"id"`
	} `json:"zones"`
	Labels map[string]string `json:"labels"`
	Taints map[string]string `json:"taints"`
}

// changesWorkers reads the request, finds the cluster and asks for the role. A cluster that is coming or going has no
// workers to change.
func changesWorkers(handle func(*call, *cluster, workerRequest) reply) func(*call) reply {
	return func(k *call) reply {
		var in workerRequest
		if !k.decode(&in) {
			return k.badCluster("The body could not be read.")
		}
		c, refused := k.cluster(firstOf(k.path("cluster"), in.Cluster))
		if c == nil {
			return refused
		}
		if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator", "Operator") {
			return k.ksForbidden("Operator of the cluster")
		}
		if c.spec.Provider == "satellite" || c.spec.State == clusterDeploying || !c.deleting.IsZero() {
			return k.busy()
		}
		return handle(k, c, in)
	}
}

func changesPool(handle func(*call, *pool, workerRequest) reply) func(*call) reply {
	return changesWorkers(func(k *call, c *cluster, in workerRequest) reply {
		p := c.poolNamed(firstOf(k.path("pool"), in.Pool, in.PoolID))
		if p == nil {
			return k.noPool()
		}
		return handle(k, p, in)
	})
}

func (k *call) noPool() reply {
	return k.ksRefusal(http.StatusNotFound, "E0012", "Provisioning", "The specified worker pool could not be found.") // inferred
}

// mayOrder checks the quota and makes sure that there is a key to order with.
func (k *call) mayOrder(c *cluster, n int) reply {
	if n <= 0 {
		return reply{}
	}
	if k.w.regionWorkers(c)+n > maxRegionWorkers {
		return k.ksRefusal(http.StatusConflict, "E0007", "General", "The quota of workers in the region is used up.")
	}
	_, refused := k.pairKey(c.scope.id)
	return refused
}

func (k *call) recordWorkers(c *cluster, action string, details ...string) {
	k.record("containers-kubernetes."+action, c.spec.Name, append([]string{"cluster", c.id}, details...)...)
}

func createPoolV1(k *call, c *cluster, in workerRequest) reply {
	size := 1
	if in.SizePerZone != nil {
		size = *in.SizePerZone
	}
	p, refused := k.createPool(c, in, in.MachineType, size)
	if p == nil {
		return refused
	}
	return created(flatPool(p))
}

func createPoolV2(k *call, c *cluster, in workerRequest) reply {
	p, refused := k.createPool(c, in, in.Flavor, max(in.WorkerCount, 1))
	if p == nil {
		return refused
	}
	return created(map[string]any{"workerPoolID": p.id})
}

func (k *call) createPool(c *cluster, in workerRequest, flavor string, perZone int) (*pool, reply) {
	var zones []string
	for _, z := range in.Zones {
		if !c.mayHave(z.ID) {
			return nil, k.badCluster("The zone " + z.ID + " does not belong to the cluster's region.")
		}
		zones = append(zones, z.ID)
	}
	if !clusterNameForm.MatchString(in.Name) || perZone < 0 || perZone > maxRegionWorkers {
		return nil, k.badCluster("A worker pool needs a name and a size.")
	}
	if c.poolNamed(in.Name) != nil {
		return nil, k.ksRefusal(http.StatusConflict, "E0007", "General", "A worker pool with this name exists.")
	}
	if refused := k.mayOrder(c, perZone*len(zones)); refused.status != 0 {
		return nil, refused
	}
	p := c.addPool(in.Name, flavor, zones, perZone)
	if in.Labels != nil {
		p.labels = in.Labels
	}
	k.w.fill(p)
	k.recordWorkers(c, "worker-pool.create", "pool", p.name)
	return p, reply{}
}

// mayHave tells whether a zone lies where the cluster's workers can be.
func (c *cluster) mayHave(zone string) bool {
	of, known := vpcRegion(zone)
	if c.spec.Provider == "classic" {
		of, known = classicRegion(zone)
	}
	return known && of == c.scope.id.region
}

// resize sets the size of a pool in each zone.
func (k *call) resize(p *pool, size *int, status int) reply {
	if size == nil || *size < 0 || *size > maxRegionWorkers {
		return k.badCluster("The size of a worker pool is a number per zone.")
	}
	more := 0
	for _, zone := range p.zones {
		more += max(*size-len(p.in(zone)), 0)
	}
	if refused := k.mayOrder(p.cluster, more); refused.status != 0 {
		return refused
	}
	p.perZone = *size
	k.w.fill(p)
	k.recordWorkers(p.cluster, "worker-pool.resize", "pool", p.name, "size", strconv.Itoa(*size))
	return reply{status: status}
}

func resizePool(k *call, p *pool, in workerRequest) reply {
	return k.resize(p, in.Size, http.StatusAccepted)
}

// patchPool does what the state of version 1's request says.
func patchPool(k *call, p *pool, in workerRequest) reply {
	switch in.State {
	case "resizing":
		return k.resize(p, in.SizePerZone, http.StatusAccepted)
	case "rebalancing":
		return k.resize(p, &p.perZone, http.StatusAccepted)
	case "labels":
		labelPool(k, p, in)
		return reply{status: http.StatusAccepted}
	}
	return k.badCluster("The state is resizing, rebalancing or labels.")
}

// rebalancePool orders what is missing, as after failures.
func rebalancePool(k *call, p *pool, _ workerRequest) reply {
	for _, v := range p.workers {
		if v.state == workerProvisionFailed {
			k.w.giveBack(v)
		}
	}
	return k.resize(p, &p.perZone, http.StatusNoContent)
}

func labelPool(k *call, p *pool, in workerRequest) reply {
	p.labels = in.Labels
	k.recordWorkers(p.cluster, "worker-pool.update", "pool", p.name)
	return noContent()
}

func taintPool(k *call, p *pool, in workerRequest) reply {
	p.taints = in.Taints
	k.recordWorkers(p.cluster, "worker-pool.update", "pool", p.name)
	return noContent()
}

func removePool(k *call, p *pool, _ workerRequest) reply {
	k.w.dropPool(p)
	k.recordWorkers(p.cluster, "worker-pool.delete", "pool", p.name)
	return noContent()
}

func addZone(k *call, p *pool, in workerRequest) reply {
	if !p.cluster.mayHave(in.ID) {
		return k.badCluster("The zone " + in.ID + " does not belong to the cluster's region.")
	}
	if !slices.Contains(p.zones, in.ID) {
		if refused := k.mayOrder(p.cluster, p.perZone); refused.status != 0 {
			return refused
		}
		p.zones = append(slices.Clone(p.zones), in.ID)
		k.w.fill(p)
	}
	k.recordWorkers(p.cluster, "worker-pool.zone-add", "pool", p.name, "zone", in.ID)
	return reply{status: http.StatusCreated}
}

func removeZone(status int) func(*call, *pool, workerRequest) reply {
	return func(k *call, p *pool, in workerRequest) reply {
		zone := firstOf(k.path("zone"), in.Zone)
		if !slices.Contains(p.zones, zone) {
			return k.ksRefusal(http.StatusNotFound, "E0012", "Provisioning", "The worker pool is not in this zone.")
		}
		p.zones = slices.DeleteFunc(slices.Clone(p.zones), func(z string) bool { return z == zone })
		k.w.fill(p)
		k.recordWorkers(p.cluster, "worker-pool.zone-remove", "pool", p.name, "zone", zone)
		return reply{status: status}
	}
}
