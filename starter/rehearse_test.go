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
	"offboard/internal/rehearsal"
)

// rehearsed is what a rehearsal comes back with.
func rehearsed(problems ...offboard.ExpectedProblem) app.Rehearsed {
	p := at(offboard.Completed, offboard.PhaseReport)
	r := offboard.NewReport(p, now)
	r.Rehearsal = &offboard.Rehearsal{Account: "0a1b2c3d4e5f60718293a4b5c6d7e8f9", SurveyedAt: now, Problems: problems}
	return app.Rehearsed{Report: r}
}

// onStage runs the program with a rehearsal of ours.
func onStage(ctx context.Context, t *testing.T, play func(app.RehearsalOptions) (app.Rehearsed, error), args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr)
	p.now = func() time.Time { return now }
	p.rehearse = func(_ context.Context, o app.RehearsalOptions) (app.Rehearsed, error) { return play(o) }
	code = p.run(ctx, append([]string{"rehearse"}, args...))
	return code, stdout.String(), stderr.String()
}

func TestRehearseTakesWhatIsAskedForAndSaysThatNothingWasChanged(t *testing.T) {
	var got app.RehearsalOptions
	play := func(o app.RehearsalOptions) (app.Rehearsed, error) {
		got = o
		o.Say("Looking at %s", "it")
		o.Show(at(offboard.Running, offboard.PhaseSurvey), nil)
		return rehearsed(), nil
	}
	code, out, errs := onStage(t.Context(), t, play, "--user", "leaver@acme.example", "--fault", "throttle", "--fault", "outage:iam@soak", "--seed", "7",
		"--soak", "2d", "--functional-id", "clusters-1@acme.example", "--patience", "30s")
	assert.Equal(t, done, code, errs)
	assert.Equal(t, "leaver@acme.example", got.Request.User)
	assert.Equal(t, 48*time.Hour, got.Request.Soak.Std())
	assert.Equal(t, []string{"clusters-1@acme.example"}, got.Request.FunctionalIDs)
	assert.Equal(t, []string{"throttle", "outage:iam@soak"}, got.Faults)
	assert.EqualValues(t, 7, got.Seed)
	assert.Equal(t, 30*time.Second, got.Patience)
	assert.Contains(t, out, "Rehearsal: nothing in account 0a1b2c3d4e5f60718293a4b5c6d7e8f9 was changed.")
	assert.Contains(t, errs, "Looking at it")
}

func TestRehearseEndsWithThreeIfAPersonWouldBeNeeded(t *testing.T) {
	for kind, want := range map[offboard.ProblemKind]int{
		offboard.ProblemDecision: done, offboard.ProblemBlocker: incomplete, offboard.ProblemHold: incomplete, offboard.ProblemRefused: incomplete,
	} {
		code, out, _ := onStage(t.Context(), t, func(app.RehearsalOptions) (app.Rehearsed, error) {
			return rehearsed(offboard.ExpectedProblem{Kind: kind, Phase: offboard.PhaseApprove, Subject: "it", Text: "something", Remedy: "do this"}), nil
		}, "--user", "leaver@acme.example")
		assert.Equal(t, want, code, kind)
		assert.Contains(t, out, "do this")
	}
}

func TestRehearsePrintsEveryForm(t *testing.T) {
	play := func(o app.RehearsalOptions) (app.Rehearsed, error) {
		assert.Nil(t, o.Show, "what a program reads is the report alone")
		return rehearsed(), nil
	}
	_, out, _ := onStage(t.Context(), t, play, "--user", "leaver@acme.example", "--output", "json")
	var r offboard.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.NotNil(t, r.Rehearsal)
	file := filepath.Join(t.TempDir(), "rehearsal.html")
	code, out, _ := onStage(t.Context(), t, play, "--user", "leaver@acme.example", "--format", "html", "--out", file)
	assert.Equal(t, done, code)
	assert.Empty(t, out)
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(page), "was changed.")
}

func TestRehearseSaysWhatIsWrong(t *testing.T) {
	never := func(app.RehearsalOptions) (app.Rehearsed, error) {
		t.Error("nothing should have been rehearsed")
		return app.Rehearsed{}, nil
	}
	for _, args := range [][]string{{}, {"--user", "nobody"}, {"--user", "leaver@acme.example", "--format", "pdf"}, {"--user", "leaver@acme.example", "extra"}} {
		code, _, errs := onStage(t.Context(), t, never, args...)
		assert.Equal(t, misused, code, "%v: %s", args, errs)
	}
	code, _, errs := onStage(t.Context(), t, func(app.RehearsalOptions) (app.Rehearsed, error) {
		_, err := rehearsal.ParseFaults([]string{"thunder"}, 1)
		return app.Rehearsed{}, &app.InvalidFaults{Problem: err}
	}, "--user", "leaver@acme.example", "--fault", "thunder")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "lost-reply:OPERATION", "the list of faults there are")

	code, out, _ := onStage(t.Context(), t, never, "--list-faults")
	assert.Equal(t, done, code)
	assert.Contains(t, out, "rollout-stuck:CLUSTER")
}

func TestAnInterruptedRehearsalSaysThatNothingGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	code, _, errs := onStage(ctx, t, func(app.RehearsalOptions) (app.Rehearsed, error) {
		cancel()
		return app.Rehearsed{}, errors.Join(ctx.Err())
	}, "--user", "leaver@acme.example")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, "nothing of it goes on")
	assert.NotContains(t, errs, "runs go on without it")
}
