package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// EnsureGroupInput names an access group.
type EnsureGroupInput struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Run is who begins to use the group: no other run takes its access away before this one leaves it (see LeaveGroup).
	Run string `json:"run"`
}

// EnsureGroupResult tells the group's ID and whether this call made it.
type EnsureGroupResult struct {
	ID      string `json:"id"`
	Created bool   `json:"created,omitempty"`
	offboard.Receipt
}

// makingMark is what an attempt leaves for the next one right before it makes something that was not there.
type makingMark struct {
	Making bool `json:"making"`
}

// ours tells whether this activity made what it found: this attempt did, or an attempt before was about to when its
// reply was lost.
func ours(ctx context.Context, created bool) bool {
	var mark makingMark
	return created || (activity.GetInfo(ctx).Attempt > 1 && activity.HasHeartbeatDetails(ctx) &&
		activity.GetHeartbeatDetails(ctx, &mark) == nil && mark.Making)
}

func making(ctx context.Context) func() {
	return func() { activity.RecordHeartbeat(ctx, makingMark{Making: true}) }
}

// EnsureGroup finds or makes an access group. A group that an attempt with a lost reply made counts as made by this one.
func (a *Activities) EnsureGroup(ctx context.Context, in EnsureGroupInput) (EnsureGroupResult, error) {
	id, created, err := a.access.EnsureGroup(ctx, in.Name, in.Description, in.Run, making(ctx))
	return EnsureGroupResult{ID: id, Created: err == nil && ours(ctx, created)}, err
}

// GrantInput names one policy of a group.
type GrantInput struct {
	GroupID string         `json:"groupId"`
	Grant   offboard.Grant `json:"grant"`
}

// GrantResult tells the policy's ID and whether this call made it.
type GrantResult struct {
	PolicyID string `json:"policyId"`
	Created  bool   `json:"created,omitempty"`
	offboard.Receipt
}

// Grant finds or makes a policy. A policy that was there before is adopted (trap 26).
func (a *Activities) Grant(ctx context.Context, in GrantInput) (GrantResult, error) {
	id, created, err := a.access.Grant(ctx, in.GroupID, in.Grant, making(ctx))
	return GrantResult{PolicyID: id, Created: err == nil && ours(ctx, created)}, err
}

// MembershipInput names a user and a group.
type MembershipInput struct {
	GroupID string `json:"groupId"`
	IAMID   string `json:"iamId"`
}

// AddMemberResult tells whether this call put the user into the group.
type AddMemberResult struct {
	Added bool `json:"added,omitempty"`
	offboard.Receipt
}

// AddMember puts a user into a group; somebody who is in it stays in it.
func (a *Activities) AddMember(ctx context.Context, in MembershipInput) (AddMemberResult, error) {
	added, err := a.access.AddMember(ctx, in.GroupID, in.IAMID, making(ctx))
	return AddMemberResult{Added: err == nil && ours(ctx, added)}, err
}

// WithdrawInput names access that was given to a functional ID: a membership, a policy or a group.
type WithdrawInput struct {
	FunctionalID string `json:"functionalId"` // e-mail address
	GroupID      string `json:"groupId,omitempty"`
	IAMID        string `json:"iamId,omitempty"`
	PolicyID     string `json:"policyId,omitempty"`
	Run          string `json:"run"` // who takes it back
}

// WithdrawResult tells whether the access was left in place.
type WithdrawResult struct {
	// Kept: the functional ID owns a cluster key, of this or another hand-over, and clusters depend on its access.
	Kept bool `json:"kept,omitempty"`
	// Used: another run is about to depend on the access.
	Used bool `json:"used,omitempty"`
	offboard.Receipt
}

// RemoveMember takes a functional ID out of a group, unless clusters depend on it. One that is not in it stays out.
func (a *Activities) RemoveMember(ctx context.Context, in WithdrawInput) (WithdrawResult, error) {
	return a.withdraw(ctx, in, func() error { return a.access.RemoveMember(ctx, in.GroupID, in.IAMID) })
}

// Revoke deletes a policy, unless clusters depend on it. One that is gone stays gone.
func (a *Activities) Revoke(ctx context.Context, in WithdrawInput) (WithdrawResult, error) {
	return a.withdraw(ctx, in, func() error { return a.access.Revoke(ctx, in.PolicyID) })
}

// DeleteGroup deletes a group, unless clusters depend on it. One that is gone stays gone.
func (a *Activities) DeleteGroup(ctx context.Context, in WithdrawInput) (WithdrawResult, error) {
	return a.withdraw(ctx, in, func() error { return a.access.DeleteGroup(ctx, in.GroupID) })
}

// withdraw closes the group to other runs and then asks whether the functional ID owns a cluster key by now, before access
// is taken away: in this order nobody can begin to depend on it in between. The keys are read from the account's list,
// because a functional ID that never accepted cannot be asked itself.
func (a *Activities) withdraw(ctx context.Context, in WithdrawInput, take func() error) (WithdrawResult, error) {
	used, err := a.access.CloseGroup(ctx, in.GroupID, in.Run)
	if err != nil || used {
		return WithdrawResult{Used: used}, err
	}
	p, found, err := a.find(ctx, in.FunctionalID)
	if err != nil {
		return WithdrawResult{}, err
	}
	if found {
		keys, err := a.keys.UserKeys(ctx)
		if err != nil {
			return WithdrawResult{}, err
		}
		for _, k := range keys {
			if k.IAMID == p.IAMID && k.Class == offboard.ClusterKey {
				return WithdrawResult{Kept: true}, nil
			}
		}
	}
	return WithdrawResult{}, take()
}

// LeaveGroupInput names a group and the run that is done with it.
type LeaveGroupInput struct {
	GroupID string `json:"groupId"`
	Run     string `json:"run"`
}

// LeaveGroup takes back the note that a run uses a group. Twice is once.
func (a *Activities) LeaveGroup(ctx context.Context, in LeaveGroupInput) (Done, error) {
	return Done{}, a.access.LeaveGroup(ctx, in.GroupID, in.Run)
}
