//go:build browser

package browser_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// What people read before they say yes, and what auditors read afterwards: each in both themes, on a phone, on a desk and
// on paper. The pages and their pictures are kept for people to look at.
func TestPlanAndReportCanBeRead(t *testing.T) {
	for _, c := range []struct {
		account string
		soak    string
		most    map[string]int // bytes of a page, so that it can be mailed
	}{
		{"sample", "5s", map[string]int{"plan": 80 << 10, "report": 200 << 10}},
		{"traps", "24h", map[string]int{"plan": 80 << 10}}, // one of its traps is a blocker that no report gets past
		{"large", "5s", map[string]int{"plan": 500 << 10, "report": 2 << 20}},
	} {
		t.Run(c.account, func(t *testing.T) {
			reports := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
			t.Cleanup(cancel)
			s, err := stack.Start(ctx, stack.Options{Engine: stack.EngineOptions{Account: c.account, Reports: reports}})
			require.NoError(t, err)
			t.Cleanup(func() {
				if err := s.Stop(); err != nil {
					t.Errorf("stop the stack: %v", err)
				}
			})
			chrome := browse(t, ctx)

			id, p := planned(t, ctx, s, c.soak)
			plan := writePlan(t, ctx, s, id)
			read(t, chrome, plan, c.account+"-plan", c.most["plan"])
			shows(t, chrome, "What this means for you", "How long it takes", "What cannot be undone", p.Digest)

			if c.most["report"] == 0 {
				require.NotZero(t, p.Blockers())
				return
			}
			report := carriedOut(t, ctx, s, id, p)
			page := htmlReport(t, reports)
			read(t, chrome, page, c.account+"-report", c.most["report"])
			shows(t, chrome, demo.Leaver, string(report.Status), demo.Approver, "Every change", report.Progress.RunID)
			for _, change := range report.Progress.Changes {
				if change.RequestID != "" {
					has(t, chrome, change.RequestID)
				}
			}
		})
	}
}

// planned starts a run and waits for its plan.
func planned(t *testing.T, ctx context.Context, s *stack.Stack, soak string) (id string, p offboard.Plan) {
	t.Helper()
	request, err := offboard.DecodeRequest([]byte(`{"user": "`+demo.Leaver+`", "soak": "`+soak+`", "requestedBy": "`+demo.Requester+`", "ticket": "HR-1234"}`), time.Now())
	require.NoError(t, err)
	run, err := s.Runs.Start(ctx, request)
	require.NoError(t, err)
	return run.WorkflowID, plan(t, ctx, s, run.WorkflowID)
}

// writePlan writes the page of a run that waits for a yes.
func writePlan(t *testing.T, ctx context.Context, s *stack.Stack, id string) string {
	t.Helper()
	report, open, err := s.Runs.Report(ctx, id)
	require.NoError(t, err)
	require.True(t, open)
	report, err = report.Sealed(app.Version())
	require.NoError(t, err)
	page, err := report.HTML()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "plan.html")
	require.NoError(t, os.WriteFile(file, page, 0o600))
	return file
}

// carriedOut approves a plan and waits for the end.
func carriedOut(t *testing.T, ctx context.Context, s *stack.Stack, id string, p offboard.Plan) offboard.Report {
	t.Helper()
	_, err := s.Runs.Approve(ctx, id, workflows.Approve{By: demo.Approver, Digest: p.Digest, Answers: demo.Answers(p), Note: "Read it with the cluster owners."})
	require.NoError(t, err)
	report, err := s.Runs.Wait(ctx, id)
	require.NoError(t, err)
	require.Equal(t, offboard.Completed, report.Status, report.Message)
	return report
}
