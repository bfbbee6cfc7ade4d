package kubernetes

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Call is one finished exchange with a cluster's API, for metrics and traces. It never holds a body, a header, a URL or
// the name of an object.
type Call struct {
	Cluster  string // ID
	Verb     string // get, list, create, patch, update or delete
	Resource string // such as pods, or pods/eviction for a part of one
	Method   string
	Status   int // zero when no answer came
	Duration time.Duration
}

// observed tells of every exchange.
type observed struct {
	inner   *transport
	cluster string
	observe func(context.Context, Call)
}

// RoundTrip implements http.RoundTripper.
func (o *observed) RoundTrip(r *http.Request) (*http.Response, error) {
	call := Call{Cluster: o.cluster, Method: r.Method}
	call.Verb, call.Resource = asked(r)
	began := time.Now()
	answer, err := o.inner.RoundTrip(r)
	call.Duration = time.Since(began)
	if refused, ok := errors.AsType[*busy](err); ok {
		call.Status = refused.status
	}
	if err == nil {
		call.Status = answer.StatusCode
	}
	o.observe(r.Context(), call)
	return answer, err
}

// WrappedRoundTripper lets client-go find the real transport.
func (o *observed) WrappedRoundTripper() http.RoundTripper { return o.inner }

// verbs are the API's words for methods on one object.
var verbs = map[string]string{
	http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
}

// asked says in the API's words what is asked: its paths are /api/VERSION or /apis/GROUP/VERSION, below whatever a proxy puts
// before them, then namespaces/NAME for what is in one, then RESOURCE/NAME/PART.
func asked(r *http.Request) (verb, resource string) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if root := slices.IndexFunc(parts, func(p string) bool { return p == "api" || p == "apis" }); root > 0 {
		parts = parts[root:]
	}
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return verbs[r.Method], "other"
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	verb, resource = verbs[r.Method], parts[0]
	if len(parts) == 1 && verb == "get" {
		verb = "list"
	}
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	return verb, resource
}
