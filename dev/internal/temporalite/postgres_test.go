//go:build postgres

package temporalite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"offboard/dev/internal/postgres"
	"offboard/dev/internal/temporalite"
)

// database starts a PostgreSQL server for one test.
func database(t *testing.T) *postgres.Server {
	t.Helper()
	db, err := postgres.New(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Remove()) })
	require.NoError(t, db.Start(t.Context()))
	return db
}

func on(db *postgres.Server, database string) temporalite.Options {
	return temporalite.Options{
		PostgreSQL: &temporalite.PostgreSQL{Address: db.Address(), User: postgres.User, Database: database},
		UIPort:     temporalite.NoUI, SearchAttributes: keywords("OffboardUser"),
	}
}

// TestServerOnKilledPostgresContinues: what a workflow has done before its server ends and its database is killed is
// there afterwards, and lists find it.
func TestServerOnKilledPostgresContinues(t *testing.T) {
	db := database(t)
	first := start(t, on(db, "temporal"))
	c := dial(t, first)
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(Greet)
	w.RegisterActivity(Compose)
	require.NoError(t, w.Start())
	user := temporal.NewSearchAttributeKeyKeyword("OffboardUser")
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "kept", TaskQueue: queue, TypedSearchAttributes: temporal.NewSearchAttributes(user.ValueSet("ada@acme.example")),
	}, Greet, "Ada")
	require.NoError(t, err)
	require.NoError(t, waiting(t.Context(), c, "kept"))
	w.Stop()
	require.NoError(t, first.Stop())

	require.NoError(t, db.Kill())
	require.NoError(t, db.Start(t.Context()))
	second := start(t, on(db, "temporal"))
	c = dial(t, second)
	requireCount(t, c, `OffboardUser = "ada@acme.example"`, 1)
	finish(t, c, "kept")
}

func TestUnusablePostgresIsRefused(t *testing.T) {
	db := database(t)
	_, err := temporalite.Start(t.Context(), temporalite.Options{PostgreSQL: &temporalite.PostgreSQL{}, Data: t.TempDir()})
	require.ErrorContains(t, err, "choose one")
	_, err = temporalite.Start(t.Context(), temporalite.Options{PostgreSQL: &temporalite.PostgreSQL{}})
	for _, field := range []string{"Address", "User", "Database"} {
		assert.ErrorContains(t, err, "needs "+field, "every problem at once")
	}

	require.NoError(t, start(t, on(db, "temporal")).Stop())
	_, err = temporalite.Start(t.Context(), on(db, "temporal_visibility"))
	require.ErrorIs(t, err, temporalite.ErrSchema, "it has another schema")

	require.NoError(t, db.Kill())
	_, err = temporalite.Start(t.Context(), on(db, "temporal"))
	require.ErrorContains(t, err, db.Address())
}
