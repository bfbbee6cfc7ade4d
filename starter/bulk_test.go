package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// fileOf makes a file of so many people.
func fileOf(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("user,ticket\n")
	for i := range n {
		fmt.Fprintf(&b, "p%d@acme.example,HR-%d\n", i+1, i+1)
	}
	file := filepath.Join(t.TempDir(), "leavers.csv")
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	return file
}

// outcomes reads what a call printed with --output json.
func outcomes(t *testing.T, out string) (map[string]bulkLine, bulkSummary) {
	t.Helper()
	lines := map[string]bulkLine{}
	var last struct{ Summary *bulkSummary }
	for text := range strings.Lines(out) {
		require.Nil(t, last.Summary, "the summary comes last")
		require.NoError(t, json.Unmarshal([]byte(text), &last))
		if last.Summary == nil {
			var line bulkLine
			require.NoError(t, json.Unmarshal([]byte(text), &line))
			assert.Empty(t, lines[line.User].User, "each person once")
			lines[line.User] = line
		}
	}
	require.NotNil(t, last.Summary)
	return lines, *last.Summary
}

func TestAFileOfPeopleIsStarted(t *testing.T) {
	e := engine{
		list: []app.Listed{{WorkflowID: "by-hand", Person: "P2@acme.example", Link: "link"}},
		starts: func(r offboard.Request) error {
			if r.User == "p3@acme.example" {
				return &app.AlreadyRunning{WorkflowID: runID}
			}
			return nil
		},
	}
	code, out, errs := call(t, &e, "run", "--file", fileOf(t, 5), "--reason", "site closes", "-o", "json")
	require.Equal(t, done, code, errs)
	lines, sum := outcomes(t, out)
	assert.Equal(t, bulkSummary{People: 5, Started: 3, AlreadyRunning: 2}, sum)
	assert.Equal(t, bulkLine{Line: 3, User: "p2@acme.example", Outcome: outcomeRunning, WorkflowID: "by-hand", Link: "link"}, lines["p2@acme.example"])
	assert.Equal(t, outcomeRunning, lines["p3@acme.example"].Outcome)
	assert.Equal(t, outcomeStarted, lines["p5@acme.example"].Outcome)
	require.Len(t, e.started, 3)
	for _, r := range e.started {
		assert.Equal(t, "site closes", r.Reason)
		assert.Equal(t, strings.Replace(strings.TrimSuffix(r.User, "@acme.example"), "p", "HR-", 1), r.Ticket)
	}
	_, out, _ = call(t, &e, "run", "--file", fileOf(t, 2))
	assert.Contains(t, out, "2 people: 1 started, 1 running already, 0 failed, 0 unknown, 0 not started.")
	assert.Contains(t, out, "AlreadyRunning")
}

func TestAFileThatIsWrongStartsNobody(t *testing.T) {
	file := filepath.Join(t.TempDir(), "leavers.csv")
	require.NoError(t, os.WriteFile(file, []byte("user\na@acme.example\nnobody\n"), 0o600))
	var e engine
	code, out, errs := call(t, &e, "run", "--file", file)
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, `line 3: "user" "nobody"`)
	assert.Empty(t, out)
	assert.Empty(t, e.started)
	code, _, errs = call(t, &e, "run", "--file", file, "-o", "json")
	assert.Equal(t, misused, code)
	var answer struct{ Problems []string }
	require.NoError(t, json.Unmarshal([]byte(errs), &answer))
	assert.Len(t, answer.Problems, 1)
}

func TestTheBrake(t *testing.T) {
	var e engine
	code, _, errs := call(t, &e, "run", "--file", fileOf(t, 11), "--yes")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "names 11 people and the brake is at 10, nothing was started")
	assert.Contains(t, errs, "--most 11")
	assert.Empty(t, e.started)
	code, _, errs = call(t, &e, "run", "--file", fileOf(t, 11), "--most", "11", "--yes")
	assert.Equal(t, done, code, errs)
	assert.Len(t, e.started, 11)
}

