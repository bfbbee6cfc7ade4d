package kube

import (
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// syncStatefulSet takes one step: create the next missing pod, take the last surplus one away, or replace the highest
// ordinal with an old revision, each only once the others are as they should be (unless pods are managed in parallel,
// where only replacing goes one by one). A pod's coming and going wakes it again.
func (s *Server) syncStatefulSet(set *appsv1.StatefulSet) {
	v := s.statefulView(set)
	s.statefulStep(set, v)
	status := s.statefulStatus(set, s.statefulView(set))
	if !equality.Semantic.DeepEqual(status, set.Status) {
		next := *set
		next.Status = status
		s.putStatus(statefulSets, &next)
	}
}

// statefulView is a StatefulSet with its pods put in their places.
type statefulView struct {
	current, update string        // hashes of the revisions
	first           int           // the lowest ordinal
	wanted          []*corev1.Pod // by ordinal from first; nil where there is none
	surplus         []*corev1.Pod // beyond the wanted, highest ordinal first
	counts          appsv1.StatefulSetStatus
}

func (s *Server) statefulView(set *appsv1.StatefulSet) *statefulView {
	v := &statefulView{update: s.templateHash(set, &set.Spec.Template)}
	memory := s.rolloutOf(set.UID)
	v.current = v.update
	if set.Status.CurrentRevision != "" {
		v.current = set.Status.CurrentRevision[len(set.Name)+1:]
	}
	if memory.templates[v.update] == nil {
		memory.templates = map[string]*corev1.PodTemplateSpec{
			v.current: memory.templates[v.current], v.update: &set.Spec.Template,
		}
	}
	if set.Spec.Ordinals != nil {
		v.first = int(set.Spec.Ordinals.Start)
	}
	v.wanted = make([]*corev1.Pod, *set.Spec.Replicas)
	for _, p := range s.podsOf(set.UID) {
		i := ordinalOf(p) - v.first
		if i >= 0 && i < len(v.wanted) {
			v.wanted[i] = p
		} else {
			v.surplus = append(v.surplus, p)
		}
		v.count(p)
	}
	slices.SortFunc(v.surplus, func(a, b *corev1.Pod) int { return ordinalOf(b) - ordinalOf(a) })
	return v
}

func (v *statefulView) count(p *corev1.Pod) {
	v.counts.Replicas++
	if isReady(p) {
		v.counts.ReadyReplicas++
	}
	if p.DeletionTimestamp != nil {
		return
	}
	switch revision := hashOf(p); {
	case revision == v.update && revision == v.current:
		v.counts.UpdatedReplicas++
		v.counts.CurrentReplicas++
	case revision == v.update:
		v.counts.UpdatedReplicas++
	case revision == v.current:
		v.counts.CurrentReplicas++
	}
}

func (s *Server) statefulStep(set *appsv1.StatefulSet, v *statefulView) {
	ordered := set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement
	healthy := func(p *corev1.Pod) bool {
		if p == nil || p.DeletionTimestamp != nil {
			return false
		}
		return s.available(statefulSets, keyOf(set), []*corev1.Pod{p}, set.Spec.MinReadySeconds) == 1
	}
	for i, p := range v.wanted {
		if p == nil {
			s.newOrdinal(set, v, i)
		}
		if ordered && !healthy(p) {
			return
		}
	}
	for i, p := range v.surplus {
		if ordered && i > 0 {
			return
		}
		if p.DeletionTimestamp == nil {
			s.deletePod(p, nil)
		}
	}
	if set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType || ordered && len(v.surplus) > 0 {
		return
	}
	for i := len(v.wanted) - 1; i >= max(partitionOf(set)-v.first, 0); i-- {
		p := v.wanted[i]
		if p != nil && hashOf(p) != v.update && p.DeletionTimestamp == nil {
			s.deletePod(p, nil)
			return
		}
		if !healthy(p) {
			return
		}
	}
}

// newOrdinal creates the pod of one place. During a rolling update a pod lost below those already replaced comes back
// as it was.
func (s *Server) newOrdinal(set *appsv1.StatefulSet, v *statefulView, i int) {
	hash := v.update
	rolling := set.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType
	old := i+v.first < partitionOf(set) || partitionOf(set) == 0 && i < int(v.counts.CurrentReplicas)
	if template := s.rolloutOf(set.UID).templates[v.current]; rolling && old && template != nil {
		hash = v.current
	}
	ordinal := strconv.Itoa(v.first + i)
	name := set.Name + "-" + ordinal
	s.newPod(statefulSets, set, s.rolloutOf(set.UID).templates[hash], name, "", map[string]string{
		appsv1.ControllerRevisionHashLabelKey: set.Name + "-" + hash,
		appsv1.StatefulSetPodNameLabel:        name,
		appsv1.PodIndexLabel:                  ordinal,
	})
}

func (s *Server) statefulStatus(set *appsv1.StatefulSet, v *statefulView) appsv1.StatefulSetStatus {
	status := v.counts
	status.ObservedGeneration = set.Generation
	status.UpdateRevision = set.Name + "-" + v.update
	status.CurrentRevision = set.Name + "-" + v.current
	status.AvailableReplicas = s.available(statefulSets, keyOf(set), s.podsOf(set.UID), set.Spec.MinReadySeconds)
	status.Conditions = set.Status.Conditions
	status.CollisionCount = new(int32)
	rolling := set.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType
	if want := *set.Spec.Replicas; rolling && status.UpdatedReplicas == want && status.ReadyReplicas == want && status.Replicas == want {
		status.CurrentReplicas = status.UpdatedReplicas
		status.CurrentRevision = status.UpdateRevision
	}
	return status
}

func partitionOf(set *appsv1.StatefulSet) int {
	if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		return int(*rolling.Partition)
	}
	return 0
}

// hashOf is the template hash in a pod's revision label, which for a StatefulSet carries the set's name in front.
func hashOf(p *corev1.Pod) string {
	label := p.Labels[appsv1.ControllerRevisionHashLabelKey]
	for i := len(label) - 1; i >= 0; i-- {
		if label[i] == '-' {
			return label[i+1:]
		}
	}
	return label
}

func ordinalOf(p *corev1.Pod) int {
	n, err := strconv.Atoi(p.Labels[appsv1.PodIndexLabel])
	if err != nil {
		return -1
	}
	return n
}
