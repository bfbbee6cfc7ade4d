package kubernetes_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"

	"offboard/internal/offboard"
)

const mark = "run-1"

// newDriver is a cluster with a block driver whose node plug-ins carry the controller's label (trap 44).
func newDriver(t *testing.T, controller object) *cluster {
	c := newCluster(t)
	c.seed(node("n1"), node("n2"), node("n3"), controller, daemonSetOf(blockNode, sharedLabel))
	return c
}

func TestRestartReplacesEveryPodOfTheControllerAndNothingElse(t *testing.T) {
	for kind, controller := range map[string]object{
		"Deployment":  deploymentOf(blockController, sharedLabel, 2),
		"StatefulSet": statefulSetOf(blockController, sharedLabel, 2),
	} {
		t.Run(kind, func(t *testing.T) {
			c := newDriver(t, controller)
			k, d := c.adapter(), dependent(kind, blockController)
			nodes := c.uids(blockNode)
			require.Len(t, nodes, 3)
			old, err := k.Pods(t.Context(), clusterID, d)
			require.NoError(t, err)
			require.Equal(t, c.uids(blockController), old)

			require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

			answers := 0
			follow(t, c, k, d, old, mark, func(r offboard.Rollout) {
				answers++
				left := slices.ContainsFunc(c.uids(blockController), func(uid string) bool { return slices.Contains(old, uid) })
				assert.Equal(t, !left && c.readyPods(blockController) == 2, r.Done, "old pods left: %t; %s", left, r.Missing)
				assert.False(t, r.Reverted)
			})
			assert.Greater(t, answers, int(podStart/time.Second), "pods cannot be replaced faster than one starts")
			assert.Equal(t, nodes, c.uids(blockNode), "trap 44: node plug-ins must not be touched")
			assert.Equal(t, []string{"patch " + strings.ToLower(kind) + "s kube-system/" + blockController}, c.changed())

			// A lost reply makes the engine ask again: nothing may happen.
			fresh := c.uids(blockController)
			require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
			c.clock.Advance(time.Minute)
			assert.Equal(t, fresh, c.uids(blockController))
			assert.Len(t, c.changed(), 1)

			// The next run restarts again.
			require.NoError(t, k.Restart(t.Context(), clusterID, d, "run-2"))
			follow(t, c, k, d, fresh, "run-2", func(offboard.Rollout) {})
			assert.NotContains(t, c.uids(blockController), fresh[0])
		})
	}
}

func TestStatefulSetIsReplacedFromTheHighestOrdinalDown(t *testing.T) {
	c := newDriver(t, statefulSetOf(blockController, sharedLabel, 3))
	k, d := c.adapter(), dependent("StatefulSet", blockController)
	old, err := k.Pods(t.Context(), clusterID, d)
	require.NoError(t, err)
	require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

	var order []string
	follow(t, c, k, d, old, mark, func(offboard.Rollout) {
		for _, p := range c.running(blockController) {
			if !slices.Contains(old, string(p.UID)) && !slices.Contains(order, p.Name) {
				order = append(order, p.Name)
			}
		}
		assert.GreaterOrEqual(t, c.readyPods(blockController), 2)
	})
	assert.Equal(t, []string{blockController + "-2", blockController + "-1", blockController + "-0"}, order)
}

func TestRolloutOfNothingIsDoneAtOnce(t *testing.T) {
	c := newCluster(t)
	c.seed(deploymentOf(autoscaler, autoscaler, 0))
	k, d := c.adapter(), dependent("Deployment", autoscaler)
	old, err := k.Pods(t.Context(), clusterID, d)
	require.NoError(t, err)
	require.Empty(t, old)
	require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

	r, err := k.Rollout(t.Context(), clusterID, d, old, mark)

	require.NoError(t, err)
	assert.Equal(t, offboard.Rollout{Done: true}, r)
}

