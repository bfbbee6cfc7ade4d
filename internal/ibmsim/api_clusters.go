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
				list = append(list, k.clusterBody(c))
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

func (k *call) clusterBody(c *cluster) map[string]any {
	r := regionInfo(c.scope.id.region)
	state := c.spec.State
	if state == "normal" && k.w.troubled(c, k.now) {
		state = "warning"
	}
	return map[string]any{
		"id": c.id, "name": c.spec.Name, "region": c.spec.Region, "resourceGroup": c.scope.id.group, "resourceGroupName": c.spec.ResourceGroup,
		"provider": c.spec.Provider, "type": c.spec.Type, "state": state, "status": "All Workers Normal", "masterKubeVersion": c.spec.Version,
		"targetVersion": c.spec.Version, "masterURL": k.kubeURL(c), "workerCount": c.spec.Workers, "location": r.display, "datacenter": r.metro,
		"createdDate": c.created.UTC().Format(ksTime), "isPaid": true, "entitlement": "", "multiAzCapable": true,
		"ingress": map[string]any{"hostname": c.spec.Name + ".apps.acme.example", "secretName": c.spec.Name, "status": "healthy", "message": ""},
		"addons":  c.addonSummary(), "podSubnet": "172.30.0.0/16", "serviceSubnet": "172.21.0.0/16", "etcdPort": "20001",
	}
}

func (c *cluster) addonSummary() []any {
	list := []any{}
	for _, a := range c.addons() {
		list = append(list, map[string]any{"name": a.name, "version": a.version})
	}
	return list
}

// kubeURL is where the cluster's API server answers, as this caller reached the cloud: by TLS where the listener has it.
func (k *call) kubeURL(c *cluster) string {
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
	if c.master.busy {
		return "updating"
	}
	return "deployed"
}

func clusterV2(k *call) reply {
	c, refused := k.cluster(k.q("cluster"))
	if c == nil {
		return refused
	}
	body := k.clusterBody(c)
	body["crn"] = c.crn
	body["disableAutoUpdate"] = false
	body["features"] = map[string]any{"keyProtectEnabled": false, "pullSecretApplied": true}
	body["lifecycle"] = map[string]any{
		"masterHealth": "normal", "masterState": c.masterState(), "masterStatus": c.master.status,
		"masterStatusModifiedDate": c.master.modified.UTC().Format(masterTime), "modifiedDate": c.master.modified.UTC().Format(masterTime),
	}
	private := "https://private." + c.id + ".acme.example"
	body["serviceEndpoints"] = map[string]any{
		"privateServiceEndpointEnabled": true, "privateServiceEndpointURL": private,
		"publicServiceEndpointEnabled": !c.spec.PrivateOnly, "publicServiceEndpointURL": publicURL(k, c),
	}
	if c.spec.PrivateOnly {
		body["masterURL"] = private
	}
	return ok(body)
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
			list = append(list, k.flatBody(c))
		}
	}
	return ok(list)
}

func clusterV1(k *call) reply {
	c, refused := k.cluster(k.path("cluster"))
	if c == nil {
		return refused
	}
	return ok(k.flatBody(c))
}

func (k *call) flatBody(c *cluster) map[string]any {
	body := k.clusterBody(c)
	for _, nested := range []string{"ingress", "provider", "datacenter", "masterURL"} {
		delete(body, nested)
	}
	body["crn"], body["dataCenter"], body["serverURL"] = c.crn, regionInfo(c.scope.id.region).metro, k.kubeURL(c)
	body["masterHealth"], body["masterState"], body["masterStatus"] = "normal", c.masterState(), c.master.status
	body["masterStatusModifiedDate"] = c.master.modified.UTC().Format(masterTime)
	body["publicServiceEndpointEnabled"], body["publicServiceEndpointURL"] = !c.spec.PrivateOnly, publicURL(k, c)
	body["privateServiceEndpointEnabled"], body["keyProtectEnabled"], body["pullSecretApplied"] = true, false, true
	return body
}
