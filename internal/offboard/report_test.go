package offboard_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// TestReports holds the report of every status as text, as data and as the run's last page in the Web UI.
func TestReports(t *testing.T) {
	for _, run := range runs() {
		t.Run(run.name, func(t *testing.T) {
			golden(t, "reports/"+fileName(run.name)+".golden.md", run.report.Markdown())
			golden(t, "reports/"+fileName(run.name)+".page.golden.md", offboard.Details(run.report.Progress))
			goldenJSON(t, "reports/"+fileName(run.name)+".golden.json", run.report)
		})
	}
}

// The report is a result in a history and a file for other programs: nothing may be lost on the way.
func TestReportSurvivesJSON(t *testing.T) {
	for _, run := range runs() {
		t.Run(run.name, func(t *testing.T) {
			data, err := json.Marshal(run.report)
			require.NoError(t, err)
			var back offboard.Report
			require.NoError(t, json.Unmarshal(data, &back))
			again, err := json.Marshal(back)
			require.NoError(t, err)
			assert.Empty(t, cmp.Diff(string(data), string(again)))
			assert.Equal(t, run.report.Markdown(), back.Markdown())
		})
	}
}

func TestAccessEnds(t *testing.T) {
	r := completed()
	assert.Equal(t, r.Progress.DisabledAt.Add(time.Hour), r.AccessEnds, "a token outlives its key by the account's token life")
	assert.Zero(t, reinstated().AccessEnds, "the keys work again")
	for _, run := range []offboard.Report{planned(), rejected(), alreadyGone(), rolledBack()} {
		assert.Zero(t, run.AccessEnds, "%s: no key was disabled", run.Status)
	}
}

func TestResidual(t *testing.T) {
	const bindings = 2
	tests := []struct {
		what   string
		change func(*offboard.Progress)
		want   []string // besides those of the bindings
	}{
		{"nothing", func(*offboard.Progress) {}, nil},
		{"what was noted on the way", func(p *offboard.Progress) { p.Residual = []string{"noted"} }, []string{"noted"}},
		{"a scope that was skipped", func(p *offboard.Progress) { p.Scopes[1].State, p.Scopes[1].KeyMade = offboard.ScopeSkipped, "" },
			[]string{"Scope eu-gb/shop was not handed over (skipped): its key stays with the leaver."}},
		{"a scope that was skipped after its reset", func(p *offboard.Progress) { p.Scopes[1].State = offboard.ScopeSkipped },
			[]string{"Scope eu-gb/shop has its new key ApiKey-new-eu-gb-shop, but not everything in it is proven to run on it (skipped); the leaver's old key is kept."}},
		{"a key that was kept", func(p *offboard.Progress) { p.Keys[4].State = offboard.KeyKept }, []string{"Key ci-pipeline (ApiKey-ci) is kept."}},
		{"a key that is only disabled", func(p *offboard.Progress) { p.Keys[4].State = offboard.KeyDisabled }, []string{"Key ci-pipeline (ApiKey-ci) is disabled."}},
		{"a doubt", func(p *offboard.Progress) { p.Waivers = []string{"no cluster was asked"} }, []string{"Not verified: no cluster was asked"}},
		{"the user", func(p *offboard.Progress) { p.UserRemoved = false }, []string{"Leaver@acme.example is still a user of the account."}},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			p := completed().Progress
			p.Residual = nil
			tt.change(&p)
			assert.Equal(t, tt.want, offboard.NewReport(p, day(2)).Progress.Residual)

			p.Changes = nil
			assert.Len(t, offboard.NewReport(p, day(2)).Progress.Residual, len(tt.want)+bindings, "bindings that nobody removed")
		})
	}
}

func TestNothingRemainsWhereNothingWasBegun(t *testing.T) {
	for _, run := range []offboard.Report{planned(), rejected(), alreadyGone()} {
		assert.Empty(t, run.Progress.Residual, "%s", run.Status)
	}
}

// Making a report leaves the run's progress alone: it may go on, and be asked again.
func TestNewReportLeavesTheProgressAlone(t *testing.T) {
	p := incomplete().Progress
	p.Residual = make([]string, 1, 50)
	p.Residual[0] = "noted"
	first := offboard.NewReport(p, day(2))
	assert.Equal(t, []string{"noted"}, p.Residual)
	assert.Empty(t, cmp.Diff(first, offboard.NewReport(p, day(2))))
}

func TestDetailsOfASoak(t *testing.T) {
	p := completed().Progress
	p.Status, p.Phase, p.Message, p.Waiting = offboard.Running, offboard.PhaseSoak, "", "the soak"
	p.Residual = []string{"noted"}
	p.Soak = &offboard.SoakProgress{Run: p.WorkflowID + "/soak", Until: day(2)}
	golden(t, "reports/soaking.page.golden.md", offboard.Details(p))
}

func TestDetailsOfAHandOver(t *testing.T) {
	s := completed().Progress.Scopes[0]
	golden(t, "reports/hand-over-done.page.golden.md", offboard.ScopeDetails(s))
	hold := holdOn(s.Scope.ID())
	s.State, s.Step, s.Hold, s.KeyMade = offboard.ScopeHeld, "reset", &hold, ""
	s.Clusters[0] = offboard.ClusterProgress{ClusterRef: s.Clusters[0].ClusterRef, Step: "verify"}
	golden(t, "reports/hand-over-held.page.golden.md", offboard.ScopeDetails(s))
	golden(t, "reports/refresh-done.page.golden.md", offboard.ScopeDetails(completed().Progress.Scopes[2]))
}

// A bar or a line break in a name must not break a table of the page.
func TestMarkdownKeepsTablesWhole(t *testing.T) {
	p := completed().Progress
	p.Keys[4].Name = "ci | x\n| evil |"
	assert.Contains(t, offboard.NewReport(p, day(2)).Markdown(), `| ci \| x \| evil \| ApiKey-ci |`)
}
