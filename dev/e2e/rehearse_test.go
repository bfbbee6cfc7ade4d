package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	common "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// rehearse rehearses the offboarding of somebody from an account, to which nothing may happen.
func rehearse(t *testing.T, b *bench, user string, patience time.Duration, faults ...string) offboard.Report {
	t.Helper()
	done, err := app.Rehearse(b.ctx, b.Connection, b.Config, app.RehearsalOptions{
		Request: request(t, map[string]any{"user": user, "soak": "24h"}), Faults: faults, Seed: 7, Patience: patience}, zap.NewNop())
	require.NoError(t, err)
	assert.Empty(t, b.Sim.Ledger(), "nothing was changed in the account that was looked at")
	assert.Empty(t, b.Sim.Unknown())
	closed(t, b, done.Report.Progress.WorkflowID)
	marked(t, b, done)
	return done.Report
}

// marked holds that a report says in every form that nothing happened to the account.
func marked(t *testing.T, b *bench, done app.Rehearsed) {
	t.Helper()
	report := done.Report
	require.NotNil(t, report.Rehearsal)
	banner := "Rehearsal: nothing in account " + b.Config.Account + " was changed."
	assert.Equal(t, banner, report.Rehearsal.Banner())
	assert.NotEqual(t, b.Config.Account, report.Progress.Account, "it ran in an account of its own")
	assert.NotEmpty(t, report.Rehearsal.Assumptions)
	assert.True(t, strings.HasPrefix(report.Progress.WorkflowID, "rehearsal/"))
	var screen bytes.Buffer
	console.New(&screen, func(string) string { return "" }).Report(report)
	assert.Contains(t, screen.String(), banner)

	require.NotEmpty(t, done.Place)
	assert.Contains(t, filepath.Base(done.Place), "rehearsal-")
	page, err := os.ReadFile(done.Place)
	require.NoError(t, err)
	assert.Contains(t, string(page), banner)
	base := strings.TrimSuffix(done.Place, ".html")
	text, err := os.ReadFile(base + ".md")
	require.NoError(t, err)
	assert.Contains(t, string(text), banner)
	assert.True(t, strings.HasPrefix(string(text), "# Rehearsal: "))
	data, err := os.ReadFile(base + ".json")
	require.NoError(t, err)
	var kept struct {
		Rehearsal struct {
			Account string `json:"account"`
		} `json:"rehearsal"`
	}
	require.NoError(t, json.Unmarshal(data, &kept))
	assert.Equal(t, b.Config.Account, kept.Rehearsal.Account)
	for _, file := range [][]byte{page, text, data} {
		assert.NotContains(t, string(file), ibmsim.CanaryPrefix, "no secret of the account")
		assert.NotContains(t, string(file), "rehearsal-engine-", "nor the play money")
	}
}

// closed holds that no run of that ID, nor of its children, is open any more. The server lists that with a little delay.
func closed(t *testing.T, b *bench, id string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		answer, err := b.Connection.ListWorkflow(context.WithoutCancel(b.ctx), &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'"})
		require.NoError(c, err)
		for _, e := range answer.GetExecutions() {
			assert.False(c, strings.HasPrefix(e.GetExecution().GetWorkflowId(), id), e.GetExecution().GetWorkflowId())
		}
	}, time.Minute, 200*time.Millisecond)
}

// The whole offboarding of the sample account, with no worker but the rehearsal's own.
func TestARehearsalTellsWhatWouldHappenAndChangesNothing(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample", NoWorker: true})
	report := rehearse(t, b, leaver, 0)
	r := report.Rehearsal
	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Empty(t, r.Outages)
	for _, p := range r.Problems {
		assert.Equal(t, offboard.ProblemDecision, p.Kind, p.String())
		assert.NotEmpty(t, p.Answer)
	}
	assert.Greater(t, r.Usual.Std(), 24*time.Hour, "the soak that was asked for, and the work")
	assert.Less(t, r.Usual.Std(), 26*time.Hour)
	assert.Greater(t, r.Long, r.Usual)
	scopes := map[string]offboard.ExpectedTime{}
	for _, e := range r.Expected {
		if e.Scope != "" {
			scopes[e.Scope] = e
		}
		if e.Phase == offboard.PhaseSoak {
			assert.Equal(t, 24*time.Hour, e.Usual.Std())
		}
	}
	assert.Len(t, scopes, len(report.Progress.Scopes))
	for name, e := range scopes {
		assert.Greater(t, e.Usual.Std(), 4*time.Minute, "%s: a master is refreshed in minutes", name)
	}
}

