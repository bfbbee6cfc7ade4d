package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// A cluster that cannot be reached is asked for by hand, and the second answer is taken by name.
func TestUnreachableClusterIsRestartedByHand(t *testing.T) {
	o := newOffboarding(t)
	o.account.named("london").unreachable = true
	o.when(asksForApproval, func(p offboard.Progress) {
		require.Contains(t, yes(p).Answers, "unreachable/id-london")
		o.send(workflows.ApproveUpdate, yes(p))
	})
	o.when(holds(britain), func(p offboard.Progress) {
		h := hold(t, p, britain)
		require.Equal(t, offboard.Unreachable, h.Code)
		require.Contains(t, h.Problem, "Restart the storage and autoscaler controllers in kube-system by hand")
	})
	o.resolves(britain, offboard.ActionRetry, func() {
		o.account.change(func() { o.account.named("london").secretKey = o.account.current["eu-gb/"+shopGroup] })
		o.account.byHand("london")
	})
	report := o.run(input())

	require.Equal(t, offboard.Incomplete, report.Status)
	waived := "what depends on the key in cluster london was restarted by hand, says " + person
	require.Equal(t, []string{waived}, report.Progress.Waivers)
	require.Contains(t, report.Progress.Residual, "Not verified: "+waived)
	require.False(t, o.account.isMember(leaverEmail))
	require.Empty(t, o.account.changes("restart ibm-vpc-block-csi-controller in london"))
}

func TestClusterThatCannotBeReachedForAWhile(t *testing.T) {
	o := newOffboarding(t)
	o.account.after("RefreshMaster", 1, func() { o.account.change(func() { o.account.named("london").unreachable = true }) })
	o.approves()
	o.resolves(britain, offboard.ActionRetry, func() { o.account.change(func() { o.account.named("london").unreachable = false }) })
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Empty(t, report.Progress.Waivers)
	require.Len(t, o.account.changes("restart ibm-vpc-block-csi-controller in london"), 1)
}

// A scope whose key is somebody else's by now is refreshed, because its clusters may still run on the leaver's older one.
func TestScopeThatIsOnlyRefreshed(t *testing.T) {
	for name, secretIsOld := range map[string]bool{"with an old secret": true, "with the current secret": false} {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			a := o.account
			a.clusterKey("ApiKey-colleague", "IBMid-2000COLLEA", "eu-gb", start.AddDate(0, -1, 0))
			london := a.named("london")
			if !secretIsOld {
				london.secretKey = "ApiKey-colleague"
			}
			o.approves()
			report := o.run(input())

			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Equal(t, offboard.Refresh, report.Progress.Scopes[1].Action)
			require.Empty(t, a.changes("reset "+britain))
			require.Contains(t, a.changes("refresh"), "refresh london")
			require.Equal(t, "ApiKey-colleague", london.dependents[0].pods[0].key)
			require.Equal(t, "active", a.state()["ApiKey-colleague"])
		})
	}
}

// A scope that was only refreshed has no new owner, and the report claims none.
func TestRefreshedScopeHasNoNewOwner(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.clusterKey("ApiKey-colleague", "IBMid-2000COLLEA", "eu-gb", start.AddDate(0, -1, 0))
	a.fail("Reset", offboard.Denied, "it may not")
	o.policy.ParallelScopes = 1
	o.approves()
	o.resolves(germany, offboard.ActionAbort)
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Empty(t, a.changes("reset", "disable"))
	require.NotContains(t, text(report.Progress.Residual), britain)
}

func TestClusterWithATrustedProfileKeepsItsStorageDrivers(t *testing.T) {
	o := newOffboarding(t)
	o.account.named("prod").profile = true
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.NotContains(t, o.account.changes(), "restart ibm-vpc-block-csi-controller in prod")
	require.Contains(t, o.account.changes(), "restart ibm-iks-cluster-autoscaler in prod")
}

