package ibmcloud

import (
	"context"

	"github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Clusters is the containers API, seen by the engine. Finding clusters is in discovery.go.
type Clusters struct {
	account string
	api     *clients
	groups  share.Reads[[]offboard.ResourceGroup]
	lists   share.Reads[[]offboard.Cluster]
	indexes share.Reads[[]offboard.ClusterRef]
	owners  share.Reads[offboard.Owner]
	classic share.Reads[string]
}

// groupHeader limits a request of the containers API to a resource group.
const groupHeader = "X-Auth-Resource-Group"

// KeyOwner tells who owns the key a cluster depends on. NotFound if the cluster is gone.
func (c *Clusters) KeyOwner(ctx context.Context, clusterID string, scope offboard.Scope) (offboard.Owner, error) {
	o := op{name: "GetClusterKeyOwner", text: "read who owns the key of cluster " + clusterID}
	options := &kubernetesserviceapiv1.GetClusterKeyOwnerOptions{IdOrName: &clusterID}
	if scope.ResourceGroup != "" {
		// The SDK's option has another name than the header that live clients send here (trap 30); both are harmless.
		options.XAuthResourceGroupID = &scope.ResourceGroup
		options.Headers = map[string]string{groupHeader: scope.ResourceGroup}
	}
	return together(ctx, &c.owners, clusterID+" "+scope.ResourceGroup, func(ctx context.Context) (offboard.Owner, error) {
		owner, err := ask(ctx, o, c.api.containers.GetClusterKeyOwnerWithContext, options)
		if err != nil {
			return offboard.Owner{}, err
		}
		return offboard.Owner{ID: value(owner.ID), Name: value(owner.Name), Email: value(owner.Email)}, nil
	})
}

// Cluster reads one cluster with the state of its control plane. NotFound if it is gone.
func (c *Clusters) Cluster(ctx context.Context, clusterID string) (offboard.Cluster, offboard.Master, error) {
	o := op{name: "GetCluster", text: "read the cluster " + clusterID}
	found, err := ask(ctx, o, c.api.containers.GetClusterWithContext, &kubernetesserviceapiv1.GetClusterOptions{Cluster: &clusterID})
	if err != nil {
		return offboard.Cluster{}, offboard.Master{}, err
	}
	cluster := offboard.Cluster{
		ID: value(found.ID), Name: value(found.Name), Region: value(found.Region), ResourceGroup: value(found.ResourceGroup),
		ResourceGroupName: value(found.ResourceGroupName), Provider: value(found.Provider), Type: value(found.Type),
		State: value(found.State), Version: value(found.MasterKubeVersion), Addons: addonNames(found.Addons),
	}
	if e := found.ServiceEndpoints; e != nil {
		cluster.PrivateOnly = value(e.PrivateServiceEndpointEnabled) && !value(e.PublicServiceEndpointEnabled)
	}
	var master offboard.Master
	if l := found.Lifecycle; l != nil {
		master = offboard.Master{State: value(l.MasterState), Health: value(l.MasterHealth), Modified: parseInstant(value(l.MasterStatusModifiedDate))}
	}
	return cluster, master, nil
}

// Addons lists a cluster's managed add-ons with their health. NotFound if the cluster is gone.
func (c *Clusters) Addons(ctx context.Context, clusterID string) ([]offboard.Addon, error) {
	o := op{name: "GetClusterAddons", text: "list the add-ons of cluster " + clusterID}
	list, response, err := askFully(ctx, o, c.api.containers.GetClusterAddonsWithContext, &kubernetesserviceapiv1.GetClusterAddonsOptions{IdOrName: &clusterID})
	if nullList(response) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	addons := make([]offboard.Addon, 0, len(list))
	for _, a := range list {
		addons = append(addons, offboard.Addon{Name: value(a.Name), Health: value(a.HealthState), Status: value(a.HealthStatus)})
	}
	return addons, nil
}

// ClassicUser is whose manual classic credentials a scope uses, empty if none are set (trap 46).
func (c *Clusters) ClassicUser(ctx context.Context, scope offboard.Scope) (string, error) {
	o := op{name: "GetUserCredentials", text: "read the classic credentials of " + scope.String()}
	if scope.XRegion() == "" || scope.ResourceGroup == "" {
		return "", offboard.Errorf(offboard.Invalid, o.text, "the scope lacks its region or resource group")
	}
	region := scope.XRegion()
	return together(ctx, &c.classic, region+" "+scope.ResourceGroup, func(ctx context.Context) (string, error) {
		credentials, err := ask(ctx, o, c.api.containers.GetUserCredentialsWithContext, &kubernetesserviceapiv1.GetUserCredentialsOptions{
			XRegion: &region,
			Headers: map[string]string{groupHeader: scope.ResourceGroup},
		})
		if offboard.CodeOf(err) == offboard.NotFound {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return value(credentials.ApiUser), nil
	})
}

// RefreshMaster begins to refresh a control plane. Asking again while it runs does no harm; Conflict if the service says
// that another operation runs. The call works for every provider although the SDK names it after one.
func (c *Clusters) RefreshMaster(ctx context.Context, clusterID string, scope offboard.Scope) error {
	o := op{name: "VpcRefreshMaster", text: "refresh the control plane of cluster " + clusterID}
	options := &kubernetesserviceapiv1.VpcRefreshMasterOptions{Cluster: &clusterID}
	if scope.ResourceGroup != "" {
		options.XAuthResourceGroup = &scope.ResourceGroup
	}
	if clusterID == "" {
		return offboard.Errorf(offboard.Invalid, o.text, "there is no cluster ID")
	}
	return tell(ctx, o, c.api.containers.VpcRefreshMasterWithContext, options)
}

// SyncAccess asks for a cluster's access list to be synchronised with IAM. The kubeconfig in the answer is not read.
func (c *Clusters) SyncAccess(ctx context.Context, clusterID string) error {
	o := op{name: "ApplyRBACAndGetKubeconfig", text: "synchronise the access list of cluster " + clusterID}
	if clusterID == "" {
		return offboard.Errorf(offboard.Invalid, o.text, "there is no cluster ID")
	}
	return tell(ctx, o, c.api.containers.ApplyRBACAndGetKubeconfigWithContext, &kubernetesserviceapiv1.ApplyRBACAndGetKubeconfigOptions{
		XAuthRefreshToken: new(""), // required by the SDK, not sent by live clients
		Cluster:           &clusterID,
		Format:            new("yaml"),
	})
}

// Synced tells whether the synchronisation is done. The SDK does not have this call.
func (c *Clusters) Synced(ctx context.Context, clusterID string) (bool, error) {
	o := op{name: "GetRBACStatus", text: "read the access synchronisation of cluster " + clusterID}
	var status struct {
		Synchronized bool `json:"synchronized"`
		Error        any  `json:"error"` // a text, or true as public clients read it; its type is not documented
	}
	err := get(ctx, o, c.api.containers.Service, "/v2/getRBACStatus", nil, map[string]string{"cluster": clusterID}, "application/json", &status)
	if err != nil {
		return false, err
	}
	switch why := status.Error.(type) {
	case string:
		if why != "" {
			return false, offboard.Errorf(offboard.Unavailable, o.text, "the cluster reports: %s", short(why))
		}
	case bool:
		if why {
			return false, offboard.Errorf(offboard.Unavailable, o.text, "the cluster reports an error")
		}
	}
	return status.Synchronized, nil
}

func addonNames(list []kubernetesserviceapiv1.CommonClusterAddon) []offboard.Addon {
	var addons []offboard.Addon
	for _, a := range list {
		addons = append(addons, offboard.Addon{Name: value(a.Name)})
	}
	return addons
}
