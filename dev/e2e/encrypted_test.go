package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/app"
	"offboard/internal/codec"
	"offboard/internal/offboard"
	"offboard/replay"
	"offboard/workflows"
)

// vault is a directory with keys.
type vault string

// newVault makes keys that open nothing but what this test writes.
func newVault(t *testing.T, ids ...string) vault {
	t.Helper()
	v := vault(t.TempDir())
	for i, id := range ids {
		value := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(i + 1)}, 32))
		require.NoError(t, os.WriteFile(filepath.Join(string(v), id), []byte(value), 0o600))
	}
	return v
}

// section is the configuration with some of the keys; the first encrypts.
func (v vault) section(ids ...string) string {
	var keys []map[string]string
	for _, id := range ids {
		keys = append(keys, map[string]string{"id": id, "key": "file:" + filepath.Join(string(v), id)})
	}
	text, _ := json.Marshal(map[string]any{"keys": keys}) // texts only
	return string(text)
}

// rekey writes other keys into the configuration, under the programs that have read it.
func (b *bench) rekey(v vault, from, to []string) {
	b.t.Helper()
	file := b.Env["OFFBOARD_CONFIG"]
	data, err := os.ReadFile(file)
	require.NoError(b.t, err)
	text := strings.Replace(string(data), v.section(from...), v.section(to...), 1)
	require.NotEqual(b.t, string(data), text)
	require.NoError(b.t, os.WriteFile(file, []byte(text), 0o600))
}

// dial is a program that starts now, with the configuration as it is.
func (b *bench) dial() (*app.Runs, *app.Connection) {
	b.t.Helper()
	c, err := app.Dial(b.ctx, func(name string) string { return b.Env[name] }, zap.NewNop())
	require.NoError(b.t, err)
	b.t.Cleanup(c.Close)
	return app.NewRuns(c, app.RunsConfig{Account: b.Config.Account, Namespace: c.Namespace, UI: c.UI}), c
}

// A whole offboarding with everything encrypted, whose key is replaced in the middle by somebody who tells the worker
// last: nothing Temporal stores names the leaver.
func TestAWholeOffboardingEncrypted(t *testing.T) {
	keys := newVault(t, "2026-05", "2026-11")
	b := start(t, stack.EngineOptions{Account: "sample", Settings: stack.Settings{Encryption: keys.section("2026-05")}})

	byHand := b.startedByHand()
	id := b.begin(map[string]any{"soak": "6s"})
	plan := b.plan(id)
	list, err := b.Runs.List(b.ctx, app.Filter{Open: true})
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, leaver, list[0].Person, "the list reads summaries")

	b.rekey(keys, []string{"2026-05"}, []string{"2026-11", "2026-05"})
	newer, connection := b.dial()
	_, err = newer.Approve(b.ctx, id, workflows.Approve{By: approver, Digest: plan.Digest, Answers: demo.Answers(plan)})
	require.NoError(t, err, "the worker learns of the new key by the message it cannot read")
	report := b.report(id)
	assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	assert.Equal(t, offboard.Completed, report.Status)
	shown, open, err := newer.Report(b.ctx, id)
	require.NoError(t, err)
	assert.False(t, open)
	assert.Equal(t, report.Progress.Keys, shown.Progress.Keys)

	used := b.encryptedThroughout(byHand)
	assert.Equal(t, []string{"2026-05", "2026-11"}, used, "the keys before and after the change")

	gate, err := app.NewGate(connection, replay.Options{Namespace: connection.Namespace})
	require.NoError(t, err)
	replayed, err := gate.Replay(b.ctx, app.Which{})
	require.NoError(t, err)
	assert.Greater(t, len(replayed), len(report.Progress.Scopes))
	for _, r := range replayed {
		assert.True(t, r.Passed(), "%s %s: %v %s", r.Type, r.WorkflowID, r.Differences, r.Problem)
	}
}

// startedByHand starts a run as the Web UI does without a codec server: in the clear. It is the only thing that is.
func (b *bench) startedByHand() (id string) {
	b.t.Helper()
	plain, err := client.DialContext(b.ctx, client.Options{HostPort: b.Connection.Address, Namespace: b.Connection.Namespace})
	require.NoError(b.t, err)
	defer plain.Close()
	run, err := plain.ExecuteWorkflow(b.ctx, client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.TaskQueue}, workflows.Offboard,
		text(`{"user": "`+leaver+`", "mode": "plan"}`))
	require.NoError(b.t, err)
	report := b.report(run.GetID())
	assert.Equal(b.t, offboard.Planned, report.Status)
	return run.GetID()
}

