package kube

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

func (s *Server) serveGet(w http.ResponseWriter, q *request) error {
	s.mu.Lock()
	o, found := s.objects[q.kind][q.key()]
	s.mu.Unlock()
	if !found {
		return apierrors.NewNotFound(q.gr(), q.name)
	}
	respond(w, q.Request, http.StatusOK, o)
	return nil
}

// objectList is the list of any kind.
type objectList struct {
	metav1.TypeMeta
	Metadata metav1.ListMeta `json:"metadata"`
	Items    []object        `json:"items"`
}

func (s *Server) serveList(w http.ResponseWriter, q *request) error {
	match, err := selectorOf(q)
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	from, err := continueFrom(q)
	if err != nil {
		return err
	}
	s.mu.Lock()
	all, version, oldest := s.list(q.kind, listNamespace(q)), s.version, s.logStart
	s.mu.Unlock()
	if from.Version != 0 {
		if from.Version < oldest {
			return apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result. " +
				"You must start a new list without the continue parameter.")
		}
		version = from.Version // one list has one version, however many pages
	}
	list := objectList{Items: []object{}}
	list.APIVersion, list.Kind = q.res().gvk().GroupVersion().String(), q.res().kind+"List"
	list.Metadata.ResourceVersion = strconv.FormatInt(version, 10)
	all = slices.DeleteFunc(all, func(o object) bool {
		return from.Version != 0 && compareKeys(keyOf(o), key{from.Namespace, from.Name}) <= 0 || !match.matches(o)
	})
	list.Items = all
	if limit > 0 && len(all) > limit {
		list.Items = all[:limit]
		last := keyOf(all[limit-1])
		list.Metadata.Continue = continueToken{Version: version, Namespace: last.namespace, Name: last.name}.encode()
		if rest := int64(len(all) - limit); match.everything() {
			list.Metadata.RemainingItemCount = &rest
		}
	}
	respond(w, q.Request, http.StatusOK, list)
	return nil
}

// listNamespace is the namespace to list; namespaces themselves are in none.
func listNamespace(q *request) string {
	if q.res().namespaced {
		return q.namespace
	}
	return ""
}

// continueToken says where a list goes on: after an object, in the version of the first page.
type continueToken struct {
	Version   int64  `json:"v"`
	Namespace string `json:"ns,omitempty"`
	Name      string `json:"n"`
}

func (t continueToken) encode() string {
	content, err := json.Marshal(t)
	if err != nil {
		panic("kube: a token of two strings and a number cannot be encoded: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(content)
}

func continueFrom(q *request) (continueToken, error) {
	var t continueToken
	text := q.URL.Query().Get("continue")
	if text == "" {
		return t, nil
	}
	content, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(content, &t)
	}
	if err != nil || t.Version <= 0 {
		return t, apierrors.NewBadRequest("continue key is not valid")
	}
	return t, nil
}

func limitOf(q *request) (int, error) {
	text := q.URL.Query().Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, apierrors.NewBadRequest(fmt.Sprintf("limit %q is not a number of objects", text))
	}
	return n, nil
}

// selector is the part of a list or watch a caller asked for.
type selector struct {
	labels labels.Selector
	fields fields.Selector
}

func (m selector) everything() bool { return m.labels.Empty() && m.fields.Empty() }

func (m selector) matches(o object) bool {
	return m.labels.Matches(labels.Set(o.GetLabels())) && (m.fields.Empty() || m.fields.Matches(fieldsOf(o)))
}

func selectorOf(q *request) (selector, error) {
	byLabel, err := labels.Parse(q.URL.Query().Get("labelSelector"))
	if err != nil {
		return selector{}, apierrors.NewBadRequest(fmt.Sprintf("unable to parse labelSelector: %v", err))
	}
	byField, err := fields.ParseSelector(q.URL.Query().Get("fieldSelector"))
	if err != nil {
		return selector{}, apierrors.NewBadRequest(fmt.Sprintf("unable to parse fieldSelector: %v", err))
	}
	known := fieldsOf(q.res().make())
	for _, r := range byField.Requirements() {
		if _, supported := known[r.Field]; !supported {
			return selector{}, apierrors.NewBadRequest(fmt.Sprintf("field label not supported: %s", r.Field))
		}
	}
	return selector{byLabel, byField}, nil
}

// selectedName is the name a field selector asks for, "" if it asks for none.
func selectedName(r *http.Request) string {
	byField, err := fields.ParseSelector(r.URL.Query().Get("fieldSelector"))
	if err != nil {
		return ""
	}
	name, _ := byField.RequiresExactMatch("metadata.name")
	return name
}

// fieldsOf are the fields an object can be selected by.
func fieldsOf(o object) fields.Set {
	set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
	switch o := o.(type) {
	case *corev1.Pod:
		set["status.phase"] = string(o.Status.Phase)
		set["status.podIP"] = o.Status.PodIP
		set["spec.nodeName"] = o.Spec.NodeName
		set["spec.restartPolicy"] = string(o.Spec.RestartPolicy)
		set["spec.serviceAccountName"] = o.Spec.ServiceAccountName
	case *corev1.Namespace:
		set["status.phase"] = string(o.Status.Phase)
	case *corev1.Secret:
		set["type"] = string(o.Type)
	case *corev1.Node:
		set["spec.unschedulable"] = strconv.FormatBool(o.Spec.Unschedulable)
	}
	return set
}

func nameSelector(name string) fields.Selector {
	return fields.OneTermEqualSelector("metadata.name", name)
}