func TestARehearsalOfTheTrapsNamesTheBlocker(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "traps", NoWorker: true})
	report := rehearse(t, b, leaver, 0)
	assert.Equal(t, offboard.Rejected, report.Status, report.Message)
	first := report.Rehearsal.First()
	require.NotNil(t, first)
	assert.Equal(t, offboard.ProblemBlocker, first.Kind)
	assert.Contains(t, first.Text, "classic infrastructure credentials")
	assert.Contains(t, first.Remedy, "ibmcloud ks credential")
}

func TestARehearsalOfALargeAccount(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "large", NoWorker: true})
	report := rehearse(t, b, leaver, 0)
	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Empty(t, report.Rehearsal.Outages)
	assert.NotEmpty(t, report.Rehearsal.Expected)
}

// Who cannot be offboarded is told so, with the sentence that the run would have.
func TestARehearsalOfWhoMayNotLeave(t *testing.T) {
	b := start(t, stack.EngineOptions{NoWorker: true})
	report := rehearse(t, b, "owner@acme.example", 0)
	first := report.Rehearsal.First()
	require.NotNil(t, first)
	assert.Equal(t, offboard.ProblemRefused, first.Kind)
	assert.Contains(t, first.Text, "owns the account")
}

// Each fault is met, and the rehearsal comes to an end all the same.
func TestFaultsThatAreAskedForStrike(t *testing.T) {
	strike(t, "", map[string]offboard.ProblemKind{
		"throttle@containers refresh": "", "outage:iam": "", "lost-reply:reset": "", "slow-replication": "", "random": "",
		"denied:user-management@remove": offboard.ProblemHold, "denied:containers": offboard.ProblemHold,
		"unreachable:web-eu": offboard.ProblemDecision, "rollout-stuck:web-eu": offboard.ProblemHold,
		"removal-fails": offboard.ProblemHold,
	})
}

// And those of an invitation, where there is one to send.
func TestFaultsOfAnInvitation(t *testing.T) {
	strike(t, "sample", map[string]offboard.ProblemKind{"lost-reply:invite": "", "never-accepts": offboard.ProblemHold, "denied:user-management": offboard.ProblemHold})
}

// fromTheStart are the words of faults that strike no request.
var fromTheStart = []string{"unreachable", "rollout-stuck", "never-accepts", "removal-fails"}

// strike rehearses with one fault after the other. Those without a kind pass by themselves, the others need a person.
func strike(t *testing.T, account string, faults map[string]offboard.ProblemKind) {
	t.Helper()
	b := start(t, stack.EngineOptions{Account: account, NoWorker: true})
	for fault, kind := range faults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			patience := time.Duration(0) // what passes by itself must have the time to
			if kind != "" {
				patience = 10 * time.Second
			}
			report := rehearse(t, b, leaver, patience, fault)
			require.Len(t, report.Rehearsal.Faults, 1)
			met := report.Rehearsal.Faults[0]
			assert.Equal(t, fault, met.Fault)
			if word, _, _ := strings.Cut(fault, ":"); !slices.Contains(fromTheStart, word) {
				assert.Positive(t, met.Hits)
			}
			if kind == "" {
				assert.Equal(t, offboard.Completed, report.Status, "%s\n%v", report.Message, report.Rehearsal.Problems)
				assert.Empty(t, report.Rehearsal.Outages)
				return
			}
			assert.True(t, slices.ContainsFunc(report.Rehearsal.Problems, func(p offboard.ExpectedProblem) bool { return p.Kind == kind && p.Remedy != "" }),
				"want a %s with its remedy, have %v", kind, report.Rehearsal.Problems)
		})
	}
}

