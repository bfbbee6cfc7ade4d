package ibmsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

func (s *sim) control(method, path, body string, into any) int {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+"/sim"+path, bytes.NewBufferString(body))
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	if into != nil {
		require.NoError(s.t, json.Unmarshal(text, into), string(text))
	}
	return resp.StatusCode
}

// Trap 3: the effect happens, the reply is lost.
func lostReply(t *testing.T) {
	s := startSim(t, "small")
	_, err := s.cloud.AddFault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", DropAfter: true})
	require.NoError(t, err)
	_, err = s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.Error(t, err)
	require.Equal(t, "clusters-1@acme.example", s.scope("eu-de").Owner)
	_, err = s.cloud.AddFault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", DropBefore: true})
	require.NoError(t, err)
	keys := len(s.cloud.State().Keys)
	_, err = s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.Error(t, err)
	require.Len(t, s.cloud.State().Keys, keys)
}

func TestFaultsAnswerAsTold(t *testing.T) {
	s := startSim(t, "small")
	token := s.token(keyAdmin)
	get := func() (*http.Response, string) {
		r, err := http.NewRequest(http.MethodGet, s.env["IBMCLOUD_IAM_API_ENDPOINT"]+"/v1/apikeys", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(text)
	}
	require.Equal(t, http.StatusCreated, s.control("POST", "/faults", `{"service":"iam-identity","status":429,"retryAfter":"7","nth":2,"caller":"offboard-admin@acme.example"}`, nil))
	resp, _ := get()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	resp, text := get()
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.Equal(t, "7", resp.Header.Get("Retry-After"))
	require.Contains(t, text, "errorCode")
	resp, _ = get()
	require.Equal(t, http.StatusOK, resp.StatusCode, "only once")
	require.NotEmpty(t, resp.Header.Get("Transaction-Id"))

	require.Equal(t, http.StatusNoContent, s.control("DELETE", "/faults", "", nil))
	require.Equal(t, http.StatusCreated, s.control("POST", "/faults", `{"path":"apikeys","nonJSON":true}`, nil))
	resp, text = get()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/html", resp.Header.Get("Content-Type"))
	require.Contains(t, text, "<html>")
	require.Equal(t, http.StatusBadRequest, s.control("POST", "/faults", `{"path":"("}`, nil))
}

func TestControl(t *testing.T) {
	s := startSim(t, "small")
	var outages []ibmsim.Outage
	require.Equal(t, http.StatusOK, s.control("GET", "/outages", "", &outages))
	require.NotNil(t, outages)
	require.Empty(t, outages)
	var now struct{ Now time.Time }
	require.Equal(t, http.StatusOK, s.control("POST", "/clock", `{"advance":"10m"}`, &now))
	require.Equal(t, s.at(10*time.Minute), now.Now)

	for _, bad := range []string{`{"advance":"-1m"}`, `{"advance":"106752d"}`, `{"advance":""}`, `[`} {
		require.Equal(t, http.StatusBadRequest, s.control("POST", "/clock", bad, nil), bad)
	}
	require.Equal(t, s.at(10*time.Minute), s.clock.Now())

	s.token(keyAdmin)
	var counts []ibmsim.RequestCount
	require.Equal(t, http.StatusOK, s.control("GET", "/requests", "", &counts))
	require.Equal(t, []ibmsim.RequestCount{{Service: "iam-token", Method: "POST", Route: "/identity/token", Count: 1, Callers: map[string]int{"": 1}}}, counts)

	var state ibmsim.State
	require.Equal(t, http.StatusOK, s.control("GET", "/state", "", &state))
	require.Len(t, state.Clusters, 2)
	text, err := os.ReadFile(filepath.Join("accounts", "traps.yaml"))
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, s.control("PUT", "/state", string(text), nil))
	require.Equal(t, http.StatusUnprocessableEntity, s.control("PUT", "/state", "name: nothing else", nil))
	require.Len(t, s.cloud.State().Clusters, 6)
	require.Equal(t, http.StatusNotFound, s.control("POST", "/invitations/clusters-1@acme.example/accept", "", nil))
}

// The clock ends where times can no longer be written as JSON.
func TestClockEnds(t *testing.T) {
	s := startSim(t, "empty")
	code := http.StatusOK
	for n := 0; n < 40 && code == http.StatusOK; n++ {
		code = s.control("POST", "/clock", `{"advance":"106000d"}`, nil)
	}
	require.Equal(t, http.StatusBadRequest, code)
	var state ibmsim.State
	require.Equal(t, http.StatusOK, s.control("GET", "/state", "", &state))
	require.Equal(t, s.clock.Now(), state.Now)
}

func TestUnknownOperationsAreLoud(t *testing.T) {
	c := ibmsim.New(ibmsim.Generate(2, 2, 4, 20, 1), ibmsim.Options{})
	s := &sim{t: t, cloud: c}
	srv := newServer(t, c)
	s.url = srv
	resp, err := http.Get(srv + "/iam/v1/nonsense")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusNotImplemented, resp.StatusCode)
	var unknown []ibmsim.RequestCount
	s.control("GET", "/unknown", "", &unknown)
	require.Equal(t, "/iam/v1/nonsense", unknown[0].Route)
	require.Equal(t, http.StatusConflict, s.control("POST", "/clock", `{"advance":"1s"}`, nil), "this one runs on real time")
}

// 200 requests in ten seconds from one address, then 429 until the window is over.
func TestRateLimit(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Knobs.RateLimit = 200
	s := startAccount(t, a)
	token := s.token(keyAdmin)
	status := func() int {
		r, err := http.NewRequest(http.MethodGet, s.env["IBMCLOUD_CS_API_ENDPOINT"]+"/v1/regions", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		code, _ := s.do(r)
		return code
	}
	for range 200 {
		require.Equal(t, http.StatusOK, status())
	}
	require.Equal(t, http.StatusTooManyRequests, status())
	s.clock.Advance(10 * time.Second)
	require.Equal(t, http.StatusOK, status())
}
