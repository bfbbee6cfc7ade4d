package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// withFallback is an offboarding whose policy names a second functional ID that has its access already.
func withFallback(t *testing.T) *offboarding {
	t.Helper()
	o := newOffboarding(t)
	a := o.account
	a.configure = []string{functional, functional2}
	o.policy.Fallback = functional2
	a.member("IBMid-3002FUNCTI", functional2)
	id := a.group("platform")
	a.groups[id].policies["policy-of-old"] = offboard.Grant{Name: "kubernetes " + shopGroup, Service: "containers-kubernetes", ResourceGroup: shopGroup}
	a.groups[id].members["IBMid-3002FUNCTI"] = true
	return o
}

func TestFallbackIdentityTakesTheScopesBackAndTheGrantsGo(t *testing.T) {
	o := withFallback(t)
	o.approves()
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) { o.reinstates() })
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	for _, scope := range []string{germany, britain} {
		require.Len(t, o.account.changes("reset "+scope+" as "+functional2), 1)
	}
	groups, policies, members := o.account.grants()
	require.Equal(t, []int{1, 1, 1}, []int{groups, policies, members}, "only what the fallback had before is left: %q", o.account.changes())
	for _, s := range report.Progress.Scopes {
		require.Equal(t, functional2, s.FellBack)
		require.Len(t, o.account.changes("delete "+s.KeyMade), 1, "the key made for the functional ID is nobody's any more")
	}
	require.Contains(t, text(report.Progress.Residual), "These scopes belong to the fallback identity "+functional2+" now: "+germany+", "+britain)
	for _, k := range report.Progress.Keys {
		require.Equal(t, "active", o.account.state()[k.ID])
	}
	// In this order: the leaver's keys live again, then the scopes move, then the access goes.
	require.Less(t, slices.Max(o.account.places("enable")), slices.Min(o.account.places("reset "+germany+" as "+functional2, "reset "+britain+" as "+functional2)))
	require.Less(t, slices.Max(o.account.places("delete ApiKey-new")), slices.Min(o.account.places("revoke", "take")))
}

func TestFallbackIsNotNeededBeforeAReset(t *testing.T) {
	o := withFallback(t)
	o.account.after("AddMember", 1, func() { o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.Empty(t, o.account.changes("reset"))
	groups, policies, members := o.account.grants()
	require.Equal(t, []int{1, 1, 1}, []int{groups, policies, members})
}

// Until the fallback identity is proven to hold everything, the functional ID keeps its key and its access.
func TestFallbackThatIsRefusedLeavesTheScopeWhereItIs(t *testing.T) {
	o := withFallback(t)
	o.account.fail("Restart", offboard.Denied, "RBAC").on("id-london").from, o.policy.ParallelScopes = 2, 1
	o.approves()
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) { o.reinstates() })
	o.resolves(britain, offboard.ActionSkip)
	report := o.run(input())

	require.Equal(t, offboard.Reinstated, report.Status)
	require.Len(t, o.account.changes("delete ApiKey-new"), 1, "only the key of the scope that is proven")
	require.Empty(t, o.account.changes("revoke", "take"))
	require.Contains(t, text(report.Progress.Residual), "Scope "+britain+" was not proven to run on the key of the fallback identity")
}

func TestFallbackThatCannotWorkStopsThePlan(t *testing.T) {
	tests := map[string]struct {
		spoil func(o *offboarding)
		want  string
	}{
		"not active": {func(o *offboarding) { o.account.mail(functional2).State = "PENDING" }, "is not an active user"},
		"without room": {func(o *offboarding) {
			for range 19 {
				o.account.key(offboard.Key{ID: "ApiKey-full", Name: "full", IAMID: "IBMid-3002FUNCTI"})
			}
		}, "holds 19 of 20 keys"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := withFallback(t)
			test.spoil(o)
			o.when(holds("plan"), func(p offboard.Progress) {
				require.Contains(t, hold(t, p, "plan").Problem, test.want)
				o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionAbort, By: person})
			})
			report := o.run(input())
			require.Equal(t, offboard.Rejected, report.Status)
			require.Empty(t, o.account.changes("reset", "grant", "add"))
		})
	}
}

func TestFallbackIsProvenBeforeAnythingIsReset(t *testing.T) {
	o := withFallback(t)
	o.account.stranger[functional2] = "IBMid-2000COLLEA"
	o.approves()
	o.when(holds("fallback "+functional2), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "fallback "+functional2).Problem, "belongs to IBMid-2000COLLEA")
		delete(o.account.stranger, functional2)
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Empty(t, o.account.changes("reset "+germany+" as "+functional2, "reset "+britain+" as "+functional2))
}

func TestFallbackMustBeConfiguredBesideAnother(t *testing.T) {
	tests := map[string]struct {
		configured []string
		request    map[string]any
		want       string
	}{
		"unknown":       {[]string{functional}, input(), "is not configured under functionalIds"},
		"the only one":  {[]string{functional2}, input(), "configure one more"},
		"asked to lead": {[]string{functional, functional2}, input("functionalIds", []string{functional2}), "cannot take scopes over first"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := withFallback(t)
			o.account.configure = test.configured
			require.Contains(t, o.refused(workflows.InvalidInput, test.request), test.want)
		})
	}
}

// What was made by a request whose reply was lost is taken back like everything else (promise 5).
func TestUndoTakesBackWhatALostReplyMade(t *testing.T) {
	for _, verb := range []string{"EnsureGroup", "Grant", "AddMember"} {
		t.Run(verb, func(t *testing.T) {
			o := newOffboarding(t)
			o.account.lose(verb, 1)
			o.account.before("Sees", 1, func() { o.sendMeanwhile(workflows.ReinstateUpdate, workflows.Reinstate{By: person}) })
			o.approves()
			report := o.run(input())

			require.Equal(t, offboard.Reinstated, report.Status)
			groups, policies, members := o.account.grants()
			require.Zero(t, groups+policies+members, "%q", o.account.changes())
			require.Empty(t, report.Progress.Residual)
		})
	}
}

// Where no answer ever came, the report says what to look for.
func TestReportNamesWhatMayHaveBeenMade(t *testing.T) {
	o := newOffboarding(t)
	f := o.account.fail("EnsureGroup", offboard.Unavailable, "no answer")
	f.lost = true
	o.approves()
	o.resolves("prepare "+functional, offboard.ActionAbort)
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, text(report.Progress.Residual), "Whether this run made the access group of "+functional+" is not known")
}

// A cluster that could be reached only after a person was asked is watched in the soak like the others.
func TestClusterThatIsReachedLateIsWatched(t *testing.T) {
	o := newOffboarding(t)
	o.account.named("london").unreachable = true
	o.approves()
	o.resolves(britain, offboard.ActionRetry, func() {
		o.account.change(func() {
			london := o.account.named("london")
			london.unreachable, london.secretKey = false, o.account.current[london.Scope().ID()] // renewed while nobody could look
		})
	})
	o.when(in(offboard.PhaseSoak), func(offboard.Progress) {
		o.env.RegisterDelayedCallback(func() {
			o.account.change(func() { o.account.named("london").dependents[0].trouble = "CrashLoopBackOff" })
		}, time.Minute)
	})
	o.resolves("soak", offboard.ActionAbort)
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, report.Message, "ibm-vpc-block-csi-controller is not ready: CrashLoopBackOff")
}
