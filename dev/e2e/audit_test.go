package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
)

// audit makes an audit and checks what every audit must hold: nothing was changed, what was read is known to the
// simulator, and the history stays small.
func (b *bench) audit(request offboard.AuditRequest) offboard.Audit {
	b.t.Helper()
	changed := len(b.Sim.Ledger())
	run, err := b.Runs.Audit(b.ctx, request)
	require.NoError(b.t, err)
	audit, err := b.Runs.WaitAudit(b.ctx, run.WorkflowID, run.RunID)
	require.NoError(b.t, err)
	require.Len(b.t, b.Sim.Ledger(), changed, "an audit changed something")
	require.Empty(b.t, b.Sim.Unknown())
	history := drain(b.t, b.Connection.GetWorkflowHistory(b.ctx, run.WorkflowID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT))
	require.Less(b.t, len(history.GetEvents()), 4096)
	biggest := 0
	for _, e := range history.GetEvents() {
		biggest = max(biggest, proto.Size(e))
	}
	require.Less(b.t, biggest, 1<<20, "bytes of the biggest event")
	b.t.Logf("%d events, the biggest of %d bytes, %d in all", len(history.GetEvents()), biggest, proto.Size(history))
	for _, secret := range []string{"CANARY-", "eyJ"} {
		require.NotContains(b.t, history.String(), secret)
	}
	return audit
}

func findings(a offboard.Audit, kind offboard.AuditKind) []offboard.AuditFinding {
	var list []offboard.AuditFinding
	for _, f := range a.Findings {
		if f.Kind == kind {
			list = append(list, f)
		}
	}
	return list
}

func TestAuditOfTheSampleAccount(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	audit := b.audit(offboard.AuditRequest{Dependents: true, RequestedBy: "hr@acme.example"})
	t.Log(audit.Markdown())

	assert.Equal(t, 2, audit.Totals.AtRisk, "the leaver and a colleague")
	assert.Equal(t, 12, audit.Totals.Clusters)
	assert.Equal(t, 7, audit.Totals.PersonalScopes)
	require.Equal(t, "leaver@acme.example", audit.People[0].Email)
	assert.Len(t, audit.People[0].Scopes, 5)
	assert.Contains(t, audit.People[0].Harm(audit.TakenAt), "worker nodes are not added or removed")
	assert.Contains(t, audit.People[0].Harm(audit.TakenAt), "ci-pipeline")
	assert.Contains(t, audit.People[0].Profiles, "breakglass")
	assert.Contains(t, audit.People[0].ServiceIDs, "registry-puller")
	assert.Equal(t, 4, audit.Totals.Superseded)
	assert.Empty(t, findings(audit, offboard.AuditMissing))
	assert.FileExists(t, filepath.Join(b.reports, fmt.Sprintf("audit-%s-%s.html", audit.Account, audit.RunID)))
}

func TestAuditOfTheTrapsAccount(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "traps"})
	audit := b.audit(offboard.AuditRequest{Dependents: true})
	t.Log(audit.Markdown())

	assert.NotEmpty(t, findings(audit, offboard.AuditUnassigned), "a key written by hand")
	assert.NotEmpty(t, findings(audit, offboard.AuditClassic))
	assert.Zero(t, audit.Totals.Prunable, "nothing can be proven of clusters that cannot be reached")
}

// The audit of the largest account there is takes no more calls than one of each page, one for the owner of each cluster,
// and one for each key that needs its last use.
func TestAuditOfTheLargeAccountKeepsToItsCalls(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "large"})
	audit := b.audit(offboard.AuditRequest{})
	assert.Equal(t, 1000, audit.Totals.Clusters)
	assert.Equal(t, 7500, audit.Totals.Users)
	assert.Empty(t, findings(audit, offboard.AuditMissing))
	keys := 0
	for _, r := range b.Sim.Requests() {
		t.Logf("%6d %s %s %s", r.Count, r.Service, r.Method, r.Route)
		switch {
		case strings.HasSuffix(r.Route, "/clusterkeyowner"):
			assert.LessOrEqual(t, r.Count, 1000)
		case r.Route == "/v1/apikeys":
			assert.LessOrEqual(t, r.Count, (audit.Totals.UserKeys+99)/100, "pages of keys")
		case strings.HasPrefix(r.Route, "/v1/apikeys/"):
			keys += r.Count
		case strings.HasSuffix(r.Route, "/users"):
			assert.LessOrEqual(t, r.Count, 75, "pages of users")
		case strings.Contains(r.Route, "getCluster?"), strings.HasSuffix(r.Route, "/addons"), strings.Contains(r.Route, "ubeconfig"):
			assert.Fail(t, "a call that only looks into clusters", "%s %s", r.Method, r.Route)
		}
	}
	assert.LessOrEqual(t, keys, 250, "keys whose last use was asked for")
	data, err := json.Marshal(audit)
	require.NoError(t, err)
	assert.Less(t, len(data), 1<<20)

	deep := b.audit(offboard.AuditRequest{Dependents: true, EveryKey: true})
	assert.Contains(t, deep.People[0].Breaks, "block volumes cannot be created, attached or resized")
	assert.Greater(t, len(deep.People), len(audit.People), "people whose keys are in use")
	assert.NotEmpty(t, deep.Differences.Uneven)
	for _, r := range b.Sim.Requests() {
		if strings.HasPrefix(r.Route, "/v1/apikeys/") {
			assert.LessOrEqual(t, r.Count, deep.Totals.UserKeys+keys)
		}
	}
}

