package kube

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// newPod stores a pod made from a workload's template. The template is shared, not copied.
func (s *Server) newPod(k kind, owner object, template *corev1.PodTemplateSpec, name, node string, extra map[string]string) {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			Namespace:       owner.GetNamespace(),
			Labels:          template.Labels,
			Annotations:     template.Annotations,
			OwnerReferences: ownerOf(k, owner),
			Finalizers:      template.Finalizers,
		},
		Spec: template.Spec,
	}
	if k != statefulSets {
		p.GenerateName = owner.GetName() + "-"
	}
	if len(extra) > 0 {
		p.Labels = make(map[string]string, len(template.Labels)+len(extra))
		maps.Copy(p.Labels, template.Labels)
		maps.Copy(p.Labels, extra)
	}
	p.Spec.NodeName = node
	s.birth(pods, p)
	s.admitPod(p)
}

// admitPod stores a new pod and lets it start, if there is a node for it.
func (s *Server) admitPod(p *corev1.Pod) {
	setZero(&p.Spec.ServiceAccountName, metav1.NamespaceDefault)
	setZero(&p.Spec.DeprecatedServiceAccount, p.Spec.ServiceAccountName)
	set(&p.Spec.EnableServiceLinks, true)
	if reason := s.neverReady[key{p.Namespace, s.workloadOf(p)}]; reason != "" {
		if s.stuck == nil {
			s.stuck = make(map[types.UID]string)
		}
		s.stuck[p.UID] = reason
	}
	scheduled := p.Spec.NodeName != ""
	if !scheduled {
		p.Spec.NodeName, scheduled = s.nodeFor(&p.Spec)
	}
	p.Status = s.pendingStatus(p, scheduled)
	s.put(pods, p)
	if scheduled {
		s.startLater(p)
	}
}

// workloadOf is the name of the workload at the top of a pod's owners; "" if nobody owns it.
func (s *Server) workloadOf(p *corev1.Pod) string {
	owner := metav1.GetControllerOfNoCopy(p)
	if owner == nil {
		return ""
	}
	if set, found := s.objects[replicaSets][key{p.Namespace, owner.Name}]; found && owner.Kind == resources[replicaSets].kind {
		if above := metav1.GetControllerOfNoCopy(set); above != nil {
			return above.Name
		}
	}
	return owner.Name
}

// nodeFor takes the nodes in turn. A cluster without any node object runs its pods nowhere in particular.
func (s *Server) nodeFor(spec *corev1.PodSpec) (name string, found bool) {
	if len(s.objects[nodes]) == 0 {
		return "", true
	}
	all := s.list(nodes, "")
	for range all {
		n := all[s.nextNode%len(all)].(*corev1.Node)
		s.nextNode++
		if !n.Spec.Unschedulable && fits(spec, n) {
			return n.Name, true
		}
	}
	return "", false
}

func fits(spec *corev1.PodSpec, n *corev1.Node) bool {
	return labels.SelectorFromSet(spec.NodeSelector).Matches(labels.Set(n.Labels))
}

// nodesChanged gives waiting pods another chance and lets the DaemonSets look at the nodes again.
func (s *Server) nodesChanged() {
	for at := range s.objects[daemonSets] {
		s.mark(daemonSets, at)
	}
	for _, o := range s.list(pods, "") {
		p := o.(*corev1.Pod)
		if p.Spec.NodeName != "" || p.Status.StartTime != nil || p.DeletionTimestamp != nil {
			continue
		}
		node, found := s.nodeFor(&p.Spec)
		if !found {
			continue
		}
		next := *p
		next.Spec.NodeName = node
		next.Status = s.pendingStatus(&next, true)
		s.put(pods, &next)
		s.startLater(&next)
	}
}

// startLater gives a pod half its start time until its containers run, and the other half until it is Ready.
func (s *Server) startLater(p *corev1.Pod) {
	at, uid := keyOf(p), p.UID
	half := s.o.PodStart / 2
	s.after(half, func() {
		if !s.startContainers(at, uid) {
			return
		}
		s.after(s.o.PodStart-half, func() { s.makeReady(at, uid) })
	})
}

