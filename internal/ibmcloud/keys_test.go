package ibmcloud_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

func TestUserKeysReadsEveryPageOfTheAccount(t *testing.T) {
	s := newSim(t)
	keys, err := s.cloud.Keys.UserKeys(t.Context())
	require.NoError(t, err)
	assert.Greater(t, len(keys), 130)
	owners, classes := map[string]bool{}, map[offboard.KeyClass]int{}
	for _, k := range keys {
		owners[k.IAMID] = true
		classes[k.Class]++
		assert.False(t, k.CreatedAt.IsZero(), k.Name)
	}
	assert.Greater(t, len(owners), 130, "trap 8: other people's keys are among them")
	assert.Equal(t, 2, classes[offboard.ClusterKey])
	for _, k := range keys {
		if k.Class == offboard.ClusterKey {
			assert.Equal(t, "eu-de", k.Scope.Region)
			assert.Equal(t, s.iam(t, leaver), k.IAMID)
		}
	}
}

func TestKeyTellsItsLastUse(t *testing.T) {
	s := newSim(t)
	listed := s.key(t, leaver, "ci-pipeline")
	assert.True(t, listed.LastUsed.IsZero())
	read, err := s.cloud.Keys.Key(t.Context(), listed.ID)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC), read.LastUsed)
	assert.Equal(t, offboard.PersonalKey, read.Class)

	_, err = s.cloud.Keys.Key(t.Context(), "ApiKey-nothing")
	assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))
}

func TestRoom(t *testing.T) {
	s := newSim(t)
	person := s.iam(t, leaver)
	limit, held, err := s.cloud.Keys.Room(t.Context(), []string{person, "IBMid-nobody"})
	require.NoError(t, err)
	assert.Equal(t, 20, limit)
	assert.Equal(t, map[string]int{person: 5, "IBMid-nobody": 0}, held, "login, two cluster keys, ci-pipeline, vault")

	limit, held, err = s.cloud.Keys.Room(t.Context(), nil)
	require.NoError(t, err)
	assert.Zero(t, limit)
	assert.Empty(t, held)
}

func TestKeyVerbsTwiceChangeOnce(t *testing.T) {
	s := newSim(t)
	id := s.key(t, leaver, "ci-pipeline").ID
	keys := s.cloud.Keys
	for _, verb := range []struct {
		name string
		call func() error
		want func(offboard.Key) bool
	}{
		{"disable", func() error { return keys.Disable(t.Context(), id) }, func(k offboard.Key) bool { return k.Disabled }},
		{"enable", func() error { return keys.Enable(t.Context(), id) }, func(k offboard.Key) bool { return !k.Disabled }},
		{"lock", func() error { return keys.Lock(t.Context(), id) }, func(k offboard.Key) bool { return k.Locked }},
		{"unlock", func() error { return keys.Unlock(t.Context(), id) }, func(k offboard.Key) bool { return !k.Locked }},
	} {
		require.NoError(t, verb.call(), verb.name)
		require.NoError(t, verb.call(), verb.name)
		assert.Len(t, s.did(), 1, "%s twice is one change", verb.name)
		k, err := keys.Key(t.Context(), id)
		require.NoError(t, err)
		assert.True(t, verb.want(k), verb.name)
	}
	for _, call := range []func() error{
		func() error { return keys.Disable(t.Context(), "ApiKey-nothing") }, func() error { return keys.Enable(t.Context(), "ApiKey-nothing") },
		func() error { return keys.Lock(t.Context(), "ApiKey-nothing") }, func() error { return keys.Unlock(t.Context(), "ApiKey-nothing") },
	} {
		assert.Equal(t, offboard.NotFound, offboard.CodeOf(call()))
	}
}

func TestLostReplyOfAKeyVerb(t *testing.T) {
	s := newSim(t)
	id := s.key(t, leaver, "ci-pipeline").ID
	s.fault(t, ibmsim.Fault{Service: "iam-identity", Method: "POST", Path: "/disable$", DropAfter: true})
	e := failure(t, s.cloud.Keys.Disable(t.Context(), id))
	assert.Equal(t, offboard.Unavailable, e.Code)
	assert.False(t, e.Ambiguous, "disabling again is harmless")
	require.NoError(t, s.cloud.Keys.Disable(t.Context(), id))
	assert.Len(t, s.did(), 1)
}

// Trap 14, read from the key: nothing is sent.
func TestDeleteOfALockedKey(t *testing.T) {
	s := newSim(t)
	id := s.key(t, leaver, "vault").ID
	assert.Equal(t, offboard.Locked, offboard.CodeOf(s.cloud.Keys.Delete(t.Context(), id)))
	assert.Empty(t, s.did())
	require.NoError(t, s.cloud.Keys.Unlock(t.Context(), id))
	require.NoError(t, s.cloud.Keys.Delete(t.Context(), id))
	require.NoError(t, s.cloud.Keys.Delete(t.Context(), id), "gone already")
	assert.Len(t, s.did(), 2)
}

func TestDisableOfALockedKeyThatIAMRefuses(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			says(409, `{"errorCode":"BXNIM0000E"}`)(w, r)
			return
		}
		says(200, `{"id":"ApiKey-1","locked":true,"created_at":""}`)(w, r)
	})
	cloud := s.cloud(t)
	assert.Equal(t, offboard.Locked, offboard.CodeOf(cloud.Keys.Disable(t.Context(), "ApiKey-1")))
	k, err := cloud.Keys.Key(t.Context(), "ApiKey-1")
	require.NoError(t, err)
	assert.True(t, k.CreatedAt.IsZero(), "trap 60: no date is not 1970")
}

// Trap 54: one page of the list is a web page.
func TestKeyListThatIsNotJSON(t *testing.T) {
	s := newSim(t)
	s.fault(t, ibmsim.Fault{Service: "iam-identity", Path: "/v1/apikeys$", Nth: 2, NonJSON: true})
	_, err := s.cloud.Keys.UserKeys(t.Context())
	assert.Equal(t, offboard.Unavailable, failure(t, err).Code)
	_, err = s.cloud.Keys.UserKeys(t.Context())
	assert.NoError(t, err)
}

func TestListsThatDoNotEnd(t *testing.T) {
	for name, next := range map[string]string{
		"round in a circle": "https://iam.acme.example/v1/apikeys?pagetoken=same",
		"no token":          "https://iam.acme.example/v1/apikeys?page=2",
		"no address":        "https://%zz",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, says(200, `{"apikeys":[{"id":"ApiKey-1"}],"next":"`+next+`"}`))
			_, err := s.cloud(t).Keys.UserKeys(t.Context())
			assert.Equal(t, offboard.Unavailable, failure(t, err).Code)
			assert.LessOrEqual(t, len(s.sent()), 2)
		})
	}
}

// Tokens that ended on the service's clock are replaced without anybody noticing.
func TestTokenThatEndedMeanwhile(t *testing.T) {
	s := newSim(t)
	id := s.key(t, leaver, "ci-pipeline").ID
	s.Advance(2 * time.Hour)
	assert.NoError(t, s.cloud.Keys.Disable(t.Context(), id))
}

func TestKeysWithoutTheRight(t *testing.T) {
	s := newSim(t)
	id := s.key(t, leaver, "ci-pipeline").ID
	assert.Equal(t, offboard.Denied, offboard.CodeOf(s.as(t, "CANARY-key-viewer").Keys.Delete(t.Context(), id)))
}
