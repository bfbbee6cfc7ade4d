package kube

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// maxBody is the most a real API server reads of a request.
const maxBody = 3 << 20

// request is an API request taken apart.
type request struct {
	*http.Request
	user User
	verb string // as in a role

	group, version, resource, subresource, namespace, name string

	kind kind // valid once the resource is known
}

// parse takes a path below /api/v1 or /apis/<group>/<version> apart; !ok is a path that names no resource.
func parse(r *http.Request) (q *request, ok bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	q = &request{Request: r}
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		q.version, parts = parts[1], parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		q.group, q.version, parts = parts[1], parts[2], parts[3:]
	default:
		return nil, false
	}
	if parts[0] == "namespaces" && len(parts) >= 3 && parts[2] != "status" && parts[2] != "finalize" {
		q.namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 3 || slices.Contains(parts, "") {
		return nil, false
	}
	q.resource = parts[0]
	if len(parts) > 1 {
		q.name = parts[1]
	}
	if len(parts) > 2 {
		q.subresource = parts[2]
	}
	if q.group == "" && q.resource == "namespaces" {
		q.namespace = q.name // as roles see it
	}
	q.verb = verbOf(r, q.name)
	return q, true
}

func verbOf(r *http.Request, name string) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		switch {
		case isWatch(r):
			return "watch"
		case name == "":
			return "list"
		}
		return "get"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if name == "" {
			return "deletecollection"
		}
		return "delete"
	}
	return strings.ToLower(r.Method)
}

func isWatch(r *http.Request) bool {
	w := r.URL.Query().Get("watch")
	return w == "true" || w == "1"
}

// fullResource is the resource as roles and changes name it.
func (q *request) fullResource() string {
	if q.subresource == "" {
		return q.resource
	}
	return q.resource + "/" + q.subresource
}

func (q *request) gr() schema.GroupResource {
	return schema.GroupResource{Group: q.group, Resource: q.resource}
}

func (q *request) res() *resource { return &resources[q.kind] }

// roleName is the name roles decide about: they may allow listing or watching one object by its name.
func (q *request) roleName() string {
	if q.name == "" && q.verb != "create" {
		return selectedName(q.Request)
	}
	return q.name
}

// key is where the object is stored.
func (q *request) key() key {
	if !q.res().namespaced {
		return key{name: q.name}
	}
	return key{q.namespace, q.name}
}

func (q *request) dryRun() bool { return slices.Contains(q.URL.Query()["dryRun"], metav1.DryRunAll) }

// body reads the request's body and checks its media type, one of the given ones. What comes in protobuf leaves as JSON.
func (q *request) body(allowed ...string) (content []byte, media string, err error) {
	media, _, err = mime.ParseMediaType(q.Header.Get("Content-Type"))
	if q.Header.Get("Content-Type") == "" {
		media, err = allowed[0], nil
	}
	if err != nil || !slices.Contains(allowed, media) {
		return nil, "", unsupportedMedia(q.Header.Get("Content-Type"), allowed)
	}
	content, err = io.ReadAll(io.LimitReader(q.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, "", apierrors.NewBadRequest(fmt.Sprintf("read the body: %v", err))
	case len(content) > maxBody:
		return nil, "", apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", maxBody))
	case media == mediaProtobuf && len(content) > 0:
		if content, err = toJSON(content); err != nil {
			return nil, "", apierrors.NewBadRequest(err.Error())
		}
		media = mediaJSON
	}
	return content, media, nil
}

// noSuchPath is what a real API server says of a resource it does not serve.
func noSuchPath(q *request) *apierrors.StatusError {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, q.verb, q.gr(), q.name, "404 page not found", 0, true)
}