// A cluster that is deleted between the plan and its hand-over, or in the middle of it, holds nothing up.
func TestClusterThatIsDeletedMeanwhile(t *testing.T) {
	calls := []struct {
		verb, target string
		nth          int
	}{
		{"Keys", "", 1}, {"Cluster", "london", 1}, {"SecretVersion", "london", 1}, {"Reset", "eu-gb", 1}, {"KeyOwner", "london", 2}, {"RefreshMaster", "london", 1},
		{"Cluster", "london", 4}, {"SecretVersion", "london", 2}, {"Pods", "london", 1}, {"Restart", "london", 1}, {"Rollout", "london", 2}, {"Addons", "london", 2},
	}
	for _, call := range calls {
		t.Run(fmt.Sprintf("%s %d", call.verb, call.nth), func(t *testing.T) {
			o := newOffboarding(t)
			a := o.account
			o.approves()
			gone := false
			a.hook(&hook{verb: call.verb, target: call.target, nth: call.nth, run: func() {
				a.change(func() { a.clusters, gone = a.clusters[:2], true })
			}})
			report := o.run(input())

			require.True(t, gone)
			require.Equal(t, offboard.Completed, report.Status, report.Message)
			require.Empty(t, report.Progress.Answers)
		})
	}
}

func TestClusterWithoutASecret(t *testing.T) {
	o := newOffboarding(t)
	o.account.named("london").noSecret = true
	o.account.named("london").profile = true
	o.account.named("london").dependents = []*dependent{autoscaler()}
	o.account.start(o.account.named("london"), o.account.named("london").dependents[0])
	o.approves()
	require.Equal(t, offboard.Completed, o.run(input()).Status)
}

func TestControlPlaneThatIsBusyIsWaitedFor(t *testing.T) {
	o := newOffboarding(t)
	london := o.account.named("london")
	london.busy, london.master.State = 9, "updating"
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, o.account.changes("refresh london"), 1)
}

// child is a hand-over alone, as the Web UI could start it.
func child(t *testing.T, arrange func(o *offboarding)) (*offboarding, workflows.HandOverInput) {
	o := newOffboarding(t)
	group := o.account.group("offboard " + functional)
	o.account.groups[group].members["IBMid-3001FUNCTI"] = true
	o.account.groups[group].policies["p"] = offboard.Grant{Service: "containers-kubernetes", ResourceGroup: shopGroup}
	arrange(o)
	london := o.account.named("london")
	return o, workflows.HandOverInput{
		Leaver: offboard.Person{IAMID: leaverID, Email: leaverEmail}, Policy: o.policy, Mark: "mark",
		Handover: offboard.Handover{Scope: london.Scope(), Action: offboard.Reset, FunctionalID: functional, Clusters: []offboard.PlannedCluster{
			{ClusterRef: offboard.ClusterRef{ID: london.ID, Name: london.Name}, Dependents: []offboard.Dependent{london.dependents[0].Dependent}}}},
	}
}

// result is what a hand-over alone ends with.
func (o *offboarding) result(in workflows.HandOverInput) offboard.ScopeProgress {
	o.t.Helper()
	o.start(workflows.HandOver, in)
	require.NoError(o.t, o.env.GetWorkflowError())
	var s offboard.ScopeProgress
	require.NoError(o.t, o.env.GetWorkflowResult(&s))
	require.Empty(o.t, o.account.outages)
	return s
}

func (o *offboarding) scope() offboard.ScopeProgress {
	o.t.Helper()
	value, err := o.env.QueryWorkflow(workflows.StatusQuery)
	require.NoError(o.t, err)
	var s offboard.ScopeProgress
	require.NoError(o.t, value.Get(&s))
	return s
}

func TestHandOverAlone(t *testing.T) {
	o, in := child(t, func(*offboarding) {})
	steps := map[string]bool{}
	o.account.before("", 0, func() {
		o.meanwhile(func() {
			steps[o.scope().Step] = true
			require.Contains(t, o.page(runID), "eu-gb/"+shopGroup)
		})
	})
	s := o.result(in)

	require.Equal(t, offboard.ScopeDone, s.State)
	require.NotEmpty(t, s.KeyMade)
	require.Equal(t, functional, s.Clusters[0].Owner)
	require.True(t, s.Clusters[0].Refreshed)
	require.True(t, s.Clusters[0].Healthy)
	require.Equal(t, []string{"ibm-vpc-block-csi-controller"}, s.Clusters[0].Restarted)
	for _, step := range []string{"look at the scope", "reset the cluster key", "wait for the new key", "refresh and restart", "check the health"} {
		require.True(t, steps[step], "step %q was never seen", step)
	}
}

