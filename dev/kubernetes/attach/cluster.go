package attach

import (
	"context"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"offboard/internal/ibmsim"
	"offboard/internal/kubernetes/kubetest"
)

// patience is far more than anything takes, so that a slow machine breaks no test.
const patience = 10 * time.Minute

// Cluster is a real cluster in the place of a simulated one. Its methods fail the test where the interface that the
// simulator asks for has no error to return.
type Cluster struct {
	*kubetest.Client
	t        *testing.T
	clusters *Clusters
	name     string
	access   ibmsim.Access
	proxy    *httputil.ReverseProxy

	mu     sync.Mutex
	runs   map[types.UID]bool // pods that were reported
	follow chan struct{}      // closed at the end
}

var _ ibmsim.Attached = (*Cluster)(nil)

// All runs a real cluster for each of an account, until the test is over, and attaches it. They are found by their names.
func All(t *testing.T, clusters *Clusters, cloud *ibmsim.Cloud, account *ibmsim.Account) map[string]*Cluster {
	t.Helper()
	found := map[string]*Cluster{}
	for _, c := range account.Clusters {
		found[c.Name] = clusters.Run(t, c.Name)
		require.NoError(t, cloud.Attach(c.Name, found[c.Name]))
	}
	return found
}

// Run runs a cluster until the test is over. It is empty, and has no nodes.
func (c *Clusters) Run(t *testing.T, name string) *Cluster {
	t.Helper()
	cluster, err := c.start(t.Context(), name)
	require.NoError(t, err)
	a := &Cluster{t: t, clusters: c, name: name, runs: map[types.UID]bool{}, follow: make(chan struct{})}
	t.Cleanup(func() {
		close(a.follow)
		assert.NoError(t, c.stop(context.Background(), name))
	})
	a.Client, err = cluster.Client()
	require.NoError(t, err)
	certified, err := cluster.Config(kubetest.AdminCertificate)
	require.NoError(t, err)
	a.access = ibmsim.Access{Server: cluster.Server, Authority: certified.CAData, Certificate: certified.CertData, Key: certified.KeyData}
	server, err := url.Parse(cluster.Server)
	require.NoError(t, err)
	transport, err := rest.TransportFor(certified)
	require.NoError(t, err)
	a.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(server) }, Transport: transport, ErrorLog: log.New(io.Discard, "", 0)}
	return a
}

// Access implements ibmsim.Attached.
func (a *Cluster) Access() ibmsim.Access { return a.access }

// ServeHTTP implements ibmsim.Attached.
func (a *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.proxy.ServeHTTP(w, r) }

// Create implements ibmsim.Attached.
func (a *Cluster) Create(objects ...runtime.Object) error {
	return a.Client.Create(context.Background(), objects...)
}

// Follow implements ibmsim.Attached through an informer, which misses nothing when a connection breaks.
func (a *Cluster) Follow(started, gone func(pod *corev1.Pod)) {
	pods := cache.NewListWatchFromClient(a.Core.RESTClient(), "pods", metav1.NamespaceAll, fields.Everything())
	informer := cache.NewSharedInformer(pods, &corev1.Pod{}, 0)
	see := func(o any) {
		if pod := o.(*corev1.Pod); hasStarted(pod) && !a.reported(pod) {
			started(pod)
			a.mu.Lock()
			a.runs[pod.UID] = true
			a.mu.Unlock()
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    see,
		UpdateFunc: func(_, o any) { see(o) },
		DeleteFunc: func(o any) {
			if unknown, is := o.(cache.DeletedFinalStateUnknown); is {
				o = unknown.Obj
			}
			gone(o.(*corev1.Pod))
		},
	})
	assert.NoError(a.t, err)
	go informer.Run(a.follow)
}

func (a *Cluster) reported(pod *corev1.Pod) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.runs[pod.UID]
}

// hasStarted tells whether a pod's process runs, which is when it reads its secrets.
func hasStarted(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Running != nil })
}

// Settle implements ibmsim.Attached.
func (a *Cluster) Settle() {
	assert.EventuallyWithT(a.t, func(collect *assert.CollectT) {
		settled, err := a.Settled(context.Background())
		require.NoError(collect, err)
		require.True(collect, settled)
		pods, err := a.Core.Pods("").List(context.Background(), metav1.ListOptions{})
		require.NoError(collect, err)
		for _, pod := range pods.Items {
			require.True(collect, a.reported(&pod) || !hasStarted(&pod))
		}
	}, patience, 50*time.Millisecond)
}

// Secret implements ibmsim.Attached.
func (a *Cluster) Secret(namespace, name string) (*corev1.Secret, bool) {
	secret, err := a.Core.Secrets(namespace).Get(context.Background(), name, metav1.GetOptions{})
	return secret, err == nil
}

// UpdateSecret implements ibmsim.Attached. While the cluster is away it tries again, as the platform does.
func (a *Cluster) UpdateSecret(namespace, name string, data map[string][]byte) error {
	for {
		err := a.updateSecret(namespace, name, data)
		if err == nil || apierrors.ReasonForError(err) != metav1.StatusReasonUnknown { // the cluster has answered
			return err
		}
		select {
		case <-a.follow:
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (a *Cluster) updateSecret(namespace, name string, data map[string][]byte) error {
	secret, err := a.Core.Secrets(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	secret.Data = maps.Clone(data)
	_, err = a.Core.Secrets(namespace).Update(context.Background(), secret, metav1.UpdateOptions{})
	return err
}

// SetNeverReady implements ibmsim.Attached.
func (a *Cluster) SetNeverReady(namespace, workload, reason string) {
	assert.NoError(a.t, a.Steer(context.Background(), namespace, workload, kubetest.NeverReady, reason))
}

// SetReverting implements ibmsim.Attached.
func (a *Cluster) SetReverting(namespace, workload string, after time.Duration) {
	assert.NoError(a.t, a.Steer(context.Background(), namespace, workload, kubetest.Reverting, after.String()))
}

// SetUnreachable implements ibmsim.Attached.
func (a *Cluster) SetUnreachable(on bool) {
	if on {
		assert.NoError(a.t, a.clusters.stop(context.Background(), a.name))
		return
	}
	_, err := a.clusters.start(context.Background(), a.name)
	assert.NoError(a.t, err)
}

// Pods are the UIDs of a workload's pods in kube-system, by name.
func (a *Cluster) Pods(workload string) map[string]types.UID {
	a.t.Helper()
	list, err := a.Core.Pods("kube-system").List(context.Background(), metav1.ListOptions{})
	require.NoError(a.t, err)
	found := map[string]types.UID{}
	for _, pod := range list.Items {
		if strings.HasPrefix(pod.Name, workload) {
			found[pod.Name] = pod.UID
		}
	}
	return found
}
