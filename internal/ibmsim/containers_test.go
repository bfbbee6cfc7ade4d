package ibmsim_test

import (
	"archive/zip"
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // the user's archive names this provider
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"offboard/internal/ibmsim"
)

// The read-only rest of the Kubernetes Service through its SDK.
func TestClusterDetailsAndPlaces(t *testing.T) {
	s := startSim(t, "sample")
	c := s.containers(keyAdmin)
	flat, _, err := c.GetCluster1(&ks.GetCluster1Options{IdOrName: core.StringPtr("legacy-eu")})
	require.NoError(t, err)
	require.Equal(t, "legacy-eu", *flat.Name)
	locations, _, err := c.ListLocations(&ks.ListLocationsOptions{})
	require.NoError(t, err)
	require.Len(t, locations, 11)
	regions, _, err := c.GetRegions(&ks.GetRegionsOptions{})
	require.NoError(t, err)
	require.Len(t, regions.Regions, 11)
	quota, _, err := c.GetQuota(&ks.GetQuotaOptions{})
	require.NoError(t, err)
	require.Len(t, quota, 3)
	zones, _, err := c.GetZones(&ks.GetZonesOptions{Location: core.StringPtr("fra")})
	require.NoError(t, err)
	require.Len(t, zones, 3)
	_, text := s.get("/containers/v1/user-config", s.token(keyAdmin))
	require.Contains(t, string(text), `"storedIaasCredentials":true`)
	versions, _, err := c.GetVersions(&ks.GetVersionsOptions{})
	require.NoError(t, err)
	require.Len(t, versions["openshift"], 1)
}

func TestWorkers(t *testing.T) {
	s := startSim(t, "sample")
	c, name := s.containers(keyAdmin), core.StringPtr("shop-prod-eu")
	deep, _, err := c.VpcGetWorkers(&ks.VpcGetWorkersOptions{Cluster: name})
	require.NoError(t, err)
	require.Len(t, deep, 6)
	require.Equal(t, "eu-de-1", *deep[0].Location)
	flat, _, err := c.GetClusterWorkers(&ks.GetClusterWorkersOptions{IdOrName: name})
	require.NoError(t, err)
	require.Len(t, flat, 6)
	one, _, err := c.VpcGetWorker(&ks.VpcGetWorkerOptions{Cluster: name, Worker: deep[5].ID})
	require.NoError(t, err)
	require.Equal(t, "normal", *one.Health.State)
	_, resp, err := c.VpcGetWorker(&ks.VpcGetWorkerOptions{Cluster: name, Worker: core.StringPtr("nobody")})
	require.Error(t, err)
	body, _ := resp.GetResultAsMap()
	require.Equal(t, "E0011", body["code"])
	pools, _, err := c.GetWorkerPools1(&ks.GetWorkerPools1Options{Cluster: name})
	require.NoError(t, err)
	require.Len(t, pools[0].Zones, 3)
}

// Add-ons can be switched; the lists follow and the ledger tells.
func TestManageAddons(t *testing.T) {
	s := startSim(t, "small")
	c, name := s.containers(keyAdmin), core.StringPtr("small-vpc")
	names := func() string {
		list, _, err := c.GetClusterAddons(&ks.GetClusterAddonsOptions{IdOrName: name})
		require.NoError(t, err)
		var all []string
		for _, a := range list {
			all = append(all, *a.Name)
		}
		return strings.Join(all, " ")
	}
	manage := func(addon string, enable bool) {
		_, _, err := c.ManageClusterAddons(&ks.ManageClusterAddonsOptions{IdOrName: name, Addons: []ks.ClusterAddon{{Name: &addon}}, Enable: &enable})
		require.NoError(t, err)
	}
	require.Equal(t, "vpc-block-csi-driver cluster-autoscaler", names())
	manage("cluster-autoscaler", false)
	manage("istio", true)
	require.Equal(t, "vpc-block-csi-driver istio", names())
	manage("istio", false)
	manage("cluster-autoscaler", true)
	require.Equal(t, "vpc-block-csi-driver cluster-autoscaler", names())
	require.Len(t, s.cloud.Ledger(), 4)
	resp, err := s.containers(keyViewer).V2EnablePullSecret(&ks.V2EnablePullSecretOptions{Cluster: name})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// serveTLS serves an account in real time on a port that speaks TLS, and returns its https base.
func serveTLS(t *testing.T, account string) *sim {
	t.Helper()
	a, err := ibmsim.Load(account)
	require.NoError(t, err)
	c := ibmsim.New(a, ibmsim.Options{})
	server, err := ibmsim.NewServer(c)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	s := &sim{t: t, cloud: c, url: "http://" + l.Addr().String()}
	s.env = c.Endpoints(s.url)
	return s
}

// unpack writes a kubeconfig archive into a directory and returns the file kubectl would take.
func unpack(t *testing.T, archive []byte) (path string, files map[string]bool) {
	t.Helper()
	dir, files := t.TempDir(), map[string]bool{}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		var text bytes.Buffer
		_, err = text.ReadFrom(r)
		require.NoError(t, err)
		name := filepath.Base(f.Name)
		files[name] = true
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o600))
		if strings.HasPrefix(name, "kube-config-") {
			path = filepath.Join(dir, name)
		}
	}
	return path, files
}

