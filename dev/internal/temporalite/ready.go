package temporalite

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const pollEvery = 10 * time.Millisecond

// waitReady returns when a workflow can be started in the namespace: the
// frontend answers, knows the namespace, and history owns its shard.
func waitReady(ctx context.Context, address, namespace string) (err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		// gRPC's own pause after a refused connection starts at a second.
		grpc.WithDefaultCallOptions(grpc.WaitForReady(false)))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	// Asking for a workflow that cannot exist passes through all three; "not
	// found" is the answer of a working server that knows the namespace, because
	// an unknown namespace is looked up, and refused, first.
	frontend := workflowservice.NewWorkflowServiceClient(conn)
	return eventually(ctx, func(ctx context.Context) error {
		conn.Connect()
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace}); err != nil {
			return fmt.Errorf("describe namespace %q: %w", namespace, err)
		}
		_, err := frontend.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: namespace,
			Execution: &commonpb.WorkflowExecution{WorkflowId: "temporalite-readiness"},
		})
		if err != nil && status.Code(err) != codes.NotFound {
			return fmt.Errorf("ask history: %w", err)
		}
		return nil
	})
}

// eventually repeats probe until it succeeds or ctx ends; then the error names
// both the end and the last failure.
func eventually(ctx context.Context, probe func(context.Context) error) error {
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last attempt: %w)", context.Cause(ctx), err)
		case <-time.After(pollEvery):
		}
	}
}
