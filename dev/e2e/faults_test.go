package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// Promise 3 under its hardest condition (trap 3): the reset is done and nobody hears of it.
func TestALostReplyOfAResetMakesNoSecondKey(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	_, err := b.Sim.AddFault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", DropAfter: true, Times: 2})
	require.NoError(t, err)
	id := b.begin(nil)
	b.approve(id)
	report := b.report(id)
	assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	assert.Equal(t, 2, witness.Resets(b.Sim.Ledger()))
}

// A bad hour: rate limits, a service that is down for a while, replies that are lost.
func TestABadHourOnlyCostsTime(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	for _, f := range []ibmsim.Fault{
		{Service: "containers", Status: 429, RetryAfter: "1", Nth: 3, Times: 3},
		{Service: "iam-identity", Status: 503, Nth: 2, Times: 3},
		{Service: "user-management", Method: "DELETE", DropAfter: true},
		{Service: "iam-identity", Method: "DELETE", DropAfter: true},
		{Service: "containers", Path: "clusterkeyowner", NonJSON: true, Nth: 4},
	} {
		_, err := b.Sim.AddFault(f)
		require.NoError(t, err)
	}
	id := b.begin(nil)
	b.approve(id)
	report := b.report(id)
	assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	assert.Equal(t, offboard.Completed, report.Status)
}
