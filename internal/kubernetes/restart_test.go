package kubernetes_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"offboard/internal/kubernetes/kubetest"
	"offboard/internal/offboard"
)

const mark = "run-1"

// seedDriver seeds a block driver whose node plug-ins carry the controller's label (trap 44).
func (c *cluster) seedDriver(controller object) {
	c.t.Helper()
	c.seed(node("n1"), node("n2"), node("n3"), controller, daemonSetOf(blockNode, sharedLabel))
}

// eitherKind holds the contract for a controller that is a Deployment, and for one that is a StatefulSet (trap 43).
func eitherKind(t *testing.T, replicas int32, hold func(t *testing.T, c *cluster, kind string, controller object)) {
	t.Parallel()
	for kind, controller := range map[string]func() object{
		"Deployment":  func() object { return deploymentOf(blockController, sharedLabel, replicas) },
		"StatefulSet": func() object { return statefulSetOf(blockController, sharedLabel, replicas) },
	} {
		t.Run(kind, func(t *testing.T) {
			contract(t, func(t *testing.T, c *cluster) { hold(t, c, kind, controller()) })
		})
	}
}

func TestRestartReplacesEveryPodOfTheControllerAndNothingElse(t *testing.T) {
	eitherKind(t, 2, func(t *testing.T, c *cluster, kind string, controller object) {
		c.seedDriver(controller)
		k, d := c.adapter(), dependent(kind, blockController)
		nodes := c.uids(blockNode)
		require.Len(t, nodes, 3)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		require.Equal(t, c.uids(blockController), old)

		begun := c.now()
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

		follow(c, k, d, old, mark, func(r offboard.Rollout) {
			left := slices.ContainsFunc(c.uids(blockController), func(uid string) bool { return slices.Contains(old, uid) })
			if complete := !left && c.readyPods(blockController) == 2; c.frozen || r.Done {
				assert.Equal(t, complete, r.Done, "old pods left: %t; %s", left, r.Missing)
			}
			assert.False(t, r.Reverted)
		})
		assert.Greater(t, c.now().Sub(begun), c.podStart(), "pods cannot be replaced faster than one starts")
		assert.Equal(t, nodes, c.uids(blockNode), "trap 44: node plug-ins must not be touched")
		assert.Equal(t, []string{"patch " + strings.ToLower(kind) + "s kube-system/" + blockController}, c.changed())

		// A lost reply makes the engine ask again: nothing may happen.
		fresh := c.uids(blockController)
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
		c.quiet()
		assert.Equal(t, fresh, c.uids(blockController))
		assert.Len(t, c.changed(), 1)

		// The next run restarts again.
		require.NoError(t, k.Restart(t.Context(), clusterID, d, "run-2"))
		follow(c, k, d, fresh, "run-2", func(offboard.Rollout) {})
		assert.NotContains(t, c.uids(blockController), fresh[0])
	})
}

func TestStatefulSetIsReplacedFromTheHighestOrdinalDown(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seedDriver(statefulSetOf(blockController, sharedLabel, 3))
		k, d := c.adapter(), dependent("StatefulSet", blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		made := c.watchPods()
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

		follow(c, k, d, old, mark, func(offboard.Rollout) { assert.GreaterOrEqual(t, c.readyPods(blockController), 2) })

		var order []string
		for event := range made.ResultChan() {
			if event.Type == watch.Added {
				order = append(order, event.Object.(*corev1.Pod).Name)
			}
			if len(order) == 3 {
				made.Stop()
				break
			}
		}
		assert.Equal(t, []string{blockController + "-2", blockController + "-1", blockController + "-0"}, order)
	})
}

// watchPods sees what happens to the pods of kube-system from now on.
func (c *cluster) watchPods() watch.Interface {
	c.t.Helper()
	list, err := c.core.Pods("kube-system").List(context.Background(), metav1.ListOptions{})
	require.NoError(c.t, err)
	events, err := c.core.Pods("kube-system").Watch(context.Background(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	require.NoError(c.t, err)
	c.t.Cleanup(events.Stop)
	return events
}

func TestRolloutOfNothingIsDoneAtOnce(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 0))
		k, d := c.adapter(), dependent("Deployment", autoscaler)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		require.Empty(t, old)
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

		if !c.frozen { // the controller has to see it first
			follow(c, k, d, old, mark, func(offboard.Rollout) {})
		}
		r, err := k.Rollout(t.Context(), clusterID, d, old, mark)

		require.NoError(t, err)
		assert.Equal(t, offboard.Rollout{Done: true}, r)
	})
}

