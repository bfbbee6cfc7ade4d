package kube

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// syncReplicaSet has as many active pods as are wanted, and counts them.
func (s *Server) syncReplicaSet(set *appsv1.ReplicaSet) {
	active := slices.DeleteFunc(s.podsOf(set.UID), func(p *corev1.Pod) bool { return !isActive(p) })
	missing := int(*set.Spec.Replicas) - len(active)
	for range missing {
		s.newPod(replicaSets, set, &set.Spec.Template, set.Name+"-"+s.suffix(), "", nil)
	}
	if missing < 0 {
		slices.SortStableFunc(active, firstToGo)
		for _, p := range active[:-missing] {
			s.deletePod(p, nil)
		}
		active = active[-missing:]
	}
	if missing != 0 {
		s.mark(replicaSets, keyOf(set)) // count what is there now
		return
	}
	status := appsv1.ReplicaSetStatus{
		Replicas:             int32(len(active)),
		FullyLabeledReplicas: int32(len(active)),
		ObservedGeneration:   set.Generation,
		AvailableReplicas:    s.available(replicaSets, keyOf(set), active, set.Spec.MinReadySeconds),
		Conditions:           set.Status.Conditions,
	}
	for _, p := range active {
		if isReady(p) {
			status.ReadyReplicas++
		}
	}
	if !equality.Semantic.DeepEqual(status, set.Status) {
		next := *set
		next.Status = status
		s.putStatus(replicaSets, &next)
	}
}

// firstToGo orders pods by how little is lost with them: those not running before those not ready before the others,
// and the youngest first.
func firstToGo(a, b *corev1.Pod) int {
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
		cmp.Compare(a.Name, b.Name),
	)
}

func rank(p *corev1.Pod) int {
	switch {
	case p.Status.Phase != corev1.PodRunning:
		return 0
	case !isReady(p):
		return 1
	}
	return 2
}
