package offboard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

var (
	today   = time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	oldShop = offboard.Scope{Region: "eu-de", ResourceGroup: "5b0ff5b0ff5b0ff5b0ff5b0ff5b0ff51", ResourceGroupName: "shop"}
)

func daysAgo(n int) time.Time { return today.AddDate(0, 0, -n) }

// unusedKey is a scope with one superseded key that is proven unused.
func unusedKey() offboard.KeyEvidence {
	key := func(id, owner string, made, used int) offboard.Key {
		return offboard.Key{ID: id, Name: offboard.ClusterKeyName, IAMID: owner, Class: offboard.ClusterKey, Scope: oldShop, CreatedAt: daysAgo(made), LastUsed: daysAgo(used)}
	}
	return offboard.KeyEvidence{
		TakenAt: today,
		People: []offboard.Person{
			{IAMID: "IBMid-1", Email: "functional@acme.example", State: "ACTIVE"},
			{IAMID: "IBMid-2", Email: "petra@acme.example", State: "ACTIVE"},
		},
		Named: map[string]string{},
		Scopes: []offboard.ScopeEvidence{{
			Scope: oldShop,
			Keys:  []offboard.Key{key("ApiKey-old", "IBMid-2", 400, 100), key("ApiKey-new", "IBMid-1", 90, 0)},
			Clusters: []offboard.ClusterEvidence{{
				Cluster: offboard.Cluster{ID: "c1", Name: "prod", State: "normal", Owner: offboard.Owner{Email: "Functional@acme.example"}},
				Looked:  true, Master: offboard.Master{State: "deployed", Modified: daysAgo(89)},
				Dependents: []offboard.Dependent{{Name: "block storage", Workload: "csi"}}, Since: daysAgo(88),
			}},
		}},
	}
}

func TestSupersededKeyIsProvenUnusedByEverythingTogether(t *testing.T) {
	list := offboard.Superseded(unusedKey(), offboard.DefaultPolicy())
	require.Len(t, list, 1)
	assert.Equal(t, "ApiKey-old", list[0].Key.ID)
	assert.Equal(t, "ApiKey-new", list[0].Newest)
	assert.True(t, list[0].Unused, "%v", list[0].Because)
	assert.Equal(t, []string{"it was last used 100 days ago",
		"eu-de/shop runs on key ApiKey-new of functional@acme.example, made 90 days ago and last used just now",
		"the control planes and workloads of 1 cluster began after that key was made"}, list[0].Because)
}

func TestSupersededKeyIsNotProvenUnused(t *testing.T) {
	type evidence = offboard.KeyEvidence
	old := func(e *evidence) *offboard.Key { return &e.Scopes[0].Keys[0] }
	newest := func(e *evidence) *offboard.Key { return &e.Scopes[0].Keys[1] }
	cluster := func(e *evidence) *offboard.ClusterEvidence { return &e.Scopes[0].Clusters[0] }
	for want, change := range map[string]func(e *evidence){
		"it is locked":                                         func(e *evidence) { old(e).Locked = true },
		"it is the key the engine works with":                  func(e *evidence) { e.Named["ApiKey-old"] = "it is the key the engine works with" },
		"IAM does not say when it was made":                    func(e *evidence) { old(e).CreatedAt = time.Time{} },
		"made in the same moment":                              func(e *evidence) { newest(e).CreatedAt = old(e).CreatedAt },
		"its last use could not be read":                       func(e *evidence) { e.Scopes[0].Unread = []string{"ApiKey-old"} },
		"last used 3 days ago, within the 30d":                 func(e *evidence) { old(e).LastUsed = daysAgo(3) },
		"no use of it is known, but it was superseded only":    func(e *evidence) { old(e).LastUsed = time.Time{}; newest(e).CreatedAt = daysAgo(2) },
		"cluster dark is hidden":                               func(e *evidence) { e.Hidden = []offboard.ClusterRef{{ID: "x", Name: "dark"}} },
		"the newest key ApiKey-new is disabled":                func(e *evidence) { newest(e).Disabled = true },
		"belongs to IBMid-1, who is not in the account":        func(e *evidence) { e.People = e.People[1:] },
		"who is in state VPN_ONLY":                             func(e *evidence) { e.People[0].State = "VPN_ONLY" },
		"nothing proves that it works":                         func(e *evidence) { newest(e).LastUsed = time.Time{} },
		"no use of the newest key ApiKey-new is known":         func(e *evidence) { e.Scopes[0].Unread = []string{"ApiKey-new"} },
		"it is not known whose key cluster prod names":         func(e *evidence) { cluster(e).Cluster.Owner = offboard.Owner{} },
		"cluster prod names a key of petra@acme.example":       func(e *evidence) { cluster(e).Cluster.Owner.Email = "petra@acme.example" },
		"cluster prod is in state warning":                     func(e *evidence) { cluster(e).Cluster.State = "warning" },
		"nobody looked into cluster prod":                      func(e *evidence) { cluster(e).Looked = false },
		"not known when the control plane":                     func(e *evidence) { cluster(e).Master.Modified = time.Time{} },
		"was not refreshed since the newest":                   func(e *evidence) { cluster(e).Master.Modified = daysAgo(91) },
		"the control plane of cluster prod is updating":        func(e *evidence) { cluster(e).Master.State = "updating" },
		"cluster prod cannot be reached":                       func(e *evidence) { cluster(e).Unreachable = "private" },
		"not known since when block storage in cluster prod":   func(e *evidence) { cluster(e).Since = time.Time{} },
		"run since 2026-06-15, before the newest key was made": func(e *evidence) { cluster(e).Since = daysAgo(91) },
		"IAM does not say when key ApiKey-new was made": func(e *evidence) {
			newest(e).CreatedAt, old(e).CreatedAt = time.Time{}, time.Time{}
			e.Scopes[0].Keys[0], e.Scopes[0].Keys[1] = e.Scopes[0].Keys[1], e.Scopes[0].Keys[0]
		},
	} {
		t.Run(want, func(t *testing.T) {
			e := unusedKey()
			change(&e)
			list := offboard.Superseded(e, offboard.DefaultPolicy())
			require.Len(t, list, 1)
			assert.False(t, list[0].Unused)
			assert.Contains(t, strings.Join(list[0].Because, "\n"), want)
		})
	}
}

func TestSupersededKeyStaysProvenWhileItIsDisabled(t *testing.T) {
	e := unusedKey()
	e.Scopes[0].Keys[0].Disabled = true
	assert.True(t, offboard.Superseded(e, offboard.DefaultPolicy())[0].Unused)
}

func TestSupersededKeyOfAScopeWithoutClusters(t *testing.T) {
	e := unusedKey()
	e.Scopes[0].Clusters[0].Cluster.State = "deleting"
	e.Scopes[0].Keys[1].LastUsed = time.Time{}
	list := offboard.Superseded(e, offboard.DefaultPolicy())
	assert.True(t, list[0].Unused, "%v", list[0].Because)
	assert.Contains(t, list[0].Because, "no cluster is left in eu-de/shop")
}

func TestNewestKeyIsNeverSuperseded(t *testing.T) {
	e := unusedKey()
	e.Scopes[0].Keys = e.Scopes[0].Keys[1:]
	assert.Empty(t, offboard.Superseded(e, offboard.DefaultPolicy()))
	e.Scopes[0].Keys = nil
	assert.Empty(t, offboard.Superseded(e, offboard.DefaultPolicy()))
}
