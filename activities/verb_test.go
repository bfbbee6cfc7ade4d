package activities_test

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"offboard/activities"
	"offboard/internal/offboard"
)

var (
	noon  = time.Date(2026, 9, 14, 12, 0, 0, 0, time.UTC)
	scope = offboard.Scope{Region: "eu-de", ResourceGroup: "5b0ff5b0ff5b0ff5b0ff5b0ff5b0ff51", ResourceGroupName: "shop"}
	prod  = offboard.ClusterRef{ID: "id-prod", Name: "prod"}
	stage = offboard.ClusterRef{ID: "id-stage", Name: "stage"}
	block = offboard.Dependent{Namespace: "kube-system", Kind: "Deployment", Workload: "block"}
)

const functional = "clusters-1@acme.example"

// cloud is the little of an account that one verb needs. Answers are given by verb and object; calls are noted.
type cloud struct {
	mu       sync.Mutex
	calls    []string
	fail     map[string]error // by "Verb" or "Verb object"
	people   []offboard.Person
	keys     map[string]offboard.Key
	masters  map[string]offboard.Master
	states   map[string]string // of clusters
	secrets  map[string]string
	pulls    map[string][]string // secrets with somebody's own key, by cluster
	owners   map[string]string
	addons   []offboard.Addon
	rollouts map[string]offboard.Rollout
	since    time.Time // the oldest pod of every cluster
	sees     []string
	me       offboard.Identity
	indexed  []offboard.ClusterRef
	used     bool // another run uses the group
	found    bool // groups, policies and members are there already
	told     []offboard.Notice
	deaf     bool // no channel for notices is configured
	running  int
	most     int
	slow     time.Duration
	onCall   func(call string)
	now      time.Time
}

func newCloud() *cloud {
	return &cloud{fail: map[string]error{}, keys: map[string]offboard.Key{}, masters: map[string]offboard.Master{prod.ID: {State: "deployed", Health: "normal", Modified: noon.Add(-time.Hour)}},
		states: map[string]string{}, secrets: map[string]string{prod.ID: "7"}, owners: map[string]string{}, rollouts: map[string]offboard.Rollout{}, now: noon,
		me: offboard.Identity{IAMID: "IBMid-1", Account: "acc"}}
}

// call notes a call and tells what it fails with.
func (c *cloud) call(verb, object string) error {
	c.mu.Lock()
	name := strings.TrimSpace(verb + " " + object)
	c.calls = append(c.calls, name)
	c.running++
	c.most = max(c.most, c.running)
	err := cmp.Or(c.fail[name], c.fail[verb])
	hook := c.onCall
	c.mu.Unlock()
	if hook != nil {
		hook(name)
	}
	time.Sleep(c.slow)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	return err
}

func (c *cloud) called(verb string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, call := range c.calls {
		if call == verb || strings.HasPrefix(call, verb+" ") {
			n++
		}
	}
	return n
}

func refused(code offboard.Code) error { return offboard.Errorf(code, "ask", "no") }

func (c *cloud) activities() *activities.Activities {
	var notifier activities.Notifier = c
	if c.deaf {
		notifier = nil
	}
	return activities.New(activities.Ports{Notifier: notifier, Users: users{c}, Keys: keys{c}, Access: access{c}, Clusters: clusters{c}, Successors: successors{c},
		Workloads: workloads{c}, Runs: runs{c}, Shelf: shelf{c}, Policy: offboard.DefaultPolicy(), Now: func() time.Time { return c.now }})
}

func (c *cloud) Notify(_ context.Context, n offboard.Notice) error {
	c.told = append(c.told, n)
	return c.call("Notify", n.ID)
}

type users struct{ *cloud }

