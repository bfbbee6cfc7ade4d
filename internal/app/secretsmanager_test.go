package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
)

// secretsManager answers token requests and one secret, as IBM's services do.
func secretsManager(t *testing.T, secret map[string]any, status int) (env map[string]string, reads *atomic.Int32) {
	t.Helper()
	reads = &atomic.Int32{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/token", func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, r.ParseForm())
		assert.Equal(t, engineKey, r.PostForm.Get("apikey"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token": "token-of-engine", "token_type": "Bearer", "expires_in": 3600, "expiration": 4102444800}`)
	})
	mux.HandleFunc("GET /api/v2/secrets/{id}", func(w http.ResponseWriter, r *http.Request) {
		reads.Add(1)
		assert.Equal(t, "Bearer token-of-engine", r.Header.Get("Authorization"))
		assert.Equal(t, "66666666-7777-8888-9999-000000000000", r.PathValue("id"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		assert.NoError(t, json.NewEncoder(w).Encode(secret))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	env = settings()
	env["IBMCLOUD_IAM_API_ENDPOINT"], env["IBMCLOUD_SECRETS_MANAGER_API_ENDPOINT"] = server.URL, server.URL
	return env, reads
}

func TestASecretFromSecretsManager(t *testing.T) {
	env, reads := secretsManager(t, map[string]any{"secret_type": "arbitrary", "payload": "payload-of-the-secret"}, http.StatusOK)
	c, err := app.LoadConfig("testdata/complete.yaml", environment(env))
	require.NoError(t, err)
	for range 3 {
		value, err := c.FunctionalIDs[1].Key.Read(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "payload-of-the-secret", value)
	}
	assert.EqualValues(t, 1, reads.Load(), "a value is remembered for a while")
	assert.Equal(t, "["+app.Redacted+"]", c.Redactor.Text("[payload-of-the-secret]"))
}

func TestSecretsThatCannotServe(t *testing.T) {
	for name, c := range map[string]struct {
		secret map[string]any
		status int
		want   string
	}{
		"a service ID's": {map[string]any{"secret_type": "iam_credentials", "api_key": "hidden-value-1"}, 200, "service ID"},
		"a key-value":    {map[string]any{"secret_type": "kv", "data": map[string]any{"a": "hidden-value-2"}}, 200, "arbitrary secret"},
		"forbidden":      {map[string]any{"errors": []any{map[string]any{"message": "hidden-value-3"}}}, 403, "answered 403"},
		"empty":          {map[string]any{"secret_type": "arbitrary", "payload": ""}, 200, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := secretsManager(t, c.secret, c.status)
			config, err := app.LoadConfig("testdata/complete.yaml", environment(env))
			require.NoError(t, err)
			_, err = config.FunctionalIDs[1].Key.Read(t.Context())
			assert.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "hidden-value")
		})
	}
}
