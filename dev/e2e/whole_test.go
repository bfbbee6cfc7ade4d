package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// The sample account, with everything an offboarding can meet on its way to a good end.
func TestAWholeOffboarding(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	id := b.begin(map[string]any{"soak": "6s"})
	plan := b.approve(id)
	report := b.report(id)

	assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	assert.Empty(t, b.Sim.Unknown(), "requests that IBM Cloud would not know")
	assert.Equal(t, 5, plan.Resets(), "the leaver owns five of the seven scopes")
	assert.Equal(t, approver, report.Progress.Approval.By)
	assert.False(t, report.Progress.Approval.Verified, "the approver only said who they are")
	require.Len(t, report.Progress.Keys, len(plan.Keys))
	for _, k := range report.Progress.Keys {
		assert.Equal(t, offboard.KeyDeleted, k.State, k.ID)
	}
	assert.True(t, report.Progress.UserRemoved)
	b.noSecretAnywhere(report)
	b.listedAs(id, offboard.Completed)
}

// Promise 7: every secret of a simulated account carries this mark, and tokens are found by their form.
var secrets = regexp.MustCompile(`CANARY-|eyJ[A-Za-z0-9_-]{10,}\.|(?i)bearer [a-z0-9]`)

func (b *bench) noSecretAnywhere(report offboard.Report) {
	b.t.Helper()
	histories := b.executions()
	assert.Greater(b.t, len(histories), len(report.Progress.Scopes), "the run, its hand-overs and its claim")
	for _, h := range histories {
		text, err := protojson.Marshal(h.GetHistory())
		require.NoError(b.t, err)
		b.clean("the history of "+h.GetHistory().GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName(), readable(b.t, h.GetHistory())+string(text))
	}
	assert.NotEmpty(b.t, b.log.String(), "the worker logs")
	b.clean("the log at level debug", b.log.String())
	text, err := json.Marshal(report)
	require.NoError(b.t, err)
	b.clean("the result", string(text))
	files, err := filepath.Glob(filepath.Join(b.reports, "*"))
	require.NoError(b.t, err)
	assert.Len(b.t, files, 3, "the report as a page, as text and as data")
	for _, f := range files {
		content, err := os.ReadFile(f)
		require.NoError(b.t, err)
		b.clean(filepath.Base(f), string(content))
	}
}

func (b *bench) clean(where, text string) {
	b.t.Helper()
	for _, at := range secrets.FindAllStringIndex(text, 3) {
		b.t.Errorf("a secret in %s: …%s…", where, text[max(at[0]-80, 0):min(at[1]+20, len(text))])
	}
}

// readable is every payload of a history as it was before Temporal's JSON wrote it in base64.
func readable(t *testing.T, h *historypb.History) string {
	t.Helper()
	text, err := protojson.Marshal(h)
	require.NoError(t, err)
	var tree any
	require.NoError(t, json.Unmarshal(text, &tree))
	return decoded(tree)
}

func decoded(node any) string {
	text := ""
	switch n := node.(type) {
	case map[string]any:
		for key, value := range n {
			if s, ok := value.(string); ok && key == "data" {
				text += unbase64(s) + "\n"
				continue
			}
			text += decoded(value)
		}
	case []any:
		for _, value := range n {
			text += decoded(value)
		}
	}
	return text
}

func drain(t *testing.T, events client.HistoryEventIterator) *historypb.History {
	t.Helper()
	h := &historypb.History{}
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, e)
	}
	return h
}

// listedAs asserts what the list of runs shows, which comes from the search attributes.
func (b *bench) listedAs(id string, status offboard.Status) {
	b.t.Helper()
	require.EventuallyWithT(b.t, func(collect *assert.CollectT) {
		list, err := b.Runs.List(b.ctx, app.Filter{Status: status})
		require.NoError(collect, err)
		require.Len(collect, list, 1)
		assert.Equal(collect, id, list[0].WorkflowID)
		assert.Equal(collect, b.Config.Account, list[0].Account)
		assert.False(collect, list[0].NeedsPerson)
	}, listLag, pollEvery)
}
