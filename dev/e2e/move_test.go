package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// Clusters come off personal keys although nobody leaves: every scope gets its new owner, nobody loses anything.
func TestScopesAreMovedAlthoughNobodyLeaves(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	request := offboard.MoveRequest{Selection: offboard.Selection{AllPersonal: true}, Mode: offboard.ModeExecute,
		Approval: offboard.ApprovalRequired, OnFailure: offboard.OnFailureHold, RequestedBy: "hr@acme.example"}
	run, err := b.Runs.Move(b.ctx, request)
	require.NoError(t, err)
	_, err = b.Runs.Move(b.ctx, request)
	var open *app.AlreadyRunning
	require.ErrorAs(t, err, &open)
	plan := b.approve(run.WorkflowID)
	report := b.report(run.WorkflowID)

	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Equal(t, 3, plan.Resets(), "the leaver's two scopes and a colleague's")
	assert.Equal(t, 3, witness.Resets(b.Sim.Ledger()))
	assert.Empty(t, b.Sim.Outages())
	for _, e := range b.Sim.Ledger() {
		assert.NotContains(t, e.Action, "apikey.delete")
		assert.NotContains(t, e.Action, "apikey.update")
		assert.NotContains(t, e.Action, "apikey.disable")
		assert.NotEqual(t, witness.RemoveAction, e.Action)
	}
	again, err := b.Runs.Move(b.ctx, request)
	require.NoError(t, err)
	report = b.report(again.WorkflowID)
	assert.Equal(t, offboard.Completed, report.Status)
	assert.Contains(t, report.Message, "Nothing was changed", "everything is where it belongs")
}
