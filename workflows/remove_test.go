package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// IBM gives a removal up where the user has child users (trap 18): a person must act.
func TestRemovalThatIBMGivesUp(t *testing.T) {
	tests := map[string]struct {
		answer string
		status offboard.Status
	}{
		"retried": {offboard.ActionRetry, offboard.Completed},
		"skipped": {offboard.ActionSkip, offboard.Incomplete},
		"aborted": {offboard.ActionAbort, offboard.Incomplete},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			a := o.account
			a.after("Remove", 1, func() { a.change(func() { a.personOf(leaverID).State = "ERROR_WHILE_DELETING" }) })
			o.approves()
			o.when(holds("user"), func(p offboard.Progress) {
				h := hold(t, p, "user")
				require.Equal(t, offboard.Stuck, h.Code)
				require.Contains(t, h.Problem, "look for classic infrastructure child users")
			})
			o.resolves("user", test.answer)
			report := o.run(input())

			require.Equal(t, test.status, report.Status, report.Message)
			require.Equal(t, test.status == offboard.Incomplete, a.isMember(leaverEmail))
			if test.status == offboard.Incomplete {
				require.Contains(t, report.Message, "Leaver@acme.example was not removed")
				require.NotZero(t, report.AccessEnds)
			}
		})
	}
}

func TestUserWhomSomebodyElseRemovesMeanwhile(t *testing.T) {
	o := newOffboarding(t)
	o.account.before("Remove", 1, func() {
		o.account.change(func() { o.account.people = append(o.account.people[:2:2], o.account.people[3:]...) })
	})
	o.approves()
	require.Equal(t, offboard.Completed, o.run(input()).Status)
}

func TestBindingsOfTheLeaver(t *testing.T) {
	binding := offboard.Binding{Kind: "RoleBinding", Namespace: "checkout", Name: "deployers", Subject: "IAM#leaver@acme.example", Role: "edit"}
	for name, test := range map[string]struct {
		clean, fails bool
		left         string
	}{
		"are reported":                    {false, false, "RoleBinding checkout/deployers in cluster prod still names the leaver"},
		"are cleaned where that is asked": {true, false, ""},
		"that cannot be cleaned are told": {true, true, "RoleBinding checkout/deployers in cluster prod could not be cleaned: RemoveSubject: it may not"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			o.account.named("prod").bindings = []offboard.Binding{binding}
			o.policy.CleanBindings = test.clean
			if test.fails {
				o.account.fail("RemoveSubject", offboard.Denied, "it may not")
			}
			o.approves()
			report := o.run(input())

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Equal(t, test.left == "", len(o.account.named("prod").bindings) == 0)
			require.Contains(t, text(report.Progress.Residual), test.left)
		})
	}
}

func TestAccessListsThatCannotBeSynchronisedRemain(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("SyncAccess", offboard.Unsupported, "not on this cluster").on("stage")
	o.account.fail("Synced", offboard.Denied, "no right to look").on("london")
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Contains(t, text(report.Progress.Residual), "The access list of cluster stage was not synchronised")
	require.Contains(t, text(report.Progress.Residual), "Access lists were not proven to be synchronised")
	require.ElementsMatch(t, []string{"sync london", "sync prod"}, o.account.changes("sync"))
}
