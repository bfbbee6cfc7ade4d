package temporalite_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"offboard/dev/internal/temporalite"
)

// TestOneTenantDoesNotStarveAnother also shows that DynamicConfig arrives:
// fairness is exact within a partition only, and the default is four.
func TestOneTenantDoesNotStarveAnother(t *testing.T) {
	const heavy, light = 30, 3
	s := start(t, temporalite.Options{UIPort: temporalite.NoUI, DynamicConfig: map[string]any{
		"matching.numTaskqueueReadPartitions":  1,
		"matching.numTaskqueueWritePartitions": 1,
	}})
	c := dial(t, s)

	decider := worker.New(c, queue, worker.Options{LocalActivityWorkerOnly: true})
	decider.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		var calls []workflow.Future
		for i := range heavy + light {
			key := "heavy"
			if i >= heavy {
				key = "light"
			}
			calls = append(calls, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
				StartToCloseTimeout: 10 * time.Second,
				Priority:            temporal.Priority{FairnessKey: key},
			}), "Record", key))
		}
		for _, call := range calls {
			if err := call.Get(ctx, nil); err != nil {
				return err
			}
		}
		return nil
	}, workflow.RegisterOptions{Name: "Crowd"})
	require.NoError(t, decider.Start())
	t.Cleanup(decider.Stop)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "crowd", TaskQueue: queue}, "Crowd")
	require.NoError(t, err)
	scheduled := 0
	events := c.GetWorkflowHistory(t.Context(), "crowd", "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for scheduled < heavy+light && events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			scheduled++
		}
	}

	var mu sync.Mutex
	var order []string
	doer := worker.New(c, queue, worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1})
	doer.RegisterActivityWithOptions(func(_ context.Context, key string) error {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, key)
		return nil
	}, activity.RegisterOptions{Name: "Record"})
	require.NoError(t, doer.Start())
	t.Cleanup(doer.Stop)
	require.NoError(t, run.Get(t.Context(), nil))

	require.Len(t, order, heavy+light)
	slices.Reverse(order)
	last := len(order) - 1 - slices.Index(order, "light")
	t.Logf("the last light activity ran as number %d of %d", last+1, len(order))
	assert.Less(t, last, heavy/2, "last in the queue, but not behind the crowd")
}
