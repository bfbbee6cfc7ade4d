package ibmsim

import (
	"net/http"
	"slices"
	"strconv"
)

// Add-ons and their health.
var addonRoutes = []route{
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/addons", handle: func(k *call) reply { return k.addonList(k.path("cluster")) }},
	{api: &containersAPI, method: "PATCH", path: "/v1/clusters/{cluster}/addons", handle: manageAddons},
	{api: &containersAPI, method: "POST", path: "/v2/enablePullSecret", handle: enablePullSecret},
	{api: &containersAPI, method: "GET", path: "/v2/getClusterAddons", handle: func(k *call) reply { return k.addonList(k.q("cluster")) }},
}

// addon is an installed add-on.
type addon struct{ name, version string }

func (c *cluster) addons() []addon {
	list := slices.DeleteFunc(c.built(), func(a addon) bool { return slices.Contains(c.removed, a.name) })
	return append(list, c.added...)
}

// built are the add-ons the account file gave the cluster.
func (c *cluster) built() []addon {
	var list []addon
	switch c.spec.BlockCSI {
	case "deployment":
		list = append(list, addon{"vpc-block-csi-driver", "5.2"})
	case "statefulset":
		list = append(list, addon{"vpc-block-csi-driver", "5.1"})
	}
	if c.spec.FileCSI {
		list = append(list, addon{"vpc-file-csi-driver", "2.0"})
	}
	if c.spec.Autoscaler {
		list = append(list, addon{"cluster-autoscaler", "1.2.3"})
	}
	for _, name := range c.spec.Addons {
		if !slices.ContainsFunc(list, func(a addon) bool { return a.name == name }) {
			list = append(list, addon{name, "1.0.0"})
		}
	}
	return list
}

// manageAddons switches add-ons on and off in the lists. Their workloads are left alone: switching a driver off and on is
// no way to restart it.
func manageAddons(k *call) reply {
	c, refused := k.cluster(k.path("cluster"))
	if c == nil {
		return refused
	}
	if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator", "Editor") {
		return k.ksForbidden("Editor of the cluster")
	}
	var in struct {
		Addons         []struct{ Name, Version string }
		Enable, Update bool
	}
	if !k.decode(&in) || len(in.Addons) == 0 {
		return k.ksRefusal(http.StatusBadRequest, "E0007", "General", "The body needs addons.")
	}
	for _, a := range in.Addons {
		c.added = slices.DeleteFunc(c.added, func(have addon) bool { return have.name == a.Name })
		built := slices.ContainsFunc(c.built(), func(have addon) bool { return have.name == a.Name })
		c.removed = slices.DeleteFunc(c.removed, func(name string) bool { return name == a.Name })
		verb := "disable"
		switch {
		case in.Enable || in.Update:
			verb = "enable"
			if in.Update {
				verb = "update"
			}
			if !built {
				c.added = append(c.added, addon{a.Name, firstOf(a.Version, "1.0")})
			}
		case built:
			c.removed = append(c.removed, a.Name)
		}
		k.record("containers-kubernetes.cluster-addon."+verb, c.spec.Name, "cluster", c.id, "addon", a.Name)
	}
	return ok(map[string]any{"missingDeps": []any{}, "orphanedAddons": map[string]any{}})
}

// enablePullSecret makes the default registry secrets again with the pair's key, whose owner needs Administrator on the
// registry for the whole account: a policy for one resource group or region is not enough (trap 27; the refusal is
// inferred). The service ID behind the secrets is not modelled.
func enablePullSecret(k *call) reply {
	var in struct{ Cluster string }
	if !k.decode(&in) {
		return k.ksRefusal(http.StatusBadRequest, "E0007", "General", "The body could not be read.")
	}
	c, refused := k.cluster(in.Cluster)
	if c == nil {
		return refused
	}
	if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator", "Operator") {
		return k.ksForbidden("Operator of the cluster")
	}
	key := c.scope.at(k.now)
	if key == nil || !key.worksAt(k.now) || !k.w.may(key.owner, target{service: "container-registry"}, k.now, "Administrator") {
		return k.ksRefusal(http.StatusBadRequest, "E0062", "Provisioning", "The API key of the region and resource group has no Administrator role on Container Registry.")
	}
	k.record("containers-kubernetes.cluster-pull-secret.enable", c.spec.Name, "cluster", c.id)
	return noContent()
}

// addonList shows critical while the cluster is without a working key, updating while its master is being refreshed.
func (k *call) addonList(ref string) reply {
	c, refused := k.cluster(ref)
	if c == nil {
		return refused
	}
	health, status := firstOf(c.spec.AddonHealth, "normal"), "Addon Ready"
	switch {
	case k.w.troubled(c, k.now):
		health, status = "critical", "The IAM token exchange of the add-on fails (NHC009)."
	case c.master.busy:
		health, status = "updating", "Addon Updating"
	case c.spec.AddonHealth == "none":
		health, status = "", ""
	}
	list := []any{}
	for _, a := range c.addons() {
		list = append(list, map[string]any{
			"name": a.name, "version": a.version, "targetVersion": a.version, "healthState": health, "healthStatus": status, "deprecated": false,
			"allowed_upgrade_versions": []string{}, "vlan_spanning_required": false, "options": strconv.Quote(""),
		})
	}
	return ok(list)
}
