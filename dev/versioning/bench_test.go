package versioning_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const (
	deployment = "offboard"
	patience   = 4 * time.Minute
)

// secondBuild is what the second build says otherwise: wordings, which runs under way may follow.
var secondBuild = []struct{ file, old, new string }{
	{"workflows/handover_cluster.go", `"Wait for the master of "`, `"Second build: wait for the master of "`},
	{"workflows/remove.go", `" from the account", verbs.RemoveUser`, `" from the account, second build", verbs.RemoveUser`},
}

// build builds the worker with some words replaced, and returns its path.
func build(ctx context.Context, t *testing.T, name string, changes bool) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	dir := t.TempDir()
	replaced := map[string]string{}
	for i, c := range secondBuild {
		if !changes {
			break
		}
		path := filepath.Join(root, filepath.FromSlash(c.file))
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(source), c.old), "%s must have %s once", c.file, c.old)
		replaced[path] = filepath.Join(dir, string(rune('a'+i))+".go")
		require.NoError(t, os.WriteFile(replaced[path], []byte(strings.Replace(string(source), c.old, c.new, 1)), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	program := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-C", root, "-overlay", file, "-o", program, "./worker")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "build the worker: %s", out)
	return program
}

// bench is a server, an account and whoever works on it.
type bench struct {
	*stack.Stack
	t   *testing.T
	ctx context.Context
}

func start(ctx context.Context, t *testing.T) *bench {
	t.Helper()
	s, err := stack.Start(ctx, stack.Options{Engine: stack.EngineOptions{Account: filepath.Join("testdata", "two.yaml"), NoWorker: true,
		Settings: stack.Settings{MinimumSoak: offboard.Duration(time.Second), SoakProbe: offboard.Duration(500 * time.Millisecond)}}})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop the stack: %v", err)
		}
	})
	return &bench{Stack: s, t: t, ctx: ctx}
}

// worker is a process of a build.
type worker struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// run starts a build under a build ID, with the stack's environment and nothing else.
func (b *bench) run(program, buildID string) *worker {
	b.t.Helper()
	w := &worker{cmd: exec.Command(program)}
	for name, value := range b.Env {
		w.cmd.Env = append(w.cmd.Env, name+"="+value)
	}
	w.cmd.Env = append(w.cmd.Env, "TEMPORAL_DEPLOYMENT_NAME="+deployment, "TEMPORAL_WORKER_BUILD_ID="+buildID)
	w.cmd.Stdout, w.cmd.Stderr = &w.out, &w.out
	require.NoError(b.t, w.cmd.Start())
	b.t.Cleanup(func() {
		w.kill()
		if b.t.Failed() {
			b.t.Logf("build %s said:\n%s", buildID, w.out.String())
		}
	})
	return w
}

// kill ends the process; it does nothing the second time.
func (w *worker) kill() {
	if w.cmd.ProcessState == nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait() // it says that it was killed
	}
}

// makeCurrent lets new runs, and those that upgrade by themselves, go to a build, once its worker is known to the server.
func (b *bench) makeCurrent(buildID string) {
	b.t.Helper()
	handle := b.Connection.WorkerDeploymentClient().GetHandle(deployment)
	var err error
	require.Eventually(b.t, func() bool {
		_, err = handle.SetCurrentVersion(b.ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID})
		return err == nil
	}, time.Minute, 200*time.Millisecond, "make build %s current", buildID)
	require.NoError(b.t, err)
	// The queues hear of it one after another: until all have, a run may begin on the build before.
	require.Eventually(b.t, func() bool {
		d, err := b.Connection.WorkflowService().DescribeWorkerDeployment(b.ctx,
			&workflowservice.DescribeWorkerDeploymentRequest{Namespace: b.Connection.Namespace, DeploymentName: deployment})
		info := d.GetWorkerDeploymentInfo()
		return err == nil && info.GetRoutingConfig().GetCurrentDeploymentVersion().GetBuildId() == buildID &&
			info.GetRoutingConfigUpdateState() == enumspb.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
	}, time.Minute, 200*time.Millisecond, "every queue knows that build %s is current", buildID)
}

