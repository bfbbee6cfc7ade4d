package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// receipts are the changes of a report by what the account noted for their request; a change without one is left out.
func (o *offboarding) receipts(report offboard.Report) map[string]offboard.Change {
	o.t.Helper()
	noted := map[string]string{}
	for i, e := range o.account.ledger {
		noted[requestOf(i)] = e.what
	}
	found := map[string]offboard.Change{}
	for _, c := range report.Progress.Changes {
		require.NotEmpty(o.t, c.By, c.What)
		require.NotEqual(o.t, offboard.EngineIdentity, c.By, "a report names the identity")
		if c.RequestID == "" {
			require.Empty(o.t, c.Event, "%s was requested, and the report does not say as which request", c.What)
			continue
		}
		what := noted[c.RequestID]
		require.NotEmpty(o.t, what, "the account knows no request %s", c.RequestID)
		require.NotContains(o.t, found, what)
		found[what] = c
	}
	return found
}

func TestEveryChangeNamesItsRequest(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	report := o.run(input())

	found := o.receipts(report)
	for i, e := range o.account.ledger {
		if strings.HasPrefix(e.what, "restart") || e.what == "let the person go" {
			continue
		}
		require.Contains(t, found, e.what, "entry %d", i)
	}
	reset := found["reset eu-de/shop as "+functional]
	require.Equal(t, functional, reset.By)
	require.Equal(t, "containers-kubernetes.account-api-key.reset", reset.Event)
	require.Equal(t, "engine@acme.example", found["disable ApiKey-de"].By)
	for _, s := range report.Progress.Scopes {
		for _, c := range s.Changes {
			require.Contains(t, report.Progress.Changes, c, "a scope's changes are the run's")
		}
	}
}

func TestWhatIsUndoneNamesItsRequestToo(t *testing.T) {
	o := newOffboarding(t)
	o.account.after("AddMember", 1, func() { o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	undone := map[string]int{}
	for what, c := range o.receipts(report) {
		if c.Undo {
			undone[strings.Fields(what)[0]+" "+c.Event]++
		}
	}
	require.Equal(t, map[string]int{"take iam-groups.member.delete": 1, "revoke iam-am.policy.delete": 4, "delete iam-groups.group.delete": 1}, undone)
}
