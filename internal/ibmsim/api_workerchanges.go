package ibmsim

import (
	"net/http"
	"slices"
	"strconv"
)

// Changes of single workers.
var workerChangeRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v1/clusters/{cluster}/workers", handle: changesWorkers(addWorkers)},
	{api: &containersAPI, method: "PUT", path: "/v1/clusters/{cluster}/workers/{worker}", handle: changesWorkers(actOnWorker)},
	{api: &containersAPI, method: "DELETE", path: "/v1/clusters/{cluster}/workers/{worker}", handle: changesWorkers(removeWorker)},
	{api: &containersAPI, method: "POST", path: "/v2/removeWorker", handle: changesWorkers(removeWorker)},
	{api: &containersAPI, method: "POST", path: "/v2/replaceWorker", handle: changesWorkers(replaceWorker)},
	{api: &containersAPI, method: "POST", path: "/v2/vpc/replaceWorker", handle: changesWorkers(replaceWorker)},
}

// addWorkers puts workers into the default pool, each into the zone that has the fewest.
func addWorkers(k *call, c *cluster, in workerRequest) reply {
	pools := c.workerPools()
	if len(pools) == 0 || len(pools[0].zones) == 0 || in.WorkerNum < 1 || in.WorkerNum > maxRegionWorkers {
		return k.badCluster("The body needs a workerNum, and the cluster a worker pool.")
	}
	if refused := k.mayOrder(c, in.WorkerNum); refused.status != 0 {
		return refused
	}
	p := pools[0]
	for range in.WorkerNum {
		zone := slices.MinFunc(p.zones, func(a, b string) int { return len(p.in(a)) - len(p.in(b)) })
		k.w.order(p.add(zone))
		p.perZone = max(p.perZone, len(p.in(zone)))
	}
	k.recordWorkers(c, "worker.create", "count", strconv.Itoa(in.WorkerNum))
	return reply{status: http.StatusCreated}
}

func (k *call) workerOf(c *cluster, in workerRequest) (*worker, reply) {
	ref := firstOf(k.path("worker"), in.WorkerID)
	for _, v := range c.workers() {
		if v.id == ref {
			return v, reply{}
		}
	}
	return nil, k.noWorker()
}

func (k *call) noWorker() reply {
	return k.ksRefusal(http.StatusNotFound, "E0011", "Provisioning", "The specified worker node could not be found.")
}

// actOnWorker reboots, which needs no key, or brings the worker anew.
func actOnWorker(k *call, c *cluster, in workerRequest) reply {
	switch in.Action {
	case "reload", "update", "replace":
		return replaceWorker(k, c, in)
	case "reboot":
		v, refused := k.workerOf(c, in)
		if v == nil {
			return refused
		}
		k.recordWorkers(c, "worker.reboot", "worker", v.id)
		return noContent()
	}
	return k.badCluster("The action is reboot, reload, update or replace.")
}

func removeWorker(k *call, c *cluster, in workerRequest) reply {
	v, refused := k.workerOf(c, in)
	if v == nil {
		return refused
	}
	k.w.giveBack(v)
	k.recordWorkers(c, "worker.delete", "worker", v.id)
	return noContent()
}

// replaceWorker gives a worker back and orders another in its zone.
func replaceWorker(k *call, c *cluster, in workerRequest) reply {
	v, refused := k.workerOf(c, in)
	if v == nil {
		return refused
	}
	if refused := k.mayOrder(c, 1); refused.status != 0 {
		return refused
	}
	k.w.giveBack(v)
	next := v.pool.add(v.zone)
	k.w.order(next)
	k.recordWorkers(c, "worker.replace", "worker", v.id, "replacement", next.id)
	return noContent()
}
