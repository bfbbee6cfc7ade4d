package kubernetes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"offboard/internal/kubernetes/kubetest"
)

// real is a cluster of the program kubetest: a Kubernetes API server with the real controllers, in real time.
type real struct {
	c       *cluster
	name    string
	cluster kubetest.Cluster
	client  *kubetest.Client
	tokens  map[string]string // by user
	proxy   *httputil.ReverseProxy
	steered map[string]map[string]string // annotations by workload, for those that are yet to come
}

const realPodStart = 300 * time.Millisecond

var realClusters atomic.Int32

func newReal(t *testing.T, c *cluster) backend {
	b := &real{c: c, name: fmt.Sprintf("c%d", realClusters.Add(1)), steered: map[string]map[string]string{}}
	var err error
	b.cluster, err = realOne.StartCluster(t.Context(), b.name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, realOne.StopCluster(context.Background(), b.name)) })
	b.client, err = b.cluster.Client()
	require.NoError(t, err)
	b.tokens = map[string]string{}
	for _, user := range []string{kubetest.Admin, kubetest.Somebody} {
		b.tokens[user] = b.config(user).BearerToken
	}
	server, err := url.Parse(b.cluster.Server)
	require.NoError(t, err)
	trusting, err := rest.TransportFor(rest.AnonymousClientConfig(b.observer()))
	require.NoError(t, err)
	b.proxy = &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:    trusting,
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	return b
}

// ServeHTTP passes a request on and notes what it changed.
func (b *real) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		b.proxy.ServeHTTP(w, r)
		return
	}
	before := b.version(r.URL.Path)
	answer := &statusWriter{ResponseWriter: w}
	b.proxy.ServeHTTP(answer, r)
	deleted := r.Method == http.MethodDelete && answer.status == http.StatusOK
	if deleted || b.version(r.URL.Path) != before {
		b.c.note(changeOf(r))
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// version tells an object's states apart by what people want of it, where the API counts that, so that what controllers
// do to it meanwhile does not look like a change.
func (b *real) version(path string) string {
	body, err := b.client.Core.RESTClient().Get().AbsPath(path).Do(context.Background()).Raw()
	if err != nil {
		return ""
	}
	var o metav1.PartialObjectMetadata
	if json.Unmarshal(body, &o) != nil {
		return ""
	}
	if o.Generation > 0 {
		return fmt.Sprint(o.Generation)
	}
	return o.ResourceVersion
}

func changeOf(r *http.Request) string {
	namespace, parts := "", strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for i, part := range parts {
		if part == "namespaces" {
			namespace = parts[i+1]
		}
	}
	return strings.ToLower(r.Method) + " " + parts[len(parts)-2] + " " + namespace + "/" + parts[len(parts)-1]
}

func (b *real) kubeconfig(name string) []byte {
	text, err := b.cluster.Kubeconfig(name)
	require.NoError(b.c.t, err)
	return text
}

func (b *real) config(name string) *rest.Config {
	config, err := b.cluster.Config(name)
	require.NoError(b.c.t, err)
	return config
}

func (b *real) token(user string) string { return b.tokens[user] }

func (b *real) observer() *rest.Config { return b.config(kubetest.Admin) }

func (b *real) create(objs []object) {
	b.c.t.Helper()
	ctx := context.Background()
	if b.needsNode(objs) {
		require.NoError(b.c.t, b.client.Create(ctx, node("only")))
	}
	for _, o := range objs {
		if steered := b.steered[o.GetName()]; len(steered) > 0 {
			o.SetAnnotations(steered)
		}
		require.NoError(b.c.t, b.client.Create(ctx, o))
	}
	b.c.await("all pods", func() bool {
		settled, err := b.client.Settled(ctx)
		require.NoError(b.c.t, err)
		return settled
	})
}

// needsNode tells whether neither the cluster has a node nor the objects bring one: no pod would ever run.
func (b *real) needsNode(objs []object) bool {
	for _, o := range objs {
		if _, is := o.(*corev1.Node); is {
			return false
		}
	}
	nodes, err := b.client.Core.Nodes().List(context.Background(), metav1.ListOptions{})
	require.NoError(b.c.t, err)
	return len(nodes.Items) == 0
}

func (b *real) steer(workload, annotation, value string) {
	b.c.t.Helper()
	if b.steered[workload] == nil {
		b.steered[workload] = map[string]string{}
	}
	b.steered[workload][annotation] = value
	if value == "" {
		delete(b.steered[workload], annotation)
	}
	require.NoError(b.c.t, b.client.Steer(context.Background(), "kube-system", workload, annotation, value))
}

func (b *real) setUnreachable(on bool) {
	b.c.t.Helper()
	if on {
		require.NoError(b.c.t, realOne.StopCluster(b.c.t.Context(), b.name))
		return
	}
	_, err := realOne.StartCluster(b.c.t.Context(), b.name)
	require.NoError(b.c.t, err)
}

func (b *real) now() time.Time          { return time.Now() }
func (b *real) pass()                   { time.Sleep(20 * time.Millisecond) }
func (b *real) quiet()                  { time.Sleep(time.Second) }
func (b *real) podStart() time.Duration { return realPodStart }
