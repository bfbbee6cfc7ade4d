package kube_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func (c *cluster) statefulSet(name string) *appsv1.StatefulSet {
	c.t.Helper()
	set, err := c.client.AppsV1().StatefulSets(ns).Get(context.Background(), name, metav1.GetOptions{})
	require.NoError(c.t, err)
	return set
}

func (c *cluster) daemonSet(name string) *appsv1.DaemonSet {
	c.t.Helper()
	set, err := c.client.AppsV1().DaemonSets(ns).Get(context.Background(), name, metav1.GetOptions{})
	require.NoError(c.t, err)
	return set
}

func (c *cluster) restartStatefulSet(name, at string) {
	c.t.Helper()
	_, err := c.client.AppsV1().StatefulSets(ns).Patch(context.Background(), name, types.StrategicMergePatchType, restart(at), metav1.PatchOptions{})
	require.NoError(c.t, err)
}

func TestStatefulSetIsBuiltInOrder(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Create(statefulSet("csi", 3)))
	for i := range 3 {
		assert.Len(t, c.Pods(ns), i+1)
		c.time.Advance(podStart)
		assert.Len(t, c.running("csi"), i+1)
	}
	assert.Equal(t, []string{"csi-0", "csi-1", "csi-2"}, c.taken(&c.started))
	set := c.statefulSet("csi")
	assert.Equal(t, set.Status.UpdateRevision, set.Status.CurrentRevision)
	assert.EqualValues(t, 3, set.Status.UpdatedReplicas)
	assert.EqualValues(t, 1, set.Status.ObservedGeneration)
}

func TestStatefulSetRollsFromTheTop(t *testing.T) {
	c := newCluster(t)
	c.seed(statefulSet("csi", 3))
	before := c.running("csi")
	revision := c.statefulSet("csi").Status.CurrentRevision
	c.restartStatefulSet("csi", "t1")
	set := c.statefulSet("csi")
	assert.EqualValues(t, 2, set.Generation)
	assert.EqualValues(t, 2, set.Status.ObservedGeneration)
	assert.Equal(t, revision, set.Status.CurrentRevision)
	assert.NotEqual(t, revision, set.Status.UpdateRevision)
	for range 3 * (podStart + podStop) / time.Second {
		assert.GreaterOrEqual(t, len(c.running("csi")), 2, "one at a time")
		c.time.Advance(time.Second)
	}
	assert.Equal(t, []string{"csi-2", "csi-1", "csi-0"}, c.taken(&c.gone))
	assert.Equal(t, []string{"csi-2", "csi-1", "csi-0"}, c.taken(&c.started))
	after := c.running("csi")
	require.Len(t, after, 3)
	for name, uid := range after {
		require.Contains(t, before, name, "same names")
		assert.NotEqual(t, before[name], uid, "new pods")
	}
	set = c.statefulSet("csi")
	assert.Equal(t, set.Status.UpdateRevision, set.Status.CurrentRevision)

	c.restartStatefulSet("csi", "t1")
	c.time.Advance(time.Minute)
	assert.Equal(t, after, c.running("csi"), "the same annotation again does nothing")
}

