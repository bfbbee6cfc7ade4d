package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// troubles are the things a soak notices, each with what takes it away again.
var troubles = map[string]struct {
	begin, end func(a *account)
	want       string
}{
	"a cluster is ill": {
		func(a *account) { a.named("prod").State = "critical" }, func(a *account) { a.named("prod").State = "normal" }, "cluster prod is in state critical"},
	"a control plane is ill": {
		func(a *account) { a.named("prod").master.Health = "error" }, func(a *account) { a.named("prod").master.Health = "normal" }, "cluster prod's control plane is error"},
	"an add-on is ill": {
		func(a *account) {
			a.named("london").addons = []offboard.Addon{{Name: "vpc-block-csi-driver", Health: "critical", Status: "no token"}}
		},
		func(a *account) { a.named("london").addons = nil }, "cluster london's add-on vpc-block-csi-driver is critical: no token"},
	"a dependent is not ready": {
		func(a *account) { a.named("london").dependents[0].trouble = "CrashLoopBackOff" }, func(a *account) { a.named("london").dependents[0].trouble = "" },
		"ibm-vpc-block-csi-controller is not ready: CrashLoopBackOff"},
	"a disabled key is used": {
		func(a *account) { a.keyOf("ApiKey-laptop").LastUsed = a.now() }, func(a *account) { a.keyOf("ApiKey-laptop").LastUsed = start.AddDate(0, -1, 0) },
		"key laptop (ApiKey-laptop) was used at"},
	"a key is enabled by somebody": {
		func(a *account) { a.keyOf("ApiKey-gb").Disabled = false }, func(*account) {}, "was enabled again by somebody"},
}

func TestTroubleInTheSoakEnablesTheKeysAtOnce(t *testing.T) {
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			o.approves()
			began := start.Add(time.Hour)
			o.env.RegisterDelayedCallback(func() { o.account.change(func() { trouble.begin(o.account) }) }, time.Hour)
			o.when(holds("soak"), func(p offboard.Progress) {
				h := hold(t, p, "soak")
				require.Contains(t, h.Problem, trouble.want)
				require.Contains(t, h.Means, "The keys were enabled again at once")
				for _, k := range p.Keys {
					require.Equal(t, "active", o.account.state()[k.ID])
				}
				require.WithinDuration(t, began, h.Since, o.policy.SoakProbe.Std()+time.Second)
			})
			o.resolves("soak", offboard.ActionRetry, func() { o.account.change(func() { trouble.end(o.account) }) })
			report := o.run(input())

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Greater(t, o.account.at("delete ApiKey").Sub(began), 2*time.Hour, "the soak begins anew")
			require.Len(t, o.account.changes("disable ApiKey-de"), 2)
			require.Len(t, o.account.changes("restart"), 3, "nothing is handed over twice")
		})
	}
}

func TestSoakThatIsSkippedLeavesTheKeysAlive(t *testing.T) {
	o := newOffboarding(t)
	o.account.keyOf("ApiKey-laptop").Disabled = true // by somebody else
	o.approves()
	o.env.RegisterDelayedCallback(func() { o.account.change(func() { o.account.named("prod").State = "critical" }) }, time.Hour)
	o.resolves("soak", offboard.ActionSkip)
	report := o.run(input())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Empty(t, o.account.changes("delete", "remove"))
	require.Equal(t, "active", o.account.state()["ApiKey-de"])
	require.Equal(t, "disabled", o.account.state()["ApiKey-laptop"])
	require.Contains(t, text(report.Progress.Residual), "Key containers-kubernetes-key (ApiKey-de) is kept")
}

func TestSoakThatIsAborted(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	o.env.RegisterDelayedCallback(func() { o.account.change(func() { o.account.named("prod").State = "critical" }) }, time.Hour)
	o.resolves("soak", offboard.ActionAbort)
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, report.Message, person+" aborted")
	require.Empty(t, o.account.changes("delete", "remove"))
	require.Len(t, o.account.changes("enable"), 3)
}

// A soak that cannot look has proven nothing.
func TestSoakThatCannotLookIsTrouble(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	var f *fault
	o.env.RegisterDelayedCallback(func() { f = o.account.fail("Addons", offboard.Unavailable, "503") }, time.Hour)
	o.when(holds("soak"), func(p offboard.Progress) {
		require.Contains(t, hold(t, p, "soak").Problem, "the clusters could not be looked at")
		f.ends()
		o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Len(t, o.account.changes("enable"), 3)
}

func TestTroubleFromBeforeIsNotOurs(t *testing.T) {
	o := newOffboarding(t)
	o.account.named("prod").State = "warning"
	o.account.named("london").addons = []offboard.Addon{{Name: "alb", Health: "warning", Status: "old"}, {Name: "new", Health: "pending"}}
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Empty(t, report.Progress.Answers)
}

func TestNobodyAnswersTheSoak(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	o.env.RegisterDelayedCallback(func() { o.account.change(func() { o.account.named("prod").State = "critical" }) }, time.Hour)
	report := o.run(input())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Empty(t, o.account.changes("delete", "remove"))
}

func TestTroubleInTheSoakCompensatesWhereThatIsAsked(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	o.env.RegisterDelayedCallback(func() { o.account.change(func() { o.account.named("prod").State = "critical" }) }, time.Hour)
	report := o.run(input("onFailure", "compensate"))

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, report.Message, "cluster prod is in state critical")
	require.Len(t, o.account.changes("enable"), 3)
}

// More probes than one run of the soak takes: it continues as new, so that no history grows with it.
func TestLongSoakIsProbedABoundedNumberOfTimes(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	report := o.run(input("soak", "90d"))

	require.Equal(t, offboard.Completed, report.Status)
	require.Equal(t, 1000, report.Progress.Soak.Probes)
}
