package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// Promise 5: who stays after all can work as before, and the clusters do not go back.
func TestReinstateDuringTheSoakEnablesTheKeysAgain(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	id := b.begin(map[string]any{"soak": "10m"})
	plan := b.approve(id)
	b.until(id, "the soak", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseSoak })
	_, err := b.Runs.Reinstate(b.ctx, id, workflows.Reinstate{By: approver, Note: "The contract was extended."})
	require.NoError(t, err)
	report := b.report(id)

	assert.Equal(t, offboard.Reinstated, report.Status)
	assert.False(t, report.Progress.UserRemoved)
	state := map[string]map[string]string{} // key -> what was last done to it
	for _, e := range b.Sim.Ledger() {
		if e.Details["owner"] != leaverIAM {
			continue
		}
		if state[e.Target] == nil {
			state[e.Target] = map[string]string{}
		}
		for _, what := range []string{"disabled", "locked"} {
			if value, said := e.Details[what]; said {
				state[e.Target][what] = value
			}
		}
		assert.NotContains(t, e.Action, "delete")
	}
	assert.Len(t, state, len(plan.Keys), "every key was disabled")
	for key, s := range state {
		assert.Equal(t, "false", s["disabled"], key)
		if locked, touched := s["locked"]; touched {
			assert.Equal(t, "true", locked, "a key that was locked is locked again: %s", key)
		}
	}
	assert.Empty(t, b.Sim.Outages())
	assert.Equal(t, 2, witness.Resets(b.Sim.Ledger()), "the scopes stay with the functional ID")
	for _, e := range b.Sim.Ledger() {
		assert.NotEqual(t, witness.RemoveAction, e.Action)
		assert.NotContains(t, e.Action, "member.delete", "a grant that a handed-over scope depends on stays")
	}
}