// TestStatefulSetKeepsOldRevisionBelow loses a pod the update has not come to yet.
func TestStatefulSetKeepsOldRevisionBelow(t *testing.T) {
	c := newCluster(t)
	c.seed(statefulSet("csi", 3))
	c.restartStatefulSet("csi", "t1")
	c.time.Advance(time.Second)
	none := int64(0)
	require.NoError(t, c.client.CoreV1().Pods(ns).Delete(context.Background(), "csi-0", metav1.DeleteOptions{GracePeriodSeconds: &none}))
	p, err := c.client.CoreV1().Pods(ns).Get(context.Background(), "csi-0", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Empty(t, p.Annotations["kubectl.kubernetes.io/restartedAt"])
	assert.Equal(t, c.statefulSet("csi").Status.CurrentRevision, p.Labels["controller-revision-hash"])
	c.time.Advance(5 * time.Minute)
	set := c.statefulSet("csi")
	assert.Equal(t, set.Status.UpdateRevision, set.Status.CurrentRevision)
	assert.Len(t, c.running("csi"), 3)
}

func TestStatefulSetScalesDownFromTheTop(t *testing.T) {
	c := newCluster(t)
	c.seed(statefulSet("csi", 3))
	_, err := c.client.AppsV1().StatefulSets(ns).Patch(context.Background(), "csi", types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	c.time.Advance(2 * podStop)
	assert.Equal(t, []string{"csi-2", "csi-1"}, c.taken(&c.gone))
	assert.Len(t, c.Pods(ns), 1)
}

func TestStatefulSetStuckPodHoldsTheRollout(t *testing.T) {
	c := newCluster(t)
	c.seed(statefulSet("csi", 2))
	c.SetNeverReady(ns, "csi", "ImagePullBackOff")
	c.restartStatefulSet("csi", "t1")
	c.time.Advance(time.Hour)
	assert.Equal(t, []string{"csi-1"}, c.taken(&c.gone))
	assert.Len(t, c.running("csi"), 1)
	assert.EqualValues(t, 1, c.statefulSet("csi").Status.ReadyReplicas)
	c.SetNeverReady(ns, "csi", "")
	c.time.Advance(time.Minute)
	assert.Len(t, c.running("csi"), 2)
	assert.EqualValues(t, 2, c.statefulSet("csi").Status.UpdatedReplicas)
}

func TestStatefulSetReverted(t *testing.T) {
	c := newCluster(t)
	c.seed(statefulSet("csi", 1))
	c.SetReverting(ns, "csi", time.Minute)
	c.restartStatefulSet("csi", "t1")
	c.time.Advance(2 * time.Minute)
	assert.Equal(t, []string{"csi-0", "csi-0"}, c.taken(&c.gone))
	assert.EqualValues(t, 3, c.statefulSet("csi").Generation)
	assert.Len(t, c.running("csi"), 1)
}

func TestParallelStatefulSetStartsAtOnce(t *testing.T) {
	c := newCluster(t)
	set := statefulSet("csi", 3)
	set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
	require.NoError(t, c.Create(set))
	c.time.Advance(podStart)
	assert.Len(t, c.running("csi"), 3)
}

func TestDaemonSetRollsNodeByNode(t *testing.T) {
	c := newCluster(t)
	c.seed(daemonSet("node-plugin"))
	before := c.running("node-plugin")
	require.Len(t, before, 3)
	_, err := c.client.AppsV1().DaemonSets(ns).Patch(context.Background(), "node-plugin", types.StrategicMergePatchType, restart("t1"), metav1.PatchOptions{})
	require.NoError(t, err)
	for range 3 * (podStart + podStop) / time.Second {
		assert.GreaterOrEqual(t, len(c.running("node-plugin")), 2)
		c.time.Advance(time.Second)
	}
	after := c.running("node-plugin")
	assert.Len(t, after, 3)
	for name := range after {
		assert.NotContains(t, before, name)
	}
	status := c.daemonSet("node-plugin").Status
	assert.EqualValues(t, 3, status.DesiredNumberScheduled)
	assert.EqualValues(t, 3, status.UpdatedNumberScheduled)
	assert.EqualValues(t, 3, status.NumberAvailable)
	assert.EqualValues(t, 0, status.NumberUnavailable)
	assert.EqualValues(t, 2, status.ObservedGeneration)
	byNode := map[string]int{}
	for _, p := range c.Pods(ns) {
		byNode[p.Spec.NodeName]++
	}
	assert.Equal(t, map[string]int{"10.0.0.1": 1, "10.0.0.2": 1, "10.0.0.3": 1}, byNode)
}

func TestDaemonSetSurges(t *testing.T) {
	c := newCluster(t)
	one, none := intstr.FromInt32(1), intstr.FromInt32(0)
	set := daemonSet("node-plugin")
	set.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &none}
	c.seed(set)
	_, err := c.client.AppsV1().DaemonSets(ns).Patch(context.Background(), "node-plugin", types.StrategicMergePatchType, restart("t1"), metav1.PatchOptions{})
	require.NoError(t, err)
	for range 60 {
		assert.GreaterOrEqual(t, len(c.running("node-plugin")), 3)
		c.time.Advance(time.Second)
	}
	assert.EqualValues(t, 3, c.daemonSet("node-plugin").Status.UpdatedNumberScheduled)
	assert.Len(t, c.Pods(ns), 3)
}

func TestDaemonSetFollowsTheNodes(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(daemonSet("node-plugin"))
	_, err := c.client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "10.0.0.4"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	c.time.Advance(podStart)
	assert.Len(t, c.running("node-plugin"), 4)
	require.NoError(t, c.client.CoreV1().Nodes().Delete(ctx, "10.0.0.1", metav1.DeleteOptions{}))
	assert.Len(t, c.running("node-plugin"), 3)
	assert.EqualValues(t, 3, c.daemonSet("node-plugin").Status.DesiredNumberScheduled)
}
