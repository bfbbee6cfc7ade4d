package activities

import (
	"context"
	"strings"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// SnapshotPodsInput names dependents of a cluster.
type SnapshotPodsInput struct {
	Cluster    offboard.ClusterRef  `json:"cluster"`
	Dependents []offboard.Dependent `json:"dependents"`
}

// SnapshotPodsResult holds the pods of each dependent, in the same order. A dependent that is gone has none.
type SnapshotPodsResult struct {
	Pods [][]string `json:"pods"`
}

// SnapshotPods records which pods there are before a restart. It changes nothing.
func (a *Activities) SnapshotPods(ctx context.Context, in SnapshotPodsInput) (SnapshotPodsResult, error) {
	result := SnapshotPodsResult{Pods: make([][]string, len(in.Dependents))}
	for i, d := range in.Dependents {
		pods, err := a.workloads.Pods(ctx, in.Cluster.ID, d)
		if err != nil && offboard.CodeOf(err) != offboard.NotFound {
			return result, err
		}
		result.Pods[i] = pods
	}
	return result, nil
}

// RestartInput names the dependents of a cluster to restart, the pods they had, and a mark that is the same for all
// attempts.
type RestartInput struct {
	Cluster    offboard.ClusterRef  `json:"cluster"`
	Dependents []offboard.Dependent `json:"dependents"`
	Old        [][]string           `json:"old,omitempty"`
	Mark       string               `json:"mark"`
}

// Restart begins to replace the pods of each dependent. The same mark restarts once, however often it runs.
func (a *Activities) Restart(ctx context.Context, in RestartInput) (Done, error) {
	for _, d := range in.Dependents {
		err := a.workloads.Restart(ctx, in.Cluster.ID, d, in.Mark)
		if err != nil && offboard.CodeOf(err) != offboard.NotFound {
			return Done{}, err
		}
		activity.RecordHeartbeat(ctx)
	}
	return Done{}, nil
}

// ConfirmRestart fails with Pending until none of the old pods is left and every new one is ready. Where an add-on
// manager took the mark back, it deletes the old pods instead, one at a time.
func (a *Activities) ConfirmRestart(ctx context.Context, in RestartInput) (Done, error) {
	var missing []string
	for i, d := range in.Dependents {
		old := in.Old[i]
		r, err := a.workloads.Rollout(ctx, in.Cluster.ID, d, old, in.Mark)
		if offboard.CodeOf(err) == offboard.NotFound {
			continue // deleted meanwhile: nothing of it holds a key
		}
		if err == nil && r.Reverted {
			err = a.workloads.Replace(ctx, in.Cluster.ID, d, old)
		}
		if err != nil {
			return Done{}, err
		}
		if !r.Done {
			missing = append(missing, d.Workload+": "+r.Missing)
		}
		activity.RecordHeartbeat(ctx)
	}
	if len(missing) > 0 {
		return Done{}, offboard.Errorf(offboard.Pending, "wait for the restart in "+in.Cluster.Name, "%s", strings.Join(missing, "; "))
	}
	return Done{}, nil
}
