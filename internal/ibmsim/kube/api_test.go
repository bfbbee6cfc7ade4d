package kube_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"

	"offboard/internal/ibmsim/kube"
)

func secret(name, value string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: meta(name), Data: map[string][]byte{"slclient.toml": []byte(value)}}
}

// send makes a request without a client library and returns the answer.
func (c *cluster) send(method, path, body string, header map[string]string) (*http.Response, metav1.Status) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.address+path, bytes.NewBufferString(body))
	require.NoError(c.t, err)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(c.t, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(c.t, err)
	var status metav1.Status
	require.NoError(c.t, json.Unmarshal(content, &status), string(content))
	return answer, status
}

func TestDiscovery(t *testing.T) {
	c := newCluster(t)
	version, err := c.client.Discovery().ServerVersion()
	require.NoError(t, err)
	assert.Equal(t, "v1.32.5+IKS", version.GitVersion)
	assert.Equal(t, "1 32", version.Major+" "+version.Minor)
	lists, err := c.client.Discovery().ServerPreferredResources()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			names[list.GroupVersion+" "+r.Name] = true
		}
	}
	for _, want := range []string{"v1 pods", "v1 secrets", "apps/v1 daemonsets", "rbac.authorization.k8s.io/v1 rolebindings",
		"authorization.k8s.io/v1 selfsubjectaccessreviews"} {
		assert.True(t, names[want], want)
	}
	ok, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background())
	require.NoError(t, err)
	assert.Equal(t, "ok", string(ok))
}

func TestCreateGetListDelete(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	in := secret("storage-secret-store", "one")
	in.StringData = map[string]string{"more": "two"}
	made, err := c.client.CoreV1().Secrets(ns).Create(ctx, in, metav1.CreateOptions{})
	require.NoError(t, err)
	assert.NotEmpty(t, made.UID)
	assert.Equal(t, c.time.Now(), made.CreationTimestamp.UTC())
	assert.Equal(t, corev1.SecretTypeOpaque, made.Type)
	assert.Equal(t, "two", string(made.Data["more"]))

	_, err = c.client.CoreV1().Secrets(ns).Create(ctx, in, metav1.CreateOptions{})
	assert.True(t, apierrors.IsAlreadyExists(err), err)
	_, err = c.client.CoreV1().Secrets("nowhere").Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{})
	assert.True(t, apierrors.IsNotFound(err), err)
	_, err = c.client.CoreV1().Secrets(ns).Get(ctx, "absent", metav1.GetOptions{})
	assert.True(t, apierrors.IsNotFound(err), err)
	assert.EqualError(t, err, `secrets "absent" not found`)

	all, err := c.client.CoreV1().Secrets("").List(ctx, metav1.ListOptions{FieldSelector: "type=Opaque"})
	require.NoError(t, err)
	assert.Len(t, all.Items, 1)
	none, err := c.client.CoreV1().Secrets("").List(ctx, metav1.ListOptions{FieldSelector: "type=kubernetes.io/dockerconfigjson"})
	require.NoError(t, err)
	assert.Empty(t, none.Items)
	_, err = c.client.CoreV1().Secrets("").List(ctx, metav1.ListOptions{FieldSelector: "data.x=1"})
	assert.True(t, apierrors.IsBadRequest(err), err)

	require.NoError(t, c.client.CoreV1().Secrets(ns).Delete(ctx, "storage-secret-store", metav1.DeleteOptions{}))
	err = c.client.CoreV1().Secrets(ns).Delete(ctx, "storage-secret-store", metav1.DeleteOptions{})
	assert.True(t, apierrors.IsNotFound(err), err)
	assert.Equal(t, []kube.Change{
		{Time: c.time.Now(), User: "system:admin", Verb: "create", Resource: "secrets", Namespace: ns, Name: "storage-secret-store"},
		{Time: c.time.Now(), User: "system:admin", Verb: "delete", Resource: "secrets", Namespace: ns, Name: "storage-secret-store"},
	}, c.changes)
}

func TestSelectors(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 2), deployment("autoscaler", 1))
	list := func(o metav1.ListOptions) int {
		pods, err := c.client.CoreV1().Pods(ns).List(context.Background(), o)
		require.NoError(t, err)
		return len(pods.Items)
	}
	assert.Equal(t, 2, list(metav1.ListOptions{LabelSelector: "app=csi"}))
	assert.Equal(t, 1, list(metav1.ListOptions{LabelSelector: "app notin (csi)"}))
	assert.Equal(t, 3, list(metav1.ListOptions{FieldSelector: "status.phase=Running"}))
	assert.Equal(t, 1, list(metav1.ListOptions{FieldSelector: "metadata.name=" + c.Pods(ns)[0].Name}))
	assert.Equal(t, 3, list(metav1.ListOptions{FieldSelector: "metadata.namespace=" + ns}))
	assert.Equal(t, 0, list(metav1.ListOptions{FieldSelector: "metadata.namespace!=" + ns}))
}

