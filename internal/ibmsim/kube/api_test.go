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
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

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
	if answer.Header.Get("Content-Type") == "application/json" {
		require.NoError(c.t, json.Unmarshal(content, &status), string(content))
	}
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