// alive finds a pod that is still the one meant and is not on its way out.
func (s *Server) alive(at key, uid types.UID) (*corev1.Pod, bool) {
	p, found := get[*corev1.Pod](s, pods, at)
	return p, found && p.UID == uid && p.DeletionTimestamp == nil
}

func (s *Server) startContainers(at key, uid types.UID) (started bool) {
	p, found := s.alive(at, uid)
	if !found || p.Status.Phase != corev1.PodPending {
		return false
	}
	next := *p
	if reason := s.stuck[uid]; reason != "" {
		next.Status.ContainerStatuses = containerStatuses(p.Spec.Containers, corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: reason},
		}, false)
		s.put(pods, &next)
		return false
	}
	next.Status = s.runningStatus(p, false)
	s.put(pods, &next)
	s.reportStarted(&next)
	return true
}

func (s *Server) makeReady(at key, uid types.UID) {
	p, found := s.alive(at, uid)
	if !found || p.Status.Phase != corev1.PodRunning || isReady(p) {
		return
	}
	next := *p
	next.Status = s.runningStatus(p, true)
	s.put(pods, &next)
}

func (s *Server) reportStarted(p *corev1.Pod) {
	if s.o.OnPodStarted != nil {
		s.afterUnlock(func() { s.o.OnPodStarted(p.DeepCopy()) })
	}
}

// settle starts what waits, lets the controllers follow, and starts what they added.
func (s *Server) settle() {
	for {
		s.reconcile()
		moved := false
		for _, o := range s.list(pods, "") {
			p := o.(*corev1.Pod)
			if p.DeletionTimestamp != nil || p.Status.StartTime == nil || isReady(p) || s.stuck[p.UID] != "" {
				continue
			}
			next := *p
			next.Status = s.runningStatus(p, true)
			s.put(pods, &next)
			moved = true
			if p.Status.Phase == corev1.PodPending {
				s.reportStarted(&next)
			}
		}
		if !moved {
			return
		}
	}
}

// deletePod begins the end of a pod: it is Terminating until its process has stopped or its grace period (seconds; nil
// is the pod's own) is over. Doing it again can only shorten the wait.
func (s *Server) deletePod(p *corev1.Pod, grace *int64) *corev1.Pod {
	seconds := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if p.Spec.TerminationGracePeriodSeconds != nil {
		seconds = *p.Spec.TerminationGracePeriodSeconds
	}
	if grace != nil {
		seconds = max(*grace, 0)
	}
	if p.Status.StartTime == nil { // no kubelet has it, so nobody needs to be waited for
		seconds = 0
	}
	if p.DeletionTimestamp != nil && *p.DeletionGracePeriodSeconds <= seconds {
		return p
	}
	next := *p
	deadline := metav1.NewTime(s.timestamp().Add(time.Duration(seconds) * time.Second))
	next.DeletionTimestamp = &deadline
	next.DeletionGracePeriodSeconds = &seconds
	next.Generation++
	s.put(pods, &next)
	at, uid := keyOf(p), p.UID
	stop := min(s.o.PodStop, time.Duration(seconds)*time.Second)
	if stop <= 0 {
		s.endPod(at, uid)
		return &next
	}
	s.after(stop, func() { s.endPod(at, uid) })
	return &next
}

// endPod takes a stopped pod out of the API, unless a finalizer holds it.
func (s *Server) endPod(at key, uid types.UID) {
	p, found := get[*corev1.Pod](s, pods, at)
	if !found || p.UID != uid {
		return
	}
	if len(p.Finalizers) == 0 {
		s.remove(pods, at)
		return
	}
	none := int64(0)
	next := *p
	next.DeletionGracePeriodSeconds = &none
	s.put(pods, &next)
}

func (s *Server) podGone(p *corev1.Pod) {
	delete(s.stuck, p.UID)
	if owner := metav1.GetControllerOfNoCopy(p); owner != nil && owner.Kind == resources[replicaSets].kind {
		// A Deployment of the Recreate strategy waits for the pod to be gone, which its ReplicaSet's status never counted.
		if set, found := s.objects[replicaSets][key{p.Namespace, owner.Name}]; found {
			s.touchOwner(set)
		}
	}
	if s.o.OnPodGone != nil {
		s.afterUnlock(func() { s.o.OnPodGone(p.DeepCopy()) })
	}
}
