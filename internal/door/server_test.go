package door_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"offboard/internal/door"
)

// server is a door whose every request and answer is held against its own description.
type server struct {
	door    *door.Door
	handler http.Handler
	logs    *observer.ObservedLogs
	router  routers.Router
}

func newServer(t testing.TB, e *engine, change ...func(*door.Config)) *server {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	d := newDoor(t, e, append(change, func(c *door.Config) { c.Logger = zap.New(core) })...)
	return &server{door: d, handler: d.Handler(), logs: logs, router: router(t)}
}

func router(t testing.TB) routers.Router {
	t.Helper()
	r, err := legacy.NewRouter(describe(t), openapi3.DisableExamplesValidation())
	require.NoError(t, err)
	return r
}

func describe(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(door.Document())
	require.NoError(t, err)
	return doc
}

// do sends a request. What was accepted must be what the description asks for, and every answer what it promises.
func (s *server) do(t testing.TB, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		require.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	asked := r.Clone(t.Context()) // the router knows no escaped slashes
	asked.URL.Path, asked.URL.RawPath = r.URL.EscapedPath(), ""
	route, parameters, err := s.router.FindRoute(asked)
	if err != nil {
		assert.GreaterOrEqual(t, w.Code, 404, "%s %s is served and not described", r.Method, r.URL.Path)
		return w
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation()}}
	r.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: options}
	if w.Code < 400 {
		assert.NoError(t, openapi3filter.ValidateRequest(t.Context(), in), "%s %s was accepted and is not as described", r.Method, r.URL.Path)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: options}
	assert.NoError(t, openapi3filter.ValidateResponse(t.Context(), out.SetBodyBytes(w.Body.Bytes())), "the answer %d to %s %s is not as described: %s", w.Code, r.Method, r.URL.Path, w.Body)
	return w
}

func (s *server) get(t testing.TB, path, token string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, authorized(httptest.NewRequest(http.MethodGet, path, nil), token))
}

func (s *server) post(t testing.TB, path, token string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, authorized(httptest.NewRequest(http.MethodPost, path, nil), token))
}

func authorized(r *http.Request, token string) *http.Request {
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// logged finds the lines whose message contains a text.
func (s *server) logged(text string) []observer.LoggedEntry {
	return s.logs.Filter(func(e observer.LoggedEntry) bool { return strings.Contains(e.Message, text) }).All()
}

// lastLine is the last audit line.
func (s *server) lastLine(t testing.TB) map[string]any {
	t.Helper()
	lines := s.logged("answered a request")
	require.NotEmpty(t, lines)
	return lines[len(lines)-1].ContextMap()
}

// request makes one with a JSON body.
func request(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

type ctx = context.Context

func decode(t testing.TB, w *httptest.ResponseRecorder, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), into), w.Body.String())
}

func TestTheDescriptionIsCorrect(t *testing.T) {
	doc := describe(t)
	require.NoError(t, doc.Validate(t.Context()))
	assert.Equal(t, "3.1.0", doc.OpenAPI)
	s := newServer(t, newEngine())
	w := s.get(t, "/openapi.yaml", "")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "application/yaml", w.Header().Get("Content-Type"))
	assert.Equal(t, door.Document(), w.Body.Bytes())
}
