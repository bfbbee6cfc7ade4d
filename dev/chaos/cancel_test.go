package chaos_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/witness"
	"offboard/internal/app"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// turning is a way to turn a run round.
type turning struct {
	name   string
	status offboard.Status
	do     func(b *bench, id string) error
}

var turnings = []turning{
	{"cancel", offboard.RolledBack, func(b *bench, id string) error { return b.conn.CancelWorkflow(b.ctx, id, "") }},
	{"reinstate", offboard.Reinstated, func(b *bench, id string) error {
		_, err := b.runs.Reinstate(b.ctx, id, workflows.Reinstate{By: approver, Note: "The contract was extended."})
		return err
	}},
}

// turnMoments are at every change and in the phases that change nothing; the sample is one of each phase.
func turnMoments(u undisturbed) []moment {
	var all, sample []moment
	for _, call := range u.calls {
		first := u.stands(call)
		if !changing(call) && !first {
			continue
		}
		for nth := range call.Count {
			if !changing(call) && nth != 0 && nth != call.Count-1 {
				continue
			}
			for _, after := range []bool{false, true} {
				all = append(all, moment{call, nth + 1, after})
			}
			if first && nth == 0 {
				sample = append(sample, moment{call, nth + 1, changing(call)})
			}
		}
	}
	if full {
		return all
	}
	return sample
}

// stands tells whether an operation stands for a phase.
func (u undisturbed) stands(c ibmsim.RequestCount) bool {
	for _, p := range phases {
		if p.service == c.Service && p.method == c.Method && p.route == c.Route {
			return true
		}
	}
	return c.Route == "/v1/keys"
}

// TestTurnedRound is the cancel matrix.
func TestTurnedRound(t *testing.T) {
	t.Parallel()
	u := usual(t)
	for i, m := range turnMoments(u) {
		for j, how := range turnings {
			if !full && i%len(turnings) != j {
				continue
			}
			t.Run(how.name+" "+m.String(), func(t *testing.T) {
				t.Parallel()
				b := start(t, setup{})
				b.turned(u, m, how)
			})
		}
	}
}

// turned lets a run come to the moment and turns it round there.
func (b *bench) turned(u undisturbed, m moment, how turning) {
	b.t.Helper()
	f := ibmsim.Fault{Service: m.call.Service, Method: m.call.Method, Path: pattern(m.call), Nth: m.nth, Delay: "400ms"}
	if m.after {
		f.Delay = "1ms" // only to be told of the request
	}
	fault := b.arm(f)
	over, said := make(chan struct{}), make(chan error, 1)
	id := b.begin(nil)
	go func() {
		if !b.reached(fault, m, over) {
			said <- errors.New("the moment never came")
			return
		}
		said <- how.do(b, id)
	}()
	out := b.drive(id, people{})
	close(over)
	err := <-said
	if _, refused := errors.AsType[*app.Refused](err); !refused {
		require.NoError(b.t, err)
	}
	b.verify("turned round", out)
	if out.report.Status == offboard.Completed {
		tally.note("turned round too late: the run went on forward")
		assert.Empty(b.t, difference(u.picture, picture(b.sim.State(), false)))
		assert.True(b.t, slices.ContainsFunc(b.sim.Ledger(), deletes), "before the first deletion a run can be turned round")
		return
	}
	b.asBefore(how.status, out)
}

func deletes(e ibmsim.Entry) bool {
	return e.Method != "" && strings.HasSuffix(e.Action, "apikey.delete")
}

// asBefore: the account is exactly as it was, or the report says what could not be undone and why.
func (b *bench) asBefore(status offboard.Status, out outcome) {
	b.t.Helper()
	assert.Equal(b.t, status, out.report.Status, out.report.Message)
	ledger := b.sim.Ledger()
	residual := strings.Join(out.report.Progress.Residual, "\n")
	reset := false
	for _, e := range ledger {
		if e.Action == witness.ResetAction {
			reset = true
			region, _, _ := strings.Cut(e.Target, "/")
			assert.Contains(b.t, residual, region, "the report names the scope that keeps its new owner")
		}
	}
	for _, line := range difference(b.before, picture(b.sim.State(), true)) {
		switch {
		case newcomer(line):
			// It has accepted its invitation, which is its own act and nothing to withdraw.
			assert.Contains(b.t, residual, functionalID, "the report says that the functional ID stays a user")
			if strings.Contains(line, "user ") {
				tally.note("turned round: the functional ID had accepted and stays a user")
			}
		case reset && !ofLeaver(line):
			// A handed-over scope keeps its new owner, and the owner its key and its grants.
		default:
			b.t.Errorf("promise 5: the account differs from before: %s", line)
		}
	}
	if !reset {
		assert.Empty(b.t, balance(ledger), "what was made is taken away again")
	}
	if b.t.Failed() {
		b.dump(out, ledger)
	}
}

const functionalID = "clusters-1@acme.example"

// newcomer tells whether a difference is the functional ID as a user, with the key it logs in with.
func newcomer(line string) bool {
	return strings.HasPrefix(line, "+ user "+functionalID) || strings.HasPrefix(line, "+ key login of "+functionalID)
}

// ofLeaver tells whether a difference is one of the leaver's keys or the leaver.
func ofLeaver(line string) bool {
	return (strings.HasPrefix(line[2:], "key ") || strings.HasPrefix(line[2:], "user ")) && strings.Contains(line, leaver)
}

// TestTurnedRoundWhileNothingHappens covers the waits that no request marks.
func TestTurnedRoundWhileNothingHappens(t *testing.T) {
	t.Parallel()
	waits := map[string]struct {
		fields map[string]any
		phase  offboard.Phase
	}{
		"last day": {map[string]any{"lastDay": time.Now().Add(time.Hour).Format(time.RFC3339)}, offboard.PhaseWait},
		"approval": {nil, offboard.PhaseApprove},
		"soak":     {map[string]any{"soak": "10m"}, offboard.PhaseSoak},
	}
	for name, wait := range waits {
		for _, how := range turnings {
			t.Run(fmt.Sprintf("%s in %s", how.name, name), func(t *testing.T) {
				t.Parallel()
				b := start(t, setup{})
				id := b.begin(wait.fields)
				var once bool
				out := b.drive(id, people{keepOut: wait.phase == offboard.PhaseApprove, watch: func(p offboard.Progress) {
					if p.Phase == wait.phase && !once {
						once = true
						require.NoError(t, how.do(b, id))
					}
				}})
				b.verify("turned round", out)
				b.asBefore(how.status, out)
			})
		}
	}
}