func TestADryRunAsksNobody(t *testing.T) {
	var e engine
	code, out, errs := call(t, &e, "run", "--file", fileOf(t, 2), "--dry-run")
	assert.Equal(t, done, code, errs)
	assert.Contains(t, out, "p2@acme.example")
	assert.Contains(t, out, "Nothing was started.")
	code, out, _ = call(t, &e, "run", "--file", fileOf(t, 2), "--dry-run", "-o", "json")
	assert.Equal(t, done, code)
	assert.Equal(t, 2, strings.Count(out, "\n"))
	var first wouldStart
	require.NoError(t, json.NewDecoder(strings.NewReader(out)).Decode(&first))
	assert.Equal(t, 2, first.Line)
	code, out, _ = call(t, &e, "run", "--file", fileOf(t, 11), "--dry-run")
	assert.Equal(t, misused, code, "it says what the real call would say")
	assert.Contains(t, out, "p11@acme.example")
	code, out, _ = call(t, &e, "run", "--user", "leaver@acme.example", "--dry-run")
	assert.Equal(t, done, code)
	assert.Contains(t, out, "leaver@acme.example")
	assert.False(t, e.closed, "nobody was connected to")
	assert.Empty(t, e.started)
}

func TestManyAreConfirmedByTheirNumber(t *testing.T) {
	for typed, want := range map[string]int{"3\n": 3, "yes\n": 0, "": 0, "4\n": 0} {
		var e engine
		code, _, errs := talk(t, &e, typed, true, "run", "--file", fileOf(t, 3))
		assert.Contains(t, errs, "This offboards 3 people.")
		assert.Len(t, e.started, want, typed)
		assert.Equal(t, want == 0, code == misused)
	}
	var e engine
	code, _, _ := talk(t, &e, "", true, "run", "--file", fileOf(t, 3), "--mode", "plan")
	assert.Equal(t, done, code, "plans change nothing")
	code, _, errs := call(t, &e, "run", "--file", fileOf(t, 3), "--approval", "none")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "say --yes")
}

var lost = serviceerror.NewUnavailable("connection refused")

func TestAnOutageInTheMiddleSaysWhoWasStarted(t *testing.T) {
	e := engine{
		starts: func(r offboard.Request) error {
			if r.User != "p1@acme.example" {
				return lost
			}
			return nil
		},
		opens: func(offboard.Request) error { return lost },
	}
	code, out, errs := call(t, &e, "run", "--file", fileOf(t, 5), "--parallel", "1", "-o", "json")
	assert.Equal(t, failed, code)
	lines, sum := outcomes(t, out)
	assert.Equal(t, bulkSummary{People: 5, Started: 1, Unknown: 1, NotStarted: 3}, sum)
	assert.Equal(t, outcomeStarted, lines["p1@acme.example"].Outcome)
	assert.Equal(t, outcomeUnknown, lines["p2@acme.example"].Outcome)
	assert.Contains(t, lines["p2@acme.example"].Error, "Temporal did not answer")
	assert.Equal(t, outcomeNotStarted, lines["p5@acme.example"].Outcome)
	assert.Contains(t, errs, "Run the same file again")
}

func TestAStartWhoseAnswerWasLostIsLookedFor(t *testing.T) {
	for _, silence := range []error{lost, serviceerror.NewDeadlineExceeded("late"), fmt.Errorf("start: %w", context.DeadlineExceeded)} {
		e := engine{starts: func(offboard.Request) error { return silence }}
		code, out, _ := call(t, &e, "run", "--file", fileOf(t, 1), "-o", "json")
		assert.Equal(t, done, code, silence)
		_, sum := outcomes(t, out)
		assert.Equal(t, bulkSummary{People: 1, Started: 1}, sum)
	}
	e := engine{starts: func(offboard.Request) error { return lost }}
	code, out, _ := call(t, &e, "run", "--file", fileOf(t, 2), "-o", "json")
	assert.Equal(t, done, code)
	lines, _ := outcomes(t, out)
	assert.Equal(t, bulkLine{Line: 2, User: "p1@acme.example", Outcome: outcomeStarted, WorkflowID: runID, Link: e.Link(runID, "")}, lines["p1@acme.example"])

	e.opens = func(r offboard.Request) error { return &app.NoRun{Name: r.User} }
	code, out, _ = call(t, &e, "run", "--file", fileOf(t, 2), "--parallel", "1", "-o", "json")
	assert.Equal(t, failed, code)
	_, sum := outcomes(t, out)
	assert.Equal(t, bulkSummary{People: 2, Failed: 1, NotStarted: 1}, sum)
}