func (u users) WhoAmI(context.Context) (offboard.Identity, error) { return u.me, u.call("WhoAmI", "") }
func (u users) Account(context.Context) (offboard.Account, error) {
	return offboard.Account{ID: "acc"}, u.call("Account", "")
}
func (u users) People(context.Context) ([]offboard.Person, error) {
	return u.people, u.call("People", "")
}
func (u users) Person(_ context.Context, id string) (offboard.Person, error) {
	if err := u.call("Person", id); err != nil {
		return offboard.Person{}, err
	}
	for _, p := range u.people {
		if p.IAMID == id {
			return p, nil
		}
	}
	return offboard.Person{}, refused(offboard.NotFound)
}
func (u users) Invite(_ context.Context, email string) (offboard.Person, error) {
	return offboard.Person{Email: email, State: "PENDING"}, u.call("Invite", email)
}
func (u users) Remove(_ context.Context, id string) error { return u.call("Remove", id) }

type keys struct{ *cloud }

func (k keys) UserKeys(context.Context) ([]offboard.Key, error) {
	return slices.SortedFunc(maps.Values(k.cloud.keys), func(x, y offboard.Key) int { return cmp.Compare(x.ID, y.ID) }), k.call("UserKeys", "")
}
func (k keys) Key(_ context.Context, id string) (offboard.Key, error) {
	if err := k.call("Key", id); err != nil {
		return offboard.Key{}, err
	}
	have, ok := k.cloud.keys[id]
	if !ok {
		return have, refused(offboard.NotFound)
	}
	return have, nil
}
func (k keys) Room(context.Context, []string) (int, map[string]int, error) {
	return 0, map[string]int{"IBMid-3": 4}, k.call("Room", "")
}

// change is a change of a key that may be gone.
func (k keys) change(verb, id string) error {
	if err := k.call(verb, id); err != nil {
		return err
	}
	if _, ok := k.cloud.keys[id]; !ok {
		return refused(offboard.NotFound)
	}
	return nil
}
func (k keys) Unlock(_ context.Context, id string) error  { return k.change("Unlock", id) }
func (k keys) Lock(_ context.Context, id string) error    { return k.change("Lock", id) }
func (k keys) Disable(_ context.Context, id string) error { return k.change("Disable", id) }
func (k keys) Enable(_ context.Context, id string) error  { return k.change("Enable", id) }
func (k keys) Delete(_ context.Context, id string) error  { return k.change("Delete", id) }

type access struct{ *cloud }

func (a access) EnsureGroup(_ context.Context, name, _, run string, making func()) (string, bool, error) {
	created, err := a.make("EnsureGroup", name, making)
	return "group", created, err
}
func (a access) Grant(_ context.Context, group string, g offboard.Grant, making func()) (string, bool, error) {
	created, err := a.make("Grant", g.Name, making)
	return "policy", created, err
}
func (a access) AddMember(_ context.Context, group, id string, making func()) (bool, error) {
	return a.make("AddMember", id, making)
}
func (a access) CloseGroup(_ context.Context, group, run string) (bool, error) {
	return a.used, a.call("CloseGroup", run)
}
func (a access) LeaveGroup(_ context.Context, group, run string) error {
	return a.call("LeaveGroup", run)
}
func (a access) make(verb, object string, making func()) (created bool, err error) {
	if a.found {
		return false, a.call(verb, object)
	}
	making()
	err = a.call(verb, object)
	return err == nil, err
}
func (a access) RemoveMember(_ context.Context, group, id string) error {
	return a.call("RemoveMember", id)
}
func (a access) Revoke(_ context.Context, id string) error      { return a.call("Revoke", id) }
func (a access) DeleteGroup(_ context.Context, id string) error { return a.call("DeleteGroup", id) }
func (a access) TrustedProfiles(context.Context, string) ([]string, error) {
	return []string{"nightly"}, a.call("TrustedProfiles", "")
}

type clusters struct{ *cloud }

