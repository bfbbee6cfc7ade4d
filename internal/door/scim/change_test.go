package scim

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatTheEngineHears(t *testing.T) {
	const (
		off      = `PATCH {"op":"replace","path":"active","value":false}`
		on       = `PATCH {"op":"replace","path":"active","value":true}`
		title    = `PATCH {"op":"replace","path":"title","value":"Boss"}`
		rename   = `PATCH {"op":"replace","path":"userName","value":"renamed@acme.example"}`
		both     = `PATCH {"op":"replace","path":"active","value":false},{"op":"replace","path":"active","value":true}`
		renamed  = `PATCH {"op":"replace","value":{"userName":"0a21f0f28d2a4f8ebf987363c4aed4efleaver@acme.example","active":"False"}}`
		putOff   = `PUT {"userName":"leaver@acme.example","active":false}`
		putOn    = `PUT {"userName":"leaver@acme.example","active":true}`
		putQuiet = `PUT {"userName":"leaver@acme.example","title":"Boss"}`
		remove   = `DELETE `
	)
	for name, c := range map[string]struct {
		create string // empty: an active user
		steps  []string
		want   []string
	}{
		"came":                                    {"", nil, nil},
		"came inactive":                           {`{"userName":"leaver@acme.example","active":false}`, nil, nil},
		"came inactive and is so still":           {`{"userName":"leaver@acme.example","active":false}`, []string{off, putOff}, nil},
		"came inactive, then active":              {`{"userName":"leaver@acme.example","active":false}`, []string{on}, nil},
		"came inactive, active, inactive":         {`{"userName":"leaver@acme.example","active":false}`, []string{on, off}, []string{leaves}},
		"came inactive, deleted":                  {`{"userName":"leaver@acme.example","active":false}`, []string{remove}, []string{gone}},
		"active again and again":                  {"", []string{on, putOn, on}, nil},
		"deactivated twice":                       {"", []string{off, off, putOff}, []string{leaves}},
		"deactivated by PUT":                      {"", []string{putOff}, []string{leaves}},
		"deactivated, activated":                  {"", []string{off, on}, []string{leaves, stays}},
		"deactivated, activated, both twice":      {"", []string{off, off, on, on, off, off, on}, []string{leaves, stays, leaves, stays}},
		"by PUT there and by PATCH back":          {"", []string{putOff, on}, []string{leaves, stays}},
		"both at once is neither":                 {"", []string{both}, nil},
		"deleted":                                 {"", []string{remove}, []string{gone}},
		"deactivated, deleted":                    {"", []string{off, remove}, []string{leaves, gone}},
		"deactivated, activated, deleted":         {"", []string{off, on, remove}, []string{leaves, stays, gone}},
		"other attributes":                        {"", []string{title, off, title, putQuiet}, []string{leaves}},
		"a PUT that does not say":                 {"", []string{putQuiet, off, putQuiet}, []string{leaves}},
		"renamed, then deactivated":               {"", []string{rename, off}, []string{"deactivated renamed@acme.example"}},
		"renamed by the same request":             {"", []string{renamed}, []string{leaves}},
		"renamed between: the person stays known": {"", []string{off, rename, on}, []string{leaves, stays}},
		"renamed before the end":                  {"", []string{off, rename, remove}, []string{leaves, gone}},
		"renamed and a new leaving":               {"", []string{off, rename, on, off}, []string{leaves, stays, "deactivated renamed@acme.example"}},
		"by the primary address":                  {`{"userName":"x","emails":[{"value":"work@acme.example","type":"work"},{"value":"home@acme.example","primary":true}]}`, []string{off}, []string{"deactivated home@acme.example"}},
		"by the address for work":                 {`{"userName":"x","emails":[{"value":"home@acme.example","type":"home"},{"value":"work@acme.example","type":"Work"}]}`, []string{off}, []string{"deactivated work@acme.example"}},
		"by the only address":                     {`{"userName":"x","emails":[{"value":"only@acme.example"}]}`, []string{off}, []string{"deactivated only@acme.example"}},
		"by an address that came with it":         {`{"userName":"x"}`, []string{`PATCH {"op":"replace","value":{"active":false,"emails":[{"value":"late@acme.example","type":"work"}]}}`}, []string{"deactivated late@acme.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			if c.create == "" {
				c.create = `{"userName":"leaver@acme.example","active":true}`
			}
			id := s.create(c.create)
			for _, step := range c.steps {
				verb, body, _ := strings.Cut(step, " ")
				if verb == "PATCH" {
					body = patchOf(body)
				}
				got := s.do(verb, "/Users/"+id, body)
				require.Less(t, got.Code, 300, "%s: %s", step, got.Body)
			}
			if c.want == nil {
				c.want = []string{}
			}
			require.Equal(t, c.want, s.engine.heard())
			require.Equal(t, len(c.want), s.engine.calls, "nothing is told twice")
		})
	}
}

