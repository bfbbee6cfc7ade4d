// Package kube is a small Kubernetes API server held in memory, with the workload controllers that make a rollout a
// rollout: Deployments, ReplicaSets, StatefulSets and DaemonSets act on stored objects, pods take time to start and to
// stop, roles are enforced, and every refusal is the Status a real API server gives. Clients may speak
// JSON or protobuf.
//
// It knows nothing of clouds, accounts or keys: whoever mounts a Server says who its callers are, and learns through
// callbacks when a pod has started, when it is gone and what a caller changed.
//
// A Server owns no goroutine. Controllers run inside the calls that change something and inside the clock's callbacks.
package kube

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/ibmsim/clock"
)

// Options say how a cluster behaves. The zero value is a cluster on the machine's clock whose pods start and stop at
// once and whose callers are all administrators.
type Options struct {
	Clock    clock.Clock   // nil is clock.Real
	Version  string        // the gitVersion of /version, e.g. "v1.32.5+IKS"
	PodStart time.Duration // from the creation of a pod to Ready; its containers start after half of it
	PodStop  time.Duration // how long a deleted pod stays listed as Terminating, within its grace period
	Seed     uint64        // of UIDs and name suffixes; 0 draws one, any other value makes them repeatable

	// Authorize says who the caller is; !ok is answered 401. nil makes everybody a member of system:masters.
	Authorize func(r *http.Request) (user User, ok bool)
	// OnPodStarted is called when a pod's containers have started, before it is Ready: the moment a process reads its
	// secrets. The pod is a copy.
	OnPodStarted func(pod *corev1.Pod)
	// OnPodGone is called when a pod has left the API. The pod is a copy of what it last was.
	OnPodGone func(pod *corev1.Pod)
	// OnChange is called for every request of an API caller that changed an object (a patch that changes nothing is
	// none), before the request is answered. Controllers' own changes are not reported.
	OnChange func(c Change)
}

// User is a caller as the roles know it. Every user also belongs to the group system:authenticated.
type User struct {
	Name   string
	Groups []string
}

// Change is one object changed by an API caller. Verb is create, update, patch, delete or deletecollection (one Change
// for each object then); Resource carries the subresource if there was one, as in "deployments/scale".
type Change struct {
	Time                                  time.Time
	User, Verb, Resource, Namespace, Name string
}

// Server is one cluster. It is an http.Handler for paths that begin with /api, /apis, /version, /readyz or /livez. All
// methods are safe for concurrent use; callbacks are made without locks held, so they may call back.
type Server struct {
	o Options

	mu          sync.Mutex
	rng         *rand.PCG
	version     int64 // the last resourceVersion given
	objects     [numKinds]map[key]object
	visited     bool    // an API caller has been here
	log         []event // what happened after logStart, oldest first
	logStart    int64
	wake        chan struct{} // closed at the next change; nil while nobody watches
	dirty       []ref
	calls       []func() // owed to the owner once the lock is free
	rollouts    map[types.UID]*rollout
	neverReady  map[key]string
	stuck       map[types.UID]string // pods that may not start, and why
	addons      map[key]*addon
	nextNode    int
	unreachable bool
}

// New makes a cluster with the namespaces every cluster has, and nothing else: no nodes (pods then run on none), no roles.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &Server{
		o:        o,
		rng:      rand.NewPCG(seed, seed),
		version:  1,
		logStart: 1,
		rollouts: make(map[types.UID]*rollout),
	}
	for _, name := range []string{"default", "kube-node-lease", "kube-public", "kube-system"} {
		s.addNamespace(name)
	}
	return s
}

// Create stores the given typed objects as if they had been in the cluster already: uid, resourceVersion,
// creationTimestamp and defaults are filled in, a missing namespace is created, and the controllers act at once. The
// arguments are not kept. Objects before the one that fails stay.
func (s *Server) Create(objs ...runtime.Object) error {
	var err error
	s.act(func() {
		for i, o := range objs {
			if err = s.seed(o); err != nil {
				err = fmt.Errorf("create object %d (%T): %w", i, o, err)
				return
			}
		}
	})
	return err
}

// Settle makes every pod that waits to start Running and Ready now, whatever PodStart says, and goes on until no
// workload wants another. Pods that may never get ready stay as they are. OnPodStarted is called for each.
func (s *Server) Settle() { s.act(s.settle) }

// UpdateSecret replaces a secret's data, as the platform does when it renews one: there is a new resourceVersion if the
// data differs, and no OnChange.
func (s *Server) UpdateSecret(ns, name string, data map[string][]byte) error {
	var err error
	s.act(func() {
		old, found := get[*corev1.Secret](s, secrets, key{ns, name})
		if !found {
			err = fmt.Errorf("update secret %s/%s: not found", ns, name)
			return
		}
		next := old.DeepCopy()
		next.Data = (&corev1.Secret{Data: data}).DeepCopy().Data
		if !sameBytes(old.Data, next.Data) {
			s.put(secrets, next)
		}
	})
	return err
}

// Secret returns a copy of a secret.
func (s *Server) Secret(ns, name string) (*corev1.Secret, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, found := get[*corev1.Secret](s, secrets, key{ns, name})
	if !found {
		return nil, false
	}
	return secret.DeepCopy(), true
}

// Pods returns copies of the pods of a namespace ("" is all), Terminating ones too, by namespace and name.
func (s *Server) Pods(ns string) []*corev1.Pod {
	s.mu.Lock()
	found := s.list(pods, ns)
	s.mu.Unlock()
	copies := make([]*corev1.Pod, len(found))
	for i, o := range found {
		copies[i] = o.(*corev1.Pod).DeepCopy()
	}
	return copies
}

// SetUnreachable(true) makes the API drop every connection, watches included, without an answer. Controllers and pods
// go on.
func (s *Server) SetUnreachable(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreachable = on
	s.wakeWatchers()
}

// act runs f under the lock, lets the controllers follow, and makes the calls owed to the owner without the lock.
func (s *Server) act(f func()) {
	for _, call := range s.locked(f) {
		call()
	}
}

func (s *Server) locked(f func()) []func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.reconcile()
	calls := s.calls
	s.calls = nil
	return calls
}

// after runs f under the lock once d has passed, controllers following. The returned function prevents it.
func (s *Server) after(d time.Duration, f func()) (stop func()) {
	return s.o.Clock.AfterFunc(d, func() { s.act(f) })
}

func (s *Server) now() time.Time { return s.o.Clock.Now() }
