package ibmsim_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	users "github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// Traps that lie in IBM's SDK: a naive use of it goes wrong here in the same way.

func (s *sim) fault(f ibmsim.Fault) {
	s.t.Helper()
	_, err := s.cloud.AddFault(f)
	require.NoError(s.t, err)
}

func (s *sim) countOf(method, route string) int {
	for _, n := range s.cloud.Requests() {
		if n.Method == method && n.Route == route {
			return n.Count
		}
	}
	return 0
}

// Trap 4: with the SDK's own retries on, an error after the effect makes one key per attempt.
func sdkRetriesRepeatTheReset(t *testing.T) {
	s := startSim(t, "small")
	before := len(s.cloud.State().Keys)
	s.fault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", Status: 500, After: true, Times: 2})
	c := s.containers(keyFunctional)
	c.EnableRetries(3, 20*time.Millisecond)
	resp, err := c.ResetUserAPIKey(&ks.ResetUserAPIKeyOptions{XRegion: core.StringPtr("eu-de"), XAuthRefreshToken: core.StringPtr("")})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Len(t, s.cloud.State().Keys, before+3)
}

// Trap 24: without account_id the token's account is meant.
func missingAccountMeansTheTokens(t *testing.T) {
	s := startSim(t, "small")
	list, _, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{Scope: core.StringPtr("account"), Pagesize: core.Int64Ptr(100)})
	require.NoError(t, err)
	require.Equal(t, len(s.accountKeys(keyAdmin, 100)), len(list.Apikeys))
	require.Equal(t, s.cloud.AccountID(), *list.Apikeys[0].AccountID)
	_, resp, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{AccountID: core.StringPtr("00000000000000000000000000000000")})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// Trap 32: the Go error says "Bad Request"; code and description are in the result.
func errorTextIsHidden(t *testing.T) {
	s := startSim(t, "small")
	resp, err := s.reset(keyFunctional, "atlantis", "")
	require.EqualError(t, err, "Bad Request")
	body, fine := resp.GetResultAsMap()
	require.True(t, fine)
	require.NotEmpty(t, body["description"])
	require.NotEmpty(t, body["code"])
	require.NotEmpty(t, body["incidentID"])
}

// Trap 33: "errors": [] makes an error without text, whose debug message panics.
func emptyErrors(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "iam-identity", Status: 500, Body: `{"errors":[]}`})
	_, _, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.Error(t, err)
	require.Empty(t, err.Error())
	var problem core.Problem
	require.ErrorAs(t, err, &problem)
	require.Panics(t, func() { _ = problem.GetDebugMessage() })
}

// Trap 34: while one authenticator waits for IAM, every other one waits with it.
func tokenLockIsGlobal(t *testing.T) {
	s := startSim(t, "small")
	const slow = 600 * time.Millisecond
	s.fault(ibmsim.Fault{Service: "iam-token", Delay: slow.String()})
	authenticator := func(key string) *core.IamAuthenticator {
		a, err := core.NewIamAuthenticatorBuilder().SetApiKey(key).SetURL(s.env["IBMCLOUD_IAM_API_ENDPOINT"]).Build()
		require.NoError(t, err)
		return a
	}
	first, second := authenticator(keyAdmin), authenticator(keyViewer)
	done := make(chan error, 1)
	go func() {
		_, err := first.GetToken()
		done <- err
	}()
	require.Eventually(t, func() bool { return len(s.cloud.Faults()) == 1 && s.cloud.Faults()[0].Hits == 1 }, time.Second, time.Millisecond)
	start := time.Now()
	_, err := second.GetToken()
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Greater(t, time.Since(start), slow/2)
}

// Trap 35: a service's 401 does not make the SDK ask for a new token, and a deleted key goes unnoticed while one is left.
func tokenStaysCached(t *testing.T) {
	s := startSim(t, "small")
	a, err := core.NewIamAuthenticatorBuilder().SetApiKey(keyLeaver).SetURL(s.env["IBMCLOUD_IAM_API_ENDPOINT"]).Build()
	require.NoError(t, err)
	c, err := identity.NewIamIdentityV1(&identity.IamIdentityV1Options{URL: s.env["IBMCLOUD_IAM_API_ENDPOINT"], Authenticator: a})
	require.NoError(t, err)
	_, _, err = c.ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.NoError(t, err)
	s.fault(ibmsim.Fault{Service: "iam-identity", RefuseToken: true, Times: 2})
	for range 2 {
		_, resp, err := c.ListAPIKeys(&identity.ListAPIKeysOptions{})
		require.Error(t, err)
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	}
	require.Equal(t, 1, s.countOf("POST", "/identity/token"))
	for _, k := range s.cloud.State().Keys {
		if k.Owner == "leaver@acme.example" && k.Name == "login" {
			s.deleteKey(k.ID)
		}
	}
	_, _, err = c.ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.NoError(t, err)
}