func TestPaging(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	for i := range 7 {
		c.seed(secret(fmt.Sprintf("s%d", i), "x"))
	}
	var names []string
	options := metav1.ListOptions{Limit: 3}
	for page := 0; ; page++ {
		list, err := c.client.CoreV1().Secrets(ns).List(ctx, options)
		require.NoError(t, err)
		for _, s := range list.Items {
			names = append(names, s.Name)
		}
		if page == 0 {
			require.NotNil(t, list.RemainingItemCount)
			assert.EqualValues(t, 4, *list.RemainingItemCount)
		}
		if list.Continue == "" {
			assert.Equal(t, 2, page)
			break
		}
		options.Continue = list.Continue
		require.Less(t, page, 3)
	}
	assert.Equal(t, []string{"s0", "s1", "s2", "s3", "s4", "s5", "s6"}, names)

	c.seed(secret("t1", "x"))
	c.time.Advance(6 * time.Minute)
	c.seed(secret("t2", "x")) // with a change the history is compacted
	_, err := c.client.CoreV1().Secrets(ns).List(ctx, options)
	assert.True(t, apierrors.IsResourceExpired(err), err)
	_, err = c.client.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{Continue: "nonsense"})
	assert.True(t, apierrors.IsBadRequest(err), err)
}

func TestStaleUpdateConflicts(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(deployment("csi", 1))
	stale := c.deployment("csi")
	c.restartDeployment("csi", "t1")
	stale.Labels = map[string]string{"mine": "yes"}
	_, err := c.client.AppsV1().Deployments(ns).Update(ctx, stale, metav1.UpdateOptions{})
	require.True(t, apierrors.IsConflict(err), err)
	assert.Contains(t, err.Error(), "the object has been modified")
	_, err = c.client.AppsV1().Deployments(ns).Patch(ctx, "csi", types.MergePatchType,
		[]byte(`{"metadata":{"resourceVersion":"1","labels":{"a":"b"}}}`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsConflict(err), err)

	tries := 0
	require.NoError(t, retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d := c.deployment("csi")
		if tries++; tries == 1 {
			c.restartDeployment("csi", "t2")
		}
		d.Labels = map[string]string{"mine": "yes"}
		_, err := c.client.AppsV1().Deployments(ns).Update(ctx, d, metav1.UpdateOptions{})
		return err
	}))
	assert.Equal(t, 2, tries)
	assert.Equal(t, "yes", c.deployment("csi").Labels["mine"])

	d := c.deployment("csi")
	other := types.UID("another")
	err = c.client.AppsV1().Deployments(ns).Delete(ctx, "csi", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}})
	assert.True(t, apierrors.IsConflict(err), err)
	require.NoError(t, c.client.AppsV1().Deployments(ns).Delete(ctx, "csi", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &d.UID}}))
}

func TestGenerationIsOfTheSpec(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(statefulSet("csi", 1))
	set := c.statefulSet("csi")
	set.Labels = map[string]string{"a": "b"}
	set.Status.ReadyReplicas = 9
	set, err := c.client.AppsV1().StatefulSets(ns).Update(ctx, set, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, set.Generation)
	assert.EqualValues(t, 1, set.Status.ReadyReplicas, "the status is not changed through this door")
	set.Spec.Template.Spec.Containers[0].Image = "icr.example/csi:2.0"
	set, err = c.client.AppsV1().StatefulSets(ns).Update(ctx, set, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 2, set.Generation)

	node, err := c.client.CoreV1().Nodes().Get(ctx, "10.0.0.1", metav1.GetOptions{})
	require.NoError(t, err)
	node.Status.NodeInfo.KubeletVersion = "v1.32.5+IKS"
	node.Spec.Unschedulable = true
	node, err = c.client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.False(t, node.Spec.Unschedulable)
	assert.Equal(t, "v1.32.5+IKS", node.Status.NodeInfo.KubeletVersion)
}

