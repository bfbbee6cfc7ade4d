package kubernetes_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/dev/internal/temporalite"
	"offboard/dev/internal/witness"
	"offboard/dev/kubernetes/attach"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const (
	leaver   = "leaver@acme.example"
	approver = "platform-lead@acme.example"
	patience = 10 * time.Minute // far more than anything takes, so that a slow machine breaks no test

	block      = "ibm-vpc-block-csi-controller"
	blockNode  = "ibm-vpc-block-csi-node"
	file       = "ibm-vpc-file-csi-controller"
	fileNode   = "ibm-vpc-file-csi-node"
	autoscaler = "ibm-iks-cluster-autoscaler"
)

// bench is a test's stack and the clusters of its account.
type bench struct {
	*stack.Stack
	t        *testing.T
	ctx      context.Context
	clusters map[string]*attach.Cluster
}

// start runs a stack in whose account every cluster is real.
func start(t *testing.T, account string, s stack.Settings) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx}
	var err error
	s.MinimumSoak = offboard.Duration(2 * time.Second) // the life of a token in the account
	b.Stack, err = stack.Start(ctx, stack.Options{UIPort: temporalite.NoUI, Engine: stack.EngineOptions{Account: account, Settings: s, Reports: t.TempDir()}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Stop()) })
	b.clusters = attach.All(t, clusters, b.Sim.Cloud, b.Sim.Account)
	return b
}

// approved starts a run and says yes to its plan.
func (b *bench) approved() (id string, plan offboard.Plan) {
	b.t.Helper()
	input, err := json.Marshal(map[string]any{"user": leaver, "soak": "3s", "requestedBy": "hr@acme.example"})
	require.NoError(b.t, err)
	request, err := offboard.DecodeRequest(input, time.Now())
	require.NoError(b.t, err)
	run, err := b.Runs.Start(b.ctx, request)
	require.NoError(b.t, err)
	p := b.until(run.WorkflowID, "a plan to approve", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseApprove && p.Plan != nil })
	_, err = b.Runs.Approve(b.ctx, run.WorkflowID, workflows.Approve{By: approver, Digest: p.Plan.Digest, Answers: demo.Answers(*p.Plan)})
	require.NoError(b.t, err)
	return run.WorkflowID, *p.Plan
}

func (b *bench) until(id, what string, condition func(offboard.Progress) bool) offboard.Progress {
	b.t.Helper()
	var last offboard.Progress
	met := false
	err := b.Runs.Follow(b.ctx, id, 100*time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		last, met = p, condition(p)
		return met
	})
	require.NoError(b.t, err, "wait for %s", what)
	require.True(b.t, met, "the run ended as %s without %s: %s", last.Status, what, last.Message)
	return last
}

