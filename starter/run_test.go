package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func TestRunRefusesAllWrongInputAtOnce(t *testing.T) {
	var e engine
	code, _, errs := call(t, &e, "run", "--user", "nobody", "--mode", "fast", "--soak", "long", "--requested-by", "hr", "--last-day", "2026-12-31")
	assert.Equal(t, misused, code)
	for _, want := range []string{"5 problems", `"user" "nobody"`, `"mode" is "fast"`, `"soak" must be`, `"requestedBy" "hr"`, `"lastDay" must be`} {
		assert.Contains(t, errs, want)
	}
	assert.Empty(t, e.started)

	code, _, errs = call(t, &e, "run", "--output", "json")
	assert.Equal(t, misused, code)
	var answer struct{ Problems []string }
	require.NoError(t, json.Unmarshal([]byte(errs), &answer))
	assert.Len(t, answer.Problems, 1)
}

func TestRunStartsWhatTheFlagsSay(t *testing.T) {
	var e engine
	code, out, errs := call(t, &e, "run", "--user", "leaver@acme.example", "--last-day", "2026-12-31T17:00:00+01:00", "--soak", "2d",
		"--functional-id", "clusters-1@acme.example", "--functional-id", "clusters-2@acme.example", "--remove-user=false",
		"--ticket", "HR-1234", "--reason", "a, b", "--requested-by", "hr@acme.example", "--on-failure", "compensate", "--account", "acc", "--urgent")
	require.Equal(t, done, code, errs)
	require.Len(t, e.started, 1)
	r := e.started[0]
	assert.Equal(t, offboard.Request{
		User: "leaver@acme.example", Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired, OnFailure: offboard.OnFailureCompensate,
		Soak: offboard.Duration(48 * time.Hour), LastDay: r.LastDay, FunctionalIDs: []string{"clusters-1@acme.example", "clusters-2@acme.example"},
		Ticket: "HR-1234", Reason: "a, b", RequestedBy: "hr@acme.example", Account: "acc", Urgent: true,
	}, r)
	assert.Equal(t, "2026-12-31T16:00:00Z", r.LastDay.UTC().Format(time.RFC3339))
	assert.Contains(t, out, runID)
	assert.True(t, e.closed)
}

func TestRunReadsAnInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "request.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"user": "leaver@acme.example", "mode": "plan"}`), 0o600))
	var e engine
	code, out, errs := call(t, &e, "run", "--input", file, "-o", "json")
	require.Equal(t, done, code, errs)
	var started app.Started
	require.NoError(t, json.Unmarshal([]byte(out), &started))
	assert.Equal(t, runID, started.WorkflowID)
	code, _, errs = talk(t, &e, `{"user": "other@acme.example", "wrong": 1}`, false, "run", "--input", "-")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, `unknown field "wrong"`)
	require.Len(t, e.started, 1)
	assert.Equal(t, offboard.ModePlan, e.started[0].Mode)
}

func TestRunAsksForTheNameOnATerminal(t *testing.T) {
	for typed, want := range map[string]int{"leaver@acme.example\n": 1, "Leaver@ACME.example": 1, "yes\n": 0, "": 0} {
		var e engine
		code, _, _ := talk(t, &e, typed, true, "run", "--user", "leaver@acme.example")
		assert.Len(t, e.started, want, typed)
		assert.Equal(t, want == 0, code == misused)
	}
	var e engine
	code, _, _ := talk(t, &e, "", true, "run", "--user", "leaver@acme.example", "--yes")
	assert.Equal(t, done, code)
	code, _, _ = talk(t, &e, "", true, "run", "--user", "leaver@acme.example", "--mode", "plan")
	assert.Equal(t, done, code, "a plan changes nothing")
	assert.Len(t, e.started, 2)
}

func TestRunNamesTheRunThatIsOpen(t *testing.T) {
	e := engine{refusal: &app.AlreadyRunning{WorkflowID: runID, Link: "http://ui.acme.example/x"}}
	code, _, errs := call(t, &e, "run", "--user", "leaver@acme.example")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, runID)
	assert.Contains(t, errs, "http://ui.acme.example/x")
	code, _, errs = call(t, &e, "run", "--user", "leaver@acme.example", "--output", "json")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, `"run":"`+runID+`"`)
}

func TestRunAndWait(t *testing.T) {
	e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseSurvey), at(offboard.Incomplete, offboard.PhaseReport)}}
	code, out, _ := call(t, &e, "run", "--user", "leaver@acme.example", "--wait")
	assert.Equal(t, incomplete, code)
	assert.Contains(t, out, "ended as Incomplete")
}

func TestAKeyboardWithoutASightOfTheQuestion(t *testing.T) {
	var e engine
	var stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader("leaver@acme.example\n"), io.Discard, &stderr)
	p.typed, p.now, p.connect = true, func() time.Time { return now }, e.connect
	assert.Equal(t, misused, p.run(t.Context(), []string{"run", "--user", "leaver@acme.example"}))
	assert.Contains(t, stderr.String(), "say --yes")
	assert.Empty(t, e.started)
}

func TestRunAndWaitForPrograms(t *testing.T) {
	e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseSurvey), at(offboard.Running, offboard.PhaseApprove)}}
	code, out, _ := call(t, &e, "run", "--user", "leaver@acme.example", "--wait", "-o", "json")
	assert.Equal(t, incomplete, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3, "what was started, then each change")
	var started app.Started
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &started))
	assert.Equal(t, runID, started.WorkflowID)
	var last stands
	require.NoError(t, json.Unmarshal([]byte(lines[2]), &last))
	assert.Equal(t, offboard.PhaseApprove, last.Progress.Phase)
	assert.NotEmpty(t, last.Link)
}
