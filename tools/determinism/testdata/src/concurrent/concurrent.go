package concurrent

import (
	"context"
	"sync"

	"go.temporal.io/sdk/workflow"
)

func Workflow(ctx workflow.Context) {
	done := make(chan bool)
	go func() { // want `a goroutine runs when it likes`
		done <- true // want `a channel of Go's blocks the worker`
	}()
	<-done   // want `a channel of Go's blocks the worker`
	select { // want `select chooses at random`
	default:
	}
	for range done { // want `a channel of Go's blocks the worker`
	}
	var mu sync.Mutex
	mu.Lock()                // want `sync is for goroutines`
	_ = context.Background() // want `context.Background is not Temporal's`
}
