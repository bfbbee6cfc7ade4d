package rehearsal_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/internal/rehearsal"
)

// odd is an account with one of everything that is translated in a way of its own.
func odd(t *testing.T) *ibmsim.Account {
	t.Helper()
	account, err := ibmsim.Load(filepath.Join("testdata", "odd.yaml"))
	require.NoError(t, err)
	return account
}

func TestAnOddAccountLooksLikeItself(t *testing.T) {
	account := odd(t)
	list := account.Clusters
	// Those that nothing is looked into, or that are not listed, do not count as looked into.
	account.Clusters = slices.DeleteFunc(slices.Clone(list), func(c ibmsim.Cluster) bool { return c.Name == "going" || c.Unlisted })
	seen, scene := roundTrip(t, account, "leaver@acme.example")
	assert.Contains(t, strings.Join(scene.Assumptions, "\n"), "clusters-2@acme.example is not in the account")
	many, found := seen.Cluster("many")
	require.True(t, found)
	assert.Len(t, seen.Inspections[many.ID].Dependents, 3)
	assert.Equal(t, 3, seen.Inspections[many.ID].Dependents[0].Replicas)
	own, found := seen.Cluster("own")
	require.True(t, found)
	assert.Len(t, seen.Inspections[own.ID].Bindings, 3, "one entry for every spelling")
	assert.Equal(t, []string{"shop/mine"}, seen.Inspections[own.ID].PullSecrets)
}

func TestClustersThatGoOrHideStaySo(t *testing.T) {
	account := odd(t)
	seen := look(t, ports(t, ibmsim.New(account, ibmsim.Options{}), shippedIdentities(account)), "leaver@acme.example")
	require.Len(t, seen.Hidden, 1)
	assert.Equal(t, "unseen", seen.Hidden[0].Name)
	scene, err := rehearsal.NewScene(seen, rehearsal.Quick, 0)
	require.NoError(t, err)
	again := look(t, ports(t, ibmsim.New(scene.Account, ibmsim.Options{}), identities{engine: scene.EngineKey}), "leaver@acme.example")
	assert.Equal(t, seen.Hidden, again.Hidden)
	going, found := again.Cluster("going")
	require.True(t, found)
	assert.True(t, going.Going())
	assert.Empty(t, again.Inspections[going.ID], "nobody looks into a cluster that goes")
	assert.Contains(t, strings.Join(scene.Assumptions, "\n"), "Clusters in the middle of something")
}

// TestDependentsByThePolicysOwnRules: workloads that only a rule of the policy means hold the key in the scene, too.
func TestDependentsByThePolicysOwnRules(t *testing.T) {
	account := odd(t)
	policy := offboard.DefaultPolicy()
	policy.Dependents = []offboard.DependentRule{{Name: "mirror", Namespace: "registry", PodPrefix: "mirror", Breaks: "images are not mirrored"},
		{Name: "index", Namespace: "registry", PodPrefix: "index"}}
	subject := rehearsal.Subject{User: "leaver@acme.example", Policy: policy}
	seen, err := rehearsal.Look(t.Context(), ports(t, ibmsim.New(account, ibmsim.Options{}), shippedIdentities(account)), subject)
	require.NoError(t, err)
	scene, err := rehearsal.NewScene(seen, rehearsal.Real, 0)
	require.NoError(t, err)
	cloud := ibmsim.New(scene.Account, ibmsim.Options{})
	again, err := rehearsal.Look(t.Context(), ports(t, cloud, identities{engine: scene.EngineKey}), subject)
	require.NoError(t, err)
	own, found := seen.Cluster("own")
	require.True(t, found)
	require.Len(t, seen.Inspections[own.ID].Dependents, 2)
	assert.Equal(t, seen.Inspections[own.ID].Dependents, again.Inspections[own.ID].Dependents)
	for _, c := range cloud.State().Clusters {
		if c.Name == "own" {
			assert.Len(t, c.Holders, 4, "the master, two pods of one and one of the other: %v", c.Holders)
		}
	}
}

// TestWhatCouldNotBeReadCannotBeReadInTheSceneEither, or the plan would not ask about it.
func TestWhatCouldNotBeReadCannotBeReadInTheSceneEither(t *testing.T) {
	account, err := ibmsim.Load("small")
	require.NoError(t, err)
	cloud := ibmsim.New(account, ibmsim.Options{})
	for _, f := range []ibmsim.Fault{
		{Service: "search", Status: 403, Times: -1}, {Service: "iam-identity", Path: "/profiles", Status: 403, Times: -1},
		{Service: "containers", Path: "/clusterkeyowner$", Status: 403, Times: 1, Body: `{"code": "A0010", "type": "Authentication"}`},
	} {
		_, err := cloud.AddFault(f)
		require.NoError(t, err)
	}
	seen := look(t, ports(t, cloud, shippedIdentities(account)), "leaver@acme.example")
	require.Len(t, seen.Missing, 3)
	scene, err := rehearsal.NewScene(seen, rehearsal.Quick, time.Millisecond)
	require.NoError(t, err)
	stage, err := rehearsal.Open(t.Context(), scene, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stage.Close()) }()
	armed, err := rehearsal.Armed(stage)
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(armed, `"status":403`))
}

// TestPlacesTheSimulatorDoesNotHave are left out and said so.
func TestPlacesTheSimulatorDoesNotHave(t *testing.T) {
	group := offboard.ResourceGroup{ID: strings.Repeat("a", 32), Name: "default", Default: true}
	leaver := offboard.Person{IAMID: "IBMid-1", Email: "leaver@acme.example", State: "ACTIVE"}
	view := rehearsal.View{TakenAt: time.Now(), Account: offboard.Account{ID: strings.Repeat("b", 32)},
		Engine: offboard.Identity{IAMID: "iam-ServiceId-1", Account: strings.Repeat("b", 32)},
		People: []offboard.Person{leaver, {IAMID: "IBMid-2", Email: "Leaver@acme.example", State: "MOON"}}, Leaver: leaver, Groups: []offboard.ResourceGroup{group},
		Clusters: []offboard.Cluster{{ID: "c1", Name: "far", Region: "xx-moon", ResourceGroup: group.ID, Provider: "vpc-gen2"},
			{ID: "c2", Name: "near", Region: "eu-de", ResourceGroup: group.ID, Provider: "vpc-gen2", State: "normal", Owner: offboard.Owner{Email: "gone@acme.example"}}},
		Keys: []offboard.Key{{ID: "ApiKey-1", Name: "laptop", IAMID: "IBMid-3"}},
	}
	scene, err := rehearsal.NewScene(view, rehearsal.Quick, 0)
	require.NoError(t, err)
	require.Len(t, scene.Account.Clusters, 1)
	said := strings.Join(scene.Assumptions, "\n")
	for _, want := range []string{"far, clusters in places", "Leaver@acme.example, who have no e-mail address of their own", "(MOON)", "IBMid-3, who own keys",
		"eu-de/aaaa", "The engine has all the access it needs", "The leaver does not own the account"} {
		assert.Contains(t, said, want)
	}
	assert.NotEmpty(t, scene.EngineKey)
	assert.Len(t, scene.Account.ServiceIDs, 1)
}
