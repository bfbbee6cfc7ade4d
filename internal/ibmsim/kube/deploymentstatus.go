package kube

import (
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

const (
	reasonAvailable = "NewReplicaSetAvailable"
	reasonUpdated   = "ReplicaSetUpdated"
	reasonExceeded  = "ProgressDeadlineExceeded"
)

// beginRollout notes a new revision on the Deployment and starts the clock of its progress deadline. It returns the
// Deployment as stored.
func (s *Server) beginRollout(d *appsv1.Deployment, revision, reason, message string) *appsv1.Deployment {
	next := *d
	next.Annotations = make(map[string]string, len(d.Annotations)+1)
	maps.Copy(next.Annotations, d.Annotations)
	next.Annotations[revisionAnnotation] = revision
	s.rolloutOf(d.UID).progress = s.now()
	if d.Spec.ProgressDeadlineSeconds != nil {
		next.Status.Conditions = s.withCondition(d.Status.Conditions, appsv1.DeploymentProgressing, corev1.ConditionTrue, reason, message)
	}
	s.write(deployments, &next)
	return &next
}

func (s *Server) deploymentStatus(d *appsv1.Deployment, r *revisions) appsv1.DeploymentStatus {
	status := appsv1.DeploymentStatus{ObservedGeneration: d.Generation, CollisionCount: d.Status.CollisionCount}
	var total int32
	for _, set := range r.all() {
		total += *set.Spec.Replicas
		status.Replicas += set.Status.Replicas
		status.ReadyReplicas += set.Status.ReadyReplicas
		status.AvailableReplicas += set.Status.AvailableReplicas
	}
	if r.current != nil {
		status.UpdatedReplicas = r.current.Status.Replicas
	}
	status.UnavailableReplicas = max(total-status.AvailableReplicas, 0)
	_, unavailable := rollingLimits(d)
	status.Conditions = d.Status.Conditions
	if status.AvailableReplicas >= *d.Spec.Replicas-unavailable {
		status.Conditions = s.withCondition(status.Conditions, appsv1.DeploymentAvailable, corev1.ConditionTrue,
			"MinimumReplicasAvailable", "Deployment has minimum availability.")
	} else {
		status.Conditions = s.withCondition(status.Conditions, appsv1.DeploymentAvailable, corev1.ConditionFalse,
			"MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
	}
	if d.Spec.ProgressDeadlineSeconds != nil && r.current != nil && !d.Spec.Paused {
		status.Conditions = s.progressCondition(d, status, r.current.Name)
	}
	return status
}

// progressCondition says whether the rollout is done, moves, or has not moved for too long; and has it looked at again
// when the last may become true.
func (s *Server) progressCondition(d *appsv1.Deployment, status appsv1.DeploymentStatus, set string) []appsv1.DeploymentCondition {
	memory := s.rolloutOf(d.UID)
	was := deploymentCondition(status.Conditions, appsv1.DeploymentProgressing)
	done := was != nil && was.Reason == reasonAvailable
	if done && status.Replicas == status.UpdatedReplicas {
		return status.Conditions // a pod lost after the rollout is none of the rollout's business
	}
	subject := "ReplicaSet \"" + set + "\""
	switch {
	case deploymentComplete(d, status):
		memory.disarm()
		return s.withCondition(status.Conditions, appsv1.DeploymentProgressing, corev1.ConditionTrue,
			reasonAvailable, subject+" has successfully progressed.")
	case progressed(d.Status, status):
		memory.progress = s.now()
		memory.disarm()
		status.Conditions = s.withCondition(status.Conditions, appsv1.DeploymentProgressing, corev1.ConditionTrue,
			reasonUpdated, subject+" is progressing.")
	}
	deadline := time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second
	wait := memory.progress.Add(deadline).Sub(s.now())
	switch was := deploymentCondition(status.Conditions, appsv1.DeploymentProgressing); {
	case was == nil || was.Reason == reasonExceeded || was.Reason == reasonAvailable:
	case wait <= 0:
		memory.disarm()
		return s.withCondition(status.Conditions, appsv1.DeploymentProgressing, corev1.ConditionFalse,
			reasonExceeded, subject+" has timed out progressing.")
	case memory.stop == nil:
		memory.stop = s.recheck(deployments, keyOf(d), wait)
	}
	return status.Conditions
}

func deploymentComplete(d *appsv1.Deployment, status appsv1.DeploymentStatus) bool {
	want := *d.Spec.Replicas
	return status.UpdatedReplicas == want && status.Replicas == want && status.AvailableReplicas == want &&
		status.ObservedGeneration >= d.Generation
}

func progressed(before, after appsv1.DeploymentStatus) bool {
	return after.UpdatedReplicas > before.UpdatedReplicas ||
		after.Replicas-after.UpdatedReplicas < before.Replicas-before.UpdatedReplicas ||
		after.ReadyReplicas > before.ReadyReplicas ||
		after.AvailableReplicas > before.AvailableReplicas
}

func deploymentCondition(conditions []appsv1.DeploymentCondition, t appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range conditions {
		if conditions[i].Type == t {
			return &conditions[i]
		}
	}
	return nil
}

// withCondition returns the conditions with one of them set. Its transition time moves only with its status, its update
// time with every report of progress.
func (s *Server) withCondition(conditions []appsv1.DeploymentCondition, t appsv1.DeploymentConditionType,
	status corev1.ConditionStatus, reason, message string) []appsv1.DeploymentCondition {
	was := deploymentCondition(conditions, t)
	if was != nil && was.Status == status && was.Reason == reason && t == appsv1.DeploymentAvailable {
		return conditions
	}
	now := s.timestamp()
	next := appsv1.DeploymentCondition{Type: t, Status: status, Reason: reason, Message: message,
		LastUpdateTime: now, LastTransitionTime: now}
	if was != nil && was.Status == status {
		next.LastTransitionTime = was.LastTransitionTime
	}
	kept := make([]appsv1.DeploymentCondition, 0, len(conditions)+1)
	for _, c := range conditions {
		if c.Type != t {
			kept = append(kept, c)
		}
	}
	kept = append(kept, next)
	slices.SortFunc(kept, func(a, b appsv1.DeploymentCondition) int {
		if a.Type < b.Type {
			return -1
		}
		return 1
	})
	return kept
}
