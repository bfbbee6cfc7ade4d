package chaos_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// patient is a budget that a killed worker does not use up: its death is noticed after fifteen seconds.
const patient = 2 * time.Minute

// moment is when something is done to a run: at the nth request of an operation, before or after its effect.
type moment struct {
	call  ibmsim.RequestCount
	nth   int
	after bool
}

func (m moment) String() string {
	when := "before"
	if m.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s %s no %d", when, m.call.Service, m.call.Method, strings.ReplaceAll(m.call.Route, "/", "."), m.nth)
}

// fault stops the request at the moment: before its effect, which then never comes, or after it, without an answer.
func (m moment) fault() ibmsim.Fault {
	f := ibmsim.Fault{Service: m.call.Service, Method: m.call.Method, Path: pattern(m.call), Nth: m.nth}
	if m.after {
		f.After, f.Hang = true, true
	} else {
		f.Delay, f.DropBefore = "20s", true
	}
	return f
}

// reached waits until the request is there and, where that is meant, has taken effect; false if the run ended without.
func (b *bench) reached(fault int, m moment, over <-chan struct{}) bool {
	if !b.struck(fault, over) {
		return false
	}
	if m.after {
		time.Sleep(100 * time.Millisecond) // the effect follows the arrival at once
	}
	return true
}

// struck waits until a fault has struck; false if the run ended without.
func (b *bench) struck(fault int, over <-chan struct{}) bool {
	for b.hits(fault) == 0 {
		select {
		case <-over:
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
	return true
}

// changing tells whether an operation changes the account. Tokens and searches are asked for with POST.
func changing(c ibmsim.RequestCount) bool {
	return c.Method != http.MethodGet && c.Method != http.MethodHead && c.Service != "iam-token" && c.Service != "search"
}

// moments are before and after the effect of every single change of the undisturbed run; the sample is four that matter
// most.
func moments(u undisturbed) []moment {
	var all, sample []moment
	for _, call := range u.calls {
		if !changing(call) {
			continue
		}
		for nth := range call.Count {
			for _, after := range []bool{false, true} {
				m := moment{call, nth + 1, after}
				all = append(all, m)
				reset, disable := strings.HasSuffix(call.Route, "/keys"), strings.HasSuffix(call.Route, "/disable")
				if nth == 0 && (reset || (disable && after) || (call.Method == http.MethodPatch && call.Route == "deployments" && after)) {
					sample = append(sample, m)
				}
			}
		}
	}
	if full {
		return all
	}
	return sample
}

// TestCrashes is the crash matrix: the worker program is killed at every change, and the account ends as if it had not.
func TestCrashes(t *testing.T) {
	t.Parallel()
	u := usual(t)
	for _, m := range moments(u) {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			b := start(t, setup{noWorker: true, budget: patient})
			b.killed(u, "worker killed", m, func() (kill func()) { return b.run(b.worker()).kill })
		})
	}
}

// killed runs an offboarding, kills what does the work at the moment, starts it again, and compares the end with the
// undisturbed run.
func (b *bench) killed(u undisturbed, matrix string, m moment, begin func() (kill func())) {
	b.t.Helper()
	kill := begin()
	if b.conn == nil {
		b.awaitServer()
	}
	fault := b.arm(m.fault())
	over, killed := make(chan struct{}), make(chan bool, 1)
	go func() {
		reached := false
		defer func() { killed <- reached }()
		if reached = b.reached(fault, m, over); reached {
			kill()
			begin()
		}
	}()
	out := b.drive(b.begin(nil), people{})
	close(over)
	assert.True(b.t, <-killed, "the moment never came")
	b.verify(matrix, out)
	b.sameEnd(u, out)
}

// sameEnd: completed without a person, with the same account and the same changes, except that what is harmless may have
// been sent once more.
func (b *bench) sameEnd(u undisturbed, out outcome) {
	b.t.Helper()
	assert.Equal(b.t, offboard.Completed, out.report.Status, out.report.Message)
	assert.Empty(b.t, out.holds, "nobody was needed")
	assert.Empty(b.t, difference(u.picture, picture(b.sim.State(), false)))
	for what, n := range u.beyond(b.sim.Ledger()) {
		tally.note("more than undisturbed: %s", what)
		assert.True(b.t, harmless(what), "done %d times more than undisturbed: %s", n, what)
	}
	times := map[string]int{}
	for _, e := range b.sim.Ledger() {
		if harmless(e.Action) {
			times[e.Action+" "+e.Target]++
		}
	}
	for what, n := range times {
		assert.LessOrEqual(b.t, n, 2, "once, and once more: %s", what)
	}
	if b.t.Failed() {
		b.dump(out, b.sim.Ledger())
	}
}