// The administrator's archive holds a client certificate, which client-go uses as it is and which outlives its user.
func TestAdminArchive(t *testing.T) {
	s := serveTLS(t, "small")
	resp, archive := s.get("/containers/global/v1/clusters/small-vpc/config/admin", s.token(keyLeaver))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	path, files := unpack(t, archive)
	require.True(t, files["admin.pem"])
	require.True(t, files["admin-key.pem"])
	config, err := clientcmd.BuildConfigFromFlags("", path)
	require.NoError(t, err)
	require.Empty(t, config.BearerToken)
	list := func() error {
		client, err := kubernetes.NewForConfig(config)
		require.NoError(t, err)
		_, err = client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
		return err
	}
	require.NoError(t, list())
	s.removeUser("leaver@acme.example")
	require.NoError(t, list(), "trap 55")
	config.Host = strings.Replace(config.Host, s.cloud.State().Clusters[0].ID, s.cloud.State().Clusters[1].ID, 1)
	require.True(t, apierrors.IsUnauthorized(list()), "it opens one cluster only")

	resp, archive = s.get("/containers/global/v1/clusters/small-vpc/config", s.token(keyAdmin))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	path, files = unpack(t, archive)
	require.False(t, files["admin.pem"])
	config, err = clientcmd.BuildConfigFromFlags("", path)
	require.NoError(t, err)
	require.NoError(t, list())
}

// An OpenShift cluster takes no IAM token: one logs in at its OAuth server with an API key.
func TestOpenShiftLogin(t *testing.T) {
	a, err := ibmsim.Load("sample")
	require.NoError(t, err)
	a.Knobs.OAuthDelay = ibmsim.Duration(time.Minute)
	s := startAccount(t, a)
	status, config := s.kubeconfig(keyAdmin, "openshift-prod-us", false)
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, config["users"].([]any)[0].(map[string]any)["user"], "no credential in it")
	server := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)["server"].(string)
	r, err := http.NewRequest(http.MethodGet, server+"/.well-known/oauth-authorization-server", nil)
	require.NoError(t, err)
	_, endpoints := s.do(r)
	login := func(user, secret string) *http.Response {
		r, err := http.NewRequest(http.MethodGet, endpoints["authorization_endpoint"].(string)+"?response_type=token&client_id=openshift-challenging-client", nil)
		require.NoError(t, err)
		r.SetBasicAuth(user, secret)
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Do(r)
		require.NoError(t, err)
		resp.Body.Close()
		return resp
	}
	require.Equal(t, http.StatusUnauthorized, login("apikey", "nonsense").StatusCode)
	require.Equal(t, http.StatusInternalServerError, login("apikey", keyAdmin).StatusCode, "a fresh user is not known yet")
	s.clock.Advance(time.Minute)
	resp := login("apikey", keyAdmin)
	require.Equal(t, http.StatusFound, resp.StatusCode)
	_, fragment, _ := strings.Cut(resp.Header.Get("Location"), "#")
	values, err := url.ParseQuery(fragment)
	require.NoError(t, err)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server, BearerToken: values.Get("access_token"), ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	require.NoError(t, err)
	_, err = client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	r, err = http.NewRequest(http.MethodGet, server+"/apis/user.openshift.io/v1/users/~", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+values.Get("access_token"))
	_, me := s.do(r)
	require.Equal(t, "IAM#offboard-admin@acme.example", me["metadata"].(map[string]any)["name"])
	client, err = kubernetes.NewForConfig(&rest.Config{Host: server, BearerToken: s.token(keyAdmin)})
	require.NoError(t, err)
	_, err = client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
	require.True(t, apierrors.IsUnauthorized(err), "IAM's own token is none here")
}

// A service on a host of its own has no path prefix, in its links neither.
func TestServiceOnItsOwn(t *testing.T) {
	a, err := ibmsim.Load("sample")
	require.NoError(t, err)
	c := ibmsim.New(a, ibmsim.Options{})
	bases := map[string]string{}
	for _, name := range ibmsim.ServiceNames() {
		h, err := c.Service(name)
		require.NoError(t, err)
		bases[name] = newServer(t, h)
	}
	_, err = c.Service("cookies")
	require.ErrorContains(t, err, "user-management")
	s := &sim{t: t, cloud: c, env: c.ServiceEndpoints(bases), url: bases["containers"]}
	require.Greater(t, len(s.accountKeys(keyAdmin, 20)), 100)
	require.Greater(t, len(s.allUsers(keyAdmin, 20)), 100)
	s.groupID("platform-team")
	pods, err := s.kube(keyAdmin, "sandbox-eu").CoreV1().Pods("kube-system").List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, pods.Items)
	require.Equal(t, http.StatusOK, s.control("GET", "/outages", "", nil))
}
