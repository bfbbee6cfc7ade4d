package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// start is the moment at which every run of these tests begins.
var start = time.Date(2026, 9, 14, 8, 30, 0, 0, time.UTC)

const (
	person = "sre@acme.example"
	runID  = "offboard/" + accountID + "/0123456789abcdef"
)

// offboarding is one run in the test environment, the account it works on, and the people around it.
type offboarding struct {
	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	account *account
	policy  offboard.Policy

	rules        []*rule
	looks        int
	workflowType string                    // what was started
	pages        map[offboard.Phase]string // the run's page as it was last written in each phase
	phases       []offboard.Phase          // as the search attribute told them
	needed       []bool                    // what the search attribute said of a person
	days         []time.Time               // what the search attribute said of the last day

	ended    func(child string) // is told of every child that ends
	begun    time.Time          // wall clock
	mu       sync.Mutex
	attempts map[string]*attempts
}

// rule is what a person does once when they see a state.
type rule struct {
	when  func(offboard.Progress) bool
	do    func(offboard.Progress)
	done  bool
	maybe bool // it may never come to that
}

// answer is what became of an update.
type answer struct {
	accepted bool
	refused  string
	failed   error
	reply    workflows.Reply
	settled  chan struct{}
}

func (a *answer) Accept()          { a.accepted = true }
func (a *answer) Reject(err error) { a.refused = err.Error(); close(a.settled) }
func (a *answer) Complete(result any, err error) {
	a.failed = err
	if reply, ok := result.(workflows.Reply); ok {
		a.reply = reply
	}
	close(a.settled)
}

// newOffboarding prepares a run over an account; change the account and the policy before it is started.
func newOffboarding(t *testing.T) *offboarding {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	o := &offboarding{t: t, env: suite.NewTestWorkflowEnvironment(), account: newAccount(), policy: offboard.DefaultPolicy(),
		pages: map[offboard.Phase]string{}, attempts: map[string]*attempts{}, ended: func(string) {}, begun: time.Now()}
	o.account.now = o.now
	o.policy.Replication = offboard.Duration(30 * time.Millisecond) // is waited for on the wall clock
	o.env.SetStartTime(start)
	o.env.SetTestTimeout(10 * time.Second)
	o.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: runID, TaskQueue: workflows.TaskQueue})
	o.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor(0), &server{o: o}}})
	o.env.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, _ converter.EncodedValue, _ error) {
		o.ended(info.WorkflowExecution.ID)
		if info.WorkflowType.Name == workflows.Claim {
			o.account.change(func() { o.account.note("let the person go") })
		}
	})
	workflows.Register(o.env)
	return o
}

// now is the run's clock; while an activity waits on the wall clock, that time counts too.
func (o *offboarding) now() time.Time { return o.env.Now().UTC().Add(time.Since(o.begun)) }

// input is a correct input with a few fields changed; a nil value leaves a field out.
func input(changes ...any) map[string]any {
	m := map[string]any{"user": leaverEmail, "soak": "2h", "requestedBy": requester, "ticket": "HR-1234"}
	for i := 0; i < len(changes); i += 2 {
		m[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(m, changes[i].(string))
		}
	}
	return m
}

// run carries the run out and returns its report. It holds what every run must hold: it ends with a report, the report
// is kept, and nothing was broken.
func (o *offboarding) run(in map[string]any) offboard.Report {
	o.t.Helper()
	o.execute(in)
	require.NoError(o.t, o.env.GetWorkflowError())
	var report offboard.Report
	require.NoError(o.t, o.env.GetWorkflowResult(&report))
	require.NotEqual(o.t, offboard.Running, report.Status)
	require.NotEmpty(o.t, report.Message)
	require.Empty(o.t, report.Progress.Holds, "no hold may be left open")
	o.keptItsPromises(report)
	for _, r := range o.rules {
		require.True(o.t, r.done || r.maybe, "a person of this test never saw what they waited for")
	}
	return report
}

