package kube

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const revisionAnnotation = "deployment.kubernetes.io/revision"

// revisions are a Deployment's ReplicaSets: the one with its current template (nil if there is none yet) and the
// others, oldest revision first.
type revisions struct {
	hash    string
	current *appsv1.ReplicaSet
	old     []*appsv1.ReplicaSet
}

func (r *revisions) all() []*appsv1.ReplicaSet {
	if r.current == nil {
		return r.old
	}
	return append(slices.Clip(r.old), r.current)
}

func (s *Server) revisionsOf(d *appsv1.Deployment) *revisions {
	r := &revisions{hash: s.templateHash(d, &d.Spec.Template)}
	for _, o := range s.ownedBy(d.UID, replicaSets) {
		set := o.(*appsv1.ReplicaSet)
		if set.Labels[appsv1.DefaultDeploymentUniqueLabelKey] == r.hash {
			r.current = set
		} else {
			r.old = append(r.old, set)
		}
	}
	slices.SortFunc(r.old, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(revisionOf(a), revisionOf(b)) })
	return r
}

func revisionOf(set *appsv1.ReplicaSet) int {
	n, err := strconv.Atoi(set.Annotations[revisionAnnotation])
	if err != nil {
		return 0
	}
	return n
}

// syncDeployment takes one step of a rollout and says how far it is. Every step changes a ReplicaSet, whose controller
// wakes this one again.
func (s *Server) syncDeployment(d *appsv1.Deployment) {
	r := s.revisionsOf(d)
	d = s.rollOut(d, r)
	r = s.revisionsOf(d)
	status := s.deploymentStatus(d, r)
	if !equality.Semantic.DeepEqual(status, d.Status) {
		next := *d
		next.Status = status
		s.putStatus(deployments, &next)
	}
	if deploymentComplete(d, status) {
		s.forgetOldRevisions(d, r.old)
	}
}

// rollOut returns the Deployment as it is stored afterwards.
func (s *Server) rollOut(d *appsv1.Deployment, r *revisions) *appsv1.Deployment {
	if d.Spec.Paused {
		if r.current != nil {
			s.scale(r.current, *d.Spec.Replicas)
		}
		return d
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		stopping := false
		for _, set := range r.old {
			s.scale(set, 0)
			stopping = stopping || len(s.podsOf(set.UID)) > 0
		}
		if stopping {
			return d // the last of its pods to leave wakes the Deployment, see podGone
		}
		if r.current == nil {
			return s.newReplicaSet(d, r, *d.Spec.Replicas)
		}
		d = s.adoptRevision(d, r)
		s.scale(r.current, *d.Spec.Replicas)
		return d
	}
	return s.rollOver(d, r)
}

// rollOver is the RollingUpdate strategy: add as many new pods as the surge allows, then take away as many old ones as
// are not needed for availability, those that do not work first.
func (s *Server) rollOver(d *appsv1.Deployment, r *revisions) *appsv1.Deployment {
	want := *d.Spec.Replicas
	surge, unavailable := rollingLimits(d)
	var total int32
	for _, set := range r.all() {
		total += *set.Spec.Replicas
	}
	room := max(want+surge-total, 0)
	if r.current == nil {
		return s.newReplicaSet(d, r, min(room, want))
	}
	d = s.adoptRevision(d, r)
	if have := *r.current.Spec.Replicas; have != want {
		if target := min(have+room, want); s.scale(r.current, target) {
			return d
		}
	}
	s.scaleOldDown(r, want-unavailable, total)
	return d
}

func (s *Server) scaleOldDown(r *revisions, minAvailable, total int32) {
	newMissing := *r.current.Spec.Replicas - r.current.Status.AvailableReplicas
	spare := total - minAvailable - newMissing
	sizes := make([]int32, len(r.old))
	available := r.current.Status.AvailableReplicas
	for i, set := range r.old {
		sizes[i] = *set.Spec.Replicas
		broken := max(min(spare, sizes[i]-set.Status.AvailableReplicas), 0)
		sizes[i] -= broken
		spare -= broken
		available += set.Status.AvailableReplicas
	}
	spare = min(spare, available-minAvailable)
	for i, set := range r.old {
		less := max(min(spare, sizes[i]), 0)
		spare -= less
		s.scale(set, sizes[i]-less)
	}
}

