package ibmcloud_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/offboard"
)

const profile = `{"iam_id":"IBMid-1","email":"a@acme.example","state":"ACTIVE"}`

func TestOneTokenServesManyRequests(t *testing.T) {
	s := newStub(t, says(200, profile))
	cloud := s.cloud(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := cloud.Users.Person(context.Background(), "IBMid-1")
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.Equal(t, []string{"engine-" + canary}, s.asked())
	for _, call := range s.sent() {
		assert.Equal(t, "Bearer token-of-engine-"+canary, call.Header.Get("Authorization"))
	}
}

func TestShortLivedTokenIsReplacedBeforeItEnds(t *testing.T) {
	s := newStub(t, says(200, profile))
	var issued atomic.Int32
	s.token = func(w http.ResponseWriter, _ *http.Request) {
		says(200, fmt.Sprintf(`{"access_token":"t%d","expires_in":1}`, issued.Add(1)))(w, nil)
	}
	cloud := s.cloud(t)
	end := time.Now().Add(2500 * time.Millisecond)
	for time.Now().Before(end) {
		_, err := cloud.Users.Person(t.Context(), "IBMid-1")
		require.NoError(t, err)
		time.Sleep(20 * time.Millisecond)
	}
	assert.GreaterOrEqual(t, issued.Load(), int32(3))
	assert.LessOrEqual(t, issued.Load(), int32(5))
}

// Trap 35: a refused token is dropped and the request sent once more, with its body; a second refusal is final.
func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	var refuse atomic.Int32
	var bodies []string
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		bodies = append(bodies, string(body))
		if refuse.Add(-1) >= 0 {
			says(401, `{"errorCode":"BXNIM0308E"}`)(w, r)
			return
		}
		says(200, `{"apikeys_per_identity":{"limit":20,"identities":[{"iam_id":"IBMid-1","count":3}]}}`)(w, r)
	})
	cloud := s.cloud(t)
	refuse.Store(1)
	limit, held, err := cloud.Keys.Room(t.Context(), []string{"IBMid-1", "IBMid-2"})
	require.NoError(t, err)
	assert.Equal(t, 20, limit)
	assert.Equal(t, map[string]int{"IBMid-1": 3, "IBMid-2": 0}, held)
	assert.Len(t, s.asked(), 2)
	require.Len(t, bodies, 2)
	assert.Contains(t, bodies[0], "IBMid-2")
	assert.Equal(t, bodies[0], bodies[1])

	refuse.Store(100)
	_, _, err = cloud.Keys.Room(t.Context(), []string{"IBMid-1"})
	assert.Equal(t, offboard.Denied, failure(t, err).Code)
	assert.Len(t, s.sent(), 4)
}

func TestNewKeyIsUsedAtOnce(t *testing.T) {
	s := newStub(t, says(200, profile))
	key := "first"
	cloud := s.cloud(t, func(c *ibmcloud.Config) { c.APIKey = func(context.Context) (string, error) { return key, nil } })
	_, err := cloud.Users.Person(t.Context(), "IBMid-1")
	require.NoError(t, err)
	key = "second"
	_, err = cloud.Users.Person(t.Context(), "IBMid-1")
	require.NoError(t, err)
	assert.Equal(t, []string{"first", "second"}, s.asked())
	assert.Equal(t, "Bearer token-of-second", s.sent()[1].Header.Get("Authorization"))
}

// Trap 34: IAM hanging for one identity must not hold up another.
func TestIdentitiesDoNotWaitForEachOther(t *testing.T) {
	s := newStub(t, says(200, profile))
	quick := s.token
	release := make(chan struct{})
	s.token = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.PostFormValue("apikey"), "fid-") {
			<-release
		}
		quick(w, r)
	}
	cloud := s.cloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	waiting := make(chan error, 1)
	go func() { waiting <- cloud.Successors.Reset(ctx, fid, scope) }()
	_, err := cloud.Users.Person(t.Context(), "IBMid-1")
	assert.NoError(t, err)
	cancel()
	assert.ErrorIs(t, <-waiting, context.Canceled, "a caller waits no longer than its own context")
	close(release)
}

