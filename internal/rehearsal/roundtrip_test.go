package rehearsal_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/ibmsim"
	"offboard/internal/ibmsim/clock"
	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
	"offboard/internal/rehearsal"
)

// serve puts a simulated account on loopback and returns its address.
func serve(t *testing.T, cloud *ibmsim.Cloud) string {
	t.Helper()
	server, err := ibmsim.NewServer(cloud)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }() // ends with the test, by Close
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return "http://" + listener.Addr().String()
}

// identities are whose keys the adapters work with.
type identities struct {
	engine     string
	successors []ibmcloud.FunctionalID
}

func key(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

// shippedIdentities are those of a shipped account, by the names they have there.
func shippedIdentities(a *ibmsim.Account) identities {
	var ids identities
	for _, u := range a.Users {
		switch {
		case strings.HasPrefix(u.Email, "offboard-admin@"):
			ids.engine = u.APIKey
		case strings.HasPrefix(u.Email, "clusters-") && u.APIKey != "":
			ids.successors = append(ids.successors, ibmcloud.FunctionalID{Email: u.Email, APIKey: key(u.APIKey)})
		}
	}
	return ids
}

// ports are the real adapters on an account, through the transport of a rehearsal.
func ports(t *testing.T, cloud *ibmsim.Cloud, ids identities) rehearsal.Ports {
	t.Helper()
	base := serve(t, cloud)
	c, err := ibmcloud.New(ibmcloud.Config{
		Account: cloud.AccountID(), APIKey: key(ids.engine), FunctionalIDs: ids.successors,
		HTTPClient: &http.Client{Transport: ibmcloud.ReadOnly(&http.Transport{MaxIdleConnsPerHost: 32})},
		Endpoints: ibmcloud.Endpoints{IAM: base + "/iam", UserManagement: base + "/user-management", ResourceManagement: base + "/resource-controller",
			GlobalSearch: base + "/search", Containers: base + "/containers/global", Accounts: base + "/accounts"},
	})
	require.NoError(t, err)
	return rehearsal.Ports{Users: c.Users, Keys: c.Keys, Clusters: c.Clusters, Successors: c.Successors, Access: access{c.Access},
		Workloads: kubernetes.New(kubernetes.Config{Kubeconfig: c.Kubeconfig})}
}

type access struct{ *ibmcloud.Access }

func (a access) Rights(ctx context.Context, iamID string) ([]rehearsal.Right, error) {
	found, err := a.Access.Rights(ctx, iamID)
	var list []rehearsal.Right
	for _, r := range found {
		list = append(list, rehearsal.Right{Roles: r.Roles, Resources: r.Resources})
	}
	return list, err
}

func look(t *testing.T, p rehearsal.Ports, user string) rehearsal.View {
	t.Helper()
	view, err := rehearsal.Look(t.Context(), p, rehearsal.Subject{User: user, Policy: offboard.DefaultPolicy()})
	require.NoError(t, err)
	return view
}

// comparable is a view without what no two accounts share: when it was taken, the account's own ID, versions of secrets,
// and in whose words something could not be reached. Times count to the second, the precision of a rehearsal.
func comparable(v rehearsal.View) rehearsal.View {
	v.TakenAt, v.Took = time.Time{}, 0
	v.Account.ID, v.Engine.Account, v.Engine.KeyID = "", "", ""
	v.EngineRights = rehearsal.Rights{} // the owners of keys get what they need besides
	for i := range v.FunctionalIDs {
		v.FunctionalIDs[i].Proof.Account, v.FunctionalIDs[i].Proof.KeyID = "", ""
		v.FunctionalIDs[i].Rights = rehearsal.Rights{}
	}
	for i := range v.Keys {
		v.Keys[i].CreatedAt = v.Keys[i].CreatedAt.Round(time.Minute)
		v.Keys[i].LastUsed = v.Keys[i].LastUsed.Round(time.Minute)
	}
	for i := range v.Clusters {
		if v.Clusters[i].Owner.Email == "" {
			v.Clusters[i].Owner.ID = "" // a number of its service ID's
		}
		slices.SortFunc(v.Clusters[i].Addons, func(a, b offboard.Addon) int { return strings.Compare(a.Name, b.Name) })
	}
	for id, found := range v.Inspections {
		if found.Unreachable != "" {
			found.Unreachable = "from here"
		}
		v.Inspections[id] = found
	}
	return v
}

// TestTheSimulatedAccountLooksLikeTheOneItWasMadeOf: a second look, at what was made of the first, sees the same.
func TestTheSimulatedAccountLooksLikeTheOneItWasMadeOf(t *testing.T) {
	for _, name := range []string{"sample", "traps", "large", "small", "empty"} {
		t.Run(name, func(t *testing.T) {
			account, err := ibmsim.Load(name)
			require.NoError(t, err)
			roundTrip(t, account, "leaver@acme.example")
		})
	}
}

// roundTrip looks, translates and looks again. It returns what it saw first and the scene.
func roundTrip(t *testing.T, account *ibmsim.Account, user string) (rehearsal.View, rehearsal.Scene) {
	t.Helper()
	now := time.Now().Truncate(time.Minute)
	first := ibmsim.New(account, ibmsim.Options{Clock: clock.NewVirtual(now)})
	seen := look(t, ports(t, first, shippedIdentities(account)), user)
	assert.Empty(t, first.Ledger(), "looking changes nothing")
	assert.Empty(t, first.Unknown())

	seen.TakenAt = now // the simulated account lives at its own time
	scene, err := rehearsal.NewScene(seen, rehearsal.Real, 0)
	require.NoError(t, err)
	assert.NotEqual(t, account.ID, scene.Account.ID)
	ids := identities{engine: scene.EngineKey}
	for _, f := range seen.FunctionalIDs {
		ids.successors = append(ids.successors, ibmcloud.FunctionalID{Email: f.Email, APIKey: key(scene.SuccessorKeys[f.Email])})
	}
	second := ibmsim.New(scene.Account, ibmsim.Options{Clock: clock.NewVirtual(now)})
	again := look(t, ports(t, second, ids), user)
	if difference := cmp.Diff(comparable(seen), comparable(again)); difference != "" {
		t.Errorf("the simulated account differs from the one it was made of (-real +simulated):\n%s", difference)
	}
	assert.Empty(t, second.Unknown())
	assert.Len(t, seen.Inspections, len(account.Clusters), "every cluster was looked into")
	for _, c := range account.Clusters {
		if c.BlockCSI != "" && !c.PrivateOnly {
			found, _ := seen.Cluster(c.Name)
			assert.NotEmpty(t, seen.Inspections[found.ID].Dependents, "something depends on the key in %s", c.Name)
		}
	}
	return seen, scene
}

// TestNoSecretComesAlong: what opens the real account is not in the simulated one.
func TestNoSecretComesAlong(t *testing.T) {
	account, err := ibmsim.Load("sample")
	require.NoError(t, err)
	_, scene := roundTrip(t, account, "leaver@acme.example")
	for _, u := range account.Users {
		for _, simulated := range scene.Account.Users {
			assert.False(t, u.APIKey != "" && u.APIKey == simulated.APIKey, u.Email)
		}
	}
	for _, secret := range append([]string{scene.EngineKey}, scene.SuccessorKeys["clusters-1@acme.example"]) {
		assert.True(t, strings.HasPrefix(secret, "rehearsal-"), "play money is known by its name")
	}
}

// TestAnErrorIsPassedOn: what an offboarding would hold for, a look ends with.
func TestAnErrorIsPassedOn(t *testing.T) {
	account, err := ibmsim.Load("small")
	require.NoError(t, err)
	cloud := ibmsim.New(account, ibmsim.Options{})
	_, err = cloud.AddFault(ibmsim.Fault{Service: "resource-manager", Status: 403, Times: -1})
	require.NoError(t, err)
	_, err = rehearsal.Look(t.Context(), ports(t, cloud, shippedIdentities(account)), rehearsal.Subject{User: "leaver@acme.example"})
	require.Error(t, err)
	assert.Equal(t, offboard.Denied, offboard.CodeOf(err))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cloud.ClearFaults()
	_, err = rehearsal.Look(ctx, ports(t, cloud, shippedIdentities(account)), rehearsal.Subject{User: "leaver@acme.example"})
	assert.True(t, errors.Is(err, context.Canceled), "%v", err)
}
