package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// audited is what the engine's audits tell.
type audited struct {
	audit     offboard.Audit
	asked     []offboard.AuditRequest
	schedules []string
	removed   int
}

func (e *engine) Audit(_ context.Context, r offboard.AuditRequest) (app.Started, error) {
	if e.refusal != nil {
		return app.Started{}, e.refusal
	}
	e.audits.asked = append(e.audits.asked, r)
	return app.Started{WorkflowID: "offboard-audit/acc", RunID: "run", Link: "http://ui/audit"}, nil
}

func (e *engine) WaitAudit(context.Context, string, string) (offboard.Audit, error) {
	return e.audits.audit, e.refusal
}

func (e *engine) AuditStatus(context.Context, string, string) (offboard.AuditProgress, error) {
	return offboard.AuditProgress{Step: "looking"}, nil
}

func (e *engine) ScheduleAudit(_ context.Context, when string, r offboard.AuditRequest) (app.Scheduled, error) {
	e.audits.asked = append(e.audits.asked, r)
	e.audits.schedules = append(e.audits.schedules, when)
	return app.Scheduled{ID: "offboard-audit/acc", When: when, Created: len(e.audits.schedules) == 1, Next: []time.Time{now}}, e.refusal
}

func (e *engine) UnscheduleAudit(context.Context, offboard.AuditRequest) (app.Scheduled, error) {
	e.audits.removed++
	return app.Scheduled{ID: "offboard-audit/acc", Removed: e.audits.removed == 1}, e.refusal
}

func someAudit(findings ...offboard.AuditFinding) offboard.Audit {
	a := offboard.Audit{Version: offboard.AuditVersion, TakenAt: now, Account: "acc", Message: "Somebody would.", Findings: findings}
	for _, f := range findings {
		switch f.Severity {
		case offboard.Blocker:
			a.Totals.Blockers++
		case offboard.Decision:
			a.Totals.Decisions++
		default:
			a.Totals.Notes++
		}
	}
	return a
}

var (
	somebody = offboard.AuditFinding{ID: "person/p", Kind: offboard.AuditPersonal, Severity: offboard.Decision, Clusters: 2, Text: "If p left.", Command: "starter handover --owned-by p"}
	untidy   = offboard.AuditFinding{ID: "prunable", Kind: offboard.AuditPrunable, Severity: offboard.Note, Text: "Keys can go."}
)

func TestAuditAsksForWhatTheFlagsSay(t *testing.T) {
	e := engine{audits: audited{audit: someAudit(somebody)}}
	code, out, errs := call(t, &e, "audit", "--dependents", "--every-key", "--requested-by", "you@acme.example", "--reason", "why")
	require.Equal(t, done, code, errs)
	assert.Equal(t, []offboard.AuditRequest{{Dependents: true, EveryKey: true, RequestedBy: "you@acme.example", Reason: "why"}}, e.audits.asked)
	assert.Contains(t, out, "If p left.")
	assert.Contains(t, out, "starter handover --owned-by p")
}

func TestAuditIsPrintedInEveryWay(t *testing.T) {
	for format, want := range map[string]string{"text": "Audit of account acc", "json": `"kind": "personal"`, "markdown": "# Audit of account acc", "html": "<!doctype html>"} {
		t.Run(format, func(t *testing.T) {
			e := engine{audits: audited{audit: someAudit(somebody)}}
			code, out, errs := call(t, &e, "audit", "-o", format)
			require.Equal(t, done, code, errs)
			assert.Contains(t, out, want)

			file := filepath.Join(t.TempDir(), "audit")
			code, out, errs = call(t, &e, "audit", "--output", format, "--out", file)
			require.Equal(t, done, code, errs)
			assert.Empty(t, out)
			written, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Contains(t, string(written), want)
		})
	}
	e := engine{}
	code, _, errs := call(t, &e, "list", "--output", "html")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "it must be text or json")
	code, _, errs = call(t, &e, "audit", "--output", "yaml")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "it must be text, json, markdown or html")
}

