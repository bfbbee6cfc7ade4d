package ibmcloud_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/offboard"
)

func failure(t *testing.T, err error) *offboard.Error {
	t.Helper()
	e, ok := errors.AsType[*offboard.Error](err)
	require.True(t, ok, "want an *offboard.Error, got %T %v", err, err)
	assert.NotContains(t, err.Error(), canary)
	return e
}

func TestWhatIBMSaysAndWhatItMeans(t *testing.T) {
	ks := func(code string) string {
		return `{"incidentID":"inc-1","code":"` + code + `","description":"What  happened\nhere.","type":"General"}`
	}
	list := func(code string) string {
		return `{"trace":"tr-1","status_code":400,"errors":[{"code":"` + code + `","message":"` + canary + `"}]}`
	}
	iam := func(code string) string {
		return `{"errorCode":"` + code + `","errorMessage":"` + canary + `","context":{"requestId":"ctx-1"}}`
	}
	html := "<html>" + canary + "</html>"
	for name, c := range map[string]struct {
		status int
		body   string
		want   offboard.Code
		says   string
		id     string
	}{
		"malformed":                         {400, list("invalid_body"), offboard.Invalid, "(invalid_body)", "tr-1"},
		"token refused":                     {401, iam("BXNIM0308E"), offboard.Denied, "(BXNIM0308E)", "ctx-1"},
		"no right":                          {403, list("insufficent_permissions"), offboard.Denied, "(insufficent_permissions)", "tr-1"},
		"not there":                         {404, list("not_found"), offboard.NotFound, "(not_found)", "tr-1"},
		"not there, without a body":         {404, "", offboard.NotFound, "404 Not Found", ""},
		"gone":                              {410, iam("X"), offboard.NotFound, "410 Gone", "ctx-1"},
		"conflict":                          {409, iam("X"), offboard.Conflict, "409 Conflict", "ctx-1"},
		"stale entity tag":                  {412, list("X"), offboard.Conflict, "412 Precondition Failed", "tr-1"},
		"unprocessable":                     {422, iam("X"), offboard.Invalid, "422", "ctx-1"},
		"key limit by IAM":                  {422, iam("BXNIM0151E"), offboard.KeyLimit, "(BXNIM0151E)", "ctx-1"},
		"key limit in disguise (trap 6)":    {400, ks("A03e9b"), offboard.KeyLimit, "(A03e9b: What happened here.)", "inc-1"},
		"locked":                            {423, iam("X"), offboard.Locked, "423 Locked", "ctx-1"},
		"too many requests":                 {429, iam("X"), offboard.RateLimited, "429 Too Many Requests", "ctx-1"},
		"cluster unknown, whatever status":  {400, ks("E0008"), offboard.NotFound, "(E0008: What happened here.)", "inc-1"},
		"identity back end away":            {400, ks("A0002"), offboard.Unavailable, "(A0002: What happened here.)", "inc-1"},
		"server error":                      {500, iam("X"), offboard.Unavailable, "500 Internal Server Error", "ctx-1"},
		"not implemented":                   {501, iam("X"), offboard.Unsupported, "501 Not Implemented", "ctx-1"},
		"gateway":                           {503, "", offboard.Unavailable, "503 Service Unavailable", ""},
		"proxy's page instead of a refusal": {404, html, offboard.Unavailable, "not its JSON", ""},
		"proxy's page of success (trap 54)": {200, html, offboard.Unavailable, "not its JSON", ""},
		"redirect":                          {302, "", offboard.Unavailable, "302 Found", ""},
		"no errors in the list (trap 33)":   {400, `{"errors":[]}`, offboard.Invalid, "400 Bad Request", ""},
		"success with nothing (trap 59)":    {200, "", offboard.Unavailable, "nothing where something was due", ""},
		"success with null (trap 59)":       {200, "null", offboard.Unavailable, "nothing where something was due", ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := says(c.status, c.body)
			if c.body == html {
				answer = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, html, c.status) }
			}
			s := newStub(t, answer)
			_, err := s.cloud(t).Users.Person(t.Context(), "IBMid-1")
			e := failure(t, err)
			assert.Equal(t, c.want, e.Code, e.Message)
			assert.Contains(t, e.Message, c.says)
			assert.Equal(t, c.id, e.RequestID)
			assert.Equal(t, "read the user IBMid-1", e.Op)
			assert.False(t, e.Ambiguous, "reading is never ambiguous")
		})
	}
}

func TestRequestIDAndRetryAfterComeFromHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"seconds":         {"Retry-After", "7", 7 * time.Second},
		"capped, trap 37": {"Retry-After", "86400", 5 * time.Minute},
		"a past date":     {"Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT", 0},
		"no number":       {"Retry-After", "soon", 0},
		"negative":        {"Retry-After", "-3", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, says(429, `{"trace":"body"}`, c.header, c.value, "X-Correlation-ID", "corr", "X-Request-Id", "req"))
			e := failure(t, s.cloud(t).Users.Remove(t.Context(), "IBMid-1"))
			assert.Equal(t, offboard.RateLimited, e.Code)
			assert.Equal(t, c.want, e.RetryAfter)
			assert.Equal(t, "req", e.RequestID)
		})
	}
}

// A reset that was refused has made nothing; one whose answer is missing or is a server's error may have (trap 3).
func TestResetTellsRefusedFromAmbiguous(t *testing.T) {
	drop := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	slow := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		want      offboard.Code
		ambiguous bool
	}{
		"no right":        {says(403, `{"code":"A0010","description":"no"}`), offboard.Denied, false},
		"malformed":       {says(400, `{"code":"E0007","description":"no"}`), offboard.Invalid, false},
		"throttled":       {says(429, `{}`), offboard.RateLimited, false},
		"server error":    {says(500, `{"code":"A0002"}`), offboard.Unavailable, true},
		"gateway timeout": {says(504, ""), offboard.Unavailable, true},
		"connection cut":  {drop, offboard.Unavailable, true},
		"no answer":       {slow, offboard.Unavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, c.answer)
			cloud := s.cloud(t, func(o *ibmcloud.Config) { o.HTTPClient = &http.Client{Timeout: 200 * time.Millisecond} })
			e := failure(t, cloud.Successors.Reset(t.Context(), fid, scope))
			assert.Equal(t, c.want, e.Code, e.Message)
			assert.Equal(t, c.ambiguous, e.Ambiguous)
			assert.Len(t, s.sent(), 1, "a reset is never sent twice")
		})
	}
}

func TestResetThatWasNeverSentIsNotAmbiguous(t *testing.T) {
	s := newStub(t, says(204, ""))
	closed := newStub(t, says(204, ""))
	closed.server.Close()
	cloud := s.cloud(t, func(c *ibmcloud.Config) { c.Endpoints.Containers = closed.server.URL })
	e := failure(t, cloud.Successors.Reset(t.Context(), fid, scope))
	assert.Equal(t, offboard.Unavailable, e.Code)
	assert.False(t, e.Ambiguous)

	s.token = says(503, "")
	e = failure(t, s.cloud(t).Successors.Reset(t.Context(), fid, scope))
	assert.Equal(t, offboard.Unavailable, e.Code)
	assert.False(t, e.Ambiguous)
	assert.Empty(t, s.sent())
}

func TestContextErrorsComeBackAsTheyAre(t *testing.T) {
	s := newStub(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.cloud(t).Keys.UserKeys(ctx)
	assert.Equal(t, context.DeadlineExceeded, err)

	ctx, stop := context.WithCancel(t.Context())
	stop()
	assert.Equal(t, context.Canceled, s.cloud(t).Keys.Lock(ctx, "ApiKey-1"))
}

func TestArgumentsThatCannotBeSentAreInvalid(t *testing.T) {
	s := newStub(t, says(200, `{}`))
	cloud := s.cloud(t)
	for name, err := range map[string]error{
		"user":      second(cloud.Users.Person(t.Context(), "")),
		"invitee":   second(cloud.Users.Invite(t.Context(), "")),
		"removal":   cloud.Users.Remove(t.Context(), ""),
		"key":       cloud.Keys.Delete(t.Context(), ""),
		"policy":    cloud.Access.Revoke(t.Context(), ""),
		"group":     cloud.Access.DeleteGroup(t.Context(), ""),
		"refresh":   cloud.Clusters.RefreshMaster(t.Context(), "", scope),
		"sync":      cloud.Clusters.SyncAccess(t.Context(), ""),
		"config":    second(cloud.Kubeconfig(t.Context(), "")),
		"stranger":  cloud.Successors.Reset(t.Context(), "stranger@acme.example", scope),
		"no group":  cloud.Successors.Reset(t.Context(), fid, offboard.Scope{Region: "eu-de"}),
		"no region": cloud.Successors.Reset(t.Context(), fid, offboard.Scope{ResourceGroup: group}),
		"classic":   second(cloud.Clusters.ClassicUser(t.Context(), offboard.Scope{Region: "eu-de"})),
	} {
		assert.Equal(t, offboard.Invalid, failure(t, err).Code, name)
	}
	assert.Empty(t, s.sent(), "nothing may be sent")
}

func second[T any](_ T, err error) error { return err }

// A long or many-lined description must not spoil a report.
func TestDescriptionsAreShortened(t *testing.T) {
	s := newStub(t, says(400, `{"code":"E1","description":"`+strings.Repeat("word ", 100)+`"}`))
	_, err := s.cloud(t).Clusters.Addons(t.Context(), "c1")
	assert.Less(t, len(failure(t, err).Message), 260)
}
