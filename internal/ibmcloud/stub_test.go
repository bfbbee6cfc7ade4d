package ibmcloud_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/offboard"
)

const (
	account = "aaaa1111bbbb2222cccc3333dddd4444"
	group   = "0123456789abcdef0123456789abcdef"
	fid     = "clusters-1@acme.example"
	canary  = "CANARY-secret"
)

var scope = offboard.Scope{Region: "eu-de", ResourceGroup: group, ResourceGroupName: "prod"}

// stub is a service that answers what a test wants and gives every key the token of its own name.
type stub struct {
	mu     sync.Mutex
	calls  []*http.Request
	tokens []string // the API keys that asked for a token
	token  http.HandlerFunc
	server *httptest.Server
}

func newStub(t *testing.T, answer http.HandlerFunc) *stub {
	t.Helper()
	s := &stub{}
	s.token = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-of-%s","expires_in":3600}`, r.PostFormValue("apikey"))
	}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/identity/token" {
			s.mu.Lock()
			s.tokens = append(s.tokens, r.PostFormValue("apikey"))
			token := s.token
			s.mu.Unlock()
			token(w, r)
			return
		}
		s.mu.Lock()
		s.calls = append(s.calls, r)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.server.Close)
	return s
}

func (s *stub) cloud(t *testing.T, change ...func(*ibmcloud.Config)) *ibmcloud.Cloud {
	t.Helper()
	u := s.server.URL
	c := ibmcloud.Config{
		Account:       account,
		APIKey:        fixed("engine-" + canary),
		FunctionalIDs: []ibmcloud.FunctionalID{{Email: fid, APIKey: fixed("fid-" + canary)}},
		Endpoints:     ibmcloud.Endpoints{IAM: u, UserManagement: u, ResourceManagement: u, GlobalSearch: u, Containers: u, Accounts: u},
	}
	for _, f := range change {
		f(&c)
	}
	cloud, err := ibmcloud.New(c)
	require.NoError(t, err)
	return cloud
}

// sent are the requests so far, without those for tokens.
func (s *stub) sent() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// asked are the API keys that asked for a token so far.
func (s *stub) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens)
}

func fixed(key string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return key, nil }
}

// says answers everything with one status and JSON body.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}