func (c clusters) ResourceGroups(context.Context) ([]offboard.ResourceGroup, error) {
	return []offboard.ResourceGroup{{ID: scope.ResourceGroup, Name: "shop"}}, c.call("ResourceGroups", "")
}
func (c clusters) Clusters(context.Context) ([]offboard.Cluster, error) {
	return []offboard.Cluster{{ID: prod.ID, Name: prod.Name}}, c.call("Clusters", "")
}
func (c clusters) Indexed(context.Context) ([]offboard.ClusterRef, error) {
	return c.indexed, c.call("Indexed", "")
}
func (c clusters) KeyOwner(_ context.Context, id string, _ offboard.Scope) (offboard.Owner, error) {
	return offboard.Owner{Email: c.owners[id]}, c.call("KeyOwner", id)
}
func (c clusters) Cluster(_ context.Context, id string) (offboard.Cluster, offboard.Master, error) {
	if err := c.call("Cluster", id); err != nil {
		return offboard.Cluster{}, offboard.Master{}, err
	}
	m, ok := c.masters[id]
	if !ok {
		return offboard.Cluster{}, m, refused(offboard.NotFound)
	}
	return offboard.Cluster{ID: id, State: c.states[id]}, m, nil
}
func (c clusters) Addons(_ context.Context, id string) ([]offboard.Addon, error) {
	return c.addons, c.call("Addons", id)
}
func (c clusters) ClassicUser(context.Context, offboard.Scope) (string, error) {
	return "1234567_ops@acme.example", c.call("ClassicUser", "")
}
func (c clusters) RefreshMaster(_ context.Context, id string, _ offboard.Scope) error {
	return c.call("RefreshMaster", id)
}
func (c clusters) SyncAccess(_ context.Context, id string) error { return c.call("SyncAccess", id) }
func (c clusters) Synced(_ context.Context, id string) (bool, error) {
	return c.states[id] == "synced", c.call("Synced", id)
}

type successors struct{ *cloud }

func (s successors) Emails() []string { return []string{functional} }
func (s successors) Prove(_ context.Context, email string) (offboard.Identity, error) {
	return s.me, s.call("Prove", email)
}
func (s successors) Sees(context.Context, string, offboard.Scope) ([]string, error) {
	return s.sees, s.call("Sees", "")
}
func (s successors) Keys(_ context.Context, email string) ([]offboard.Key, error) {
	err := s.call("Keys", email)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.cloud.keys)), err
}
func (s successors) Reset(_ context.Context, email string, in offboard.Scope) error {
	return s.call("Reset", email)
}

type workloads struct{ *cloud }

func (w workloads) Inspect(_ context.Context, id string, rules []offboard.DependentRule, _ string) (offboard.Inspection, error) {
	found := offboard.Inspection{PullSecrets: w.pulls[id]}
	if len(rules) > 0 {
		found.Dependents = []offboard.Dependent{block}
	}
	return found, w.call("Inspect", id)
}
func (w workloads) Since(_ context.Context, id string, _ []offboard.Dependent) (time.Time, error) {
	return w.since, w.call("Since", id)
}
func (w workloads) SecretVersion(_ context.Context, id string) (string, error) {
	return w.secrets[id], w.call("SecretVersion", id)
}
func (w workloads) Pods(_ context.Context, _ string, d offboard.Dependent) ([]string, error) {
	if err := w.call("Pods", d.Workload); err != nil {
		return nil, err
	}
	return []string{"old-of-" + d.Workload}, nil
}
func (w workloads) Restart(_ context.Context, _ string, d offboard.Dependent, mark string) error {
	return w.call("Restart", d.Workload)
}
func (w workloads) Replace(_ context.Context, _ string, d offboard.Dependent, old []string) error {
	return w.call("Replace", d.Workload)
}
func (w workloads) Rollout(_ context.Context, _ string, d offboard.Dependent, old []string, mark string) (offboard.Rollout, error) {
	return w.rollouts[d.Workload], w.call("Rollout", d.Workload)
}
func (w workloads) RemoveSubject(_ context.Context, id string, b offboard.Binding) error {
	return w.call("RemoveSubject", id+" "+b.Name)
}

