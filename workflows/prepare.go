package workflows

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// prepare makes every functional ID able to take over: a member, with the documented access, proven by its own key.
func (r *run) prepare(ctx workflow.Context) error {
	if len(r.state.Plan.Preparation) == 0 {
		return nil
	}
	r.enter(ctx, offboard.PhasePrepare)
	err := firstOf(each(ctx, parallelReads, r.state.Plan.Preparation, "prepare", func(ctx workflow.Context, i int, p offboard.Preparation) error {
		for {
			err := r.prepareOne(ctx, p, &r.state.Prepared[i])
			if err == nil || stopped(err) {
				return err
			}
			if err := r.hold(ctx, holdFor("prepare "+p.Email, r.state.Prepared[i].Step, err,
				fmt.Sprintf("Nothing is broken: no key of the leaver was touched. The scopes %s wait for %s.", scopeNames(p.Scopes), p.Email),
				"tries again from the invitation on; what is done already is found and kept", "")); err != nil {
				return err
			}
			// Somebody else's invitation may be the one that is gone: a person has said to send another.
			p.Invite = p.Invite || failure(err).Code == offboard.NotFound
		}
	}))
	if err != nil {
		return err
	}
	return r.proveFallback(ctx)
}

// prepareOne is the story of one functional ID. Every step finds what an earlier attempt did.
func (r *run) prepareOne(ctx workflow.Context, p offboard.Preparation, state *offboard.Prepared) error {
	say := func(format string, args ...any) { state.Step = fmt.Sprintf(format, args...); r.show(ctx) }

	if p.Invite {
		say("inviting")
		if err := r.invite(ctx, p, state); err != nil {
			return err
		}
	}
	if err := r.welcome(ctx, p, state); err != nil {
		return err
	}
	say("granting access and proving its key")
	access := activities.WithdrawInput{FunctionalID: p.Email, Run: r.mark(), GroupID: state.Group}
	err := atOnce(ctx, "prepare",
		func(ctx workflow.Context) error { return r.grantRoles(ctx, p, state, access) },
		func(ctx workflow.Context) error { return r.join(ctx, p, state, access) },
		func(ctx workflow.Context) error {
			proof := activities.ProveInput{Email: p.Email, IAMID: state.IAMID, Account: r.state.Account, Patience: r.policy.GrantPatience}
			_, err := do(ctx, confirming.within(r.policy), "Prove that the key of "+p.Email+" works and is its own", verbs.Prove, proof)
			return err
		},
	)
	if err != nil {
		return err
	}
	say("waiting until its access acts")
	acting := activities.AwaitGrantsInput{Email: p.Email, Patience: r.policy.GrantPatience}
	for _, h := range r.state.Plan.Handovers {
		if h.FunctionalID == p.Email {
			acting.Scopes = append(acting.Scopes, clustersIn(h))
		}
	}
	if _, err := do(ctx, confirming.within(r.policy), "Wait until the access of "+p.Email+" acts", verbs.AwaitGrants, acting); err != nil {
		return err
	}
	state.Done = true
	say("ready")
	return nil
}

// invite invites a functional ID that was not in the account when it was surveyed, and again after an invitation that
// expired.
func (r *run) invite(ctx workflow.Context, p offboard.Preparation, state *offboard.Prepared) error {
	unknown := !state.Invited // whether this run's invitation is out, until the first answer
	if unknown {
		r.onUndo("withdraw the invitation of "+p.Email, func(ctx workflow.Context) error {
			if !unknown && !state.Invited {
				return nil // somebody else's invitation was found
			}
			got, err := do(ctx, undoing, "Withdraw the invitation of "+p.Email+" if it is still open", verbs.Uninvite, activities.MemberInput{Email: p.Email})
			r.sent(ctx, "Withdrew the invitation of "+p.Email, p.Email, "user-management.user.delete", got.Receipt)
			if got.Member && state.Invited {
				r.state.Residual = append(r.state.Residual, p.Email+" was invited by this run and has accepted: it stays a user of the account; remove it by hand if it is not wanted.")
			}
			return err
		})
	}
	got, err := do(ctx, changing.within(r.policy), "Invite "+p.Email, verbs.Invite, activities.MemberInput{Email: p.Email})
	if err != nil {
		return err
	}
	unknown = false
	if got.Sent {
		state.Invited = true
		r.change(ctx, "Invited "+p.Email, p.Email, "user-management.user.invite", got.Receipt)
	}
	return nil
}

// welcome waits until a functional ID is a member, and finds or makes the access group for it. Both at once, save where an
// invitation is out: nothing is made for somebody who may never accept.
func (r *run) welcome(ctx workflow.Context, p offboard.Preparation, state *offboard.Prepared) error {
	member := func(ctx workflow.Context) error {
		person, err := do(ctx, awaiting(r.policy.AcceptanceDeadline), "Wait until "+p.Email+" is an active member", verbs.AwaitMember, activities.MemberInput{Email: p.Email})
		if err == nil {
			state.IAMID = person.IAMID // only now final: an invitation's may be a placeholder (trap 56)
		}
		return err
	}
	group := func(ctx workflow.Context) error { return r.ensureGroup(ctx, p, state) }
	if !p.Invite {
		return atOnce(ctx, "welcome", member, group)
	}
	state.Step = "waiting for the invitation to be accepted"
	r.show(ctx)
	if err := member(ctx); err != nil {
		return err
	}
	return group(ctx)
}