func TestAuditFailsAPipelineOnWhatItIsToldTo(t *testing.T) {
	for _, test := range []struct {
		findings []offboard.AuditFinding
		failOn   string
		want     int
	}{
		{nil, "note", done},
		{[]offboard.AuditFinding{untidy}, "note", incomplete},
		{[]offboard.AuditFinding{untidy}, "decision", done},
		{[]offboard.AuditFinding{somebody, untidy}, "Decision", incomplete},
		{[]offboard.AuditFinding{somebody, untidy}, "blocker", done},
		{[]offboard.AuditFinding{somebody}, "", done},
	} {
		e := engine{audits: audited{audit: someAudit(test.findings...)}}
		args := []string{"audit"}
		if test.failOn != "" {
			args = append(args, "--fail-on", test.failOn)
		}
		code, _, errs := call(t, &e, args...)
		assert.Equal(t, test.want, code, "%v: %s", test, errs)
	}
}

func TestAuditComparesItselfWithAFile(t *testing.T) {
	before, err := json.Marshal(someAudit(untidy))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "before.json")
	require.NoError(t, os.WriteFile(file, before, 0o600))
	e := engine{audits: audited{audit: someAudit(somebody)}}
	code, out, errs := call(t, &e, "audit", "--previous", file, "--output", "json")
	require.Equal(t, done, code, errs)
	var audit offboard.Audit
	require.NoError(t, json.Unmarshal([]byte(out), &audit))
	require.NotNil(t, audit.Differences)
	assert.Equal(t, "person/p", audit.Differences.New[0].ID)
	assert.Equal(t, "prunable", audit.Differences.Gone[0].ID)
}

func TestAuditIsScheduledChangedAndNoMore(t *testing.T) {
	e := engine{}
	code, out, errs := call(t, &e, "audit", "--dependents", "--schedule", "0 6 * * 1")
	require.Equal(t, done, code, errs)
	assert.Contains(t, out, "is made: 0 6 * * 1")
	code, out, _ = call(t, &e, "audit", "--schedule", "0 7 * * 1")
	require.Equal(t, done, code)
	assert.Contains(t, out, "is changed: 0 7 * * 1")
	assert.Equal(t, []string{"0 6 * * 1", "0 7 * * 1"}, e.audits.schedules)
	assert.True(t, e.audits.asked[0].Dependents)
	code, out, _ = call(t, &e, "audit", "--schedule", "none")
	require.Equal(t, done, code)
	assert.Contains(t, out, "is removed")
	_, out, _ = call(t, &e, "audit", "--schedule", "none")
	assert.Contains(t, out, "There is no schedule")
}

func TestAuditRefusesWrongCalls(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.json")
	require.NoError(t, os.WriteFile(other, []byte(`{"status": "Completed"}`), 0o600))
	for want, args := range map[string][]string{
		"--fail-on is":             {"--fail-on", "disaster"},
		"--schedule is empty":      {"--schedule", ""},
		"only says when":           {"--schedule", "0 6 * * 1", "--fail-on", "note"},
		"does not wait":            {"--start", "--previous", other},
		"is no audit of version":   {"--previous", other},
		"no such file":             {"--previous", other + ".gone"},
		"is not an e-mail address": {"--requested-by", "me"},
		"must be text or json":     {"--start", "--output", "html"},
	} {
		t.Run(want, func(t *testing.T) {
			e := engine{}
			code, _, errs := call(t, &e, append([]string{"audit"}, args...)...)
			assert.Equal(t, misused, code)
			assert.Contains(t, errs, want)
			assert.Empty(t, e.audits.asked)
		})
	}
}

func TestAuditNamesTheOneThatIsUnderWay(t *testing.T) {
	e := engine{refusal: &app.AlreadyRunning{WorkflowID: "offboard-audit/acc", Link: "http://ui/audit"}}
	code, _, errs := call(t, &e, "audit")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, "an audit of this account is under way already: offboard-audit/acc")
}

func TestAuditThatIsOnlyStarted(t *testing.T) {
	e := engine{}
	code, out, errs := call(t, &e, "audit", "--start", "--output", "json")
	require.Equal(t, done, code, errs)
	var started app.Started
	require.NoError(t, json.Unmarshal([]byte(out), &started))
	assert.Equal(t, "offboard-audit/acc", started.WorkflowID)
}