func (b *bench) finished(id string) offboard.Report {
	b.t.Helper()
	report, err := b.Runs.Wait(b.ctx, id)
	require.NoError(b.t, err)
	assert.Empty(b.t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	assert.Empty(b.t, b.Sim.Unknown(), "requests that IBM Cloud would not know")
	for _, r := range b.Sim.Requests() {
		assert.NotEqual(b.t, "kubernetes", r.Service, "somebody took a real cluster for a simulated one: %s %s", r.Method, r.Route)
	}
	return report
}

// holders are who holds a key in a cluster, as the simulator's books say.
func (b *bench) holders(cluster string) []string {
	b.t.Helper()
	for _, c := range b.Sim.State().Clusters {
		if c.Name == cluster {
			return slices.Collect(maps.Keys(c.Holders))
		}
	}
	b.t.Fatalf("there is no cluster %s", cluster)
	return nil
}

func TestAWholeOffboardingOfRealClusters(t *testing.T) {
	b := start(t, "testdata/account.yaml", stack.Settings{Policy: map[string]any{"cleanBindings": true}})
	dependents := map[string][]string{"web-eu": {block, file, autoscaler}, "web-us": {block}, "kept-us": {block, file}}
	others := map[string][]string{"web-eu": {blockNode, fileNode, "coredns"}, "web-us": {blockNode}, "kept-us": {blockNode, fileNode}}
	id, plan := b.approved()
	assert.Equal(t, 2, plan.Resets())
	before := b.pods(dependents)
	untouched := b.pods(others)

	report := b.finished(id)

	require.Equal(t, offboard.Completed, report.Status)
	assert.True(t, report.Progress.UserRemoved)
	assert.Equal(t, untouched, b.pods(others), "trap 44: node plug-ins and whatever else holds no key are left alone")
	after := b.pods(dependents)
	for subject, uids := range before {
		assert.Len(t, after[subject], len(uids), subject)
		for _, uid := range uids {
			assert.NotContains(t, after[subject], uid, "%s still runs a pod with the old key", subject)
		}
	}
	for name, workloads := range dependents {
		for _, w := range workloads {
			assert.True(t, slices.ContainsFunc(b.holders(name), func(h string) bool { return strings.Contains(h, w) }), "the books know no pod of %s in %s", w, name)
		}
	}
	b.bindingsAreLeft()
}

// bindingsAreLeft asserts that the leaver is in no binding any more, and that the others are still in theirs.
func (b *bench) bindingsAreLeft() {
	b.t.Helper()
	client := b.clusters["web-eu"].Core.RESTClient()
	body, err := client.Get().AbsPath("/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/shop-admins").Do(b.ctx).Raw()
	require.NoError(b.t, err)
	var shared rbacv1.RoleBinding
	require.NoError(b.t, json.Unmarshal(body, &shared))
	require.Len(b.t, shared.Subjects, 1)
	assert.Equal(b.t, "IAM#dev@acme.example", shared.Subjects[0].Name)
	_, err = client.Get().AbsPath("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/stage-operators").Do(b.ctx).Raw()
	assert.True(b.t, apierrors.IsNotFound(err), "nobody is left in it: %v", err)
}

// pods are the UIDs of the pods of workloads, by cluster and workload.
func (b *bench) pods(workloads map[string][]string) map[string][]string {
	b.t.Helper()
	found := map[string][]string{}
	for cluster, names := range workloads {
		for _, name := range names {
			var uids []string
			for _, uid := range b.clusters[cluster].Pods(name) {
				uids = append(uids, string(uid))
			}
			slices.Sort(uids)
			require.NotEmpty(b.t, uids, "%s in %s", name, cluster)
			found[cluster+"/"+name] = uids
		}
	}
	return found
}

// A rollout that never gets ready holds before any key is disabled; when somebody has healed the cluster, it goes on.
func TestARolloutThatNeverGetsReadyHolds(t *testing.T) {
	b := start(t, "testdata/stuck.yaml", stack.Settings{StepBudget: offboard.Duration(5 * time.Second)})
	c := b.clusters["stuck-eu"]
	id, _ := b.approved()
	old := slices.Sorted(maps.Keys(c.Pods(autoscaler)))
	require.Len(t, old, 1)

	p := b.until(id, "a hold", func(p offboard.Progress) bool { return len(p.Holds) > 0 })

	assert.Contains(t, p.Holds[0].Problem, autoscaler)
	assert.Contains(t, slices.Sorted(maps.Keys(c.Pods(autoscaler))), old[0], "the old pod serves until a new one is ready")
	for _, k := range b.Sim.State().Keys {
		assert.False(t, k.Disabled, "%s was disabled although a pod may need it", k.Name)
	}
	stuck, err := c.Apps.Deployments("kube-system").Get(b.ctx, autoscaler, metav1.GetOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, stuck.Status.UnavailableReplicas)

	c.SetNeverReady("kube-system", autoscaler, "")
	_, err = b.Runs.Resolve(b.ctx, id, workflows.Resolve{Scope: p.Holds[0].Subject, Action: offboard.ActionRetry, By: approver})
	require.NoError(t, err)
	assert.Equal(t, offboard.Completed, b.finished(id).Status)
	assert.NotContains(t, slices.Sorted(maps.Keys(c.Pods(autoscaler))), old[0])
}
