package app

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"offboard/activities"
	"offboard/internal/ibmcloud"
	"offboard/internal/kubernetes"
	"offboard/internal/telemetry"
	"offboard/workflows"
)

// release is the version of a build that has no repository around it, as an image's: the linker sets it.
var release string

// Version is the version of this build, as the linker was told it or as Go's toolchain stamped it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, revision, dirty := cmp.Or(release, info.Main.Version), "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	if revision != "" {
		version += " (" + revision + dirty + ")"
	}
	return version + " " + info.GoVersion
}

// Worker runs the engine's workflows and activities.
type Worker struct {
	worker sdkworker.Worker
	logger *zap.Logger
	health *health
	probes *polling
	survey func(context.Context) // looks things up for the metrics
	failed chan error
	drain  time.Duration
	close  func() // the worker's own client
}

// NewWorker builds the adapters, the activities and the worker. Nothing is contacted before Run.
func NewWorker(c client.Client, config Config, logger *zap.Logger) (*Worker, error) {
	told, err := telemetryOf(c)
	if err != nil {
		return nil, err
	}
	ports, err := newPorts(c, config, logger, told)
	if err != nil {
		return nil, err
	}
	audits, err := newAuditPorts(c, config, logger, told)
	if err != nil {
		return nil, err
	}
	w := &Worker{logger: logger, failed: make(chan error, 1), drain: config.Worker.Drain.Std(), close: func() {}}
	if own, wrapped := c.(*Connection); wrapped { // the SDK's workers insist on the SDK's own type
		if c, w.close, err = own.forWorker(); err != nil {
			return nil, err
		}
	}
	w.probes = &polling{client: c}
	w.health = newHealth(config.Worker.Health, w.probes, told.Page())
	w.survey = func(ctx context.Context) { survey(ctx, told, c, ports, logger) }
	w.worker = sdkworker.New(c, workflows.TaskQueue, w.options(config))
	workflows.Register(w.worker)
	activities.Register(w.worker, activities.New(ports))
	activities.RegisterAuditor(w.worker, activities.NewAuditor(audits))
	return w, nil
}

func (w *Worker) options(config Config) sdkworker.Options {
	o := sdkworker.Options{
		Identity:                           identity(),
		MaxConcurrentActivityExecutionSize: config.Worker.MaxConcurrentActivities,
		// As many polls as there is work: two, the SDK's number, hold a hundred hand-overs up, and many keep an idle server busy.
		WorkflowTaskPollerBehavior:             sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior:             sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		MaxConcurrentWorkflowTaskExecutionSize: config.Worker.MaxConcurrentWorkflowTasks,
		// Calls under way may finish: a reset whose answer is lost costs a search for the key it may have made.
		WorkerStopTimeout: w.drain,
		// A worker that was killed must not keep its runs waiting for long; one that lives answers in milliseconds.
		StickyScheduleToStartTimeout: time.Second,
		// Beats go out as the activities make them, and not only when four fifths of their time have passed.
		MaxHeartbeatThrottleInterval: time.Second,
		// Every name is given explicitly; a second one from Go's function names would only hide a mistake.
		DisableRegistrationAliasing: true,
		Interceptors:                []interceptor.WorkerInterceptor{activities.Interceptor(activities.Linger)},
		OnFatalError: func(err error) {
			select {
			case w.failed <- err:
			default: // the first one ends the worker
			}
		},
	}
	if config.Deployment.Versioned() {
		o.DeploymentOptions = sdkworker.DeploymentOptions{
			UseVersioning: true,
			Version:       sdkworker.WorkerDeploymentVersion{DeploymentName: config.Deployment.Name, BuildID: config.Deployment.BuildID},
			// An offboarding waits for days; a build that had to live as long as its runs could never be replaced.
			DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
		}
	}
	return o
}

func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("offboard-worker-%d@%s", os.Getpid(), host)
}

// Run works until the context ends, then lets calls under way finish within the drain time. It returns nil after a
// drain and the error if the worker cannot go on.
func (w *Worker) Run(ctx context.Context) error {
	defer w.close()
	if err := w.health.start(); err != nil {
		return err
	}
	defer w.health.stop()
	if err := w.worker.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	w.probes.ready.Store(true)
	defer w.watch(ctx)()
	w.logger.Info("the worker has started", zap.String("taskQueue", workflows.TaskQueue), zap.String("version", Version()))
	var failure error
	select {
	case <-ctx.Done():
		w.logger.Info("the worker drains", zap.Duration("for", w.drain))
	case failure = <-w.failed:
		failure = fmt.Errorf("the worker cannot go on: %w", failure)
	}
	w.probes.ready.Store(false)
	w.worker.Stop()
	w.logger.Info("the worker has stopped")
	return failure
}

// watch looks things up for the metrics until the context ends, if anybody can read them.
func (w *Worker) watch(ctx context.Context) (stop func()) {
	if w.health.address == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() { w.survey(ctx) })
	return func() {
		cancel()
		looking.Wait()
	}
}

// NewCloud builds the adapter to IBM Cloud, which logs every call.
func NewCloud(config Config, logger *zap.Logger) (*ibmcloud.Cloud, error) {
	return newCloud(config, logCall(logger))
}

func newCloud(config Config, observe func(context.Context, ibmcloud.Call)) (*ibmcloud.Cloud, error) {
	cloud, err := ibmcloud.New(cloudConfig(config, observe))
	if err != nil {
		return nil, fmt.Errorf("make the IBM Cloud client: %w", err)
	}
	return cloud, nil
}

func cloudConfig(config Config, observe func(context.Context, ibmcloud.Call)) ibmcloud.Config {
	ids := make([]ibmcloud.FunctionalID, len(config.FunctionalIDs))
	for i, f := range config.FunctionalIDs {
		ids[i] = ibmcloud.FunctionalID{Email: f.Email, APIKey: f.Key.Read}
	}
	return ibmcloud.Config{
		Account:         config.Account,
		APIKey:          config.Key.Read,
		FunctionalIDs:   ids,
		Endpoints:       config.Endpoints,
		ContainersCalls: config.Worker.ContainersCalls,
		UserAgent:       userAgent,
		Observe:         observe,
	}
}

// userAgent is what IBM's and the clusters' access logs show.
const userAgent = "offboard/1"

// newPorts builds everything the activities need.
func newPorts(c client.Client, config Config, logger *zap.Logger, told *telemetry.Telemetry) (activities.Ports, error) {
	cloud, err := newCloud(config, observeCloud(told, logger))
	if err != nil {
		return activities.Ports{}, err
	}
	notifier, err := NewNotifier(config, logger)
	if err != nil {
		return activities.Ports{}, err
	}
	return activities.Ports{
		Users:      cloud.Users,
		Keys:       cloud.Keys,
		Access:     cloud.Access,
		Clusters:   cloud.Clusters,
		Successors: cloud.Successors,
		Workloads:  kubernetes.New(kubernetes.Config{Kubeconfig: cloud.Kubeconfig, UserAgent: userAgent, Observe: observeKubernetes(told, logger)}),
		Runs:       NewRuns(c, RunsConfig{Account: config.Account}),
		Shelf:      NewShelf(config.Reports, config.Signer),
		Notifier:   notifier,
		Policy:     config.Policy,
		Now:        time.Now,
	}, nil
}
