package door_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

const (
	oldToken = "scim-token-that-is-replaced"
	newToken = "scim-token-that-replaces-it"
)

// withSCIM lets an identity system in, with two tokens and a day of grace.
func withSCIM(c *door.Config) {
	c.SCIM = &door.SCIM{Tokens: []door.Secret{constant(oldToken), constant(newToken)}, Grace: 24 * time.Hour, Approval: offboard.ApprovalNone}
}

func constant(value string) door.Secret {
	return func(context.Context) (string, error) { return value, nil }
}

// scim sends a request of an identity system.
func (s *server) scim(t testing.TB, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, scimRequest(method, target, body, newToken))
}

func scimRequest(method, target, body, token string) *http.Request {
	r := httptest.NewRequest(method, "http://door.acme.example/scim/v2"+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	return authorized(r, token)
}

// scimBody is a body as a vendor sends it.
func scimBody(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("scim", "testdata", "vendors", name+".json"))
	require.NoError(t, err)
	return string(data)
}

// scimUser makes an active user and returns the ID.
func (s *server) scimUser(t testing.TB, body string) string {
	t.Helper()
	w := s.scim(t, http.MethodPost, "/Users", body)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	var u struct{ ID string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &u))
	return u.ID
}

const (
	scimOff = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`
	scimOn  = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"True"}]}`
)

func TestADeactivationIsPlannedAndWaits(t *testing.T) {
	for _, c := range [][2]string{{http.MethodPatch, "okta-oin-deactivate"}, {http.MethodPut, "okta-aiw-deactivate"}, {http.MethodPatch, "entra-disable"}, {http.MethodPatch, "entra-disable-062020"}} {
		t.Run(c[1], func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, withSCIM)
			id := s.scimUser(t, scimBody(t, "okta-create"))
			require.Empty(t, e.requests)
			w := s.scim(t, c[0], "/Users/"+id, scimBody(t, c[1]))
			require.Equal(t, http.StatusOK, w.Code, w.Body)

			require.Len(t, e.requests, 1)
			r := e.requests[0]
			assert.Equal(t, leaver, r.User)
			assert.Equal(t, offboard.ApprovalRequired, r.Approval, "a deactivation can mean a suspension, whatever the source's approval is")
			assert.WithinDuration(t, now().Add(24*time.Hour), r.LastDay, time.Minute)
			assert.Equal(t, hr, r.RequestedBy)
			assert.Contains(t, r.Reason, id)

			line := s.lastLine(t)
			assert.Equal(t, "scim", line["source"])
			assert.Equal(t, leaver, line["user"])
			assert.Equal(t, "requested", line["kind"])
			assert.Equal(t, "started", line["outcome"])
			assert.Equal(t, "offboard/acc/"+leaver, line["run"])
			assert.Len(t, line["events"], 1)
			assert.Equal(t, "/scim/v2/", line["route"])
		})
	}
}

func TestActiveAgainCallsItOff(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withSCIM)
	id := s.scimUser(t, scimBody(t, "okta-create"))
	for range 2 {
		require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	}
	for range 2 {
		require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOn).Code)
	}
	assert.Equal(t, map[string]int{leaver: 1}, e.started())
	assert.Equal(t, []string{"reinstate " + leaver + " by " + hr}, e.messages())

	e.end(leaver)
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	assert.Equal(t, map[string]int{leaver: 2}, e.started(), "a new leaving is a new run")
}

func TestADeletionIsNoSuspension(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withSCIM)
	id := s.scimUser(t, scimBody(t, "okta-create"))
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	day := e.lastDay(leaver)
	require.Equal(t, http.StatusNoContent, s.scim(t, http.MethodDelete, "/Users/"+id, "").Code)
	assert.Equal(t, []string{"reschedule " + leaver + " by " + hr}, e.messages(), "the run that waits for the end of the grace need not wait")
	assert.True(t, e.lastDay(leaver).Before(day))

	other := s.scimUser(t, `{"userName":"other@acme.example"}`)
	require.Equal(t, http.StatusNoContent, s.scim(t, http.MethodDelete, "/Users/"+other, "").Code)
	r := e.requests[1]
	assert.Equal(t, "other@acme.example", r.User)
	assert.Zero(t, r.LastDay)
	assert.Equal(t, offboard.ApprovalNone, r.Approval)
	require.Equal(t, http.StatusNotFound, s.scim(t, http.MethodDelete, "/Users/"+other, "").Code)
}

