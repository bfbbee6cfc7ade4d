package observe_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/observe/traces"
	"offboard/internal/offboard"
)

// Two offboardings of the same person: HR begins the first through the door and takes it back while everything is
// watched; the second is begun by hand, is handed from one worker to another in the middle, and ends.
func TestOffboardingsAreTracedAndCounted(t *testing.T) {
	b := start(t)
	worker, door := b.run("worker"), b.run("starter", "serve")

	var started struct{ Run string }
	require.NoError(t, json.Unmarshal([]byte(b.deliver("msg-1", "requested", `{"user":{"email":"leaver@acme.example"}}`)), &started))
	b.approve(started.Run)
	b.until(started.Run, "the soak", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseSoak && p.Soak != nil })
	b.deliver("msg-2", "cancelled", `{"user":{"email":"leaver@acme.example"}}`)
	report, err := b.Runs.Wait(b.ctx, started.Run)
	require.NoError(t, err)
	require.Equal(t, offboard.Reinstated, report.Status, report.Message)

	by, err := b.Runs.Start(b.ctx, offboard.Request{User: leaver, Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired, OnFailure: offboard.OnFailureHold,
		Soak: offboard.Duration(3 * time.Second), RemoveUser: true, RequestedBy: "hr@acme.example"})
	require.NoError(t, err)
	b.until(by.WorkflowID, "a plan to approve", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseApprove && p.Plan != nil })
	first := worker.scrape()
	worker.drain()
	assert.NotZero(t, door.get("/readyz"), "the door stays open")
	again := b.run("worker")
	b.approve(by.WorkflowID)
	report, err = b.Runs.Wait(b.ctx, by.WorkflowID)
	require.NoError(t, err)
	require.Equal(t, offboard.Completed, report.Status, report.Message)

	pages := merge(first, again.scrape(), door.scrape())
	again.drain()
	door.drain()
	spans := b.traces.All()

	t.Run("one trace from the webhook to IBM Cloud", func(t *testing.T) {
		trace := one(t, spans, func(s traces.Span) bool { return s.Attributes["offboard.outcome"] == "started" })
		assert.Equal(t, "POST /webhooks/{source}", trace.Name)
		assert.Equal(t, "offboard-door", trace.Service)
		checkTrace(t, spans, trace.Trace, started.Run, "containers ResetUserAPIKey", "iam DisableAPIKey", "iam EnableAPIKey")
	})
	t.Run("one trace for a run that no trace began and two workers held", func(t *testing.T) {
		trace := one(t, spans, func(s traces.Span) bool {
			return s.Name == "RunWorkflow:Offboard" && s.Attributes["temporalWorkflowID"] == by.WorkflowID && s.Attributes["temporalRunID"] == by.RunID
		})
		checkTrace(t, spans, trace.Trace, by.WorkflowID, "iam DeleteAPIKey", "user-management V3RemoveUser")
	})
	t.Run("the log finds the trace", func(t *testing.T) {
		trace := one(t, spans, func(s traces.Span) bool { return s.Attributes["offboard.outcome"] == "started" }).Trace
		assert.Contains(t, door.out.String(), `"TraceID":"`+trace+`"`)
		assert.Contains(t, worker.out.String(), `"TraceID":"`+trace+`"`)
	})
	t.Run("no span names a person or holds a secret", func(t *testing.T) {
		for _, s := range spans {
			assert.NotContains(t, s.Text, "@acme", s.Name)
			assert.NotContains(t, s.Text, "CANARY", s.Name)
		}
	})
	t.Run("the page and the documentation have the same metrics", func(t *testing.T) { checkDocumented(t, pages) })
	t.Run("everything that is asked for is on the page", func(t *testing.T) { checkQueries(t, pages) })
	t.Run("runs are counted by how they ended", func(t *testing.T) {
		assert.Equal(t, map[string]float64{"Reinstated": 1, "Completed": 1}, count(pages["offboard_runs_ended_total"], "status"))
	})
}

// one is a span that fulfils the condition; the same span may have come more than once.
func one(t *testing.T, spans []traces.Span, is func(traces.Span) bool) traces.Span {
	t.Helper()
	i := slices.IndexFunc(spans, is)
	require.GreaterOrEqual(t, i, 0, "there is no such span")
	for _, s := range spans {
		if is(s) {
			require.Equal(t, spans[i].ID, s.ID, "there is another such span")
		}
	}
	return spans[i]
}

// checkTrace asserts that a run and everything below it is in one trace, that the trace reaches everybody who is asked,
// and that no span hangs on one that never came.
func checkTrace(t *testing.T, spans []traces.Span, trace, run string, requests ...string) {
	t.Helper()
	ids, names := map[string]bool{}, map[string]bool{}
	for _, s := range spans {
		if s.Trace == trace {
			ids[s.ID], names[s.Name] = true, true
		}
	}
	for _, s := range spans {
		of := s.Attributes["temporalWorkflowID"]
		if s.Trace == trace && s.Parent != "" {
			assert.True(t, ids[s.Parent], "%s hangs on a span that never came", s.Name)
		}
		if s.Trace == trace && of != "" && strings.HasPrefix(s.Name, "Run") {
			assert.True(t, of == run || strings.HasPrefix(of, run+"/") || s.Name == "RunWorkflow:Claim", "%s of %s is in the trace of %s", s.Name, of, run)
		}
	}
	for _, want := range append(requests, "RunWorkflow:Offboard", "RunWorkflow:HandOver", "RunWorkflow:Soak", "RunActivity:Inspect", "containers GetCluster", "kubernetes list pods") {
		assert.True(t, names[want], "the trace has no span %s, but %s", want, slices.Sorted(maps.Keys(names)))
	}
}

// merge makes one page of several. Counters of one process go on where those of another were.
func merge(pages ...map[string]*dto.MetricFamily) map[string]*dto.MetricFamily {
	all := map[string]*dto.MetricFamily{}
	for _, page := range pages {
		for name, family := range page {
			if have, yes := all[name]; yes {
				have.Metric = append(have.Metric, family.GetMetric()...)
				continue
			}
			all[name] = family
		}
	}
	return all
}

// count sums a counter by one of its labels.
func count(family *dto.MetricFamily, label string) map[string]float64 {
	sums := map[string]float64{}
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == label {
				sums[l.GetValue()] += m.GetCounter().GetValue()
			}
		}
	}
	return sums
}
