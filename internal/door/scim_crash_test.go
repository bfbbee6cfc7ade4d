package door_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

func TestSCIMWhileTheEngineIsAway(t *testing.T) {
	for method, body := range map[string]string{http.MethodPatch: scimOff, http.MethodPut: scimBody(t, "okta-aiw-deactivate"), http.MethodDelete: ""} {
		t.Run(method, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, withSCIM)
			id := s.scimUser(t, scimBody(t, "okta-create"))
			before := s.scim(t, http.MethodGet, "/Users/"+id, "")
			e.setAway(&door.Away{After: 7 * time.Second, Why: "the engine does not answer", Cause: errDown})
			w := s.scim(t, method, "/Users/"+id, body)
			require.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, "7", w.Header().Get("Retry-After"))
			assert.Contains(t, w.Body.String(), "urn:ietf:params:scim:api:messages:2.0:Error")
			assert.NotContains(t, w.Body.String(), errDown.Error(), "what went wrong inside is for the log")
			assert.Contains(t, s.lastLine(t)["error"], errDown.Error())
			assert.Equal(t, before.Body.String(), s.scim(t, http.MethodGet, "/Users/"+id, "").Body.String(), "nothing is committed")

			e.setAway(nil)
			require.Less(t, s.scim(t, method, "/Users/"+id, body).Code, 300)
			assert.Equal(t, map[string]int{leaver: 1}, e.started())
		})
	}
}

// The engine accepts and the process ends: the store is closed at that moment, so nothing that follows is written.
func TestSCIMCrashesBetweenTheEngineAndTheStore(t *testing.T) {
	for method, body := range map[string]string{http.MethodPatch: scimOff, http.MethodDelete: ""} {
		t.Run(method, func(t *testing.T) {
			e := newEngine()
			path := filepath.Join(t.TempDir(), "door.db")
			store, err := door.OpenStore(path)
			require.NoError(t, err)
			s := newServer(t, e, withSCIM, func(c *door.Config) { c.Store = store })
			id := s.scimUser(t, scimBody(t, "okta-create"))
			e.reached = func() { require.NoError(t, store.Close()) }
			w := s.scim(t, method, "/Users/"+id, body)
			require.Equal(t, http.StatusServiceUnavailable, w.Code, "the sender must come again")
			require.NotEmpty(t, w.Header().Get("Retry-After"))
			e.reached = nil

			s = newServer(t, e, withSCIM, func(c *door.Config) { c.Store = openStore(t, path) })
			w = s.scim(t, http.MethodGet, "/Users/"+id, "")
			require.Equal(t, http.StatusOK, w.Code)
			assert.Contains(t, w.Body.String(), `"active":true`)
			require.Less(t, s.scim(t, method, "/Users/"+id, body).Code, 300)
			assert.Equal(t, map[string]int{leaver: 1}, e.started())
		})
	}
}

// The same, and before the sender comes again somebody changes their mind.
func TestSCIMCallsOffWhatACrashHid(t *testing.T) {
	e := newEngine()
	path := filepath.Join(t.TempDir(), "door.db")
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	s := newServer(t, e, withSCIM, func(c *door.Config) { c.Store = store })
	id := s.scimUser(t, scimBody(t, "okta-create"))
	e.reached = func() { require.NoError(t, store.Close()) }
	require.Equal(t, http.StatusServiceUnavailable, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	e.reached = nil

	s = newServer(t, e, withSCIM, func(c *door.Config) { c.Store = openStore(t, path) })
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOn).Code)
	assert.Equal(t, []string{"reinstate " + leaver + " by " + hr}, e.messages())
}

func TestSCIMUsersSurviveARestart(t *testing.T) {
	e := newEngine()
	path := filepath.Join(t.TempDir(), "door.db")
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	s := newServer(t, e, withSCIM, func(c *door.Config) { c.Store = store })
	id := s.scimUser(t, scimBody(t, "entra-create"))
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimBody(t, "entra-update")).Code)
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	before := s.scim(t, http.MethodGet, "/Users", "").Body.String()
	require.NoError(t, store.Close())

	s = newServer(t, e, withSCIM, func(c *door.Config) { c.Store = openStore(t, path) })
	assert.Equal(t, before, s.scim(t, http.MethodGet, "/Users", "").Body.String())
	for _, filter := range []string{`externalId+eq+%22Eqpj%22`, `userName+eq+%22TEST_USER_00aa00aa-bb11-cc22-dd33-44ee44ee44ee%22`, `emails%5Btype+eq+%22work%22%5D.value+co+%22bcwqnm%22`} {
		assert.Contains(t, s.scim(t, http.MethodGet, "/Users?filter="+filter, "").Body.String(), id, filter)
	}
	assert.NotContains(t, s.scim(t, http.MethodGet, "/Users?filter=externalId+eq+%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22", "").Body.String(), id, "an index forgets what a user was called")
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOn).Code)
	assert.Len(t, e.requests, 1)
	assert.Len(t, e.messages(), 1, "what was said before the restart is known after it")
}