// keptItsPromises checks the order of the ledger: no key of the leaver is disabled before everything runs on new keys, none
// deleted before its soak, the user is removed last, and no scope gets two keys.
func (o *offboarding) keptItsPromises(report offboard.Report) {
	o.t.Helper()
	a := o.account
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Empty(o.t, a.outages, "outages by the engine")
	disabledAt, resets := map[string]time.Time{}, map[string]int{}
	removed := false
	for _, e := range a.ledger {
		verb, target, _ := strings.Cut(e.what, " ")
		switch {
		case verb == "reset":
			resets[target]++
			fallthrough
		case verb == "refresh" || verb == "restart":
			require.Empty(o.t, disabledAt, "%s came while a key was disabled", e.what)
		case verb == "disable":
			disabledAt[target] = e.at
		case verb == "enable":
			delete(disabledAt, target)
		case verb == "delete" && strings.HasPrefix(target, "ApiKey"):
			require.False(o.t, removed, "%s came after the user was removed", e.what)
			if at, ours := disabledAt[target]; ours {
				require.GreaterOrEqual(o.t, e.at.Sub(at), report.Progress.Plan.Soak.Std(), "%s came before its soak was over", e.what)
			}
		case e.what == "remove "+leaverEmail:
			removed = true
			for _, k := range report.Progress.Keys {
				require.Equal(o.t, offboard.KeyDeleted, k.State, "the user was removed before key %s was deleted", k.ID)
			}
		}
	}
	for scope, n := range resets {
		require.Equal(o.t, 1, n, "resets of %s", scope)
	}
	name := fmt.Sprintf("offboard-0123456789abcdef-%s", report.Progress.RunID)
	require.Equal(o.t, report.Status, a.shelf[name].Status, "the report was not kept")
}

// execute runs the workflow by its public name with JSON as its input.
func (o *offboarding) execute(args ...any) {
	o.t.Helper()
	raw := make([]any, len(args))
	for i, a := range args {
		data, err := json.Marshal(a)
		require.NoError(o.t, err)
		raw[i] = json.RawMessage(data)
	}
	o.start(workflows.Offboard, raw...)
}

// start runs any workflow on the account.
func (o *offboarding) start(workflowType string, args ...any) {
	o.t.Helper()
	o.workflowType = workflowType
	activities.Register(o.env, activities.New(o.account.ports(o.policy)))
	o.env.ExecuteWorkflow(workflowType, args...)
	require.True(o.t, o.env.IsWorkflowCompleted())
}

// refused carries out a run that must fail with the given type before it changes anything, and returns the message.
func (o *offboarding) refused(failure string, args ...any) string {
	o.t.Helper()
	o.execute(args...)
	err := o.env.GetWorkflowError()
	var app *temporal.ApplicationError
	require.ErrorAs(o.t, err, &app)
	require.Equal(o.t, failure, app.Type())
	require.True(o.t, app.NonRetryable())
	require.Empty(o.t, o.account.changes("reset", "disable", "delete", "remove", "invite", "make", "grant", "add"))
	return app.Message()
}

// status asks the run how it stands. In the main loop only.
func (o *offboarding) status() offboard.Progress {
	o.t.Helper()
	value, err := o.env.QueryWorkflow(workflows.StatusQuery)
	require.NoError(o.t, err)
	var p offboard.Progress
	require.NoError(o.t, value.Get(&p))
	return p
}

// page is what the Web UI shows for a run. In the main loop only.
func (o *offboarding) page(workflowID string) string {
	o.t.Helper()
	value, err := o.env.QueryWorkflowByID(workflowID, "__temporal_workflow_metadata")
	require.NoError(o.t, err)
	var meta sdkpb.WorkflowMetadata
	require.NoError(o.t, value.Get(&meta))
	return meta.GetCurrentDetails()
}

// when lets somebody act once, as soon as the run is seen in a state. Rules act one at a time, in their order.
func (o *offboarding) when(seen func(offboard.Progress) bool, do func(offboard.Progress)) {
	o.rules = append(o.rules, &rule{when: seen, do: do})
}

// soon has the people look at the run after a moment.
func (o *offboarding) soon(after time.Duration) { o.env.RegisterDelayedCallback(o.look, after) }

func (o *offboarding) look() {
	if o.looks++; o.looks > 20_000 || o.env.IsWorkflowCompleted() {
		return
	}
	if o.workflowType != workflows.Offboard && o.workflowType != workflows.Move && o.workflowType != workflows.Prune {
		return
	}
	p := o.status()
	o.pages[p.Phase] = o.page(runID)
	i := slices.IndexFunc(o.rules, func(r *rule) bool { return !r.done })
	if i < 0 {
		return
	}
	for _, r := range o.rules[i:] {
		if !r.done && r.when(p) {
			r.done = true
			r.do(p)
			o.soon(time.Second)
			return
		}
	}
	if p.NeedsPerson() {
		o.soon(10 * time.Minute)
	}
}

