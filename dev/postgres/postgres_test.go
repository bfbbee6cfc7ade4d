//go:build postgres

package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/witness"
	"offboard/dev/production/installation"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// TestEverythingIsKilledInTheMiddle: HR's webhook starts an offboarding, a person approves it at the door, and while
// scopes are handed over the worker, the door, the codec server, Temporal and PostgreSQL are killed at once. They come
// back and finish, as if nothing had happened.
func TestEverythingIsKilledInTheMiddle(t *testing.T) {
	i := installation.New(t, "sample", installation.OneScopeAfterTheOther)
	i.Up()
	i.HR("event-1")
	run, plan := i.Planned()
	i.Approve(plan)

	i.Eventually("a scope was reset", func() bool { return i.Did(witness.ResetAction) > 0 })
	i.KillAll()
	require.Less(t, i.Did(witness.ResetAction), len(plan.Handovers), "something is left to be done")
	i.Up()

	i.HR("event-1")
	var report offboard.Report
	var err error
	i.Connected(func(_ *app.Connection, r *app.Runs) { report, err = r.Wait(t.Context(), run) })
	require.NoError(t, err)
	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Empty(t, witness.Judge(report, i.Sim.Ledger(), i.Sim.Outages()))
	assert.Empty(t, i.Sim.Unknown())
	require.NotNil(t, report.Progress.Approval)
	assert.Equal(t, installation.Approver, report.Progress.Approval.By)
	i.KeepsSecrets(run)
}
