package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

func TestSurveyKeys(t *testing.T) {
	c := newCloud()
	old, current := clusterKey("ApiKey-old"), clusterKey("ApiKey-current")
	old.IAMID, old.CreatedAt = "IBMid-2", noon.Add(-48*time.Hour)
	current.CreatedAt = noon.Add(-time.Hour)
	c.keys["ApiKey-old"], c.keys["ApiKey-current"] = old, current
	c.keys["ApiKey-laptop"] = offboard.Key{ID: "ApiKey-laptop", IAMID: "IBMid-2", Class: offboard.PersonalKey, CreatedAt: noon.Add(-72 * time.Hour), LastUsed: noon}
	a := c.activities()
	in := activities.SurveyKeysInput{Leaver: offboard.Person{IAMID: "IBMid-2"}}
	got, err := do(t, try{}, a.SurveyKeys, a, in)

	require.NoError(t, err)
	require.Len(t, got.Keys, 2)
	require.Equal(t, "ApiKey-laptop", got.Keys[0].ID, "oldest first")
	require.Equal(t, noon, got.Keys[0].LastUsed)
	require.True(t, got.Keys[1].Superseded)

	before := c.called("Key")
	brief, err := do(t, try{}, a.SurveyKeys, a, activities.SurveyKeysInput{Leaver: in.Leaver, Brief: true})
	require.NoError(t, err)
	require.Len(t, brief.Keys, 2)
	require.Equal(t, before, c.called("Key"), "the last use is a question for each key")

	c.fail["Key ApiKey-old"] = refused(offboard.NotFound)
	_, err = do(t, try{}, a.SurveyKeys, a, in)
	require.NoError(t, err)
	for _, verb := range []string{"Key ApiKey-old", "UserKeys"} {
		c.fail = map[string]error{verb: refused(offboard.Unavailable)}
		_, err = do(t, try{}, a.SurveyKeys, a, in)
		require.Equal(t, offboard.Unavailable, code(t, err))
	}
}

func TestSurveyClusters(t *testing.T) {
	c := newCloud()
	c.indexed = []offboard.ClusterRef{prod, {ID: "id-dark", Name: "dark"}}
	a := c.activities()
	got, err := do(t, try{}, a.SurveyClusters, a, activities.SurveyClustersInput{})
	require.NoError(t, err)
	require.Equal(t, []offboard.ClusterRef{{ID: "id-dark", Name: "dark"}}, got.Hidden)
	require.Len(t, got.Groups, 1)

	for verb, want := range map[string]offboard.Code{"ResourceGroups": offboard.Denied, "Clusters": offboard.Denied} {
		c.fail = map[string]error{verb: refused(offboard.Denied)}
		_, err = do(t, try{}, a.SurveyClusters, a, activities.SurveyClustersInput{})
		require.Equal(t, want, code(t, err), verb)
	}
	c.fail = map[string]error{"Indexed": refused(offboard.Denied)}
	got, err = do(t, try{}, a.SurveyClusters, a, activities.SurveyClustersInput{})
	require.NoError(t, err)
	require.Equal(t, "search", got.Missing[0].ID)
	c.fail["Indexed"] = refused(offboard.Unavailable)
	_, err = do(t, try{}, a.SurveyClusters, a, activities.SurveyClustersInput{})
	require.Equal(t, offboard.Unavailable, code(t, err))
}

// What cannot be read for want of a right is a gap that is told; what may be readable in a minute is tried again.
func TestGapsOfASurvey(t *testing.T) {
	refs := []activities.ClusterInScope{{ClusterRef: prod, Scope: scope}, {ClusterRef: stage, Scope: scope}}
	inspect := activities.InspectInput{Clusters: []offboard.ClusterRef{prod, stage}, Policy: offboard.DefaultPolicy(), Scopes: []offboard.Scope{scope}}
	c := newCloud()
	c.owners = map[string]string{prod.ID: "leaver@acme.example"}
	a := c.activities()
	owners := func() (activities.SurveyOwnersResult, error) {
		return do(t, try{}, a.SurveyOwners, a, activities.SurveyOwnersInput{Clusters: refs})
	}
	look := func() (activities.InspectResult, error) { return do(t, try{}, a.Inspect, a, inspect) }
	profiles := func() (activities.SurveyProfilesResult, error) {
		return do(t, try{}, a.SurveyProfiles, a, activities.SurveyProfilesInput{IAMID: "IBMid-2"})
	}

	got, err := owners()
	require.NoError(t, err)
	require.Equal(t, "leaver@acme.example", got.Owners[prod.ID].Email)
	seen, err := look()
	require.NoError(t, err)
	require.Equal(t, []offboard.Dependent{block}, seen.Inspections[prod.ID].Dependents)
	require.Equal(t, "1234567_ops@acme.example", seen.ClassicUsers[scope.ID()])
	named, err := profiles()
	require.NoError(t, err)
	require.Equal(t, []string{"nightly"}, named.Profiles)

	c.fail = map[string]error{"KeyOwner id-stage": refused(offboard.NotFound), "Inspect id-stage": refused(offboard.NotFound)}
	got, err = owners()
	require.NoError(t, err)
	require.Empty(t, got.Missing)
	seen, err = look()
	require.NoError(t, err)
	require.NotContains(t, seen.Inspections, stage.ID)

	c.fail = map[string]error{"KeyOwner id-stage": refused(offboard.Denied), "Inspect id-stage": refused(offboard.Denied), "ClassicUser": refused(offboard.Denied), "TrustedProfiles": refused(offboard.Denied)}
	got, err = owners()
	require.NoError(t, err)
	require.Equal(t, "owner/id-stage", got.Missing[0].ID)
	seen, err = look()
	require.NoError(t, err)
	require.Equal(t, "ask: no", seen.Inspections[stage.ID].Unreachable)
	require.Equal(t, "classic/"+scope.ID(), seen.Missing[0].ID)
	named, err = profiles()
	require.NoError(t, err)
	require.Equal(t, "profiles", named.Missing[0].ID)

	for _, verb := range []string{"KeyOwner id-stage", "Inspect id-stage", "ClassicUser", "TrustedProfiles"} {
		c.fail = map[string]error{verb: refused(offboard.Unavailable)}
		_, first := owners()
		_, second := look()
		_, third := profiles()
		failed := 0
		for _, err := range []error{first, second, third} {
			if code(t, err) == offboard.Unavailable {
				failed++
			}
		}
		require.Equal(t, 1, failed, verb)
	}
}

