package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

func clusterKey(id string) offboard.Key {
	return offboard.Key{ID: id, IAMID: "IBMid-3", Class: offboard.ClusterKey, Scope: scope}
}

// mark is what an attempt left behind, as the next one reads it.
func mark(text string) json.RawMessage { return json.RawMessage(text) }

// A reset is sent only where no key of an earlier attempt is, or may still come to light.
func TestResetLooksBeforeItSends(t *testing.T) {
	old := []string{"ApiKey-old"}
	tests := map[string]struct {
		how    try
		again  bool
		appear int // the look at which the key is visible; zero: never
		key    string
		looks  int
		sent   int
	}{
		"first attempt":                      {sent: 1, looks: 1},
		"its key is there already":           {appear: 1, key: "ApiKey-new", looks: 1},
		"after a failed reset of this scope": {again: true, looks: 2, sent: 1},
		"whose key comes to light":           {again: true, appear: 2, key: "ApiKey-new", looks: 2},
		"attempt after a crash":              {how: try{attempt: 2}, looks: 2, sent: 1},
		"attempt after an unknown outcome":   {how: try{attempt: 2, details: mark(`{"attempt":1}`)}, appear: 2, key: "ApiKey-new", looks: 2},
		"attempt after a refusal":            {how: try{attempt: 2, details: mark(`{"attempt":1,"refused":true}`)}, looks: 1, sent: 1},
		"attempt after an older refusal":     {how: try{attempt: 3, details: mark(`{"attempt":1,"refused":true}`)}, looks: 2, sent: 1},
		"attempt after an unreadable word":   {how: try{attempt: 2, details: "?"}, looks: 2, sent: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.keys["ApiKey-old"] = clusterKey("ApiKey-old")
			c.keys["ApiKey-own"] = offboard.Key{ID: "ApiKey-own", IAMID: "IBMid-3", Class: offboard.PersonalKey}
			looks := 0
			c.onCall = func(call string) {
				if call != "Keys "+functional {
					return
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				if looks++; looks == test.appear {
					c.keys["ApiKey-new"] = clusterKey("ApiKey-new")
				}
				if looks > 1 {
					c.now = c.now.Add(time.Second)
				}
			}
			a := c.activities()
			got, err := do(t, test.how, a.Reset, a, activities.ResetInput{Scope: scope, FunctionalID: functional, Before: old,
				Again: test.again, Replication: offboard.Duration(10 * time.Millisecond)})

			require.NoError(t, err)
			require.Equal(t, test.key, got.KeyID)
			require.Equal(t, test.sent == 1, got.Sent)
			require.Equal(t, test.sent, c.called("Reset"))
			require.Equal(t, test.looks, looks)
		})
	}
}

// What an attempt leaves tells the next one whether a key may have been made.
func TestResetLeavesWordForTheNextAttempt(t *testing.T) {
	for want, failure := range map[string]*offboard.Error{
		`{"attempt":1}`:                {Code: offboard.Unavailable, Op: "reset", Ambiguous: true},
		`{"attempt":1,"refused":true}`: {Code: offboard.RateLimited, Op: "reset"},
	} {
		c := newCloud()
		c.fail["Reset"] = failure
		a := c.activities()
		var left []byte
		_, err := do(t, try{left: &left}, a.Reset, a, activities.ResetInput{Scope: scope, FunctionalID: functional})

		require.Equal(t, failure.Code, code(t, err))
		require.JSONEq(t, want, string(left))
	}
}

func TestResetSendsNothingWhileItCannotLook(t *testing.T) {
	c := newCloud()
	c.fail["Keys"] = refused(offboard.Unavailable)
	a := c.activities()
	_, err := do(t, try{}, a.Reset, a, activities.ResetInput{Scope: scope, FunctionalID: functional})
	require.Equal(t, offboard.Unavailable, code(t, err))
	require.Zero(t, c.called("Reset"))

	c = newCloud()
	a = c.activities()
	looks := 0
	c.onCall = func(string) {
		if looks++; looks == 2 {
			c.mu.Lock()
			c.fail["Keys"] = refused(offboard.Unavailable)
			c.mu.Unlock()
		}
	}
	_, err = do(t, try{attempt: 2}, a.Reset, a, activities.ResetInput{Scope: scope, FunctionalID: functional, Replication: offboard.Duration(time.Millisecond)})
	require.Error(t, err)
}