// rollingLimits resolves maxSurge (rounded up) and maxUnavailable (rounded down); one of them has to be above 0.
func rollingLimits(d *appsv1.Deployment) (surge, unavailable int32) {
	rolling := d.Spec.Strategy.RollingUpdate
	if rolling == nil {
		return 0, 0
	}
	surge, surgeErr := scaled(rolling.MaxSurge, *d.Spec.Replicas, true)
	unavailable, unavailableErr := scaled(rolling.MaxUnavailable, *d.Spec.Replicas, false)
	if surgeErr != nil || unavailableErr != nil || surge == 0 && unavailable == 0 {
		unavailable = max(unavailable, 1)
	}
	return surge, min(unavailable, *d.Spec.Replicas)
}

// scale reports whether there was something to do.
func (s *Server) scale(set *appsv1.ReplicaSet, replicas int32) bool {
	if *set.Spec.Replicas == replicas {
		return false
	}
	next := *set
	next.Spec.Replicas = &replicas
	next.Generation++
	s.put(replicaSets, &next)
	return true
}

func (s *Server) newReplicaSet(d *appsv1.Deployment, r *revisions, replicas int32) *appsv1.Deployment {
	withHash := func(from map[string]string) map[string]string {
		to := make(map[string]string, len(from)+1)
		maps.Copy(to, from)
		to[appsv1.DefaultDeploymentUniqueLabelKey] = r.hash
		return to
	}
	revision := strconv.Itoa(lastRevision(r.old) + 1)
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name:            d.Name + "-" + r.hash,
			Namespace:       d.Namespace,
			Labels:          withHash(d.Spec.Template.Labels),
			Annotations:     map[string]string{revisionAnnotation: revision},
			OwnerReferences: ownerOf(deployments, d),
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas:        &replicas,
			MinReadySeconds: d.Spec.MinReadySeconds,
			Selector: &metav1.LabelSelector{
				MatchLabels:      withHash(d.Spec.Selector.MatchLabels),
				MatchExpressions: d.Spec.Selector.MatchExpressions,
			},
			Template: d.Spec.Template,
		},
	}
	set.Spec.Template.Labels = set.Labels
	s.birth(replicaSets, set)
	s.put(replicaSets, set)
	return s.beginRollout(d, revision, "NewReplicaSetCreated", "Created new replica set \""+set.Name+"\"")
}

// adoptRevision makes the current ReplicaSet the newest revision when an old template came back.
func (s *Server) adoptRevision(d *appsv1.Deployment, r *revisions) *appsv1.Deployment {
	last := lastRevision(r.old)
	if revisionOf(r.current) > last {
		return d
	}
	revision := strconv.Itoa(last + 1)
	next := *r.current
	next.Annotations = maps.Clone(next.Annotations)
	next.Annotations[revisionAnnotation] = revision
	s.write(replicaSets, &next)
	r.current = &next
	return s.beginRollout(d, revision, "FoundNewReplicaSet", "Found new replica set \""+next.Name+"\"")
}

func lastRevision(sets []*appsv1.ReplicaSet) int {
	last := 0
	for _, set := range sets {
		last = max(last, revisionOf(set))
	}
	return last
}

// forgetOldRevisions keeps no more empty ReplicaSets than the history limit says.
func (s *Server) forgetOldRevisions(d *appsv1.Deployment, old []*appsv1.ReplicaSet) {
	surplus := len(old) - int(*d.Spec.RevisionHistoryLimit)
	for _, set := range old {
		if surplus <= 0 {
			return
		}
		if set.Status.Replicas == 0 && *set.Spec.Replicas == 0 {
			s.remove(replicaSets, keyOf(set))
		}
		surplus--
	}
}
