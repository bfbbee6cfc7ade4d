package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// RememberInput names a scope, who takes it, and its clusters.
type RememberInput struct {
	Scope        offboard.Scope   `json:"scope"`
	FunctionalID string           `json:"functionalId,omitempty"` // empty where no key is made
	Clusters     []WatchedCluster `json:"clusters"`
}

// RememberResult is how things stood before the scope was touched.
type RememberResult struct {
	// Keys are the functional ID's cluster keys of this scope: whatever key of that kind is not among them later was made
	// by this hand-over.
	Keys []string `json:"keys,omitempty"`
	// Secrets are the versions of the secrets that the drivers read, by cluster ID.
	Secrets map[string]string `json:"secrets,omitempty"`
	// Gone are clusters that were deleted since the plan; Unreachable says of others why they cannot be looked into.
	Gone []string `json:"gone,omitempty"`
	// Ailing are the troubles the clusters had before, in sentences.
	Ailing      []string          `json:"ailing,omitempty"`
	Unreachable map[string]string `json:"unreachable,omitempty"`
}

// Remember records how a scope stands. It changes nothing.
func (a *Activities) Remember(ctx context.Context, in RememberInput) (RememberResult, error) {
	result := RememberResult{Secrets: map[string]string{}, Unreachable: map[string]string{}}
	keys := func() (err error) {
		if in.FunctionalID != "" {
			result.Keys, err = a.scopeKeys(ctx, in.FunctionalID, in.Scope)
		}
		return err
	}
	found := make([]remembered, len(in.Clusters))
	clusters := func() error {
		return together(ctx, len(in.Clusters), func(ctx context.Context, i int) (err error) {
			found[i], err = a.remember(ctx, in.Clusters[i])
			return err
		})
	}
	err := atonce.Do(keys, clusters)
	for i, c := range in.Clusters {
		switch f := found[i]; {
		case f.gone:
			result.Gone = append(result.Gone, c.ID)
			continue
		case f.unreachable != "":
			result.Unreachable[c.ID] = f.unreachable
		default:
			result.Secrets[c.ID] = f.secret
		}
		result.Ailing = append(result.Ailing, found[i].ailing...)
	}
	slices.Sort(result.Ailing)
	return result, err
}

// remembered is how one cluster stands.
type remembered struct {
	gone                bool
	unreachable, secret string
	ailing              []string
}

func (a *Activities) remember(ctx context.Context, c WatchedCluster) (r remembered, err error) {
	absent := false
	err = atonce.Do(
		func() (err error) { r.ailing, r.gone, err = a.troublesOf(ctx, c); return err },
		func() (err error) {
			r.secret, err = a.workloads.SecretVersion(ctx, c.ID)
			switch offboard.CodeOf(err) {
			case offboard.Unreachable:
				r.unreachable = err.Error()
				return nil
			case offboard.NotFound:
				absent = true
				return nil
			}
			return err
		},
	)
	r.gone = r.gone || absent
	return r, err
}