func TestFaultsThatDoNotExistAreRefusedWithAListOfThoseThatDo(t *testing.T) {
	b := start(t, stack.EngineOptions{NoWorker: true})
	ask := func(faults ...string) error {
		_, err := app.Rehearse(b.ctx, b.Connection, b.Config, app.RehearsalOptions{Request: request(t, nil), Faults: faults}, zap.NewNop())
		return err
	}
	err := ask("thunder", "outage:moon", "throttle")
	var invalid *app.InvalidFaults
	require.ErrorAs(t, err, &invalid)
	for _, want := range []string{"thunder", "moon", "lost-reply:OPERATION"} {
		assert.ErrorContains(t, err, want)
	}
	assert.ErrorContains(t, ask("unreachable:atlantis"), `no cluster "atlantis"`)
	assert.Empty(t, b.Sim.Ledger())
}

// A rehearsal that is broken off leaves no run open, neither its own nor those of its scopes.
func TestARehearsalThatIsBrokenOffLeavesNothingOpen(t *testing.T) {
	b := start(t, stack.EngineOptions{NoWorker: true})
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	handing := false
	_, err := app.Rehearse(ctx, b.Connection, b.Config, app.RehearsalOptions{Request: request(t, nil), Faults: []string{"rollout-stuck:web-eu"},
		Show: func(p offboard.Progress, _ map[string]offboard.ScopeProgress) {
			if p.Phase == offboard.PhaseHandOver {
				handing = true
				cancel()
			}
		}}, zap.NewNop())
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, handing)
	closed(t, b, "")
	assert.Empty(t, b.Sim.Ledger())
}

// Beside a real run for the same person, a rehearsal neither waits for it nor disturbs it. What Temporal stores of it is as
// encrypted as that.
func TestARehearsalBesideARun(t *testing.T) {
	b := start(t, stack.EngineOptions{Settings: stack.Settings{Encryption: newVault(t, "2026").section("2026")}})
	run, err := b.Runs.Start(b.ctx, request(t, map[string]any{"mode": offboard.ModeExecute}))
	require.NoError(t, err)
	plan := b.plan(run.WorkflowID)
	before := len(b.Sim.Ledger())
	done, err := app.Rehearse(b.ctx, b.Connection, b.Config, app.RehearsalOptions{Request: request(t, nil)}, zap.NewNop())
	require.NoError(t, err)
	assert.Equal(t, offboard.Completed, done.Report.Status, done.Report.Message)
	assert.Len(t, b.Sim.Ledger(), before)
	assert.Equal(t, plan.Digest, b.plan(run.WorkflowID).Digest)
	id := done.Report.Progress.WorkflowID
	assert.NotEqual(t, run.WorkflowID, id)
	history, err := b.Connection.WorkflowService().GetWorkflowExecutionHistory(b.ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: b.Connection.Namespace, Execution: &common.WorkflowExecution{WorkflowId: id}})
	require.NoError(t, err)
	require.NotEmpty(t, history.GetHistory().GetEvents())
	for _, e := range history.GetHistory().GetEvents() {
		if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED {
			input := e.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
			require.Len(t, input, 1)
			assert.NotContains(t, string(input[0].GetData()), leaver)
		}
	}
}

// The command line as it is shipped does it all by itself, and ends with 3 where a person would be needed.
func TestStarterRehearses(t *testing.T) {
	b := start(t, stack.EngineOptions{NoWorker: true})
	program := b.build()
	out, code := b.call(program, "rehearse", "--user", leaver)
	assert.Equal(t, 0, code, out)
	assert.Contains(t, out, "Rehearsal: nothing in account "+b.Config.Account+" was changed.")
	assert.Contains(t, out, "Expected durations")
	out, code = b.call(program, "rehearse", "--user", leaver, "--fault", "denied:user-management@remove", "--patience", "10s", "--output", "json")
	assert.Equal(t, 3, code, out)
	var report offboard.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.NotNil(t, report.Rehearsal)
	assert.Equal(t, offboard.ProblemHold, report.Rehearsal.Problems[len(report.Rehearsal.Problems)-1].Kind)
	_, code = b.call(program, "rehearse", "--user", leaver, "--fault", "thunder")
	assert.Equal(t, 2, code)
	assert.Empty(t, b.Sim.Ledger())
}