// Of clusters whose key is not the leaver's only that is told in which something was found.
func TestInspectOthers(t *testing.T) {
	c := newCloud()
	a := c.activities()
	look := func() (activities.InspectResult, error) {
		return do(t, try{}, a.Inspect, a, activities.InspectInput{Policy: offboard.DefaultPolicy(), Clusters: []offboard.ClusterRef{prod}, Others: []offboard.ClusterRef{stage}})
	}
	got, err := look()
	require.NoError(t, err)
	require.Equal(t, map[string]offboard.Inspection{prod.ID: {Dependents: []offboard.Dependent{block}}}, got.Inspections)
	c.pulls = map[string][]string{stage.ID: {"checkout/registry-login"}}
	got, err = look()
	require.NoError(t, err)
	require.Equal(t, map[string]offboard.Inspection{prod.ID: {Dependents: []offboard.Dependent{block}}, stage.ID: {PullSecrets: c.pulls[stage.ID]}}, got.Inspections)

	c.fail["Inspect "+stage.ID] = refused(offboard.Denied)
	got, err = look()
	require.NoError(t, err)
	require.Equal(t, "ask: no", got.Inspections[stage.ID].Unreachable)
	c.fail["Inspect "+stage.ID] = refused(offboard.Unavailable)
	_, err = look()
	require.Equal(t, offboard.Unavailable, code(t, err))
}

func TestSurveyFunctionalIDs(t *testing.T) {
	c := newCloud()
	c.people = []offboard.Person{{IAMID: "IBMid-3", Email: "Clusters-1@acme.example", State: "ACTIVE"}}
	a := c.activities()
	in := activities.SurveyFunctionalIDsInput{Emails: []string{functional, "clusters-2@acme.example"}}
	got, err := do(t, try{}, a.SurveyFunctionalIDs, a, in)
	require.NoError(t, err)
	require.Equal(t, []offboard.FunctionalID{
		{Email: functional, IAMID: "IBMid-3", State: "ACTIVE", Keys: 4, Limit: offboard.DefaultKeyLimit},
		{Email: "clusters-2@acme.example", Limit: offboard.DefaultKeyLimit},
	}, got.FunctionalIDs)
	for _, verb := range []string{"People", "Room"} {
		c.fail = map[string]error{verb: refused(offboard.Denied)}
		_, err := do(t, try{}, a.SurveyFunctionalIDs, a, in)
		require.Equal(t, offboard.Denied, code(t, err), verb)
	}
}

// A few calls are under way at a time, and after the first failure none is begun.
func TestCallsTogetherAreBounded(t *testing.T) {
	var many activities.SyncAccessInput
	for i := range 200 {
		many.Clusters = append(many.Clusters, offboard.ClusterRef{ID: fmt.Sprintf("id-%03d", i), Name: "c"})
	}
	c := newCloud()
	c.slow = time.Millisecond
	a := c.activities()
	_, err := do(t, try{}, a.SyncAccess, a, many)
	require.NoError(t, err)
	require.Equal(t, 200, c.called("SyncAccess"))
	require.Equal(t, 50, c.most)

	c = newCloud()
	c.slow = time.Millisecond
	c.fail["SyncAccess id-003"] = refused(offboard.Unavailable)
	a = c.activities()
	_, err = do(t, try{}, a.SyncAccess, a, many)
	require.Equal(t, offboard.Unavailable, code(t, err))
	require.ErrorContains(t, err, "ask: no")
	require.Less(t, c.called("SyncAccess"), 110, "nothing new is begun after it")
}