// scopeKeys are the IDs of a functional ID's cluster keys of one scope, sorted.
func (a *Activities) scopeKeys(ctx context.Context, email string, scope offboard.Scope) ([]string, error) {
	keys, err := a.successors.Keys(ctx, email)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, k := range keys {
		if k.Class == offboard.ClusterKey && k.Scope.ID() == scope.ID() {
			ids = append(ids, k.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// ResetInput says which scope is reset as whom.
type ResetInput struct {
	Scope        offboard.Scope `json:"scope"`
	FunctionalID string         `json:"functionalId"`
	// Before are the functional ID's cluster keys of this scope from before the first attempt of the first Reset.
	Before []string `json:"before,omitempty"`
	// Again: an earlier Reset of this hand-over failed and may have made a key.
	Again bool `json:"again,omitempty"`
	// Replication is how long a new key may stay hidden.
	Replication offboard.Duration `json:"replication"`
}

// ResetResult tells what happened.
type ResetResult struct {
	// KeyID is the new key, if it is visible already.
	KeyID string `json:"keyId,omitempty"`
	// Sent: this activity's last attempt sent a reset. Otherwise an earlier one's key was found.
	Sent bool `json:"sent,omitempty"`
	offboard.Receipt
}

// resetMark is what an attempt leaves for the next one.
type resetMark struct {
	Attempt int32 `json:"attempt"`
	// Refused: the service answered that it made no key, so the next attempt need not wait for one to appear.
	Refused bool `json:"refused,omitempty"`
}

// Reset makes the functional ID the owner of a scope's cluster key, with one new key however often it runs (traps 1, 2,
// 3): it looks for a key that was not there before, and sends a reset only if there is none. An attempt that follows one
// of unknown outcome first waits until a key made by that one must be visible.
func (a *Activities) Reset(ctx context.Context, in ResetInput) (ResetResult, error) {
	if id, err := a.newKey(ctx, in.FunctionalID, in.Scope, in.Before); err != nil || id != "" {
		return ResetResult{KeyID: id}, err
	}
	if a.mayHaveSent(ctx, in) {
		if id, err := a.settle(ctx, in); err != nil || id != "" {
			return ResetResult{KeyID: id}, err
		}
	}
	attempt := activity.GetInfo(ctx).Attempt
	activity.RecordHeartbeat(ctx, resetMark{Attempt: attempt})
	err := a.successors.Reset(ctx, in.FunctionalID, in.Scope)
	if e, ok := errors.AsType[*offboard.Error](err); ok && !e.Ambiguous {
		activity.RecordHeartbeat(ctx, resetMark{Attempt: attempt, Refused: true})
	}
	if err != nil {
		return ResetResult{}, err
	}
	return ResetResult{Sent: true}, nil
}

// mayHaveSent tells whether an attempt before this one may have made a key. Without a word from the very last one, it
// may: heartbeats are sent with delay, so an older attempt's word can outlive it.
func (a *Activities) mayHaveSent(ctx context.Context, in ResetInput) bool {
	attempt := activity.GetInfo(ctx).Attempt
	if attempt == 1 {
		return in.Again
	}
	var mark resetMark
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &mark) != nil {
		return true
	}
	return mark.Attempt != attempt-1 || !mark.Refused
}

// settle waits out the replication of a key that an earlier attempt may have made.
func (a *Activities) settle(ctx context.Context, in ResetInput) (string, error) {
	const look = 2 * time.Second
	deadline := a.now().Add(in.Replication.Std())
	for a.now().Before(deadline) {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(min(look, in.Replication.Std())):
		}
		if id, err := a.newKey(ctx, in.FunctionalID, in.Scope, in.Before); err != nil || id != "" {
			return id, err
		}
	}
	return "", nil
}

// newKey finds the cluster key of the scope that was not there before. Two of them are more than one offboarding makes:
// somebody else resets the same scope as the same functional ID right now; the first in order is taken.
func (a *Activities) newKey(ctx context.Context, email string, scope offboard.Scope, before []string) (string, error) {
	keys, err := a.scopeKeys(ctx, email, scope)
	if err != nil {
		return "", err
	}
	for _, id := range keys {
		if !slices.Contains(before, id) {
			return id, nil
		}
	}
	return "", nil
}

// ConfirmKeyInput says which new key is looked for.
type ConfirmKeyInput struct {
	Scope        offboard.Scope `json:"scope"`
	FunctionalID string         `json:"functionalId"`
	Before       []string       `json:"before,omitempty"`
	// Owners, if set, are asked for once when the key is there, because most clusters name its owner by then.
	Owners *ConfirmOwnersInput `json:"owners,omitempty"`
}

// ConfirmKeyResult names the new key, and tells who owns the clusters' keys if all owners are as wanted.
type ConfirmKeyResult struct {
	KeyID  string               `json:"keyId"`
	Owners *ConfirmOwnersResult `json:"owners,omitempty"`
}

// ConfirmKey fails with Pending until the new key is visible. That the owners could not be read, or are others, is no failure:
// ConfirmOwners waits for them. It changes nothing.
func (a *Activities) ConfirmKey(ctx context.Context, in ConfirmKeyInput) (ConfirmKeyResult, error) {
	id, err := a.newKey(ctx, in.FunctionalID, in.Scope, in.Before)
	if err == nil && id == "" {
		err = offboard.Errorf(offboard.Pending, "look for the new cluster key of "+in.Scope.String(), "it is not visible yet")
	}
	result := ConfirmKeyResult{KeyID: id}
	if err == nil && in.Owners != nil {
		if seen, err := a.ConfirmOwners(ctx, *in.Owners); err == nil {
			result.Owners = &seen
		}
	}
	return result, err
}

// ConfirmOwnersInput names clusters of a scope and who must own their key, or who must not.
type ConfirmOwnersInput struct {
	Scope    offboard.Scope        `json:"scope"`
	Clusters []offboard.ClusterRef `json:"clusters"`
	Owner    string                `json:"owner,omitempty"` // e-mail address
	Not      string                `json:"not,omitempty"`   // e-mail address
}

// ConfirmOwnersResult holds each cluster's owner as read, by cluster ID; clusters that are gone are left out.
type ConfirmOwnersResult struct {
	Owners map[string]string `json:"owners,omitempty"`
}

// ConfirmOwners fails with Pending until every cluster names the wanted owner. It changes nothing. The answer cannot
// tell an old key of the same owner from a new one (trap 53): that is what ConfirmKey is for.
func (a *Activities) ConfirmOwners(ctx context.Context, in ConfirmOwnersInput) (ConfirmOwnersResult, error) {
	owners := make([]string, len(in.Clusters))
	err := together(ctx, len(in.Clusters), func(ctx context.Context, i int) error {
		owner, err := a.clusters.KeyOwner(ctx, in.Clusters[i].ID, in.Scope)
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil
		}
		owners[i] = owner.Email
		return err
	})
	if err != nil {
		return ConfirmOwnersResult{}, err
	}
	result := ConfirmOwnersResult{Owners: map[string]string{}}
	var wrong []string
	for i, c := range in.Clusters {
		if owners[i] == "" {
			continue
		}
		result.Owners[c.ID] = owners[i]
		if (in.Owner != "" && !strings.EqualFold(owners[i], in.Owner)) || (in.Not != "" && strings.EqualFold(owners[i], in.Not)) {
			wrong = append(wrong, c.Name+" names "+owners[i])
		}
	}
	if len(wrong) > 0 {
		return result, offboard.Errorf(offboard.Pending, "check the key owner of the clusters in "+in.Scope.String(), "%s", strings.Join(wrong, "; "))
	}
	return result, nil
}
