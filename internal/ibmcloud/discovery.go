package ibmcloud

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/platform-services-go-sdk/globalsearchv2"
	"github.com/IBM/platform-services-go-sdk/resourcemanagerv2"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// ResourceGroups lists the account's resource groups that the engine can see.
func (c *Clusters) ResourceGroups(ctx context.Context) ([]offboard.ResourceGroup, error) {
	return everything(ctx, &c.groups, c.resourceGroups)
}

func (c *Clusters) resourceGroups(ctx context.Context) ([]offboard.ResourceGroup, error) {
	o := op{name: "ListResourceGroups", text: "list the resource groups"}
	list, err := ask(ctx, o, c.api.resources.ListResourceGroupsWithContext, &resourcemanagerv2.ListResourceGroupsOptions{AccountID: &c.account})
	if err != nil {
		return nil, err
	}
	var groups []offboard.ResourceGroup
	for _, g := range list.Resources {
		groups = append(groups, offboard.ResourceGroup{ID: value(g.ID), Name: value(g.Name), Default: value(g.Default)})
	}
	return groups, nil
}

// Clusters lists the clusters of every provider, region and resource group the engine can see, sorted by ID, as the lists
// tell them: PrivateOnly, Owner and the add-ons' health are not among it. An error of the Satellite list is swallowed
// only if the search index knows no Satellite resource and no cluster that the other lists lack (trap 41).
func (c *Clusters) Clusters(ctx context.Context) ([]offboard.Cluster, error) {
	return everything(ctx, &c.lists, func(ctx context.Context) ([]offboard.Cluster, error) { return c.visibleTo(ctx, c.api, "") })
}

// visibleTo lists what an identity can see of a resource group, or of all groups if it is empty.
func (c *Clusters) visibleTo(ctx context.Context, who *clients, group string) ([]offboard.Cluster, error) {
	var groupOption *string
	if group != "" {
		groupOption = &group
	}
	var classic, vpc, satellite []offboard.Cluster
	var noSatellite error
	err := atonce.Do(func() (err error) {
		classic, err = listClusters(ctx, op{name: "ClassicGetClusters", text: "list the classic clusters"}, who.containers.ClassicGetClustersWithContext,
			&kubernetesserviceapiv1.ClassicGetClustersOptions{XAuthResourceGroup: groupOption})
		return err
	}, func() (err error) {
		vpc, err = listClusters(ctx, op{name: "VpcGetClusters", text: "list the VPC clusters"}, who.containers.VpcGetClustersWithContext,
			&kubernetesserviceapiv1.VpcGetClustersOptions{XAuthResourceGroup: groupOption, Provider: new("vpc-gen2")})
		return err
	}, func() error {
		satellite, noSatellite = listClusters(ctx, op{name: "GetSatelliteClusters", text: "list the Satellite clusters"}, who.containers.GetSatelliteClustersWithContext,
			&kubernetesserviceapiv1.GetSatelliteClustersOptions{XAuthResourceGroup: groupOption})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if noSatellite != nil && c.mayHaveSatellite(ctx, group == "", slices.Concat(classic, vpc)) {
		return nil, noSatellite
	}
	all := slices.Concat(classic, vpc, satellite)
	slices.SortStableFunc(all, func(a, b offboard.Cluster) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b offboard.Cluster) bool { return a.ID == b.ID }), nil
}

func listClusters[O any](ctx context.Context, o op, send func(context.Context, O) ([]kubernetesserviceapiv1.GetClustersResponse, *core.DetailedResponse, error), options O) ([]offboard.Cluster, error) {
	list, response, err := askFully(ctx, o, send, options)
	if nullList(response) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	clusters := make([]offboard.Cluster, 0, len(list))
	for _, l := range list {
		clusters = append(clusters, offboard.Cluster{
			ID: value(l.ID), Name: value(l.Name), Region: value(l.Region), ResourceGroup: value(l.ResourceGroup),
			ResourceGroupName: value(l.ResourceGroupName), Provider: value(l.Provider), Type: value(l.Type),
			State: value(l.State), Status: value(l.Status), Version: value(l.MasterKubeVersion), Addons: addonNames(l.Addons),
		})
	}
	return clusters, nil
}

// mayHaveSatellite is false only if the search index answers, knows no Satellite resource, and, where the other lists are
// of all groups, no cluster that is not among them.
func (c *Clusters) mayHaveSatellite(ctx context.Context, allGroups bool, others []offboard.Cluster) bool {
	found := false
	err := c.indexed(ctx, "service_name:satellite", func(crn, string) { found = true })
	if err != nil || found || !allGroups {
		return err != nil || found
	}
	refs, err := c.Indexed(ctx)
	return err != nil || slices.ContainsFunc(refs, func(r offboard.ClusterRef) bool {
		return !slices.ContainsFunc(others, func(o offboard.Cluster) bool { return o.ID == r.ID })
	})
}

// Indexed lists the clusters global search knows, sorted by ID; the index lags by minutes, so it is a cross-check
// (trap 40).
func (c *Clusters) Indexed(ctx context.Context) ([]offboard.ClusterRef, error) {
	return everything(ctx, &c.indexes, c.indexedClusters)
}

func (c *Clusters) indexedClusters(ctx context.Context) ([]offboard.ClusterRef, error) {
	var refs []offboard.ClusterRef
	err := c.indexed(ctx, "service_name:containers-kubernetes", func(id crn, name string) {
		if id.resourceType == "" && id.instance != "" { // workers are listed under their cluster's service, too
			refs = append(refs, offboard.ClusterRef{ID: id.instance, Name: name})
		}
	})
	slices.SortFunc(refs, func(a, b offboard.ClusterRef) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(refs), err
}

func (c *Clusters) indexed(ctx context.Context, query string, each func(id crn, name string)) error {
	const pageSize = 100
	o := op{name: "Search", text: "search the resource index"}
	return pages(o, func(token string) (string, error) {
		options := &globalsearchv2.SearchOptions{AccountID: &c.account, Limit: new(int64(pageSize)), Query: &query, Fields: []string{"crn", "name"}}
		if token != "" {
			options = &globalsearchv2.SearchOptions{AccountID: &c.account, Limit: new(int64(pageSize)), SearchCursor: &token}
		}
		found, err := ask(ctx, o, c.api.search.SearchWithContext, options)
		if err != nil {
			return "", err
		}
		for _, item := range found.Items {
			name, _ := item.GetProperty("name").(string)
			each(parseCRN(value(item.CRN)), name)
		}
		if len(found.Items) < pageSize {
			return "", nil
		}
		return value(found.SearchCursor), nil
	})
}

// crn is what is needed of a cloud resource name:
// crn:v1:bluemix:public:<service>:<region>:a/<account>:<instance>:<resource type>:<resource>.
type crn struct{ instance, resourceType string }

func parseCRN(s string) crn {
	parts := strings.Split(s, ":")
	if len(parts) < 10 {
		return crn{}
	}
	return crn{instance: parts[7], resourceType: parts[8]}
}
