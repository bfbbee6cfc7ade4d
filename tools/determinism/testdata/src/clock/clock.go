package clock

import (
	"context"
	"time"

	"domain"

	"go.temporal.io/sdk/workflow"
)

func Workflow(ctx workflow.Context) {
	now := time.Now // want `time.Now answers differently in a replay`
	_ = now()
	later(2)
	_ = domain.Age(workflow.Now(ctx)) // want `time.Since answers differently in a replay: use workflow.Now or a timer, which Age reaches at domain/domain.go:11`
	_ = workflow.ExecuteActivity(ctx, Activity)
	_ = workflow.Now(ctx).Add(time.Hour)
}

// A helper is looked at because a workflow calls it.
func later(n int) {
	time.Sleep(time.Duration(n)) // want `time.Sleep answers differently`
}

// An activity runs once.
func Activity(context.Context) time.Time { return time.Now() }

// Nobody calls this from a workflow.
func Main() time.Time { return time.Now() }
