package e2e_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/workflows"
)

// Promise 6: whatever a second run is called and however it names the person.
func TestASecondRunForThePersonEndsAtOnce(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	first := b.begin(nil)
	b.plan(first)

	_, err := b.Runs.Start(b.ctx, request(t, map[string]any{"user": " Leaver@ACME.example"}))
	running, ok := errors.AsType[*app.AlreadyRunning](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, first, running.WorkflowID)

	for id, user := range map[string]string{
		"0d5c0d38-6e43-4b0e-a8a5-3b1ff5b3a1c7": "LEAVER@acme.example",
		"7f7b1f0a-53c4-4f4e-8d52-9a1f0a2b4c11": leaverIAM,
	} {
		err := b.raw(id, map[string]string{"user": user}).Get(b.ctx, nil)
		refusal, ok := errors.AsType[*temporal.ApplicationError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, workflows.AlreadyRunning, refusal.Type())
		assert.Contains(t, refusal.Message(), first)
	}

	// The first is not disturbed, and lets the person go at its end.
	_, err = b.Runs.Reject(b.ctx, first, workflows.Reject{By: approver})
	require.NoError(t, err)
	b.report(first)
	again := b.raw("again", text(`{"user": "leaver@acme.example", "soak": "3s"}`)).GetID()
	b.plan(again)
	_, err = b.Runs.Reject(b.ctx, again, workflows.Reject{By: approver})
	require.NoError(t, err)
	b.report(again)
	b.untouched()
}
