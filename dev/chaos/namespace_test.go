package chaos_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"offboard/internal/app"
)

// namespaces are made once, together: the server takes seconds to notice a new one. A case has one for itself and gives
// it back; the account's ID, which is in every workflow ID, keeps the runs of different cases apart.
var namespaces = struct {
	once sync.Once
	free chan string
	err  error
}{free: make(chan string, parallelCases)}

// takeNamespace waits for a free namespace and gives it back when the case is over.
func takeNamespace(t *testing.T) string {
	t.Helper()
	namespaces.once.Do(func() { namespaces.err = makeNamespaces(t.Context(), parallelCases) })
	require.NoError(t, namespaces.err)
	name := <-namespaces.free
	t.Cleanup(func() {
		// What a failed case left running must not meet the next one's worker.
		if t.Failed() {
			if err := terminateAll(context.Background(), name); err != nil {
				t.Errorf("%v", err)
				return
			}
		}
		namespaces.free <- name
	})
	return name
}

func terminateAll(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: server.Address(), Namespace: namespace})
	if err != nil {
		return fmt.Errorf("connect to namespace %s: %w", namespace, err)
	}
	defer c.Close()
	list, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000, Query: `ExecutionStatus = "Running"`})
	if err != nil {
		return fmt.Errorf("list what runs in namespace %s: %w", namespace, err)
	}
	for _, e := range list.GetExecutions() {
		// One that ends with its parent is gone by now.
		_ = c.TerminateWorkflow(ctx, e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId(), "its test has failed")
	}
	return nil
}

// makeNamespaces makes namespaces with the search attributes, as an operator of a self-hosted server would.
func makeNamespaces(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("chaos-%d", i+1)
		if err := registerNamespace(ctx, names[i]); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := addAttributes(ctx, name); err != nil {
			return err
		}
		namespaces.free <- name
	}
	return nil
}

func registerNamespace(ctx context.Context, name string) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: server.Address()})
	if err != nil {
		return fmt.Errorf("connect to make namespace %s: %w", name, err)
	}
	defer c.Close()
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		return fmt.Errorf("make namespace %s: %w", name, err)
	}
	return nil
}

// addAttributes waits until the server knows the namespace: it reads its list of them every few seconds.
func addAttributes(ctx context.Context, name string) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: server.Address(), Namespace: name})
	if err != nil {
		return fmt.Errorf("connect to namespace %s: %w", name, err)
	}
	defer c.Close()
	for {
		_, err := app.Register(ctx, c, name)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("add the search attributes to namespace %s: %w", name, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
