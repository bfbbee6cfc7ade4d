package kube_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// TestWhateverHappensItConverges changes workloads at random moments and expects each to end as specified, with no pod
// too many.
func TestWhateverHappensItConverges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		c := newCluster(t)
		recreate := deployment("recreate", 2)
		recreate.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		c.seed(deployment("rolling", 3), recreate, statefulSet("ordered", 3), daemonSet("plugin"))
		kinds := map[string]string{"rolling": "deployments", "recreate": "deployments", "ordered": "statefulsets", "plugin": "daemonsets"}
		names := rapid.SampledFrom([]string{"rolling", "recreate", "ordered", "plugin"})
		patch := func(name string, body []byte) {
			err := c.client.AppsV1().RESTClient().Patch(types.MergePatchType).Namespace(ns).Resource(kinds[name]).Name(name).Body(body).Do(ctx).Error()
			require.NoError(r, err)
		}
		for i := range rapid.IntRange(1, 25).Draw(r, "steps") {
			name := names.Draw(r, "workload")
			switch rapid.IntRange(0, 5).Draw(r, "step") {
			case 0:
				patch(name, restart(fmt.Sprint(i%3))) // old templates come back
			case 1:
				if name != "plugin" {
					patch(name, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, rapid.IntRange(0, 5).Draw(r, "replicas")))
				}
			case 2:
				if all := c.Pods(ns); len(all) > 0 {
					p := rapid.SampledFrom(all).Draw(r, "pod")
					require.NoError(r, c.client.CoreV1().Pods(ns).Delete(ctx, p.Name, metav1.DeleteOptions{}))
				}
			case 3:
				c.SetNeverReady(ns, name, rapid.SampledFrom([]string{"", "ImagePullBackOff"}).Draw(r, "reason"))
			case 4:
				c.SetReverting(ns, name, rapid.SampledFrom([]time.Duration{0, 20 * time.Second}).Draw(r, "after"))
			}
			c.time.Advance(time.Duration(rapid.IntRange(0, 30).Draw(r, "seconds")) * time.Second)
		}
		for name := range kinds {
			c.SetNeverReady(ns, name, "")
			c.SetReverting(ns, name, 0)
		}
		c.time.Advance(time.Hour)
		for _, name := range []string{"rolling", "recreate"} {
			d := c.deployment(name)
			require.True(r, rolledOut(d), "%s: %+v", name, d.Status)
			require.Equal(r, "True NewReplicaSetAvailable", condition(d, appsv1.DeploymentProgressing))
			requirePods(r, c, name, int(*d.Spec.Replicas), &d.Spec.Template)
		}
		set := c.statefulSet("ordered")
		require.Equal(r, set.Status.UpdateRevision, set.Status.CurrentRevision)
		require.Equal(r, *set.Spec.Replicas, set.Status.ReadyReplicas)
		requirePods(r, c, "ordered", int(*set.Spec.Replicas), &set.Spec.Template)
		plugin := c.daemonSet("plugin")
		require.EqualValues(r, 3, plugin.Status.UpdatedNumberScheduled)
		requirePods(r, c, "plugin", 3, &plugin.Spec.Template)
	})
}

// requirePods expects exactly n pods of an app, all ready and made from the template.
func requirePods(r *rapid.T, c *cluster, app string, n int, template *corev1.PodTemplateSpec) {
	require.Len(r, c.running(app), n, app)
	for _, p := range c.Pods(ns) {
		if p.Labels["app"] != app {
			continue
		}
		n--
		require.Equal(r, template.Annotations["kubectl.kubernetes.io/restartedAt"], p.Annotations["kubectl.kubernetes.io/restartedAt"], p.Name)
	}
	require.Zero(r, n, "%s has pods too many", app)
}