// The second audit finds the first and says what became different in between.
func TestAuditTellsWhatChangedSinceTheLastOne(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	first := b.audit(offboard.AuditRequest{})
	require.Nil(t, first.Differences)
	run, err := b.Runs.Move(b.ctx, offboard.MoveRequest{Selection: offboard.Selection{OwnedBy: "petra@acme.example"}, Mode: offboard.ModeExecute,
		Approval: offboard.ApprovalRequired, OnFailure: offboard.OnFailureHold, RequestedBy: "hr@acme.example"})
	require.NoError(t, err)
	b.approve(run.WorkflowID)
	require.Equal(t, offboard.Completed, b.report(run.WorkflowID).Status)

	second := b.audit(offboard.AuditRequest{})
	require.NotNil(t, second.Differences)
	assert.Equal(t, first.RunID, second.Differences.RunID)
	assert.Equal(t, 1, second.Totals.AtRisk, "the colleague's scopes were moved")
	better := ""
	for _, c := range second.Differences.Changed {
		if !c.Worse() {
			better += c.Numbers() + ": " + c.Text + "\n"
		}
	}
	assert.Contains(t, better, "Decision to Note, 0 clusters instead of 2: petra@acme.example holds older cluster keys")
}

// Asked for twice, a schedule is one; what it starts compares itself with the audit before.
func TestAuditIsMadeOnASchedule(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	first := b.audit(offboard.AuditRequest{})
	made, err := b.Runs.ScheduleAudit(b.ctx, "0 6 * * 1", offboard.AuditRequest{})
	require.NoError(t, err)
	assert.True(t, made.Created)
	require.NotEmpty(t, made.Next)
	assert.Equal(t, time.Monday, made.Next[0].Weekday())
	changed, err := b.Runs.ScheduleAudit(b.ctx, "30 7 * * 2", offboard.AuditRequest{Reason: "every Tuesday"})
	require.NoError(t, err)
	assert.False(t, changed.Created)
	assert.Equal(t, time.Tuesday, changed.Next[0].Weekday())
	_, err = b.Runs.ScheduleAudit(b.ctx, "whenever", offboard.AuditRequest{})
	var wrong *offboard.InvalidInput
	require.ErrorAs(t, err, &wrong)

	schedules := b.Connection.ScheduleClient()
	list, err := schedules.List(b.ctx, client.ScheduleListOptions{})
	require.NoError(t, err)
	n := 0
	for list.HasNext() {
		_, err := list.Next()
		require.NoError(t, err)
		n++
	}
	assert.LessOrEqual(t, n, 1)
	handle := schedules.GetHandle(b.ctx, made.ID)
	require.NoError(t, handle.Trigger(b.ctx, client.ScheduleTriggerOptions{}))
	var workflowID, runID string
	require.Eventually(t, func() bool {
		d, err := handle.Describe(b.ctx)
		if err != nil || len(d.Info.RecentActions) == 0 || d.Info.RecentActions[0].StartWorkflowResult == nil {
			return false
		}
		started := d.Info.RecentActions[0].StartWorkflowResult
		workflowID, runID = started.WorkflowID, started.FirstExecutionRunID
		return true
	}, 30*time.Second, 100*time.Millisecond)
	audit, err := b.Runs.WaitAudit(b.ctx, workflowID, runID)
	require.NoError(t, err)
	assert.Equal(t, "every Tuesday", audit.Request.Reason)
	require.NotNil(t, audit.Differences)
	assert.Equal(t, first.RunID, audit.Differences.RunID)
	removed, err := b.Runs.UnscheduleAudit(b.ctx, offboard.AuditRequest{})
	require.NoError(t, err)
	assert.True(t, removed.Removed)
	removed, err = b.Runs.UnscheduleAudit(b.ctx, offboard.AuditRequest{})
	require.NoError(t, err)
	assert.False(t, removed.Removed)
}
