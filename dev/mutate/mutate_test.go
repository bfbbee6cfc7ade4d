package mutate_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mutation is one harmful change of the source.
type mutation struct{ name, file, old, new string }

var mutations = []mutation{
	{"two phases swapped", "workflows/offboard.go", "\t\tr.disable,\n\t\tr.soak,\n", "\t\tr.soak,\n\t\tr.disable,\n"},
	{"a phase left out", "workflows/offboard.go", "r.delete, r.remove, r.clean)", "r.delete, r.clean)"},
	{"the last day is not waited for", "workflows/offboard.go", "\tif r.state.Request.Wait(workflow.Now(ctx)) == 0 {\n\t\treturn nil\n\t}\n\tr.enter", "\tif true {\n\t\treturn nil\n\t}\n\tr.enter"},
	{"another ending", "workflows/remove.go", "r.end(offboard.Completed,", "r.end(offboard.Incomplete,"},
	{"another type of failure", "workflows/offboard.go", "return temporal.NewNonRetryableApplicationError(err.Error(), InvalidInput, nil)", "return temporal.NewNonRetryableApplicationError(err.Error(), AlreadyRunning, nil)"},
	{"a failure that is tried again", "workflows/offboard.go", "return temporal.NewNonRetryableApplicationError(err.Error(), InvalidInput, nil)", "return temporal.NewApplicationError(err.Error(), InvalidInput)"},
	{"the person is not let go", "workflows/offboard.go", "\tr.release(ctx)\n", ""},
	{"another activity", "workflows/retire.go", "verbs.DisableKey, activities", "verbs.EnableKey, activities"},
	{"an activity left out", "workflows/handover.go", "\t\th.confirmOwners,\n", ""},
	{"two steps of a hand-over swapped", "workflows/handover.go", "\t\th.confirmKey,\n\t\th.confirmOwners,\n", "\t\th.confirmOwners,\n\t\th.confirmKey,\n"},
	{"an input of an activity", "workflows/handover.go", "Again: h.sent, ", "Again: true, "},
	{"an input of a child", "workflows/scopes.go", "Mark: r.state.RunID,", "Mark: r.state.WorkflowID,"},
	{"a child's ID", "workflows/messages.go", `return parent + "/" + scope.ID()`, `return parent + "-" + scope.ID()`},
	{"a child's end with its parent", "workflows/scopes.go", "PARENT_CLOSE_POLICY_REQUEST_CANCEL", "PARENT_CLOSE_POLICY_TERMINATE"},
	{"a signal's input", "workflows/handover_hold.go", "heldMessage{ScopeID: h.state.Scope.ID(),", "heldMessage{ScopeID: h.state.Scope.String(),"},
	{"how long an attempt may take", "workflows/options.go", "changing = preset{attempt: 2 * time.Minute", "changing = preset{attempt: 3 * time.Minute"},
	{"how soon a dead worker is noticed", "workflows/options.go", "\tsilence     = 10 * time.Second", "\tsilence     = 10 * time.Minute"},
	{"how long an attempt of an undo may take", "workflows/options.go", "undoing = preset{attempt: 2 * time.Minute", "undoing = preset{attempt: 3 * time.Minute"},
	{"how often a soak looks", "workflows/soak.go", "offboard.Duration(max(r.policy.SoakProbe.Std(),", "offboard.Duration(2 * max(r.policy.SoakProbe.Std(),"},
	{"how long a hold waits", "workflows/hold.go", "deadline = r.policy.HoldDeadline.Std()", "deadline = 2 * r.policy.HoldDeadline.Std()"},
	{"a search attribute's value", "workflows/page.go", "keyword(PhaseAttribute, string(r.state.Phase))", "keyword(PhaseAttribute, \"phase \"+string(r.state.Phase))"},
	{"an update's answer", "workflows/handlers.go", "Rejected; nothing of the leaver was changed.", "Rejected."},
	{"an update that was accepted", "workflows/handlers.go", "case m.Digest == \"\":", "case m.Digest == \"\" || m.Note == \"\":"},
	{"the order of an undo", "workflows/undo.go", "range slices.Backward(r.undo)", "range slices.All(r.undo)"},
	{"an undo left out", "workflows/undo.go", "r.undo = append(r.undo, undoStep{what: what, run: f})", "_, _ = what, f"},
	{"how many keys at the same time", "workflows/retire.go", "const parallelKeys = 50", "const parallelKeys = 1"},
	{"when a soak continues as new", "workflows/watch.go", "const probesPerRun = 200", "const probesPerRun = 100"},
	{"what a soak hands on to its next run", "workflows/watch.go", "\tin.Probes = state.Probes\n", ""},
	{"a soak that looks without a pause", "workflows/watch.go", "max(min(in.Pause.Std(), left), time.Millisecond)", "max(min(0, left), time.Millisecond)"},
	{"a soak that trusts what it cannot see", "workflows/watch.go", "state.Trouble = []string{\"the clusters could not be looked at: \" + problem(err)}\n\t\t\treturn state, nil", "continue"},
	{"a soak that is over too soon", "workflows/watch.go", "if len(got.Trouble) > 0 || !workflow.Now(ctx).Before(in.Until) {", "if true {"},
	{"the soak's end with its parent", "workflows/soak.go", "PARENT_CLOSE_POLICY_REQUEST_CANCEL", "PARENT_CLOSE_POLICY_ABANDON"},
	{"keys that stay dead after trouble", "workflows/soak.go", "\t\tif err := r.enableAll(ctx); err != nil {\n\t\t\treturn err\n\t\t}\n", ""},
	{"a notice left out", "workflows/agree.go", "\tr.askApproval(ctx, offboard.NoticePlanReady, deadline)\n", ""},
	{"a notice to everybody", "workflows/notify.go", "if !r.adm.Notifies {", "if false {"},
	{"a notice's number", "workflows/notify.go", "\tr.notices++\n", "\tr.notices += 2\n"},
	{"an end that nobody hears of", "workflows/offboard.go", "\tr.sayEnd(ctx, report)\n", ""},
	{"how long the end waits for notices", "workflows/notify.go", "const lastWords = time.Minute", "const lastWords = time.Hour"},
	{"a fallback that is not proven", "workflows/prepare.go", "return r.proveFallback(ctx)", "return nil"},
	{"a scope that is not taken back", "workflows/scopes.go", "\tr.fallBackLater(i, h)\n", ""},
	{"the fallback's child ID", "workflows/fallback.go", "+\"/fallback\"", "+\"/back\""},
	{"what the fallback hands over to", "workflows/fallback.go", "\th.FunctionalID = to\n", ""},
	{"a key that is deleted too soon", "workflows/fallback.go", "err != nil || !proven {", "err != nil || proven && err != nil {"},
	{"a move that removes somebody", "workflows/move.go", "\t\tr.handOver,\n\t\tr.endMove,\n", "\t\tr.handOver,\n\t\tr.disable,\n\t\tr.remove,\n\t\tr.endMove,\n"},
	{"how many clusters an activity looks at", "workflows/survey.go", "const chunk = 50", "const chunk = 1"},
}

func TestEveryHarmfulChangeIsSeenByTheReplay(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	out, err := replay(t, root, nil)
	require.NoError(t, err, "the replay must pass before anything is damaged:\n%s", out)
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(root, filepath.FromSlash(m.file))
			source, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(source), m.old), "%s must have %q once", m.file, m.old)
			damaged := filepath.Join(t.TempDir(), filepath.Base(path))
			require.NoError(t, os.WriteFile(damaged, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600))
			out, err := replay(t, root, map[string]string{path: damaged})
			_, failed := errors.AsType[*exec.ExitError](err)
			require.True(t, failed, "the replay did not see it")
			assert.Contains(t, out, "differences in all", "it failed for another reason")
			t.Log(firstDifference(out))
		})
	}
}

// replay runs the replay test with some files replaced, which leaves the sources alone and the build cache useful.
func replay(t *testing.T, root string, replaced map[string]string) (string, error) {
	t.Helper()
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-timeout", "2m", "-overlay", file,
		"-run", "^TestEveryRecordedRunIsReplayedStrictly$", "./workflows")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func firstDifference(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "the history has") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
