package ibmsim

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"offboard/internal/ibmsim/kube"
)

// kubeServer is the cluster's API server, started on first use. It must be called without the mutex.
func (w *world) kubeServer(c *cluster) (kubernetes, error) {
	c.start.Do(func() { c.startErr = w.startKube(c) })
	if c.startErr != nil {
		return nil, fmt.Errorf("start the API server of cluster %s: %w", c.spec.Name, c.startErr)
	}
	return c.server, nil
}

// startKube seeds the cluster as it was when it began to run and lets its pods take what the secret held then; only
// afterwards the secret gets what it holds today. So it does not matter when somebody looks first.
func (w *world) startKube(c *cluster) error {
	w.mu.Lock()
	objects := w.seedObjects(c)
	c.starting = true
	w.mu.Unlock()
	s := w.newKube(c)
	w.mu.Lock()
	c.server = s
	w.mu.Unlock()
	if c.attached != nil {
		c.attached.Follow(func(pod *corev1.Pod) { w.podStarted(c, pod) }, func(pod *corev1.Pod) { w.podGone(c, pod) })
	}
	if err := s.Create(objects...); err != nil {
		return err
	}
	s.Settle()
	for _, name := range c.spec.NeverReady {
		s.SetNeverReady(systemNamespace, name, "ImagePullBackOff")
	}
	if c.spec.Reverting > 0 {
		for _, d := range c.dependents() {
			s.SetReverting(d.namespace(), d.name, c.spec.Reverting.Std())
		}
	}
	w.mu.Lock()
	w.retireStandIns(c)
	c.starting = false
	renewed := c.key != c.firstKey
	w.mu.Unlock()
	if renewed {
		w.writeSecrets(c)
	}
	return nil
}

// newKube is the API server of a cluster.
func (w *world) newKube(c *cluster) kubernetes {
	if c.attached != nil {
		return c.attached
	}
	return kube.New(kube.Options{
		Clock: w.clock, Version: "v" + strings.SplitN(c.spec.Version, "_", 2)[0] + "+IKS", PodStart: w.knobs.PodStart.Std(), PodStop: w.knobs.PodStop.Std(), Seed: w.account.Seed + 1,
		Authorize:    func(r *http.Request) (kube.User, bool) { return w.kubeUser(c, r) },
		OnPodStarted: func(pod *corev1.Pod) { w.podStarted(c, pod) },
		OnPodGone:    func(pod *corev1.Pod) { w.podGone(c, pod) },
		OnChange:     func(ch kube.Change) { w.kubeChanged(c, ch) },
	})
}

// retireStandIns takes out what stood for the pods that are real now.
func (w *world) retireStandIns(c *cluster) {
	for _, h := range c.standIns {
		c.holders = without(c.holders, h)
		if h.key != nil {
			h.key.holders = without(h.key.holders, h)
		}
	}
	c.standIns = nil
}

func without(list []*holder, gone *holder) []*holder {
	var kept []*holder
	for _, h := range list {
		if h != gone {
			kept = append(kept, h)
		}
	}
	return kept
}

// podStarted notes what key a pod's process read at its start (trap 51).
func (w *world) podStarted(c *cluster, pod *corev1.Pod) {
	if !reads(pod, storageSecret) {
		return
	}
	secret, _ := c.server.Secret(systemNamespace, storageSecret)
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.gone() {
		return
	}
	if c.spec.TrustedProfile != "" && reads(pod, credentialsSecret) {
		return // it authenticates as the trusted profile and holds no key (trap 48)
	}
	start := w.clock.Now()
	if c.starting {
		start = c.running
	}
	c.pods[pod.UID] = w.hold(c, pod.Namespace+"/"+workloadOf(pod)+" ("+pod.Name+")", w.keyBySecret[keyInSecret(secret)], start)
}

func (w *world) podGone(c *cluster, pod *corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := c.pods[pod.UID]; h != nil {
		h.to = w.clock.Now()
		delete(c.pods, pod.UID)
	}
}

func reads(pod *corev1.Pod, secret string) bool {
	for _, v := range pod.Spec.Volumes {
		if v.Secret != nil && v.Secret.SecretName == secret {
			return true
		}
	}
	return false
}

func workloadOf(pod *corev1.Pod) string {
	if len(pod.OwnerReferences) == 0 {
		return pod.Name
	}
	o := pod.OwnerReferences[0]
	if o.Kind == "ReplicaSet" {
		return o.Name[:max(strings.LastIndexByte(o.Name, '-'), 0)]
	}
	return o.Name
}

