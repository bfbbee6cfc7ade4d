package kube

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// syncDaemonSet has one pod on every node that fits, and replaces old ones as its strategy allows. A Terminating pod
// holds its node until it is gone.
func (s *Server) syncDaemonSet(set *appsv1.DaemonSet) {
	hash := s.templateHash(set, &set.Spec.Template)
	places := s.placesOf(set, hash)
	if s.daemonStep(set, hash, places) {
		places = s.placesOf(set, hash)
	}
	status := s.daemonStatus(set, places)
	if !equality.Semantic.DeepEqual(status, set.Status) {
		next := *set
		next.Status = status
		s.putStatus(daemonSets, &next)
	}
}

// place is one node and a DaemonSet's pods on it: one with the current template, one with another.
type place struct {
	node     string
	fits     bool
	new, old *corev1.Pod
}

// placesOf returns the nodes by name, and after them what runs on nodes that are no more.
func (s *Server) placesOf(set *appsv1.DaemonSet, hash string) []*place {
	var places []*place
	at := make(map[string]*place)
	for _, o := range s.list(nodes, "") {
		p := &place{node: o.GetName(), fits: fits(&set.Spec.Template.Spec, o.(*corev1.Node))}
		places = append(places, p)
		at[p.node] = p
	}
	for _, pod := range s.podsOf(set.UID) {
		p := at[pod.Spec.NodeName]
		switch {
		case p == nil:
			continue
		case hashOf(pod) == hash:
			p.new = pod
		default:
			p.old = pod
		}
	}
	return places
}

func (s *Server) daemonStep(set *appsv1.DaemonSet, hash string, places []*place) (moved bool) {
	available := func(p *corev1.Pod) bool {
		return p != nil && p.DeletionTimestamp == nil &&
			s.available(daemonSets, keyOf(set), []*corev1.Pod{p}, set.Spec.MinReadySeconds) == 1
	}
	end := func(p *corev1.Pod) {
		if p != nil && p.DeletionTimestamp == nil {
			s.deletePod(p, nil)
			moved = true
		}
	}
	create := func(p *place) {
		s.newPod(daemonSets, set, &set.Spec.Template, set.Name+"-"+s.suffix(), p.node,
			map[string]string{appsv1.ControllerRevisionHashLabelKey: hash})
		moved = true
	}
	var wanted, down, surged int32
	for _, p := range places {
		if !p.fits {
			end(p.new)
			end(p.old)
			continue
		}
		wanted++
		if p.new == nil && p.old == nil {
			create(p)
		}
		switch {
		case p.new != nil && p.old != nil:
			if !available(p.new) {
				surged++
			} else {
				end(p.old)
			}
		case !available(p.new) && !available(p.old):
			down++
		}
	}
	maxSurge, maxDown, rolling := daemonLimits(set, wanted)
	if !rolling {
		return moved
	}
	for _, p := range places {
		switch {
		case !p.fits || p.old == nil || p.new != nil:
		case maxSurge > 0 && (surged < maxSurge || !available(p.old)):
			create(p)
			surged++
		case maxSurge > 0:
		case !available(p.old): // it serves nobody: replacing it costs nothing
			end(p.old)
		case down < maxDown:
			end(p.old)
			down++
		}
	}
	return moved
}

// daemonLimits resolves maxSurge and maxUnavailable for a number of nodes; !rolling is a set whose pods are replaced only
// as they are deleted.
func daemonLimits(set *appsv1.DaemonSet, wanted int32) (surge, unavailable int32, rolling bool) {
	limits := set.Spec.UpdateStrategy.RollingUpdate
	if set.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType || limits == nil {
		return 0, 0, false
	}
	surge, surgeErr := scaled(limits.MaxSurge, wanted, true)
	unavailable, unavailableErr := scaled(limits.MaxUnavailable, wanted, true)
	return surge, unavailable, surgeErr == nil && unavailableErr == nil
}

func (s *Server) daemonStatus(set *appsv1.DaemonSet, places []*place) appsv1.DaemonSetStatus {
	status := appsv1.DaemonSetStatus{ObservedGeneration: set.Generation, Conditions: set.Status.Conditions}
	for _, p := range places {
		pod := p.new
		if pod == nil {
			pod = p.old
		}
		if !p.fits {
			if pod != nil {
				status.NumberMisscheduled++
			}
			continue
		}
		status.DesiredNumberScheduled++
		if pod == nil {
			continue
		}
		status.CurrentNumberScheduled++
		if p.new != nil {
			status.UpdatedNumberScheduled++
		}
		if pod.DeletionTimestamp == nil && isReady(pod) {
			status.NumberReady++
			status.NumberAvailable += s.available(daemonSets, keyOf(set), []*corev1.Pod{pod}, set.Spec.MinReadySeconds)
		}
	}
	status.NumberUnavailable = status.DesiredNumberScheduled - status.NumberAvailable
	return status
}
