package kube

import (
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/json"
)

var errMoved = errors.New("the object has been modified; please apply your changes to the latest version and try again")

func (s *Server) serveCreate(w http.ResponseWriter, q *request) error {
	content, _, err := q.body(bodyMedia...)
	if err != nil {
		return err
	}
	o, err := decode(q.res(), content)
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	var stored object
	s.act(func() { stored, err = s.create(q, o) })
	if err != nil {
		return err
	}
	respond(w, q.Request, http.StatusCreated, stored)
	return nil
}

// decode reads an object and refuses one of another kind.
func decode(r *resource, content []byte) (object, error) {
	o := r.make()
	if err := json.Unmarshal(content, o); err != nil {
		return nil, fmt.Errorf("decode %s: %w", r.kind, err)
	}
	gvk := o.GetObjectKind().GroupVersionKind()
	if gvk.Kind != "" && gvk != r.gvk() {
		return nil, fmt.Errorf("the API version in the data (%s, kind %s) does not match the expected API version (%s, kind %s)",
			gvk.GroupVersion(), gvk.Kind, r.gvk().GroupVersion(), r.kind)
	}
	o.GetObjectKind().SetGroupVersionKind(r.gvk())
	return o, nil
}

func (s *Server) create(q *request, o object) (object, error) {
	r := q.res()
	if r.namespaced {
		if ns := o.GetNamespace(); ns != "" && ns != q.namespace {
			return nil, apierrors.NewBadRequest(
				"the namespace of the provided object does not match the namespace sent on the request")
		}
		o.SetNamespace(q.namespace)
		if _, exists := s.objects[namespaces][key{name: q.namespace}]; !exists {
			return nil, apierrors.NewNotFound(resources[namespaces].gr(), q.namespace)
		}
	}
	if o.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(o.GetGenerateName() + s.suffix())
	}
	if r.keepStatus != nil {
		r.keepStatus(o, r.make())
	}
	s.birth(q.kind, o)
	r.setDefaults(o)
	if errs := r.check(o, nil); len(errs) > 0 {
		return nil, apierrors.NewInvalid(r.gvk().GroupKind(), o.GetName(), errs)
	}
	if err := s.mayGrant(q, o); err != nil {
		return nil, err
	}
	if _, exists := s.objects[q.kind][keyOf(o)]; exists {
		return nil, apierrors.NewAlreadyExists(q.gr(), o.GetName())
	}
	if q.dryRun() {
		return o, nil
	}
	s.insert(q.kind, o)
	s.reportChange(q, o)
	return s.objects[q.kind][keyOf(o)], nil
}

// serveUpdate serves PUT and PATCH, of an object or of one of its subresources.
func (s *Server) serveUpdate(w http.ResponseWriter, q *request) error {
	allowed := bodyMedia
	if q.verb == "patch" {
		allowed = patchMedia
	}
	content, media, err := q.body(allowed...)
	if err != nil {
		return err
	}
	var answer any
	s.act(func() { answer, err = s.change(q, content, media) })
	if err != nil {
		return err
	}
	respond(w, q.Request, http.StatusOK, answer)
	return nil
}

func (s *Server) change(q *request, content []byte, media string) (any, error) {
	old, found := s.objects[q.kind][q.key()]
	if !found {
		return nil, apierrors.NewNotFound(q.gr(), q.name)
	}
	if q.subresource == "scale" {
		return s.changeScale(q, old, content, media)
	}
	if q.verb == "patch" {
		var err error
		if content, err = patched(q, old, q.res().make(), content, media); err != nil {
			return nil, err
		}
	}
	next, err := decode(q.res(), content)
	if err != nil {
		if q.verb == "patch" {
			return nil, unprocessable(q, err)
		}
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return s.replace(q, old, next)
}

// replace stores next in the place of old, if the caller saw old last and may change what differs.
func (s *Server) replace(q *request, old, next object) (object, error) {
	r := q.res()
	if next.GetName() != q.name {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)",
			next.GetName(), q.name))
	}
	if ns := next.GetNamespace(); ns != "" && ns != old.GetNamespace() {
		return nil, apierrors.NewBadRequest("the namespace of the object does not match the namespace on the URL")
	}
	if v := next.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
		return nil, apierrors.NewConflict(q.gr(), q.name, errMoved)
	}
	if uid := next.GetUID(); uid != "" && uid != old.GetUID() {
		return nil, apierrors.NewConflict(q.gr(), q.name, fmt.Errorf(
			"Precondition failed: UID in precondition: %v, UID in object meta: %v", uid, old.GetUID()))
	}
	s.carry(q, old, next)
	r.setDefaults(next)
	if errs := r.check(next, old); len(errs) > 0 {
		return nil, apierrors.NewInvalid(r.gvk().GroupKind(), q.name, errs)
	}
	if err := s.mayGrant(q, next); err != nil {
		return nil, err
	}
	if equality.Semantic.DeepEqual(old, next) {
		return old, nil
	}
	if r.spec != nil && !equality.Semantic.DeepEqual(r.spec(old), r.spec(next)) {
		next.SetGeneration(old.GetGeneration() + 1)
	}
	if q.dryRun() {
		return next, nil
	}
	s.put(q.kind, next)
	s.addonChanged(q.kind, next)
	s.reportChange(q, next)
	s.finish(q.kind, next)
	if now, exists := s.objects[q.kind][keyOf(next)]; exists {
		return now, nil
	}
	return next, nil
}

// carry takes over what a caller cannot change through this door.
func (s *Server) carry(q *request, old, next object) {
	r := q.res()
	if q.subresource == "status" {
		r.keepSpec(next, old)
		next.SetLabels(old.GetLabels())
		next.SetAnnotations(old.GetAnnotations())
		next.SetOwnerReferences(old.GetOwnerReferences())
		next.SetFinalizers(old.GetFinalizers())
	} else if r.keepStatus != nil {
		r.keepStatus(next, old)
	}
	next.SetNamespace(old.GetNamespace())
	next.SetGenerateName(old.GetGenerateName())
	next.SetUID(old.GetUID())
	next.SetResourceVersion(old.GetResourceVersion())
	next.SetGeneration(old.GetGeneration())
	next.SetCreationTimestamp(old.GetCreationTimestamp())
	next.SetDeletionTimestamp(old.GetDeletionTimestamp())
	next.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	next.SetManagedFields(nil)
	next.SetSelfLink("")
}

// finish removes an object that was only held by the finalizers it has just lost.
func (s *Server) finish(k kind, o object) {
	if o.GetDeletionTimestamp() == nil || len(o.GetFinalizers()) > 0 {
		return
	}
	if p, isPod := o.(*corev1.Pod); isPod && *p.DeletionGracePeriodSeconds > 0 {
		return
	}
	s.remove(k, keyOf(o))
}

// reportChange tells the owner of the server what a caller did.
func (s *Server) reportChange(q *request, o object) {
	if s.o.OnChange == nil {
		return
	}
	c := Change{
		Time: s.now(), User: q.user.Name, Verb: q.verb, Resource: q.fullResource(),
		Namespace: o.GetNamespace(), Name: o.GetName(),
	}
	s.afterUnlock(func() { s.o.OnChange(c) })
}