// writeSecrets is the platform renewing the cluster's secrets with the key it holds now.
func (w *world) writeSecrets(c *cluster) {
	c.writing.Lock()
	defer c.writing.Unlock()
	w.mu.Lock()
	data := w.secretData(c, c.key)
	w.mu.Unlock()
	for name, content := range data {
		if err := c.server.UpdateSecret(systemNamespace, name, content); err != nil {
			w.mu.Lock()
			w.happened(kubeAPI.name, "sim.cluster-secret.failed", c.spec.Name, "secret", name, "error", err.Error())
			w.mu.Unlock()
		}
	}
}

// kubeChanged puts a caller's change inside a cluster into the ledger; the platform's own sync is entered by itself.
func (w *world) kubeChanged(c *cluster, ch kube.Change) {
	if ch.User == platformUser {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	email := strings.TrimPrefix(ch.User, subjectPrefix)
	w.append(Entry{
		Time: ch.Time, Service: kubeAPI.name, Method: ch.Verb, Path: "/kube/" + c.id, Action: "kubernetes." + ch.Resource + "." + ch.Verb,
		Caller: w.iamByEmail(email), Email: email, Target: c.spec.Name + "/" + ch.Namespace + "/" + ch.Name, Details: map[string]string{"cluster": c.id},
	})
}

const (
	subjectPrefix = "IAM#"
	platformUser  = "system:ibm-platform"
)

type platformCall struct{}

// kubeUser says who a bearer is inside a cluster: IAM#<e-mail> under the stored roles, or an administrator when the
// token stands for an admin certificate, which outlives its user's membership (trap 55).
func (w *world) kubeUser(c *cluster, r *http.Request) (kube.User, bool) {
	if r.Context().Value(platformCall{}) != nil {
		return kube.User{Name: platformUser, Groups: []string{"system:masters"}}, true
	}
	if user, ok := administratorOf(r, c.id); ok {
		return kube.User{Name: subjectPrefix + user, Groups: []string{"system:masters"}}, true
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	cl, ok := w.readToken(strings.TrimPrefix(strings.TrimSpace(token), "sha256~"), w.clock.Now())
	if !ok || (cl.Cluster != "" && cl.Cluster != c.id) {
		return kube.User{}, false
	}
	openshift := c.spec.Type == "openshift"
	switch {
	case cl.Use == tokenKube && !openshift, cl.Use == tokenOAuth && openshift:
		return kube.User{Name: subjectPrefix + cl.Subject, Groups: []string{"system:authenticated"}}, true
	case cl.Use == tokenAdmin:
		return kube.User{Name: subjectPrefix + cl.Subject, Groups: []string{"system:masters"}}, true
	}
	return kube.User{}, false
}

// serveKube mounts each cluster's API server.
func (c *Cloud) serveKube(rw http.ResponseWriter, r *http.Request) {
	w := c.world.Load()
	k := &call{w: w, r: r, route: route{api: &kubeAPI, method: r.Method, path: kubeRoute(r.URL.Path), open: true}}
	k.enter()
	w.mu.Lock()
	cl := w.clusterByRef[r.PathValue("cluster")]
	reachable := cl != nil && cl.usable() && !cl.spec.PrivateOnly // not from here (trap 42)
	w.mu.Unlock()
	if cl == nil {
		http.NotFound(rw, r)
		return
	}
	w.sleep(r, w.knobs.Latency.Std())
	if k.begin(rw) {
		return
	}
	if !reachable {
		panic(http.ErrAbortHandler)
	}
	prefix := "/kube/" + r.PathValue("cluster")
	if cl.attached != nil {
		http.Error(rw, "this cluster is attached: its API is at the address in its kubeconfig", http.StatusMisdirectedRequest)
		return
	}
	if w.serveOpenShift(cl, strings.TrimPrefix(r.URL.Path, prefix), rw, r) {
		return
	}
	s, err := w.kubeServer(cl)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	handler := http.StripPrefix(prefix, s)
	if f := k.fault; f != nil && (f.DropAfter || f.Truncate || f.After) {
		handler.ServeHTTP(newDiscard(), r)
		if !f.After || !k.lie(rw) {
			panic(http.ErrAbortHandler)
		}
		return
	}
	handler.ServeHTTP(rw, r)
}

// kubeRoute names a Kubernetes request by its resource, so that counts do not split by object.
func kubeRoute(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")[2:]
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return strings.Join(parts, "/")
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	return parts[0]
}

// discard is a response nobody reads, for calls of the platform itself and for lost replies.
type discard struct {
	header http.Header
	status int
}

func newDiscard() *discard { return &discard{header: http.Header{}, status: http.StatusOK} }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// platform performs a request on a cluster as the platform.
func platform(s http.Handler, method, path, contentType, body string) (int, error) {
	ctx := context.WithValue(context.Background(), platformCall{}, true)
	r, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make a platform request: %w", err)
	}
	r.Header.Set("Content-Type", contentType)
	d := newDiscard()
	s.ServeHTTP(d, r)
	return d.status, nil
}
