package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
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
	audits   audited

	mu      sync.Mutex
	starts  func(offboard.Request) error // what a start meets; nil: nothing
	opens   func(offboard.Request) error // what is found of it then; nil: it was started
	started []offboard.Request
	moved   []offboard.MoveRequest
	pruned  []offboard.PruneRequest
	filter  app.Filter
	found   string
	told    []any // the updates that were sent
	closed  bool
}

const runID = "offboard/acc/0123456789abcdef"

func (e *engine) Start(_ context.Context, r offboard.Request) (app.Started, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refusal != nil {
		return app.Started{}, e.refusal
	}
	if e.starts != nil {
		if err := e.starts(r); err != nil {
			return app.Started{}, err
		}
	}
	e.started = append(e.started, r)
	return app.Started{WorkflowID: runID, RunID: "r1", Link: e.Link(runID, "r1")}, nil
}

func (e *engine) Move(_ context.Context, m offboard.MoveRequest) (app.Started, error) {
	e.moved = append(e.moved, m)
	return app.Started{WorkflowID: runID, RunID: "r1", Link: e.Link(runID, "r1")}, e.refusal
}

func (e *engine) Prune(_ context.Context, p offboard.PruneRequest) (app.Started, error) {
	e.pruned = append(e.pruned, p)
	return app.Started{WorkflowID: runID, RunID: "r1", Link: e.Link(runID, "r1")}, e.refusal
}

func (e *engine) Open(_ context.Context, r offboard.Request) (app.Started, error) {
	if e.opens != nil {
		if err := e.opens(r); err != nil {
			return app.Started{}, err
		}
	}
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
	p.typed, p.asks, p.interactive = interactive, interactive, interactive
	p.now, p.connect = func() time.Time { return now }, e.connect
	p.pause = func(context.Context, time.Duration) {}
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

func TestEveryVerbHasExamplesAndHelp(t *testing.T) {
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), io.Discard, io.Discard)
	verbs := p.root().Commands()
	assert.GreaterOrEqual(t, len(verbs), 16)
	for _, verb := range verbs {
		assert.NotEmpty(t, verb.Short, verb.Name())
		assert.Contains(t, verb.Example, "starter "+verb.Name())
		for line := range strings.Lines(verb.Example) {
			assertParses(t, p, line)
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

// assertParses checks that the calls of starter in a line name verbs and flags that exist.
func assertParses(t *testing.T, p *program, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	for _, part := range regexp.MustCompile(`&&|\|`).Split(line, -1) {
		_, call, found := strings.Cut(part, "starter ")
		if !found {
			continue
		}
		root := p.root()
		cmd, rest, err := root.Find(strings.Fields(call))
		require.NoError(t, err, line)
		require.NotEqual(t, root, cmd, line)
		for _, word := range rest {
			if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
				assert.True(t, hasFlag(root, cmd, name), "%s has no flag --%s: %s", cmd.Name(), name, line)
			}
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