// Trap 37: the SDK waits as long as it is told, whatever its own limit.
func retryAfterHasNoCap(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "containers", Status: 429, RetryAfter: "2"})
	c := s.containers(keyAdmin)
	c.EnableRetries(1, 50*time.Millisecond)
	start := time.Now()
	_, _, err := c.VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
}

// Trap 54: IAM's list is a page at times, with status 200.
func listThatIsAPage(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "iam-identity", NonJSON: true})
	_, resp, err := s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.ErrorContains(t, err, "unexpected content")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	_, _, err = s.identity(keyAdmin).ListAPIKeys(&identity.ListAPIKeysOptions{})
	require.NoError(t, err, "and then it is a list again")
}

// Trap 59: a null body is nil without an error to the platform SDK and an error to the container SDK.
func nullBody(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "user-management", Status: 200, Body: "null"})
	list, resp, err := s.users(keyAdmin).ListUsers(&users.ListUsersOptions{AccountID: core.StringPtr(s.cloud.AccountID())})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Nil(t, list)
	s.fault(ibmsim.Fault{Service: "containers", Status: 200, Body: "null"})
	_, resp, err = s.containers(keyAdmin).VpcGetClusters(&ks.VpcGetClustersOptions{})
	require.Error(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// Trap 60: the SDK reads an empty created_at as the first of January 1970.
func emptyCreatedAt(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Knobs.NoCreatedAt = true
	s := startAccount(t, a)
	for _, k := range s.accountKeys(keyAdmin, 100) {
		require.True(t, time.Time(*k.CreatedAt).Equal(time.Unix(0, 0)))
	}
}

// A truncated reply is a lost one: the effect is there and the body cannot be read.
func TestTruncatedReply(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "iam-groups", Method: "POST", Truncate: true})
	groups := func() int {
		_, text := s.get("/iam/v2/groups?account_id="+s.cloud.AccountID(), s.token(keyAdmin))
		var body struct{ Groups []any }
		require.NoError(t, json.Unmarshal(text, &body))
		return len(body.Groups)
	}
	before := groups()
	_, _, err := s.createGroup("handover")
	require.Error(t, err)
	require.Equal(t, before+1, groups())
}

// A hanging service answers nobody; the client gives up by itself and nothing has happened.
func TestHang(t *testing.T) {
	s := startSim(t, "small")
	token := s.token(keyAdmin)
	s.fault(ibmsim.Fault{Service: "containers", Hang: true})
	client := &http.Client{Timeout: 100 * time.Millisecond}
	r, err := http.NewRequest(http.MethodGet, s.env["IBMCLOUD_CS_API_ENDPOINT"]+"/v1/regions", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	_, err = client.Do(r)
	require.ErrorContains(t, err, "Timeout exceeded")
}

// Slow replication: the key of this reset needs a minute more, the next one does not.
func TestSlowReplication(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "containers", Method: "POST", Replication: "1m"})
	count := func() int { return len(s.accountKeys(keyAdmin, 100)) }
	before := count()
	for range 2 {
		_, err := s.reset(keyFunctional, "eu-de", "")
		require.NoError(t, err)
	}
	s.clock.Advance(10 * time.Second)
	require.Equal(t, before+1, count())
	s.clock.Advance(time.Minute)
	require.Equal(t, before+2, count())
}

// A refused token: IAM does not know the key for once.
func TestTokenRefusal(t *testing.T) {
	s := startSim(t, "small")
	s.fault(ibmsim.Fault{Service: "iam-token", RefuseToken: true})
	status, body := s.keyGrant(keyAdmin)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "BXNIM0415E", body["errorCode"])
	s.token(keyAdmin)
}

// A fault that would do nothing, or two things at once, is refused, as is a misspelt one.
func TestNonsenseFaultsAreRefused(t *testing.T) {
	s := startSim(t, "small")
	for _, f := range []ibmsim.Fault{{}, {Status: 42}, {Status: 500, Hang: true}, {After: true}, {After: true, Delay: "1s"}, {Delay: "soon"}, {Replication: "later"}} {
		_, err := s.cloud.AddFault(f)
		require.Error(t, err, "%+v", f)
	}
	require.Equal(t, http.StatusBadRequest, s.control("POST", "/faults", `{"stauts":500}`, nil))
	require.Empty(t, s.cloud.Faults())
}

// A schedule depends on its seed alone and arms as a whole.
func TestSchedule(t *testing.T) {
	require.Equal(t, ibmsim.Schedule(7, 50), ibmsim.Schedule(7, 50))
	require.NotEqual(t, ibmsim.Schedule(7, 50), ibmsim.Schedule(8, 50))
	s := startSim(t, "small")
	require.Equal(t, http.StatusCreated, s.control("POST", "/faults/schedule", `{"seed":7,"count":200}`, nil))
	require.Len(t, s.cloud.Faults(), 200)
	require.Equal(t, http.StatusBadRequest, s.control("POST", "/faults/schedule", `{"seed":7}`, nil))
}
