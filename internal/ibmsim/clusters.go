package ibmsim

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// cluster is one Kubernetes Service cluster. Its Kubernetes server starts on first use, because a large account has a
// thousand of them.
type cluster struct {
	spec    Cluster
	id, crn string
	by      string // who created it by a call
	created time.Time
	scope   *scope

	since, running  time.Time // master deployed; first worker there
	deleting, ended time.Time // deletion asked for; done
	pools           []*pool   // nil until somebody looks
	lastWorker      int

	holders  []*holder
	standIns []*holder             // for the dependents of a cluster whose server has not started
	pods     map[types.UID]*holder // of the started server
	firstKey *apiKey               // what the secret held in the beginning
	key      *apiKey               // what the secret holds now
	master   master
	synced   time.Time            // when the last RBAC sync is done
	logins   map[string]time.Time // of OpenShift users: when each logged in first
	added    []addon              // switched on by a call
	removed  []string             // switched off by a call

	start    sync.Once
	startErr error
	server   kubernetes
	attached Attached // nil for a simulated cluster
	starting bool
	writing  sync.Mutex // one renewal of the secrets at a time, so that the newest key is written last
}

// master is the state of a cluster's control plane operation.
type master struct {
	busy     bool
	status   string
	modified time.Time
	holder   *holder
}

func newClusterOf(spec Cluster, id string, created time.Time) *cluster {
	return &cluster{spec: spec, id: id, created: created, pods: map[types.UID]*holder{}}
}

func (w *world) loadClusters() {
	for _, spec := range w.account.Clusters {
		c := newClusterOf(spec, firstOf(spec.ID, w.ids.clusterID(spec.Name)), w.ago(Duration(400*24*time.Hour)))
		c.scope = w.scopeNamed(spec.Region, spec.ResourceGroup)
		c.crn = w.clusterCRN(c)
		c.spec.Version = firstOf(spec.Version, defaultVersion(spec.Type))
		c.spec.Type = firstOf(spec.Type, "kubernetes")
		c.spec.State = firstOf(spec.State, clusterNormal)
		if c.spec.Workers == 0 {
			c.spec.Workers = 2
		}
		c.since, c.running = w.born, w.born
		c.firstKey = c.scope.current()
		c.key = c.firstKey
		c.master = master{status: "Ready", modified: c.created, holder: w.hold(c, "master", c.key, w.born)}
		w.standIn(c)
		w.addCluster(c)
		if spec.Settles > 0 {
			w.clock.AfterFunc(spec.Settles.Std(), func() { w.settled(c) })
		}
	}
}

// standIn holds the key for the dependents of a cluster whose server has not started.
func (w *world) standIn(c *cluster) {
	for _, d := range c.dependents() {
		if !d.keyless {
			c.standIns = append(c.standIns, w.hold(c, d.namespace()+"/"+d.name, c.key, c.running))
		}
	}
}

// settled ends what the account file found the cluster in the middle of.
func (w *world) settled(c *cluster) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.deleting.IsZero() {
		c.spec.State = clusterNormal
		w.happened(containersAPI.name, "sim.cluster.settled", c.spec.Name, "cluster", c.id)
	}
}

func defaultVersion(kind string) string {
	if kind == "openshift" {
		return "4.17.12_1543_openshift"
	}
	return "1.32.5_1550"
}

func (c *cluster) target() target {
	return target{service: "containers-kubernetes", region: c.scope.id.region, group: c.scope.id.group, instance: c.id}
}

// visibleClusters are those the caller may read, of one resource group if named: the rest is silently missing (trap 40).
func (k *call) visibleClusters(group string) []*cluster {
	var list []*cluster
	for _, c := range k.w.clusters {
		if !c.gone() && !c.spec.Unlisted && (group == "" || group == c.scope.id.group) && k.reads(c) {
			list = append(list, c)
		}
	}
	return list
}

func (k *call) reads(c *cluster) bool {
	return k.w.may(k.caller.iam, c.target(), k.now, "Administrator", "Editor", "Operator", "Viewer")
}

// cluster finds a cluster by ID or name, or gives the refusal that does not tell missing from invisible.
func (k *call) cluster(ref string) (*cluster, reply) {
	c := k.w.clusterByRef[ref]
	if c == nil || c.spec.Unlisted || !k.reads(c) {
		return nil, k.clusterNotFound(ref)
	}
	if group := k.groupHeader(); group != "" && group != c.scope.id.group {
		return nil, k.clusterNotFound(ref)
	}
	return c, reply{}
}

// groupHeader reads either spelling: the SDK sends one of them in one place only (trap 30).
func (k *call) groupHeader() string {
	return firstOf(k.r.Header.Get("X-Auth-Resource-Group"), k.r.Header.Get("X-Auth-Resource-Group-ID"))
}

// troubled tells whether the cluster has an outage right now: its state turns to warning and its add-ons to critical. It
// asks for the present alone, because lists ask it of every cluster, and says what clusterOutages says of it.
func (w *world) troubled(c *cluster, now time.Time) bool {
	if c.since.IsZero() || !c.since.Before(now) || !c.deleting.IsZero() {
		return false
	}
	if _, cause := w.scopeTrouble(c.scope, now.Add(-1)); cause != "" { // what begins now has not lasted yet
		return true
	}
	for _, h := range c.holders {
		if h.key == nil {
			if h.from.Before(now) && h.to.IsZero() {
				return true
			}
			continue
		}
		if failed := h.replay(w.tokenLives, now).failed; len(failed) > 0 && !failed[len(failed)-1].to.Before(now) {
			return true
		}
	}
	return false
}
