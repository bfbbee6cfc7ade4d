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

func condition(d *appsv1.Deployment, t appsv1.DeploymentConditionType) string {
	for _, c := range d.Status.Conditions {
		if c.Type == t {
			return string(c.Status) + " " + c.Reason
		}
	}
	return ""
}

// rolledOut is the rule of kubectl rollout status.
func rolledOut(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas &&
		d.Status.Replicas == d.Status.UpdatedReplicas && d.Status.AvailableReplicas == d.Status.UpdatedReplicas
}

func TestDeploymentSeededAndSettled(t *testing.T) {
	c := newCluster(t)
	require.NoError(t, c.Create(deployment("autoscaler", 2)))
	assert.Empty(t, c.running("autoscaler"), "nothing is ready before PodStart")
	c.Settle()
	assert.Len(t, c.taken(&c.started), 2)
	d := c.deployment("autoscaler")
	assert.True(t, rolledOut(d))
	assert.EqualValues(t, 1, d.Generation)
	assert.Equal(t, "True NewReplicaSetAvailable", condition(d, appsv1.DeploymentProgressing))
	assert.Equal(t, "True MinimumReplicasAvailable", condition(d, appsv1.DeploymentAvailable))
	assert.Equal(t, "1", d.Annotations["deployment.kubernetes.io/revision"])
	for _, p := range c.Pods(ns) {
		owner := metav1.GetControllerOf(p)
		require.NotNil(t, owner)
		set, err := c.client.AppsV1().ReplicaSets(ns).Get(context.Background(), owner.Name, metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, d.UID, metav1.GetControllerOf(set).UID)
		assert.Equal(t, set.Labels["pod-template-hash"], p.Labels["pod-template-hash"])
		assert.NotNil(t, p.Status.StartTime)
		assert.NotNil(t, p.Status.ContainerStatuses[0].State.Running)
	}
}

// TestRollingUpdateKeepsLimits replaces four pods with a surge of one and none unavailable, and looks at every second.
func TestRollingUpdateKeepsLimits(t *testing.T) {
	c := newCluster(t)
	one, none := intstr.FromInt32(1), intstr.FromInt32(0)
	d := deployment("csi", 4)
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &one, MaxUnavailable: &none}
	c.seed(d)
	before := c.running("csi")
	patched := c.restartDeployment("csi", "t1")
	assert.EqualValues(t, 2, patched.Generation)
	assert.False(t, rolledOut(c.deployment("csi")))
	finished := time.Duration(0)
	for i := time.Second; finished == 0; i += time.Second {
		require.Less(t, i, 2*time.Minute)
		active := 0
		for _, p := range c.Pods(ns) {
			if p.DeletionTimestamp == nil {
				active++
			}
		}
		assert.LessOrEqual(t, active, 5, "surge at %v", i)
		assert.GreaterOrEqual(t, len(c.running("csi")), 4, "available at %v", i)
		c.time.Advance(time.Second)
		if rolledOut(c.deployment("csi")) {
			finished = i
		}
	}
	assert.Equal(t, 4*podStart, finished, "one after the other")
	for name := range c.running("csi") {
		assert.NotContains(t, before, name)
	}
	assert.Len(t, c.taken(&c.started), 4)
	assert.Len(t, c.taken(&c.gone), 3, "the last old pod is still Terminating")
	c.time.Advance(podStop)
	assert.Len(t, c.taken(&c.gone), 1)
	assert.Len(t, c.Pods(ns), 4)
	sets, err := c.client.AppsV1().ReplicaSets(ns).List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, sets.Items, 2, "the old revision is kept")
	assert.Equal(t, "2", c.deployment("csi").Annotations["deployment.kubernetes.io/revision"])
}

func TestSamePatchTwiceRollsOnce(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 2))
	c.restartDeployment("csi", "t1")
	c.time.Advance(time.Minute)
	first, pods := c.deployment("csi"), c.running("csi")
	again := c.restartDeployment("csi", "t1")
	c.time.Advance(time.Minute)
	assert.Equal(t, first.ResourceVersion, again.ResourceVersion)
	assert.Equal(t, first.Generation, c.deployment("csi").Generation)
	assert.Equal(t, pods, c.running("csi"))
	assert.Len(t, c.changes, 1, "a patch that changes nothing is no change")
}

func TestNeverReadyMissesItsDeadlineAndRecovers(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 2))
	old := c.running("csi")
	c.SetNeverReady(ns, "csi", "ImagePullBackOff")
	c.restartDeployment("csi", "t1")
	c.time.Advance(9 * time.Minute)
	d := c.deployment("csi")
	assert.Contains(t, condition(d, appsv1.DeploymentProgressing), "True")
	assert.Equal(t, old, c.running("csi"), "25 % of two unavailable is none")
	assert.Empty(t, c.taken(&c.started))
	waiting := ""
	for _, p := range c.Pods(ns) {
		if w := p.Status.ContainerStatuses[0].State.Waiting; w != nil {
			waiting = w.Reason
			assert.Equal(t, corev1.PodPending, p.Status.Phase)
		}
	}
	assert.Equal(t, "ImagePullBackOff", waiting)
	c.time.Advance(2 * time.Minute)
	assert.Equal(t, "False ProgressDeadlineExceeded", condition(c.deployment("csi"), appsv1.DeploymentProgressing))

	c.SetNeverReady(ns, "csi", "")
	c.time.Advance(time.Minute)
	d = c.deployment("csi")
	assert.True(t, rolledOut(d))
	assert.Equal(t, "True NewReplicaSetAvailable", condition(d, appsv1.DeploymentProgressing))
}

