package kubernetes_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/kubernetes/kubetest"
	"offboard/internal/offboard"
)

const (
	blockController = "ibm-vpc-block-csi-controller"
	blockNode       = "ibm-vpc-block-csi-node"
	fileController  = "ibm-vpc-file-csi-controller"
	autoscaler      = "ibm-iks-cluster-autoscaler"
	sharedLabel     = "ibm-vpc-block-csi-driver"
)

func dockerConfig(registry, username, auth string) map[string]string {
	return map[string]string{corev1.DockerConfigJsonKey: fmt.Sprintf(
		`{"auths":{"%s":{"username":"%s","password":"s3cret","auth":"%s"}}}`, registry, username, auth)}
}

func TestInspectTellsWhatDependsOnTheKeyAndNamesTheLeaver(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(node("n1"), node("n2"),
			deploymentOf(autoscaler, autoscaler, 1),
			statefulSetOf(fileController, fileController, 2),
			deploymentOf(blockController, sharedLabel, 2),
			daemonSetOf(blockNode, sharedLabel),
			deploymentOf("coredns", "coredns", 2),
			deploymentOf("ibm-vpc-block", "ibm-vpc-block", 1), // a shorter name than the rule's is another workload

			bindingOf("shop", "deployers", "deployer", user("IAM#bob@acme.example"), user("IAM#ann.leaver@acme.example")),
			bindingOf("shop", "old", "deployer", user("https://iam.ng.bluemix.net/IAM#"+leaver)),
			bindingOf("shop", "ibm-edit", "edit", user("IAM#"+leaver)),
			bindingOf("shop", "namesake", "deployer", user("IAM#"+leaver+".uk"), rbacv1.Subject{Kind: "Group", APIGroup: "rbac.authorization.k8s.io", Name: "IAM#" + leaver}),
			clusterBindingOf("auditors", "view", user("IAM#"+leaver)),
			clusterBindingOf("ibm-admin", "cluster-admin", user("IAM#"+leaver)),

			secret("kube-system", "storage-secret-store", corev1.SecretTypeOpaque, map[string]string{"slclient.toml": "g2_api_key = s3cret"}),
			secret("kube-system", "ibm-cloud-credentials", corev1.SecretTypeOpaque, map[string]string{"ibm-credentials.env": "IBMCLOUD_AUTHTYPE=iam\nIBMCLOUD_APIKEY=s3cret\n"}),
			secret("shop", "own", corev1.SecretTypeDockerConfigJson, dockerConfig("de.icr.io", "iamapikey", "")),
			secret("shop", "own-by-auth", corev1.SecretTypeDockerConfigJson, dockerConfig("https://us.icr.io/v1/", "", base64.StdEncoding.EncodeToString([]byte("iamapikey:s3cret")))),
			secret("shop", "all-icr-io", corev1.SecretTypeDockerConfigJson, dockerConfig("icr.io", "iamapikey", "")),
			secret("shop", "default-us-icr-io", corev1.SecretTypeDockerConfigJson, dockerConfig("us.icr.io", "iamapikey", "")),
			secret("shop", "elsewhere", corev1.SecretTypeDockerConfigJson, dockerConfig("not-icr.io", "iamapikey", "")),
			secret("shop", "other-user", corev1.SecretTypeDockerConfigJson, dockerConfig("de.icr.io", "iambearer", "")),
			secret("shop", "opaque", corev1.SecretTypeOpaque, dockerConfig("de.icr.io", "iamapikey", "")),
		)
		rules := offboard.BuiltinDependents()

		found, err := c.adapter().Inspect(t.Context(), clusterID, rules, leaver)

		require.NoError(t, err)
		want := offboard.Inspection{
			Dependents: []offboard.Dependent{
				{Name: "block storage", Namespace: "kube-system", Kind: "Deployment", Workload: blockController, Replicas: 2, Ready: 2, Breaks: rules[0].Breaks},
				{Name: "file storage", Namespace: "kube-system", Kind: "StatefulSet", Workload: fileController, Replicas: 2, Ready: 2, Breaks: rules[1].Breaks},
				{Name: "autoscaler", Namespace: "kube-system", Kind: "Deployment", Workload: autoscaler, Replicas: 1, Ready: 1, Breaks: rules[2].Breaks},
			},
			Bindings: []offboard.Binding{
				{Kind: "RoleBinding", Namespace: "shop", Name: "deployers", Subject: "IAM#ann.leaver@acme.example", Role: "Role deployer"},
				{Kind: "RoleBinding", Namespace: "shop", Name: "old", Subject: "https://iam.ng.bluemix.net/IAM#" + leaver, Role: "Role deployer"},
				{Kind: "ClusterRoleBinding", Name: "auditors", Subject: "IAM#" + leaver, Role: "ClusterRole view"},
			},
			PullSecrets: []string{"shop/own", "shop/own-by-auth"},
		}
		if diff := gocmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		assert.Empty(t, c.changed(), "looking must not change anything")
	})
}

