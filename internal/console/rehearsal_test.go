package console_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/console"
	"offboard/internal/offboard"
)

func TestTheReportOfARehearsalBeginsWithThat(t *testing.T) {
	const minute = offboard.Duration(time.Minute)
	r := ended()
	r.Rehearsal = &offboard.Rehearsal{Account: "acc", SurveyedAt: begun,
		Problems: []offboard.ExpectedProblem{
			{Kind: offboard.ProblemBlocker, Phase: offboard.PhaseApprove, Subject: "headroom", Text: "There is no room.", Remedy: "Make room."},
			{Kind: offboard.ProblemHold, Phase: offboard.PhaseSoak, Subject: "soak", Step: "soak", Text: "web is critical."}},
		Expected: []offboard.ExpectedTime{{Phase: offboard.PhaseHandOver, Measured: minute / 20, Usual: 4 * minute, Long: 15 * minute},
			{Phase: offboard.PhaseHandOver, Scope: "eu-de/prod", Usual: 4 * minute, Long: 15 * minute, Note: "until somebody restarts by hand"}},
		Usual: 4 * minute, Long: 15 * minute,
		Faults: []offboard.RehearsedFault{{Fault: "throttle", Means: "too many", Hits: 5}}, Outages: []string{"master in web"}, Assumptions: []string{"one"}}
	var b bytes.Buffer
	console.New(&b, func(string) string { return "" }).Report(r)
	text := b.String()
	assert.Regexp(t, `^Rehearsal: nothing in account acc was changed\.\n`, text)
	for _, want := range []string{"Blocker", "Make room.", "web is critical.", "hand over", "  eu-de/prod", "4m00s", "15m00s", "throttle: too many; struck 5 times", "master in web",
		"Rehearsal: Offboarding of leaver@acme.example"} {
		assert.Contains(t, text, want)
	}
	r.Rehearsal.Problems = nil
	b.Reset()
	console.New(&b, func(string) string { return "" }).Report(r)
	assert.Contains(t, b.String(), "None: nothing in the rehearsal needed a person")
}