func TestInvalidObjects(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(deployment("csi", 1))
	deploy := c.client.AppsV1().Deployments(ns)
	for name, change := range map[string]func(*appsv1.Deployment){
		"no containers":     func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers = nil },
		"no image":          func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "" },
		"other labels":      func(d *appsv1.Deployment) { d.Spec.Template.Labels = map[string]string{"app": "other"} },
		"no selector":       func(d *appsv1.Deployment) { d.Spec.Selector = nil },
		"bad name":          func(d *appsv1.Deployment) { d.Name = "Not A Name" },
		"negative replicas": func(d *appsv1.Deployment) { n := int32(-1); d.Spec.Replicas = &n },
		"unknown strategy":  func(d *appsv1.Deployment) { d.Spec.Strategy.Type = "Hope" },
	} {
		d := deployment("new", 1)
		change(d)
		_, err := deploy.Create(ctx, d, metav1.CreateOptions{})
		assert.True(t, apierrors.IsInvalid(err), "%s: %v", name, err)
	}
	_, err := deploy.Patch(ctx, "csi", types.MergePatchType, []byte(`{"spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}}}}}`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsInvalid(err), err)
	_, err = deploy.Patch(ctx, "csi", types.MergePatchType, []byte(`{"spec":{"replicas":"many"}}`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsInvalid(err), err)
	_, err = deploy.Patch(ctx, "csi", types.StrategicMergePatchType, []byte(`not json`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsBadRequest(err), err)
	pod := c.Pods(ns)[0]
	_, err = c.client.CoreV1().Pods(ns).Patch(ctx, pod.Name, types.MergePatchType, []byte(`{"spec":{"nodeName":"other"}}`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsInvalid(err), err)
	require.Error(t, c.Create(&appsv1.Deployment{ObjectMeta: meta("seeded")}), "seeds are checked too")
	assert.Empty(t, c.changes)
}

func TestStrategicMergeKeepsOtherContainers(t *testing.T) {
	c := newCluster(t)
	d := deployment("csi", 1)
	d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "sidecar", Image: "icr.example/side:1"})
	c.seed(d)
	got, err := c.client.AppsV1().Deployments(ns).Patch(context.Background(), "csi", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"driver","image":"icr.example/csi:2.0"}]}}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	require.Len(t, got.Spec.Template.Spec.Containers, 2)
	assert.Equal(t, "icr.example/csi:2.0", got.Spec.Template.Spec.Containers[0].Image)
}

