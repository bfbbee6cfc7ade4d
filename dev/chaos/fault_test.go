package chaos_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// failing is one way in which a call can fail.
type failing struct {
	name  string
	fault ibmsim.Fault
	// says is what a true account of it contains, one of these.
	says []string
	// lasts is how long after its first strike it goes on, in real time, in accounts whose budgets are not shortened; zero
	// leaves its end to fault.Times.
	lasts time.Duration
}

var (
	silent    = []string{"no answer", "without an answer", "the connection"}
	forbidden = []string{"403"}
	garbled   = []string{"not its JSON", "answered with nothing", "cannot be read", "not Kubernetes", "no kubeconfig"}
)

// failures are the columns of the matrix. What strikes a few times passes before a step's budget is used up; what is a
// refusal may hold at once; for ever lasts until a person removes it.
var failures = []failing{
	// First, because it takes longest.
	{twoMinutes, ibmsim.Fault{Status: http.StatusForbidden, Times: -1}, forbidden, 2 * time.Minute},
	{"429", ibmsim.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1", Times: 2}, []string{"429"}, 0},
	{"500", ibmsim.Fault{Status: http.StatusInternalServerError, Times: 2}, []string{"500"}, 0},
	{"503", ibmsim.Fault{Status: http.StatusServiceUnavailable, Times: 2}, []string{"503"}, 0},
	{"hang", ibmsim.Fault{Delay: "1500ms", DropBefore: true}, silent, 0},
	{"reset before", ibmsim.Fault{DropBefore: true, Times: 2}, silent, 0},
	{"reset after effect", ibmsim.Fault{DropAfter: true, Times: 2}, silent, 0},
	{"non-JSON", ibmsim.Fault{NonJSON: true, Times: 2}, garbled, 0},
	{"401", ibmsim.Fault{RefuseToken: true, Times: 2}, []string{"401", "400", "access token"}, 0},
	{"403 three times", ibmsim.Fault{Status: http.StatusForbidden, Times: 3}, forbidden, 0},
	{forever, ibmsim.Fault{Status: http.StatusForbidden, Times: -1}, forbidden, 0},
}

// notAuthorized is how the Kubernetes Service words a missing role.
const notAuthorized = `{"incidentID": "chaos", "code": "A0010", "description": "You are not authorized to do this.", "type": "Authentication"}`

// outOfTime is how a run says that a step's budget went by without a word from the step.
const outOfTime = "no answer in time"

const (
	twoMinutes = "403 for two minutes"
	forever    = "403 for ever"
)

// faultCase is one call that fails in one way, from its nth occurrence on.
type faultCase struct {
	call ibmsim.RequestCount
	how  failing
	nth  int
}

func (c faultCase) name() string {
	return fmt.Sprintf("%s %s %s/%s from no %d", c.call.Service, c.call.Method, strings.ReplaceAll(c.call.Route, "/", "."), c.how.name, c.nth)
}

// parameter is a part of a route that differs from request to request.
var parameter = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// pattern finds the requests of an operation by their path.
func pattern(c ibmsim.RequestCount) string {
	if c.Service == "kube" {
		return "/" + regexp.QuoteMeta(c.Route) + "(/|$)"
	}
	return parameter.ReplaceAllString(regexp.QuoteMeta(c.Route), "[^/]+") + "$"
}

// faultCases are all cases, or a sample in which every way to fail and every other operation occurs, and a reset whose
// outcome is not told.
func faultCases(calls []ibmsim.RequestCount) []faultCase {
	var all, sample []faultCase
	quick := slices.DeleteFunc(slices.Clone(failures), func(how failing) bool { return how.lasts > 0 })
	for _, how := range failures {
		for _, call := range calls {
			all = append(all, faultCase{call, how, 1})
			// Half-way through its occurrences an operation serves another phase. What passes by itself is tried there once.
			if later := call.Count/2 + 1; later > 1 && slices.Contains([]string{"503", "reset after effect", "401", twoMinutes, forever}, how.name) {
				all = append(all, faultCase{call, how, later})
			}
		}
	}
	for i, call := range calls {
		for j, how := range quick {
			untold := (how.fault.DropAfter || how.fault.NonJSON) && strings.HasSuffix(call.Route, "/keys")
			if (i%2 == 0 && (i/2)%len(quick) == j) || untold {
				sample = append(sample, faultCase{call, how, 1})
			}
		}
	}
	if full {
		return all
	}
	return sample
}

// TestFaults is the fault matrix: whatever call fails, and however, the run completes, or it stops where it is, says what
// failed, and completes once that is removed.
func TestFaults(t *testing.T) {
	t.Parallel()
	u := usual(t)
	for _, c := range faultCases(u.calls) {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			c.run(t, u)
		})
	}
}