func TestRolloutSaysWhatAPodIsWaitingFor(t *testing.T) {
	c := newDriver(t, deploymentOf(blockController, sharedLabel, 2))
	k, d := c.adapter(), dependent("Deployment", blockController)
	old, err := k.Pods(t.Context(), clusterID, d)
	require.NoError(t, err)
	c.SetNeverReady("kube-system", blockController, "ImagePullBackOff")
	require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
	c.clock.Advance(20 * time.Minute) // beyond the progress deadline

	r, err := k.Rollout(t.Context(), clusterID, d, old, mark)

	require.NoError(t, err)
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

	c.SetNeverReady("kube-system", blockController, "")
	follow(t, c, k, d, old, mark, func(offboard.Rollout) {})
}

// An add-on manager that reconciles its objects takes the annotation back before the rollout is through.
func TestReplaceFinishesWhatAnAddonManagerTookBack(t *testing.T) {
	for kind, controller := range map[string]object{
		"Deployment":  deploymentOf(blockController, sharedLabel, 3),
		"StatefulSet": statefulSetOf(blockController, sharedLabel, 3),
	} {
		t.Run(kind, func(t *testing.T) {
			c := newDriver(t, controller)
			k, d := c.adapter(), dependent(kind, blockController)
			nodes := c.uids(blockNode)
			old, err := k.Pods(t.Context(), clusterID, d)
			require.NoError(t, err)
			c.SetReverting("kube-system", blockController, time.Second)
			require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

			replaced := 0
			follow(t, c, k, d, old, mark, func(r offboard.Rollout) {
				assert.GreaterOrEqual(t, c.readyPods(blockController), 1, "never without a ready pod")
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
}

func TestReplaceAloneReplacesEveryPodOneAtATime(t *testing.T) {
	for kind, controller := range map[string]object{
		"Deployment":  deploymentOf(blockController, sharedLabel, 2),
		"StatefulSet": statefulSetOf(blockController, sharedLabel, 2),
	} {
		t.Run(kind, func(t *testing.T) {
			c := newDriver(t, controller)
			k, d := c.adapter(), dependent(kind, blockController)
			old, err := k.Pods(t.Context(), clusterID, d)
			require.NoError(t, err)

			// Far more often than a careful caller would.
			for range 60 {
				require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
				assert.GreaterOrEqual(t, c.readyPods(blockController), 1, "never without a ready pod")
				c.clock.Advance(500 * time.Millisecond)
			}

			assert.Len(t, c.changed(), 2, "each old pod is deleted once, and nobody else: %v", c.changed())
			if kind == "StatefulSet" {
				assert.Equal(t, []string{"delete pods kube-system/" + blockController + "-1", "delete pods kube-system/" + blockController + "-0"}, c.changed())
			}
			r, err := k.Rollout(t.Context(), clusterID, d, old, "")
			require.NoError(t, err)
			assert.True(t, r.Done, r.Missing)
		})
	}
}

func TestReplaceDeletesASinglePodAtOnce(t *testing.T) {
	c := newCluster(t)
	c.seed(deploymentOf(autoscaler, autoscaler, 1))
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
	follow(t, c, k, d, old, "", func(offboard.Rollout) {})
}

func TestReplaceDoesNotWaitForAPodThatIsNotReadyAnyway(t *testing.T) {
	c := newCluster(t)
	c.SetNeverReady("kube-system", blockController, "CrashLoopBackOff")
	c.seed(deploymentOf(blockController, sharedLabel, 2))
	k, d := c.adapter(), dependent("Deployment", blockController)
	old, err := k.Pods(t.Context(), clusterID, d)
	require.NoError(t, err)
	require.Len(t, old, 2)
	c.SetNeverReady("kube-system", blockController, "")
	for range 2 {
		require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
	}
	assert.Len(t, c.changed(), 2)
	follow(t, c, k, d, old, "", func(offboard.Rollout) {})
}

// Replace must not hit a pod that has the name of an old one but is another.
func TestReplaceLeavesAPodAloneThatWasReplacedMeanwhile(t *testing.T) {
	c := newCluster(t)
	c.seed(statefulSetOf(blockController, sharedLabel, 1))
	k, d := c.adapter(), dependent("StatefulSet", blockController)
	old, err := k.Pods(t.Context(), clusterID, d)
	require.NoError(t, err)
	c.intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodDelete {
			other := httptest.NewRequestWithContext(context.Background(), http.MethodDelete, r.URL.Path, nil)
			other.Header.Set("Authorization", "Bearer admin-token")
			next.ServeHTTP(httptest.NewRecorder(), other)
			c.clock.Advance(time.Minute)
		}
		next.ServeHTTP(w, r)
	})

	require.NoError(t, k.Replace(t.Context(), clusterID, d, old))

	assert.Len(t, c.changed(), 1, "only the other one's deletion counts: %v", c.changed())
	assert.Equal(t, 1, c.readyPods(blockController))
}

// Workloads that do not roll out by themselves are finished by Replace as well.
func TestReplaceFinishesWhatIsHeldBack(t *testing.T) {
	paused := deploymentOf(blockController, sharedLabel, 2)
	paused.Spec.Paused = true
	onDelete := statefulSetOf(blockController, sharedLabel, 2)
	onDelete.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	for kind, controller := range map[string]object{"Deployment": paused, "StatefulSet": onDelete} {
		t.Run(kind, func(t *testing.T) {
			c := newCluster(t)
			if d, is := controller.(*appsv1.Deployment); is { // paused from the beginning, it would have no pods
				d.Spec.Paused = false
			}
			c.seed(controller)
			k, d := c.adapter(), dependent(kind, blockController)
			old, err := k.Pods(t.Context(), clusterID, d)
			require.NoError(t, err)
			require.Len(t, old, 2)
			if kind == "Deployment" {
				c.patch("/apis/apps/v1/namespaces/kube-system/deployments/"+blockController, `{"spec":{"paused":true}}`)
			}
			require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))

			reverted := false
			follow(t, c, k, d, old, mark, func(r offboard.Rollout) {
				if r.Reverted {
					reverted = true
					require.NoError(t, k.Replace(t.Context(), clusterID, d, old))
				}
				assert.GreaterOrEqual(t, c.readyPods(blockController), 1)
			})
			assert.True(t, reverted)
		})
	}
}

// Evicted pods stay listed for ever under their ReplicaSet, but run no process that could hold a key.
func TestPodsThatHaveEndedDoNotCount(t *testing.T) {
	c := newCluster(t)
	c.seed(deploymentOf(autoscaler, autoscaler, 1))
	alive := c.running(autoscaler)
	require.Len(t, alive, 1)
	c.patch("/api/v1/namespaces/kube-system/pods/"+alive[0].Name+"/status", `{"status":{"phase":"Failed","reason":"Evicted"}}`)
	c.clock.Advance(time.Minute)
	require.Len(t, c.running(autoscaler), 2, "the evicted one and its replacement")
	k, d := c.adapter(), dependent("Deployment", autoscaler)

	old, err := k.Pods(t.Context(), clusterID, d)

	require.NoError(t, err)
	require.Len(t, old, 1)
	assert.NotEqual(t, string(alive[0].UID), old[0])
}

func TestWorkloadsThatAreGone(t *testing.T) {
	c := newCluster(t)
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
}

func TestRestartRefusesWhatItCannotDo(t *testing.T) {
	c := newDriver(t, deploymentOf(blockController, sharedLabel, 1))
	k := c.adapter()
	nodes := c.uids(blockNode)
	d := dependent("DaemonSet", blockNode)

	wantCode(t, offboard.Unsupported, k.Restart(t.Context(), clusterID, d, mark))
	wantCode(t, offboard.Unsupported, k.Replace(t.Context(), clusterID, d, nodes))
	wantCode(t, offboard.Invalid, k.Restart(t.Context(), clusterID, dependent("Deployment", blockController), ""))
	assert.Empty(t, c.changed())
	assert.Equal(t, nodes, c.uids(blockNode))
}

// patch is somebody else's change.
func (c *cluster) patch(path, body string) {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPatch, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer admin-token")
	r.Header.Set("Content-Type", "application/merge-patch+json")
	w := httptest.NewRecorder()
	c.Server.ServeHTTP(w, r)
	require.Equal(c.t, http.StatusOK, w.Code, w.Body.String())
}
