package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

func TestSurveyClusterKeys(t *testing.T) {
	c := newCloud()
	lonely := offboard.Scope{Region: "jp-tok", ResourceGroup: scope.ResourceGroup}
	old, current, single := clusterKey("ApiKey-old"), clusterKey("ApiKey-current"), clusterKey("ApiKey-single")
	old.CreatedAt, old.LastUsed, old.IAMID = noon.Add(-48*time.Hour), noon.Add(-40*time.Hour), "IBMid-2"
	current.CreatedAt, single.CreatedAt, single.Scope = noon.Add(-time.Hour), noon, lonely
	c.keys = map[string]offboard.Key{"ApiKey-old": old, "ApiKey-current": current, "ApiKey-single": single,
		"ApiKey-odd":    {ID: "ApiKey-odd", IAMID: "IBMid-9", Class: offboard.ClusterKey},
		"ApiKey-laptop": {ID: "ApiKey-laptop", IAMID: "IBMid-2", Class: offboard.PersonalKey}}
	c.people = []offboard.Person{{IAMID: "IBMid-2", Email: "leaver@acme.example"}, {IAMID: "IBMid-7", Email: "somebody@acme.example"}, {IAMID: "IBMid-9", Email: "odd@acme.example"}}
	a := c.activities()
	survey := func(in ...string) (activities.SurveyClusterKeysResult, error) {
		return do(t, try{}, a.SurveyClusterKeys, a, activities.SurveyClusterKeysInput{Scopes: in})
	}

	got, err := survey()
	require.NoError(t, err)
	require.Len(t, got.Scopes, 1)
	require.Equal(t, scope.ID(), got.Scopes[0].Scope.ID())
	require.Equal(t, []string{"ApiKey-old", "ApiKey-current"}, []string{got.Scopes[0].Keys[0].ID, got.Scopes[0].Keys[1].ID}, "oldest first")
	require.Equal(t, old.LastUsed, got.Scopes[0].Keys[0].LastUsed)
	require.Equal(t, []offboard.Scope{lonely}, got.Others)
	require.Len(t, got.Unread, 1)
	require.Equal(t, []offboard.Person{c.people[0], c.people[2]}, got.People, "owners of these keys only")
	require.Equal(t, 2, c.called("Key"), "the last use of the others is nobody's business")

	// What was asked for is told even if no key of it is superseded, or none is left.
	got, err = survey(lonely.ID(), "eu-gb/"+scope.ResourceGroup)
	require.NoError(t, err)
	require.Len(t, got.Scopes, 3)
	require.Empty(t, got.Scopes[1].Keys)
	require.Equal(t, "ApiKey-single", got.Scopes[2].Keys[0].ID)
	require.Empty(t, got.Others)

	c.fail["Key ApiKey-old"] = refused(offboard.NotFound)
	got, err = survey()
	require.NoError(t, err)
	require.Len(t, got.Scopes[0].Keys, 1, "it is gone since the list was read")
	c.fail["Key ApiKey-old"] = refused(offboard.Denied)
	got, err = survey()
	require.NoError(t, err)
	require.Equal(t, []string{"ApiKey-old"}, got.Scopes[0].Unread)
	for _, verb := range []string{"Key ApiKey-old", "UserKeys", "People"} {
		c.fail = map[string]error{verb: refused(offboard.Unavailable)}
		_, err = survey()
		require.Equal(t, offboard.Unavailable, code(t, err), verb)
	}
}

func TestLookInto(t *testing.T) {
	c := newCloud()
	c.since = noon.Add(-time.Minute)
	a := c.activities()
	look := func() (activities.LookIntoResult, error) {
		return do(t, try{}, a.LookInto, a, activities.LookIntoInput{Policy: offboard.DefaultPolicy(),
			Clusters: []offboard.Cluster{{ID: prod.ID, Name: prod.Name, State: "normal"}, {ID: stage.ID, Name: stage.Name}}})
	}
	c.fail["Cluster "+stage.ID] = refused(offboard.NotFound)
	got, err := look()
	require.NoError(t, err)
	require.Len(t, got.Clusters, 1, "a cluster that is gone is left out")
	require.True(t, got.Clusters[prod.ID].Looked)
	require.Equal(t, noon.Add(-time.Hour), got.Clusters[prod.ID].Master.Modified)
	require.Equal(t, "normal", got.Clusters[prod.ID].Cluster.State)

	c.fail["Cluster "+stage.ID] = refused(offboard.Unavailable)
	_, err = look()
	require.Equal(t, offboard.Unavailable, code(t, err))
}