func TestARefusalStopsTheRest(t *testing.T) {
	e := engine{starts: func(offboard.Request) error { return errors.New("permission denied") }}
	code, out, errs := call(t, &e, "run", "--file", fileOf(t, 3), "--parallel", "1")
	assert.Equal(t, failed, code)
	assert.Contains(t, out, "3 people: 0 started, 0 running already, 1 failed, 0 unknown, 2 not started.")
	assert.Contains(t, errs, "permission denied")
}

func TestAnInterruptionInTheMiddleSaysWhoWasStarted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var calls atomic.Int32
	e := engine{
		starts: func(r offboard.Request) error {
			if calls.Add(1) == 3 {
				interrupt()
				return context.Canceled
			}
			return nil
		},
		opens: func(r offboard.Request) error { return &app.NoRun{Name: r.User} },
	}
	var stdout, stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	p.connect = e.connect
	code := p.run(ctx, []string{"run", "--file", fileOf(t, 6), "--parallel", "1", "-o", "json"})
	assert.Equal(t, failed, code)
	_, sum := outcomes(t, stdout.String())
	assert.Equal(t, bulkSummary{People: 6, Started: 2, NotStarted: 4}, sum)
	assert.Contains(t, stderr.String(), "interrupted\\nNot everybody was started")
}

func TestAtMostSoManyAtATime(t *testing.T) {
	const parallel = 3
	var e engine
	var under, most atomic.Int32
	gate := make(chan struct{}, parallel) // a place is free again only when its start has ended
	watched := &watched{engine: &e,
		before: func() {
			most.Store(max(most.Load(), under.Add(1)))
			select {
			case gate <- struct{}{}:
			default:
				t.Error("more at a time than was asked for")
			}
		},
		after: func() {
			<-gate
			under.Add(-1)
		}}
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
	p.connect = func(context.Context) (runs, func(), error) { return watched, func() {}, nil }
	assert.Equal(t, done, p.run(t.Context(), []string{"run", "--file", fileOf(t, 10), "--parallel", "3"}))
	assert.LessOrEqual(t, most.Load(), int32(parallel))
	assert.Len(t, e.started, 10)
}

// watched is an engine whose starts are watched.
type watched struct {
	*engine
	before, after func()
}

func (c *watched) Start(ctx context.Context, r offboard.Request) (app.Started, error) {
	c.before()
	defer c.after()
	return c.engine.Start(ctx, r)
}

func TestManyAndOneDoNotMix(t *testing.T) {
	for _, args := range [][]string{
		{"--user", "a@acme.example"}, {"--input", "x.json"}, {"--wait"}, {"--follow"}, {"--most", "0"}, {"--parallel", "0"},
	} {
		var e engine
		code, _, _ := call(t, &e, append([]string{"run", "--file", fileOf(t, 1)}, args...)...)
		assert.Equal(t, misused, code, args)
		assert.Empty(t, e.started)
	}
	var e engine
	code, _, errs := call(t, &e, "run", "--file", "absent.csv")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "absent.csv")
	code, _, _ = talk(t, &e, "user\na@acme.example\n", false, "run", "--file", "-")
	assert.Equal(t, done, code)
	assert.Len(t, e.started, 1)
}