func TestConfirmKey(t *testing.T) {
	c := newCloud()
	a := c.activities()
	in := activities.ConfirmKeyInput{Scope: scope, FunctionalID: functional, Before: []string{"ApiKey-old"}}
	c.keys["ApiKey-old"] = clusterKey("ApiKey-old")
	_, err := do(t, try{}, a.ConfirmKey, a, in)
	require.Equal(t, offboard.Pending, code(t, err))

	c.keys["ApiKey-new"] = clusterKey("ApiKey-new")
	got, err := do(t, try{}, a.ConfirmKey, a, in)
	require.NoError(t, err)
	require.Equal(t, "ApiKey-new", got.KeyID)
	require.Nil(t, got.Owners, "nobody asked for them")

	in.Owners = &activities.ConfirmOwnersInput{Scope: scope, Clusters: []offboard.ClusterRef{prod}, Owner: functional}
	c.owners = map[string]string{prod.ID: "leaver@acme.example"}
	got, err = do(t, try{}, a.ConfirmKey, a, in)
	require.NoError(t, err, "ConfirmOwners waits for them")
	require.Nil(t, got.Owners)
	c.fail["KeyOwner"] = refused(offboard.Denied)
	got, err = do(t, try{}, a.ConfirmKey, a, in)
	require.NoError(t, err)
	require.Nil(t, got.Owners)
	delete(c.fail, "KeyOwner")
	c.owners[prod.ID] = functional
	got, err = do(t, try{}, a.ConfirmKey, a, in)
	require.NoError(t, err)
	require.Equal(t, map[string]string{prod.ID: functional}, got.Owners.Owners)
}

func TestConfirmOwners(t *testing.T) {
	in := activities.ConfirmOwnersInput{Scope: scope, Clusters: []offboard.ClusterRef{prod, stage}, Owner: functional}
	not := activities.ConfirmOwnersInput{Scope: scope, Clusters: in.Clusters, Not: "leaver@acme.example"}
	tests := map[string]struct {
		in     activities.ConfirmOwnersInput
		owners map[string]string
		fail   map[string]error
		want   offboard.Code
	}{
		"all are right":            {in: in, owners: map[string]string{prod.ID: "Clusters-1@acme.example", stage.ID: functional}},
		"one is not":               {in: in, owners: map[string]string{prod.ID: functional, stage.ID: "leaver@acme.example"}, want: offboard.Pending},
		"one is gone":              {in: in, owners: map[string]string{prod.ID: functional}, fail: map[string]error{"KeyOwner " + stage.ID: refused(offboard.NotFound)}},
		"one cannot be asked":      {in: in, owners: map[string]string{prod.ID: functional}, fail: map[string]error{"KeyOwner " + stage.ID: refused(offboard.Denied)}, want: offboard.Denied},
		"anybody but the leaver":   {in: not, owners: map[string]string{prod.ID: "a@acme.example", stage.ID: "b@acme.example"}},
		"still the leaver in some": {in: not, owners: map[string]string{prod.ID: "a@acme.example", stage.ID: "LEAVER@acme.example"}, want: offboard.Pending},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.owners = test.owners
			if test.fail != nil {
				c.fail = test.fail
			}
			a := c.activities()
			got, err := do(t, try{}, a.ConfirmOwners, a, test.in)
			require.Equal(t, test.want, code(t, err))
			if test.want == "" {
				require.Equal(t, test.owners, got.Owners)
			}
		})
	}
}

func TestRemember(t *testing.T) {
	c := newCloud()
	c.keys["ApiKey-b"], c.keys["ApiKey-a"] = clusterKey("ApiKey-b"), clusterKey("ApiKey-a")
	c.masters["id-far"] = offboard.Master{State: "deployed", Health: "error"}
	c.fail["SecretVersion id-far"] = refused(offboard.Unreachable)
	a := c.activities()
	in := activities.RememberInput{Scope: scope, FunctionalID: functional, Clusters: []activities.WatchedCluster{
		{ClusterRef: prod}, {ClusterRef: stage}, {ClusterRef: offboard.ClusterRef{ID: "id-far", Name: "far"}}}}
	got, err := do(t, try{}, a.Remember, a, in)

	require.NoError(t, err)
	require.Equal(t, []string{"ApiKey-a", "ApiKey-b"}, got.Keys)
	require.Equal(t, []string{stage.ID}, got.Gone)
	require.Equal(t, map[string]string{prod.ID: "7"}, got.Secrets)
	require.Equal(t, map[string]string{"id-far": "ask: no"}, got.Unreachable)
	require.Equal(t, []string{"cluster far's control plane is error"}, got.Ailing)

	c.fail["SecretVersion "+prod.ID] = refused(offboard.NotFound) // deleted this very moment
	got, err = do(t, try{}, a.Remember, a, in)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{prod.ID, stage.ID}, got.Gone)

	for _, verb := range []string{"Keys", "Cluster", "SecretVersion", "Addons"} {
		c.fail = map[string]error{verb: refused(offboard.Denied)}
		_, err := do(t, try{}, a.Remember, a, in)
		require.Equal(t, offboard.Denied, code(t, err), verb)
	}
}
