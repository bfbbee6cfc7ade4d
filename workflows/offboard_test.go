package workflows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestOffboardingGoesInOrder(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	sorted := func(words ...string) []string { return slices.Sorted(slices.Values(o.account.changes(words...))) }
	require.Equal(t, []string{"reset " + germany + " as " + functional, "reset " + britain + " as " + functional}, sorted("reset"))
	require.Equal(t, []string{"refresh london", "refresh prod", "refresh stage"}, sorted("refresh"))
	require.Equal(t, []string{"restart ibm-iks-cluster-autoscaler in prod", "restart ibm-vpc-block-csi-controller in london", "restart ibm-vpc-block-csi-controller in prod"}, sorted("restart"))
	require.Equal(t, []string{"disable ApiKey-de", "disable ApiKey-gb", "disable ApiKey-laptop"}, sorted("disable"))
	require.Equal(t, []string{"delete ApiKey-de", "delete ApiKey-gb", "delete ApiKey-laptop"}, sorted("delete"))
	require.Equal(t, []string{"sync london", "sync prod", "sync stage"}, sorted("sync"))
	require.False(t, o.account.isMember(leaverEmail))
	require.Empty(t, o.account.changes("enable", "revoke", "take"), "nothing may be undone")

	changes := o.account.changes()
	order := []string{"make group", "grant", "reset", "refresh", "restart", "disable", "delete", "remove", "sync", "let the person go"}
	stage := func(what string) int {
		if strings.HasPrefix(what, "add ") {
			what = "grant" // a group's members and its roles need nothing of each other
		}
		return slices.IndexFunc(order, func(o string) bool { return len(what) >= len(o) && what[:len(o)] == o })
	}
	last := slices.IndexFunc(changes, func(c string) bool { return stage(c) == 3 }) // scopes overlap from here to the restarts
	require.True(t, slices.IsSortedFunc(changes[:last], func(a, b string) int { return stage(a) - stage(b) }), "%q", changes)
	end := slices.IndexFunc(changes, func(c string) bool { return stage(c) == 5 })
	require.True(t, slices.IsSortedFunc(changes[end:], func(a, b string) int { return stage(a) - stage(b) }), "%q", changes)

	require.Equal(t, []offboard.Phase{offboard.PhaseAdmit, offboard.PhaseSurvey, offboard.PhasePlan, offboard.PhaseApprove, offboard.PhasePrepare,
		offboard.PhaseHandOver, offboard.PhaseDisable, offboard.PhaseSoak, offboard.PhaseDelete, offboard.PhaseRemove, offboard.PhaseClean, offboard.PhaseReport},
		slices.Compact(o.phases))
	require.Equal(t, report.Progress.DisabledAt.Add(time.Hour), report.AccessEnds)
	require.Empty(t, report.Progress.Residual)
	require.Equal(t, approver, report.Progress.Approval.By)
	require.Len(t, report.Progress.Changes, 1+4+1+2+3+3+3+3+1+3)
	require.Equal(t, "engine@acme.example", report.Progress.Engine)
}

func TestEverythingTakesItsTime(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.keyHidden, a.grantsLate, a.refreshTakes, a.secretTakes, a.restartTakes, a.removalTakes, a.ownerLate, a.unsynced = 4, 5, 6, 5, 7, 4, 3, 3
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Empty(t, report.Progress.Answers, "nobody had to be asked")
}

func TestPlanModeChangesNothing(t *testing.T) {
	o := newOffboarding(t)
	report := o.run(input("mode", "plan"))

	require.Equal(t, offboard.Planned, report.Status)
	require.Len(t, report.Progress.Plan.Handovers, 2)
	require.Len(t, report.Progress.Plan.Keys, 3)
	require.NotEmpty(t, report.Progress.Plan.Digest)
	require.Equal(t, []string{"let the person go"}, o.account.changes())
	require.Zero(t, report.AccessEnds)
}

func TestUserStaysWhereThatIsAsked(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	report := o.run(input("removeUser", false))

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.True(t, o.account.isMember(leaverEmail))
	require.Len(t, o.account.changes("delete ApiKey"), 3)
}

