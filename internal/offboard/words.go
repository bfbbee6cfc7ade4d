package offboard

import (
	"strings"
	"time"
)

// Scope is one (region, resource group) pair. It has at most one current cluster key, and every cluster in it depends
// on that key.
type Scope struct {
	Region            string `json:"region"`                      // modern name, see Region
	ResourceGroup     string `json:"resourceGroup"`               // ID, 32 hex digits
	ResourceGroupName string `json:"resourceGroupName,omitempty"` // for people
	// APIRegion is the spelling the scope's clusters use, which is what the reset expects (section X-Region of the facts
	// on region names: inferred). Empty means Region.
	APIRegion string `json:"apiRegion,omitempty"`
}

// ID identifies the scope within its account: "<region>/<resource group id>".
func (s Scope) ID() string { return s.Region + "/" + s.ResourceGroup }

// String names the scope for people: "<region>/<resource group name>".
func (s Scope) String() string {
	if s.ResourceGroupName == "" {
		return s.ID()
	}
	return s.Region + "/" + s.ResourceGroupName
}

// XRegion is the spelling to send to the containers API.
func (s Scope) XRegion() string {
	if s.APIRegion != "" {
		return s.APIRegion
	}
	return s.Region
}

// Person is a user of the account.
type Person struct {
	IAMID string `json:"iamId"`
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
	Realm string `json:"realm,omitempty"`
	State string `json:"state,omitempty"` // IBM's word: ACTIVE, PENDING, PROCESSING, …
}

// Active tells whether the person is a full member, not merely invited (trap 19).
func (p Person) Active() bool { return p.State == "ACTIVE" }

// Identity is who an API key belongs to.
type Identity struct {
	IAMID   string `json:"iamId"`
	Email   string `json:"email,omitempty"`
	Account string `json:"account"`
	KeyID   string `json:"keyId,omitempty"`
}

// Account is what the account's settings say about everybody.
type Account struct {
	ID         string `json:"id"`
	OwnerIAMID string `json:"ownerIamId,omitempty"` // empty where it cannot be read
	// TokenLife is how long an access token outlives its key (section 0.6 of the facts: default 3600 s).
	TokenLife Duration `json:"tokenLife"`
	// RestrictedKeys: only holders of "User API key creator" may create keys (trap 7).
	RestrictedKeys bool `json:"restrictedKeys,omitempty"`
	// VisibleUsers is how many users the engine's identity can see. One means: only itself (trap 16).
	VisibleUsers int `json:"visibleUsers"`
}

// ResourceGroup is an IBM Cloud resource group.
type ResourceGroup struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Default bool   `json:"default,omitempty"`
}

// Cluster is a Kubernetes or OpenShift cluster as the containers API describes it.
type Cluster struct {
	ID                string  `json:"id"`
	Name              string  `json:"name"`
	Region            string  `json:"region"` // as the API spells it
	ResourceGroup     string  `json:"resourceGroup"`
	ResourceGroupName string  `json:"resourceGroupName,omitempty"`
	Provider          string  `json:"provider"` // classic, vpc-gen2, satellite
	Type              string  `json:"type"`     // kubernetes, openshift
	State             string  `json:"state"`
	Status            string  `json:"status,omitempty"` // the service's text beside the state
	Version           string  `json:"version,omitempty"`
	PrivateOnly       bool    `json:"privateOnly,omitempty"`
	Owner             Owner   `json:"owner,omitzero"`
	Addons            []Addon `json:"addons,omitempty"`
}

// Scope is the pair whose key the cluster depends on.
func (c Cluster) Scope() Scope {
	s := Scope{Region: Region(c.Region), ResourceGroup: c.ResourceGroup, ResourceGroupName: c.ResourceGroupName}
	if s.Region != c.Region {
		s.APIRegion = c.Region
	}
	return s
}

// Going tells whether the cluster is being deleted or never came up, so that its key matters to nobody.
func (c Cluster) Going() bool {
	switch c.State {
	case "deleting", "deleted", "aborted", "deploy_failed", "delete_failed":
		return true
	}
	return false
}

// Busy tells whether the cluster cannot be refreshed right now (trap 47).
func (c Cluster) Busy() bool {
	switch c.State {
	case "deploying", "requested", "pending", "updating":
		return true
	}
	return false
}

// Owner is who the containers API names as owner of a cluster's key. It says nothing of which key it is (trap 53).
type Owner struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// Is tells whether the owner is the person of that e-mail address; addresses are compared without case (trap 21).
func (o Owner) Is(email string) bool { return email != "" && strings.EqualFold(o.Email, email) }

// Addon is a managed add-on of a cluster.
type Addon struct {
	Name   string `json:"name"`
	Health string `json:"health,omitempty"` // empty and pending mean: not known yet (trap 45)
	Status string `json:"status,omitempty"`
}

// Bad tells whether the add-on reports trouble; not knowing yet is not trouble (trap 45).
func (a Addon) Bad() bool { return a.Health == "critical" || a.Health == "warning" }

// Master is the state of a cluster's control plane.
type Master struct {
	State    string    `json:"state"`  // deployed when nothing is going on
	Health   string    `json:"health"` // normal, error, unavailable, unsupported
	Modified time.Time `json:"modified,omitzero"`
}

// Settled tells whether no operation runs on the control plane.
func (m Master) Settled() bool { return m.State == "deployed" || m.State == "" }

// Dependent is a workload in a cluster that reads the key when it starts.
type Dependent struct {
	Name      string `json:"name"` // of the rule that found it
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"` // Deployment or StatefulSet, found by owner reference (trap 43)
	Workload  string `json:"workload"`
	Replicas  int    `json:"replicas"`
	Ready     int    `json:"ready"`
	Breaks    string `json:"breaks,omitempty"` // what stops when its key is dead, in a cluster owner's words
}

// Rollout is how far a restart is.
type Rollout struct {
	// Done: none of the old pods is left and every replica is ready.
	Done bool `json:"done"`
	// Missing says what is not done yet, in words.
	Missing string `json:"missing,omitempty"`
	// Reverted: old pods are left and nothing replaces them, because the mark was taken back (an add-on manager does so).
	Reverted bool `json:"reverted,omitempty"`
}

// String names the workload: "kube-system/ibm-vpc-block-csi-controller".
func (d Dependent) String() string { return d.Namespace + "/" + d.Workload }

// Binding is a role binding that names the leaver and that IBM does not clean up (trap 55).
type Binding struct {
	Kind      string `json:"kind"` // RoleBinding or ClusterRoleBinding
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Subject   string `json:"subject"`
	Role      string `json:"role"`
}

// String names the binding: "RoleBinding shop/deployers".
func (b Binding) String() string {
	if b.Namespace == "" {
		return b.Kind + " " + b.Name
	}
	return b.Kind + " " + b.Namespace + "/" + b.Name
}
