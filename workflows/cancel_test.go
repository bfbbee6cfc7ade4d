package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// Before the first deletion a cancellation is an order to undo; after it the run only goes forward. Whatever call it
// meets, the leaver's keys work again or everything is carried through.
func TestCancelledAtAnyCall(t *testing.T) {
	turnsRound := []string{"WhoAmI", "People", "UserKeys", "Clusters", "KeyOwner", "Inspect", "EnsureGroup", "Grant", "AddMember", "Prove", "Sees",
		"Reset", "RefreshMaster", "SecretVersion", "Pods", "Restart", "Rollout", "Disable"}
	for _, verb := range turnsRound {
		for _, after := range []bool{false, true} {
			t.Run(verb+map[bool]string{false: " before", true: " after"}[after], func(t *testing.T) {
				o := newOffboarding(t)
				cancel := o.account.before
				if after {
					cancel = o.account.after
				}
				cancel(verb, 1, o.cancelMeanwhile)
				o.account.keyOf("ApiKey-de").Locked = true
				o.approvesIfAsked()
				report := o.run(input())

				require.Equal(t, offboard.RolledBack, report.Status)
				require.Contains(t, report.Message, "cancelled")
				state := o.account.state()
				require.Equal(t, "active locked", state["ApiKey-de"])
				require.Equal(t, "active", state["ApiKey-gb"])
				require.Equal(t, "active", state["ApiKey-laptop"])
				require.True(t, o.account.isMember(leaverEmail))
				groups, policies, members := o.account.grants()
				if len(o.account.changes("reset")) == 0 {
					require.Zero(t, groups+policies+members, "%q", o.account.changes())
				} else {
					require.Equal(t, []int{1, 4, 1}, []int{groups, policies, members})
				}
			})
		}
	}
	for _, verb := range []string{"Delete", "Remove", "Person", "SyncAccess", "Keep"} {
		t.Run(verb, func(t *testing.T) {
			o := newOffboarding(t)
			o.account.before(verb, 1, o.cancelMeanwhile)
			o.approves()
			report := o.run(input())

			require.Equal(t, offboard.Completed, report.Status)
			require.False(t, o.account.isMember(leaverEmail))
		})
	}
}

// Reinstate is taken until the first deletion and refused from then on, in words.
func TestReinstatedAtAnyCall(t *testing.T) {
	for _, verb := range []string{"UserKeys", "EnsureGroup", "Sees", "Reset", "RefreshMaster", "Restart", "Disable", "Addons"} {
		t.Run(verb, func(t *testing.T) {
			o := newOffboarding(t)
			var said *answer
			o.account.before(verb, 1, func() {
				said = o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person, Note: "They stay."})
			})
			o.approvesIfAsked()
			report := o.run(input())

			require.True(t, said.accepted, said.refused)
			require.Contains(t, said.reply.Message, "The person stays")
			require.Equal(t, offboard.Reinstated, report.Status)
			require.Equal(t, person+" said that the person stays. They stay.", report.Message)
			for _, id := range []string{"ApiKey-de", "ApiKey-gb", "ApiKey-laptop"} {
				require.Equal(t, "active", o.account.state()[id])
			}
		})
	}
	for verb, why := range map[string]string{
		"Delete": "the first key has been deleted, which cannot be undone", "Remove": "the first key has been deleted, which cannot be undone",
		"SyncAccess": "the first key has been deleted, which cannot be undone", "Keep": "this run has ended as Completed",
	} {
		t.Run(verb+" refused", func(t *testing.T) {
			o := newOffboarding(t)
			var said *answer
			o.account.before(verb, 1, func() { said = o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
			o.approves()
			report := o.run(input())

			require.False(t, said.accepted)
			require.Contains(t, said.refused, why)
			require.Equal(t, offboard.Completed, report.Status)
		})
	}
}

func TestReinstateWhileTheRunEndsAnywayIsRefused(t *testing.T) {
	o := newOffboarding(t)
	var said *answer
	o.account.before("Keep", 1, func() { said = o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
	report := o.run(input("mode", "plan"))

	require.Equal(t, offboard.Planned, report.Status)
	require.False(t, said.accepted, "it was accepted: %s", said.reply.Message)
}
