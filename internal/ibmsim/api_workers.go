package ibmsim

import (
	"strconv"
	"strings"
)

// Workers, worker pools, zones and versions. The workers of an account file's cluster are spread evenly over the zones of
// its region.
var workerRoutes = []route{
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/workers", handle: eachWorker(flatWorker)},
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/workers/{worker}", handle: oneWorker(flatWorker)},
	{api: &containersAPI, method: "GET", path: "/v2/getWorkers", handle: eachWorker(deepWorker)},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getWorkers", handle: eachWorker(deepWorker)},
	{api: &containersAPI, method: "GET", path: "/v2/classic/getWorkers", handle: eachWorker(deepWorker)},
	{api: &containersAPI, method: "GET", path: "/v2/getWorker", handle: oneWorker(deepWorker)},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getWorker", handle: oneWorker(deepWorker)},
	{api: &containersAPI, method: "GET", path: "/v2/classic/getWorker", handle: oneWorker(deepWorker)},
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/workerpools", handle: workerPools(flatPool)},
	{api: &containersAPI, method: "GET", path: "/v2/getWorkerPools", handle: workerPools(deepPool)},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getWorkerPools", handle: workerPools(deepPool)},
	{api: &containersAPI, method: "GET", path: "/v2/classic/getWorkerPools", handle: workerPools(deepPool)},
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/workerpools/{pool}", handle: workerPool(flatPool)},
	{api: &containersAPI, method: "GET", path: "/v2/getWorkerPool", handle: workerPool(deepPool)},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getWorkerPool", handle: workerPool(deepPool)},
	{api: &containersAPI, method: "GET", path: "/v2/classic/getWorkerPool", handle: workerPool(deepPool)},
	{api: &containersAPI, method: "GET", path: "/v1/zones", handle: listZones},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getZones", handle: listZones},
	{api: &containersAPI, method: "GET", path: "/v1/versions", handle: listVersions},
	{api: &containersAPI, method: "GET", path: "/v2/getVersions", handle: listVersions},
}

// zones are named after the region for VPC and after the city for classic.
func (c *cluster) zones() []string {
	r := regionInfo(c.scope.id.region)
	if c.spec.Provider == "classic" {
		return []string{r.metro + "10", r.metro + "12", r.metro + "13"}
	}
	return r.vpcZones()
}

func (r region) vpcZones() []string { return []string{r.name + "-1", r.name + "-2", r.name + "-3"} }

func flatWorker(v *worker) any {
	c := v.cluster
	return map[string]any{
		"id": v.id, "state": v.state, "status": v.status(), "kubeVersion": c.spec.Version, "targetVersion": c.spec.Version, "location": v.zone,
		"machineType": v.pool.flavor, "poolName": v.pool.name, "poolid": v.pool.id, "privateIP": v.address(), "publicIP": "", "isolation": "public", "errorMessage": v.message,
	}
}

func deepWorker(v *worker) any {
	c := v.cluster
	actual := v.state
	if actual == workerNormal {
		actual = "deployed"
	}
	desired := "deployed"
	if v.state == workerDeleting || v.state == workerDeleteFailed {
		desired = "deleted"
	}
	return map[string]any{
		"id": v.id, "flavor": v.pool.flavor, "location": v.zone, "poolID": v.pool.id, "poolName": v.pool.name,
		"health":            map[string]any{"state": v.health(), "message": v.status()},
		"lifecycle":         map[string]any{"actualState": actual, "desiredState": desired, "message": v.message, "pendingOperation": ""},
		"kubeVersion":       map[string]any{"actual": c.spec.Version, "desired": c.spec.Version, "target": c.spec.Version},
		"networkInterfaces": []any{map[string]any{"ipAddress": v.address(), "cidr": "10.240.0.0/18", "primary": true, "subnetID": "subnet-" + c.id}},
	}
}

// health is normal of a worker that is there.
func (v *worker) health() string {
	if v.state == workerNormal || v.state == workerDeleteFailed {
		return "normal"
	}
	return "pending"
}

func (v *worker) status() string {
	if v.state == workerNormal {
		return "Ready"
	}
	return v.message
}

