package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/app"
	"offboard/internal/ibmsim"
)

// The crowd of P6, and how long its rate and that of empty activities are measured.
const (
	crowd       = 200
	crowdScopes = 2
	crowdTime   = 40 * time.Second
	planTime    = 2 * time.Minute // after the rate was measured
	emptyTime   = 15 * time.Second
	warmUp      = 5 * time.Second
)

// throughput is P6: activities a second while two hundred people are offboarded at once, against the same server's rate of
// activities that do nothing. The simulated account answers at once, so that only machines are waited for; it shares them
// with the server and the worker, which is counted against us. The row is
// the last: its runs stay open.
func throughput(ctx context.Context, b *bench) (err error) {
	empty, err := b.emptyRate(ctx, "empty", false)
	if err != nil {
		return fmt.Errorf("measure empty activities: %w", err)
	}
	alike, err := b.emptyRate(ctx, "empty-alike", true)
	if err != nil {
		return fmt.Errorf("measure empty activities with the options of ours: %w", err)
	}
	if err := sleep(ctx, emptySilence); err != nil { // until the last of their heartbeats is no longer due
		return err
	}
	s := shape{Regions: len(regions), Scopes: crowdScopes, Clusters: crowd * crowdScopes, Leavers: crowd, FunctionalIDs: 1, Knobs: ibmsim.Knobs{
		TokenLife: ibmsim.Duration(10 * time.Minute), TimePrecision: ibmsim.Duration(time.Second), KeyLimit: 2 * crowd * crowdScopes,
	}}
	r, err := newRig(ctx, b.server, s, settings{worker: map[string]any{"drain": "1s"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	o := &observer{quiet: true, everybody: make(chan time.Time, 1)}
	stop, err := r.workObserved(o)
	if err != nil {
		return err
	}
	defer stop()
	begun := time.Now()
	var starting sync.WaitGroup
	errs := make([]error, crowd)
	for i := range crowd {
		starting.Go(func() {
			_, errs[i] = r.runs.Start(ctx, r.request(s.leaver(i)))
		})
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	rate, err := rateOf(ctx, o, crowdTime)
	if err != nil {
		return err
	}
	b.add(figure{Row: "P6", What: "activities a second, 200 people at once / empty ones", Value: rate / empty, Limit: 0.8, Sense: atLeast,
		Note: fmt.Sprintf("%.0f and %.0f a second; requests answered meanwhile: %d", rate, empty, r.counted())})
	b.add(figure{Row: "P6", What: "200 people at once / empty ones with a heartbeat and a fair place", Value: rate / alike,
		Note: fmt.Sprintf("%.0f a second", alike)})
	select {
	case last := <-o.everybody:
		b.add(figure{Row: "P6", What: "until each of the 200 has a plan", Value: last.Sub(begun).Seconds(), Unit: "s"})
	case <-time.After(planTime):
		return fmt.Errorf("only %d of %d people have a plan after %s", o.planned.Load(), crowd, time.Since(begun).Round(time.Second))
	}
	return nil
}

// rateOf is how many attempts end in a second, after the warm-up.
func rateOf(ctx context.Context, o *observer, during time.Duration) (float64, error) {
	if err := sleep(ctx, warmUp); err != nil {
		return 0, err
	}
	before, begun := o.attempts.Load(), time.Now()
	if err := sleep(ctx, during); err != nil {
		return 0, err
	}
	return float64(o.attempts.Load()-before) / time.Since(begun).Seconds(), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// The workflow of empty activities runs as many of them one after another as an offboarding's steps follow each other.
const (
	emptySteps   = 10_000           // more than there is time for
	emptySilence = 10 * time.Second // as long as a step of ours may be without a heartbeat
)

func emptyActivity(context.Context) error { return nil }

// With alike, its activities have the options that the engine's steps have: that they beat, so that the death of a worker is noticed,
// and take turns with those of other runs.
func emptyWorkflow(ctx workflow.Context, alike bool) error {
	options := workflow.ActivityOptions{StartToCloseTimeout: time.Minute}
	if alike {
		options.ScheduleToCloseTimeout, options.HeartbeatTimeout, options.Summary = time.Hour, emptySilence, "Do nothing"
		options.Priority = temporal.Priority{PriorityKey: 3, FairnessKey: workflow.GetInfo(ctx).OriginalRunID}
	}
	ctx = workflow.WithActivityOptions(ctx, options)
	for range emptySteps {
		if err := workflow.ExecuteActivity(ctx, emptyActivity).Get(ctx, nil); err != nil {
			return err
		}
		if workflow.GetInfo(ctx).GetCurrentHistoryLength() > 4000 {
			return workflow.NewContinueAsNewError(ctx, emptyWorkflow, alike)
		}
	}
	return nil
}

// emptyRate is how many activities that do nothing the server gets done in a second, in as many runs as there are people.
func (b *bench) emptyRate(ctx context.Context, queue string, alike bool) (rate float64, err error) {
	c, err := client.DialContext(ctx, client.Options{HostPort: b.server.Address(), Namespace: b.server.Namespace(), Logger: silent,
		ConnectionOptions: client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}}}) // as the engine, without TLS
	if err != nil {
		return 0, fmt.Errorf("connect to Temporal: %w", err)
	}
	defer c.Close()
	o := &observer{quiet: true}
	w := sdkworker.New(c, queue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: app.DefaultWorker().MaxConcurrentActivities, Interceptors: o.alone(),
		WorkflowTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
	})
	w.RegisterWorkflow(emptyWorkflow)
	w.RegisterActivity(emptyActivity)
	if err := w.Start(); err != nil {
		return 0, fmt.Errorf("start the worker: %w", err)
	}
	defer w.Stop()
	for i := range crowd {
		id := fmt.Sprintf("%s-%d", queue, i)
		if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, emptyWorkflow, alike); err != nil {
			return 0, fmt.Errorf("start a run of empty activities: %w", err)
		}
		defer func() { err = errors.Join(err, c.TerminateWorkflow(ctx, id, "", "measured")) }() // nor is it there while others are
	}
	return rateOf(ctx, o, emptyTime)
}
