package scim

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntityTags(t *testing.T) {
	s := newService(t)
	created := s.do("POST", "/Users", vendor(t, "okta-create"))
	id := textOf(created.body["id"])
	first := created.Header().Get("ETag")
	require.Equal(t, `W/"1"`, first)
	require.Equal(t, first, at(created.body, "meta", "version"))

	got := s.do("GET", "/Users/"+id, "", "If-None-Match", first)
	require.Equal(t, http.StatusNotModified, got.Code)
	require.Equal(t, first, got.Header().Get("ETag"))

	body := patchOf(`{"op":"replace","path":"title","value":"Boss"}`)
	second := s.do("PATCH", "/Users/"+id, body, "If-Match", first)
	require.Equal(t, http.StatusOK, second.Code)
	require.Equal(t, `W/"2"`, second.Header().Get("ETag"))
	require.Equal(t, at(created.body, "meta", "created"), at(second.body, "meta", "created"))

	again := s.do("PATCH", "/Users/"+id, body)
	require.Equal(t, second.body, again.body, "what changes nothing makes no version")

	for _, verb := range []string{"PATCH", "PUT", "DELETE"} {
		send := map[string]string{"PATCH": vendor(t, "entra-disable"), "PUT": vendor(t, "okta-aiw-deactivate")}[verb]
		got := s.do(verb, "/Users/"+id, send, "If-Match", first)
		require.Equal(t, http.StatusPreconditionFailed, got.Code, verb)
		require.Contains(t, got.body["detail"], `W/"2"`)
		require.Equal(t, http.StatusPreconditionFailed, s.do(verb, "/Users/"+id, send, "If-None-Match", "*").Code)
	}
	require.Empty(t, s.engine.heard())
	for _, tags := range []string{`W/"2"`, `"2"`, `*`, `W/"1", W/"2"`} {
		require.Equal(t, http.StatusOK, s.do("PATCH", "/Users/"+id, body, "If-Match", tags).Code, tags)
	}
	require.Equal(t, http.StatusOK, s.do("GET", "/Users/"+id, "", "If-None-Match", first).Code)
	require.Equal(t, http.StatusNotFound, s.do("PATCH", "/Users/nobody", body, "If-Match", "*").Code)
}

func TestNamesAreUnique(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	other := s.create(`{"userName":"other@acme.example","externalId":"00ujl29u0le5T6Aj10h7"}`)
	for _, c := range [][3]string{
		{"POST", "/Users", `{"userName":"LEAVER@acme.example"}`},
		{"PUT", "/Users/" + other, `{"userName":"Leaver@acme.example","active":false}`},
		{"PATCH", "/Users/" + other, patchOf(`{"op":"replace","value":{"userName":"leaver@ACME.example","active":false}}`)},
	} {
		got := s.do(c[0], c[1], c[2])
		require.Equal(t, http.StatusConflict, got.Code, c[0])
		require.Equal(t, uniqueness, got.body["scimType"])
		require.Contains(t, got.body["detail"], id)
	}
	require.Empty(t, s.engine.heard(), "nobody is told of a change that cannot be made")
	require.Equal(t, http.StatusOK, s.do("PUT", "/Users/"+id, `{"userName":"LEAVER@acme.example","active":true}`).Code, "one's own name in another case")
	require.Equal(t, http.StatusNoContent, s.do("DELETE", "/Users/"+id, "").Code)
	require.NotEqual(t, id, s.leaver(), "somebody new of the same name")
}