func TestSCIMTokens(t *testing.T) {
	e := newEngine()
	broken := errors.New("the file is not there")
	s := newServer(t, e, withSCIM)
	for token, want := range map[string]int{oldToken: 200, newToken: 200, "wrong": 401, "": 401, oldToken + " ": 200, oldToken + "x": 401} {
		w := s.do(t, scimRequest(http.MethodGet, "/Users", "", token))
		assert.Equal(t, want, w.Code, token)
		if want == http.StatusUnauthorized {
			assert.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
			assert.Equal(t, "application/scim+json", w.Header().Get("Content-Type"))
			assert.Equal(t, "scim", s.lastLine(t)["source"])
		}
		assert.NotContains(t, fmt.Sprint(s.lastLine(t)), oldToken)
	}
	r := scimRequest(http.MethodGet, "/Users", "", "")
	r.Header.Set("Authorization", "Basic "+oldToken)
	assert.Equal(t, http.StatusUnauthorized, s.do(t, r).Code)

	s = newServer(t, e, func(c *door.Config) {
		c.SCIM = &door.SCIM{Tokens: []door.Secret{func(context.Context) (string, error) { return "", broken }, constant(newToken)}}
	})
	assert.Equal(t, http.StatusOK, s.do(t, scimRequest(http.MethodGet, "/Users", "", newToken)).Code, "one token that can be read is enough")
	w := s.do(t, scimRequest(http.MethodGet, "/Users", "", oldToken))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, "nobody is told to be wrong while that cannot be known")

	s = newServer(t, e, func(c *door.Config) { c.SCIM = &door.SCIM{Tokens: []door.Secret{constant("")}} })
	assert.Equal(t, http.StatusUnauthorized, s.do(t, scimRequest(http.MethodGet, "/Users", "", "")).Code, "an empty token lets nobody in")

	s = newServer(t, e)
	none := httptest.NewRecorder()
	s.handler.ServeHTTP(none, scimRequest(http.MethodGet, "/Users", "", newToken))
	assert.Equal(t, http.StatusNotFound, none.Code, "without SCIM in the configuration there is none")
}

func TestSCIMIsBoundedInItsRate(t *testing.T) {
	s := newServer(t, newEngine(), withSCIM, func(c *door.Config) { c.Rate = door.Rate{PerSecond: 1, Burst: 2} })
	var last *httptest.ResponseRecorder
	for range 5 {
		last = s.scim(t, http.MethodGet, "/Users", "")
	}
	assert.Equal(t, http.StatusTooManyRequests, last.Code)
	assert.NotEmpty(t, last.Header().Get("Retry-After"))
	assert.Equal(t, "application/scim+json", last.Header().Get("Content-Type"))
}

func TestSCIMHearsWhyARunRefuses(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withSCIM)
	id := s.scimUser(t, scimBody(t, "okta-create"))
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	e.refusal = "a key is deleted already: this run only goes forward"
	w := s.scim(t, http.MethodPatch, "/Users/"+id, scimOn)
	require.Equal(t, http.StatusConflict, w.Code)
	assert.Contains(t, w.Body.String(), e.refusal)
	assert.Equal(t, "refused", s.lastLine(t)["outcome"])
	assert.Contains(t, s.scim(t, http.MethodGet, "/Users/"+id, "").Body.String(), `"active":false`)
	e.refusal = ""
	e.end(leaver)
	require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOn).Code, "once the run has ended there is nothing to call off")
}

func TestTheBrakeHoldsABrokenSynchronisation(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withSCIM, func(c *door.Config) { c.Brake = door.Brake{Starts: 3, Window: time.Hour} })
	ids := make([]string, 8)
	for i := range ids {
		ids[i] = s.scimUser(t, fmt.Sprintf(`{"userName":"user-%d@acme.example"}`, i))
	}
	for _, id := range ids {
		require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOff).Code)
	}
	assert.Len(t, e.requests, 3)
	assert.Equal(t, "held", s.lastLine(t)["outcome"])
	for _, id := range ids {
		require.Equal(t, http.StatusOK, s.scim(t, http.MethodPatch, "/Users/"+id, scimOn).Code)
	}
	assert.Len(t, e.messages(), 3)
	assert.Len(t, e.requests, 3)
}

