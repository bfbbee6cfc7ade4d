package kube_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"offboard/internal/ibmsim/clock"
	"offboard/internal/ibmsim/kube"
)

const (
	ns       = "kube-system"
	podStart = 10 * time.Second
	podStop  = 4 * time.Second
)

// cluster is a server with a client, and what its callbacks said.
type cluster struct {
	*kube.Server
	t       *testing.T
	time    *clock.Virtual
	client  *kubernetes.Clientset
	address string

	mu      sync.Mutex
	started []string
	gone    []string
	changes []kube.Change
}

// newCluster makes a cluster on virtual time with three nodes.
func newCluster(t *testing.T, adjust ...func(*kube.Options)) *cluster {
	t.Helper()
	c := &cluster{t: t, time: clock.NewVirtual(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))}
	o := kube.Options{
		Clock: c.time, Version: "v1.32.5+IKS", PodStart: podStart, PodStop: podStop, Seed: 7,
		OnPodStarted: func(p *corev1.Pod) { c.note(&c.started, p.Name) },
		OnPodGone:    func(p *corev1.Pod) { c.note(&c.gone, p.Name) },
		OnChange: func(change kube.Change) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.changes = append(c.changes, change)
		},
	}
	for _, f := range adjust {
		f(&o)
	}
	c.Server = kube.New(o)
	for _, name := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
		require.NoError(t, c.Create(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	web := httptest.NewServer(c.Server)
	t.Cleanup(web.Close)
	c.address = web.URL
	c.client = c.as("")
	return c
}

func (c *cluster) note(list *[]string, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, name)
}

func (c *cluster) taken(list *[]string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := *list
	*list = nil
	return all
}

// as is a client with a bearer token.
func (c *cluster) as(token string) *kubernetes.Clientset {
	c.t.Helper()
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host: c.address, BearerToken: token, QPS: -1,
		ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON},
	})
	require.NoError(c.t, err)
	return client
}

// seed creates objects and settles them.
func (c *cluster) seed(objs ...runtime.Object) {
	c.t.Helper()
	require.NoError(c.t, c.Create(objs...))
	c.Settle()
	c.taken(&c.started)
}

// running returns the ready, not Terminating pods of an app by name.
func (c *cluster) running(app string) map[string]types.UID {
	found := make(map[string]types.UID)
	for _, p := range c.Pods(ns) {
		if p.Labels["app"] == app && p.DeletionTimestamp == nil && ready(p) {
			found[p.Name] = p.UID
		}
	}
	return found
}

func (c *cluster) deployment(name string) *appsv1.Deployment {
	c.t.Helper()
	d, err := c.client.AppsV1().Deployments(ns).Get(context.Background(), name, metav1.GetOptions{})
	require.NoError(c.t, err)
	return d
}

// restart patches a workload as kubectl rollout restart does.
func restart(at string) []byte {
	return []byte(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"` + at + `"}}}}}`)
}

func (c *cluster) restartDeployment(name, at string) *appsv1.Deployment {
	c.t.Helper()
	d, err := c.client.AppsV1().Deployments(ns).Patch(context.Background(), name, types.StrategicMergePatchType, restart(at), metav1.PatchOptions{})
	require.NoError(c.t, err)
	return d
}

func ready(p *corev1.Pod) bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: ns} }

func selector(app string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
}

func template(app string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "driver", Image: "icr.example/" + app + ":1.0"},
		}},
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta(name), Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: selector(name), Template: template(name),
	}}
}

func statefulSet(name string, replicas int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: meta(name), Spec: appsv1.StatefulSetSpec{
		Replicas: &replicas, Selector: selector(name), Template: template(name),
	}}
}

func daemonSet(name string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{ObjectMeta: meta(name), Spec: appsv1.DaemonSetSpec{
		Selector: selector(name), Template: template(name),
	}}
}
