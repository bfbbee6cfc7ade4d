package e2e_test

import (
	"testing"
	"time"

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

// The sample account: the functional ID is invited, accepts, and takes every scope that a person owns.
func TestTheSampleAccountIsMovedOffPersonalKeys(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample", Settings: stack.Settings{MinimumSoak: offboard.Duration(4 * time.Second)}})
	run, err := b.Runs.Move(b.ctx, moving(offboard.Selection{AllPersonal: true}))
	require.NoError(t, err)
	plan := b.approve(run.WorkflowID)
	report := b.report(run.WorkflowID)

	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Equal(t, 7, plan.Resets(), "the leaver's five scopes and two of a colleague")
	assert.Equal(t, 7, witness.Resets(b.Sim.Ledger()))
	assert.Empty(t, b.Sim.Outages())
	assert.Empty(t, b.Sim.Unknown())
	for _, s := range b.Sim.State().Scopes {
		assert.Contains(t, b.Sim.FunctionalIDs(), s.Owner)
	}
	b.noSecretAnywhere(report)
}

// On the account of traps a person has to answer for what the engine cannot do: whatever they skip stays with its owner or is
// reported, and nothing breaks.
func TestTheTrapsAreMovedAsFarAsTheyGo(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: hurried(t), Settings: stack.Settings{StepBudget: offboard.Duration(8 * time.Second)}})
	run, err := b.Runs.Move(b.ctx, moving(offboard.Selection{AllPersonal: true}))
	require.NoError(t, err)
	plan := b.approve(run.WorkflowID)
	require.NotEmpty(t, plan.Preparation)
	require.True(t, plan.Preparation[0].Invite)
	require.Eventually(t, func() bool { return b.Sim.Accept("clusters-1@acme.example") }, time.Minute, 100*time.Millisecond, "the invitation is sent")
	b.skipEverything(run.WorkflowID)
	report := b.report(run.WorkflowID)

	assert.Equal(t, offboard.Incomplete, report.Status, report.Message)
	assert.Equal(t, plan.Resets(), witness.Resets(b.Sim.Ledger()), "one key a scope")
	assert.Empty(t, b.Sim.Outages())
	assert.NotEmpty(t, report.Progress.Residual)
	assert.Empty(t, deleted(b.Sim.Ledger()))
	for _, scope := range report.Progress.Scopes {
		assert.NotEqual(t, "jp-tok", scope.Scope.Region, "no cluster is there (trap 39)")
	}
}

func moving(s offboard.Selection) offboard.MoveRequest {
	return offboard.MoveRequest{Selection: s, Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired, OnFailure: offboard.OnFailureHold, RequestedBy: "sre@acme.example"}
}

// skipEverything answers every hold of a run until it has ended.
func (b *bench) skipEverything(id string) {
	b.t.Helper()
	for {
		var open []offboard.Hold
		err := b.Runs.Follow(b.ctx, id, 100*time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
			open = p.Holds
			return len(open) > 0
		})
		require.NoError(b.t, err)
		if len(open) == 0 {
			return
		}
		b.resolve(id, open[0].Subject, offboard.ActionSkip)
	}
}
