package standin

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// unschedulable is the status of a pod for which there is no node.
func unschedulable(pod *corev1.Pod) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.Phase = corev1.PodPending
	set(&status, corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable)
	return status
}

// waiting is the status of a pod on a node whose containers wait for something.
func waiting(pod *corev1.Pod, reason string) corev1.PodStatus {
	return status(pod, corev1.PodPending, false, func(corev1.Container) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	})
}

// running is the status of a pod whose containers run, and are ready or not yet.
func running(pod *corev1.Pod, isReady bool) corev1.PodStatus {
	begun := metav1.Now()
	return status(pod, corev1.PodRunning, isReady, func(c corev1.Container) corev1.ContainerState {
		for _, known := range pod.Status.ContainerStatuses {
			if known.Name == c.Name && known.State.Running != nil {
				return known.State
			}
		}
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: begun}}
	})
}

func status(pod *corev1.Pod, phase corev1.PodPhase, isReady bool, state func(corev1.Container) corev1.ContainerState) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.Phase = phase
	if status.StartTime == nil {
		now := metav1.Now()
		status.StartTime = &now
	}
	status.HostIP, status.PodIP = "127.0.0.1", "127.0.0.1"
	status.HostIPs, status.PodIPs = []corev1.HostIP{{IP: status.HostIP}}, []corev1.PodIP{{IP: status.PodIP}}
	set(&status, corev1.PodScheduled, corev1.ConditionTrue, "")
	set(&status, corev1.PodInitialized, corev1.ConditionTrue, "")
	truth, reason := corev1.ConditionFalse, "ContainersNotReady"
	if isReady {
		truth, reason = corev1.ConditionTrue, ""
	}
	set(&status, corev1.ContainersReady, truth, reason)
	set(&status, corev1.PodReady, truth, reason)
	status.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, State: state(c), Ready: isReady, Started: new(phase == corev1.PodRunning),
		})
	}
	return status
}

// set changes a condition, and the time of its last transition only if it turns.
func set(status *corev1.PodStatus, kind corev1.PodConditionType, truth corev1.ConditionStatus, reason string) {
	at := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if at < 0 {
		at = len(status.Conditions)
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind})
	}
	c := &status.Conditions[at]
	if c.Status != truth {
		c.LastTransitionTime = metav1.Now()
	}
	c.Status, c.Reason = truth, reason
}
