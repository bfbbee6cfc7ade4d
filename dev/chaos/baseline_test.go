package chaos_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// undisturbed is an offboarding that nothing happens to, which the others are compared with.
type undisturbed struct {
	calls   []ibmsim.RequestCount // every operation it used, and how often
	ledger  []ibmsim.Entry
	shape   map[string]int // its changes
	picture []string       // the account afterwards
	took    time.Duration
}

var baseline = struct {
	once sync.Once
	undisturbed
}{}

// usual runs the undisturbed offboarding once for all tests.
func usual(t *testing.T) undisturbed {
	t.Helper()
	baseline.once.Do(func() {
		b := start(t, setup{})
		out := b.drive(b.begin(nil), people{})
		b.verify("undisturbed", out)
		require.Equal(t, offboard.Completed, out.report.Status, out.report.Message)
		require.Empty(t, out.holds)
		baseline.calls, baseline.ledger = b.sim.Requests(), b.sim.Ledger()
		baseline.shape, baseline.picture = witness.Shape(baseline.ledger), picture(b.sim.State(), false)
		baseline.took = time.Since(b.began)
		b.stopWorker()
		b.slot.leave()
	})
	require.NotEmpty(t, baseline.shape, "the undisturbed run failed")
	return baseline.undisturbed
}

// beyond lists changes that the undisturbed run does not make, or not as often.
func (u undisturbed) beyond(ledger []ibmsim.Entry) map[string]int {
	more := map[string]int{}
	for what, n := range witness.Shape(slices.DeleteFunc(slices.Clone(ledger), byOutsiders)) {
		if extra := n - u.shape[what]; extra > 0 {
			more[what] = extra
		}
	}
	return more
}

func TestUndisturbed(t *testing.T) {
	u := usual(t)
	t.Logf("took %s", u.took)
	for _, c := range u.calls {
		t.Logf("%5d %-20s %-6s %s %v", c.Count, c.Service, c.Method, c.Route, c.Callers)
	}
	for _, line := range changesBy(u.ledger) {
		t.Log(line)
	}
	for _, line := range u.picture {
		t.Log(line)
	}
}
