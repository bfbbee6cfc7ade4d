package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"offboard/activities"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// play runs the offboarding on the stage, with a worker of its own, and leaves nothing open behind.
func (r *rehearsing) play(ctx context.Context) (_ offboard.Report, err error) {
	config, err := r.onStage()
	if err != nil {
		return offboard.Report{}, err
	}
	stop, err := r.work(config)
	if err != nil {
		return offboard.Report{}, err
	}
	defer stop()
	options := workflows.StartOptions(config.Account, r.request())
	options.ID, options.TaskQueue, options.StaticSummary = r.workflowID(), r.queue(), "Rehearse "+r.options.Request.User
	options.WorkflowExecutionTimeout = longestRehearsal
	if _, err := r.connection.ExecuteWorkflow(ctx, options, workflows.Offboard, r.request()); err != nil {
		return offboard.Report{}, fmt.Errorf("start the rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, r.end()) }()
	runs := NewRuns(r.connection, RunsConfig{Account: config.Account, Namespace: r.connection.Namespace, UI: r.connection.UI})
	r.options.Say("%s", runs.Link(r.workflowID(), ""))
	return r.watch(ctx, runs)
}

// longestRehearsal ends a run whose starter is gone without a word.
const longestRehearsal = 2 * time.Hour

// onStage is the configuration with everything pointed at the stage.
func (r *rehearsing) onStage() (Config, error) {
	scene := r.stage.Scene
	play := func(value string) Secret {
		return NewSecret("the rehearsal's", r.config.Redactor, func(context.Context) (string, error) { return value, nil })
	}
	env := r.stage.Endpoints()
	env["IBMCLOUD_ACCOUNT_ID"], env["IC_API_KEY"] = scene.Account.ID, scene.EngineKey
	config := Config{Redactor: r.config.Redactor, Policy: r.quick(), Worker: r.config.Worker}
	if problems := config.fromEnvironment(func(name string) string { return env[name] }); len(problems) > 0 {
		return Config{}, &InvalidConfig{Problems: problems}
	}
	config.Worker.Health, config.Worker.ContainersCalls = "", 0 // the simulator has no limit to share with others
	for _, f := range r.config.FunctionalIDs {
		config.FunctionalIDs = append(config.FunctionalIDs, FunctionalID{Email: f.Email, Key: play(scene.SuccessorKeys[f.Email])})
	}
	return config, nil
}

// work starts the worker; stop drains it.
func (r *rehearsing) work(config Config) (stop func(), err error) {
	told, err := telemetryOf(r.connection)
	if err != nil {
		return nil, err
	}
	ports, err := newPorts(r.connection, config, r.logger, told)
	if err != nil {
		return nil, err
	}
	c, closeClient, err := r.connection.forWorker()
	if err != nil {
		return nil, err
	}
	w := sdkworker.New(c, r.queue(), sdkworker.Options{
		Identity:                               identity() + " rehearsal",
		MaxConcurrentActivityExecutionSize:     config.Worker.MaxConcurrentActivities,
		MaxConcurrentWorkflowTaskExecutionSize: config.Worker.MaxConcurrentWorkflowTasks,
		WorkerStopTimeout:                      config.Worker.Drain.Std(),
		DisableRegistrationAliasing:            true,
		Interceptors:                           []interceptor.WorkerInterceptor{activities.Interceptor(activities.Linger), &cues{enter: r.stage.Enter}},
	})
	workflows.Register(w)
	activities.Register(w, activities.New(ports))
	if err := w.Start(); err != nil {
		closeClient()
		return nil, fmt.Errorf("start the rehearsal's worker: %w", err)
	}
	return func() {
		w.Stop()
		closeClient()
	}, nil
}

// cues tells the stage when a phase begins, right before its first activity is carried out: a fault that waits for a
// phase must not come too late for a short one.
type cues struct {
	interceptor.WorkerInterceptorBase
	enter func(offboard.Phase) error
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (c *cues) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &cue{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, enter: c.enter}
}

type cue struct {
	interceptor.ActivityInboundInterceptorBase
	enter func(offboard.Phase) error
}

// begins says which phase an activity is the first of.
var begins = map[string]offboard.Phase{
	"SurveyKeys": offboard.PhaseSurvey, "SurveyClusters": offboard.PhaseSurvey, "SurveyFunctionalIDs": offboard.PhaseSurvey,
	"Invite": offboard.PhasePrepare, "AwaitMember": offboard.PhasePrepare, "Remember": offboard.PhaseHandOver,
	"UnlockKey": offboard.PhaseDisable, "DisableKey": offboard.PhaseDisable, "Probe": offboard.PhaseSoak,
	"DeleteKey": offboard.PhaseDelete, "RemoveUser": offboard.PhaseRemove, "SyncAccess": offboard.PhaseClean,
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (c *cue) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if phase, first := begins[activity.GetInfo(ctx).ActivityType.Name]; first {
		if err := c.enter(phase); err != nil {
			return nil, err
		}
	}
	return c.Next.ExecuteActivity(ctx, in)
}

// farewell is how long a rehearsal that was broken off may take to turn round before it is ended.
const farewell = 15 * time.Second

// end makes sure that nothing of the rehearsal is open any more. The account that a run would clean up is about to be
// gone, so one that does not end soon by itself is terminated, and its children with it.
func (r *rehearsing) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell+10*time.Second)
	defer cancel()
	if !r.open(ctx, r.workflowID()) {
		return nil
	}
	if err := r.connection.CancelWorkflow(ctx, r.workflowID(), ""); err != nil {
		return fmt.Errorf("cancel the rehearsal %s: %w", r.workflowID(), err)
	}
	waiting, done := context.WithTimeout(ctx, farewell)
	defer done()
	_ = r.connection.GetWorkflow(waiting, r.workflowID(), "").Get(waiting, nil) // what it says is of no interest
	if !r.open(ctx, r.workflowID()) {
		return nil
	}
	var problems []error
	for _, id := range r.family() {
		if !r.open(ctx, id) {
			continue
		}
		if err := r.connection.TerminateWorkflow(ctx, id, "", "the rehearsal was broken off"); err != nil {
			problems = append(problems, fmt.Errorf("end the rehearsal's run %s: %w", id, err))
		}
	}
	return errors.Join(problems...)
}

// family are the workflow IDs of the run and of the children that outlive it; the claim does not.
func (r *rehearsing) family() []string {
	list := []string{r.workflowID(), r.workflowID() + "/soak"}
	if r.seen.Plan != nil {
		for _, h := range r.seen.Plan.Handovers {
			list = append(list, workflows.ScopeID(r.workflowID(), h.Scope))
		}
	}
	return list
}

func (r *rehearsing) open(ctx context.Context, id string) bool {
	d, err := r.connection.DescribeWorkflow(ctx, id, "")
	return err == nil && d.WorkflowCloseTime == nil
}
