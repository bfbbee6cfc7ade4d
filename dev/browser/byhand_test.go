//go:build browser

package browser_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/witness"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// An offboarding with nothing but the Web UI: started in its form, read on the run's page, approved by an update, and
// read again as a report.
func TestAnOffboardingByHand(t *testing.T) {
	reports := t.TempDir()
	s, ctx := open(t, reports)

	visit(t, ctx, demo.StartForm(s.Temporal.UI(), s.Temporal.Namespace()))
	waitFor(t, ctx, "the form to be filled in by the link",
		`['workflowId', 'taskQueue', 'workflowType'].map(n => document.getElementById(n)?.value).join() === 'offboard-by-hand,offboarding,Offboard'`)
	shows(t, ctx, "Task Queue is Active")
	write(t, ctx, `{"user": "leaver@acme.example", "soak": "5s", "requestedBy": "hr@acme.example", "ticket": "HR-1234"}`)
	shoot(t, ctx, "1-start-form")
	submit(t, ctx)

	p := plan(t, ctx, s, id)
	visit(t, ctx, s.Runs.Link(id, ""))
	read := details(t, ctx, "Offboarding "+demo.Leaver)
	for _, words := range []string{"What is needed from you", p.Digest, "eu-de/prod", "shop-prod-eu"} {
		assert.Contains(t, read, words)
	}
	shoot(t, ctx, "2-plan")

	approve(t, ctx, p)
	report, err := s.Runs.Wait(ctx, id)
	require.NoError(t, err)
	assert.Empty(t, witness.Judge(report, s.Sim.Ledger(), s.Sim.Outages()))
	assert.Equal(t, demo.Approver, report.Progress.Approval.By)

	visit(t, ctx, s.Runs.Link(id, ""))
	shows(t, ctx, "COMPLETED")
	shoot(t, ctx, "5-timeline")
	details(t, ctx, string(offboard.Completed))
	shoot(t, ctx, "6-completed")
	visit(t, ctx, s.Temporal.UI()+"/namespaces/default/workflows")
	shows(t, ctx, id, workflows.HandOver)
	shoot(t, ctx, "7-list")

	visit(t, ctx, "file://"+htmlReport(t, reports))
	shows(t, ctx, demo.Leaver, "Completed", demo.Approver)
	shoot(t, ctx, "8-report")
}

// id is the workflow ID that the link to the form proposes.
const id = "offboard-by-hand"

// submit sends the start form and waits until the Web UI links to the run.
func submit(t *testing.T, ctx context.Context) {
	t.Helper()
	press(t, ctx, "button", "Start Workflow")
	waitFor(t, ctx, "a link to the run", `!!document.querySelector('a[href*="/workflows/offboard-by-hand"]')`)
}

// approve sends the update as a person does who first takes the digest of another plan.
func approve(t *testing.T, ctx context.Context, p offboard.Plan) {
	t.Helper()
	press(t, ctx, "button", "More Actions")
	press(t, ctx, "[data-testid=update-button]", "")
	press(t, ctx, "[data-testid=update-select-button]", "")
	shows(t, ctx, "Say yes to the plan that is shown")
	press(t, ctx, "[role=option]", "approve")
	const wrong = "000000000000"
	a := workflows.Approve{By: demo.Approver, Digest: wrong, Answers: demo.Answers(p)}
	submitUpdate(t, ctx, a)
	shows(t, ctx, "is not that of the plan that is shown")
	shoot(t, ctx, "3-refused")
	a.Digest = p.Digest
	submitUpdate(t, ctx, a)
	shoot(t, ctx, "4-approved")
}

func submitUpdate(t *testing.T, ctx context.Context, a workflows.Approve) {
	t.Helper()
	input, err := json.Marshal(a)
	require.NoError(t, err)
	write(t, ctx, string(input))
	press(t, ctx, "[data-testid=confirm-modal-button]", "")
}

func htmlReport(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.html"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// What the form does with a typing error: the run ends at once, and its page says what is wrong and what is right.
func TestATypingErrorIsExplainedOnTheRunsPage(t *testing.T) {
	s, ctx := open(t, t.TempDir())
	visit(t, ctx, demo.StartForm(s.Temporal.UI(), s.Temporal.Namespace()))
	write(t, ctx, `{"user": "leaver@acme.example", "sock": "5s"}`)
	submit(t, ctx)
	_, err := s.Runs.Wait(ctx, id)
	require.ErrorContains(t, err, workflows.InvalidInput)
	visit(t, ctx, s.Runs.Link(id, ""))
	shows(t, ctx, "FAILED", "unknown field", "did you mean", "soak")
	shoot(t, ctx, "9-typing-error")
	assert.Empty(t, s.Sim.Ledger())
}