type runs struct{ *cloud }

func (r runs) Holder(_ context.Context, claim string) (string, error) {
	return "run-of-hr", r.call("Holder", claim)
}

type shelf struct{ *cloud }

func (s shelf) Keep(_ context.Context, name string, _ offboard.Report) (string, error) {
	return "file:" + name, s.call("Keep", name)
}

// try is one attempt of an activity.
type try struct {
	attempt   int32         // zero is the first
	scheduled time.Time     // of the first attempt; zero is noon
	waited    time.Duration // from then to the start of this one
	linger    time.Duration // how long an attempt looks again by itself
	heartbeat time.Duration
	details   any               // what the attempt before left
	ctx       context.Context   // of the worker
	left      *[]byte           // what this attempt leaves
	found     offboard.Receipt  // of the attempt before, if it noted one
	leaves    *offboard.Receipt // of this attempt
}

// do runs one attempt with the interceptor in place.
func do[In, Out any](t *testing.T, how try, verb func(context.Context, In) (Out, error), a *activities.Activities, in In) (Out, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&server{how: how}, activities.Interceptor(how.linger)}, BackgroundActivityContext: how.ctx})
	activities.Register(env, a)
	if how.details != nil {
		env.SetHeartbeatDetails(how.details)
	}
	if how.left != nil {
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
			var raw map[string]any
			if details.HasValues() && details.Get(&raw) == nil {
				p, err := converter.GetDefaultDataConverter().ToPayload(raw)
				require.NoError(t, err)
				*how.left = p.GetData()
			}
		})
	}
	var out Out
	value, err := env.ExecuteActivity(verb, in)
	if err != nil {
		return out, err
	}
	require.NoError(t, value.Get(&out))
	return out, nil
}

// server tells an activity which attempt it is and when the first was scheduled.
type server struct {
	interceptor.WorkerInterceptorBase
	how try
}

func (s *server) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &inbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, how: s.how}
}

type inbound struct {
	interceptor.ActivityInboundInterceptorBase
	how try
}

func (i *inbound) Init(out interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(&outbound{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: out}, how: i.how})
}

type outbound struct {
	interceptor.ActivityOutboundInterceptorBase
	how try
}

// HasHeartbeatDetails, GetHeartbeatDetails and RecordHeartbeat pass a receipt from one attempt to the next, for which the
// test environment has no room.
func (o *outbound) HasHeartbeatDetails(ctx context.Context) bool {
	return o.how.found != (offboard.Receipt{}) || o.Next.HasHeartbeatDetails(ctx)
}

func (o *outbound) GetHeartbeatDetails(ctx context.Context, d ...any) error {
	if o.how.found == (offboard.Receipt{}) {
		return o.Next.GetHeartbeatDetails(ctx, d...)
	}
	if len(d) > 1 {
		*d[1].(*offboard.Receipt) = o.how.found
	}
	return nil
}

func (o *outbound) RecordHeartbeat(ctx context.Context, details ...any) {
	if o.how.leaves != nil && len(details) > 1 {
		*o.how.leaves = details[1].(offboard.Receipt)
	}
	o.Next.RecordHeartbeat(ctx, details...)
}

func (o *outbound) GetInfo(ctx context.Context) activity.Info {
	info := o.Next.GetInfo(ctx)
	info.Attempt = max(o.how.attempt, 1)
	info.ScheduledTime = noon
	if !o.how.scheduled.IsZero() {
		info.ScheduledTime = o.how.scheduled
	}
	info.StartedTime = info.ScheduledTime.Add(o.how.waited)
	info.HeartbeatTimeout = o.how.heartbeat
	return info
}

// code is the failure type of an activity's error, which is the domain's code; empty for none.
func code(t *testing.T, err error) offboard.Code {
	t.Helper()
	if err == nil {
		return ""
	}
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, !offboard.Code(app.Type()).Retryable(), app.NonRetryable())
	return offboard.Code(app.Type())
}
