package ibmsim_test

import (
	"archive/zip"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	manager "github.com/IBM/platform-services-go-sdk/resourcemanagerv2"
	users "github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// get asks for a path below the cloud and returns the whole answer.
func (s *sim) get(path, token string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp, text
}

// Without a token every service refuses in its own words.
func TestRefusalsWithoutToken(t *testing.T) {
	s := startSim(t, "small")
	for path, want := range map[string]string{
		"/iam/v1/apikeys":               `"errorCode":"BXNIM0308E"`,
		"/iam/v2/groups?account_id=x":   `"code":"invalid_token"`,
		"/iam/v1/policies?account_id=x": `"status_code":401`,
		"/user-management/v2/accounts/" + s.cloud.AccountID() + "/users": `"trace":`,
		"/resource-controller/v2/resource_groups":                        `"errors":[`,
		"/containers/global/v2/vpc/getClusters":                          `"code":"A0003"`,
	} {
		for _, token := range []string{"", "eyJ.not.ours"} {
			resp, text := s.get(path, token)
			require.Equal(t, http.StatusUnauthorized, resp.StatusCode, path)
			require.Contains(t, string(text), want)
			require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		}
	}
	resp, _ := s.get("/kube/"+s.cloud.State().Clusters[0].ID+"/api/v1/pods", "")
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// The caller's request ID comes back, and stands in the ledger.
func TestRequestIDs(t *testing.T) {
	s := startSim(t, "small")
	_, err := s.containers(keyFunctional).ResetUserAPIKey(&ks.ResetUserAPIKeyOptions{
		XRegion: core.StringPtr("eu-de"), XAuthRefreshToken: core.StringPtr(""), Headers: map[string]string{"X-Request-Id": "run-7"},
	})
	require.NoError(t, err)
	require.Equal(t, "run-7", s.cloud.Ledger()[0].RequestID)
}

func TestKubeconfigFormats(t *testing.T) {
	s := startSim(t, "small")
	token := s.token(keyAdmin)
	resp, text := s.get("/containers/v2/getKubeconfig?cluster=small-vpc&format=yaml", token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, string(text), "kind: Config")
	resp, text = s.get("/containers/v2/getKubeconfig?cluster=small-vpc&format=zip&admin=true", token)
	require.Equal(t, "application/zip", resp.Header.Get("Content-Type"))
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	require.Len(t, z.File, 1)
	require.Equal(t, "kube-config-eu-de-small-vpc.yaml", z.File[0].Name)
}

// getRBACStatus tells when an apply is done.
func TestRBACStatus(t *testing.T) {
	s := startSim(t, "traps")
	status := func() string {
		_, text := s.get("/containers/global/v2/getRBACStatus?cluster=hidden", s.token(keyAdmin))
		return string(text)
	}
	require.Contains(t, status(), `"synchronized":true`)
	_, err := s.containers(keyAdmin).ApplyRBACAndGetKubeconfig(&ks.ApplyRBACAndGetKubeconfigOptions{Cluster: core.StringPtr("hidden"), XAuthRefreshToken: core.StringPtr("")})
	require.NoError(t, err)
	require.Contains(t, status(), `"synchronized":false`)
	s.clock.Advance(2 * time.Minute)
	require.Contains(t, status(), `"synchronized":true`)
}

// A viewer of one group sees that group and no other.
func TestResourceGroupsAreFiltered(t *testing.T) {
	s := startSim(t, "traps")
	m, err := manager.NewResourceManagerV2(&manager.ResourceManagerV2Options{URL: s.env["IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT"], Authenticator: s.auth(keyViewer)})
	require.NoError(t, err)
	list, _, err := m.ListResourceGroups(&manager.ListResourceGroupsOptions{})
	require.NoError(t, err)
	require.Len(t, list.Resources, 1)
	require.Equal(t, "default", *list.Resources[0].Name)
	_, _, err = m.GetResourceGroup(&manager.GetResourceGroupOptions{ID: core.StringPtr(s.cloud.State().Scopes[1].Group)})
	require.Error(t, err)
}

func TestClassicCredentialsCanBeStoredAndRemoved(t *testing.T) {
	s := startSim(t, "small")
	c := s.containers(keyAdmin)
	resp, err := c.StoreUserCredentials(&ks.StoreUserCredentialsOptions{
		XRegion: core.StringPtr("eu-de"), XAuthRefreshToken: core.StringPtr(""), XAuthSoftlayerUsername: core.StringPtr("42_ops"), XAuthSoftlayerAPIKey: core.StringPtr("CANARY-classic"),
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	got, _, err := c.GetUserCredentials(&ks.GetUserCredentialsOptions{XRegion: core.StringPtr("eu-central")})
	require.NoError(t, err)
	require.Equal(t, "42_ops", *got.ApiUser)
	_, err = c.RemoveUserCredentials(&ks.RemoveUserCredentialsOptions{XRegion: core.StringPtr("eu-de")})
	require.NoError(t, err)
	_, _, err = c.GetUserCredentials(&ks.GetUserCredentialsOptions{XRegion: core.StringPtr("eu-de")})
	require.Error(t, err)
	_, _, err = s.containers(keyViewer).GetUserCredentials(&ks.GetUserCredentialsOptions{XRegion: core.StringPtr("eu-de")})
	require.Error(t, err)
	text, err := json.Marshal(s.cloud.Ledger())
	require.NoError(t, err)
	require.Contains(t, string(text), "42_ops")
	require.NotContains(t, string(text), ibmsim.CanaryPrefix)
}

// Trap 18: an asynchronous removal may fail, which only the profile tells; the user then keeps everything.
func removalThatFails(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Knobs.RemovalFails = true
	s := startAccount(t, a)
	leaver := s.user("leaver@acme.example").IAMID
	resp, err := s.users(keyAdmin).V3RemoveUser(&users.V3RemoveUserOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &leaver})
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	s.clock.Advance(20 * time.Second)
	got, _, err := s.users(keyAdmin).GetUserProfile(&users.GetUserProfileOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &leaver})
	require.NoError(t, err)
	require.Equal(t, "ERROR_WHILE_DELETING", *got.State)
	s.clock.Advance(3 * time.Hour)
	require.Empty(t, s.cloud.Outages())
}

func TestUserSettingsAndProfileActivity(t *testing.T) {
	s := startSim(t, "traps")
	got, _, err := s.users(keyAdmin).GetUserSettings(&users.GetUserSettingsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: core.StringPtr(s.user("fenced@acme.example").IAMID)})
	require.NoError(t, err)
	require.Equal(t, "192.0.2.0/24", *got.AllowedIPAddresses)
}

func TestBulkMembership(t *testing.T) {
	s := startSim(t, "sample")
	viewer, c := s.user("dev@acme.example").IAMID, s.groups(keyAdmin)
	first, second := s.groupID("platform-team"), s.groupID("cluster-key-owners")
	got, resp, err := c.AddMemberToMultipleAccessGroups(&groups.AddMemberToMultipleAccessGroupsOptions{
		AccountID: core.StringPtr(s.cloud.AccountID()), IamID: &viewer, Type: core.StringPtr("user"), Groups: []string{first, second, "AccessGroupId-none"},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusMultiStatus, resp.StatusCode)
	require.EqualValues(t, 200, *got.Groups[0].StatusCode)
	require.EqualValues(t, 404, *got.Groups[2].StatusCode)
	left, _, err := c.RemoveMembersFromAccessGroup(&groups.RemoveMembersFromAccessGroupOptions{AccessGroupID: &first, Members: []string{viewer, "IBMid-NOBODY"}})
	require.NoError(t, err)
	require.EqualValues(t, 204, *left.Members[0].StatusCode)
	require.EqualValues(t, 404, *left.Members[1].StatusCode)
	pager, err := c.NewAccessGroupsPager(&groups.ListAccessGroupsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Limit: core.Int64Ptr(1), IamID: &viewer})
	require.NoError(t, err)
	mine, err := pager.GetAll()
	require.NoError(t, err)
	require.Len(t, mine, 2)
}

func TestProfileIdentityCanBeTakenOut(t *testing.T) {
	s := startSim(t, "sample")
	c, leaver := s.identity(keyAdmin), s.user("leaver@acme.example").IAMID
	list, _, err := c.ListProfiles(&identity.ListProfilesOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Name: core.StringPtr("breakglass")})
	require.NoError(t, err)
	o := &identity.DeleteProfileIdentityOptions{ProfileID: list.Profiles[0].ID, IdentityType: core.StringPtr("user"), IdentifierID: &leaver}
	_, err = c.DeleteProfileIdentity(o)
	require.NoError(t, err)
	resp, err := c.DeleteProfileIdentity(o)
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// One port speaks HTTP and TLS; a kubeconfig names https and carries what is needed to trust it.
func TestServerSpeaksBoth(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	server, err := ibmsim.NewServer(ibmsim.New(a, ibmsim.Options{}))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	s := &sim{t: t, cloud: ibmsim.New(a, ibmsim.Options{}), url: "http://" + l.Addr().String()}
	s.env = s.cloud.Endpoints(s.url)
	status, config := s.kubeconfig(keyAdmin, "small-vpc", true)
	require.Equal(t, http.StatusOK, status)
	where := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)
	pem, err := base64.StdEncoding.DecodeString(where["certificate-authority-data"].(string))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	r, err := http.NewRequest(http.MethodGet, where["server"].(string)+"/version", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+config["users"].([]any)[0].(map[string]any)["user"].(map[string]any)["token"].(string))
	resp, err := client.Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-done, http.ErrServerClosed)
}
