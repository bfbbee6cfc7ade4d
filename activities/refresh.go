package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// RefreshMasterInput names a cluster and when an operation last ran on its control plane before the hand-over.
type RefreshMasterInput struct {
	Cluster offboard.ClusterRef `json:"cluster"`
	Scope   offboard.Scope      `json:"scope"`
	Before  time.Time           `json:"before,omitzero"`
}

// RefreshMasterResult tells whether the cluster is still there.
type RefreshMasterResult struct {
	Gone bool `json:"gone,omitempty"`
}

// RefreshMaster begins a refresh of a control plane, by which the key reaches it and its secrets (trap 49). A second
// attempt after a lost reply sees that an operation has run since and begins none.
func (a *Activities) RefreshMaster(ctx context.Context, in RefreshMasterInput) (RefreshMasterResult, error) {
	_, master, err := a.clusters.Cluster(ctx, in.Cluster.ID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return RefreshMasterResult{Gone: true}, nil
	case err != nil:
		return RefreshMasterResult{}, err
	case activity.GetInfo(ctx).Attempt > 1 && master.Modified.After(in.Before):
		return RefreshMasterResult{}, nil
	case !master.Settled():
		return RefreshMasterResult{}, offboard.Errorf(offboard.Conflict, "refresh the master of "+in.Cluster.Name, "its control plane is %s", master.State)
	}
	return RefreshMasterResult{}, a.clusters.RefreshMaster(ctx, in.Cluster.ID, in.Scope)
}

// ConfirmMaster fails with Pending until an operation has run on the control plane since Before and it is healthy. It
// changes nothing.
func (a *Activities) ConfirmMaster(ctx context.Context, in RefreshMasterInput) (RefreshMasterResult, error) {
	op := "wait for the master of " + in.Cluster.Name
	_, master, err := a.clusters.Cluster(ctx, in.Cluster.ID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return RefreshMasterResult{Gone: true}, nil
	case err != nil:
		return RefreshMasterResult{}, err
	case !master.Settled():
		return RefreshMasterResult{}, offboard.Errorf(offboard.Pending, op, "its control plane is %s", master.State)
	case !master.Modified.After(in.Before):
		return RefreshMasterResult{}, offboard.Errorf(offboard.Pending, op, "the refresh has not begun")
	case master.Health == "error" || master.Health == "unavailable":
		return RefreshMasterResult{}, offboard.Errorf(offboard.Pending, op, "its health is %s", master.Health)
	}
	return RefreshMasterResult{}, nil
}

// ConfirmSecretInput names a cluster and the version its secret had before.
type ConfirmSecretInput struct {
	Cluster offboard.ClusterRef `json:"cluster"`
	Before  string              `json:"before,omitempty"`
	// Patience, if not zero, is how long to wait for a change that need not come: the secret may hold the current key
	// already.
	Patience offboard.Duration `json:"patience,omitempty"`
}

// ConfirmSecretResult tells whether the secret was renewed.
type ConfirmSecretResult struct {
	Renewed bool `json:"renewed,omitempty"`
}

// ConfirmSecret fails with Pending until the secret that the drivers read was renewed: a pod that starts before that
// reads the old key again (trap 51). It changes nothing and never reads the secret's content.
func (a *Activities) ConfirmSecret(ctx context.Context, in ConfirmSecretInput) (ConfirmSecretResult, error) {
	if in.Before == "" {
		return ConfirmSecretResult{}, nil // a cluster whose drivers read no such secret
	}
	version, err := a.workloads.SecretVersion(ctx, in.Cluster.ID)
	switch {
	case err != nil:
		return ConfirmSecretResult{}, err
	case version != in.Before:
		return ConfirmSecretResult{Renewed: true}, nil
	case in.Patience > 0 && a.age(ctx) >= in.Patience.Std():
		return ConfirmSecretResult{}, nil
	}
	return ConfirmSecretResult{}, offboard.Errorf(offboard.Pending, "wait for the secret of "+in.Cluster.Name, "it still holds the key from before")
}