func TestRolloutSaysWhatAPodIsWaitingFor(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		controller := deploymentOf(blockController, sharedLabel, 2)
		controller.Spec.ProgressDeadlineSeconds = new(int32(2))
		c.seedDriver(controller)
		k, d := c.adapter(), dependent("Deployment", blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		c.steer(blockController, kubetest.NeverReady, "ImagePullBackOff")
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

		var r offboard.Rollout
		c.await("the end of the deadline", func() bool {
			r, err = k.Rollout(t.Context(), clusterID, d, old, mark)
			require.NoError(t, err)
			require.False(t, r.Done)
			return strings.Contains(r.Missing, "deadline")
		})

		var stuck string
		for _, p := range c.running(blockController) {
			if !slices.Contains(old, string(p.UID)) {
				stuck = p.Name
			}
		}
		require.NotEmpty(t, stuck)
		assert.Equal(t, "0 of 2 new pods ready; "+stuck+" is waiting: ImagePullBackOff; "+
			"the rollout has made no progress within its deadline; 2 old pods still running", r.Missing)
		assert.False(t, r.Reverted, "the rollout is stuck, not taken back")

		c.steer(blockController, kubetest.NeverReady, "")
		follow(c, k, d, old, mark, func(offboard.Rollout) {})
	})
}

// An add-on manager that reconciles its objects takes the annotation back before the rollout is through.
func TestReplaceFinishesWhatAnAddonManagerTookBack(t *testing.T) {
	eitherKind(t, 3, func(t *testing.T, c *cluster, kind string, controller object) {
		c.seedDriver(controller)
		k, d := c.adapter(), dependent(kind, blockController)
		nodes := c.uids(blockNode)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		c.steer(blockController, kubetest.Reverting, "1s")
		c.steer(blockController, kubetest.NeverReady, "ContainerCreating") // until then, or the rollout might be faster
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

		held, replaced := true, 0
		follow(c, k, d, old, mark, func(r offboard.Rollout) {
			assert.GreaterOrEqual(t, c.readyPods(blockController), 1, "never without a ready pod")
			if held && strings.Contains(r.Missing, "the restart was taken back") {
				c.steer(blockController, kubetest.NeverReady, "")
				held = false
			}
			if !r.Reverted {
				return
			}
			replaced++
			assert.Contains(t, r.Missing, "the restart was taken back")
			require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
		})

		assert.NotZero(t, replaced)
		for _, uid := range c.uids(blockController) {
			assert.NotContains(t, old, uid)
		}
		assert.Equal(t, nodes, c.uids(blockNode), "trap 44")
	})
}

func TestReplaceAloneReplacesEveryPodOneAtATime(t *testing.T) {
	eitherKind(t, 2, func(t *testing.T, c *cluster, kind string, controller object) {
		c.seedDriver(controller)
		k, d := c.adapter(), dependent(kind, blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)

		// Far more often than a careful caller would.
		follow(c, k, d, old, "", func(offboard.Rollout) {
			require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
			assert.GreaterOrEqual(t, c.readyPods(blockController), 1, "never without a ready pod")
		})
		require.NoError(t, k.Replace(t.Context(), clusterID, d, old))

		assert.Len(t, c.changed(), 2, "each old pod is deleted once, and nobody else: %v", c.changed())
		if kind == "StatefulSet" {
			assert.Equal(t, []string{"delete pods kube-system/" + blockController + "-1", "delete pods kube-system/" + blockController + "-0"}, c.changed())
		}
	})
}

func TestReplaceDeletesASinglePodAtOnce(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1))
		c.steer(autoscaler, kubetest.Lingering, "true")
		k, d := c.adapter(), dependent("Deployment", autoscaler)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)

		require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
		require.NoError(t, k.Replace(t.Context(), clusterID, d, old))

		assert.Len(t, c.changed(), 1)
		pods, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		assert.Contains(t, pods, old[0], "a terminating pod still runs")
		r, err := k.Rollout(t.Context(), clusterID, d, old, "")
		require.NoError(t, err)
		assert.False(t, r.Done)
		assert.Contains(t, r.Missing, "1 old pod still stopping")
		c.steer(autoscaler, kubetest.Lingering, "")
		follow(c, k, d, old, "", func(offboard.Rollout) {})
	})
}