func TestNothingOwnedIsRemovedWithoutAHandOver(t *testing.T) {
	o := newOffboarding(t)
	o.account.clusters, o.account.keys = nil, nil
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Equal(t, []string{"remove " + leaverEmail, "let the person go"}, o.account.changes())
}

func TestReportThatCannotBeStoredIsStillTheResult(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Keep", offboard.Unavailable, "the disk is full")
	o.execute(input("mode", "plan"))

	require.NoError(t, o.env.GetWorkflowError())
	var report offboard.Report
	require.NoError(t, o.env.GetWorkflowResult(&report))
	require.Equal(t, offboard.Planned, report.Status)
	require.Equal(t, 5, o.account.calls["Keep"])
}

// Every phase has a page in the Web UI that a person can read, and the status query answers in each.
func TestEveryPhaseCanBeSeen(t *testing.T) {
	o := newOffboarding(t)
	seen := map[offboard.Phase]bool{}
	o.account.before("", 0, func() {
		o.meanwhile(func() {
			p := o.status()
			seen[p.Phase] = true
			require.Equal(t, runID, p.WorkflowID)
			require.Equal(t, leaverEmail, p.Request.User)
		})
	})
	o.approves()
	report := o.run(input("lastDay", start.Add(48*time.Hour)))

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	for _, phase := range []offboard.Phase{offboard.PhaseAdmit, offboard.PhaseSurvey, offboard.PhasePrepare, offboard.PhaseHandOver, offboard.PhaseDisable,
		offboard.PhaseSoak, offboard.PhaseDelete, offboard.PhaseRemove, offboard.PhaseClean, offboard.PhaseReport} {
		require.True(t, seen[phase], "no query was answered in phase %q", phase)
	}
	want := map[offboard.Phase]string{
		offboard.PhaseAdmit:    "**Phase:** admit",
		offboard.PhaseWait:     "**Waiting for:** the last day, 2026-09-16T08:30:00Z",
		offboard.PhaseSurvey:   "**Phase:** survey",
		offboard.PhasePlan:     "**Phase:** plan",
		offboard.PhaseApprove:  "\"digest\": \"" + report.Progress.Plan.Digest + "\"",
		offboard.PhasePrepare:  "| eu-de/shop | reset | clusters-1@acme.example |",
		offboard.PhaseHandOver: "| eu-de/shop | reset | clusters-1@acme.example |",
		offboard.PhaseDisable:  "| laptop ApiKey-laptop | personal | active |",
		offboard.PhaseSoak:     "| laptop ApiKey-laptop | personal | disabled |",
		offboard.PhaseDelete:   "**Phase:** retire: delete",
		offboard.PhaseRemove:   "| laptop ApiKey-laptop | personal | deleted |",
		offboard.PhaseClean:    "**Phase:** clean",
		offboard.PhaseReport:   "**Result:** Scopes with a new owner: 2",
	}
	for phase, line := range want {
		require.Contains(t, o.pages[phase], line, "the page of phase %q", phase)
	}
}

func TestSearchAttributesFollowTheRun(t *testing.T) {
	o := newOffboarding(t)
	day := start.Add(24 * time.Hour)
	o.approves()
	o.run(input("lastDay", day))

	require.Equal(t, []bool{false, true, false}, slices.Compact(o.needed), "a person was needed once, for the approval")
	require.True(t, o.days[len(o.days)-1].Equal(day))
	require.Equal(t, offboard.PhaseReport, o.phases[len(o.phases)-1])
}

func TestTheIDOfARunIsThePersonsAndTellsNobodyWhoItIs(t *testing.T) {
	id := workflows.ID(accountID, " Leaver@ACME.example")
	require.Equal(t, workflows.ID(accountID, leaverEmail), id)
	require.NotContains(t, id, "leaver")
	require.NotEqual(t, workflows.ID(accountID, "other@acme.example"), id)
	options := workflows.StartOptions(accountID, offboard.Request{User: leaverEmail})
	require.Equal(t, id, options.ID)
	require.Equal(t, workflows.TaskQueue, options.TaskQueue)
	require.Equal(t, id+"/eu-de/"+shopGroup, workflows.ScopeID(id, offboard.Scope{Region: "eu-de", ResourceGroup: shopGroup}))
	require.Len(t, workflows.SearchAttributes(), 5)
}
