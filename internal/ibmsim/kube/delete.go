package kube

import (
	"fmt"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

func (s *Server) serveDelete(w http.ResponseWriter, q *request) error {
	options, err := deleteOptions(q)
	if err != nil {
		return err
	}
	var answer any
	s.act(func() {
		o, found := s.objects[q.kind][q.key()]
		if !found {
			err = apierrors.NewNotFound(q.gr(), q.name)
			return
		}
		answer, err = s.delete(q, o, options)
	})
	if err != nil {
		return err
	}
	respond(w, q.Request, http.StatusOK, answer)
	return nil
}

func (s *Server) serveDeleteCollection(w http.ResponseWriter, q *request) error {
	options, err := deleteOptions(q)
	if err != nil {
		return err
	}
	match, err := selectorOf(q)
	if err != nil {
		return err
	}
	list := objectList{Items: []object{}}
	list.APIVersion, list.Kind = q.res().gvk().GroupVersion().String(), q.res().kind+"List"
	s.act(func() {
		for _, o := range s.list(q.kind, listNamespace(q)) {
			if !match.matches(o) {
				continue
			}
			if _, err = s.delete(q, o, options); err != nil {
				return
			}
			list.Items = append(list.Items, o)
		}
		list.Metadata.ResourceVersion = strconv.FormatInt(s.version, 10)
	})
	if err != nil {
		return err
	}
	respond(w, q.Request, http.StatusOK, list)
	return nil
}

// delete answers with the object as long as something keeps it, and with a Status once it is gone.
func (s *Server) delete(q *request, o object, options *metav1.DeleteOptions) (any, error) {
	if p := options.Preconditions; p != nil {
		if p.UID != nil && *p.UID != o.GetUID() {
			return nil, apierrors.NewConflict(q.gr(), o.GetName(), fmt.Errorf(
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", *p.UID, o.GetUID()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != o.GetResourceVersion() {
			return nil, apierrors.NewConflict(q.gr(), o.GetName(), fmt.Errorf(
				"Precondition failed: ResourceVersion in precondition: %v, ResourceVersion in object meta: %v",
				*p.ResourceVersion, o.GetResourceVersion()))
		}
	}
	if q.dryRun() || len(options.DryRun) > 0 {
		return gone(q, o), nil
	}
	if orphans(options) {
		s.release(o)
	}
	if p, isPod := o.(*corev1.Pod); isPod {
		ending := s.deletePod(p, options.GracePeriodSeconds)
		if ending != p {
			s.reportChange(q, o)
		}
		return ending, nil
	}
	if len(o.GetFinalizers()) == 0 {
		s.remove(q.kind, keyOf(o))
		s.reportChange(q, o)
		return gone(q, o), nil
	}
	if o.GetDeletionTimestamp() != nil {
		return o, nil
	}
	now, none := s.timestamp(), int64(0)
	held := o.DeepCopyObject().(object)
	held.SetDeletionTimestamp(&now)
	held.SetDeletionGracePeriodSeconds(&none)
	s.put(q.kind, held)
	s.reportChange(q, o)
	return held, nil
}

func orphans(options *metav1.DeleteOptions) bool {
	if p := options.PropagationPolicy; p != nil {
		return *p == metav1.DeletePropagationOrphan
	}
	return options.OrphanDependents != nil && *options.OrphanDependents //nolint:staticcheck // clients may still send the deprecated form
}

func gone(q *request, o object) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusSuccess,
		Details:  &metav1.StatusDetails{Name: o.GetName(), Group: q.group, Kind: q.resource, UID: o.GetUID()},
	}
}

// deleteOptions reads the body, or the query where there is none.
func deleteOptions(q *request) (*metav1.DeleteOptions, error) {
	content, _, err := q.body(bodyMedia...)
	if err != nil {
		return nil, err
	}
	options := &metav1.DeleteOptions{}
	if len(content) > 0 {
		if err := json.Unmarshal(content, options); err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("decode DeleteOptions: %v", err))
		}
		return options, nil
	}
	query := q.URL.Query()
	if text := query.Get("gracePeriodSeconds"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("gracePeriodSeconds %q is not a number", text))
		}
		options.GracePeriodSeconds = &seconds
	}
	if text := query.Get("propagationPolicy"); text != "" {
		policy := metav1.DeletionPropagation(text)
		options.PropagationPolicy = &policy
	}
	return options, nil
}