func TestAnswersToWhatIsNotDone(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	group := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Test SCIMv2","members":[]}`
	for request, want := range map[string]int{
		"GET /Me":                          501,
		"PATCH /Me":                        501,
		"POST /Bulk":                       501,
		"POST /Groups " + group:            501,
		"PATCH /Groups/1 " + patchOf(`{}`): 501,
		"DELETE /Groups/1":                 501,
		"GET /Groups/1":                    404,
		"GET /Groups":                      200,
		"GET /Users/nobody":                404,
		"PUT /Users/nobody " + `{"userName":"x"}`:                          404,
		"PATCH /Users/nobody " + patchOf(`{"op":"remove","path":"title"}`): 404,
		"DELETE /Users/nobody":                                             404,
		"GET /":                                                            404,
		"GET /Nothing":                                                     404,
		"GET /Users/" + id + "/more":                                       404,
		"GET /Users/" + id + "/":                                           200,
		"GET /Users/":                                                      200,
		"HEAD /Users/" + id:                                                200,
		"PUT /Users {}":                                                    405,
		"POST /Users/" + id + " {}":                                        405,
		"GET /.search":                                                     405,
		"DELETE /Schemas":                                                  405,
		"OPTIONS /Users":                                                   405,
		"POST /ServiceProviderConfig {}":                                   405,
		"GET /Schemas/urn:nothing":                                         404,
		"GET /ResourceTypes/Group":                                         404,
		"GET /Schemas?filter=id+pr":                                        403,
		"POST /Users":                                                      400,
		"POST /Users []":                                                   400,
		"POST /Users {\"userName\":":                                       400,
	} {
		verb, rest, _ := strings.Cut(request, " ")
		target, body, _ := strings.Cut(rest, " ")
		got := s.do(verb, target, body)
		require.Equal(t, want, got.Code, request)
		if want == 405 {
			require.NotEmpty(t, got.Header().Get("Allow"), request)
			require.NotContains(t, got.Header().Get("Allow"), verb)
		}
	}
	require.Empty(t, s.engine.heard())
}

func TestBodies(t *testing.T) {
	s := newService(t)
	for kind, want := range map[string]int{
		"application/scim+json":                201,
		"application/scim+json; charset=utf-8": 201,
		"APPLICATION/JSON;charset=UTF-8":       201,
		"application/json":                     201,
		"text/plain":                           415,
		"application/x-www-form-urlencoded":    415,
		"application/merge-patch+json":         415,
		"nonsense; ;":                          415,
	} {
		got := s.do("POST", "/Users", fmt.Sprintf(`{"userName":%q}`, kind), "Content-Type", kind)
		require.Equal(t, want, got.Code, kind)
	}
	r := request(t.Context(), "POST", "/Users", `{"userName":"no type"}`)
	r.Header.Del("Content-Type")
	require.Equal(t, http.StatusCreated, s.serve(r).Code)

	got := s.do("POST", "/Users", `{"userName":"large","title":"`+strings.Repeat("x", largestBody)+`"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.Code)
	got = s.do("PATCH", "/Users/x", patchOf(strings.TrimSuffix(strings.Repeat(`{"op":"remove","path":"x"},`, mostOperations+1), ",")))
	require.Equal(t, http.StatusNotFound, got.Code, "a user that is not there is said first")
	id := s.leaver()
	got = s.do("PATCH", "/Users/"+id, patchOf(strings.TrimSuffix(strings.Repeat(`{"op":"remove","path":"x"},`, mostOperations+1), ",")))
	require.Equal(t, http.StatusBadRequest, got.Code)
	require.Equal(t, tooMany, got.body["scimType"])
}

func TestNobodyElseGetsIn(t *testing.T) {
	s := newService(t)
	for _, target := range []string{"/Users", "/Schemas", "/ServiceProviderConfig", "/Nothing"} {
		got := s.do("GET", target, "", "Authorization", "Bearer wrong")
		require.Equal(t, http.StatusUnauthorized, got.Code)
		require.Equal(t, "Bearer", got.Header().Get("WWW-Authenticate"))
	}
	s.config.Allow = func(*http.Request) error { return &Later{Why: "the tokens cannot be read now"} }
	got := s.do("GET", "/Users", "")
	require.Equal(t, http.StatusServiceUnavailable, got.Code)
	require.Equal(t, "1", got.Header().Get("Retry-After"))
}

func TestLinksLeadBack(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	location := func(change func(*http.Request)) any {
		r := request(t.Context(), "GET", "/Users/"+id, "")
		change(r)
		return at(s.serve(r).body, "meta", "location")
	}
	require.Equal(t, "http://door.acme.example/scim/v2/Users/"+id, location(func(*http.Request) {}))
	require.Equal(t, "https://door.acme.example/scim/v2/Users/"+id, location(func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }))
	require.Equal(t, "https://door.acme.example/scim/v2/Users/"+id, location(func(r *http.Request) { r.TLS = &tls.ConnectionState{} }))
}

func TestAPathOfSomebodyElse(t *testing.T) {
	s := newService(t)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://door.acme.example/elsewhere", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	require.Equal(t, http.StatusNotFound, s.serve(r).Code)
}
