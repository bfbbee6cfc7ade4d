package scim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// together sends the same number of requests at once from each worker and returns how often each status came.
func together(s *service, workers int, make func(worker int) (method, target, body string)) map[int]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	count := map[int]int{}
	for i := range workers {
		all.Go(func() {
			method, target, body := make(i)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, request(s.t.Context(), method, target, body))
			mu.Lock()
			defer mu.Unlock()
			count[w.Code]++
		})
	}
	all.Wait()
	return count
}

func TestOneOfManyCreatesTheUser(t *testing.T) {
	s := newService(t)
	count := together(s, 50, func(int) (string, string, string) { return "POST", "/Users", vendor(t, "okta-create") })
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 49}, count)
	require.Len(t, s.disk.users, 1)
}

func TestOneOfManyRenamesToTheName(t *testing.T) {
	s := newService(t)
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = s.create(fmt.Sprintf(`{"userName":"user-%d@acme.example"}`, i))
	}
	count := together(s, len(ids), func(i int) (string, string, string) {
		return "PATCH", "/Users/" + ids[i], patchOf(`{"op":"replace","path":"userName","value":"wanted@acme.example"}`)
	})
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 19}, count)
}

func TestManyDeactivateAtOnce(t *testing.T) {
	s := newService(t)
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = s.create(fmt.Sprintf(`{"userName":"user-%d@acme.example"}`, i))
	}
	var calls atomic.Int32
	s.engine.fail = func(c Change) error {
		if calls.Add(1)%3 == 0 {
			return away(c)
		}
		return nil
	}
	bodies := []string{vendor(t, "okta-oin-deactivate"), vendor(t, "entra-disable"), vendor(t, "entra-disable-062020")}
	count := together(s, 200, func(i int) (string, string, string) { return "PATCH", "/Users/" + ids[i%20], bodies[i%3] })
	require.Equal(t, 200, count[http.StatusOK]+count[http.StatusServiceUnavailable])
	s.engine.fail = nil
	for _, id := range ids {
		s.patched(id, `{"op":"replace","path":"active","value":false}`)
	}
	require.Len(t, s.engine.heard(), 20, "each once, whatever came at once and whatever failed between")
}

// Whatever came in which order: what the engine heard last of a person is what the user is.
func TestTheEngineHearsInTheOrderThatIsKept(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	together(s, 100, func(i int) (string, string, string) {
		return "PATCH", "/Users/" + id, patchOf(fmt.Sprintf(`{"op":"replace","path":"active","value":%t}`, i%2 == 0))
	})
	heard := s.engine.heard()
	for i, h := range heard {
		require.Equal(t, i%2 == 0, strings.HasPrefix(h, "deactivated"), "they take turns: %v", heard)
	}
	active := s.do("GET", "/Users/"+id, "").body["active"]
	require.Equal(t, active, len(heard)%2 == 0)
}

func TestListsWhileUsersComeAndGo(t *testing.T) {
	s := newService(t)
	count := together(s, 200, func(i int) (string, string, string) {
		switch i % 4 {
		case 0:
			return "POST", "/Users", fmt.Sprintf(`{"userName":"user-%d@acme.example"}`, i)
		case 1:
			return "GET", `/Users?filter=userName+sw+%22user%22&count=5`, ""
		case 2:
			return "POST", "/.search", `{"filter":"active eq true"}`
		}
		return "GET", "/Users?startIndex=10", ""
	})
	require.Equal(t, map[int]int{http.StatusCreated: 50, http.StatusOK: 150}, count)
}
