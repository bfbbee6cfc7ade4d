package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"offboard/internal/offboard"
)

// Rollout tells how far the replacement of the old pods (UIDs, as Pods told them before the restart) is. It reads twice,
// the workload and then its pods, and changes nothing. NotFound if the workload is gone.
//
// Done needs every old pod gone, terminating ones too since they still run, and everything the workload wants to be up
// to date, ready and available. Reverted means that the controller has nothing left to do although old pods are left: the template
// does not carry mark any more, as an add-on manager that reconciles its objects brings about, or the workload does not
// replace pods by itself (paused, OnDelete, partition). Then only Replace helps. Missing is set unless Done.
func (c *Clusters) Rollout(ctx context.Context, clusterID string, d offboard.Dependent, old []string, mark string) (offboard.Rollout, error) {
	var found offboard.Rollout
	err := c.with(ctx, clusterID, func(k *client) error {
		w, err := k.workload(ctx, d)
		if err != nil {
			return err
		}
		pods, err := k.pods(ctx, w)
		if err != nil {
			return err
		}
		found = judge(w, pods, old, mark)
		return nil
	})
	return found, err
}

// judge compares what the controller says with what the pods are: the controller alone would call a rollout complete
// while old pods still terminate, and the pods alone would not show one that has not begun.
func judge(w workload, pods []core.Pod, old []string, mark string) offboard.Rollout {
	var left, leaving int
	var fresh []*core.Pod
	for i := range pods {
		switch isOld := slices.Contains(old, string(pods[i].UID)); {
		case isOld && terminating(&pods[i]):
			leaving++
		case isOld:
			left++
		case !terminating(&pods[i]):
			fresh = append(fresh, &pods[i])
		}
	}
	waiting := slices.DeleteFunc(slices.Clone(fresh), ready)
	// Where the controller does not replace pods, it never counts the kept ones as updated.
	current := w.updated == w.replicas || w.held != ""
	settled := w.observed >= w.generation && w.total == w.replicas && current
	complete := settled && w.ready == w.replicas && w.available == w.replicas
	if complete && left+leaving == 0 && len(waiting) == 0 {
		return offboard.Rollout{Done: true}
	}
	stuck := w.held != "" || w.mark != mark
	return offboard.Rollout{
		Missing: missing(w, fresh, waiting, left, leaving, mark),
		// Whether the pods are ready does not matter: those whose key is dead may never be.
		Reverted: stuck && left > 0 && settled,
	}
}

// missing says what is not done yet, most telling first.
func missing(w workload, fresh, waiting []*core.Pod, left, leaving int, mark string) string {
	var words []string
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if w.observed < w.generation {
		say("the controller has not seen the restart yet")
	}
	if up := len(fresh) - len(waiting); up < w.replicas {
		say("%d of %d new pods ready", up, w.replicas)
	}
	const most = 3 // the others are most likely waiting for the same
	for _, pod := range waiting[:min(most, len(waiting))] {
		if reason := why(pod); reason != "" {
			say("%s is %s", pod.Name, reason)
		}
	}
	if w.overdue {
		say("the rollout has made no progress within its deadline")
	}
	if left > 0 {
		say("%s still running", count(left, "old pod"))
	}
	if leaving > 0 {
		say("%s still stopping", count(leaving, "old pod"))
	}
	if left > 0 && w.held != "" {
		say("%s", w.held)
	}
	if left > 0 && w.mark != mark {
		say("the restart was taken back")
	}
	if len(words) == 0 {
		say("%d of %d pods available", min(w.available, w.updated), w.replicas)
	}
	return strings.Join(words, "; ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// why names what keeps a pod from being ready, empty if nothing but time does. Only the API's reasons are told, never
// its messages: those repeat commands and addresses.
func why(pod *core.Pod) string {
	for _, containers := range [][]core.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range containers {
			if c.State.Waiting != nil && c.State.Waiting.Reason != "" {
				return "waiting: " + c.State.Waiting.Reason
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == core.PodScheduled && c.Status == core.ConditionFalse && c.Reason != "" {
			return "not scheduled: " + c.Reason
		}
	}
	return ""
}
