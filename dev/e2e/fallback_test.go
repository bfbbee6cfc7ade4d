package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const (
	functional = "clusters-1@acme.example"
	fallback   = "clusters-2@acme.example"
)

// A run that turns round after its resets hands the scopes to the policy's fallback identity, takes back everything that
// it gave the functional ID, and breaks nothing on the way.
func TestScopesGoToTheFallbackIdentity(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "testdata/fallback.yaml", Settings: stack.Settings{Policy: map[string]any{"fallback": fallback}}})
	id := b.begin(map[string]any{"soak": "10m"})
	b.approve(id)
	b.until(id, "the soak", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseSoak })
	_, err := b.Runs.Reinstate(b.ctx, id, workflows.Reinstate{By: approver})
	require.NoError(t, err)
	report := b.report(id)

	assert.Equal(t, offboard.Reinstated, report.Status)
	assert.Empty(t, b.Sim.Outages())
	resets, given, taken := map[string]int{}, 0, 0
	var made []string
	for _, e := range b.Sim.Ledger() {
		switch {
		case e.Action == "containers-kubernetes.account-api-key.reset":
			resets[e.Caller]++
		case strings.HasPrefix(e.Action, "iam-groups.") && strings.HasSuffix(e.Action, ".create"), e.Action == "iam-groups.member.add", e.Action == "iam-am.policy.create":
			given++
		case strings.HasPrefix(e.Action, "iam-groups.") && strings.HasSuffix(e.Action, ".delete"), e.Action == "iam-am.policy.delete":
			taken++
		case e.Action == "iam-identity.user-apikey.delete":
			made = append(made, e.Target)
		}
	}
	assert.Len(t, resets, 2, "each scope once by the functional ID and once by the fallback: %v", resets)
	for caller, n := range resets {
		assert.Equal(t, 2, n, caller)
	}
	for _, s := range report.Progress.Scopes {
		assert.Equal(t, fallback, s.FellBack)
		assert.Contains(t, made, s.KeyMade, "the key made for the functional ID")
	}
	assert.Len(t, made, 2, "no other key was deleted")
	assert.NotZero(t, given)
	assert.Equal(t, given, taken, "everything that was given is taken back")
}