// ensureGroup finds or makes the access group of a functional ID, of its own, that holds the documented roles.
func (r *run) ensureGroup(ctx workflow.Context, p offboard.Preparation, state *offboard.Prepared) error {
	group, err := do(ctx, changing.within(r.policy), "Find or make the access group of "+p.Email, verbs.EnsureGroup, activities.EnsureGroupInput{
		Name: "offboard " + p.Email, Description: "Access of a functional ID that owns cluster keys. Clusters depend on it.", Run: r.mark()})
	what := "the access group of " + p.Email
	if err != nil {
		r.mayHaveMade(what, err)
		return err
	}
	r.made(what)
	state.Group = group.ID
	if !group.Created {
		r.sent(ctx, "Noted in the access group of "+p.Email+" that this run uses it", group.ID, "iam-groups.group.update", group.Receipt)
		return nil
	}
	r.change(ctx, "Access group of "+p.Email+" made", group.ID, "iam-groups.group.create", group.Receipt)
	r.withdrawLater("delete the access group of "+p.Email, "iam-groups.group.delete", verbs.DeleteGroup,
		activities.WithdrawInput{FunctionalID: p.Email, Run: r.mark(), GroupID: group.ID})
	return nil
}

// grantRoles gives the access group the roles it lacks.
func (r *run) grantRoles(ctx workflow.Context, p offboard.Preparation, state *offboard.Prepared, access activities.WithdrawInput) error {
	return firstOf(each(ctx, parallelReads, p.Grants, "grant", func(ctx workflow.Context, _ int, g offboard.Grant) error {
		what := "the grant of " + g.Name + " to " + p.Email
		got, err := do(ctx, changing.within(r.policy), "Grant "+g.Name+" to "+p.Email, verbs.Grant, activities.GrantInput{GroupID: access.GroupID, Grant: g})
		if err != nil {
			r.mayHaveMade(what, err)
			return err
		}
		r.made(what)
		if !got.Created {
			r.sent(ctx, "Added the roles of "+g.Name+" to a policy of "+p.Email, got.PolicyID, "iam-am.policy.update", got.Receipt)
			return nil
		}
		state.Granted = append(state.Granted, got.PolicyID)
		r.change(ctx, "Granted "+g.Name+" to "+p.Email, got.PolicyID, "iam-am.policy.create", got.Receipt)
		policy := access
		policy.PolicyID = got.PolicyID
		r.withdrawLater("revoke "+g.Name+" of "+p.Email, "iam-am.policy.delete", verbs.Revoke, policy)
		return nil
	}))
}

// join makes the functional ID a member of the access group.
func (r *run) join(ctx workflow.Context, p offboard.Preparation, state *offboard.Prepared, access activities.WithdrawInput) error {
	what := "the membership of " + p.Email + " in its access group"
	added, err := do(ctx, changing.within(r.policy), "Put "+p.Email+" into its access group", verbs.AddMember, activities.MembershipInput{GroupID: access.GroupID, IAMID: state.IAMID})
	if err != nil {
		r.mayHaveMade(what, err)
		return err
	}
	r.made(what)
	if !added.Added {
		return nil
	}
	r.change(ctx, p.Email+" is a member of its access group", access.GroupID, "iam-groups.member.add", added.Receipt)
	access.IAMID = state.IAMID
	r.withdrawLater("take "+p.Email+" out of its access group", "iam-groups.member.delete", verbs.RemoveMember, access)
	return nil
}

// mark names the run where others look for who uses something: short, because descriptions have room for a few only. Of
// twenty runs, two have the same mark once in five million times.
func (r *run) mark() string {
	sum := sha256.Sum256([]byte(r.state.RunID))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:6]
}

// leaveGroups says that this run needs the functional IDs' access groups no longer, so that another run that made one may
// take it away again. Clusters that depend on a group protect it by their keys.
func (r *run) leaveGroups(ctx workflow.Context) {
	each(ctx, parallelReads, r.state.Prepared, "leave", func(ctx workflow.Context, _ int, p offboard.Prepared) error {
		if p.Group == "" {
			return nil
		}
		got, err := do(ctx, changing.within(r.policy), "Leave the access group of "+p.Email, verbs.LeaveGroup, activities.LeaveGroupInput{GroupID: p.Group, Run: r.mark()})
		if err != nil {
			r.state.Residual = append(r.state.Residual, fmt.Sprintf("The access group of %s still notes this run (%s) as a user, so no other run takes the group away: %s", p.Email, r.mark(), problem(err)))
			return err
		}
		r.sent(ctx, "Took the note out of the access group of "+p.Email+" that this run uses it", p.Group, "iam-groups.group.update", got.Receipt)
		return nil
	})
}

func scopeNames(scopes []offboard.Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = s.String()
	}
	return strings.Join(names, ", ")
}
