package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/workflows"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// engine is one run as the verbs see it, and what they did to it.
type engine struct {
	state    offboard.Progress
	progress []offboard.Progress // what Follow shows, one after the other
	list     []app.Listed
	setUp    app.SetUp
	refusal  error

	started []offboard.Request
	filter  app.Filter
	found   string
	told    []any // the updates that were sent
	closed  bool
}

const runID = "offboard/acc/0123456789abcdef"

func (e *engine) Start(_ context.Context, r offboard.Request) (app.Started, error) {
	if e.refusal != nil {
		return app.Started{}, e.refusal
	}
	e.started = append(e.started, r)
	return app.Started{WorkflowID: runID, RunID: "r1", Link: e.Link(runID, "r1")}, nil
}

func (e *engine) Find(_ context.Context, name string) (string, error) {
	if name == "nobody@acme.example" {
		return "", &app.NoRun{Name: name}
	}
	e.found = name
	return runID, nil
}

func (e *engine) List(_ context.Context, f app.Filter) ([]app.Listed, error) {
	e.filter = f
	return e.list, nil
}

func (e *engine) Status(context.Context, string) (offboard.Progress, map[string]offboard.ScopeProgress, error) {
	return e.state, nil, e.refusal
}

func (e *engine) Follow(_ context.Context, _ string, _ time.Duration, show func(offboard.Progress, map[string]offboard.ScopeProgress) bool) error {
	for _, p := range e.progress {
		if show(p, nil) {
			return nil
		}
	}
	return e.refusal
}

func (e *engine) Report(context.Context, string) (offboard.Report, bool, error) {
	return offboard.NewReport(e.state, now), e.state.Status == offboard.Running, e.refusal
}

func (e *engine) tell(message any) (string, error) {
	if e.refusal != nil {
		return "", e.refusal
	}
	e.told = append(e.told, message)
	return "understood", nil
}

func (e *engine) Approve(_ context.Context, _ string, a workflows.Approve) (string, error) {
	return e.tell(a)
}
func (e *engine) Reject(_ context.Context, _ string, a workflows.Reject) (string, error) {
	return e.tell(a)
}
func (e *engine) Reschedule(_ context.Context, _ string, a workflows.Reschedule) (string, error) {
	return e.tell(a)
}
func (e *engine) Reinstate(_ context.Context, _ string, a workflows.Reinstate) (string, error) {
	return e.tell(a)
}
func (e *engine) Resolve(_ context.Context, _ string, a workflows.Resolve) (string, error) {
	return e.tell(a)
}
func (e *engine) Link(workflowID, _ string) string         { return "http://ui.acme.example/" + workflowID }
func (e *engine) StartForm() string                        { return "http://ui.acme.example/start" }
func (e *engine) SetUp(context.Context) (app.SetUp, error) { return e.setUp, e.refusal }
func (e *engine) connect(context.Context) (runs, func(), error) {
	return e, func() { e.closed = true }, nil
}

// call runs the program as if from a pipe.
func call(t *testing.T, e *engine, args ...string) (code int, out, errs string) {
	t.Helper()
	return talk(t, e, "", false, args...)
}

// talk runs the program with somebody who types.
func talk(t *testing.T, e *engine, typed string, interactive bool, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader(typed), &stdout, &stderr)
	p.interactive, p.now, p.connect = interactive, func() time.Time { return now }, e.connect
	p.checks = func(context.Context) ([]app.Check, error) {
		return []app.Check{{Name: "Temporal", OK: true, Detail: "here"}, {Name: "worker", Detail: "nobody polls", Remedy: "start one"}}, nil
	}
	code = p.run(t.Context(), args)
	return code, stdout.String(), stderr.String()
}

func TestMisuseEndsWithTwoAndTouchesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown verb":         {[]string{"fire"}, "unknown command"},
		"unknown flag":         {[]string{"list", "--all"}, "unknown flag: --all"},
		"unknown output":       {[]string{"list", "--output", "xml"}, "--output is \"xml\""},
		"no run":               {[]string{"status"}, "name one run"},
		"two runs":             {[]string{"watch", "a", "b"}, "name one run"},
		"an empty run":         {[]string{"status", " "}, "name one run"},
		"nobody named":         {[]string{"reject", "leaver@acme.example"}, "--by you@acme.example"},
		"not a person":         {[]string{"reinstate", "leaver@acme.example", "--by", "me"}, "--by you@acme.example"},
		"no action":            {[]string{"resolve", "x", "--by", "a@acme.example"}, "--action is \"\""},
		"wrong action":         {[]string{"resolve", "x", "--by", "a@acme.example", "--action", "ignore"}, "--action is \"ignore\""},
		"wrong day":            {[]string{"reschedule", "x", "--by", "a@acme.example", "--last-day", "friday"}, "--last-day is \"friday\""},
		"no digest":            {[]string{"approve", "x", "--by", "a@acme.example"}, "--digest"},
		"wrong answer":         {[]string{"approve", "x", "--by", "a@acme.example", "--digest", "d", "--answer", "yes"}, "ID=OPTION"},
		"answer twice":         {[]string{"approve", "x", "--by", "a@acme.example", "--digest", "d", "--answer", "k=a", "--answer", "k=b"}, "given twice"},
		"wrong format":         {[]string{"report", "x", "--format", "pdf"}, "--format is \"pdf\""},
		"no limit":             {[]string{"list", "--limit", "0"}, "--limit"},
		"an argument":          {[]string{"list", "x"}, "unknown command \"x\""},
		"unapproved in a pipe": {[]string{"run", "--user", "leaver@acme.example", "--approval", "none"}, "say --yes"},
		"two inputs":           {[]string{"run", "--user", "leaver@acme.example", "--input", "x.json"}, "not both"},
		"no such file":         {[]string{"run", "--input", "absent.json"}, "absent.json"},
	} {
		t.Run(name, func(t *testing.T) {
			var e engine
			code, out, errs := call(t, &e, c.args...)
			assert.Equal(t, misused, code)
			assert.Contains(t, errs, c.want)
			assert.Empty(t, out)
			assert.Empty(t, e.started)
			assert.Empty(t, e.told)
		})
	}
}

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
		"--ticket", "HR-1234", "--reason", "a, b", "--requested-by", "hr@acme.example", "--on-failure", "compensate", "--account", "acc")
	require.Equal(t, done, code, errs)
	require.Len(t, e.started, 1)
	r := e.started[0]
	assert.Equal(t, offboard.Request{
		User: "leaver@acme.example", Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired, OnFailure: offboard.OnFailureCompensate,
		Soak: offboard.Duration(48 * time.Hour), LastDay: r.LastDay, FunctionalIDs: []string{"clusters-1@acme.example", "clusters-2@acme.example"},
		Ticket: "HR-1234", Reason: "a, b", RequestedBy: "hr@acme.example", Account: "acc",
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

func at(status offboard.Status, phase offboard.Phase) offboard.Progress {
	p := offboard.Progress{WorkflowID: runID, Status: status, Leaver: offboard.Person{IAMID: "IBMid-000000LEAV", Email: "leaver@acme.example"}}
	p.Enter(phase, now)
	p.Plan = &offboard.Plan{Digest: "0123456789ab", Leaver: p.Leaver, Findings: []offboard.Finding{
		{ID: "key/ApiKey-1", Severity: offboard.Decision, Text: "A key was used.", Options: []string{"retire", "keep"}}}}
	return p
}

func TestExitCodesSayHowTheRunStands(t *testing.T) {
	held := at(offboard.Running, offboard.PhaseHandOver)
	held.Holds = []offboard.Hold{{Subject: "eu-de/prod"}}
	for _, c := range []struct {
		p    offboard.Progress
		want int
	}{
		{at(offboard.Completed, offboard.PhaseReport), done},
		{at(offboard.Planned, offboard.PhaseReport), done},
		{at(offboard.AlreadyGone, offboard.PhaseReport), done},
		{at(offboard.Running, offboard.PhaseSoak), done},
		{at(offboard.Incomplete, offboard.PhaseReport), incomplete},
		{at(offboard.Running, offboard.PhaseApprove), incomplete},
		{held, incomplete},
		{at(offboard.RolledBack, offboard.PhaseReport), failed},
		{at(offboard.Rejected, offboard.PhaseReport), failed},
		{at(offboard.Reinstated, offboard.PhaseReport), failed},
	} {
		e := engine{state: c.p, progress: []offboard.Progress{c.p}}
		for _, verb := range []string{"status", "watch"} {
			code, _, _ := call(t, &e, verb, "leaver@acme.example")
			assert.Equal(t, c.want, code, "%s %s in %s", verb, c.p.Status, c.p.Phase)
		}
	}
}

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

func TestRunAndWait(t *testing.T) {
	e := engine{progress: []offboard.Progress{at(offboard.Running, offboard.PhaseSurvey), at(offboard.Incomplete, offboard.PhaseReport)}}
	code, out, _ := call(t, &e, "run", "--user", "leaver@acme.example", "--wait")
	assert.Equal(t, incomplete, code)
	assert.Contains(t, out, "ended as Incomplete")
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
	assert.Contains(t, errs, "1 blockers")

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
	e := engine{list: []app.Listed{{WorkflowID: runID, Summary: "Offboard leaver@acme.example", Status: offboard.Running, Phase: offboard.PhaseApprove, NeedsPerson: true, Started: now.Add(-time.Hour)}}}
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

func TestARunThatNobodyKnows(t *testing.T) {
	var e engine
	code, _, errs := call(t, &e, "status", "nobody@acme.example")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, `no run is known by the name "nobody@acme.example"`)
	code, _, errs = call(t, &engine{refusal: errors.New("broken")}, "status", "leaver@acme.example", "-o", "json")
	assert.Equal(t, failed, code)
	assert.JSONEq(t, `{"error": "broken"}`, errs)
}

func TestEveryVerbHasExamplesAndHelp(t *testing.T) {
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), io.Discard, io.Discard)
	verbs := p.root().Commands()
	require.Len(t, verbs, 14)
	for _, verb := range verbs {
		assert.NotEmpty(t, verb.Short, verb.Name())
		for line := range strings.Lines(verb.Example) {
			assert.Contains(t, line, "starter "+verb.Name())
			assertParses(t, p, strings.Fields(line))
		}
		assert.NotEmpty(t, verb.Example, verb.Name())
		var e engine
		code, out, _ := call(t, &e, verb.Name(), "--help")
		assert.Equal(t, done, code)
		assert.Contains(t, out, "Examples:")
	}
	var e engine
	code, out, _ := call(t, &e, "completion", "bash")
	assert.Equal(t, done, code)
	assert.Contains(t, out, "starter")
}