// States that people wait for.

func asksForApproval(p offboard.Progress) bool {
	return p.Phase == offboard.PhaseApprove && p.Approval == nil && len(p.Holds) == 0
}

func holds(subject string) func(offboard.Progress) bool {
	return func(p offboard.Progress) bool {
		return slices.ContainsFunc(p.Holds, func(h offboard.Hold) bool { return h.Subject == subject })
	}
}

func in(phase offboard.Phase) func(offboard.Progress) bool {
	return func(p offboard.Progress) bool { return p.Phase == phase }
}

// hold is the open hold of a subject.
func hold(t *testing.T, p offboard.Progress, subject string) offboard.Hold {
	t.Helper()
	h, err := p.OpenHold(subject)
	require.NoError(t, err)
	return h
}

// send sends an update. In the main loop only; the answer is complete when the run goes on.
func (o *offboarding) send(name string, message any) *answer {
	a := &answer{settled: make(chan struct{})}
	o.env.UpdateWorkflow(name, "", a, message)
	return a
}

// approves lets the approver say yes when they are asked, with the safest answer to every question.
func (o *offboarding) approves() {
	o.when(asksForApproval, func(p offboard.Progress) { o.send(workflows.ApproveUpdate, yes(p)) })
}

// approvesIfAsked is approves where the run may turn round before it asks.
func (o *offboarding) approvesIfAsked() {
	o.approves()
	o.rules[len(o.rules)-1].maybe = true
}

// yes is a complete approval of the plan that is shown. Questions are answered with retire or accept.
func yes(p offboard.Progress) workflows.Approve {
	m := workflows.Approve{By: approver, Digest: p.Plan.Digest, Answers: map[string]string{}}
	for _, f := range p.Plan.Findings {
		if f.Severity == offboard.Decision {
			m.Answers[f.ID] = f.Options[0]
		}
	}
	return m
}

// resolves lets a person answer a hold when it is open.
func (o *offboarding) resolves(subject, action string, before ...func()) {
	o.when(holds(subject), func(offboard.Progress) {
		for _, f := range before {
			f()
		}
		o.send(workflows.ResolveUpdate, workflows.Resolve{Scope: subject, Action: action, By: person, Note: "looked at it"})
	})
}

// reinstates is the message that turns a run round.
func (o *offboarding) reinstates() *answer {
	return o.send(workflows.ReinstateUpdate, workflows.Reinstate{By: person, Note: "They stay."})
}

// meanwhile runs something in the main loop while an activity waits for it to be done.
func (o *offboarding) meanwhile(f func()) {
	done := make(chan struct{})
	o.env.RegisterDelayedCallback(func() { f(); close(done) }, 0)
	o.await(done)
}

// sendMeanwhile sends an update while an activity waits until it was answered.
func (o *offboarding) sendMeanwhile(name string, message any) *answer {
	var a *answer
	o.meanwhile(func() { a = o.send(name, message) })
	o.await(a.settled)
	return a
}

// cancelMeanwhile cancels the run while an activity waits until the run has noticed.
func (o *offboarding) cancelMeanwhile() {
	o.meanwhile(o.env.CancelWorkflow)
	o.meanwhile(func() {})
}

func (o *offboarding) await(done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		o.t.Error("the run did not take notice")
	}
}

// server makes the test environment act as a Temporal server does where it differs: retries end by their time and not
// after ten attempts, an activity knows when it was scheduled, and a cancelled activity is waited for, tried no more, not
// tried at all where it had not begun.
type server struct {
	interceptor.WorkerInterceptorBase
	o *offboarding
}

// attempts is how an activity stands.
type attempts struct {
	scheduled time.Time
	between   bool // an attempt failed and the next has not begun
	cancelled bool
	dead      bool
}

func (o *offboarding) activity(id string) *attempts {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.attempts[id] == nil {
		o.attempts[id] = &attempts{scheduled: o.now()}
	}
	return o.attempts[id]
}

func (s *server) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &workflowIn{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, o: s.o}
}

type workflowIn struct {
	interceptor.WorkflowInboundInterceptorBase
	o *offboarding
}

func (w *workflowIn) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&workflowOut{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: out}, o: w.o})
}

type workflowOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	o *offboarding
	n int
}