func TestIAMRefusingTheKey(t *testing.T) {
	notFound := says(400, `{"errorCode":"BXNIM0415E","errorMessage":"`+canary+`","context":{"requestId":"r1"}}`)
	for name, c := range map[string]struct {
		token http.HandlerFunc
		want  offboard.Code
	}{
		"unknown key":  {notFound, offboard.Denied},
		"forbidden":    {says(403, `{"errorCode":"BXNIM0001E"}`), offboard.Denied},
		"throttled":    {says(429, `{}`, "Retry-After", "3"), offboard.RateLimited},
		"server error": {says(502, ""), offboard.Unavailable},
		"a page":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 400) }, offboard.Unavailable},
		"no token":     {says(200, `{}`), offboard.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, says(200, profile))
			s.token = c.token
			_, err := s.cloud(t).Successors.Prove(t.Context(), fid)
			e := failure(t, err)
			assert.Equal(t, c.want, e.Code, e.Message)
			assert.Contains(t, e.Message, "get an access token: ")
			assert.Equal(t, "tell whose key is configured for "+fid, e.Op)
			assert.Empty(t, s.sent())
		})
	}
}

func TestKeyThatWorkedIsNotDeadAtOnce(t *testing.T) {
	var dead atomic.Bool
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if dead.Load() {
			says(401, `{}`)(w, r)
			return
		}
		says(200, profile)(w, r)
	})
	good := s.token
	s.token = func(w http.ResponseWriter, r *http.Request) {
		if dead.Load() {
			says(400, `{"errorCode":"BXNIM0415E"}`)(w, r)
			return
		}
		good(w, r)
	}
	cloud := s.cloud(t)
	_, err := cloud.Users.Person(t.Context(), "IBMid-1")
	require.NoError(t, err)
	dead.Store(true)
	_, err = cloud.Users.Person(t.Context(), "IBMid-1")
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code)
	dead.Store(false)
	_, err = cloud.Users.Person(t.Context(), "IBMid-1")
	assert.NoError(t, err)
}

func TestKeySourceFailing(t *testing.T) {
	s := newStub(t, says(200, profile))
	cloud := s.cloud(t, func(c *ibmcloud.Config) {
		c.APIKey = func(context.Context) (string, error) { return "", errors.New("file engine.key: no such file") }
	})
	_, err := cloud.Users.WhoAmI(t.Context())
	e := failure(t, err)
	assert.Equal(t, offboard.Unavailable, e.Code)
	assert.Contains(t, e.Error(), "the API key of engine cannot be read: file engine.key: no such file")
	_, err = cloud.Keys.UserKeys(t.Context())
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code)

	cloud = s.cloud(t, func(c *ibmcloud.Config) { c.APIKey = fixed("") })
	_, err = cloud.Keys.UserKeys(t.Context())
	assert.Equal(t, offboard.Denied, failure(t, err).Code)
	assert.Empty(t, s.asked())
}

func TestObserverSeesEveryExchangeAndNoSecret(t *testing.T) {
	s := newStub(t, says(200, profile, "Transaction-Id", "tx-9"))
	var mu sync.Mutex
	var seen []ibmcloud.Call
	cloud := s.cloud(t, func(c *ibmcloud.Config) {
		c.UserAgent = "offboard/test"
		c.Observe = func(_ context.Context, call ibmcloud.Call) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, call)
		}
	})
	_, err := cloud.Users.Person(t.Context(), "IBMid-1")
	require.NoError(t, err)
	require.Len(t, seen, 2)
	assert.Positive(t, seen[1].Duration)
	seen[0].Duration, seen[1].Duration = 0, 0
	assert.Equal(t, ibmcloud.Call{Service: "iam-token", Operation: "GetToken", Identity: "engine", Method: "POST", Status: 200}, seen[0])
	assert.Equal(t, ibmcloud.Call{Service: "user-management", Operation: "GetUserProfile", Identity: "engine", Method: "GET", Status: 200, RequestID: "tx-9"}, seen[1])
	assert.Equal(t, "offboard/test", s.sent()[0].UserAgent())
	assert.NotContains(t, fmt.Sprintf("%+v", seen), canary)
}

func TestConfigurationProblemsComeAllAtOnce(t *testing.T) {
	_, err := ibmcloud.New(ibmcloud.Config{FunctionalIDs: []ibmcloud.FunctionalID{
		{Email: fid, APIKey: fixed("k")}, {Email: strings.ToUpper(fid), APIKey: fixed("k")}, {Email: "other@acme.example"}, {},
	}})
	require.Error(t, err)
	for _, part := range []string{"account ID is missing", "engine's API key is missing", "is given twice", "other@acme.example has no API key", "functional ID 4 has no e-mail"} {
		assert.ErrorContains(t, err, part)
	}
}
