package ibmsim_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"offboard/internal/ibmsim"
	"offboard/internal/ibmsim/kube"
)

// elsewhere is a cluster with an address of its own.
type elsewhere struct {
	*kube.Server
	started, gone func(pod *corev1.Pod)
}

func newElsewhere(s *sim) *elsewhere {
	e := &elsewhere{}
	e.Server = kube.New(kube.Options{
		Clock: s.clock, PodStart: 20 * time.Second, PodStop: 5 * time.Second, Seed: 1,
		OnPodStarted: func(pod *corev1.Pod) { e.started(pod) }, OnPodGone: func(pod *corev1.Pod) { e.gone(pod) },
	})
	return e
}

func (e *elsewhere) Access() ibmsim.Access {
	return ibmsim.Access{Server: "https://small.acme.example:6443", Authority: []byte("an authority"), Certificate: []byte("a certificate"), Key: []byte("a key")}
}

func (e *elsewhere) Follow(started, gone func(pod *corev1.Pod)) { e.started, e.gone = started, gone }

func (e *elsewhere) deletePods(prefix string) {
	for _, p := range e.Pods("kube-system") {
		if strings.HasPrefix(p.Name, prefix) {
			e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodDelete, "/api/v1/namespaces/kube-system/pods/"+p.Name, nil))
		}
	}
}

// A cluster outside is filled, renewed and watched like one inside, and its kubeconfig leads to it.
func TestAttachedCluster(t *testing.T) {
	s := startSim(t, "small")
	e := newElsewhere(s)
	require.NoError(t, s.cloud.Attach("small-vpc", e))
	require.Empty(t, e.Pods("kube-system"), "nobody has looked yet")

	status, config := s.kubeconfig(keyAdmin, "small-vpc", true)
	require.Equal(t, http.StatusOK, status)
	where := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)
	require.Equal(t, map[string]any{"server": "https://small.acme.example:6443", "certificate-authority-data": base64.StdEncoding.EncodeToString([]byte("an authority"))}, where)
	who := config["users"].([]any)[0].(map[string]any)["user"].(map[string]any)
	require.Equal(t, map[string]any{
		"client-certificate-data": base64.StdEncoding.EncodeToString([]byte("a certificate")), "client-key-data": base64.StdEncoding.EncodeToString([]byte("a key")),
	}, who)
	old := s.scope("eu-de").Key
	subjects := s.subjects("small-vpc")
	require.Len(t, subjects, 3, "master and two dependents, no stand-ins: %v", subjects)

	s.handOver()
	stored, found := e.Secret("kube-system", "storage-secret-store")
	require.True(t, found)
	for _, c := range s.cloud.State().Clusters {
		if c.Name == "small-vpc" {
			require.NotEqual(t, old, c.SecretKey)
			require.Contains(t, c.Holders, subjects[1])
		}
	}
	require.NotContains(t, string(stored.Data["slclient.toml"]), "leaver")
	for _, w := range []string{"ibm-vpc-block-csi-controller", "ibm-iks-cluster-autoscaler"} {
		e.deletePods(w)
	}
	s.clock.Advance(time.Minute)
	s.deleteKey(old)
	s.removeUser("leaver@acme.example")
	s.clock.Advance(48 * time.Hour)
	require.Empty(t, s.cloud.Outages())
}

// What an attached cluster's pods hold counts like everything else.
func TestAttachedClusterThatIsNotRestartedHasAnOutage(t *testing.T) {
	s := startSim(t, "small")
	require.NoError(t, s.cloud.Attach("small-vpc", newElsewhere(s)))
	s.kubeconfig(keyAdmin, "small-vpc", true)
	s.deleteKey(s.handOver())
	s.clock.Advance(2 * time.Hour)
	require.Len(t, s.cloud.Outages(), 2, "both dependents still have the old key")
}

func TestWhatCannotBeAttached(t *testing.T) {
	s := startSim(t, "sample")
	e := newElsewhere(s)
	require.ErrorContains(t, s.cloud.Attach("nowhere", e), "there is none")
	require.ErrorContains(t, s.cloud.Attach("openshift-prod-us", e), "cannot be reached")
	s = startSim(t, "small")
	e = newElsewhere(s)
	require.NoError(t, s.cloud.Attach("small-classic", e))
	require.ErrorContains(t, s.cloud.Attach("small-classic", e), "in use")
	_, err := s.kube(keyAdmin, "small-vpc").Discovery().ServerVersion()
	require.NoError(t, err)
	require.ErrorContains(t, s.cloud.Attach("small-vpc", e), "in use", "somebody has looked into it")
}