func TestMediaTypes(t *testing.T) {
	c := newCluster(t)
	path := "/api/v1/namespaces/" + ns + "/configmaps"
	answer, status := c.send(http.MethodPost, path, "k8s\x00", map[string]string{"Content-Type": "application/vnd.kubernetes.protobuf"})
	assert.Equal(t, http.StatusUnsupportedMediaType, answer.StatusCode)
	assert.Equal(t, metav1.StatusReasonUnsupportedMediaType, status.Reason)

	client, err := kubernetes.NewForConfig(&rest.Config{Host: c.address, ContentConfig: rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf"}})
	require.NoError(t, err)
	_, err = client.CoreV1().ConfigMaps(ns).Create(context.Background(), &corev1.ConfigMap{ObjectMeta: meta("x")}, metav1.CreateOptions{})
	assert.True(t, apierrors.IsUnsupportedMediaType(err), err)

	answer, _ = c.send(http.MethodGet, path, "", map[string]string{"Accept": "application/vnd.kubernetes.protobuf"})
	assert.Equal(t, http.StatusNotAcceptable, answer.StatusCode)
	answer, _ = c.send(http.MethodGet, path, "", map[string]string{
		"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"})
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	answer, status = c.send(http.MethodPatch, path+"/x", "{}", map[string]string{"Content-Type": "application/apply-patch+yaml"})
	assert.Equal(t, http.StatusUnsupportedMediaType, answer.StatusCode, status.Message)
}

func TestUnknownPaths(t *testing.T) {
	c := newCluster(t)
	for _, path := range []string{"/apis/batch/v1/jobs", "/api/v1/namespaces/kube-system/pods/x/log", "/nothing", "/api/v1/namespaces/a/nodes"} {
		answer, status := c.send(http.MethodGet, path, "", nil)
		assert.Equal(t, http.StatusNotFound, answer.StatusCode, path)
		assert.Equal(t, metav1.StatusReasonNotFound, status.Reason, path)
		assert.Equal(t, "Status", status.Kind)
	}
	answer, status := c.send(http.MethodPut, "/api/v1/namespaces/kube-system/pods", "{}", nil)
	assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	assert.Equal(t, metav1.StatusReasonMethodNotAllowed, status.Reason)
}

func TestDeleteCollection(t *testing.T) {
	c := newCluster(t)
	c.seed(secret("a", "x"), secret("b", "x"), deployment("csi", 2), deployment("other", 1))
	ctx := context.Background()
	require.NoError(t, c.client.CoreV1().Secrets(ns).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name!=b"}))
	_, found := c.Secret(ns, "a")
	assert.False(t, found)
	_, found = c.Secret(ns, "b")
	assert.True(t, found)
	before := c.running("csi")
	require.NoError(t, c.client.CoreV1().Pods(ns).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=csi"}))
	c.time.Advance(time.Minute)
	after := c.running("csi")
	assert.Len(t, after, 2)
	for name := range after {
		assert.NotContains(t, before, name)
	}
	assert.Len(t, c.changes, 3)
	assert.Equal(t, "deletecollection", c.changes[0].Verb)
}

func TestDryRunChangesNothing(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(secret("a", "x"))
	all := []string{metav1.DryRunAll}
	_, err := c.client.CoreV1().Secrets(ns).Create(ctx, secret("b", "x"), metav1.CreateOptions{DryRun: all})
	require.NoError(t, err)
	got, err := c.client.CoreV1().Secrets(ns).Patch(ctx, "a", types.MergePatchType, []byte(`{"data":{"x":"eA=="}}`), metav1.PatchOptions{DryRun: all})
	require.NoError(t, err)
	assert.Equal(t, "x", string(got.Data["x"]))
	require.NoError(t, c.client.CoreV1().Secrets(ns).Delete(ctx, "a", metav1.DeleteOptions{DryRun: all}))
	a, found := c.Secret(ns, "a")
	require.True(t, found)
	assert.NotContains(t, a.Data, "x")
	_, found = c.Secret(ns, "b")
	assert.False(t, found)
	assert.Empty(t, c.changes)
}

func TestFinalizersHoldAnObject(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	held := &corev1.ConfigMap{ObjectMeta: meta("held")}
	held.Finalizers = []string{"acme.example/hold"}
	c.seed(held)
	require.NoError(t, c.client.CoreV1().ConfigMaps(ns).Delete(ctx, "held", metav1.DeleteOptions{}))
	got, err := c.client.CoreV1().ConfigMaps(ns).Get(ctx, "held", metav1.GetOptions{})
	require.NoError(t, err)
	assert.NotNil(t, got.DeletionTimestamp)
	_, err = c.client.CoreV1().ConfigMaps(ns).Patch(ctx, "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	_, err = c.client.CoreV1().ConfigMaps(ns).Get(ctx, "held", metav1.GetOptions{})
	assert.True(t, apierrors.IsNotFound(err), err)
}

func TestNamespaces(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	_, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.client.CoreV1().Secrets("team").Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, c.client.CoreV1().Namespaces().Delete(ctx, "team", metav1.DeleteOptions{}))
	_, err = c.client.CoreV1().Secrets("team").Get(ctx, "x", metav1.GetOptions{})
	assert.True(t, apierrors.IsNotFound(err), err)
	list, err := c.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, list.Items, 4)
}

func TestDynamicClient(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 1))
	client, err := dynamic.NewForConfig(&rest.Config{Host: c.address})
	require.NoError(t, err)
	list, err := client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	assert.Equal(t, "Deployment", list.Items[0].GetKind())
}

func TestUpdateSecret(t *testing.T) {
	c := newCluster(t)
	c.seed(secret("storage-secret-store", "old"))
	before, found := c.Secret(ns, "storage-secret-store")
	require.True(t, found)
	require.NoError(t, c.UpdateSecret(ns, "storage-secret-store", map[string][]byte{"slclient.toml": []byte("new")}))
	after, err := c.client.CoreV1().Secrets(ns).Get(context.Background(), "storage-secret-store", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "new", string(after.Data["slclient.toml"]))
	assert.Equal(t, before.UID, after.UID)
	assert.NotEqual(t, before.ResourceVersion, after.ResourceVersion)
	assert.Empty(t, c.changes)
	require.Error(t, c.UpdateSecret(ns, "absent", nil))
}

// TestUnreachable asks without client-go, which would try a broken connection again for ten seconds.
func TestUnreachable(t *testing.T) {
	c := newCluster(t)
	ask := func() error {
		answer, err := http.Get(c.address + "/readyz")
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	c.SetUnreachable(true)
	require.ErrorIs(t, ask(), io.EOF, "there is no answer at all")
	c.SetUnreachable(false)
	require.NoError(t, ask())
}