func (k *call) clusterOfRoute() (*cluster, reply) {
	return k.cluster(firstOf(k.path("cluster"), k.q("cluster")))
}

func eachWorker(render func(*worker) any) func(*call) reply {
	return func(k *call) reply {
		c, refused := k.clusterOfRoute()
		if c == nil {
			return refused
		}
		list := []any{}
		for _, v := range c.workers() {
			list = append(list, render(v))
		}
		return ok(list)
	}
}

func oneWorker(render func(*worker) any) func(*call) reply {
	return func(k *call) reply {
		c, refused := k.clusterOfRoute()
		if c == nil {
			return refused
		}
		for _, v := range c.workers() {
			if v.id == firstOf(k.path("worker"), k.q("worker")) {
				return ok(render(v))
			}
		}
		return k.noWorker()
	}
}

func (p *pool) zoneBodies() []any {
	list := []any{}
	for _, z := range p.zones {
		list = append(list, map[string]any{"id": z, "workerCount": len(p.in(z)), "autobalanceEnabled": true, "messages": []string{}})
	}
	return list
}

func flatPool(p *pool) any {
	c := p.cluster
	return map[string]any{
		"id": p.id, "name": p.name, "state": "active", "region": c.spec.Region, "machineType": p.flavor, "isolation": "public", "isBalanced": p.balanced(),
		"autoscaleEnabled": c.spec.Autoscaler, "sizePerZone": p.perZone, "labels": p.labels, "zones": p.zoneBodies(),
	}
}

func deepPool(p *pool) any {
	c := p.cluster
	return map[string]any{
		"id": p.id, "poolName": p.name, "provider": c.spec.Provider, "flavor": p.flavor, "isBalanced": p.balanced(), "autoscaleEnabled": c.spec.Autoscaler,
		"workerCount": p.perZone, "labels": p.labels, "taints": p.taints, "lifecycle": map[string]any{"actualState": "normal", "desiredState": "normal"}, "zones": p.zoneBodies(),
	}
}

// balanced tells whether no zone has more than one worker more than another.
func (p *pool) balanced() bool {
	least, most := maxWorkers, 0
	for _, z := range p.zones {
		n := len(p.in(z))
		least, most = min(least, n), max(most, n)
	}
	return most-least <= 1
}

func workerPools(render func(*pool) any) func(*call) reply {
	return func(k *call) reply {
		c, refused := k.clusterOfRoute()
		if c == nil {
			return refused
		}
		list := []any{}
		for _, p := range c.workerPools() {
			list = append(list, render(p))
		}
		return ok(list)
	}
}

func workerPool(render func(*pool) any) func(*call) reply {
	return func(k *call) reply {
		c, refused := k.clusterOfRoute()
		if c == nil {
			return refused
		}
		p := c.poolNamed(firstOf(k.path("pool"), k.q("workerpool")))
		if p == nil {
			return k.noPool()
		}
		return ok(render(p))
	}
}

func listZones(k *call) reply {
	list := []any{}
	for _, r := range regions {
		if want := k.q("location"); want != "" && !r.at(want) {
			continue
		}
		for _, z := range r.vpcZones() {
			list = append(list, map[string]any{"id": z, "name": z, "metro": r.display})
		}
	}
	return ok(list)
}

// listVersions names the versions the clusters of the account run.
func listVersions(k *call) reply {
	versions := map[string][]any{"kubernetes": {}, "openshift": {}}
	seen := map[string]bool{}
	for _, c := range k.w.clusters {
		if c.gone() {
			continue
		}
		number, _, _ := strings.Cut(c.spec.Version, "_")
		if seen[c.spec.Type+number] {
			continue
		}
		seen[c.spec.Type+number] = true
		parts := append(strings.Split(number, "."), "0", "0")
		n := func(i int) int { v, _ := strconv.Atoi(parts[i]); return v }
		versions[c.spec.Type] = append(versions[c.spec.Type], map[string]any{"major": n(0), "minor": n(1), "patch": n(2), "default": len(versions[c.spec.Type]) == 0, "end_of_service": ""})
	}
	return ok(versions)
}
