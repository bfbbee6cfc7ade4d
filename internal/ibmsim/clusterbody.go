package ibmsim

// What the Kubernetes Service says of a cluster, in its three forms: an entry of a list, the detail of version 2, and the
// flat view of version 1. They are structs and not maps because a list of a thousand is the largest answer there is.

// clusterCore is what all forms share.
type clusterCore struct {
	ID                string         `json:"id"`
	Name              string         `json:"name"`
	Region            string         `json:"region"`
	ResourceGroup     string         `json:"resourceGroup"`
	ResourceGroupName string         `json:"resourceGroupName"`
	Type              string         `json:"type"`
	State             string         `json:"state"`
	Status            string         `json:"status"`
	MasterKubeVersion string         `json:"masterKubeVersion"`
	TargetVersion     string         `json:"targetVersion"`
	WorkerCount       int            `json:"workerCount"`
	Location          string         `json:"location"`
	CreatedDate       string         `json:"createdDate"`
	IsPaid            bool           `json:"isPaid"`
	Entitlement       string         `json:"entitlement"`
	MultiAzCapable    bool           `json:"multiAzCapable"`
	Addons            []clusterAddon `json:"addons"`
	PodSubnet         string         `json:"podSubnet"`
	ServiceSubnet     string         `json:"serviceSubnet"`
	EtcdPort          string         `json:"etcdPort"`
}

type clusterAddon struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// clusterEntry is an element of a list.
type clusterEntry struct {
	clusterCore
	Provider   string         `json:"provider"`
	MasterURL  string         `json:"masterURL"`
	Datacenter string         `json:"datacenter"`
	Ingress    clusterIngress `json:"ingress"`
}

type clusterIngress struct {
	Hostname   string `json:"hostname"`
	SecretName string `json:"secretName"`
	Status     string `json:"status"`
	Message    string `json:"message"`
}

// clusterDetail is the answer of getCluster.
type clusterDetail struct {
	clusterEntry
	CRN               string           `json:"crn"`
	DisableAutoUpdate bool             `json:"disableAutoUpdate"`
	Features          clusterFeatures  `json:"features"`
	Lifecycle         clusterLifecycle `json:"lifecycle"`
	ServiceEndpoints  clusterEndpoints `json:"serviceEndpoints"`
}

type clusterFeatures struct {
	KeyProtectEnabled bool `json:"keyProtectEnabled"`
	PullSecretApplied bool `json:"pullSecretApplied"`
}

type clusterLifecycle struct {
	clusterMaster
	ModifiedDate string `json:"modifiedDate"`
}

type clusterMaster struct {
	MasterHealth             string `json:"masterHealth"`
	MasterState              string `json:"masterState"`
	MasterStatus             string `json:"masterStatus"`
	MasterStatusModifiedDate string `json:"masterStatusModifiedDate"`
}

type clusterEndpoints struct {
	PrivateEnabled bool   `json:"privateServiceEndpointEnabled"`
	PrivateURL     string `json:"privateServiceEndpointURL,omitempty"`
	PublicEnabled  bool   `json:"publicServiceEndpointEnabled"`
	PublicURL      string `json:"publicServiceEndpointURL"`
}

// clusterFlat is version 1's view, with capital letters of its own.
type clusterFlat struct {
	clusterCore
	clusterMaster
	clusterFeatures
	clusterEndpoints
	CRN        string `json:"crn"`
	DataCenter string `json:"dataCenter"`
	ServerURL  string `json:"serverURL"`
}

func (k *call) clusterCore(c *cluster) clusterCore {
	state := c.spec.State
	if state == clusterNormal && k.w.troubled(c, k.now) {
		state = "warning"
	}
	return clusterCore{
		ID: c.id, Name: c.spec.Name, Region: c.spec.Region, ResourceGroup: c.scope.id.group, ResourceGroupName: k.w.groupName(c.scope.id.group), Type: c.spec.Type,
		State: state, Status: c.status(), MasterKubeVersion: c.spec.Version, TargetVersion: c.spec.Version, WorkerCount: c.workerCount(),
		Location: regionInfo(c.scope.id.region).display, CreatedDate: c.created.UTC().Format(ksTime), IsPaid: true, MultiAzCapable: true,
		Addons: c.addonSummary(), PodSubnet: "172.30.0.0/16", ServiceSubnet: "172.21.0.0/16", EtcdPort: "20001",
	}
}

func (k *call) clusterEntry(c *cluster) clusterEntry {
	return clusterEntry{
		clusterCore: k.clusterCore(c), Provider: c.spec.Provider, MasterURL: k.kubeURL(c), Datacenter: regionInfo(c.scope.id.region).metro,
		Ingress: clusterIngress{Hostname: c.spec.Name + ".apps.acme.example", SecretName: c.spec.Name, Status: "healthy"},
	}
}

func (c *cluster) addonSummary() []clusterAddon {
	list := []clusterAddon{}
	for _, a := range c.addons() {
		list = append(list, clusterAddon{a.name, a.version})
	}
	return list
}

func (c *cluster) masterBody() clusterMaster {
	return clusterMaster{c.masterHealth(), c.masterState(), c.master.status, c.master.modified.UTC().Format(masterTime)}
}

func (k *call) clusterDetail(c *cluster) clusterDetail {
	private := "https://private." + c.id + ".acme.example"
	body := clusterDetail{
		clusterEntry: k.clusterEntry(c), CRN: c.crn, Features: clusterFeatures{PullSecretApplied: true},
		Lifecycle:        clusterLifecycle{c.masterBody(), c.master.modified.UTC().Format(masterTime)},
		ServiceEndpoints: clusterEndpoints{true, private, !c.spec.PrivateOnly, publicURL(k, c)},
	}
	if c.spec.PrivateOnly {
		body.MasterURL = private
	}
	return body
}

func (k *call) clusterFlat(c *cluster) clusterFlat {
	return clusterFlat{
		clusterCore: k.clusterCore(c), clusterMaster: c.masterBody(), clusterFeatures: clusterFeatures{PullSecretApplied: true},
		clusterEndpoints: clusterEndpoints{PrivateEnabled: true, PublicEnabled: !c.spec.PrivateOnly, PublicURL: publicURL(k, c)},
		CRN:              c.crn, DataCenter: regionInfo(c.scope.id.region).metro, ServerURL: k.kubeURL(c),
	}
}