// encryptedThroughout asserts that every payload of every history is encrypted but the input of the run that was started
// by hand, and that no text in them names the leaver. It returns the IDs of the keys.
func (b *bench) encryptedThroughout(byHand string) []string {
	b.t.Helper()
	used := map[string]bool{}
	payloads := 0
	for _, h := range b.executions() {
		begin := h.GetHistory().GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
		if begin.GetWorkflowId() == byHand {
			require.Len(b.t, begin.GetInput().GetPayloads(), 1)
			assert.False(b.t, codec.Encrypted(begin.GetInput().GetPayloads()[0]))
			begin.Input = nil
		}
		for _, e := range h.GetHistory().GetEvents() {
			payloads += b.encrypted(e, used)
		}
		data, err := proto.Marshal(h.GetHistory())
		require.NoError(b.t, err)
		for _, name := range []string{leaver, leaverIAM, approver, "hr@acme.example", "acme.example"} {
			assert.NotContains(b.t, strings.ToLower(string(data)), strings.ToLower(name), "the history of %s", begin.GetWorkflowType().GetName())
		}
	}
	assert.Greater(b.t, payloads, 100)
	ids := make([]string, 0, len(used))
	for id := range used {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// encrypted asserts it of one event, and counts its payloads. Search attributes are the server's to read.
func (b *bench) encrypted(e *historypb.HistoryEvent, used map[string]bool) (payloads int) {
	b.t.Helper()
	err := proxy.VisitPayloads(b.ctx, e, proxy.VisitPayloadsOptions{SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, list []*commonpb.Payload) ([]*commonpb.Payload, error) {
			for _, p := range list {
				payloads++
				used[string(p.GetMetadata()[codec.KeyIDField])] = true
				assert.True(b.t, codec.Encrypted(p), "%s: %s", e.GetEventType(), p)
			}
			return list, nil
		}})
	require.NoError(b.t, err)
	return payloads
}

// A worker that lost its key must leave a run where it is, and go on with it as soon as the key is back: failing the run
// or turning it round for want of a key would be the end of an offboarding.
func TestAWorkerWithoutTheKeyLeavesTheRunAlone(t *testing.T) {
	keys := newVault(t, "2026-05", "2026-11")
	b := start(t, stack.EngineOptions{Settings: stack.Settings{Encryption: keys.section("2026-05")}})
	id := b.begin(nil)
	b.plan(id)
	require.NoError(t, b.StopWorker())

	b.rekey(keys, []string{"2026-05"}, []string{"2026-11"})
	worker := b.run()
	t.Cleanup(func() {
		worker.kill(t)
		if t.Failed() {
			t.Log(worker.out.String())
		}
	})
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	_, err := b.Runs.Reject(ctx, id, workflows.Reject{By: approver})
	require.Error(t, err, "nobody can read it")
	require.Eventually(t, func() bool { return strings.Contains(b.failure(id), "Encoded failure") }, time.Minute, 100*time.Millisecond, "the worker has tried")
	assert.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, b.statusOf(id))

	b.rekey(keys, []string{"2026-11"}, []string{"2026-11", "2026-05"})
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		if b.statusOf(id) == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING { // the first message may still be on its way
			_, err := b.Runs.Reject(b.ctx, id, workflows.Reject{By: approver})
			require.NoError(collect, err)
		}
	}, 2*time.Minute, time.Second)
	assert.Equal(t, offboard.Rejected, b.report(id).Status)
	b.untouched()
}

// failure is why the run's workflow task is tried again.
func (b *bench) failure(id string) string {
	b.t.Helper()
	text := ""
	events := b.Connection.GetWorkflowHistory(b.ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for _, e := range drain(b.t, events).GetEvents() {
		text += fmt.Sprint(e.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage())
	}
	return text
}

func (b *bench) statusOf(id string) enumspb.WorkflowExecutionStatus {
	b.t.Helper()
	d, err := b.Connection.DescribeWorkflowExecution(b.ctx, id, "")
	require.NoError(b.t, err)
	return d.GetWorkflowExecutionInfo().GetStatus()
}