func TestNobodyKnowsWhoLeaves(t *testing.T) {
	s := newService(t)
	id := s.create(`{"userName":"no-address","emails":[{"value":"one@home.example","type":"home"},{"value":"not an address","type":"work"}]}`)
	s.patched(id, `{"op":"replace","path":"title","value":"Boss"}`)
	for _, c := range [][2]string{{"PATCH", patchOf(`{"op":"replace","path":"active","value":false}`)}, {"PUT", `{"userName":"no-address","active":false}`}, {"DELETE", ""}} {
		got := s.do(c[0], "/Users/"+id, c[1])
		require.Equal(t, http.StatusBadRequest, got.Code, c[0])
		require.Equal(t, invalidValue, got.body["scimType"])
		require.Contains(t, got.body["detail"], "e-mail address")
	}
	require.Equal(t, true, s.do("GET", "/Users/"+id, "").body["active"])
	require.Zero(t, s.engine.calls)
}

func TestTheEngineIsAway(t *testing.T) {
	for verb, body := range map[string]string{"PATCH": vendor(t, "entra-disable"), "PUT": vendor(t, "okta-aiw-deactivate"), "DELETE": ""} {
		t.Run(verb, func(t *testing.T) {
			s := newService(t)
			id := s.leaver()
			before := s.do("GET", "/Users/"+id, "")
			s.engine.fail = away
			for range 3 {
				got := s.do(verb, "/Users/"+id, body)
				require.Equal(t, http.StatusServiceUnavailable, got.Code)
				require.Equal(t, "2", got.Header().Get("Retry-After"))
				require.Contains(t, got.body["detail"], "the engine does not answer")
				after := s.do("GET", "/Users/"+id, "")
				require.Equal(t, before.body, after.body, "nothing is committed, the version included")
			}
			s.engine.fail = nil
			s.restart()
			require.Less(t, s.do(verb, "/Users/"+id, body).Code, 300)
			require.Len(t, s.engine.heard(), 1)
		})
	}
}

