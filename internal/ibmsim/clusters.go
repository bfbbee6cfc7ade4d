package ibmsim

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/ibmsim/kube"
)

// cluster is one Kubernetes Service cluster. Its Kubernetes server starts on first use, because a large account has a
// thousand of them.
type cluster struct {
	spec    Cluster
	id, crn string
	created time.Time
	scope   *scope

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
	server   *kube.Server
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

func (w *world) loadClusters() {
	for _, spec := range w.account.Clusters {
		c := &cluster{spec: spec, id: firstOf(spec.ID, w.ids.clusterID(spec.Name)), created: w.ago(Duration(400 * 24 * time.Hour)), pods: map[types.UID]*holder{}}
		c.scope = w.scopeNamed(spec.Region, spec.ResourceGroup)
		c.crn = fmt.Sprintf("crn:v1:bluemix:public:containers-kubernetes:%s:a/%s:%s::", c.scope.id.region, w.accountID, c.id)
		c.spec.Version = firstOf(spec.Version, defaultVersion(spec.Type))
		c.spec.Type = firstOf(spec.Type, "kubernetes")
		c.spec.State = firstOf(spec.State, "normal")
		if c.spec.Workers == 0 {
			c.spec.Workers = 2
		}
		c.firstKey = c.scope.current()
		c.key = c.firstKey
		c.master = master{status: "Ready", modified: c.created, holder: w.hold(c, "master", c.key, w.born)}
		for _, d := range c.dependents() {
			if !d.keyless {
				c.standIns = append(c.standIns, w.hold(c, systemNamespace+"/"+d.name, c.key, w.born))
			}
		}
		w.clusters = append(w.clusters, c)
		w.clusterByRef[c.id], w.clusterByRef[spec.Name] = c, c
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
		if (group == "" || group == c.scope.id.group) && k.reads(c) {
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
	if c == nil || !k.reads(c) {
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

// troubled tells whether the cluster has an outage right now: its state turns to warning and its add-ons to critical.
func (w *world) troubled(c *cluster, now time.Time) bool {
	for _, o := range w.clusterOutages(c, now) {
		if o.To.IsZero() {
			return true
		}
	}
	return false
}
