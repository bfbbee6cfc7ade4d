package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/replay"
	"offboard/workflows"
)

// The gate before a roll-out, against a server with runs under way: this build passes, one with other workflows does not.
func TestTheGateSeesABuildThatRunsUnderWayWouldNotice(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := stack.Start(ctx, stack.Options{Engine: stack.EngineOptions{Account: filepath.Join("accounts", "two.yaml"),
		Settings: stack.Settings{MinimumSoak: offboard.Duration(time.Second)}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Stop()) })
	p := &play{Engine: s.Engine, ctx: ctx}
	p.fault(refused("containers", "POST", resets))
	p.start(nil)
	p.approve()
	p.held("eu-de")
	p.held("us-south")
	p.until("the scope that is only refreshed", func(now offboard.Progress) bool { return now.HandedOver() == 1 })
	require.NoError(t, p.err)

	same, err := app.NewGate(s.Connection.Client, replay.Options{})
	require.NoError(t, err)
	list := replayed(t, same, app.Which{Status: "Running", Since: time.Hour}, 4)
	for _, r := range list {
		assert.True(t, r.Passed(), "%s: %v %s", r.Type, r.Differences, r.Problem)
		assert.Positive(t, r.Events)
	}
	assert.Len(t, replayed(t, same, app.Which{WorkflowID: p.run.id}, 5), 5, "the run, its claim and three hand-overs, one of which has ended")
	assert.Len(t, replayed(t, same, app.Which{Query: "WorkflowType = '" + workflows.HandOver + "'"}, 3), 3)
	_, err = same.Replay(ctx, app.Which{WorkflowID: "nobody"})
	var unknown *app.NoRun
	require.ErrorAs(t, err, &unknown)

	other, err := app.NewGate(s.Connection.Client, replay.Options{Register: func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.HandOverInput) error { return workflow.Sleep(ctx, time.Hour) },
			workflow.RegisterOptions{Name: workflows.HandOver})
		r.RegisterWorkflowWithOptions(func(ctx workflow.Context) error { return workflow.Await(ctx, func() bool { return false }) },
			workflow.RegisterOptions{Name: workflows.Claim})
	}})
	require.NoError(t, err)
	stuck := map[string]bool{}
	for _, r := range replayed(t, other, app.Which{Status: "Running"}, 4) {
		for _, d := range r.Differences {
			stuck[r.Type] = stuck[r.Type] || d.Stuck()
		}
	}
	assert.Equal(t, map[string]bool{workflows.Offboard: true, workflows.HandOver: true}, stuck)
}

// replayed waits until the server's list, which is written behind the runs, has them all.
func replayed(t *testing.T, g *app.Gate, w app.Which, runs int) []app.Replayed {
	t.Helper()
	var list []app.Replayed
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error
		list, err = g.Replay(t.Context(), w)
		require.NoError(c, err)
		require.Len(c, list, runs)
	}, 30*time.Second, 100*time.Millisecond)
	return list
}
