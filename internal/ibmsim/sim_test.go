package ibmsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	policies "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	users "github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"offboard/internal/ibmsim"
	"offboard/internal/ibmsim/clock"
)

// Login keys of the shipped accounts.
const (
	keyAdmin      = "CANARY-key-offboard-admin"
	keyFunctional = "CANARY-key-clusters-1"
	keyViewer     = "CANARY-key-viewer"
	keyLeaver     = "CANARY-key-leaver"
)

// sim is a cloud on a virtual clock behind a real listener.
type sim struct {
	t     testing.TB
	cloud *ibmsim.Cloud
	clock *clock.Virtual
	env   map[string]string
	url   string
	born  time.Time
}

func startSim(t *testing.T, account string) *sim {
	t.Helper()
	a, err := ibmsim.Load(account)
	require.NoError(t, err)
	return startAccount(t, a)
}

// startAccount begins at the present, because IBM's SDK compares token expiry with the machine's clock.
func startAccount(t *testing.T, a *ibmsim.Account) *sim {
	t.Helper()
	born := time.Now().UTC().Truncate(time.Minute)
	v := clock.NewVirtual(born)
	c := ibmsim.New(a, ibmsim.Options{Clock: v})
	srv := httptest.NewServer(c)
	t.Cleanup(func() {
		srv.Close()
		require.Empty(t, c.Unknown(), "operations the simulator does not know")
	})
	return &sim{t: t, cloud: c, clock: v, env: c.Endpoints(srv.URL), url: srv.URL, born: born}
}

// grant asks for a token and returns status and reply.
func (s *sim) grant(form url.Values, basic ...string) (int, map[string]any) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.env["IBMCLOUD_IAM_API_ENDPOINT"]+"/identity/token", strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		r.SetBasicAuth(basic[0], basic[1])
	}
	return s.do(r)
}

func (s *sim) do(r *http.Request) (int, map[string]any) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	var body map[string]any
	if len(text) > 0 && text[0] == '{' {
		require.NoError(s.t, json.Unmarshal(text, &body), string(text))
	}
	return resp.StatusCode, body
}

func (s *sim) keyGrant(key string, basic ...string) (int, map[string]any) {
	return s.grant(url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {key}}, basic...)
}

func (s *sim) token(key string) string {
	s.t.Helper()
	status, body := s.keyGrant(key)
	require.Equal(s.t, http.StatusOK, status, "%v", body)
	return body["access_token"].(string)
}

func (s *sim) auth(key string) core.Authenticator {
	s.t.Helper()
	return &core.BearerTokenAuthenticator{BearerToken: s.token(key)}
}

func (s *sim) identity(key string) *identity.IamIdentityV1 {
	s.t.Helper()
	c, err := identity.NewIamIdentityV1(&identity.IamIdentityV1Options{URL: s.env["IBMCLOUD_IAM_API_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

func (s *sim) users(key string) *users.UserManagementV1 {
	s.t.Helper()
	c, err := users.NewUserManagementV1(&users.UserManagementV1Options{URL: s.env["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

func (s *sim) groups(key string) *groups.IamAccessGroupsV2 {
	s.t.Helper()
	c, err := groups.NewIamAccessGroupsV2(&groups.IamAccessGroupsV2Options{URL: s.env["IBMCLOUD_IAM_API_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

func (s *sim) policies(key string) *policies.IamPolicyManagementV1 {
	s.t.Helper()
	c, err := policies.NewIamPolicyManagementV1(&policies.IamPolicyManagementV1Options{URL: s.env["IBMCLOUD_IAM_API_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

func (s *sim) containers(key string) *ks.KubernetesServiceApiV1 {
	s.t.Helper()
	c, err := ks.NewKubernetesServiceApiV1(&ks.KubernetesServiceApiV1Options{URL: s.env["IBMCLOUD_CS_API_ENDPOINT"], Authenticator: s.auth(key)})
	require.NoError(s.t, err)
	return c
}

// kube is a client of a cluster's API server with an admin credential.
func (s *sim) kube(key, cluster string) *kubernetes.Clientset {
	s.t.Helper()
	status, config := s.kubeconfig(key, cluster, true)
	require.Equal(s.t, http.StatusOK, status, "%v", config)
	return s.kubeClient(config)
}

func (s *sim) kubeClient(config map[string]any) *kubernetes.Clientset {
	s.t.Helper()
	server := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)["server"].(string)
	bearer := config["users"].([]any)[0].(map[string]any)["user"].(map[string]any)["token"].(string)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server, BearerToken: bearer, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	require.NoError(s.t, err)
	return client
}

func (s *sim) kubeconfig(key, cluster string, admin bool) (int, map[string]any) {
	s.t.Helper()
	q := url.Values{"cluster": {cluster}, "format": {"json"}}
	if admin {
		q.Set("admin", "true")
	}
	r, err := http.NewRequest(http.MethodGet, s.env["IBMCLOUD_CS_API_ENDPOINT"]+"/v2/getKubeconfig?"+q.Encode(), nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+s.token(key))
	return s.do(r)
}

// reset makes key's owner the owner of a pair's key; group "" sends no header.
func (s *sim) reset(key, region, group string) (*core.DetailedResponse, error) {
	s.t.Helper()
	o := &ks.ResetUserAPIKeyOptions{XRegion: core.StringPtr(region), XAuthRefreshToken: core.StringPtr("")}
	if group != "" {
		o.Headers = map[string]string{"X-Auth-Resource-Group": group}
	}
	return s.containers(key).ResetUserAPIKey(o)
}

func (s *sim) refresh(key, cluster string) {
	s.t.Helper()
	_, err := s.containers(key).VpcRefreshMaster(&ks.VpcRefreshMasterOptions{Cluster: core.StringPtr(cluster)})
	require.NoError(s.t, err)
}

// scope is the state of one pair.
func (s *sim) scope(region string) ibmsim.StateScope {
	s.t.Helper()
	for _, sc := range s.cloud.State().Scopes {
		if sc.Region == region {
			return sc
		}
	}
	require.Fail(s.t, "no scope in "+region)
	return ibmsim.StateScope{}
}

func (s *sim) user(email string) ibmsim.StateUser {
	s.t.Helper()
	for _, u := range s.cloud.State().Users {
		if strings.EqualFold(u.Email, email) {
			return u
		}
	}
	require.Fail(s.t, "no user "+email)
	return ibmsim.StateUser{}
}

// actions are the ledger's actions in order.
func (s *sim) actions() []string {
	var list []string
	for _, e := range s.cloud.Ledger() {
		list = append(list, e.Action)
	}
	return list
}
