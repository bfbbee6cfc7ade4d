package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

const token = "token-of-the-identity-system"

// disk is a store that keeps users as JSON, as a file does.
type disk struct {
	mu    sync.Mutex
	users map[string][]byte
	fail  func(verb string, u User) error // nil: never
}

func newDisk() *disk { return &disk{users: map[string][]byte{}} }

func (d *disk) User(_ context.Context, id string) (User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read(id)
}

func (d *disk) read(id string) (u User, err error) {
	data, ok := d.users[id]
	if !ok {
		return User{}, ErrNoUser
	}
	return u, json.Unmarshal(data, &u)
}

func (d *disk) Lookup(_ context.Context, by Index, value string) (found []User, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(d.users)) {
		u, err := d.read(id)
		if err != nil {
			return nil, err
		}
		if by == ByName && nameKey(u.Name()) == nameKey(value) || by == ByExternalID && u.ExternalID() == value {
			found = append(found, u)
		}
	}
	return found, nil
}

func (d *disk) Users(context.Context) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		d.mu.Lock()
		ids := slices.Sorted(maps.Keys(d.users))
		d.mu.Unlock()
		for _, id := range ids {
			if u, err := d.User(context.Background(), id); !errors.Is(err, ErrNoUser) && !yield(u, err) {
				return
			}
		}
	}
}

func (d *disk) Save(ctx context.Context, u User) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail("save", u); err != nil {
			return err
		}
	}
	data, err := json.Marshal(u)
	d.users[u.ID] = data
	return errors.Join(err, ctx.Err())
}

func (d *disk) Remove(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail("remove", User{ID: id}); err != nil {
			return err
		}
	}
	delete(d.users, id)
	return ctx.Err()
}

// engine hears of changes, each once however often it is told.
type engine struct {
	mu      sync.Mutex
	changes []Change
	calls   int
	fail    func(Change) error // nil: never; asked before the change is taken
	lose    func(Change) error // nil: never; asked after it was taken: the reply is lost
}

func (e *engine) apply(_ context.Context, c Change) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if e.fail != nil {
		if err := e.fail(c); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(e.changes, func(o Change) bool { return o.ID == c.ID }) {
		e.changes = append(e.changes, c)
	}
	if e.lose != nil {
		return e.lose(c)
	}
	return nil
}

// heard is what was heard, in a form to compare: "deactivated leaver@acme.example".
func (e *engine) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := []string{}
	for _, c := range e.changes {
		list = append(list, string(c.Kind)+" "+c.Person)
	}
	return list
}

// tester is what tests, fuzz tests and properties have in common.
type tester interface {
	Context() context.Context
	Errorf(format string, args ...any)
	FailNow()
	Fatalf(format string, args ...any)
	Helper()
}

// service is a handler with what it stands on.
type service struct {
	t      tester
	disk   *disk
	engine *engine
	*Handler
}

func newService(t tester) *service {
	s := &service{t: t, disk: newDisk(), engine: &engine{}}
	s.restart()
	return s
}

// restart is what a new process begins with: the same disk and nothing else.
func (s *service) restart() {
	s.Handler = New(Config{Store: s.disk, Apply: s.engine.apply, Allow: func(r *http.Request) error {
		if r.Header.Get("Authorization") == "Bearer "+token {
			return nil
		}
		return &Rejected{Status: http.StatusUnauthorized, Why: "a bearer token is needed", Header: http.Header{"Www-Authenticate": {"Bearer"}}}
	}})
}

// reply is an answer.
type reply struct {
	*httptest.ResponseRecorder
	body map[string]any
}

// do sends a request with the token. Headers are pairs.
func (s *service) do(method, target, body string, headers ...string) reply {
	s.t.Helper()
	r := request(s.t.Context(), method, target, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.serve(r)
}

func request(ctx context.Context, method, target, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, "http://door.acme.example"+Path+target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	return r
}

// serve holds every answer against what holds for all: the media type, no nulls, errors in SCIM's form.
func (s *service) serve(r *http.Request) reply {
	s.t.Helper()
	got := reply{ResponseRecorder: httptest.NewRecorder()}
	s.ServeHTTP(got, r)
	if got.Body.Len() == 0 {
		require.Contains(s.t, []int{204, 304}, got.Code, "an answer without a body")
		return got
	}
	require.Equal(s.t, "application/scim+json", got.Header().Get("Content-Type"))
	require.NoError(s.t, json.Unmarshal(got.Body.Bytes(), &got.body), got.Body.String())
	require.Empty(s.t, nulls("", got.body), "an answer must hold no nulls: %s", got.Body)
	if got.Code >= 400 {
		require.Equal(s.t, []any{errorSchema}, got.body["schemas"])
		require.Equal(s.t, http.StatusText(got.Code), http.StatusText(atoi(got.body["status"])), "the status is text: %s", got.Body)
		require.NotEmpty(s.t, got.body["detail"])
	}
	return got
}

func atoi(v any) int {
	n := 0
	for _, c := range textOf(v) {
		n = n*10 + int(c-'0')
	}
	return n
}

func nulls(where string, v any) (found []string) {
	switch v := v.(type) {
	case nil:
		return []string{where}
	case map[string]any:
		for key, e := range v {
			found = append(found, nulls(where+"."+key, e)...)
		}
	case []any:
		for _, e := range v {
			found = append(found, nulls(where+"[]", e)...)
		}
	}
	return found
}

// create makes a user and returns its ID.
func (s *service) create(body string) string {
	s.t.Helper()
	got := s.do("POST", "/Users", body)
	require.Equal(s.t, http.StatusCreated, got.Code, got.Body.String())
	return textOf(got.body["id"])
}

// leaver makes an active user whose userName is leaver@acme.example.
func (s *service) leaver() string {
	s.t.Helper()
	return s.create(vendor(s.t, "okta-create"))
}

// patch sends operations, which must succeed.
func (s *service) patched(id, operations string) map[string]any {
	s.t.Helper()
	got := s.do("PATCH", "/Users/"+id, patchOf(operations))
	require.Equal(s.t, http.StatusOK, got.Code, got.Body.String())
	return got.body
}

func patchOf(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}

// vendor is a body as a vendor sends it.
func vendor(t tester, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "vendors", name+".json"))
	require.NoError(t, err)
	return string(bytes.TrimSuffix(data, []byte("\n")))
}

// at reads a value by its keys.
func at(v any, keys ...string) any {
	for _, key := range keys {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func away(Change) error {
	return &Later{After: 1500 * time.Millisecond, Why: "the engine does not answer"}
}