// TestOneOfTwoWorkersIsKilled: the other one takes over what the dead one held.
func TestOneOfTwoWorkersIsKilled(t *testing.T) {
	t.Parallel()
	u := usual(t)
	b := start(t, setup{noWorker: true, budget: patient})
	b.run(b.worker()) // survives
	var reset moment
	for _, call := range u.calls {
		if call.Service == "containers" && call.Route == "/v1/keys" {
			reset = moment{call, 1, true}
		}
	}
	victim := b.run(b.worker())
	fault := b.arm(reset.fault())
	over, done := make(chan struct{}), make(chan bool, 1)
	go func() {
		reached := b.reached(fault, reset, over)
		if reached {
			victim.kill()
		}
		// The reset may be the survivor's; it then waits for an answer that this brings.
		b.sim.ClearFaults()
		done <- reached
	}()
	out := b.drive(b.begin(nil), people{})
	close(over)
	assert.True(t, <-done)
	b.verify("one of two workers killed", out)
	b.sameEnd(u, out)
}

// phases are operations that stand for the phases of a run.
var phases = []struct{ phase, service, method, route string }{
	{"survey", "containers", http.MethodGet, "/v1/credentials"},
	{"prepare", "iam-policy", http.MethodPost, "/v2/policies"},
	{"hand over", "containers", http.MethodPost, "/v2/refreshMaster"},
	{"disable", "iam-identity", http.MethodPost, "/v1/apikeys/{id}/disable"},
	{"soak", "containers", http.MethodGet, "/v1/clusters/{cluster}/addons"},
	{"delete", "iam-identity", http.MethodDelete, "/v1/apikeys/{id}"},
	{"remove", "user-management", http.MethodDelete, "/v3/accounts/{account}/users/{iam}"},
	{"clean", "containers", http.MethodPost, "/v2/applyRBACAndGetKubeconfig"},
}

// TestTheWholeStackIsKilled: server and worker die together, once in each phase, and come back on the same SQLite file.
func TestTheWholeStackIsKilled(t *testing.T) {
	t.Parallel()
	onceInEachPhase(t, "whole stack killed, SQLite", func(b *bench, port int) func() func() {
		data := b.t.TempDir()
		return func() (kill func()) { return b.stackProcess(port, dataVariable+"="+data).kill }
	})
}

// onceInEachPhase kills what begin starts; stack makes one for a case whose server is to listen on the port.
func onceInEachPhase(t *testing.T, matrix string, stack func(b *bench, port int) (begin func() (kill func()))) {
	t.Helper()
	u := usual(t)
	for _, p := range phases {
		if !full && p.phase != "hand over" {
			continue
		}
		t.Run(p.phase, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			b := start(t, setup{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), budget: patient})
			m := moment{call: ibmsim.RequestCount{Service: p.service, Method: p.method, Route: p.route}, nth: 1, after: true}
			if p.phase == "soak" {
				m.nth = u.count(m.call) // the last look at the add-ons is one of the soak's
			}
			b.killed(u, matrix, m, stack(b, port))
		})
	}
}

// count is how often an operation is called in the undisturbed run.
func (u undisturbed) count(c ibmsim.RequestCount) int {
	for _, call := range u.calls {
		if call.Service == c.Service && call.Method == c.Method && call.Route == c.Route {
			return call.Count
		}
	}
	return 0
}

// ports counts up from below every operating system's ephemeral range: what is free now must still be free, and nobody
// else's, when the server of the case listens seconds later.
var ports atomic.Int64

// freePort is a port that no other case has been given.
func freePort(t *testing.T) int {
	t.Helper()
	const first, many = 15000, 5000
	for range many {
		port := first + int(ports.Add(1)+int64(os.Getpid()))%many
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	require.FailNow(t, "no port is free")
	return 0
}