// begin starts a run with more fields than the user.
func (b *bench) begin(fields map[string]any) string {
	b.t.Helper()
	input := map[string]any{"user": demo.Leaver, "soak": "1s", "requestedBy": demo.Requester}
	for name, value := range fields {
		input[name] = value
	}
	user, _ := input["user"].(string)
	run, err := b.Connection.ExecuteWorkflow(b.ctx, client.StartWorkflowOptions{ID: workflows.ID(b.Config.Account, user), TaskQueue: workflows.TaskQueue},
		workflows.Offboard, input)
	require.NoError(b.t, err)
	return run.GetID()
}

// until waits until a run's progress fulfils the condition.
func (b *bench) until(id, what string, condition func(offboard.Progress) bool) offboard.Progress {
	b.t.Helper()
	var last offboard.Progress
	met := false
	err := b.Runs.Follow(b.ctx, id, 100*time.Millisecond, func(now offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		last, met = now, condition(now)
		return met
	})
	require.NoError(b.t, err, "wait for %s in phase %q", what, last.Phase)
	require.True(b.t, met, "the run ended before %s: %s", what, last.Message)
	return last
}

func (b *bench) update(id, name string, argument any) {
	b.t.Helper()
	handle, err := b.Connection.UpdateWorkflow(b.ctx, client.UpdateWorkflowOptions{WorkflowID: id, UpdateName: name, Args: []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(b.t, err)
	require.NoError(b.t, handle.Get(b.ctx, nil))
}

func (b *bench) approve(id string) {
	b.t.Helper()
	now := b.until(id, "a plan", func(now offboard.Progress) bool { return now.Phase == offboard.PhaseApprove && now.Plan != nil })
	b.update(id, workflows.ApproveUpdate, workflows.Approve{By: demo.Approver, Digest: now.Plan.Digest, Answers: demo.Answers(*now.Plan)})
}

// hold waits until so many scopes hold.
func (b *bench) hold(id string, scopes int) offboard.Progress {
	b.t.Helper()
	return b.until(id, "holds", func(now offboard.Progress) bool { return len(now.Holds) == scopes })
}

func (b *bench) ends(id string) offboard.Report {
	b.t.Helper()
	var report offboard.Report
	require.NoError(b.t, b.Connection.GetWorkflow(b.ctx, id, "").Get(b.ctx, &report))
	return report
}

// versioning is what the server says of a run's version.
func (b *bench) versioning(id string) *workflowpb.WorkflowExecutionVersioningInfo {
	b.t.Helper()
	d, err := b.Connection.DescribeWorkflowExecution(b.ctx, id, "")
	require.NoError(b.t, err)
	return d.GetWorkflowExecutionInfo().GetVersioningInfo()
}

func version(buildID string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: deployment, BuildId: buildID}
}

func (b *bench) history(id string) *historypb.History {
	b.t.Helper()
	h := &historypb.History{}
	events := b.Connection.GetWorkflowHistory(b.ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(b.t, err)
		h.Events = append(h.Events, e)
	}
	return h
}

// builds are the build IDs by which a run's workflow tasks were completed, each once, in order.
func (b *bench) builds(id string) []string {
	b.t.Helper()
	var list []string
	for _, e := range b.history(id).GetEvents() {
		task := e.GetWorkflowTaskCompletedEventAttributes()
		if task == nil {
			continue
		}
		if by := task.GetDeploymentVersion().GetBuildId(); len(list) == 0 || list[len(list)-1] != by {
			list = append(list, by)
		}
	}
	return list
}

// summaries are the words of every activity of a run.
func (b *bench) summaries(id string) string {
	b.t.Helper()
	var text strings.Builder
	for _, e := range b.history(id).GetEvents() {
		if e.GetActivityTaskScheduledEventAttributes() == nil {
			continue
		}
		var summary string
		require.NoError(b.t, converter.GetDefaultDataConverter().FromPayload(e.GetUserMetadata().GetSummary(), &summary))
		text.WriteString(summary + "\n")
	}
	return text.String()
}
