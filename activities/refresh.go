package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// RefreshMasterInput names a cluster.
type RefreshMasterInput struct {
	Cluster offboard.ClusterRef `json:"cluster"`
	Scope   offboard.Scope      `json:"scope"`
}

// RefreshMasterResult tells when an operation had last ended on the control plane before this refresh was sent, or that
// the cluster is gone.
type RefreshMasterResult struct {
	Gone   bool      `json:"gone,omitempty"`
	Before time.Time `json:"before,omitzero"`
	offboard.Receipt
}

// refreshMark is what an attempt leaves for the next one, right before it sends.
type refreshMark struct {
	Attempt int32     `json:"attempt"`
	Before  time.Time `json:"before,omitzero"`
}

// RefreshMaster begins a refresh of a control plane, by which the key reaches it and its secrets (trap 49). An operation
// of somebody else that runs or ended meanwhile is not taken for it: only if the attempt right before this one had sent
// its request, and an operation has ended since, is nothing sent again. A refresh too many does no harm.
func (a *Activities) RefreshMaster(ctx context.Context, in RefreshMasterInput) (RefreshMasterResult, error) {
	_, master, err := a.clusters.Cluster(ctx, in.Cluster.ID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return RefreshMasterResult{Gone: true}, nil
	case err != nil:
		return RefreshMasterResult{}, err
	case !master.Settled():
		return RefreshMasterResult{}, a.keepMark(ctx, offboard.Errorf(offboard.Conflict, "refresh the master of "+in.Cluster.Name, "its control plane is %s", master.State))
	}
	if sent, ok := lastRefresh(ctx); ok && master.Modified.After(sent.Before) {
		return RefreshMasterResult{Before: sent.Before}, nil
	}
	activity.RecordHeartbeat(ctx, refreshMark{Attempt: activity.GetInfo(ctx).Attempt, Before: master.Modified})
	if err := a.clusters.RefreshMaster(ctx, in.Cluster.ID, in.Scope); err != nil {
		if offboard.CodeOf(err) == offboard.NotFound {
			return RefreshMasterResult{Gone: true}, nil
		}
		if offboard.CodeOf(err) != offboard.Unavailable {
			activity.RecordHeartbeat(ctx, refreshMark{}) // refused: what ends next is not ours
		}
		return RefreshMasterResult{}, err
	}
	return RefreshMasterResult{Before: master.Modified}, nil
}

// lastRefresh is the mark of the attempt right before this one, if it came to sending.
func lastRefresh(ctx context.Context) (refreshMark, bool) {
	var mark refreshMark
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &mark) != nil {
		return refreshMark{}, false
	}
	return mark, mark.Attempt > 0 && mark.Attempt == activity.GetInfo(ctx).Attempt-1
}

// keepMark passes the mark of an attempt that may have sent a refresh on, over an attempt that only waits for it to end.
func (a *Activities) keepMark(ctx context.Context, err error) error {
	if mark, ok := lastRefresh(ctx); ok {
		mark.Attempt++
		activity.RecordHeartbeat(ctx, mark)
	}
	return err
}

// ConfirmMasterInput names a cluster and when an operation had last ended before the refresh.
type ConfirmMasterInput struct {
	Cluster offboard.ClusterRef `json:"cluster"`
	Before  time.Time           `json:"before,omitzero"`
	// Secret, if set, is looked at once when the master is well, because most secrets are renewed by then.
	Secret *ConfirmSecretInput `json:"secret,omitempty"`
}

// ConfirmMasterResult tells that the cluster is gone, and of its secret what ConfirmSecret would, if there was nothing to wait
// for any more.
type ConfirmMasterResult struct {
	Gone   bool                 `json:"gone,omitempty"`
	Secret *ConfirmSecretResult `json:"secret,omitempty"`
}

// ConfirmMaster fails with Pending until an operation has ended on the control plane since Before and it is healthy. That the
// secret could not be seen, or is not renewed, is no failure: ConfirmSecret waits for it. It changes nothing.
func (a *Activities) ConfirmMaster(ctx context.Context, in ConfirmMasterInput) (ConfirmMasterResult, error) {
	op := "wait for the master of " + in.Cluster.Name
	_, master, err := a.clusters.Cluster(ctx, in.Cluster.ID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return ConfirmMasterResult{Gone: true}, nil
	case err != nil:
		return ConfirmMasterResult{}, err
	case !master.Settled():
		return ConfirmMasterResult{}, offboard.Errorf(offboard.Pending, op, "its control plane is %s", master.State)
	case !master.Modified.After(in.Before):
		return ConfirmMasterResult{}, offboard.Errorf(offboard.Pending, op, "the refresh has not begun")
	case master.Health == "error" || master.Health == "unavailable":
		return ConfirmMasterResult{}, offboard.Errorf(offboard.Pending, op, "its health is %s", master.Health)
	}
	var result ConfirmMasterResult
	if in.Secret != nil {
		if seen, err := a.ConfirmSecret(ctx, *in.Secret); err == nil {
			result.Secret = &seen
		}
	}
	return result, nil
}

// ConfirmSecretInput names a cluster and the version its secret had before.
type ConfirmSecretInput struct {
	Cluster offboard.ClusterRef `json:"cluster"`
	Before  string              `json:"before,omitempty"`
	// Patience, if not zero, is how long to wait for a change that need not come: the secret may hold the current key
	// already.
	Patience offboard.Duration `json:"patience,omitempty"`
	// Dependents, if any, are those whose pods are wanted as they are from then on.
	Dependents []offboard.Dependent `json:"dependents,omitempty"`
}

// ConfirmSecretResult tells whether the secret was renewed, and which pods each dependent had right after that was seen.
type ConfirmSecretResult struct {
	Renewed bool       `json:"renewed,omitempty"`
	Pods    [][]string `json:"pods,omitempty"`
}

// ConfirmSecret fails with Pending until the secret that the drivers read was renewed: a pod that starts before that
// reads the old key again (trap 51). The pods it tells are therefore listed after the secret was seen, and whichever of
// them is left later may hold the old key. It changes nothing and never reads the secret's content.
func (a *Activities) ConfirmSecret(ctx context.Context, in ConfirmSecretInput) (ConfirmSecretResult, error) {
	renewed, err := a.renewed(ctx, in)
	if err != nil || len(in.Dependents) == 0 {
		return ConfirmSecretResult{Renewed: renewed}, err
	}
	snapshot, err := a.SnapshotPods(ctx, SnapshotPodsInput{Cluster: in.Cluster, Dependents: in.Dependents})
	return ConfirmSecretResult{Renewed: renewed, Pods: snapshot.Pods}, err
}

// renewed tells whether the secret was renewed; false also where there is nothing to wait for. Pending while it is to come.
func (a *Activities) renewed(ctx context.Context, in ConfirmSecretInput) (bool, error) {
	if in.Before == "" {
		return false, nil // a cluster whose drivers read no such secret
	}
	version, err := a.workloads.SecretVersion(ctx, in.Cluster.ID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return false, nil // deleted meanwhile: no secret is left to renew
	case err != nil:
		return false, err
	case version != in.Before:
		return true, nil
	case in.Patience > 0 && a.age(ctx) >= in.Patience.Std():
		return false, nil
	}
	return false, offboard.Errorf(offboard.Pending, "wait for the secret of "+in.Cluster.Name, "it still holds the key from before")
}
