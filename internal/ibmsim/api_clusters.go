package ibmsim

import (
	"strings"
	"time"
)

// Lists and details of clusters. Lists are bare arrays without paging.
var clusterRoutes = []route{
	{api: &containersAPI, method: "GET", path: "/v1/clusters", handle: listClassicV1},
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}", handle: clusterV1},
	{api: &containersAPI, method: "GET", path: "/v2/classic/getClusters", handle: listClusters("classic")},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getClusters", handle: listClusters("vpc-gen2")},
	{api: &containersAPI, method: "GET", path: "/v2/satellite/getClusters", handle: listClusters("satellite")},
	{api: &containersAPI, method: "GET", path: "/v2/getCluster", handle: clusterV2},
	{api: &containersAPI, method: "GET", path: "/v2/classic/getCluster", handle: clusterV2},
	{api: &containersAPI, method: "GET", path: "/v2/vpc/getCluster", handle: clusterV2},
	{api: &containersAPI, method: "GET", path: "/v2/satellite/getCluster", handle: clusterV2},
}

const ksTime = "2006-01-02T15:04:05-0700"

func listClusters(provider string) func(*call) reply {
	return func(k *call) reply {
		list := []any{}
		for _, c := range k.visibleClusters(k.groupHeader()) {
			if c.spec.Provider == provider && k.inLocation(c) {
				list = append(list, k.clusterEntry(c))
			}
		}
		return ok(list)
	}
}

func (k *call) inLocation(c *cluster) bool {
	want := k.q("location")
	return want == "" || regionInfo(c.scope.id.region).at(want)
}

// at tells whether a location's name means the region.
func (r region) at(name string) bool {
	return strings.EqualFold(name, r.display) || strings.EqualFold(name, r.metro) || strings.EqualFold(name, r.name)
}

// kubeURL is where the cluster's API server answers, as this caller reached the cloud: by TLS where the listener has it.
func (k *call) kubeURL(c *cluster) string {
	if c.attached != nil {
		return c.attached.Access().Server
	}
	if k.certificate() != nil {
		return "https://" + k.r.Host + "/kube/" + c.id
	}
	return k.base() + "/kube/" + c.id
}

// certificate is the listener's own in PEM, nil where it speaks no TLS of its own (see Server).
func (k *call) certificate() []byte {
	if a := authorityOf(k.r); a != nil {
		return a.pem
	}
	return nil
}

func (c *cluster) masterState() string {
	switch {
	case c.master.busy:
		return "updating"
	case c.spec.State == clusterDeploying, c.spec.State == clusterDeleting:
		return c.spec.State
	}
	return "deployed"
}

// masterHealth: a master that is not there yet cannot be reached (inferred).
func (c *cluster) masterHealth() string {
	if c.spec.State == clusterDeploying {
		return "unavailable"
	}
	return "normal"
}

// status is the text beside the state; those of new and failed clusters are inferred.
func (c *cluster) status() string {
	switch c.spec.State {
	case clusterDeploying:
		return "Creating the master"
	case clusterPending:
		return "Waiting for workers"
	case clusterCritical:
		return "No workers are available"
	case clusterDeleting:
		return "Deleting"
	case clusterDeleteFailed:
		return "The infrastructure could not be given back"
	}
	return "All Workers Normal"
}

func clusterV2(k *call) reply {
	c, refused := k.cluster(k.q("cluster"))
	if c == nil {
		return refused
	}
	return ok(k.clusterDetail(c))
}

// masterTime keeps fractions, because a refresh of the simulator may take less than a second.
const masterTime = time.RFC3339Nano

func publicURL(k *call, c *cluster) string {
	if c.spec.PrivateOnly {
		return ""
	}
	return k.kubeURL(c)
}

// listClassicV1 is the old flat view of classic clusters.
func listClassicV1(k *call) reply {
	list := []any{}
	for _, c := range k.visibleClusters(k.groupHeader()) {
		if c.spec.Provider == "classic" && k.inLocation(c) {
			list = append(list, k.clusterFlat(c))
		}
	}
	return ok(list)
}

func clusterV1(k *call) reply {
	c, refused := k.cluster(k.path("cluster"))
	if c == nil {
		return refused
	}
	return ok(k.clusterFlat(c))
}
