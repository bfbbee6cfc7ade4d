package kube

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/rand"
)

// rollout is what the controllers remember of a workload beyond what is stored.
type rollout struct {
	generation int64  // the one hash belongs to
	hash       string // of the pod template
	progress   time.Time
	stop       func() // ends the wait for the progress deadline
	// templates are those of a StatefulSet's current and next revision, by hash.
	templates map[string]*corev1.PodTemplateSpec
}

// reconcile runs the controllers of everything touched until nothing is left to do.
func (s *Server) reconcile() {
	for len(s.dirty) > 0 {
		next := s.dirty[0]
		s.dirty = s.dirty[1:]
		switch o := s.objects[next.kind][next.key].(type) {
		case *appsv1.Deployment:
			s.syncDeployment(o)
		case *appsv1.ReplicaSet:
			s.syncReplicaSet(o)
		case *appsv1.StatefulSet:
			s.syncStatefulSet(o)
		case *appsv1.DaemonSet:
			s.syncDaemonSet(o)
		}
	}
	s.dirty = nil
}

func (s *Server) mark(k kind, at key) {
	if r := (ref{k, at}); !slices.Contains(s.dirty, r) {
		s.dirty = append(s.dirty, r)
	}
}

// touch wakes the controllers that watch o.
func (s *Server) touch(k kind, o object) {
	switch k {
	case deployments, replicaSets, statefulSets, daemonSets:
		s.mark(k, keyOf(o))
	case nodes:
		s.nodesChanged()
	}
	s.touchOwner(o)
}

func (s *Server) touchOwner(o object) {
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil {
		return
	}
	if k, known := workloadKind(owner.Kind); known {
		s.mark(k, key{o.GetNamespace(), owner.Name})
	}
}

func workloadKind(name string) (kind, bool) {
	for _, k := range []kind{replicaSets, statefulSets, daemonSets, deployments} {
		if resources[k].kind == name {
			return k, true
		}
	}
	return 0, false
}

// afterRemoval follows up on an object that has left the store: what it owned goes too, unless it was let go before.
func (s *Server) afterRemoval(k kind, o object) {
	if r := s.rollouts[o.GetUID()]; r != nil {
		r.disarm()
		delete(s.rollouts, o.GetUID())
	}
	switch k {
	case pods:
		s.podGone(o.(*corev1.Pod))
	case nodes:
		for _, p := range s.list(pods, "") {
			if p.(*corev1.Pod).Spec.NodeName == o.GetName() {
				s.remove(pods, keyOf(p))
			}
		}
		s.nodesChanged()
	case namespaces:
		for k := range resources {
			if !resources[k].namespaced {
				continue
			}
			for _, inside := range s.list(kind(k), o.GetName()) {
				s.remove(kind(k), keyOf(inside))
			}
		}
	}
	for _, owned := range s.ownedBy(o.GetUID(), replicaSets) {
		s.remove(replicaSets, keyOf(owned))
	}
	for _, owned := range s.ownedBy(o.GetUID(), pods) {
		s.deletePod(owned.(*corev1.Pod), nil)
	}
}

// release lets go of what o owns (propagationPolicy Orphan).
func (s *Server) release(o object) {
	for _, k := range []kind{replicaSets, pods} {
		for _, owned := range s.ownedBy(o.GetUID(), k) {
			free := owned.DeepCopyObject().(object)
			free.SetOwnerReferences(slices.DeleteFunc(free.GetOwnerReferences(), func(r metav1.OwnerReference) bool {
				return r.UID == o.GetUID()
			}))
			s.write(k, free)
		}
	}
}

// ownedBy returns the objects of a kind whose controller has the given UID, by name.
func (s *Server) ownedBy(uid types.UID, k kind) []object {
	var owned []object
	for _, o := range s.objects[k] {
		if c := metav1.GetControllerOfNoCopy(o); c != nil && c.UID == uid {
			owned = append(owned, o)
		}
	}
	slices.SortFunc(owned, func(a, b object) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return owned
}

// podsOf returns the pods a controller owns, Terminating ones too, by name.
func (s *Server) podsOf(uid types.UID) []*corev1.Pod {
	owned := s.ownedBy(uid, pods)
	found := make([]*corev1.Pod, len(owned))
	for i, o := range owned {
		found[i] = o.(*corev1.Pod)
	}
	return found
}

func (s *Server) rolloutOf(uid types.UID) *rollout {
	r := s.rollouts[uid]
	if r == nil {
		r = &rollout{}
		s.rollouts[uid] = r
	}
	return r
}

// templateHash names a pod template by its content, so that going back to an old template finds its old name.
func (s *Server) templateHash(o object, template *corev1.PodTemplateSpec) string {
	r := s.rolloutOf(o.GetUID())
	if r.hash != "" && r.generation == o.GetGeneration() {
		return r.hash
	}
	content, err := template.Marshal()
	if err != nil {
		panic("kube: a typed pod template cannot be encoded: " + err.Error())
	}
	sum := fnv.New32a()
	sum.Write(content)
	r.generation = o.GetGeneration()
	r.hash = rand.SafeEncodeString(strconv.FormatUint(uint64(sum.Sum32()), 10))
	return r.hash
}

func (r *rollout) disarm() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// recheck has the controller of an object look again after d.
func (s *Server) recheck(k kind, at key, d time.Duration) (stop func()) {
	return s.after(d, func() { s.mark(k, at) })
}

func ownerOf(k kind, o object) []metav1.OwnerReference {
	yes := true
	r := &resources[k]
	return []metav1.OwnerReference{{
		APIVersion: r.gvk().GroupVersion().String(), Kind: r.kind, Name: o.GetName(), UID: o.GetUID(),
		Controller: &yes, BlockOwnerDeletion: &yes,
	}}
}

// scaled resolves a count or a percentage of total.
func scaled(v *intstr.IntOrString, total int32, roundUp bool) (int32, error) {
	if v == nil {
		return 0, nil
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(v, int(total), roundUp)
	return int32(n), err
}