// Trap 43: the block driver was a StatefulSet up to 5.1 and is a Deployment since; after an upgrade both may be there.
func TestInspectFindsEitherKindOfController(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(statefulSetOf(blockController, sharedLabel, 1))
		k := c.adapter()

		found, err := k.Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), "")
		require.NoError(t, err)
		require.Len(t, found.Dependents, 1)
		assert.Equal(t, "StatefulSet", found.Dependents[0].Kind)

		c.seed(deploymentOf(blockController, "newer", 2))
		found, err = k.Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), "")
		require.NoError(t, err)
		require.Len(t, found.Dependents, 2)
		assert.Equal(t, "Deployment", found.Dependents[0].Kind)
		assert.Equal(t, "StatefulSet", found.Dependents[1].Kind)
	})
}

func TestInspectFindsAWorkloadWithoutPodsByItsName(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 0))

		found, err := c.adapter().Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), "")

		require.NoError(t, err)
		require.Len(t, found.Dependents, 1)
		assert.Equal(t, autoscaler, found.Dependents[0].Workload)
		assert.Zero(t, found.Dependents[0].Replicas)
	})
}

func TestInspectTellsAWorkloadOnceForTheFirstRule(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1))
		rules := []offboard.DependentRule{
			{Name: "pods", Namespace: "kube-system", PodPrefix: autoscaler + "-"}, // longer than the workload's name
			{Name: "workload", Namespace: "kube-system", PodPrefix: autoscaler},
			{Name: "elsewhere", Namespace: "default", PodPrefix: autoscaler},
		}

		found, err := c.adapter().Inspect(t.Context(), clusterID, rules, "")

		require.NoError(t, err)
		require.Len(t, found.Dependents, 1)
		assert.Equal(t, "pods", found.Dependents[0].Name)
	})
}

// Trap 48: such a cluster's storage does not use the key.
func TestInspectNoticesATrustedProfile(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(secret("kube-system", "ibm-cloud-credentials", corev1.SecretTypeOpaque, nil))
		k := c.adapter()
		for content, want := range map[string]bool{
			"IBMCLOUD_AUTHTYPE=pod-identity\nIBMCLOUD_PROFILEID=Profile-1\n": true,
			"FIRST=1\r\nIBMCLOUD_AUTHTYPE=\"pod-identity\"\r\n":              true,
			"IBMCLOUD_AUTHTYPE=iam\n":                                        false,
			"# IBMCLOUD_AUTHTYPE=pod-identity\n":                             false,
			"":                                                               false,
		} {
			c.rewrite("ibm-cloud-credentials", map[string]string{"ibm-credentials.env": content})

			found, err := k.Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), "")

			require.NoError(t, err)
			assert.Equal(t, want, found.TrustedProfile, "%q", content)
			version, err := k.SecretVersion(t.Context(), clusterID)
			require.NoError(t, err)
			assert.NotEmpty(t, version, "without a storage secret this one counts")
		}
	})
}

