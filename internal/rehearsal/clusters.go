package rehearsal

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// settles is when a cluster that was in the middle of something comes to rest on a quick stage.
const settles = 4 * time.Second

func (b *builder) clusters(pace Pace) {
	names := map[string]bool{}
	unique := func(name, id string) string {
		if name == "" || names[name] {
			name += " " + id
		}
		names[name] = true
		return name
	}
	for _, c := range b.view.Clusters {
		if !b.known(c.Scope()) || !slices.Contains([]string{"classic", "vpc-gen2", "satellite"}, c.Provider) {
			b.lose("clusters in places that the simulator does not have, which are left out", c.Name)
			continue
		}
		spec := ibmsim.Cluster{
			Name: unique(c.Name, c.ID), ID: c.ID, Region: c.Region, ResourceGroup: b.groupName(c.ResourceGroup), Provider: c.Provider,
			State: c.State, Version: c.Version,
		}
		if c.Type == "openshift" {
			spec.Type = c.Type
		}
		for _, a := range c.Addons {
			spec.Addons = append(spec.Addons, a.Name)
		}
		if c.Busy() && pace == Quick {
			spec.Settles = ibmsim.Duration(settles)
		}
		b.inside(&spec, b.view.Inspections[c.ID])
		b.account.Clusters = append(b.account.Clusters, spec)
	}
	for _, ref := range b.view.Hidden {
		b.account.Clusters = append(b.account.Clusters, ibmsim.Cluster{Name: unique(ref.Name, ref.ID), ID: ref.ID, Unlisted: true,
			Region: "us-south", ResourceGroup: b.defaultGroup(), Provider: "classic"})
	}
}

// The simulator's own workloads, which hold the cluster's key.
const (
	blockController = "ibm-vpc-block-csi-controller"
	fileController  = "ibm-vpc-file-csi-controller"
	autoscaler      = "ibm-iks-cluster-autoscaler"
)

// inside translates what was found in a cluster.
func (b *builder) inside(c *ibmsim.Cluster, found offboard.Inspection) {
	c.PrivateOnly = found.Unreachable != ""
	if found.TrustedProfile {
		c.TrustedProfile = storageProfile
	}
	for _, d := range found.Dependents {
		b.dependent(c, d)
	}
	for _, binding := range found.Bindings {
		addBinding(c, binding)
	}
	for _, name := range found.PullSecrets {
		namespace, secret, _ := strings.Cut(name, "/")
		c.PullSecrets = append(c.PullSecrets, ibmsim.PullSecret{Namespace: namespace, Name: secret, Registry: "icr.io"})
	}
}

// dependent makes a workload that depends on the key the simulator's own where it has one, so that it behaves as IBM's.
func (b *builder) dependent(c *ibmsim.Cluster, d offboard.Dependent) {
	if d.Ready < d.Replicas {
		b.lose("workloads with pods that were not ready, all of whose pods are ready here", c.Name+" "+d.String())
	}
	own := map[string]int{blockController: 1, fileController: 2, autoscaler: 1}
	usual, is := own[d.Workload]
	switch {
	case d.Namespace != "kube-system" || !is:
	case d.Workload == blockController:
		c.BlockCSI = strings.ToLower(d.Kind)
	case d.Kind != "Deployment":
		is = false
	case d.Workload == fileController:
		c.FileCSI = true
	default:
		c.Autoscaler = true
	}
	if !is || d.Namespace != "kube-system" {
		c.Workloads = append(c.Workloads, ibmsim.Workload{Namespace: d.Namespace, Name: d.Workload, Replicas: int32(d.Replicas), Stateful: d.Kind == "StatefulSet", Key: true})
		return
	}
	if d.Replicas != usual {
		if c.Replicas == nil {
			c.Replicas = map[string]int32{}
		}
		c.Replicas[d.Workload] = int32(d.Replicas)
	}
}

// addBinding adds the subject of a binding; a binding that names the leaver in two spellings was found twice.
func addBinding(c *ibmsim.Cluster, found offboard.Binding) {
	i := slices.IndexFunc(c.Bindings, func(have ibmsim.Binding) bool { return have.Namespace == found.Namespace && have.Name == found.Name })
	if i >= 0 {
		c.Bindings[i].Subjects = append(c.Bindings[i].Subjects, found.Subject)
		return
	}
	kind, role, named := strings.Cut(found.Role, " ")
	if !named {
		kind, role = "", found.Role
	}
	if kind == "ClusterRole" {
		kind = ""
	}
	c.Bindings = append(c.Bindings, ibmsim.Binding{Namespace: found.Namespace, Name: found.Name, RoleKind: kind, Role: cmp.Or(role, "view"), Subjects: []string{found.Subject}})
}
