package kubernetes_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
)

// snapshot is a moment between a controller's steps, which a cluster whose controllers act at once never shows.
type snapshot struct {
	deployment appsv1.Deployment
	pods       []corev1.Pod
}

// moment is a Deployment of two, restarted, rolled out and settled, with the given pods.
func moment(pods ...corev1.Pod) snapshot {
	d := deploymentOf(autoscaler, autoscaler, 2)
	d.UID, d.Generation = "deployment", 2
	d.Spec.Template.Annotations = map[string]string{"offboard/restarted": mark}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	return snapshot{*d, pods}
}

func (s snapshot) but(change func(*appsv1.Deployment)) snapshot {
	change(&s.deployment)
	return s
}

func pod(uid string, isReady bool) corev1.Pod {
	p := corev1.Pod{ObjectMeta: meta("kube-system", autoscaler+"-"+uid)}
	p.UID = types.UID(uid)
	p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "set", UID: "set", Controller: new(true)}}
	status := corev1.ConditionFalse
	if isReady {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	return p
}

// serve is an adapter that finds the snapshot, and the paths it deletes.
func (s snapshot) serve(t *testing.T) (k *kubernetes.Clusters, deleted *[]string) {
	deleted = new([]string)
	k, _ = answering(t, func(w http.ResponseWriter, r *http.Request) {
		var answer any = metav1.Status{Status: "Success"}
		switch {
		case r.Method == http.MethodDelete:
			*deleted = append(*deleted, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		case strings.HasSuffix(r.URL.Path, "/pods"):
			answer = corev1.PodList{Items: s.pods}
		case strings.HasSuffix(r.URL.Path, "/replicasets"):
			answer = appsv1.ReplicaSetList{Items: []appsv1.ReplicaSet{{ObjectMeta: metav1.ObjectMeta{Name: "set", UID: "set",
				OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", UID: "deployment", Controller: new(true)}}}}}}
		default:
			answer = s.deployment
		}
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(answer))
	})
	return k, deleted
}

func TestRolloutJudgesEveryMoment(t *testing.T) {
	unscheduled := pod("new2", false)
	unscheduled.Status.Conditions = append(unscheduled.Status.Conditions,
		corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes"})
	pulling := pod("new2", false)
	pulling.Status.InitContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}}}}
	stopping := pod("old1", true)
	stopping.DeletionTimestamp = new(metav1.Now())
	stoppingNew := pod("new3", false)
	stoppingNew.DeletionTimestamp = new(metav1.Now())
	unmarked := func(d *appsv1.Deployment) { d.Spec.Template.Annotations = nil }

	for name, test := range map[string]struct {
		snapshot
		want offboard.Rollout
	}{
		"settled": {moment(pod("new1", true), pod("new2", true)), offboard.Rollout{Done: true}},
		"a new pod stops after a second rollout": {moment(pod("new1", true), pod("new2", true), stoppingNew),
			offboard.Rollout{Done: true}},
		"the mark is gone and so are the old pods": {moment(pod("new1", true), pod("new2", true)).but(unmarked),
			offboard.Rollout{Done: true}},
		"not seen by the controller": {
			moment(pod("new1", true), pod("new2", true)).but(func(d *appsv1.Deployment) { d.Generation = 3 }),
			offboard.Rollout{Missing: "the controller has not seen the restart yet"}},
		"the controller thinks a pod is ready that is not": {moment(pod("new1", true), pod("new2", false)),
			offboard.Rollout{Missing: "1 of 2 new pods ready"}},
		"not available yet": {
			moment(pod("new1", true), pod("new2", true)).but(func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 1 }),
			offboard.Rollout{Missing: "1 of 2 pods available"}},
		"not scheduled": {moment(pod("new1", true), unscheduled),
			offboard.Rollout{Missing: "1 of 2 new pods ready; " + autoscaler + "-new2 is not scheduled: Unschedulable"}},
		"an init container waits": {moment(pod("new1", true), pulling),
			offboard.Rollout{Missing: "1 of 2 new pods ready; " + autoscaler + "-new2 is waiting: ErrImagePull"}},
		"old pods stop": {moment(pod("new1", true), pod("new2", true), stopping),
			offboard.Rollout{Missing: "1 old pod still stopping"}},
		"taken back, the controller works on it": {
			moment(pod("new1", true), pod("old1", true)).but(unmarked).but(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 1 }),
			offboard.Rollout{Missing: "1 of 2 new pods ready; 1 old pod still running; the restart was taken back"}},
		"taken back, the controller is content": {moment(pod("old1", true), pod("old2", true)).but(unmarked),
			offboard.Rollout{Reverted: true, Missing: "0 of 2 new pods ready; 2 old pods still running; the restart was taken back"}},
		"taken back, and the old pods are of no use any more": {
			moment(pod("old1", false), pod("old2", false)).but(unmarked).but(func(d *appsv1.Deployment) { d.Status.ReadyReplicas = 0 }),
			offboard.Rollout{Reverted: true, Missing: "0 of 2 new pods ready; 2 old pods still running; the restart was taken back"}},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := test.serve(t)
			got, err := k.Rollout(t.Context(), clusterID, dependent("Deployment", autoscaler), []string{"old1", "old2"}, mark)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestReplaceChoosesWhoServesNobody(t *testing.T) {
	for name, test := range map[string]struct {
		snapshot
		want []string
	}{
		"the one that is not ready":       {moment(pod("old1", true), pod("old2", false)), []string{autoscaler + "-old2"}},
		"one of two ready ones":           {moment(pod("old1", true), pod("old2", true)), []string{autoscaler + "-old1"}},
		"nobody while another one starts": {moment(pod("old1", true), pod("new1", false)), nil},
		"nobody new":                      {moment(pod("new1", false), pod("new2", true)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			k, deleted := test.serve(t)
			require.NoError(t, k.Replace(t.Context(), clusterID, dependent("Deployment", autoscaler), []string{"old1", "old2"}))
			assert.Equal(t, test.want, *deleted)
		})
	}
}