func TestHandOverAloneHolds(t *testing.T) {
	var f *fault
	o, in := child(t, func(o *offboarding) { f = o.account.fail("Reset", offboard.Denied, "it may not") })
	o.env.RegisterDelayedCallback(func() {
		s := o.scope()
		require.Equal(t, offboard.ScopeHeld, s.State)
		require.Contains(t, s.Hold.Problem, "it may not")
		f.ends()
		o.env.SignalWorkflow("answer", workflows.Resolve{Action: offboard.ActionRetry, By: person})
	}, time.Minute)
	require.Equal(t, offboard.ScopeDone, o.result(in).State)
}

func TestHandOverAloneCancelled(t *testing.T) {
	tests := map[string]struct {
		verb      string
		after     bool
		made      int
		resetSent bool
	}{
		"before the reset":              {"WhoAmI", false, 0, false},
		"while it looks at the scope":   {"Addons", false, 0, false},
		"while the reset is sent":       {"Reset", false, 1, true},
		"after the reset":               {"Reset", true, 1, true},
		"while a master is refreshed":   {"RefreshMaster", false, 1, true},
		"while a workload is restarted": {"Restart", true, 1, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, in := child(t, func(o *offboarding) {
				if test.after {
					o.account.after(test.verb, 1, o.cancelMeanwhile)
				} else {
					o.account.before(test.verb, 1, o.cancelMeanwhile)
				}
				if test.verb == "WhoAmI" {
					o.env.RegisterDelayedCallback(o.env.CancelWorkflow, 0)
				}
			})
			s := o.result(in)

			require.Equal(t, offboard.ScopeFailed, s.State)
			require.False(t, s.Aborted)
			require.Equal(t, test.resetSent, s.ResetSent)
			require.Len(t, o.account.changes("reset"), test.made)
		})
	}
	t.Run("while it holds", func(t *testing.T) {
		o, in := child(t, func(o *offboarding) { o.account.fail("Reset", offboard.Denied, "it may not") })
		o.env.RegisterDelayedCallback(o.env.CancelWorkflow, time.Hour)
		require.Equal(t, offboard.ScopeFailed, o.result(in).State)
	})
}

func TestManyScopesAreHandedOverAFewAtATime(t *testing.T) {
	o := newOffboarding(t)
	a := o.account
	a.limit = 100
	regions := []string{"us-south", "us-east", "jp-tok", "jp-osa", "au-syd", "ca-tor", "br-sao", "eu-es"}
	for _, region := range regions {
		a.clusterKey("ApiKey-"+region, leaverID, region, start.AddDate(-1, 0, 0))
		a.cluster("c-"+region, region, storage())
	}
	o.policy.ParallelScopes = 3
	most := 0
	running := map[string]bool{}
	o.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		if info.WorkflowType.Name == workflows.HandOver {
			running[info.WorkflowExecution.ID] = true
			most = max(most, len(running))
		}
	})
	o.ended = func(id string) { delete(running, id) }
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Len(t, a.changes("reset"), 10)
	require.Equal(t, 3, most)
}

// Somebody else resets a scope right after the run did: the hold says what helps, and it does.
func TestHandOverAloneOfAScopeThatSomebodyElseTakes(t *testing.T) {
	o, in := child(t, func(o *offboarding) {
		o.account.member("IBMid-0000THIRD", "third@acme.example")
		o.account.after("Reset", 1, func() {
			o.account.change(func() { o.account.clusterKey("ApiKey-third", "IBMid-0000THIRD", "eu-gb", o.account.now()) })
		})
	})
	o.env.RegisterDelayedCallback(func() {
		s := o.scope()
		require.Equal(t, offboard.ScopeHeld, s.State)
		require.Contains(t, s.Hold.Problem, "london names third@acme.example")
		require.Contains(t, s.Hold.Problem, "somebody who reset this scope after the run did")
		// Which is what a person does by hand then.
		require.NoError(t, o.account.Reset(t.Context(), functional, in.Handover.Scope))
		o.env.SignalWorkflow("answer", workflows.Resolve{Action: offboard.ActionRetry, By: person})
	}, 2*time.Hour)
	s := o.result(in)

	require.Equal(t, offboard.ScopeDone, s.State)
	require.Equal(t, functional, s.Clusters[0].Owner)
	require.Len(t, o.account.changes("reset"), 2, "the run sent one of them")
}