func TestRevertedAnnotationIsASecondRollout(t *testing.T) {
	c := newCluster(t)
	c.SetReverting(ns, "csi", 2*time.Minute)
	c.seed(deployment("csi", 2))
	original := c.running("csi")
	c.restartDeployment("csi", "t1")
	c.time.Advance(time.Minute)
	first := c.running("csi")
	assert.True(t, rolledOut(c.deployment("csi")))
	c.time.Advance(2 * time.Minute)
	d := c.deployment("csi")
	assert.True(t, rolledOut(d))
	assert.EqualValues(t, 3, d.Generation)
	assert.Empty(t, d.Spec.Template.Annotations)
	second := c.running("csi")
	for name := range second {
		assert.NotContains(t, original, name)
		assert.NotContains(t, first, name)
	}
	assert.Len(t, second, 2)
	assert.Len(t, c.taken(&c.started), 4)
	assert.Len(t, c.changes, 1, "the manager is no API caller of ours")
	assert.Equal(t, "3", d.Annotations["deployment.kubernetes.io/revision"])

	c.SetReverting(ns, "csi", 0)
	c.restartDeployment("csi", "t2")
	c.time.Advance(time.Hour)
	assert.EqualValues(t, 4, c.deployment("csi").Generation)
}

func TestRecreateStopsBeforeItStarts(t *testing.T) {
	c := newCluster(t)
	d := deployment("operator", 2)
	d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	c.seed(d)
	c.restartDeployment("operator", "t1")
	assert.Empty(t, c.running("operator"))
	assert.Len(t, c.Pods(ns), 2, "only the Terminating ones")
	c.time.Advance(podStop)
	assert.Len(t, c.Pods(ns), 2, "only the new ones")
	assert.Len(t, c.taken(&c.gone), 2)
	c.time.Advance(podStart)
	assert.True(t, rolledOut(c.deployment("operator")))
}

func TestScaling(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 2))
	ctx := context.Background()
	scale, err := c.client.AppsV1().Deployments(ns).GetScale(ctx, "csi", metav1.GetOptions{})
	require.NoError(t, err)
	scale.Spec.Replicas = 5
	_, err = c.client.AppsV1().Deployments(ns).UpdateScale(ctx, "csi", scale, metav1.UpdateOptions{})
	require.NoError(t, err)
	c.time.Advance(podStart)
	assert.Len(t, c.running("csi"), 5)
	_, err = c.client.AppsV1().Deployments(ns).Patch(ctx, "csi", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	c.time.Advance(podStop)
	assert.Empty(t, c.Pods(ns))
	assert.True(t, rolledOut(c.deployment("csi")))
}

func TestPausedDeploymentDoesNotRoll(t *testing.T) {
	c := newCluster(t)
	d := deployment("csi", 2)
	d.Spec.Paused = true
	require.NoError(t, c.Create(d))
	assert.Empty(t, c.Pods(ns))
	_, err := c.client.AppsV1().Deployments(ns).Patch(context.Background(), "csi", types.MergePatchType, []byte(`{"spec":{"paused":false}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	assert.Len(t, c.Pods(ns), 2)
}

func TestDeletingAnOwnerDeletesItsDependants(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(deployment("csi", 2), deployment("kept", 1))
	require.NoError(t, c.client.AppsV1().Deployments(ns).Delete(ctx, "csi", metav1.DeleteOptions{}))
	c.time.Advance(podStop)
	assert.Len(t, c.Pods(ns), 1)
	orphan := metav1.DeletePropagationOrphan
	require.NoError(t, c.client.AppsV1().Deployments(ns).Delete(ctx, "kept", metav1.DeleteOptions{PropagationPolicy: &orphan}))
	sets, err := c.client.AppsV1().ReplicaSets(ns).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, sets.Items, 1)
	assert.Empty(t, sets.Items[0].OwnerReferences)
	assert.Len(t, c.running("kept"), 1)
}

func TestMinReadySecondsDelayAvailability(t *testing.T) {
	c := newCluster(t)
	d := deployment("csi", 1)
	d.Spec.MinReadySeconds = 30
	require.NoError(t, c.Create(d))
	c.time.Advance(podStart + 29*time.Second)
	assert.EqualValues(t, 1, c.deployment("csi").Status.ReadyReplicas)
	assert.EqualValues(t, 0, c.deployment("csi").Status.AvailableReplicas)
	c.time.Advance(time.Second)
	assert.True(t, rolledOut(c.deployment("csi")))
}
