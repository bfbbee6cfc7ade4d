package kube

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pendingStatus is a pod's before its containers run.
func (s *Server) pendingStatus(p *corev1.Pod, scheduled bool) corev1.PodStatus {
	now := s.timestamp()
	status := corev1.PodStatus{Phase: corev1.PodPending, QOSClass: corev1.PodQOSBurstable, ObservedGeneration: p.Generation}
	if !scheduled {
		status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, LastTransitionTime: now,
			Reason: corev1.PodReasonUnschedulable, Message: "no node matches the pod",
		}}
		return status
	}
	status.StartTime = &now
	status.Conditions = conditions(nil, now, len(p.Spec.InitContainers) == 0, false)
	creating := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	status.ContainerStatuses = containerStatuses(p.Spec.Containers, creating, false)
	return status
}

// runningStatus is a pod's once its containers run, and are ready or not yet.
func (s *Server) runningStatus(p *corev1.Pod, ready bool) corev1.PodStatus {
	now := s.timestamp()
	status := p.Status
	status.Phase = corev1.PodRunning
	status.Conditions = conditions(p.Status.Conditions, now, true, ready)
	started := now
	if p.Status.Phase == corev1.PodRunning && len(p.Status.ContainerStatuses) > 0 {
		if running := p.Status.ContainerStatuses[0].State.Running; running != nil {
			started = running.StartedAt
		}
	}
	status.ContainerStatuses = containerStatuses(p.Spec.Containers,
		corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}, ready)
	status.InitContainerStatuses = containerStatuses(p.Spec.InitContainers, corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: started, FinishedAt: started},
	}, true)
	if status.PodIP == "" {
		// The UID's first digits make an address that is the pod's own for as long as it lives.
		n, err := strconv.ParseUint(string(p.UID[:6]), 16, 32)
		if err != nil {
			n = 1
		}
		status.PodIP = "172." + strconv.FormatUint(16+n>>16&15, 10) + "." + strconv.FormatUint(n>>8&255, 10) + "." +
			strconv.FormatUint(n&255, 10)
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	}
	return status
}

// conditions brings a scheduled pod's conditions up to date; one that does not change keeps its transition time.
func conditions(old []corev1.PodCondition, now metav1.Time, initialized, ready bool) []corev1.PodCondition {
	next := []corev1.PodCondition{
		{Type: corev1.PodInitialized, Status: corev1.ConditionFalse},
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady"},
		{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady"},
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse},
	}
	for i, yes := range [...]bool{initialized, ready, ready, true} {
		c := &next[i]
		c.LastTransitionTime = now
		if yes {
			c.Status, c.Reason = corev1.ConditionTrue, ""
		}
		for _, before := range old {
			if before.Type == c.Type && before.Status == c.Status {
				c.LastTransitionTime = before.LastTransitionTime
			}
		}
	}
	return next
}

func containerStatuses(containers []corev1.Container, state corev1.ContainerState, ready bool) []corev1.ContainerStatus {
	if len(containers) == 0 {
		return nil
	}
	statuses := make([]corev1.ContainerStatus, len(containers))
	started := state.Running != nil
	for i, c := range containers {
		statuses[i] = corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: state, Ready: ready, Started: &started}
		if started || state.Terminated != nil {
			statuses[i].ImageID = c.Image
		}
	}
	return statuses
}

func isReady(p *corev1.Pod) bool {
	c := readyCondition(p)
	return c != nil && c.Status == corev1.ConditionTrue
}

func readyCondition(p *corev1.Pod) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == corev1.PodReady {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// isActive says whether a pod counts for its ReplicaSet: a Terminating one is replaced at once.
func isActive(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded
}

// availableIn says how long it takes until a pod has been ready for minReady seconds: 0 is now; !ready is never, as
// things are.
func (s *Server) availableIn(p *corev1.Pod, minReady int32) (wait time.Duration, ready bool) {
	c := readyCondition(p)
	if c == nil || c.Status != corev1.ConditionTrue {
		return 0, false
	}
	if minReady == 0 {
		return 0, true
	}
	since := c.LastTransitionTime.Add(time.Duration(minReady) * time.Second)
	return max(since.Sub(s.now()), 0), true
}

// available counts the pods available now and has the controller look again when the next one is.
func (s *Server) available(k kind, at key, of []*corev1.Pod, minReady int32) (count int32) {
	var next time.Duration
	for _, p := range of {
		switch wait, ready := s.availableIn(p, minReady); {
		case !ready:
		case wait == 0:
			count++
		case next == 0 || wait < next:
			next = wait
		}
	}
	if next > 0 {
		s.recheck(k, at, next)
	}
	return count
}
