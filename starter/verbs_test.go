package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestWatchStopsForAPersonUnlessItFollows(t *testing.T) {
	e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseApprove), at(offboard.Completed, offboard.PhaseReport)}}
	code, out, _ := call(t, &e, "watch", "leaver@acme.example")
	assert.Equal(t, incomplete, code)
	assert.Contains(t, out, "--digest 0123456789ab")
	assert.NotContains(t, out, "Completed")
	code, out, _ = call(t, &e, "watch", "leaver@acme.example", "--follow")
	assert.Equal(t, done, code)
	assert.Contains(t, out, "ended as Completed")
	code, out, _ = call(t, &e, "watch", "leaver@acme.example", "--follow", "--output", "json")
	assert.Equal(t, done, code)
	assert.Equal(t, 2, strings.Count(out, "\n"), "one line for each change")
}

func TestAnswersReachTheRun(t *testing.T) {
	day := time.Date(2027, 1, 31, 16, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		args []string
		want any
	}{
		{[]string{"approve", "--digest", "d", "--answer", "key/A=retire", "--answer", "un=reach=accept"}, workflows.Approve{Digest: "d", Answers: map[string]string{"key/A": "retire", "un=reach": "accept"}}},
		{[]string{"reject"}, workflows.Reject{}},
		{[]string{"reinstate"}, workflows.Reinstate{}},
		{[]string{"reschedule", "--last-day", "2027-01-31T16:00:00Z"}, workflows.Reschedule{LastDay: day}},
		{[]string{"resolve", "--scope", "eu-de/prod", "--action", "skip"}, workflows.Resolve{Scope: "eu-de/prod", Action: "skip"}},
	} {
		var e engine
		code, out, errs := call(t, &e, append(c.args, "leaver@acme.example", "--by", "sre@acme.example", "--note", "why")...)
		require.Equal(t, done, code, errs)
		assert.Equal(t, "understood\n", out)
		require.Len(t, e.told, 1)
		want, err := json.Marshal(c.want)
		require.NoError(t, err)
		got, err := json.Marshal(e.told[0])
		require.NoError(t, err)
		with := strings.NewReplacer(`"by":""`, `"by":"sre@acme.example"`).Replace(string(want))
		with = strings.TrimSuffix(with, "}") + `,"note":"why"}`
		assert.JSONEq(t, with, string(got))

		e = engine{refusal: &app.Refused{Message: "The run says no."}}
		code, _, errs = call(t, &e, append(c.args, "leaver@acme.example", "--by", "sre@acme.example")...)
		assert.Equal(t, failed, code)
		assert.Contains(t, errs, "The run says no.")
	}
}

func TestApproveShowsThePlanAndAsks(t *testing.T) {
	e := engine{state: at(offboard.Running, offboard.PhaseApprove)}
	code, out, errs := talk(t, &e, "keep\nyes\n", true, "approve", "leaver@acme.example", "--by", "approver@acme.example")
	require.Equal(t, done, code, errs)
	assert.Contains(t, out, "Plan 0123456789ab")
	require.Len(t, e.told, 1)
	assert.Equal(t, workflows.Approve{By: "approver@acme.example", Digest: "0123456789ab", Answers: map[string]string{"key/ApiKey-1": "keep"}}, e.told[0])

	for name, typed := range map[string]string{"no": "keep\nno\n", "wrong answer": "maybe\nyes\n", "gone": ""} {
		e.told = nil
		code, _, _ := talk(t, &e, typed, true, "approve", "leaver@acme.example", "--by", "approver@acme.example")
		assert.Equal(t, misused, code, name)
		assert.Empty(t, e.told, name)
	}

	e.state.Plan.Findings = append(e.state.Plan.Findings, offboard.Finding{ID: "b", Severity: offboard.Blocker, Text: "Stop."})
	code, _, errs = talk(t, &e, "keep\nyes\n", true, "approve", "leaver@acme.example", "--by", "approver@acme.example")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, "1 blocker and")

	e.state = at(offboard.Running, offboard.PhaseSoak)
	code, _, errs = talk(t, &e, "keep\nyes\n", true, "approve", "leaver@acme.example", "--by", "approver@acme.example")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, "does not wait for an approval")
	assert.Empty(t, e.told)
}

func TestReportForms(t *testing.T) {
	e := engine{state: at(offboard.Completed, offboard.PhaseReport)}
	for format, want := range map[string]string{"text": "Offboarding of leaver@acme.example: Completed", "markdown": "# Offboarding of leaver@acme.example", "json": `"version": 1`, "html": "<html"} {
		code, out, errs := call(t, &e, "report", "leaver@acme.example", "--format", format)
		assert.Equal(t, done, code, errs)
		assert.Contains(t, out, want)

		file := filepath.Join(t.TempDir(), "report")
		code, out, _ = call(t, &e, "report", "leaver@acme.example", "--format", format, "--out", file)
		assert.Equal(t, done, code)
		assert.Empty(t, out)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(data), want)
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	_, out, _ := call(t, &e, "report", "leaver@acme.example", "--output", "json")
	var report offboard.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.Equal(t, offboard.Completed, report.Status)

	e.state = at(offboard.Running, offboard.PhaseSoak)
	code, _, errs := call(t, &e, "report", "leaver@acme.example")
	assert.Equal(t, incomplete, code)
	assert.Contains(t, errs, "still open")
}

