package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// completions are what the shell is offered after the words.
func completions(t *testing.T, e *engine, words ...string) []string {
	t.Helper()
	code, out, _ := call(t, e, append([]string{"__complete"}, words...)...)
	assert.Equal(t, done, code)
	var list []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, ":") { // the directive
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			list = append(list, word)
		}
	}
	return list
}

func TestRunsAreCompleted(t *testing.T) {
	e := engine{list: []app.Listed{
		{WorkflowID: runID, Person: "leaver@acme.example", Phase: offboard.PhaseApprove, NeedsPerson: true},
		{WorkflowID: "offboard/acc/2", Person: "other@acme.example"},
		{WorkflowID: "a-uuid"},
	}}
	for _, verb := range []string{"status", "watch", "approve", "reject", "reschedule", "reinstate", "resolve", "report", "replay"} {
		assert.Equal(t, []string{"leaver@acme.example", "other@acme.example", "a-uuid"}, completions(t, &e, verb, ""), verb)
		assert.Equal(t, app.Filter{Open: true, Limit: 50}, e.filter)
		assert.Equal(t, []string{"leaver@acme.example"}, completions(t, &e, verb, "LEA"), verb)
		assert.Equal(t, []string{runID, "offboard/acc/2"}, completions(t, &e, verb, "offboard/"), verb)
		assert.Empty(t, completions(t, &e, verb, "leaver@acme.example", ""), verb)
	}
	_, out, _ := call(t, &e, "__complete", "status", "")
	assert.Contains(t, out, "leaver@acme.example\tapprove, needs a person")
	assert.True(t, e.closed)
}

func TestValuesOfFlagsAreCompleted(t *testing.T) {
	state := at(offboard.Running, offboard.PhaseApprove)
	state.Holds = []offboard.Hold{{Subject: "eu-de/prod", Step: "reset"}}
	e := engine{state: state}
	for _, c := range []struct {
		words []string
		want  []string
	}{
		{[]string{"resolve", "x", "--action", ""}, []string{"retry", "skip", "abort"}},
		{[]string{"resolve", "x", "--scope", ""}, []string{"eu-de/prod"}},
		{[]string{"approve", "x", "--digest", ""}, []string{"0123456789ab"}},
		{[]string{"approve", "x", "--answer", ""}, []string{"key/ApiKey-1=retire", "key/ApiKey-1=keep"}},
		{[]string{"run", "--mode", ""}, []string{"execute", "plan"}},
		{[]string{"run", "--approval", ""}, []string{"required", "none"}},
		{[]string{"run", "--on-failure", ""}, []string{"hold", "compensate"}},
		{[]string{"run", "--file", ""}, []string{"csv"}}, // files that end so
		{[]string{"list", "--status", ""}, statuses()},
		{[]string{"report", "--format", ""}, []string{"text", "markdown", "json", "html"}},
		{[]string{"list", "--output", ""}, []string{"text", "json"}},
		{[]string{"list", "-o", ""}, []string{"text", "json"}},
	} {
		assert.Equal(t, c.want, completions(t, &e, c.words...), c.words)
	}
	assert.Contains(t, completions(t, &e, "explain", ""), "NHC009")
	assert.Empty(t, completions(t, &e, "resolve", "--scope", ""), "of which run?")
	assert.Empty(t, completions(t, &e, "resolve", "nobody@acme.example", "--scope", ""))
}

func TestCompletionIsSilentWithoutAServer(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	p.connect = func(context.Context) (runs, func(), error) { return nil, nil, errors.New("no server") }
	assert.Equal(t, done, p.run(t.Context(), []string{"__complete", "status", ""}))
	assert.NotContains(t, stdout.String()+stderr.String(), "no server")

	var deadline time.Time
	p.connect = func(ctx context.Context) (runs, func(), error) {
		deadline, _ = ctx.Deadline()
		return nil, nil, context.DeadlineExceeded
	}
	assert.Equal(t, done, p.run(t.Context(), []string{"__complete", "status", ""}))
	assert.WithinDuration(t, time.Now().Add(hurry), deadline, time.Minute, "it does not keep the shell waiting")
	assert.False(t, deadline.IsZero())
}

// TestARealProgramCompletesWithoutAServer also shows that the SDK's own log stays away.
func TestARealProgramCompletesWithoutAServer(t *testing.T) {
	var stdout, stderr bytes.Buffer
	env := func(name string) string { return map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:1"}[name] }
	assert.Equal(t, done, run(t.Context(), []string{"__complete", "status", ""}, env, strings.NewReader(""), &stdout, &stderr))
	assert.Equal(t, ":4\n", stdout.String())
	assert.Equal(t, "Completion ended with directive: ShellCompDirectiveNoFileComp\n", stderr.String())
}
