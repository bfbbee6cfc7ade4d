package ibmsim

import (
	"strings"
	"time"
)

// How a cluster comes and goes. Its master is deployed first and then holds the pair's key as any other; the workers are
// ordered with that key at the end, and an order that the key cannot pay for fails where IBM shows it, at the worker. That
// every step looks at the key when it ends, and not when it was asked for, is inferred.

// States of a cluster that a call begins. The others only come from account files.
const (
	clusterDeploying    = "deploying"
	clusterPending      = "pending" // the master is there, no worker yet
	clusterNormal       = "normal"
	clusterCritical     = "critical" // there is no worker and none will come
	clusterDeleting     = "deleting"
	clusterDeleteFailed = "delete_failed"
)

// gone tells whether the cluster was deleted. It is kept because its past counts.
func (c *cluster) gone() bool { return !c.ended.IsZero() }

// usable tells whether the cluster's API server can be asked: some worker has run, and nobody has deleted it.
func (c *cluster) usable() bool { return !c.running.IsZero() && c.deleting.IsZero() }

// lives is when the cluster could suffer an outage: from the end of its deployment to the order to delete it.
func (c *cluster) lives(now time.Time) span { return span{c.since, earlier(c.deleting, now)} }

// addCluster files a cluster whose spec is complete.
func (w *world) addCluster(c *cluster) {
	w.clusters = append(w.clusters, c)
	w.clusterByRef[c.id], w.clusterByRef[c.spec.Name] = c, c
}

// masterDeployed begins a new cluster's life and orders its workers.
func (w *world) masterDeployed(c *cluster) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.deleting.IsZero() {
		return
	}
	now := w.clock.Now()
	c.since, c.key = now, c.scope.at(now)
	c.master = master{status: "Ready", modified: now, holder: w.hold(c, "master", c.key, now)}
	c.spec.State = clusterPending
	w.happened(containersAPI.name, "sim.cluster-master.deployed", c.spec.Name, "cluster", c.id, "key", idOf(c.key))
	for _, p := range c.workerPools() {
		for _, v := range p.workers {
			w.order(v)
		}
	}
}

// order asks for the machine of a worker; it comes, or fails, after a while. The very first key of a pair is waited for.
func (w *world) order(v *worker) {
	v.state, v.message = workerProvisioning, ""
	wait, now, s := w.knobs.WorkerDeploy.Std(), w.clock.Now(), v.cluster.scope
	if first := s.current(); first != nil && s.at(now) == nil {
		wait = max(wait, first.replicated.Sub(now))
	}
	w.clock.AfterFunc(wait, func() { w.ordered(v) })
}

func (w *world) ordered(v *worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.state != workerProvisioning || v.cluster.gone() {
		return
	}
	c, now := v.cluster, w.clock.Now()
	if key, cause := w.orderTrouble(c, now); cause != "" {
		v.state, v.message = workerProvisionFailed, "The infrastructure could not be ordered: "+cause+"."
		w.happened(containersAPI.name, "sim.worker.failed", c.spec.Name, "cluster", c.id, "worker", v.id, "key", key, "cause", cause)
	} else {
		v.state = workerNormal
		w.happened(containersAPI.name, "sim.worker.deployed", c.spec.Name, "cluster", c.id, "worker", v.id, "key", key)
		w.firstWorker(c, now)
	}
	c.judge()
}

// firstWorker is when the cluster's workloads start and read the secret.
func (w *world) firstWorker(c *cluster, now time.Time) {
	if !c.running.IsZero() {
		return
	}
	c.running, c.firstKey, c.spec.Workers = now, c.key, c.workerCount()
	w.standIn(c)
}

// judge sets the state of a cluster whose workers came or failed.
func (c *cluster) judge() {
	if c.spec.State != clusterPending && c.spec.State != clusterCritical {
		return
	}
	coming := false
	for _, p := range c.workerPools() {
		for _, v := range p.workers {
			if v.state == workerNormal {
				c.spec.State = clusterNormal
				return
			}
			coming = coming || v.state == workerProvisioning
		}
	}
	if !coming {
		c.spec.State = clusterCritical
	}
}

// orderTrouble says why infrastructure for a cluster cannot be ordered or given back at t, if anything. Stored classic
// credentials are asked before the pair's key (trap 46); they are as good as the member they name, and good if they
// name somebody of another account.
func (w *world) orderTrouble(c *cluster, t time.Time) (key, cause string) {
	if c.spec.Provider == "classic" {
		if stored := w.credentials[c.scope.id]; stored != "" {
			if u := w.byEmail[strings.ToLower(stored)]; u != nil && !w.memberAt(u.iam, t) {
				return "", causeOwner
			}
			return "", ""
		}
	}
	return w.scopeTrouble(c.scope, t)
}

// deleteCluster takes a cluster out of service at once and away after a while.
func (w *world) deleteCluster(c *cluster, now time.Time) {
	c.deleting, c.spec.State = now, clusterDeleting
	w.clock.AfterFunc(w.knobs.ClusterDelete.Std(), func() { w.deleted(c) })
}

// deleted ends a deletion. Workers are given back with the pair's key; without a working one they stay, and the cluster
// with them (inferred).
func (w *world) deleted(c *cluster) {
	w.mu.Lock()
	now := w.clock.Now()
	if key, cause := w.orderTrouble(c, now); cause != "" && !c.running.IsZero() {
		c.deleting, c.spec.State = time.Time{}, clusterDeleteFailed
		w.happened(containersAPI.name, "sim.cluster.delete-failed", c.spec.Name, "cluster", c.id, "key", key, "cause", cause)
		w.mu.Unlock()
		return
	}
	c.ended = now
	for _, h := range c.holders {
		if h.to.IsZero() {
			h.to = later(now, h.from)
		}
	}
	for _, ref := range []string{c.id, c.spec.Name} {
		if w.clusterByRef[ref] == c {
			delete(w.clusterByRef, ref)
		}
	}
	w.happened(containersAPI.name, "sim.cluster.deleted", c.spec.Name, "cluster", c.id)
	server := c.server
	w.mu.Unlock()
	if server != nil {
		server.SetUnreachable(true)
	}
}
