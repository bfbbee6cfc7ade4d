package ibmsim

import (
	"fmt"
	"slices"
	"strings"
)

// States of a worker. The real service has more; which word it uses for which failure is inferred.
const (
	workerProvisioning    = "provisioning"
	workerNormal          = "normal"
	workerProvisionFailed = "provision_failed"
	workerDeleting        = "deleting"
	workerDeleteFailed    = "delete_failed"
)

// pool is a set of like workers, the same number in each of its zones.
type pool struct {
	cluster          *cluster
	id, name, flavor string
	zones            []string
	perZone          int
	labels, taints   map[string]string
	workers          []*worker
}

// worker is one node of a cluster.
type worker struct {
	cluster                  *cluster
	pool                     *pool
	n                        int // counts the workers the cluster ever had
	id, zone, state, message string
}

const (
	defaultPool   = "default"
	defaultFlavor = "bx2.4x16"
	// maxWorkers bounds what one list writes; an account file cannot make a reply of any size.
	maxWorkers = 1000
	// maxRegionWorkers is the documented limit of a region and provider.
	maxRegionWorkers = 500
)

// workerPools are built from the account file when somebody looks, because a large account has a thousand clusters.
func (c *cluster) workerPools() []*pool {
	if c.pools == nil {
		p := c.addPool(defaultPool, defaultFlavor, c.zones(), (min(c.spec.Workers, maxWorkers)+2)/3)
		for n := range min(c.spec.Workers, maxWorkers) {
			p.add(p.zones[n%len(p.zones)]).state = workerNormal
		}
	}
	return c.pools
}

func (c *cluster) addPool(name, flavor string, zones []string, perZone int) *pool {
	p := &pool{cluster: c, id: c.id + "-" + name, name: name, flavor: firstOf(flavor, defaultFlavor), zones: zones, perZone: perZone, labels: map[string]string{}}
	c.pools = append(c.pools, p)
	return p
}

// add makes a worker that nobody has ordered yet.
func (p *pool) add(zone string) *worker {
	c := p.cluster
	c.lastWorker++
	v := &worker{cluster: c, pool: p, n: c.lastWorker, zone: zone, state: workerProvisioning}
	v.id = fmt.Sprintf("kube-%s-%s-%s-%08x", c.id, strings.ReplaceAll(c.spec.Name, "-", ""), p.name, v.n)
	p.workers = append(p.workers, v)
	return v
}

func (v *worker) address() string { return fmt.Sprintf("10.240.%d.%d", (v.n+3)/256%256, (v.n+3)%256) }

// workerCount does not build the pools.
func (c *cluster) workerCount() int {
	if c.pools == nil {
		return c.spec.Workers
	}
	n := 0
	for _, p := range c.pools {
		n += len(p.workers)
	}
	return n
}

func (c *cluster) workers() []*worker {
	var list []*worker
	for _, p := range c.workerPools() {
		list = append(list, p.workers...)
	}
	return list
}

func (c *cluster) poolNamed(ref string) *pool {
	for _, p := range c.workerPools() {
		if p.id == ref || p.name == ref {
			return p
		}
	}
	return nil
}

// in are the pool's workers in a zone that are not on their way out.
func (p *pool) in(zone string) []*worker {
	return slices.DeleteFunc(slices.Clone(p.workers), func(v *worker) bool { return v.zone != zone || v.state == workerDeleting })
}

// fill orders and gives back workers until each zone of the pool has as many as it should, and those in zones the pool no
// longer has are gone. New ones and failed ones go first.
func (w *world) fill(p *pool) {
	for _, v := range slices.Clone(p.workers) {
		if !slices.Contains(p.zones, v.zone) {
			w.giveBack(v)
		}
	}
	for _, zone := range p.zones {
		have := p.in(zone)
		for range p.perZone - len(have) {
			w.order(p.add(zone))
		}
		slices.SortStableFunc(have, func(a, b *worker) int {
			if (a.state == workerNormal) != (b.state == workerNormal) {
				if a.state == workerNormal {
					return -1
				}
				return 1
			}
			return a.n - b.n
		})
		for i := len(have) - 1; i >= max(p.perZone, 0); i-- {
			w.giveBack(have[i])
		}
	}
}

// giveBack takes a worker away after a while. One that never came needs nobody's key for it.
func (w *world) giveBack(v *worker) {
	if v.state == workerDeleting {
		return
	}
	came := v.state == workerNormal || v.state == workerDeleteFailed
	v.state = workerDeleting
	w.clock.AfterFunc(w.knobs.WorkerDelete.Std(), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		c := v.cluster
		if c.gone() {
			return
		}
		if key, cause := w.orderTrouble(c, w.clock.Now()); came && cause != "" {
			v.state, v.message = workerDeleteFailed, "The infrastructure could not be given back: "+cause+"."
			w.happened(containersAPI.name, "sim.worker.delete-failed", c.spec.Name, "cluster", c.id, "worker", v.id, "key", key, "cause", cause)
			return
		}
		v.pool.workers = slices.DeleteFunc(v.pool.workers, func(have *worker) bool { return have == v })
		w.happened(containersAPI.name, "sim.worker.deleted", c.spec.Name, "cluster", c.id, "worker", v.id)
		c.judge()
	})
}

// dropPool takes a pool out of the cluster; its workers follow.
func (w *world) dropPool(p *pool) {
	p.zones = nil
	w.fill(p)
	p.cluster.pools = slices.DeleteFunc(p.cluster.pools, func(have *pool) bool { return have == p })
	if p.cluster.pools == nil {
		p.cluster.pools = []*pool{} // none is not the same as not looked at yet
	}
}

// regionWorkers counts the workers of a provider in the cluster's region.
func (w *world) regionWorkers(c *cluster) int {
	n := 0
	for _, other := range w.clusters {
		if !other.gone() && other.spec.Provider == c.spec.Provider && other.scope.id.region == c.scope.id.region {
			n += other.workerCount()
		}
	}
	return n
}