// Many at once, twice each and with a store that writes through to the disk: each person once.
func TestSCIMManyAtOnce(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withSCIM, func(c *door.Config) { c.Brake = door.Brake{Starts: 1000, Window: time.Hour} })
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = s.scimUser(t, fmt.Sprintf(`{"userName":"user-%d@acme.example"}`, i))
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, scimRequest(http.MethodPatch, "/Users/"+ids[i%20], scimOff, newToken))
			assert.Equal(t, http.StatusOK, w.Code, w.Body)
		})
	}
	all.Wait()
	assert.Len(t, e.started(), 20)
	assert.Len(t, e.requests, 20)
}

// Everything that is described for SCIM is asked for once; server.do holds the answers against the description.
func TestSCIMIsAsDescribed(t *testing.T) {
	s := newServer(t, newEngine(), withSCIM)
	id := s.scimUser(t, scimBody(t, "entra-create-nulls"))
	for request, want := range map[string]int{
		"GET /Users": 200,
		"GET /Users?filter=active+eq+true&count=1&startIndex=1&attributes=userName": 200,
		"GET /Users?filter=x":                                     400,
		"POST /Users " + scimBody(t, "okta-create"):               409,
		"POST /Users {}":                                          400,
		"GET /Users/" + id:                                        200,
		"GET /Users/" + id + "?attributes=id":                     200,
		"GET /Users/nobody":                                       404,
		"PATCH /Users/" + id + " " + scimBody(t, "entra-manager"): 200,
		"PATCH /Users/" + id + ` {"Operations":[{"op":"x"}]}`:     400,
		"POST /.search {}":                                        200,
		`POST /Users/.search {"filter":"id pr"}`:                  200,
		"GET /Groups":                                             200,
		"POST /Groups {}":                                         501,
		"GET /Me":                                                 501,
		"GET /ServiceProviderConfig":                              200,
		"GET /Schemas":                                            200,
		"GET /Schemas/urn:ietf:params:scim:schemas:core:2.0:User": 200,
		"GET /Schemas/urn:nothing":                                404,
		"GET /ResourceTypes":                                      200,
		"GET /ResourceTypes/User":                                 200,
		"GET /ResourceTypes?filter=x":                             403,
	} {
		method, rest, _ := strings.Cut(request, " ")
		target, body, _ := strings.Cut(rest, " ")
		assert.Equal(t, want, s.scim(t, method, target, body).Code, request)
	}
	large := s.scim(t, http.MethodPost, "/Users", `{"userName":"`+strings.Repeat("x", 300<<10)+`"}`)
	assert.Equal(t, http.StatusRequestEntityTooLarge, large.Code)
	wrong := scimRequest(http.MethodPost, "/Users", "{}", newToken)
	wrong.Header.Set("Content-Type", "text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, s.do(t, wrong).Code)
	stale := scimRequest(http.MethodPut, "/Users/"+id, scimBody(t, "okta-aiw-deactivate"), newToken)
	stale.Header.Set("If-Match", `W/"99"`)
	assert.Equal(t, http.StatusPreconditionFailed, s.do(t, stale).Code)
	known := scimRequest(http.MethodGet, "/Users/"+id, "", newToken)
	known.Header.Set("If-None-Match", "*")
	assert.Equal(t, http.StatusNotModified, s.do(t, known).Code)
	assert.Equal(t, http.StatusNoContent, s.scim(t, http.MethodDelete, "/Users/"+id, "").Code)
}

// Names longer than a key of the store can be.
func TestSCIMLongNames(t *testing.T) {
	s := newServer(t, newEngine(), withSCIM)
	long := strings.Repeat("x", 60_000)
	id := s.scimUser(t, `{"userName":"`+long+`","externalId":"`+long+`"}`)
	assert.Equal(t, http.StatusConflict, s.scim(t, http.MethodPost, "/Users", `{"userName":"`+strings.ToUpper(long)+`"}`).Code)
	assert.Contains(t, s.scim(t, http.MethodPost, "/.search", `{"filter":"userName sw \"xxx\" and active eq true"}`).Body.String(), id)
}
