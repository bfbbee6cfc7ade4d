package activities

import (
	"context"

	"offboard/internal/offboard"
)

// lookInto asks a cluster since when its control plane and the workloads that read the key run, and how its add-ons are.
// NotFound if the cluster is gone. A cluster whose own API does not answer is no error: ClusterEvidence.Unreachable says
// why. It changes nothing.
func lookInto(ctx context.Context, clusters AuditClusters, workloads AuditWorkloads, cluster offboard.Cluster, rules []offboard.DependentRule) (offboard.ClusterEvidence, error) {
	found := offboard.ClusterEvidence{Cluster: cluster}
	_, master, err := clusters.Cluster(ctx, cluster.ID)
	if err != nil {
		return found, err
	}
	if found.Cluster.Addons, err = clusters.Addons(ctx, cluster.ID); err != nil {
		return found, err
	}
	found.Looked, found.Master = true, master
	inside, err := workloads.Inspect(ctx, cluster.ID, rules, "")
	if err == nil && inside.Unreachable == "" {
		found.Dependents = inside.Restartable()
		if len(found.Dependents) > 0 {
			found.Since, err = workloads.Since(ctx, cluster.ID, found.Dependents)
		}
	}
	switch code := offboard.CodeOf(err); {
	case err == nil:
		found.Unreachable = inside.Unreachable
	case code == offboard.Unreachable, !code.Retryable():
		found.Unreachable = err.Error()
	default:
		return found, err
	}
	return found, nil
}
