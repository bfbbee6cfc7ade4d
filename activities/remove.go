package activities

import (
	"context"
	"strings"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// UserInput names a user by IAM ID.
type UserInput struct {
	IAMID string `json:"iamId"`
}

// RemoveUser begins to remove a user from the account, which deletes their keys at once and for good (trap 15). A user
// who is gone stays gone.
func (a *Activities) RemoveUser(ctx context.Context, in UserInput) (Done, error) {
	err := a.users.Remove(ctx, in.IAMID)
	if offboard.CodeOf(err) == offboard.NotFound {
		return Done{}, nil
	}
	return Done{}, err
}

// ConfirmRemoved fails with Pending until the user's profile is gone: a shortened user list proves nothing (trap 16). A
// removal that IBM gave up fails with Stuck (trap 18). It changes nothing.
func (a *Activities) ConfirmRemoved(ctx context.Context, in UserInput) (Done, error) {
	const op = "wait for the removal of the user"
	p, err := a.users.Person(ctx, in.IAMID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return Done{}, nil
	case err != nil:
		return Done{}, err
	case p.State == "ERROR_WHILE_DELETING":
		return Done{}, offboard.Errorf(offboard.Stuck, op, "IBM could not finish it (ERROR_WHILE_DELETING): look for classic infrastructure child users of %s, give them another parent, and try again", p.Email)
	}
	return Done{}, offboard.Errorf(offboard.Pending, op, "%s is still %s", p.Email, p.State)
}

// SyncAccessInput names clusters.
type SyncAccessInput struct {
	Clusters []offboard.ClusterRef `json:"clusters"`
}

// SyncAccessResult names the clusters that could not be synchronised and why, by cluster ID.
type SyncAccessResult struct {
	Failed map[string]string `json:"failed,omitempty"`
	// Receipts are those of the others, by cluster ID.
	Receipts map[string]offboard.Receipt `json:"receipts,omitempty"`
}

// SyncAccess asks each cluster for its access list to be synchronised with IAM. Asking twice does no harm.
func (a *Activities) SyncAccess(ctx context.Context, in SyncAccessInput) (SyncAccessResult, error) {
	failed := make([]string, len(in.Clusters))
	receipts := make([]offboard.Receipt, len(in.Clusters))
	err := together(ctx, len(in.Clusters), func(ctx context.Context, i int) error {
		ctx, collected := offboard.CollectReceipts(ctx)
		err := a.clusters.SyncAccess(ctx, in.Clusters[i].ID)
		receipts[i] = collected.Last()
		code := offboard.CodeOf(err)
		if err == nil || code == offboard.NotFound {
			return nil
		}
		if code.Retryable() {
			return err
		}
		failed[i] = err.Error()
		return nil
	})
	result := SyncAccessResult{Failed: map[string]string{}}
	for i, why := range failed {
		if why != "" {
			result.Failed[in.Clusters[i].ID] = why
		}
	}
	for i, receipt := range receipts {
		if receipt != (offboard.Receipt{}) {
			if result.Receipts == nil {
				result.Receipts = map[string]offboard.Receipt{}
			}
			result.Receipts[in.Clusters[i].ID] = receipt
		}
	}
	return result, err
}

// ConfirmAccess fails with Pending until every cluster's access list is synchronised. It changes nothing.
func (a *Activities) ConfirmAccess(ctx context.Context, in SyncAccessInput) (Done, error) {
	waiting := make([]string, len(in.Clusters))
	err := together(ctx, len(in.Clusters), func(ctx context.Context, i int) error {
		done, err := a.clusters.Synced(ctx, in.Clusters[i].ID)
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil
		}
		if err == nil && !done {
			waiting[i] = in.Clusters[i].Name
		}
		return err
	})
	if names := strings.TrimSpace(strings.Join(waiting, " ")); err == nil && names != "" {
		err = offboard.Errorf(offboard.Pending, "wait for the access lists", "not synchronised yet: %s", strings.Join(strings.Fields(names), ", "))
	}
	return Done{}, err
}

// RemoveSubjectInput names a custom binding of a cluster.
type RemoveSubjectInput struct {
	Binding offboard.ClusterBinding `json:"binding"`
}

// RemoveSubject takes the leaver out of a custom role binding; where they are not in it, nothing changes.
func (a *Activities) RemoveSubject(ctx context.Context, in RemoveSubjectInput) (Done, error) {
	err := a.workloads.RemoveSubject(ctx, in.Binding.Cluster.ID, in.Binding.Binding)
	offboard.NoteReceipt(ctx, inCluster)
	return Done{}, err
}

// KeepReportInput is a report and the name it is kept under.
type KeepReportInput struct {
	Name   string          `json:"name"`
	Report offboard.Report `json:"report"`
}

// KeepReportResult says where it is; empty where no place is configured.
type KeepReportResult struct {
	Place string `json:"place,omitempty"`
}

// KeepReport stores a finished report; storing it again replaces it.
func (a *Activities) KeepReport(ctx context.Context, in KeepReportInput) (KeepReportResult, error) {
	activity.RecordHeartbeat(ctx)
	place, err := a.shelf.Keep(ctx, in.Name, in.Report)
	return KeepReportResult{Place: place}, err
}
