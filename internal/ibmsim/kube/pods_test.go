package kube_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/ibmsim/kube"
)

func TestDeletedPodsAreReplaced(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 2))
	victim := c.Pods(ns)[0]
	require.NoError(t, c.client.CoreV1().Pods(ns).Delete(context.Background(), victim.Name, metav1.DeleteOptions{}))
	assert.Len(t, c.Pods(ns), 3, "its replacement is made while it stops")
	d := c.deployment("csi")
	assert.EqualValues(t, 1, d.Status.ReadyReplicas)
	assert.Equal(t, "True NewReplicaSetAvailable", condition(d, appsv1.DeploymentProgressing), "no rollout: none is awaited")
	assert.Equal(t, "False MinimumReplicasUnavailable", condition(d, appsv1.DeploymentAvailable))
	c.time.Advance(podStop)
	assert.Equal(t, []string{victim.Name}, c.taken(&c.gone))
	c.time.Advance(podStart)
	assert.Len(t, c.running("csi"), 2)
	assert.NotContains(t, c.running("csi"), victim.Name)
	assert.True(t, rolledOut(c.deployment("csi")))
}

func TestTerminatingPodIsListed(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 1))
	name := c.Pods(ns)[0].Name
	require.NoError(t, c.client.CoreV1().Pods(ns).Delete(context.Background(), name, metav1.DeleteOptions{}))
	p, err := c.client.CoreV1().Pods(ns).Get(context.Background(), name, metav1.GetOptions{})
	require.NoError(t, err)
	require.NotNil(t, p.DeletionTimestamp)
	assert.Equal(t, c.time.Now().Add(30*time.Second), p.DeletionTimestamp.UTC())
	now := int64(0)
	require.NoError(t, c.client.CoreV1().Pods(ns).Delete(context.Background(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}))
	assert.Equal(t, []string{name}, c.taken(&c.gone), "no grace, no wait")
}

// TestManyRestartsInARow changes the template while earlier rollouts are still under way.
func TestManyRestartsInARow(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 3))
	for i := range 12 {
		c.restartDeployment("csi", fmt.Sprint(i))
		c.time.Advance(time.Duration(i) * 3 * time.Second)
	}
	c.time.Advance(5 * time.Minute)
	d := c.deployment("csi")
	assert.True(t, rolledOut(d))
	assert.Len(t, c.running("csi"), 3)
	assert.Len(t, c.Pods(ns), 3)
	sets, err := c.client.AppsV1().ReplicaSets(ns).List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.LessOrEqual(t, len(sets.Items), 11, "the history limit and the current one")
}

func TestStartedComesBeforeReady(t *testing.T) {
	c := newCluster(t, func(o *kube.Options) { o.PodStart = 20 * time.Second })
	require.NoError(t, c.Create(deployment("csi", 1)))
	c.time.Advance(9 * time.Second)
	assert.Empty(t, c.taken(&c.started))
	c.time.Advance(time.Second)
	assert.Len(t, c.taken(&c.started), 1)
	assert.Empty(t, c.running("csi"))
	c.time.Advance(10 * time.Second)
	assert.Len(t, c.running("csi"), 1)
	p := c.Pods(ns)[0]
	assert.Equal(t, p.CreationTimestamp.Add(10*time.Second), p.Status.ContainerStatuses[0].State.Running.StartedAt.Time)
}
