package ibmsim

import (
	"net/http"
	"slices"
)

// Master refresh, the only thing that carries a pair's new key into a cluster (trap 49).
var masterRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v2/refreshMaster", handle: refreshByBody},
	{api: &containersAPI, method: "PUT", path: "/v1/clusters/{cluster}/masters", handle: refreshByPath},
}

func refreshByBody(k *call) reply {
	var in struct{ Cluster string }
	if !k.decode(&in) {
		return k.ksRefusal(http.StatusBadRequest, "E0007", "General", "The body could not be read.")
	}
	return k.refresh(in.Cluster)
}

func refreshByPath(k *call) reply {
	var in struct{ Action string }
	if !k.decode(&in) || in.Action != "refresh" {
		return k.ksRefusal(http.StatusBadRequest, "E0007", "General", "The only action known is refresh.")
	}
	return k.refresh(k.path("cluster"))
}

// refresh starts a master refresh. It takes the pair's key as it is now and brings it to the master when it ends. A
// cluster in the middle of something else refuses, as does one whose refresh is still running (inferred; trap 47).
func (k *call) refresh(ref string) reply {
	c, refused := k.cluster(ref)
	if c == nil {
		return refused
	}
	if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator", "Operator") {
		return k.ksForbidden("Operator of the cluster")
	}
	if c.master.busy || !slices.Contains([]string{"normal", "warning", "critical"}, c.spec.State) {
		return k.busy()
	}
	key := c.scope.at(k.now)
	c.master.busy, c.master.status, c.master.modified = true, "Refresh in progress.", k.now
	keyID := ""
	if key != nil {
		keyID = key.id
	}
	k.record("containers-kubernetes.cluster-master.refresh", c.spec.Name, "cluster", c.id, "key", keyID)
	w := k.w
	w.clock.AfterFunc(w.knobs.MasterRefresh.Std(), func() { w.refreshed(c, key) })
	return noContent()
}

func (k *call) busy() reply {
	return k.ksRefusal(http.StatusConflict, "E0062", "Provisioning", "Another operation on the cluster master is in progress or the cluster's state does not allow it.")
}

func (w *world) refreshed(c *cluster, key *apiKey) {
	w.mu.Lock()
	if c.gone() {
		w.mu.Unlock()
		return
	}
	now := w.clock.Now()
	c.master.busy, c.master.status, c.master.modified = false, "Ready", now
	c.master.holder.to = now
	c.master.holder = w.hold(c, "master", key, now)
	w.happened(containersAPI.name, "containers-kubernetes.cluster-master.refreshed", c.spec.Name, "cluster", c.id)
	w.mu.Unlock()
	if w.knobs.SecretDelay == 0 {
		w.renewSecret(c, key)
		return
	}
	w.clock.AfterFunc(w.knobs.SecretDelay.Std(), func() { w.renewSecret(c, key) })
}

// renewSecret puts the key into the cluster's secrets. Running pods keep what they read when they started (trap 51).
func (w *world) renewSecret(c *cluster, key *apiKey) {
	w.mu.Lock()
	c.key = key
	started := c.server != nil && !c.starting
	w.happened(containersAPI.name, "sim.cluster-secret.renewed", c.spec.Name, "cluster", c.id)
	w.mu.Unlock()
	if started {
		w.writeSecrets(c)
	}
}