func TestListChoosesAndShows(t *testing.T) {
	e := engine{list: []app.Listed{{WorkflowID: runID, Person: "leaver@acme.example", Status: offboard.Running, Phase: offboard.PhaseApprove, NeedsPerson: true, Started: now.Add(-time.Hour)}}}
	code, out, _ := call(t, &e, "list", "--needs-person", "--status", "Running", "--open", "--limit", "5", "--account", "acc")
	assert.Equal(t, done, code)
	assert.Equal(t, app.Filter{NeedsPerson: true, Status: offboard.Running, Open: true, Limit: 5, Account: "acc"}, e.filter)
	for _, want := range []string{"leaver@acme.example", "needs a person", "1h00m", runID} {
		assert.Contains(t, out, want)
	}
	e.list = nil
	_, out, _ = call(t, &e, "list", "--output", "json")
	assert.Equal(t, "[]\n", out)
}

func TestSetupAndCheck(t *testing.T) {
	e := engine{setUp: app.SetUp{Present: []string{"OffboardPhase"}, Added: []string{"OffboardStatus"}}}
	code, out, _ := call(t, &e, "setup")
	assert.Equal(t, done, code)
	for _, want := range []string{"OffboardPhase is registered", "OffboardStatus was registered now", "http://ui.acme.example/start", `{"user"`} {
		assert.Contains(t, out, want)
	}
	e.setUp = app.SetUp{ByHand: []string{"tcld x"}}
	code, out, _ = call(t, &e, "setup")
	assert.Equal(t, incomplete, code)
	assert.Contains(t, out, "tcld x")

	code, out, _ = call(t, &e, "check")
	assert.Equal(t, failed, code)
	assert.Contains(t, out, "✗ worker: nobody polls\n    start one\n")
	assert.Contains(t, out, "1 of 2 checks need attention")
	_, out, _ = call(t, &e, "check", "-o", "json")
	var checks []app.Check
	require.NoError(t, json.Unmarshal([]byte(out), &checks))
	assert.Len(t, checks, 2)
}

func TestFollowOutlastsWhatIsAway(t *testing.T) {
	e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseSoak)}, refusal: &app.NoWorker{Patience: time.Second}}
	code, _, errs := call(t, &e, "watch", "leaver@acme.example")
	assert.Equal(t, failed, code, "nobody said to stay")
	assert.Contains(t, errs, "no worker answered")

	var stdout, stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	p.now, p.connect = func() time.Time { return now }, e.connect
	e.progress = nil
	pauses := 0
	p.pause = func(context.Context, time.Duration) {
		if pauses++; pauses == 3 {
			e.refusal, e.progress = nil, []offboard.Progress{at(offboard.Completed, offboard.PhaseReport)}
		}
	}
	assert.Equal(t, done, p.run(t.Context(), []string{"watch", "leaver@acme.example", "--follow"}))
	assert.Equal(t, 1, strings.Count(stderr.String(), "still trying"), "it is said once")
	assert.Contains(t, stdout.String(), "ended as Completed")
}

func TestVerbsThatWaitEndWellWhenTheRunDidAsTold(t *testing.T) {
	for verb, end := range map[string]offboard.Status{"reject": offboard.Rejected, "reinstate": offboard.Reinstated, "resolve --action abort": offboard.RolledBack} {
		for _, flag := range []string{"--wait", "--follow"} {
			e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseUndo), at(end, offboard.PhaseReport)}}
			args := append(strings.Fields(verb), "leaver@acme.example", "--by", "sre@acme.example", flag)
			code, out, errs := call(t, &e, args...)
			assert.Equal(t, done, code, errs)
			assert.Contains(t, out, "understood\n")
			assert.Contains(t, out, "ended as "+string(end))
			code, out, _ = call(t, &e, append(args, "-o", "json")...)
			assert.Equal(t, done, code)
			assert.True(t, strings.HasPrefix(out, `{"run":"`+runID+`","message":"understood"}`+"\n"), "one object a line")
			assert.Equal(t, 3, strings.Count(out, "\n"))
		}
	}
	e := engine{progress: []offboard.Progress{at(offboard.Rejected, offboard.PhaseReport)}}
	code, _, _ := call(t, &e, "approve", "leaver@acme.example", "--by", "a@acme.example", "--digest", "d", "--wait")
	assert.Equal(t, failed, code)
}

func TestListRefusesAStatusThatNobodyHas(t *testing.T) {
	var e engine
	code, _, errs := call(t, &e, "list", "--status", "Done")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "one of Running, Planned")
	code, _, _ = call(t, &e, "list", "--status", "Terminated")
	assert.Equal(t, done, code)
}

func TestARunThatNobodyKnows(t *testing.T) {
	var e engine
	code, _, errs := call(t, &e, "status", "nobody@acme.example")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, `no run is known by the name "nobody@acme.example"`)
	code, _, errs = call(t, &engine{refusal: errors.New("broken")}, "status", "leaver@acme.example", "-o", "json")
	assert.Equal(t, failed, code)
	assert.JSONEq(t, `{"error": "broken"}`, errs)
}
