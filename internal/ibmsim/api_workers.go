package ibmsim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Workers, worker pools, zones and versions: read only, because no key of ours depends on them. The workers of a cluster
// are its nodes, spread evenly over the zones of its region.
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
	{api: &containersAPI, method: "GET", path: "/v1/zones", handle: listZones},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getZones", handle: listZones},
	{api: &containersAPI, method: "GET", path: "/v1/versions", handle: listVersions},
	{api: &containersAPI, method: "GET", path: "/v2/getVersions", handle: listVersions},
}

// maxWorkers bounds what one list writes; an account file cannot make a reply of any size.
const maxWorkers = 1000

// worker is one node of a cluster, counted from 0.
type worker struct {
	cluster *cluster
	n       int
}

func (v worker) id() string {
	return fmt.Sprintf("kube-%s-%s-default-%08x", v.cluster.id, strings.ReplaceAll(v.cluster.spec.Name, "-", ""), v.n+1)
}
func (v worker) zone() string {
	zones := v.cluster.zones()
	return zones[v.n%len(zones)]
}
func (v worker) address() string { return fmt.Sprintf("10.240.%d.%d", (v.n+4)/256, (v.n+4)%256) }

// zones are named after the region for VPC and after the city for classic.
func (c *cluster) zones() []string {
	r := regionInfo(c.scope.id.region)
	if c.spec.Provider == "classic" {
		return []string{r.metro + "10", r.metro + "12", r.metro + "13"}
	}
	return r.vpcZones()
}

func (r region) vpcZones() []string { return []string{r.name + "-1", r.name + "-2", r.name + "-3"} }

func (c *cluster) workers() []worker {
	var list []worker
	for n := range min(c.spec.Workers, maxWorkers) {
		list = append(list, worker{c, n})
	}
	return list
}

func flatWorker(v worker) any {
	c := v.cluster
	return map[string]any{
		"id": v.id(), "state": "normal", "status": "Ready", "kubeVersion": c.spec.Version, "targetVersion": c.spec.Version, "location": v.zone(),
		"machineType": "bx2.4x16", "poolName": "default", "poolid": c.poolID(), "privateIP": v.address(), "publicIP": "", "isolation": "public", "errorMessage": "",
	}
}

func deepWorker(v worker) any {
	c := v.cluster
	return map[string]any{
		"id": v.id(), "flavor": "bx2.4x16", "location": v.zone(), "poolID": c.poolID(), "poolName": "default",
		"health":            map[string]any{"state": "normal", "message": "Ready"},
		"lifecycle":         map[string]any{"actualState": "deployed", "desiredState": "deployed", "message": "", "pendingOperation": ""},
		"kubeVersion":       map[string]any{"actual": c.spec.Version, "desired": c.spec.Version, "target": c.spec.Version},
		"networkInterfaces": []any{map[string]any{"ipAddress": v.address(), "cidr": "10.240.0.0/18", "primary": true, "subnetID": "subnet-" + c.id}},
	}
}

func (c *cluster) poolID() string { return c.id + "-default" }

func (k *call) clusterOfRoute() (*cluster, reply) {
	return k.cluster(firstOf(k.path("cluster"), k.q("cluster")))
}

func eachWorker(render func(worker) any) func(*call) reply {
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

func oneWorker(render func(worker) any) func(*call) reply {
	return func(k *call) reply {
		c, refused := k.clusterOfRoute()
		if c == nil {
			return refused
		}
		for _, v := range c.workers() {
			if v.id() == firstOf(k.path("worker"), k.q("worker")) {
				return ok(render(v))
			}
		}
		return k.ksRefusal(http.StatusNotFound, "E0011", "Provisioning", "The specified worker node could not be found.")
	}
}

func (c *cluster) poolZones() []any {
	count := map[string]int{}
	for _, v := range c.workers() {
		count[v.zone()]++
	}
	list := []any{}
	for _, z := range c.zones() {
		if count[z] > 0 {
			list = append(list, map[string]any{"id": z, "workerCount": count[z], "autobalanceEnabled": true, "messages": []string{}})
		}
	}
	return list
}

func flatPool(c *cluster) any {
	return map[string]any{
		"id": c.poolID(), "name": "default", "state": "active", "region": c.spec.Region, "machineType": "bx2.4x16", "isolation": "public", "isBalanced": true,
		"autoscaleEnabled": c.spec.Autoscaler, "sizePerZone": (c.spec.Workers + 2) / 3, "labels": map[string]string{}, "zones": c.poolZones(),
	}
}

func deepPool(c *cluster) any {
	return map[string]any{
		"id": c.poolID(), "poolName": "default", "provider": c.spec.Provider, "flavor": "bx2.4x16", "isBalanced": true, "autoscaleEnabled": c.spec.Autoscaler,
		"workerCount": (c.spec.Workers + 2) / 3, "labels": map[string]string{}, "lifecycle": map[string]any{"actualState": "normal", "desiredState": "normal"}, "zones": c.poolZones(),
	}
}

func workerPools(render func(*cluster) any) func(*call) reply {
	return func(k *call) reply {
		c, refused := k.clusterOfRoute()
		if c == nil {
			return refused
		}
		return ok([]any{render(c)})
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
