//go:build postgres

package chaos_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/postgres"
)

// TestTheWholeStackIsKilledOnPostgreSQL: server, worker and database die together, once in each phase, and come back.
func TestTheWholeStackIsKilledOnPostgreSQL(t *testing.T) {
	t.Parallel()
	onceInEachPhase(t, "whole stack killed, PostgreSQL", func(b *bench, port int) func() func() {
		db, err := postgres.New(b.ctx)
		require.NoError(b.t, err)
		b.t.Cleanup(func() { require.NoError(b.t, db.Remove()) })
		return func() (kill func()) {
			require.NoError(b.t, db.Start(b.ctx))
			stack := b.stackProcess(port, postgresVariable+"="+postgres.User+"@"+db.Address())
			return func() {
				require.NoError(b.t, db.Kill())
				stack.kill()
			}
		}
	})
}
