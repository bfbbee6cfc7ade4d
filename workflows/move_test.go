package workflows_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// move carries a move out and returns its report.
func (o *offboarding) move(in map[string]any) offboard.Report {
	o.t.Helper()
	data, err := json.Marshal(in)
	require.NoError(o.t, err)
	o.start(workflows.Move, json.RawMessage(data))
	require.NoError(o.t, o.env.GetWorkflowError())
	var report offboard.Report
	require.NoError(o.t, o.env.GetWorkflowResult(&report))
	o.keptItsPromises(report)
	return report
}

func moving(changes ...any) map[string]any {
	in := map[string]any{"requestedBy": requester, "ticket": "OPS-7"}
	for i := 0; i < len(changes); i += 2 {
		in[changes[i].(string)] = changes[i+1]
	}
	return in
}

func TestMoveHandsScopesOverAndTakesNothingFromAnybody(t *testing.T) {
	tests := map[string]struct {
		in   map[string]any
		want []string // scopes
	}{
		"named":            {moving("scopes", []string{"eu-gb/" + shopGroup}), []string{britain}},
		"of a person":      {moving("ownedBy", "LEAVER@acme.example"), []string{germany, britain}},
		"all personal":     {moving("allPersonal", true), []string{germany, britain}},
		"of somebody else": {moving("ownedBy", "colleague@acme.example"), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			o.approvesIfAsked()
			report := o.move(test.in)

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Equal(t, len(test.want) > 0, report.Progress.Approval != nil, "nothing to do needs nobody's yes")
			var scopes []string
			for _, s := range report.Progress.Scopes {
				scopes = append(scopes, s.Scope.String())
				require.Len(t, o.account.changes("reset "+s.Scope.String()+" as "+functional), 1)
			}
			require.Equal(t, test.want, scopes)
			require.Len(t, o.account.changes("reset"), len(test.want))
			require.Empty(t, o.account.changes("disable", "delete", "remove", "unlock"))
			require.True(t, o.account.isMember(leaverEmail))
			require.Empty(t, report.Progress.Residual)
			require.Empty(t, report.Progress.Keys)
		})
	}
}

func TestMoveLeavesWhatAFunctionalIDOwnsAlone(t *testing.T) {
	o := newOffboarding(t)
	o.account.clusterKey("ApiKey-ours", "IBMid-3001FUNCTI", "eu-gb", start.AddDate(0, -1, 0))
	o.approves()
	report := o.move(moving("scopes", []string{"uk-south/" + shopGroup, "eu-de/" + shopGroup}))

	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, o.account.changes("reset"), 1)
	require.Contains(t, offboard.PlanMarkdown(*report.Progress.Plan), "runs on a key of a functional ID already")
}

func TestMoveOfAScopeThatIsNotThere(t *testing.T) {
	o := newOffboarding(t)
	o.when(holds("plan"), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "plan").Problem, "No cluster that the engine can see is in jp-tok/nowhere")
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionAbort, By: person})
	})
	report := o.move(moving("scopes", []string{"eu-de/" + shopGroup, "jp-tok/nowhere"}))

	require.Equal(t, offboard.Rejected, report.Status)
	require.Empty(t, o.account.changes("reset", "grant"))
}

func TestMoveThatIsPlannedOnly(t *testing.T) {
	o := newOffboarding(t)
	report := o.move(moving("allPersonal", true, "mode", "plan"))

	require.Equal(t, offboard.Planned, report.Status)
	require.Empty(t, o.account.changes())
	require.Contains(t, report.Markdown(), "Move of all scopes on personal keys: Planned")
}

func TestMoveThatIsSkippedInPart(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Reset", offboard.Denied, "it may not").on("eu-gb")
	o.approves()
	o.when(holds(britain), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, britain).Skip, "leaves the scope with its owner")
		o.send(workflows.ResolveUpdate, workflows.Resolve{Scope: britain, Action: offboard.ActionSkip, By: person})
	})
	report := o.move(moving("allPersonal", true))

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Contains(t, text(report.Progress.Residual), "Scope "+britain+" was not handed over (skipped): its key stays with its owner.")
}

func TestMoveThatIsCancelledBeforeAResetIsUndone(t *testing.T) {
	o := newOffboarding(t)
	o.account.after("AddMember", 1, o.cancelMeanwhile)
	o.approves()
	report := o.move(moving("allPersonal", true))

	require.Equal(t, offboard.RolledBack, report.Status)
	groups, policies, members := o.account.grants()
	require.Zero(t, groups+policies+members)
}

func TestMoveThatIsCancelledWhileItHoldsIsUndone(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Reset", offboard.Denied, "it may not")
	o.approves()
	o.when(holds(germany), func(offboard.Progress) { o.env.CancelWorkflow() })
	report := o.move(moving("allPersonal", true))

	require.Equal(t, offboard.RolledBack, report.Status, report.Message)
	require.Empty(t, report.Progress.Holds)
}

func TestNobodyIsReinstatedInAMove(t *testing.T) {
	o := newOffboarding(t)
	var said *answer
	o.when(asksForApproval, func(p offboard.Progress) {
		said = o.reinstates()
		o.send(workflows.ApproveUpdate, yes(p))
	})
	report := o.move(moving("allPersonal", true))

	require.Equal(t, offboard.Completed, report.Status)
	require.Contains(t, said.refused, "nobody leaves here")
}

func TestMovesThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		in   map[string]any
		want []string
	}{
		"nothing selected": {moving(), []string{`exactly one of "scopes", "ownedBy" and "allPersonal"`, offboard.MoveExample}},
		"two ways":         {moving("allPersonal", true, "ownedBy", leaverEmail), []string{"exactly one of"}},
		"several mistakes": {moving("scopes", []string{"eu-de"}, "mode", "go", "requestedBy", "me"),
			[]string{`"eu-de" is not a region and a resource group`, `"mode" is "go"`, `"requestedBy" "me" is not`}},
		"what leavers have":   {moving("allPersonal", true, "soak", "2h"), []string{`unknown field "soak"`}},
		"a functional ID":     {moving("ownedBy", functional), []string{"is a functional ID, whose scopes need no move"}},
		"another account":     {moving("allPersonal", true, "account", "other"), []string{`"account" is "other"`}},
		"without an approval": {moving("allPersonal", true, "approval", "none"), []string{"which the policy forbids"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			data, err := json.Marshal(test.in)
			require.NoError(t, err)
			o.start(workflows.Move, json.RawMessage(data))
			err = o.env.GetWorkflowError()
			require.Error(t, err)
			for _, want := range test.want {
				require.Contains(t, err.Error(), want)
			}
			require.Empty(t, o.account.changes())
		})
	}
}
