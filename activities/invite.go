package activities

import (
	"context"
	"strings"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// MemberInput names a user by e-mail address.
type MemberInput struct {
	Email string `json:"email"`
}

// InviteResult tells how the user stands and whether this call sent an invitation.
type InviteResult struct {
	Person offboard.Person `json:"person"`
	Sent   bool            `json:"sent,omitempty"`
	offboard.Receipt
}

// Invite invites a user who is neither a member nor invited yet. Running it again sends nothing more. The IAM ID of an
// invited user may change on acceptance (trap 56): use AwaitMember's.
func (a *Activities) Invite(ctx context.Context, in MemberInput) (InviteResult, error) {
	if p, found, err := a.find(ctx, in.Email); err != nil || found {
		// A later attempt that finds an open invitation takes it for the one that an earlier attempt sent.
		ours := found && !p.Active() && activity.GetInfo(ctx).Attempt > 1
		return InviteResult{Person: p, Sent: ours}, err
	}
	p, err := a.users.Invite(ctx, in.Email)
	return InviteResult{Person: p, Sent: err == nil}, err
}

// AwaitMember fails with Pending until the user is an active member, and then tells their IAM ID. It changes nothing.
// An invitation that is gone fails with NotFound, one that IBM could not process with Stuck.
func (a *Activities) AwaitMember(ctx context.Context, in MemberInput) (offboard.Person, error) {
	op := "wait for " + in.Email + " to accept the invitation"
	p, found, err := a.find(ctx, in.Email)
	switch {
	case err != nil:
		return p, err
	case !found:
		return p, offboard.Errorf(offboard.NotFound, op, "the invitation is gone: it expired or was withdrawn")
	case p.Active():
		return p, nil
	case strings.HasPrefix(p.State, "ERROR"):
		return p, offboard.Errorf(offboard.Stuck, op, "the account lists the user in state %s", p.State)
	}
	return p, offboard.Errorf(offboard.Pending, op, "the user is %s", p.State)
}

// UninviteResult tells whether the user is a member by now. It has a receipt if an invitation was withdrawn.
type UninviteResult struct {
	Member bool `json:"member,omitempty"`
	offboard.Receipt
}

// Uninvite withdraws an invitation that was not accepted. A user who is a member by now stays: removing them would
// delete their keys.
func (a *Activities) Uninvite(ctx context.Context, in MemberInput) (UninviteResult, error) {
	p, found, err := a.find(ctx, in.Email)
	if err != nil || !found || p.Active() {
		return UninviteResult{Member: found && p.Active()}, err
	}
	return UninviteResult{}, a.users.Remove(ctx, p.IAMID)
}

// find looks a user up by e-mail address, which is compared without case (trap 21).
func (a *Activities) find(ctx context.Context, email string) (offboard.Person, bool, error) {
	people, err := a.users.People(ctx)
	if err != nil {
		return offboard.Person{}, false, err
	}
	for _, p := range people {
		if strings.EqualFold(p.Email, email) {
			return p, true, nil
		}
	}
	return offboard.Person{}, false, nil
}
