package ibmsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Trap 31: the document is the body, which the SDK throws away.
func kubeconfigIsTheBody(t *testing.T) {
	s := startSim(t, "small")
	resp, err := s.containers(keyAdmin).GetKubeconfig(&ks.GetKubeconfigOptions{Cluster: core.StringPtr("small-vpc"), Format: core.StringPtr("yaml"), Admin: core.BoolPtr(true), XAuthRefreshToken: core.StringPtr("")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Nil(t, resp.Result)

	status, config := s.kubeconfig(keyAdmin, "small-vpc", true)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "Config", config["kind"])
	status, _ = s.kubeconfig(keyViewer, "small-vpc", true)
	require.Equal(t, http.StatusForbidden, status)
}

func TestRolesRuleInsideTheCluster(t *testing.T) {
	s := startSim(t, "small")
	ctx := context.Background()
	_, config := s.kubeconfig(keyViewer, "small-vpc", false)
	_, err := s.kubeClient(config).CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	_, config = s.kubeconfig(keyAdmin, "small-vpc", false)
	client := s.kubeClient(config)
	pods, err := client.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, pods.Items)
	s.clock.Advance(time.Hour)
	_, err = client.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{})
	require.True(t, apierrors.IsUnauthorized(err), "%v", err)
}

// Trap 55: the synced bindings name a removed user until somebody applies RBAC; custom ones name them for ever, and an
// admin credential works on.
func rbacLeftovers(t *testing.T) {
	s := startSim(t, "sample")
	ctx := context.Background()
	admin := s.kube(keyAdmin, "shop-prod-eu")
	leavers := s.kube("CANARY-key-leaver-login", "shop-prod-eu")
	names := func() (synced, custom bool) {
		crb, err := admin.RbacV1().ClusterRoleBindings().Get(ctx, "ibm-admin", metav1.GetOptions{})
		require.NoError(t, err)
		rb, err := admin.RbacV1().RoleBindings("shop").Get(ctx, "shop-admins", metav1.GetOptions{})
		require.NoError(t, err)
		for _, x := range crb.Subjects {
			synced = synced || x.Name == "IAM#leaver@acme.example"
		}
		for _, x := range rb.Subjects {
			custom = custom || x.Name == "IAM#leaver@acme.example"
		}
		return synced, custom
	}
	s.clock.Advance(time.Second)
	s.removeUser("leaver@acme.example")
	synced, custom := names()
	require.True(t, synced)
	require.True(t, custom)
	resp, err := s.containers(keyAdmin).ApplyRBACAndGetKubeconfig(&ks.ApplyRBACAndGetKubeconfigOptions{Cluster: core.StringPtr("shop-prod-eu"), Format: core.StringPtr("yaml"), XAuthRefreshToken: core.StringPtr("")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	synced, custom = names()
	require.False(t, synced)
	require.True(t, custom)
	_, err = leavers.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
}

// Trap 44: the node plug-ins carry the controller's label and hold no key; deleting by the shared label hits them.
func sharedLabel(t *testing.T) {
	s := startSim(t, "traps")
	pods, err := s.kube(keyAdmin, "old-labels").CoreV1().Pods("kube-system").List(context.Background(), metav1.ListOptions{LabelSelector: "app=ibm-vpc-block-csi-driver"})
	require.NoError(t, err)
	require.Len(t, pods.Items, 3, "one controller, two node plug-ins")
	for _, c := range s.cloud.State().Clusters {
		if c.Name == "old-labels" {
			require.Len(t, c.Holders, 2, "master and controller")
		}
	}
}

// Trap 48: on a trusted profile the storage pods hold no key; trap 42: a private cluster does not answer.
func profileAndPrivateClusters(t *testing.T) {
	s := startSim(t, "traps")
	s.kube(keyAdmin, "profile").CoreV1().Pods("").List(context.Background(), metav1.ListOptions{})
	for _, c := range s.cloud.State().Clusters {
		if c.Name == "profile" {
			require.Len(t, c.Holders, 1, "only the master")
		}
	}
	_, config := s.kubeconfig(keyAdmin, "private", true)
	server := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)["server"].(string)
	_, err := http.Get(server + "/version")
	require.Error(t, err)
}

// The secrets hold the key's value and follow the finished refresh after the delay of the knob.
func secretFollowsTheRefresh(t *testing.T) {
	s := startSim(t, "traps")
	secret := func() (string, string) {
		got, err := s.kube(keyAdmin, "old-labels").CoreV1().Secrets("kube-system").Get(context.Background(), "storage-secret-store", metav1.GetOptions{})
		require.NoError(t, err)
		return got.ResourceVersion, string(got.Data["slclient.toml"])
	}
	version, text := secret()
	require.Contains(t, text, "CANARY-key-Leaver")
	_, err := s.reset(keyAdmin, "eu-de", s.scope("eu-de").Group)
	require.Error(t, err, "creation is restricted and account services' Administrator is not the creator role")
	s.join(s.groupID("cluster-key-owners"), s.user("offboard-admin@acme.example").IAMID)
	s.clock.Advance(30 * time.Second)
	_, err = s.reset(keyAdmin, "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
	s.clock.Advance(10 * time.Second)
	s.refresh(keyAdmin, "old-labels")
	s.clock.Advance(3 * time.Minute)
	same, _ := secret()
	require.Equal(t, version, same)
	s.clock.Advance(30 * time.Second)
	renewed, text := secret()
	require.NotEqual(t, version, renewed)
	require.Contains(t, text, "CANARY-key-offboard-admin")
	require.Equal(t, 1, strings.Count(text, "CANARY"))
}

// What a client does inside a cluster is in the ledger under its name.
func TestKubeChangesAreInTheLedger(t *testing.T) {
	s := startSim(t, "small")
	s.restart()
	var changes []string
	for _, e := range s.cloud.Ledger() {
		require.Equal(t, "kube", e.Service)
		require.Equal(t, "offboard-admin@acme.example", e.Email)
		changes = append(changes, e.Action)
	}
	require.Equal(t, []string{"kubernetes.pods.deletecollection", "kubernetes.pods.deletecollection"}, changes)
}
