package ibmsim

import (
	"strconv"
)

// Add-ons and their health.
var addonRoutes = []route{
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/addons", handle: func(k *call) reply { return k.addonList(k.path("cluster")) }},
	{api: &containersAPI, method: "GET", path: "/v2/getClusterAddons", handle: func(k *call) reply { return k.addonList(k.q("cluster")) }},
}

// addon is an installed add-on.
type addon struct{ name, version string }

func (c *cluster) addons() []addon {
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
	return list
}

// addonList shows critical while the cluster is without a working key, updating while its master is being refreshed.
func (k *call) addonList(ref string) reply {
	c, refused := k.cluster(ref)
	if c == nil {
		return refused
	}
	health, status := "normal", "Addon Ready"
	switch {
	case k.w.troubled(c, k.now):
		health, status = "critical", "The IAM token exchange of the add-on fails (NHC009)."
	case c.master.busy:
		health, status = "updating", "Addon Updating"
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
