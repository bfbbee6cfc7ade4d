package kube

import (
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

func (s *Server) serveScale(w http.ResponseWriter, q *request) error {
	s.mu.Lock()
	o, found := s.objects[q.kind][q.key()]
	s.mu.Unlock()
	if !found {
		return apierrors.NewNotFound(q.gr(), q.name)
	}
	respond(w, q.Request, http.StatusOK, scaleOf(o))
	return nil
}

// changeScale serves the scale subresource: the same object, seen through its number of replicas.
func (s *Server) changeScale(q *request, old object, content []byte, media string) (any, error) {
	if q.verb == "patch" {
		var err error
		if content, err = patched(q, scaleOf(old), &autoscalingv1.Scale{}, content, media); err != nil {
			return nil, err
		}
	}
	var scale autoscalingv1.Scale
	if err := json.Unmarshal(content, &scale); err != nil {
		return nil, apierrors.NewBadRequest("decode Scale: " + err.Error())
	}
	next := old.DeepCopyObject().(object)
	next.SetName(scale.Name)
	next.SetResourceVersion(scale.ResourceVersion)
	next.SetUID(scale.UID)
	switch o := next.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas = &scale.Spec.Replicas
	case *appsv1.ReplicaSet:
		o.Spec.Replicas = &scale.Spec.Replicas
	case *appsv1.StatefulSet:
		o.Spec.Replicas = &scale.Spec.Replicas
	}
	stored, err := s.replace(q, old, next)
	if err != nil {
		return nil, err
	}
	return scaleOf(stored), nil
}

func scaleOf(o object) *autoscalingv1.Scale {
	scale := &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{Kind: "Scale", APIVersion: "autoscaling/v1"},
		ObjectMeta: metav1.ObjectMeta{
			Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(),
			ResourceVersion: o.GetResourceVersion(), CreationTimestamp: o.GetCreationTimestamp(),
		},
	}
	var selector *metav1.LabelSelector
	switch o := o.(type) {
	case *appsv1.Deployment:
		scale.Spec.Replicas, scale.Status.Replicas, selector = *o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector
	case *appsv1.ReplicaSet:
		scale.Spec.Replicas, scale.Status.Replicas, selector = *o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector
	case *appsv1.StatefulSet:
		scale.Spec.Replicas, scale.Status.Replicas, selector = *o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector
	}
	scale.Status.Selector = metav1.FormatLabelSelector(selector)
	return scale
}
