package kube

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/version"
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.isUnreachable() {
		dropConnection(w)
	}
	user, known := s.identify(r)
	_, speaks := negotiate(r)
	switch {
	case !known:
		refuse(w, r, apierrors.NewUnauthorized("Unauthorized"))
		return
	case !speaks:
		refuse(w, r, notAcceptable())
		return
	}
	if s.serveFixed(w, r) {
		return
	}
	q, ok := parse(r)
	if !ok {
		refuse(w, r, apierrors.NewGenericServerResponse(http.StatusNotFound, strings.ToLower(r.Method),
			(&request{}).gr(), "", "404 page not found", 0, true))
		return
	}
	q.user = user
	if err := s.serveResource(w, q); err != nil {
		refuse(w, r, err)
	}
}

func (s *Server) identify(r *http.Request) (User, bool) {
	if s.o.Authorize == nil {
		return User{Name: "system:admin", Groups: []string{groupMasters}}, true
	}
	return s.o.Authorize(r)
}

func (s *Server) isUnreachable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unreachable
}

// dropConnection ends the handler and the connection without an answer.
func dropConnection(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
	panic(http.ErrAbortHandler) // net/http's way to end quietly, and to cut a connection that cannot be hijacked
}

// serveFixed answers what is the same for every caller: health, version and discovery.
func (s *Server) serveFixed(w http.ResponseWriter, r *http.Request) bool {
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case path == "/readyz" || path == "/livez" || path == "/healthz":
		fmt.Fprint(w, "ok")
	case path == "/version":
		respond(w, r, http.StatusOK, s.versionInfo())
	default:
		answer, found := discover(path)
		if !found {
			return false
		}
		respond(w, r, http.StatusOK, answer)
	}
	return true
}

func (s *Server) versionInfo() version.Info {
	info := version.Info{
		GitVersion: s.o.Version, GitTreeState: "clean", Compiler: runtime.Compiler, GoVersion: runtime.Version(),
		Platform: "linux/amd64",
	}
	info.Major, info.Minor, _ = strings.Cut(strings.TrimPrefix(s.o.Version, "v"), ".")
	info.Minor, _, _ = strings.Cut(info.Minor, ".")
	return info
}

func (s *Server) serveResource(w http.ResponseWriter, q *request) error {
	if isAccessReview(q) {
		return s.reviewAccess(w, q)
	}
	if err := s.authorize(q); err != nil {
		return err
	}
	k, known := resourceNamed(q.group, q.version, q.resource)
	if !known {
		return noSuchPath(q)
	}
	q.kind = k
	if q.res().namespaced == (q.namespace == "") && !crossNamespace(q) {
		return noSuchPath(q)
	}
	switch q.subresource {
	case "":
	case "status":
		if q.res().spec == nil {
			return noSuchPath(q)
		}
	case "scale":
		if !q.res().scalable {
			return noSuchPath(q)
		}
	default:
		return noSuchPath(q)
	}
	return s.serveVerb(w, q)
}

// crossNamespace allows what needs no namespace: reading everywhere, and namespaces themselves, whose name is theirs.
func crossNamespace(q *request) bool {
	if !q.res().namespaced {
		return q.kind == namespaces
	}
	return q.verb == "list" || q.verb == "watch"
}

func (s *Server) serveVerb(w http.ResponseWriter, q *request) error {
	switch {
	case q.verb == "get" && q.subresource == "scale":
		return s.serveScale(w, q)
	case q.verb == "get":
		return s.serveGet(w, q)
	case q.verb == "list" && q.subresource == "":
		return s.serveList(w, q)
	case q.verb == "watch" && q.subresource == "":
		return s.serveWatch(w, q)
	case q.verb == "create" && q.subresource == "" && q.name == "":
		return s.serveCreate(w, q)
	case (q.verb == "update" || q.verb == "patch") && q.name != "":
		return s.serveUpdate(w, q)
	case q.verb == "delete" && q.subresource == "":
		return s.serveDelete(w, q)
	case q.verb == "deletecollection" && q.subresource == "":
		return s.serveDeleteCollection(w, q)
	}
	return apierrors.NewMethodNotSupported(q.gr(), q.verb)
}
