package temporalite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"offboard/dev/internal/temporalite"
)

// childData makes the test binary a child that runs a server on that directory
// until it is killed.
const childData = "TEMPORALITE_CHILD_DATA"

// child starts a server, runs the first half of a workflow, says so on standard
// output and waits to be killed.
func child(dir string) int {
	if err := halfAWorkflow(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	select {}
}

func halfAWorkflow(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := temporalite.Start(ctx, temporalite.Options{Data: dir, UIPort: temporalite.NoUI})
	if err != nil {
		return err
	}
	c, err := connect(s)
	if err != nil {
		return err
	}
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(Greet)
	w.RegisterActivity(Compose)
	if err := w.Start(); err != nil {
		return err
	}
	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "survivor", TaskQueue: queue}, Greet, "Ada"); err != nil {
		return err
	}
	return waiting(ctx, c, "survivor")
}

// waiting returns when the workflow has done its activity and waits for its
// signal. No workflow task is in flight then: one that is when the server dies
// runs into its timeout of ten seconds first.
func waiting(ctx context.Context, c client.Client, id string) error {
	tasks := 0
	events := c.GetWorkflowHistory(ctx, id, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			tasks++
		}
		if tasks == 2 {
			return nil
		}
	}
	return fmt.Errorf("workflow %s ended without waiting", id)
}

// finish lets the workflow that waits in a data directory run to its end.
func finish(t *testing.T, c client.Client, id string) {
	t.Helper()
	work(t, c)
	require.NoError(t, c.SignalWorkflow(t.Context(), id, "", "end", ", again"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got string
	require.NoError(t, c.GetWorkflow(ctx, id, "").Get(ctx, &got))
	assert.Equal(t, "Hello Ada, again", got)

	attempts := 0
	events := c.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			attempts++
		}
	}
	assert.Equal(t, 1, attempts, "the activity done before must not run again")
}

func TestKilledServerContinues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a #strange? 100% name")
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childData+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the child died before it was ready")
	require.Equal(t, "ready", lines.Text())

	_, err = temporalite.Start(t.Context(), temporalite.Options{Data: dir})
	require.ErrorIs(t, err, temporalite.ErrDataInUse, "the child still has it")

	require.NoError(t, cmd.Process.Kill())
	require.ErrorContains(t, cmd.Wait(), "killed")

	s := start(t, temporalite.Options{Data: dir, UIPort: temporalite.NoUI})
	finish(t, dial(t, s), "survivor")
}

func TestStoppedServerContinuesWithNewAttributes(t *testing.T) {
	dir := t.TempDir()
	first := start(t, temporalite.Options{
		Data: dir, UIPort: temporalite.NoUI, SearchAttributes: keywords("OffboardUser"), Retention: 48 * time.Hour,
	})
	c := dial(t, first)
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(Greet)
	w.RegisterActivity(Compose)
	require.NoError(t, w.Start())
	user := temporal.NewSearchAttributeKeyKeyword("OffboardUser")
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "kept", TaskQueue: queue, TypedSearchAttributes: temporal.NewSearchAttributes(user.ValueSet("ada@acme.example")),
	}, Greet, "Ada")
	require.NoError(t, err)
	require.NoError(t, waiting(t.Context(), c, "kept"))
	w.Stop()
	require.NoError(t, first.Stop())

	second := start(t, temporalite.Options{
		Data: dir, UIPort: temporalite.NoUI, SearchAttributes: keywords("OffboardPhase"),
	})
	c = dial(t, second)
	ns, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	assert.Equal(t, 48*time.Hour, ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), "not asked, so not changed")

	phase := temporal.NewSearchAttributeKeyKeyword("OffboardPhase")
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "new", TaskQueue: queue, TypedSearchAttributes: temporal.NewSearchAttributes(phase.ValueSet("plan")),
	}, Greet, "Bob")
	require.NoError(t, err)
	for _, query := range []string{`OffboardUser = "ada@acme.example"`, `OffboardPhase = "plan"`} {
		requireCount(t, c, query, 1)
	}
	finish(t, c, "kept")
}

func TestDataOfOneServerIsRefusedToAnother(t *testing.T) {
	dir := t.TempDir()
	s := start(t, temporalite.Options{Data: dir, UIPort: temporalite.NoUI, SearchAttributes: keywords("OffboardUser")})
	_, err := temporalite.Start(t.Context(), temporalite.Options{Data: dir})
	require.ErrorIs(t, err, temporalite.ErrDataInUse)
	require.NoError(t, s.Stop())

	_, err = temporalite.Start(t.Context(), temporalite.Options{Data: dir, SearchAttributes: map[string]enumspb.IndexedValueType{
		"OffboardUser": enumspb.INDEXED_VALUE_TYPE_INT,
	}})
	require.ErrorContains(t, err, "exists as Keyword and cannot become Int")
}

func TestDataOfAnotherVersionIsRefused(t *testing.T) {
	for name, statement := range map[string]string{
		"other schema":   "UPDATE temporalite_schema SET fingerprint = 'older'",
		"foreign origin": "DROP TABLE temporalite_schema",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := start(t, temporalite.Options{Data: dir, UIPort: temporalite.NoUI})
			require.NoError(t, s.Stop())
			db, err := sql.Open("sqlite", filepath.Join(dir, "temporal.db"))
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
			require.NoError(t, db.Close())

			_, err = temporalite.Start(t.Context(), temporalite.Options{Data: dir})
			require.ErrorIs(t, err, temporalite.ErrSchema)
			assert.ErrorContains(t, err, dir, "what to remove")
			_, err = temporalite.Start(t.Context(), temporalite.Options{Data: dir})
			assert.ErrorIs(t, err, temporalite.ErrSchema, "a refused directory is not left locked")
		})
	}
}