func (w *workflowOut) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	retry := *options.RetryPolicy
	if retry.MaximumAttempts == 0 {
		retry.MaximumAttempts = 1 << 20
	}
	w.n++
	options.RetryPolicy, options.ActivityID = &retry, fmt.Sprintf("%s/%d", workflow.GetInfo(ctx).WorkflowExecution.RunID, w.n)
	require.True(w.o.t, options.WaitForCancellation, "%s must be waited for", name)
	require.NotEmpty(w.o.t, options.Summary, "%s has no summary", name)
	if ctx.Err() != nil {
		future, settable := workflow.NewFuture(ctx)
		settable.SetError(ctx.Err())
		return future
	}
	state := w.o.activity(options.ActivityID)
	free, cancel := workflow.NewDisconnectedContext(ctx)
	future := w.Next.ExecuteActivity(workflow.WithActivityOptions(free, options), name, args...)
	workflow.Go(ctx, func(ctx workflow.Context) {
		waiting, _ := workflow.NewDisconnectedContext(ctx)
		workflow.NewSelector(waiting).AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {
			w.o.mu.Lock()
			defer w.o.mu.Unlock()
			if state.cancelled = true; state.between {
				state.dead = true
				cancel()
			}
		}).AddFuture(future, func(workflow.Future) {}).Select(waiting)
	})
	return future
}

func (w *workflowOut) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	return childFuture{w.Next.ExecuteChildWorkflow(ctx, name, args...)}
}

// childFuture says as a server does that its workflow ID is taken.
type childFuture struct{ workflow.ChildWorkflowFuture }

func (c childFuture) GetChildWorkflowExecution() workflow.Future {
	return begun{c.ChildWorkflowFuture.GetChildWorkflowExecution()}
}

type begun struct{ workflow.Future }

func (b begun) Get(ctx workflow.Context, value any) error {
	err := b.Future.Get(ctx, value)
	if _, taken := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); taken {
		return &temporal.ChildWorkflowExecutionAlreadyStartedError{}
	}
	return err
}

// GetInfo tells the ID of the first run, which the test environment leaves empty.
func (w *workflowOut) GetInfo(ctx workflow.Context) *workflow.Info {
	info := *w.Next.GetInfo(ctx)
	info.OriginalRunID = info.WorkflowExecution.RunID
	return &info
}

func (w *workflowOut) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	err := w.Next.UpsertTypedSearchAttributes(ctx, updates...)
	have := workflow.GetTypedSearchAttributes(ctx)
	if phase, _ := have.GetKeyword(workflows.PhaseAttribute); phase != "" {
		w.o.phases = append(w.o.phases, offboard.Phase(phase))
		w.o.pages[offboard.Phase(phase)] = workflow.GetCurrentDetails(ctx)
	}
	if needed, set := have.GetBool(workflows.NeedsPersonAttribute); set {
		w.o.needed = append(w.o.needed, needed)
	}
	if day, set := have.GetTime(workflows.LastDayAttribute); set {
		w.o.days = append(w.o.days, day)
	}
	w.o.soon(time.Second)
	return err
}

func (s *server) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activityIn{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, o: s.o}
}

type activityIn struct {
	interceptor.ActivityInboundInterceptorBase
	o *offboarding
}

func (a *activityIn) Init(out interceptor.ActivityOutboundInterceptor) error {
	return a.Next.Init(&activityOut{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: out}, o: a.o})
}

func (a *activityIn) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	state := a.o.activity(activity.GetInfo(ctx).ActivityID)
	a.o.mu.Lock()
	state.between = false
	dead := state.dead
	a.o.mu.Unlock()
	if dead {
		return nil, temporal.NewNonRetryableApplicationError("not tried again", "Cancelled", nil)
	}
	result, err := a.Next.ExecuteActivity(ctx, in)
	a.o.mu.Lock()
	defer a.o.mu.Unlock()
	state.between = err != nil
	if err != nil && state.cancelled {
		return nil, temporal.NewNonRetryableApplicationError("failed and not tried again", string(offboard.CodeOf(err)), nil)
	}
	return result, err
}

type activityOut struct {
	interceptor.ActivityOutboundInterceptorBase
	o *offboarding
}

func (a *activityOut) GetInfo(ctx context.Context) activity.Info {
	info := a.Next.GetInfo(ctx)
	info.ScheduledTime, info.StartedTime = a.o.activity(info.ActivityID).scheduled, a.o.account.now()
	return info
}

// text joins what a person would read.
func text(lines []string) string { return strings.Join(lines, "\n") }
