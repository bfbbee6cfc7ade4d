package kube

import (
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// addon is a workload under a manager that puts foreign pod template annotations back.
type addon struct {
	after    time.Duration
	manifest map[string]string // the annotations the manager wants
	known    bool              // manifest is filled in
	pending  bool              // a reversal is on its way
}

// SetNeverReady makes the pods a workload (of any kind, by name) gets from now on stay Pending, their containers waiting
// for the given reason, e.g. ImagePullBackOff. An empty reason ends that, also for the pods it made: they start after
// PodStart, as when a registry is back.
func (s *Server) SetNeverReady(ns, workload string, reason string) {
	s.act(func() {
		at := key{ns, workload}
		if reason != "" {
			if s.neverReady == nil {
				s.neverReady = make(map[key]string)
			}
			s.neverReady[at] = reason
			return
		}
		delete(s.neverReady, at)
		for _, o := range s.list(pods, ns) {
			p := o.(*corev1.Pod)
			if s.stuck[p.UID] == "" || s.workloadOf(p) != workload {
				continue
			}
			delete(s.stuck, p.UID)
			s.startLater(p)
		}
	})
}

// SetReverting puts a workload (of any kind, by name) under an add-on manager, as objects labelled
// addonmanager.kubernetes.io/mode: Reconcile are: pod template annotations an API caller changes go back to what they
// are now (or at Create, if that comes later) once after has passed, which is a second rollout. 0 ends it.
func (s *Server) SetReverting(ns, workload string, after time.Duration) {
	s.act(func() {
		at := key{ns, workload}
		if after <= 0 {
			delete(s.addons, at)
			return
		}
		if s.addons == nil {
			s.addons = make(map[key]*addon)
		}
		a := &addon{after: after}
		s.addons[at] = a
		for _, k := range []kind{deployments, statefulSets, daemonSets} {
			if o, found := s.objects[k][at]; found {
				a.manifest, a.known = templateOf(o).Annotations, true
			}
		}
	})
}

// addonSeeded takes a seeded workload as what its manager wants.
func (s *Server) addonSeeded(k kind, o object) {
	a := s.addons[keyOf(o)]
	if template := templateOf(o); a != nil && template != nil {
		a.manifest, a.known = template.Annotations, true
	}
}

// addonChanged sets the manager on a workload a caller changed.
func (s *Server) addonChanged(k kind, o object) {
	at := keyOf(o)
	a, template := s.addons[at], templateOf(o)
	if a == nil || template == nil || !a.known || a.pending || maps.Equal(template.Annotations, a.manifest) {
		return
	}
	a.pending = true
	uid := o.GetUID()
	s.after(a.after, func() {
		a.pending = false
		if s.addons[at] == a {
			s.revert(k, at, uid, a.manifest)
		}
	})
}

func (s *Server) revert(k kind, at key, uid types.UID, manifest map[string]string) {
	o, found := s.objects[k][at]
	if !found || o.GetUID() != uid || maps.Equal(templateOf(o).Annotations, manifest) {
		return
	}
	next := o.DeepCopyObject().(object)
	templateOf(next).Annotations = maps.Clone(manifest)
	next.SetGeneration(o.GetGeneration() + 1)
	s.put(k, next)
}

// templateOf is the pod template of a workload callers may restart; nil for any other object.
func templateOf(o object) *corev1.PodTemplateSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	}
	return nil
}