func TestReplaceDoesNotWaitForAPodThatIsNotReadyAnyway(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.steer(blockController, kubetest.NeverReady, "CrashLoopBackOff")
		c.seed(deploymentOf(blockController, sharedLabel, 2))
		k, d := c.adapter(), dependent("Deployment", blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		require.Len(t, old, 2)
		for range 2 {
			require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
		}
		assert.Len(t, c.changed(), 2)
		c.steer(blockController, kubetest.NeverReady, "")
		follow(c, k, d, old, "", func(offboard.Rollout) {})
	})
}

// Replace must not hit a pod that has the name of an old one but is another.
func TestReplaceLeavesAPodAloneThatWasReplacedMeanwhile(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(statefulSetOf(blockController, sharedLabel, 1))
		k, d := c.adapter(), dependent("StatefulSet", blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		c.intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete {
				assert.NoError(t, c.core.Pods("kube-system").Delete(r.Context(), blockController+"-0", metav1.DeleteOptions{}))
				c.await("another pod of that name", func() bool {
					running := c.running(blockController)
					return len(running) == 1 && string(running[0].UID) != old[0] && isReady(&running[0])
				})
			}
			next.ServeHTTP(w, r)
		})

		require.NoError(t, k.Replace(t.Context(), clusterID, d, old))

		assert.Contains(t, c.requested(), "DELETE /api/v1/namespaces/kube-system/pods/"+blockController+"-0")
		assert.Empty(t, c.changed(), "only the other one's deletion counts")
		assert.Equal(t, 1, c.readyPods(blockController))
	})
}

// Workloads that do not roll out by themselves are finished by Replace as well.
func TestReplaceFinishesWhatIsHeldBack(t *testing.T) {
	eitherKind(t, 2, func(t *testing.T, c *cluster, kind string, controller object) {
		if set, is := controller.(*appsv1.StatefulSet); is {
			set.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
		}
		c.seed(controller)
		k, d := c.adapter(), dependent(kind, blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		require.Len(t, old, 2)
		if kind == "Deployment" { // paused from the beginning, it would have no pods
			c.patch("/apis/apps/v1/namespaces/kube-system/deployments/"+blockController, `{"spec":{"paused":true}}`)
		}
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

		reverted := false
		follow(c, k, d, old, mark, func(r offboard.Rollout) {
			if r.Reverted {
				reverted = true
				require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
			}
			assert.GreaterOrEqual(t, c.readyPods(blockController), 1)
		})
		assert.True(t, reverted)
	})
}

// Evicted pods stay listed for ever under their ReplicaSet, but run no process that could hold a key.
func TestPodsThatHaveEndedDoNotCount(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1))
		alive := c.running(autoscaler)
		require.Len(t, alive, 1)
		c.patch("/api/v1/namespaces/kube-system/pods/"+alive[0].Name+"/status", `{"status":{"phase":"Failed","reason":"Evicted"}}`)
		c.await("the evicted one and its replacement", func() bool { return len(c.running(autoscaler)) == 2 })
		k, d := c.adapter(), dependent("Deployment", autoscaler)

		old, err := k.Pods(t.Context(), clusterID, d)

		require.NoError(t, err)
		require.Len(t, old, 1)
		assert.NotEqual(t, string(alive[0].UID), old[0])
	})
}

func TestWorkloadsThatAreGone(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		k := c.adapter()
		for _, kind := range []string{"Deployment", "StatefulSet"} {
			d := dependent(kind, blockController)
			_, err := k.Pods(t.Context(), clusterID, d)
			wantCode(t, offboard.NotFound, err)
			_, err = k.Rollout(t.Context(), clusterID, d, nil, mark)
			wantCode(t, offboard.NotFound, err)
			wantCode(t, offboard.NotFound, k.Restart(t.Context(), clusterID, d, mark))
			require.NoError(t, k.Replace(t.Context(), clusterID, d, []string{"uid"}))
		}
	})
}

func TestRestartRefusesWhatItCannotDo(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seedDriver(deploymentOf(blockController, sharedLabel, 1))
		k := c.adapter()
		nodes := c.uids(blockNode)
		d := dependent("DaemonSet", blockNode)

		wantCode(t, offboard.Unsupported, k.Restart(t.Context(), clusterID, d, mark))
		wantCode(t, offboard.Unsupported, k.Replace(t.Context(), clusterID, d, nodes))
		wantCode(t, offboard.Invalid, k.Restart(t.Context(), clusterID, dependent("Deployment", blockController), ""))
		assert.Empty(t, c.changed())
		assert.Equal(t, nodes, c.uids(blockNode))
	})
}
