package standin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// runPods takes every pod one step further if it is time for one.
func (s *Standin) runPods(ctx context.Context) error {
	pods, err := s.pods.List(labels.Everything())
	if err != nil {
		return err
	}
	var problems []error
	known := make(map[types.UID]bool, len(pods))
	for _, pod := range pods {
		known[pod.UID] = true
		if err := s.runPod(ctx, pod, time.Now()); err != nil {
			problems = append(problems, fmt.Errorf("run pod %s/%s: %w", pod.Namespace, pod.Name, err))
		}
	}
	gone := func(uid types.UID, _ time.Time) bool { return !known[uid] }
	maps.DeleteFunc(s.started, gone)
	maps.DeleteFunc(s.stopping, gone)
	return errors.Join(problems...)
}

func (s *Standin) runPod(ctx context.Context, pod *corev1.Pod, now time.Time) error {
	switch {
	case pod.DeletionTimestamp != nil:
		return s.stop(ctx, pod, now)
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return nil // it has ended, whoever said so
	case pod.Spec.NodeName == "":
		return s.schedule(ctx, pod)
	case ready(pod):
		return nil
	}
	begun, known := s.started[pod.UID]
	reason := s.annotation(pod, NeverReady)
	if !known || reason != "" {
		begun = now
		s.started[pod.UID] = now
	}
	if reason != "" {
		return s.say(ctx, pod, waiting(pod, reason))
	}
	switch since := now.Sub(begun); {
	case since >= s.pace.Start:
		return s.say(ctx, pod, running(pod, true))
	case since >= s.pace.Start/2:
		return s.say(ctx, pod, running(pod, false))
	}
	return s.say(ctx, pod, waiting(pod, "ContainerCreating"))
}

// stop takes a deleted pod away when its time to stop is over. The API holds creation and deletion times in whole
// seconds, so all times are the stand-in's own.
func (s *Standin) stop(ctx context.Context, pod *corev1.Pod, now time.Time) error {
	begun, known := s.stopping[pod.UID]
	if !known {
		begun = now
		s.stopping[pod.UID] = now
	}
	if now.Sub(begun) < s.pace.Stop || s.annotation(pod, Lingering) != "" {
		return nil
	}
	atOnce := metav1.NewDeleteOptions(0)
	atOnce.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	err := s.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *atOnce)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone already
	}
	return err
}

// annotation is one of the workload that a pod belongs to, empty if it has none.
func (s *Standin) annotation(pod *corev1.Pod, name string) string {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return ""
	}
	switch owner.Kind {
	case "StatefulSet":
		if set, err := s.statefulSets.StatefulSets(pod.Namespace).Get(owner.Name); err == nil {
			return set.Annotations[name]
		}
	case "ReplicaSet":
		set, err := s.replicaSets.ReplicaSets(pod.Namespace).Get(owner.Name)
		if err != nil {
			return ""
		}
		owner = metav1.GetControllerOf(set)
		if owner == nil || owner.Kind != "Deployment" {
			return ""
		}
		if d, err := s.deployments.Deployments(pod.Namespace).Get(owner.Name); err == nil {
			return d.Annotations[name]
		}
	}
	return ""
}

// say writes a pod's status if it says something new.
func (s *Standin) say(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(pod.Status, status) {
		return nil
	}
	next := pod.DeepCopy()
	next.Status = status
	_, err := s.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{})
	return err
}
