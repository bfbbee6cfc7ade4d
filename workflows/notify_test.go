package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestPeopleAreToldWhenTheyAreNeededAndWhenItIsOver(t *testing.T) {
	o := newOffboarding(t)
	o.account.tells = true
	o.account.fail("Reset", offboard.Denied, "it may not").on("eu-gb").first(1)
	o.env.RegisterDelayedCallback(func() { o.send(workflows.ApproveUpdate, yes(o.status())) }, 36*time.Hour)
	o.resolves(britain, offboard.ActionRetry)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Equal(t, []string{
		"planReady: The plan to offboard Leaver@acme.example waits for approval",
		"approvalReminder: The plan to offboard Leaver@acme.example still waits for approval",
		"needsPerson: The offboarding of Leaver@acme.example needs a person: " + britain,
		"ended: The offboarding of Leaver@acme.example ended: Completed",
	}, o.account.told())
	seen := map[string]bool{}
	for _, n := range o.account.notices {
		require.False(t, seen[n.ID], "every notice has an ID of its own")
		seen[n.ID] = true
		require.Equal(t, runID, n.WorkflowID)
	}
	require.Contains(t, o.account.notices[0].Text, report.Progress.Plan.Digest)
	require.Contains(t, o.account.notices[2].Text, "it may not")
	require.Contains(t, o.account.notices[2].Text, "skip: leaves the scope and its keys with the leaver")
}

// A chat that is away stops nothing, and the report says who was not told.
func TestNoticesThatDoNotArriveAreNotInTheWay(t *testing.T) {
	o := newOffboarding(t)
	o.account.tells = true
	o.account.fail("Notify", offboard.Unavailable, "the chat is away")
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, report.Progress.Unsent, 1)
	require.Contains(t, report.Progress.Unsent[0], "the chat is away")
	require.Less(t, report.Ended.Sub(report.Started), 3*time.Hour)
}

func TestPeopleAreToldOfARefusal(t *testing.T) {
	o := newOffboarding(t)
	o.account.tells = true
	o.policy.Protected = []string{"leaver@*"}
	message := o.refused(workflows.InvalidInput, input())

	require.Contains(t, message, "protected by the policy")
	require.Equal(t, []string{"ended: The offboarding of " + leaverEmail + " was not started"}, o.account.told())
	require.Contains(t, o.account.notices[0].Text, "protected by the policy")
}

func TestNobodyIsToldWhereNoChannelIsConfigured(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	o.run(input())

	require.Empty(t, o.account.told())
	require.Zero(t, o.account.calls["Notify"])
}
