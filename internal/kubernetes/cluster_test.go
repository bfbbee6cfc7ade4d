package kubernetes_test

import (
	"cmp"
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"offboard/internal/ibmsim/clock"
	"offboard/internal/ibmsim/kube"
	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
)

const (
	clusterID = "c1"
	podStart  = 4 * time.Second
	podStop   = 2 * time.Second
	leaver    = "Ann.Leaver@acme.example"
)

// cluster is a simulated cluster behind TLS, on a clock that only the test moves.
type cluster struct {
	*kube.Server
	t     *testing.T
	clock *clock.Virtual
	http  *httptest.Server
	ca    []byte

	mu       sync.Mutex
	tokens   map[string]kube.User
	changes  []string // what API callers changed, as "verb resource namespace/name"
	requests []string // "METHOD path" of every request
	around   func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		t:      t,
		clock:  clock.NewVirtual(time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)),
		tokens: map[string]kube.User{"admin-token": {Name: "admin", Groups: []string{"system:masters"}}},
	}
	c.Server = kube.New(kube.Options{
		Clock: c.clock, Version: "v1.32.5+IKS", PodStart: podStart, PodStop: podStop, Seed: 1,
		Authorize: func(r *http.Request) (kube.User, bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			user, ok := c.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
			return user, ok
		},
		OnChange: func(change kube.Change) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.changes = append(c.changes, change.Verb+" "+change.Resource+" "+change.Namespace+"/"+change.Name)
		},
	})
	c.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+r.URL.Path)
		around := c.around
		c.mu.Unlock()
		if around != nil {
			around(w, r, c.Server)
			return
		}
		c.Server.ServeHTTP(w, r)
	}))
	c.http.Config.ErrorLog = log.New(io.Discard, "", 0) // tests provoke TLS errors
	c.http.StartTLS()
	t.Cleanup(c.http.Close)
	c.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.http.Certificate().Raw})
	return c
}

// intercept puts f before the API from now on.
func (c *cluster) intercept(f func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.around = f
}

func (c *cluster) changed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.changes)
}

func (c *cluster) requested() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// seed stores objects and lets all pods be ready.
func (c *cluster) seed(objs ...object) {
	c.t.Helper()
	for _, o := range objs {
		require.NoError(c.t, c.Create(o))
	}
	c.Settle()
}

func (c *cluster) kubeconfig(token string) []byte { return kubeconfig(c.t, c.http.URL, c.ca, token) }

// adapter is an adapter that administers the cluster.
func (c *cluster) adapter() *kubernetes.Clusters { return c.adapterAs("admin-token") }

func (c *cluster) adapterAs(token string) *kubernetes.Clusters {
	return kubernetes.New(kubernetes.Config{
		Timeout:    5 * time.Second,
		Kubeconfig: func(context.Context, string) ([]byte, error) { return c.kubeconfig(token), nil },
	})
}

// running lists the pods of a workload that are not terminating, by name.
func (c *cluster) running(prefix string) []*corev1.Pod {
	return slices.DeleteFunc(c.Pods(""), func(p *corev1.Pod) bool {
		return !strings.HasPrefix(p.Name, prefix) || p.DeletionTimestamp != nil
	})
}

func (c *cluster) uids(prefix string) []string {
	var uids []string
	for _, p := range c.Pods("") {
		if strings.HasPrefix(p.Name, prefix) {
			uids = append(uids, string(p.UID))
		}
	}
	slices.Sort(uids)
	return uids
}

func (c *cluster) readyPods(prefix string) int {
	n := 0
	for _, p := range c.running(prefix) {
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				n++
			}
		}
	}
	return n
}

func kubeconfig(t *testing.T, server string, ca []byte, token string) []byte {
	t.Helper()
	config := api.NewConfig()
	config.Clusters["cluster"] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["user"] = &api.AuthInfo{Token: token}
	config.Contexts["context"] = &api.Context{Cluster: "cluster", AuthInfo: "user"}
	config.CurrentContext = "context"
	text, err := clientcmd.Write(*config)
	require.NoError(t, err)
	return text
}

// object is what a cluster can be seeded with.
type object interface {
	metav1.Object
	runtime.Object
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// template gives the pods of a workload the shared label old driver manifests have (trap 44).
func template(app string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
	labels := map[string]string{"app": app}
	return &metav1.LabelSelector{MatchLabels: labels}, corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "driver", Image: "icr.io/ext/driver:1"}}},
	}
}

func deploymentOf(name, app string, replicas int32) *appsv1.Deployment {
	selector, pods := template(app)
	return &appsv1.Deployment{ObjectMeta: meta("kube-system", name),
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: pods}}
}

func statefulSetOf(name, app string, replicas int32) *appsv1.StatefulSet {
	selector, pods := template(app)
	return &appsv1.StatefulSet{ObjectMeta: meta("kube-system", name),
		Spec: appsv1.StatefulSetSpec{Replicas: &replicas, Selector: selector, Template: pods, ServiceName: name}}
}

func daemonSetOf(name, app string) *appsv1.DaemonSet {
	selector, pods := template(app)
	return &appsv1.DaemonSet{ObjectMeta: meta("kube-system", name), Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pods}}
}

func node(name string) *corev1.Node { return &corev1.Node{ObjectMeta: meta("", name)} }

func secret(namespace, name string, kind corev1.SecretType, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: meta(namespace, name), Type: kind, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "User", APIGroup: "rbac.authorization.k8s.io", Name: name}
}

func bindingOf(namespace, name, role string, subjects ...rbacv1.Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{ObjectMeta: meta(namespace, name), Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: role}}
}

func clusterBindingOf(name, role string, subjects ...rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{ObjectMeta: meta("", name), Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: role}}
}

// dependent names a workload of kube-system.
func dependent(kind, workload string) offboard.Dependent {
	return offboard.Dependent{Name: "a rule", Namespace: "kube-system", Kind: kind, Workload: workload}
}

// follow moves the clock until the rollout is done, and gives every answer on the way to see.
func follow(t *testing.T, c *cluster, k *kubernetes.Clusters, d offboard.Dependent, old []string, mark string, see func(offboard.Rollout)) {
	t.Helper()
	for range 100 {
		r, err := k.Rollout(t.Context(), clusterID, d, old, mark)
		require.NoError(t, err)
		see(r)
		if r.Done {
			return
		}
		require.NotEmpty(t, r.Missing, "what is not done must be said")
		c.clock.Advance(time.Second)
	}
	t.Fatal("the rollout of " + d.String() + " never ends")
}

func wantCode(t *testing.T, want offboard.Code, err error) *offboard.Error {
	t.Helper()
	require.Error(t, err)
	require.IsType(t, &offboard.Error{}, err)
	failed := err.(*offboard.Error)
	require.Equal(t, want, failed.Code, "%v", err)
	require.NotEmpty(t, cmp.Or(failed.Op, failed.Message))
	return failed
}
