package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"offboard/internal/app"
)

// namespaceTime is how long the server may take to know of a new namespace: it reads its list every few seconds.
const namespaceTime = 30 * time.Second

// addNamespace makes a namespace with the search attributes, for what runs beside the other rows.
func (b *bench) addNamespace(ctx context.Context, name string) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: b.server.Address(), Namespace: name, Logger: silent})
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	defer c.Close()
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		return fmt.Errorf("make namespace %s: %w", name, err)
	}
	limit := time.Now().Add(namespaceTime)
	for {
		_, err := app.Register(ctx, c, name)
		if err == nil || time.Now().After(limit) {
			return err
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