// assertParses checks that an example names flags that exist.
func assertParses(t *testing.T, p *program, words []string) {
	t.Helper()
	for len(words) > 0 && words[0] != "starter" {
		words = words[1:] // settings before the program's name
	}
	root := p.root()
	cmd, rest, err := root.Find(words[1:])
	require.NoError(t, err)
	for _, word := range rest {
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
			assert.True(t, hasFlag(root, cmd, name), "%s has no flag --%s", cmd.Name(), name)
		}
	}
}

func hasFlag(root, cmd *cobra.Command, name string) bool {
	return cmd.Flags().Lookup(name) != nil || root.PersistentFlags().Lookup(name) != nil
}

func TestProgramWithoutATemporalServer(t *testing.T) {
	var stdout, stderr bytes.Buffer
	env := func(name string) string { return map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:1"}[name] }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := run(ctx, []string{"list"}, env, bufio.NewReader(strings.NewReader("")), &stdout, &stderr)
	assert.Equal(t, failed, code)
	assert.Contains(t, stderr.String(), "127.0.0.1:1")
	assert.Contains(t, stderr.String(), "TEMPORAL_ADDRESS")
}

func TestAnInterruptionSaysThatTheRunGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), io.Discard, &stderr)
	p.connect = (&engine{refusal: context.Canceled}).connect
	assert.Equal(t, failed, p.run(ctx, []string{"watch", "leaver@acme.example"}))
	assert.Contains(t, stderr.String(), "runs go on without it")
}