// Whose key is not the leaver's is asked for what names them and for other credentials, and for nothing else.
func TestInspectWithoutRules(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1), bindingOf("shop", "own", "r", user("IAM#"+leaver)),
			secret("kube-system", "ibm-cloud-credentials", corev1.SecretTypeOpaque, nil))

		found, err := c.adapter().Inspect(t.Context(), clusterID, nil, leaver)

		require.NoError(t, err)
		assert.Empty(t, found.Dependents)
		require.Len(t, found.Bindings, 1)
		for _, asked := range c.requested() {
			assert.NotContains(t, asked, "pods")
			assert.NotContains(t, asked, "deployments")
		}
	})
}

// rewrite replaces what a secret of kube-system holds, as the platform does when it renews one.
func (c *cluster) rewrite(name string, data map[string]string) {
	c.t.Helper()
	_, err := c.core.Secrets("kube-system").Update(c.t.Context(), secret("kube-system", name, corev1.SecretTypeOpaque, data), metav1.UpdateOptions{})
	require.NoError(c.t, err)
}

func TestInspectNamesThePartItMayNotRead(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.admit(map[string]string{"reader-token": kubetest.Somebody})
		c.seed(
			&rbacv1.ClusterRole{ObjectMeta: meta("", "reader"), Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "replicasets", "deployments", "statefulsets"}, Verbs: []string{"get", "list"}},
				{APIGroups: []string{"rbac.authorization.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}},
			}},
			clusterBindingOf("reader", "reader", user(kubetest.Somebody)),
			deploymentOf(autoscaler, autoscaler, 1),
		)

		_, err := c.adapterAs("reader-token").Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), leaver)

		failed := wantCode(t, offboard.Denied, err)
		assert.Equal(t, "read the secret kube-system/ibm-cloud-credentials in cluster c1", failed.Op)
	})
}

func TestInspectRefusesARuleThatMeansEverything(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		_, err := c.adapter().Inspect(t.Context(), clusterID, []offboard.DependentRule{{Name: "all", Namespace: "kube-system"}}, "")
		wantCode(t, offboard.Invalid, err)
		assert.Empty(t, c.requested())
	})
}

func TestInspectReadsEveryPage(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		bindings := []object{bindingOf("shop", "z-last", "r", user("IAM#"+leaver))}
		for i := range 1201 {
			bindings = append(bindings, bindingOf("shop", fmt.Sprintf("b%04d", i), "r", user("IAM#somebody@acme.example")))
		}
		c.seed(bindings...)

		found, err := c.adapter().Inspect(t.Context(), clusterID, nil, leaver)

		require.NoError(t, err)
		require.Len(t, found.Bindings, 1)
		assert.Equal(t, "z-last", found.Bindings[0].Name)
		pages := 0
		for _, request := range c.requested() {
			if request == "GET /apis/rbac.authorization.k8s.io/v1/rolebindings" {
				pages++
			}
		}
		assert.Equal(t, 3, pages)
	})
}

func TestSecretVersionChangesWithTheSecretOnly(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		k := c.adapter()
		version := func() string {
			v, err := k.SecretVersion(t.Context(), clusterID)
			require.NoError(t, err)
			return v
		}
		require.Empty(t, version())

		c.seed(secret("kube-system", "storage-secret-store", corev1.SecretTypeOpaque, map[string]string{"slclient.toml": "one"}))
		first := version()
		require.NotEmpty(t, first)
		c.seed(deploymentOf(autoscaler, autoscaler, 1))
		c.quiet()
		require.Equal(t, first, version())

		c.rewrite("storage-secret-store", map[string]string{"slclient.toml": "two"})
		require.NotEqual(t, first, version())
	})
}
