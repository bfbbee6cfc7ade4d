package activities

import (
	"context"
	"slices"
	"strings"

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
	err := together(ctx, len(in.Dependents), func(ctx context.Context, i int) error {
		pods, err := a.workloads.Pods(ctx, in.Cluster.ID, in.Dependents[i])
		if err != nil && offboard.CodeOf(err) != offboard.NotFound {
			return err
		}
		result.Pods[i] = pods
		return nil
	})
	return result, err
}

// RestartInput names the dependents of a cluster to restart, the pods they had, and a mark that is the same for all
// attempts.
type RestartInput struct {
	Cluster    offboard.ClusterRef  `json:"cluster"`
	Dependents []offboard.Dependent `json:"dependents"`
	Old        [][]string           `json:"old,omitempty"`
	Mark       string               `json:"mark"`
}

// inCluster is the receipt of a change inside a cluster: the engine's own kubeconfig is used, and IBM sees no request.
var inCluster = offboard.Receipt{By: offboard.EngineIdentity}

// Restart begins to replace the pods of each dependent. The same mark restarts once, however often it runs.
func (a *Activities) Restart(ctx context.Context, in RestartInput) (Done, error) {
	err := together(ctx, len(in.Dependents), func(ctx context.Context, i int) error {
		err := a.workloads.Restart(ctx, in.Cluster.ID, in.Dependents[i], in.Mark)
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return Done{}, err
	}
	offboard.NoteReceipt(ctx, inCluster)
	return Done{}, nil
}

// ConfirmRestart fails with Pending until none of the old pods is left and every new one is ready. Where an add-on
// manager took the mark back, it deletes the old pods instead, one at a time.
func (a *Activities) ConfirmRestart(ctx context.Context, in RestartInput) (Done, error) {
	waits := make([]string, len(in.Dependents))
	err := together(ctx, len(in.Dependents), func(ctx context.Context, i int) error {
		d, old := in.Dependents[i], in.Old[i]
		r, err := a.workloads.Rollout(ctx, in.Cluster.ID, d, old, in.Mark)
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil // deleted meanwhile: nothing of it holds a key
		}
		if err == nil && r.Reverted {
			err = a.workloads.Replace(ctx, in.Cluster.ID, d, old)
		}
		if err == nil && !r.Done {
			waits[i] = d.Workload + ": " + r.Missing
		}
		return err
	})
	if err != nil {
		return Done{}, err
	}
	if missing := slices.DeleteFunc(waits, func(text string) bool { return text == "" }); len(missing) > 0 {
		return Done{}, offboard.Errorf(offboard.Pending, "wait for the restart in "+in.Cluster.Name, "%s", strings.Join(missing, "; "))
	}
	return Done{}, nil
}
