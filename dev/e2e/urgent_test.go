package e2e_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// What puts a step before others is on the task itself, in the run and in its children; who waits with whom is told by
// the run. That the server heeds it is shown by the tests of package temporalite.
func TestThePlaceOfARunInTheQueue(t *testing.T) {
	for _, test := range []struct {
		name   string
		urgent bool
		place  int32
		look   int32 // of a step that only looks whether something has come about
	}{{"usual", false, 3, 4}, {"urgent", true, 2, 2}} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, stack.EngineOptions{})
			id := b.begin(map[string]any{"urgent": test.urgent, "soak": "1m"})
			b.approve(id)
			b.until(id, "a look in the soak", func(p offboard.Progress) bool { return p.Soak != nil && p.Soak.Probes > 0 })
			_, err := b.Runs.Reinstate(b.ctx, id, workflows.Reinstate{By: approver})
			require.NoError(t, err)
			report := b.report(id)
			require.Equal(t, offboard.Reinstated, report.Status)

			runs := []string{id, report.Progress.Soak.Run}
			for _, s := range report.Progress.Scopes {
				runs = append(runs, s.Run)
			}
			places := map[int32]int{}
			for _, run := range runs {
				tasks := b.scheduled(run)
				require.NotEmpty(t, tasks, run)
				for _, a := range tasks {
					places[a.Priority.GetPriorityKey()]++
					assert.Equal(t, report.Progress.RunID, a.Priority.GetFairnessKey(), "%s in %s", a.ActivityType.GetName(), run)
					if a.ActivityType.GetName() == "EnableKey" {
						assert.EqualValues(t, 1, a.Priority.GetPriorityKey(), "an undo goes before everything")
					}
				}
			}
			assert.Positive(t, places[1])
			assert.Greater(t, places[test.place], 10)
			assert.Positive(t, places[test.look])
			delete(places, test.look)
			assert.Subset(t, []int32{1, test.place}, slices.Collect(maps.Keys(places)))
		})
	}
}

// scheduled are the activities of a run, as they were scheduled.
func (b *bench) scheduled(workflowID string) []*history.ActivityTaskScheduledEventAttributes {
	b.t.Helper()
	var list []*history.ActivityTaskScheduledEventAttributes
	events := b.Connection.GetWorkflowHistory(b.ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(b.t, err)
		if a := event.GetActivityTaskScheduledEventAttributes(); a != nil {
			list = append(list, a)
		}
	}
	return list
}