func TestTheReplyOfTheEngineIsLost(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	s.engine.lose = away
	require.Equal(t, http.StatusServiceUnavailable, s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable")).Code)
	require.Equal(t, http.StatusServiceUnavailable, s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable")).Code)
	s.engine.lose = nil
	require.Equal(t, http.StatusOK, s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable")).Code)
	require.Equal(t, []string{leaves}, s.engine.heard(), "it is one change however often it is told")
	require.Equal(t, 3, s.engine.calls)
}

// The deactivation arrived, its reply was lost, and before it came again somebody changed their mind: the user is
// active here and always was, yet the engine must hear of it.
func TestSomebodyChangesTheirMindWhileTheEngineIsUnsure(t *testing.T) {
	for _, on := range []string{`{"op":"replace","path":"active","value":true}`, `{"op":"Replace","value":{"active":"True","title":"Boss"}}`} {
		s := newService(t)
		id := s.leaver()
		s.engine.lose = away
		require.Equal(t, http.StatusServiceUnavailable, s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable")).Code)
		s.restart()
		s.engine.lose = nil
		s.patched(id, `{"op":"replace","path":"nickName","value":"L"}`)
		require.Equal(t, []string{leaves}, s.engine.heard(), "that says nothing of it")
		s.patched(id, on)
		require.Equal(t, []string{leaves, stays}, s.engine.heard())
		s.patched(id, `{"op":"replace","path":"active","value":false}`)
		require.Equal(t, []string{leaves, stays, leaves}, s.engine.heard(), "a new leaving is not taken for the old one")
	}
}

func TestDeletionIsUndoneWhileTheEngineIsUnsure(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	s.engine.lose = away
	require.Equal(t, http.StatusServiceUnavailable, s.do("DELETE", "/Users/"+id, "").Code)
	s.engine.lose = nil
	s.patched(id, `{"op":"replace","path":"active","value":true}`)
	require.Equal(t, []string{gone, stays}, s.engine.heard())
	s.patched(id, `{"op":"replace","path":"active","value":true}`)
	require.Len(t, s.engine.heard(), 2)
}

func TestTheEngineRefuses(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	for refusal, status := range map[error]int{
		&Refused{Problems: []string{"the first", "the second"}}:        http.StatusBadRequest,
		&Refused{Problems: []string{"it is too late"}, Conflict: true}: http.StatusConflict,
	} {
		before := s.disk.users[id]
		s.engine.fail = func(Change) error { return refusal }
		got := s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable"))
		require.Equal(t, status, got.Code)
		require.Equal(t, refusal.Error(), got.body["detail"])
		require.JSONEq(t, string(before), string(s.disk.users[id]), "a refusal is no doubt")
	}
	s.engine.fail = nil
	require.Equal(t, http.StatusOK, s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable")).Code)
	s.engine.fail = func(Change) error { return &Refused{Problems: []string{"it is too late"}, Conflict: true} }
	require.Equal(t, http.StatusConflict, s.do("PATCH", "/Users/"+id, patchOf(`{"op":"replace","path":"active","value":true}`)).Code)
	s.engine.fail = nil
	s.patched(id, `{"op":"replace","path":"active","value":true}`)
	require.Equal(t, []string{leaves, stays}, s.engine.heard())
}

// errCrash is the moment a process ends: nothing is written any more.
var errCrash = errors.New("the process is gone")

func TestTheProcessEndsAtEachStep(t *testing.T) {
	for verb, body := range map[string]string{"PATCH": vendor(t, "entra-disable"), "PUT": vendor(t, "okta-aiw-deactivate"), "DELETE": ""} {
		// A change is two writes, with the engine between them.
		for survives := range 3 {
			s := newService(t)
			var failures []error
			s.config.Failed = func(_ context.Context, err error) { failures = append(failures, err) }
			id := s.leaver()
			left := survives
			s.disk.fail = func(string, User) error {
				if left == 0 {
					return errCrash
				}
				left--
				return nil
			}
			got := s.do(verb, "/Users/"+id, body)
			if survives < 2 {
				require.Equal(t, http.StatusInternalServerError, got.Code, "%s %d", verb, survives)
				require.NotContains(t, got.Body.String(), errCrash.Error(), "what went wrong inside is not for the sender")
				require.Len(t, failures, 1)
				require.ErrorIs(t, failures[0], errCrash)
				require.Len(t, s.engine.heard(), survives, "nothing is told before it is noted")
			} else {
				require.Less(t, got.Code, 300)
			}
			s.disk.fail = nil
			s.restart()
			got = s.do(verb, "/Users/"+id, body)
			require.True(t, got.Code < 300 || verb == "DELETE" && survives == 2 && got.Code == http.StatusNotFound, "%s %d: %d", verb, survives, got.Code)
			require.Len(t, s.engine.heard(), 1, "%s after %d writes", verb, survives)
		}
	}
}

func TestTheTimeOfAChangeStaysTheSameUntilItSucceeds(t *testing.T) {
	s := newService(t)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	s.config.Now = func() time.Time { now = now.Add(time.Minute); return now }
	id := s.leaver()
	var told []Change
	s.engine.fail = func(c Change) error { told = append(told, c); return away(c) }
	for range 3 {
		s.do("PATCH", "/Users/"+id, vendor(t, "entra-disable"))
	}
	require.Equal(t, []Change{told[0], told[0], told[0]}, told)
	require.Equal(t, id, told[0].UserID)
	require.Equal(t, "00ujl29u0le5T6Aj10h7", told[0].ExternalID)
	require.NotZero(t, told[0].Since)
}

func TestUsersSurviveARestart(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	s.patched(id, `{"op":"replace","path":"active","value":false}`)
	before := s.do("GET", "/Users/"+id, "")
	s.restart()
	after := s.do("GET", "/Users/"+id, "")
	require.Equal(t, before.body, after.body)
	s.patched(id, `{"op":"replace","path":"active","value":false}`)
	require.Equal(t, []string{leaves}, s.engine.heard())
	s.patched(id, `{"op":"replace","path":"active","value":true}`)
	require.Equal(t, []string{leaves, stays}, s.engine.heard())
}

// A sender that hangs up has not changed its mind.
func TestTheSenderGoesAway(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	ctx, cancel := context.WithCancel(t.Context())
	s.engine.fail = func(Change) error { cancel(); return nil }
	r := request(ctx, "PATCH", "/Users/"+id, vendor(t, "entra-disable"))
	require.Equal(t, http.StatusOK, s.serve(r).Code)
	require.Equal(t, false, s.do("GET", "/Users/"+id, "").body["active"])
}
