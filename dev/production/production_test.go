//go:build production

package production_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"offboard/dev/internal/witness"
	"offboard/dev/kubernetes/attach"
	"offboard/dev/observe/traces"
	"offboard/dev/production/installation"
	"offboard/internal/app"
	"offboard/internal/codec"
	"offboard/internal/offboard"
)

const (
	root    = "../.."
	account = "../kubernetes/testdata/account.yaml"
)

// nothing is what there is to see while a service is gone.
func nothing() {}

// TestEveryProcessDiesOnce: HR's webhook starts an offboarding, a person approves it at the door, and in the course of it
// each process is killed and started again as Compose would: codec server and door while the plan waits, the worker after
// the first reset, the clusters' API servers after that, Temporal after the second reset, and PostgreSQL when keys are
// disabled.
func TestEveryProcessDiesOnce(t *testing.T) {
	clusters, err := attach.Start(root)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, clusters.Close()) })
	i := installation.New(t, account, installation.OneScopeAfterTheOther)
	attached := attach.All(t, clusters, i.Sim.Cloud, i.Sim.Account)
	i.Up()

	i.HR("event-1")
	run, plan := i.Planned()
	require.Equal(t, 2, plan.Resets())
	before := controllers(attached)
	i.Restart(installation.CodecServer, nothing)
	assert.Contains(t, decoded(t, i, run), installation.Leaver, "the codec server reads what the run was started with")
	begun := webhook(t, i)
	i.Restart(installation.Door, nothing)
	i.Approve(plan)

	i.Eventually("a scope was reset", func() bool { return i.Did(witness.ResetAction) > 0 })
	i.Restart(installation.Worker, func() { require.Equal(t, 1, i.Did(witness.ResetAction), "the other scope is left to be done") })
	require.NoError(t, clusters.Kill())
	require.NoError(t, clusters.Restart(t.Context()))
	i.Eventually("the other scope was reset", func() bool { return i.Did(witness.ResetAction) == 2 })
	i.Restart(installation.Temporal, func() { require.Zero(t, disabled(i), "no key is disabled yet") })
	i.Eventually("a key is disabled", func() bool { return disabled(i) > 0 })
	i.Restart(installation.Postgres, func() { require.Zero(t, i.Did(witness.RemoveAction), "the person is still there") })

	i.HR("event-1")
	var report offboard.Report
	i.Connected(func(_ *app.Connection, r *app.Runs) { report, err = r.Wait(t.Context(), run) })
	require.NoError(t, err)
	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Empty(t, witness.Judge(report, i.Sim.Ledger(), i.Sim.Outages()))
	assert.Empty(t, i.Sim.Unknown())
	require.NotNil(t, report.Progress.Approval)
	assert.Equal(t, installation.Approver, report.Progress.Approval.By)
	for _, r := range i.Sim.Requests() {
		assert.NotEqual(t, "kubernetes", r.Service, "somebody took a real cluster for a simulated one: %s %s", r.Method, r.Route)
	}
	after := controllers(attached)
	assert.NotEmpty(t, before)
	for name, uid := range before {
		assert.NotContains(t, after, name, "the pod %s still runs with the old key", uid)
	}
	kept, err := filepath.Glob(filepath.Join(i.Reports(), "*"))
	require.NoError(t, err)
	assert.NotEmpty(t, kept, "the report is where docker-compose.yml keeps reports")
	i.KeepsSecrets(run)
	oneTrace(t, i.Traces.All(), begun, run)
}

// disabled counts the keys that were disabled.
func disabled(i *installation.Installation) (n int) {
	for _, e := range i.Sim.Ledger() {
		if e.Details["disabled"] == "true" {
			n++
		}
	}
	return n
}

// controllers are the pods that hold the leaver's key, in all clusters: cluster and name, and their UIDs.
func controllers(clusters map[string]*attach.Cluster) map[string]string {
	found := map[string]string{}
	for cluster, c := range clusters {
		for name, uid := range c.Pods("ibm-vpc-block-csi-controller") {
			found[cluster+"/"+name+" "+string(uid)] = string(uid)
		}
	}
	return found
}

// decoded is what the run was started with, as the codec server shows it to the Web UI.
func decoded(t *testing.T, i *installation.Installation, run string) string {
	t.Helper()
	var stored commonpb.Payloads
	i.Connected(func(c *app.Connection, _ *app.Runs) {
		event, err := c.GetWorkflowHistory(t.Context(), run, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		require.NoError(t, err)
		stored.Payloads = event.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
	})
	require.Len(t, stored.Payloads, 1)
	assert.True(t, codec.Encrypted(stored.Payloads[0]))
	body, err := protojson.Marshal(&stored)
	require.NoError(t, err)
	var shown struct{ Payloads []struct{ Data []byte } }
	require.NoError(t, json.Unmarshal([]byte(i.Decode(string(body))), &shown))
	require.Len(t, shown.Payloads, 1)
	return string(shown.Payloads[0].Data)
}

// webhook is the trace that HR's webhook began; it has arrived when this returns.
func webhook(t *testing.T, i *installation.Installation) (trace string) {
	t.Helper()
	i.Eventually("the span of the webhook", func() bool {
		for _, s := range i.Traces.All() {
			if s.Attributes["offboard.outcome"] == "started" {
				trace = s.Trace
			}
		}
		return trace != ""
	})
	return trace
}

// oneTrace asserts that the run and everything below it is in the trace that the webhook began, whichever process did it,
// and that the trace reaches everybody who is asked. A process that was killed keeps its last spans to itself, so not
// every parent is there.
func oneTrace(t *testing.T, spans []traces.Span, trace, run string) {
	t.Helper()
	names := map[string]bool{}
	for _, s := range spans {
		if s.Trace == trace {
			names[s.Name] = true
		}
		if of := s.Attributes["temporalWorkflowID"]; (of == run || strings.HasPrefix(of, run+"/")) && strings.HasPrefix(s.Name, "Run") {
			assert.Equal(t, trace, s.Trace, "%s of %s", s.Name, of)
		}
	}
	for _, want := range []string{"POST /webhooks/{source}", "StartWorkflow:Offboard", "RunWorkflow:Offboard", "RunWorkflow:HandOver", "RunWorkflow:Soak",
		"RunActivity:Inspect", "containers ResetUserAPIKey", "iam DisableAPIKey", "iam DeleteAPIKey", "user-management V3RemoveUser", "kubernetes list pods"} {
		assert.True(t, names[want], "the trace has no span %s, but %s", want, slices.Sorted(maps.Keys(names)))
	}
}
