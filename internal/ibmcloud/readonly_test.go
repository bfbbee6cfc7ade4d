package ibmcloud_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
)

// TestNothingThatChangesCanBeSent: below the adapters, nothing but reading gets through.
func TestNothingThatChangesCanBeSent(t *testing.T) {
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer server.Close()
	client := &http.Client{Transport: ibmcloud.ReadOnly(http.DefaultTransport)}
	send := func(method, path string) error {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader("{}"))
		require.NoError(t, err)
		answer, err := client.Do(request)
		if err == nil {
			require.NoError(t, answer.Body.Close())
		}
		return err
	}
	for _, c := range [][2]string{
		{"POST", "/global/v1/keys"}, {"POST", "/v2/accounts/a/users"}, {"DELETE", "/v3/accounts/a/users/b"}, {"PUT", "/v2/groups/g/members"},
		{"PATCH", "/v2/policies/p"}, {"POST", "/v1/apikeys/k/disable"}, {"POST", "/v2/refreshMaster"}, {"POST", "/v2/applyRBACAndGetKubeconfig"},
	} {
		assert.Error(t, send(c[0], c[1]), c)
	}
	assert.Zero(t, reached)
	for _, c := range [][2]string{{"GET", "/v1/apikeys"}, {"POST", "/identity/token"}, {"POST", "/v1/accounts/a/limits/identity"}, {"POST", "/v3/resources/search"}} {
		assert.NoError(t, send(c[0], c[1]), c)
	}
	assert.Equal(t, 4, reached)
}
