package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reply is what a receiver answers.
type reply struct {
	status int
	after  string // Retry-After
	body   string
	place  string // Location
	cut    bool   // the connection is closed instead
}

// posted is what a receiver got.
type posted struct {
	header http.Header
	body   []byte
}

// receiver is a real HTTP server that answers by a script; after its end it repeats the last answer.
type receiver struct {
	server *httptest.Server
	answer func() reply // replaces the script

	mu      sync.Mutex
	replies []reply
	got     []posted
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.serve(t, w, q) }))
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) url() string { return r.server.URL + "/hooks/T0/B0/canary-of-the-url" }

func (r *receiver) script(replies ...reply) { r.replies = replies }

func (r *receiver) serve(t *testing.T, w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	assert.NoError(t, err)
	assert.Equal(t, http.MethodPost, q.Method)
	r.mu.Lock()
	r.got = append(r.got, posted{header: q.Header.Clone(), body: body})
	next := reply{status: http.StatusOK}
	if n := len(r.replies); n > 0 {
		next = r.replies[min(len(r.got), n)-1]
	}
	r.mu.Unlock()
	if r.answer != nil {
		next = r.answer()
	}
	if next.cut {
		panic(http.ErrAbortHandler)
	}
	if next.after != "" {
		w.Header().Set("Retry-After", next.after)
	}
	if next.place != "" {
		w.Header().Set("Location", next.place)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func (r *receiver) request(i int) posted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[i]
}

// json is the value at a path of the body.
func (p posted) json(t *testing.T, path ...any) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(p.body, &v))
	for _, step := range path {
		switch s := step.(type) {
		case string:
			v = v.(map[string]any)[s]
		case int:
			v = v.([]any)[s]
		}
	}
	return v
}

// pretty is the body with one field a line.
func (p posted) pretty(t *testing.T) string {
	t.Helper()
	var v json.RawMessage = p.body
	data, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	return string(data) + "\n"
}
