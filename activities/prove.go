package activities

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// ProveInput names a functional ID, who it must be, and where.
type ProveInput struct {
	Email    string            `json:"email"`
	IAMID    string            `json:"iamId"`
	Account  string            `json:"account"`
	Patience offboard.Duration `json:"patience"`
}

// Prove asks IAM with the functional ID's own key whose key it is. A refusal counts as not yet effective for a while,
// because the key of somebody who has just accepted takes time to spread; after that, and for a key that belongs to
// somebody else, it is final. It changes nothing.
func (a *Activities) Prove(ctx context.Context, in ProveInput) (offboard.Identity, error) {
	op := "prove the key of functional ID " + in.Email
	got, err := a.successors.Prove(ctx, in.Email)
	switch {
	case err != nil:
		return got, a.patient(ctx, err, op, in.Patience)
	case got.IAMID != in.IAMID:
		return got, offboard.Errorf(offboard.Denied, op, "the configured key belongs to %s, not to %s: put the right key into the secret store", got.IAMID, in.IAMID)
	case got.Account != in.Account:
		return got, offboard.Errorf(offboard.Denied, op, "the configured key belongs to account %s, not to %s", got.Account, in.Account)
	}
	return got, nil
}

// AwaitGrantsInput names a functional ID and the clusters it must be able to work with, scope by scope.
type AwaitGrantsInput struct {
	Email    string            `json:"email"`
	Scopes   []ScopeClusters   `json:"scopes"`
	Patience offboard.Duration `json:"patience"`
}

// ScopeClusters are clusters of a scope.
type ScopeClusters struct {
	Scope    offboard.Scope `json:"scope"`
	Clusters []string       `json:"clusters"` // IDs
}

// AwaitGrants fails with Pending until the functional ID sees every cluster it is to take over, and with Denied when
// that has not come true in time (trap 29). A cluster that was deleted meanwhile need not be seen. It changes nothing.
func (a *Activities) AwaitGrants(ctx context.Context, in AwaitGrantsInput) (Done, error) {
	op := "wait until the access of functional ID " + in.Email + " acts"
	err := together(ctx, len(in.Scopes), func(ctx context.Context, i int) error {
		want := in.Scopes[i]
		seen, err := a.successors.Sees(ctx, in.Email, want.Scope)
		if err != nil {
			return err
		}
		var hidden []string
		for _, id := range want.Clusters {
			if slices.Contains(seen, id) {
				continue
			}
			_, _, err := a.clusters.Cluster(ctx, id)
			if offboard.CodeOf(err) == offboard.NotFound {
				continue // nobody sees what is gone
			}
			if err != nil {
				return err
			}
			hidden = append(hidden, id)
		}
		if len(hidden) > 0 {
			return offboard.Errorf(offboard.Denied, op, "in %s it does not see cluster %s", want.Scope, strings.Join(hidden, ", "))
		}
		return nil
	})
	return Done{}, a.patient(ctx, err, op, in.Patience)
}

// patient turns a refusal into Pending while the activity is younger than its patience.
func (a *Activities) patient(ctx context.Context, err error, op string, patience offboard.Duration) error {
	if code := offboard.CodeOf(err); err == nil || (code != offboard.Denied && code != offboard.NotFound) {
		return err
	}
	if a.age(ctx) < patience.Std() {
		return offboard.Errorf(offboard.Pending, op, "%s", err.Error())
	}
	return err
}

// age is the time since the first attempt of this activity was scheduled, over all its attempts.
func (a *Activities) age(ctx context.Context) time.Duration {
	return a.now().Sub(activity.GetInfo(ctx).ScheduledTime)
}
