package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"offboard/activities"
	"offboard/internal/app"
	"offboard/internal/ibmcloud"
	"offboard/internal/kubernetes"
	"offboard/workflows"
)

// seen is one exchange of the engine, and for which execution of which activity it was made.
type seen struct {
	what     string // service and operation
	activity string // workflow run and activity ID
	verb     string
	look     int64     // how often the activity had been carried out before, in this attempt or in another
	at       time.Time // when it had ended
}

// observer notes every exchange and counts the attempts of activities.
type observer struct {
	interceptor.WorkerInterceptorBase
	quiet     bool // count attempts and keep nothing of exchanges
	attempts  atomic.Int64
	planned   atomic.Int64   // runs that went on from their plan
	everybody chan time.Time // if set, is sent when as many as in the crowd had

	mu   sync.Mutex
	list []seen
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (o *observer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &counting{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, observer: o}
}

// counting counts the attempts that have ended.
type counting struct {
	interceptor.ActivityInboundInterceptorBase
	observer *observer
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (c *counting) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	defer c.observer.attempts.Add(1)
	if activity.GetInfo(ctx).ActivityType.Name == "AwaitMember" { // the first step after the plan, once for the one functional ID
		defer c.observer.plan()
	}
	return c.Next.ExecuteActivity(ctx, in)
}

// plan counts a run that has its plan.
func (o *observer) plan() {
	if o.planned.Add(1) == crowd && o.everybody != nil {
		o.everybody <- time.Now()
	}
}

func (o *observer) note(ctx context.Context, what string) {
	if o.quiet {
		return
	}
	s := seen{what: what, at: time.Now()}
	if activity.IsActivity(ctx) {
		info := activity.GetInfo(ctx)
		s.activity, s.verb = activityOf(ctx), info.ActivityType.Name
		s.look, _ = ctx.Value(lookKey{}).(int64)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, s)
}

// workObserved runs the same activities over the same adapters as the worker program, which tell the observer of every
// exchange: the program's own log does not say for which attempt one was made.
func (r *rig) workObserved(o *observer) (stop func(), err error) {
	ids := make([]ibmcloud.FunctionalID, len(r.config.FunctionalIDs))
	for i, f := range r.config.FunctionalIDs {
		ids[i] = ibmcloud.FunctionalID{Email: f.Email, APIKey: f.Key.Read}
	}
	cloud, err := ibmcloud.New(ibmcloud.Config{
		Account: r.config.Account, APIKey: r.config.Key.Read, FunctionalIDs: ids, Endpoints: r.config.Endpoints,
		ContainersCalls: r.config.Worker.ContainersCalls,
		Observe:         func(ctx context.Context, c ibmcloud.Call) { o.note(ctx, c.Service+" "+c.Operation) },
	})
	if err != nil {
		return nil, err
	}
	clusters := kubernetes.New(kubernetes.Config{Kubeconfig: cloud.Kubeconfig, Observe: func(ctx context.Context, c kubernetes.Call) {
		o.note(ctx, "kubernetes "+c.Verb+" "+c.Resource)
	}})
	w := sdkworker.New(r.conn.Client, workflows.TaskQueue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: r.config.Worker.MaxConcurrentActivities, WorkerStopTimeout: r.config.Worker.Drain.Std(),
		WorkflowTaskPollerBehavior:  sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior:  sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		DisableRegistrationAliasing: true, Interceptors: []interceptor.WorkerInterceptor{o, activities.Interceptor(activities.Linger), &looks{count: map[string]int64{}}},
	})
	workflows.Register(w)
	activities.Register(w, activities.New(activities.Ports{
		Users: cloud.Users, Keys: cloud.Keys, Access: cloud.Access, Clusters: cloud.Clusters, Successors: cloud.Successors, Workloads: clusters,
		Runs: app.NewRuns(r.conn, app.RunsConfig{Account: r.config.Account}), Shelf: app.NewShelf(r.config.Reports, r.config.Signer), Policy: r.config.Policy,
	}))
	if err := w.Start(); err != nil {
		return nil, err
	}
	return w.Stop, nil
}

func activityOf(ctx context.Context) string {
	info := activity.GetInfo(ctx)
	return info.WorkflowExecution.RunID + "/" + info.ActivityID
}

// looks is the innermost interceptor: an attempt may carry its activity out several times, until what it waits for is
// there.
type looks struct {
	interceptor.WorkerInterceptorBase
	mu    sync.Mutex
	count map[string]int64 // by activity
}

type lookKey struct{}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (l *looks) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &looking{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, looks: l}
}

type looking struct {
	interceptor.ActivityInboundInterceptorBase
	looks *looks
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (l *looking) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	l.looks.mu.Lock()
	id := activityOf(ctx)
	n := l.looks.count[id]
	l.looks.count[id] = n + 1
	l.looks.mu.Unlock()
	return l.Next.ExecuteActivity(context.WithValue(ctx, lookKey{}, n), in)
}

// alone is for a worker that has no other interceptors.
func (o *observer) alone() []interceptor.WorkerInterceptor { return []interceptor.WorkerInterceptor{o} }

// silent swallows the log of Temporal's SDK.
var silent = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))

// split tells the exchanges of executions that were not the last of their activity, which are looks at an effect that had not
// come yet in a run in which nothing fails, from all others.
func (o *observer) split() (made, polls []seen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := map[string]int64{}
	for _, s := range o.list {
		last[s.activity] = max(last[s.activity], s.look)
	}
	for _, s := range o.list {
		if s.activity != "" && s.look < last[s.activity] {
			polls = append(polls, s)
		} else {
			made = append(made, s)
		}
	}
	return made, polls
}
