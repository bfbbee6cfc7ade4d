package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

// receipted lets the keys' changes note a receipt, as the adapter does.
type receipted struct {
	activities.Keys
	receipt offboard.Receipt
}

func (r receipted) Disable(ctx context.Context, id string) error {
	offboard.NoteReceipt(ctx, r.receipt)
	return r.Keys.Disable(ctx, id)
}

func (c *cloud) receipted(receipt offboard.Receipt) *activities.Activities {
	return activities.New(activities.Ports{Users: users{c}, Keys: receipted{keys{c}, receipt}, Clusters: clusters{c}, Workloads: workloads{c}})
}

func TestAResultCarriesTheReceiptOfItsChange(t *testing.T) {
	c := newCloud()
	c.keys["k"] = offboard.Key{ID: "k"}
	receipt := offboard.Receipt{RequestID: "req-1", By: offboard.EngineIdentity}
	a := c.receipted(receipt)
	got, err := do(t, try{}, a.DisableKey, a, activities.KeyInput{ID: "k"})
	require.NoError(t, err)
	require.Equal(t, activities.KeyResult{Receipt: receipt}, got)

	c.keys["k"] = offboard.Key{ID: "k", Disabled: true}
	got, err = do(t, try{}, a.DisableKey, a, activities.KeyInput{ID: "k"})
	require.NoError(t, err)
	require.Equal(t, activities.KeyResult{Already: true}, got, "where nothing was sent there is no receipt")
}

// A change inside a cluster is the engine's too, though IBM sees no request.
func TestARestartSaysWhoseItIs(t *testing.T) {
	a := newCloud().activities()
	got, err := do(t, try{}, a.Restart, a, activities.RestartInput{Cluster: prod, Dependents: []offboard.Dependent{block}})
	require.NoError(t, err)
	require.Equal(t, offboard.Receipt{By: offboard.EngineIdentity}, got.Receipt)
}

// A change that was answered with a failure may have been made: the attempt that only finds it knows the request.
func TestAReceiptOutlivesItsAttempt(t *testing.T) {
	c := newCloud()
	c.keys["k"] = offboard.Key{ID: "k"}
	c.fail["Disable"] = &offboard.Error{Code: offboard.Unavailable, Op: "disable", RequestID: "req-1"}
	receipt := offboard.Receipt{RequestID: "req-1", By: offboard.EngineIdentity}
	a := c.receipted(receipt)
	var left offboard.Receipt
	_, err := do(t, try{leaves: &left}, a.DisableKey, a, activities.KeyInput{ID: "k"})
	require.Equal(t, offboard.Unavailable, code(t, err))
	require.Equal(t, receipt, left)

	delete(c.fail, "Disable")
	c.keys["k"] = offboard.Key{ID: "k", Disabled: true}
	got, err := do(t, try{attempt: 2, found: left}, a.DisableKey, a, activities.KeyInput{ID: "k"})
	require.NoError(t, err)
	require.Equal(t, activities.KeyResult{Receipt: receipt}, got)
}

// The clusters of one activity are changed by requests of their own.
func TestEveryClusterHasAReceiptOfItsOwn(t *testing.T) {
	c := newCloud()
	a := activities.New(activities.Ports{Clusters: syncing{clusters{c}}})
	got, err := do(t, try{}, a.SyncAccess, a, activities.SyncAccessInput{Clusters: []offboard.ClusterRef{prod, stage}})
	require.NoError(t, err)
	require.Equal(t, map[string]offboard.Receipt{prod.ID: {RequestID: "req-" + prod.ID}, stage.ID: {RequestID: "req-" + stage.ID}}, got.Receipts)
}

type syncing struct{ clusters }

func (s syncing) SyncAccess(ctx context.Context, id string) error {
	offboard.NoteReceipt(ctx, offboard.Receipt{RequestID: "req-" + id})
	return s.clusters.SyncAccess(ctx, id)
}