func (c faultCase) run(t *testing.T, u undisturbed) {
	const matrix = "faults"
	b := start(t, setup{lasting: c.how.lasts > 0})
	fault := c.how.fault
	fault.Service, fault.Method, fault.Path, fault.Nth = c.call.Service, c.call.Method, pattern(c.call), c.nth
	if c.call.Service == "containers" && fault.Status == http.StatusForbidden {
		fault.Body = notAuthorized // the code of other refusals there means that asking again helps
	}
	armed := b.arm(fault)
	over, lifted := make(chan struct{}), make(chan struct{})
	go func() { defer close(lifted); c.lift(b, armed, over) }()
	held := 0
	out := b.drive(b.begin(nil), people{answer: func(h offboard.Hold) string {
		struck := len(b.sim.Faults()) == 0 || b.hits(armed) > 0
		if !c.says(h.Problem) && (!struck || strings.Contains(h.Problem, outOfTime)) {
			// A busy machine let a token or a budget run out.
			tally.note("held although the fault had not struck, or for want of time: %s", h.Step)
			return offboard.ActionRetry
		}
		if c.how.lasts > 0 && len(b.sim.Faults()) > 0 {
			return "" // whoever can end it is at it
		}
		c.isTrue(t, h.Problem)
		assert.NotEmpty(t, h.Step, "a hold names the step")
		assert.NotEmpty(t, h.Means, "a hold says what it means")
		assert.Empty(t, b.sim.Outages(), "while a person is asked nothing is broken")
		if held++; c.how.name == forever || held > 3 {
			b.sim.ClearFaults()
		}
		if held > 8 {
			t.Errorf("it holds again and again although nothing fails any more: %s", h.Problem)
			return offboard.ActionAbort
		}
		return offboard.ActionRetry
	}})
	close(over)
	<-lifted
	if len(b.sim.Faults()) > 0 && b.hits(armed) == 0 {
		tally.note("faults that were due later than the run was long")
		assert.Greater(t, c.nth, 1, "the fault never struck")
	}
	if out.report.Status != offboard.Completed {
		c.endedEarly(t, b, out)
		b.verify(matrix, out)
		b.sim.ClearFaults()
		out = b.drive(b.begin(nil), people{})
		require.Equal(t, offboard.Completed, out.report.Status, "once the fault was removed: %s", out.report.Message)
	}
	b.verify(matrix, out)
	assert.Empty(t, difference(u.picture, picture(b.sim.State(), false)), "the account is as after an undisturbed run")
	for what, n := range u.beyond(b.sim.Ledger()) {
		tally.note("more than undisturbed: %s", what)
		assert.True(t, harmless(what), "done %d times more than undisturbed: %s", n, what)
	}
}

// lift takes a fault away that has lasted; meanwhile the case leaves its slot to others.
func (c faultCase) lift(b *bench, armed int, over <-chan struct{}) {
	if c.how.lasts == 0 || !b.struck(armed, over) {
		return
	}
	b.slot.leave()
	select {
	case <-over:
	case <-time.After(c.how.lasts):
		b.sim.ClearFaults()
	}
	b.slot.back(b.ctx)
}

// endedEarly: a run that neither completes nor holds changed nothing, and says the truth of why.
func (c faultCase) endedEarly(t *testing.T, b *bench, out outcome) {
	t.Helper()
	text := out.report.Message
	if out.failed != nil {
		text = out.failed.Error()
	}
	if out.plan != nil {
		why, _ := blind(*out.plan)
		text += " " + why
	}
	c.isTrue(t, text)
	assert.Empty(t, changesBy(b.sim.Ledger()), "nothing was changed")
	tally.note("ended as %s before anything was changed, for a failure while the account is read", out.report.Status)
}

func (c faultCase) isTrue(t *testing.T, text string) {
	t.Helper()
	assert.True(t, c.says(text), "it does not say what happened (%s): %s", c.how.name, text)
}

func (c faultCase) says(text string) bool {
	return slices.ContainsFunc(c.how.says, func(word string) bool { return strings.Contains(text, word) })
}

// harmless changes may be made once more after a reply was lost: they bring about what is there already.
func harmless(what string) bool {
	return slices.ContainsFunc([]string{"cluster-master.refresh", "cluster-rbac.apply", "kubernetes."}, func(part string) bool {
		return strings.Contains(what, part)
	})
}
