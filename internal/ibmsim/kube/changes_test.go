package kube_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

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
