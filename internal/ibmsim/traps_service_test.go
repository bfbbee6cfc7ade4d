package ibmsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	policies "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/ibmsim"
)

// Trap 27: an Administrator of the registry in one group is none for the account, and pulling breaks.
func registryPolicyMustBeAccountWide(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	for i, g := range a.Policies {
		if g.Service == "container-registry" {
			a.Policies[i].ResourceGroup = "default"
		}
	}
	s := startAccount(t, a)
	s.handOver()
	enable := func() (*core.DetailedResponse, error) {
		return s.containers(keyAdmin).V2EnablePullSecret(&ks.V2EnablePullSecretOptions{Cluster: core.StringPtr("small-vpc")})
	}
	resp, err := enable()
	require.Error(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	wide := s.policyFor(s.user("clusters-1@acme.example").IAMID, "Administrator")
	wide.Resource.Attributes[1].Value = "container-registry"
	_, _, err = s.policies(keyAdmin).CreateV2Policy(wide)
	require.NoError(t, err)
	s.clock.Advance(30 * time.Second)
	resp, err = enable()
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
}

// Trap 28: the same policy with the service role alone makes a binding in the namespace; mixed with a platform role none.
func muddledNamespacePolicy(t *testing.T) {
	s := startSim(t, "small")
	iam := s.user("viewer@acme.example").IAMID
	grant := func(roles ...string) *policies.V2Policy {
		o := s.policyFor(iam, "Viewer")
		o.Control.Grant.Roles = nil
		for _, r := range roles {
			o.Control.Grant.Roles = append(o.Control.Grant.Roles, policies.Roles{RoleID: core.StringPtr(r)})
		}
		o.Resource.Attributes[1].Value = "containers-kubernetes"
		o.Resource.Attributes = append(o.Resource.Attributes, policies.V2PolicyResourceAttribute{Key: core.StringPtr("namespace"), Operator: core.StringPtr("stringEquals"), Value: "shop"})
		p, _, err := s.policies(keyAdmin).CreateV2Policy(o)
		require.NoError(t, err)
		s.clock.Advance(30 * time.Second)
		return p
	}
	canRead := func() bool {
		_, err := s.containers(keyAdmin).ApplyRBACAndGetKubeconfig(&ks.ApplyRBACAndGetKubeconfigOptions{Cluster: core.StringPtr("small-vpc"), XAuthRefreshToken: core.StringPtr("")})
		require.NoError(t, err)
		_, config := s.kubeconfig(keyViewer, "small-vpc", false)
		_, err = s.kubeClient(config).CoreV1().Pods("shop").List(context.Background(), metav1.ListOptions{})
		require.True(t, err == nil || apierrors.IsForbidden(err), "%v", err)
		return err == nil
	}
	mixed := grant("crn:v1:bluemix:public:iam::::role:Viewer", "crn:v1:bluemix:public:iam::::serviceRole:Reader")
	require.False(t, canRead())
	_, err := s.policies(keyAdmin).DeleteV2Policy(&policies.DeleteV2PolicyOptions{ID: mixed.ID})
	require.NoError(t, err)
	grant("crn:v1:bluemix:public:iam::::serviceRole:Reader")
	require.True(t, canRead())
}

// Trap 30: the SDK's option sends X-Auth-Resource-Group-ID, live clients X-Auth-Resource-Group; here both count.
func twoSpellingsOfTheGroupHeader(t *testing.T) {
	s := startSim(t, "sample")
	right, wrong := s.scope("eu-de").Group, "2e1f7d6b5c4d3e2f1a0b9c8d7e6f5a41"
	ask := func(o ks.GetClusterKeyOwnerOptions) int {
		o.IdOrName = core.StringPtr("sandbox-eu")
		_, resp, err := s.containers(keyAdmin).GetClusterKeyOwner(&o)
		require.Equal(t, resp.StatusCode != http.StatusOK, err != nil)
		return resp.StatusCode
	}
	require.Equal(t, http.StatusOK, ask(ks.GetClusterKeyOwnerOptions{XAuthResourceGroupID: &right}))
	require.Equal(t, http.StatusNotFound, ask(ks.GetClusterKeyOwnerOptions{XAuthResourceGroupID: &wrong}))
	require.Equal(t, http.StatusOK, ask(ks.GetClusterKeyOwnerOptions{Headers: map[string]string{"X-Auth-Resource-Group": right}}))
	require.Equal(t, http.StatusNotFound, ask(ks.GetClusterKeyOwnerOptions{Headers: map[string]string{"X-Auth-Resource-Group": wrong}}))
}

// Trap 39: there is a key for jp-tok and no cluster to ask for its owner; a reset shows in IAM's list alone.
func pairWithoutCluster(t *testing.T) {
	s := startSim(t, "traps")
	flat, _, err := s.containers(keyAdmin).GetClusters(&ks.GetClustersOptions{})
	require.NoError(t, err)
	vpc, _, err := s.containers(keyAdmin).VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.NoError(t, err)
	for _, c := range flat {
		require.NotEqual(t, "jp-tok", *c.Region)
	}
	for _, c := range vpc {
		require.NotEqual(t, "jp-tok", *c.Region)
	}
	tokyo := func() int {
		n := 0
		for _, k := range s.clusterKeys() {
			if strings.Contains(*k.Description, "jp-tok") {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, tokyo())
	_, err = s.reset("CANARY-key-owner", "jp-tok", s.scope("jp-tok").Group)
	require.NoError(t, err)
	s.clock.Advance(10 * time.Second)
	require.Equal(t, 2, tokyo())
	s.clock.Advance(3 * time.Hour)
	require.Empty(t, s.cloud.Outages(), "nothing runs there that could break")
}

// Trap 41: the list of Satellite clusters can fail while the others answer.
func satelliteMayFailAlone(t *testing.T) {
	s := startSim(t, "sample")
	s.fault(ibmsim.Fault{Service: "containers", Path: "/v2/satellite/getClusters", Status: 500, Times: -1})
	_, resp, err := s.containers(keyAdmin).GetSatelliteClusters(&ks.GetSatelliteClustersOptions{})
	require.Error(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	list, _, err := s.containers(keyAdmin).VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.NoError(t, err)
	require.Len(t, list, 9)
	none, _, err := startSim(t, "small").containers(keyAdmin).GetSatelliteClusters(&ks.GetSatelliteClustersOptions{})
	require.NoError(t, err)
	require.Empty(t, none)
}

// Trap 43: up to add-on 5.1 the controller is a StatefulSet, from 5.2 a Deployment.
func blockCSIHasTwoShapes(t *testing.T) {
	s := startSim(t, "sample")
	ctx := context.Background()
	for cluster, stateful := range map[string]bool{"shop-stage-eu": true, "shop-prod-eu": false} {
		apps := s.kube(keyAdmin, cluster).AppsV1()
		_, err := apps.StatefulSets("kube-system").Get(ctx, "ibm-vpc-block-csi-controller", metav1.GetOptions{})
		require.Equal(t, stateful, err == nil)
		_, err = apps.Deployments("kube-system").Get(ctx, "ibm-vpc-block-csi-controller", metav1.GetOptions{})
		require.Equal(t, !stateful, err == nil)
		require.True(t, err == nil || apierrors.IsNotFound(err))
	}
}

// Trap 45: an add-on's health says nothing, or that it is pending, while all is well; while a master is refreshed it is
// updating.
func addonHealthIsEmpty(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	for want, knob := range map[string]string{"": "none", "pending": "pending", "normal": ""} {
		a.Clusters[0].AddonHealth = knob
		s := startAccount(t, a)
		health := func() string {
			list, _, err := s.containers(keyAdmin).GetClusterAddons(&ks.GetClusterAddonsOptions{IdOrName: core.StringPtr("small-vpc")})
			require.NoError(t, err)
			return *list[0].HealthState
		}
		require.Equal(t, want, health())
		s.refresh(keyAdmin, "small-vpc")
		require.Equal(t, "updating", health())
		s.clock.Advance(3 * time.Minute)
		require.Equal(t, want, health())
	}
	healthFollowsTheKey(t)
}

func (s *sim) createGroup(name string) (*groups.Group, *core.DetailedResponse, error) {
	return s.groups(keyAdmin).CreateAccessGroup(&groups.CreateAccessGroupOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Name: &name})
}

func shippedAccounts() []string { return ibmsim.Shipped() }
