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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
)

const (
	clusterID = "c1"
	leaver    = "Ann.Leaver@acme.example"
)

// backend is a cluster as one house makes it.
type backend interface {
	// The handler is its API. It knows the bearers of token, and reports to cluster.changed what others changed.
	http.Handler
	// token is the one of a user: kubetest.Admin or kubetest.Somebody.
	token(user string) string
	// kubeconfig leads to the cluster itself, with the credentials that kubetest calls so.
	kubeconfig(name string) []byte
	// observer is an administrator's way to the cluster that nobody sees.
	observer() *rest.Config
	// create stores objects, in namespaces that are made if they are missing, and returns when no pod has anything left
	// to wait for.
	create(objs []object)
	// steer sets one of kubetest's annotations of a workload of kube-system, or takes it away if value is empty.
	steer(workload, annotation, value string)
	setUnreachable(on bool)

	now() time.Time
	pass()  // lets so much time pass that a rollout is seen on its way
	quiet() // lets so much time pass that whatever was going to happen has happened
	podStart() time.Duration
}

// cluster is a cluster behind a door that sees and can change what is said to it.
type cluster struct {
	backend
	t      *testing.T
	frozen bool // nothing happens but in pass and quiet

	door *httptest.Server
	core coreclient.CoreV1Interface
	apps appsclient.AppsV1Interface
	rbac rbacclient.RbacV1Interface

	mu       sync.Mutex
	tokens   map[string]string // users by the tokens they have at the door
	changes  []string          // what was changed through the door, as "verb resource namespace/name"
	requests []string          // "METHOD path" of every request at the door
	around   func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

func newCluster(t *testing.T, newBackend func(t *testing.T, c *cluster) backend) *cluster {
	t.Helper()
	c := &cluster{t: t, tokens: map[string]string{"admin-token": "admin"}}
	c.door = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.door.Config.ErrorLog = log.New(io.Discard, "", 0) // tests provoke TLS errors
	c.backend = newBackend(t, c)
	c.door.StartTLS()
	t.Cleanup(c.door.Close)
	config := c.observer()
	config.ContentType, config.QPS = runtime.ContentTypeJSON, -1
	var err error
	c.core, err = coreclient.NewForConfig(config)
	require.NoError(t, err)
	c.apps, err = appsclient.NewForConfig(config)
	require.NoError(t, err)
	c.rbac, err = rbacclient.NewForConfig(config)
	require.NoError(t, err)
	return c
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+r.URL.Path)
	around := c.around
	user, known := c.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	c.mu.Unlock()
	if known {
		r.Header.Set("Authorization", "Bearer "+c.token(user))
	}
	if around != nil {
		around(w, r, c.backend)
		return
	}
	c.backend.ServeHTTP(w, r)
}

// intercept puts f before the API from now on.
func (c *cluster) intercept(f func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.around = f
}

func (c *cluster) note(change string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes = append(c.changes, change)
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

// admit lets the bearers of these tokens in, and nobody else.
func (c *cluster) admit(users map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = users
}

func (c *cluster) seed(objs ...object) {
	c.t.Helper()
	c.create(objs)
}

// atDoor is a kubeconfig that leads to the door.
func (c *cluster) atDoor(token string) []byte {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.door.Certificate().Raw})
	return kubeconfig(c.t, c.door.URL, ca, token)
}

// adapter is an adapter that administers the cluster.
func (c *cluster) adapter() *kubernetes.Clusters { return c.adapterAs("admin-token") }

func (c *cluster) adapterAs(token string) *kubernetes.Clusters {
	return adapterWith(c.atDoor(token))
}

func adapterWith(kubeconfig []byte) *kubernetes.Clusters {
	return kubernetes.New(kubernetes.Config{
		Timeout:    30 * time.Second,
		Kubeconfig: func(context.Context, string) ([]byte, error) { return kubeconfig, nil },
	})
}

// pods lists those of a workload, terminating ones too, by name.
func (c *cluster) pods(prefix string) []corev1.Pod {
	c.t.Helper()
	list, err := c.core.Pods("kube-system").List(context.Background(), metav1.ListOptions{})
	require.NoError(c.t, err)
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return !strings.HasPrefix(p.Name, prefix) })
}

// running lists the pods of a workload that are not terminating, by name.
func (c *cluster) running(prefix string) []corev1.Pod {
	c.t.Helper()
	return slices.DeleteFunc(c.pods(prefix), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

func (c *cluster) uids(prefix string) []string {
	c.t.Helper()
	var uids []string
	for _, p := range c.pods(prefix) {
		uids = append(uids, string(p.UID))
	}
	slices.Sort(uids)
	return uids
}

func (c *cluster) readyPods(prefix string) int {
	c.t.Helper()
	n := 0
	for _, p := range c.running(prefix) {
		if isReady(&p) {
			n++
		}
	}
	return n
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	})
}

// patch is somebody else's change.
func (c *cluster) patch(path, body string) {
	c.t.Helper()
	require.NoError(c.t, c.core.RESTClient().Patch(types.MergePatchType).AbsPath(path).Body([]byte(body)).Do(context.Background()).Error())
}

// await lets time pass until something is true.
func (c *cluster) await(what string, is func() bool) {
	c.t.Helper()
	for limit := c.now().Add(patience); !is(); c.pass() {
		require.True(c.t, c.now().Before(limit), "%s: not after %s", what, patience)
	}
}

// patience is far more than anything takes, so that a slow machine breaks no test.
const patience = 3 * time.Minute

// follow lets time pass until the rollout is done, and gives every answer on the way to see.
func follow(c *cluster, k *kubernetes.Clusters, d offboard.Dependent, old []string, mark string, see func(offboard.Rollout)) {
	c.t.Helper()
	var r offboard.Rollout
	defer func() {
		if c.t.Failed() {
			c.t.Logf("the rollout was last seen as %+v", r)
		}
	}()
	c.await("the rollout of "+d.String(), func() bool {
		var err error
		r, err = k.Rollout(c.t.Context(), clusterID, d, old, mark)
		require.NoError(c.t, err)
		see(r)
		require.NotEqual(c.t, r.Done, r.Missing != "", "what is not done must be said")
		return r.Done
	})
}

func kubeconfig(t *testing.T, server string, ca []byte, token string) []byte {
	t.Helper()
	return kubeconfigOf(t, server, ca, &api.AuthInfo{Token: token})
}

func kubeconfigOf(t *testing.T, server string, ca []byte, user *api.AuthInfo) []byte {
	t.Helper()
	config := api.NewConfig()
	config.Clusters["cluster"] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["user"] = user
	config.Contexts["context"] = &api.Context{Cluster: "cluster", AuthInfo: "user"}
	config.CurrentContext = "context"
	text, err := clientcmd.Write(*config)
	require.NoError(t, err)
	return text
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
