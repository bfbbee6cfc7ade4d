package activities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"offboard/activities"
	"offboard/internal/offboard"
)

// What an activity fails with becomes what Temporal understands; only the domain's own text gets out.
func TestErrorsBecomeFailures(t *testing.T) {
	const secret = "apikey=0123456789"
	tests := map[string]struct {
		err      error
		kind     string
		message  string
		final    bool
		delay    time.Duration
		category temporal.ApplicationErrorCategory
		details  activities.FailureDetails
	}{
		"final": {err: &offboard.Error{Code: offboard.Denied, Op: "reset", Message: "403", RequestID: "req-1"},
			kind: "Denied", message: "reset: 403 (request req-1)", final: true, details: activities.FailureDetails{RequestID: "req-1"}},
		"curable": {err: &offboard.Error{Code: offboard.Unavailable, Op: "reset", Message: "no answer", Ambiguous: true},
			kind: "Unavailable", message: "reset: no answer", details: activities.FailureDetails{Ambiguous: true}},
		"too many requests": {err: &offboard.Error{Code: offboard.RateLimited, Op: "list", RetryAfter: 17 * time.Second},
			kind: "RateLimited", message: "list: RateLimited", delay: 17 * time.Second, category: temporal.ApplicationErrorCategoryBenign},
		"not yet": {err: offboard.Errorf(offboard.Pending, "wait", "not yet"), kind: "Pending", message: "wait: not yet", category: temporal.ApplicationErrorCategoryBenign},
		"wrapped": {err: fmt.Errorf("outside: %w", offboard.Errorf(offboard.KeyLimit, "reset", "full")), kind: "KeyLimit", message: "reset: full", final: true},
		"unknown": {err: errors.New("dial with " + secret), kind: "Unavailable", message: "unexpected error; its text is in the worker's log only"},
		"already": {err: temporal.NewNonRetryableApplicationError("mine", "Mine", nil), kind: "Mine", message: "mine", final: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.fail["WhoAmI"] = test.err
			a := c.activities()
			_, err := do(t, try{}, a.Admit, a, activities.AdmitInput{})

			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, test.kind, app.Type())
			require.Equal(t, test.message, app.Message())
			require.Equal(t, test.final, app.NonRetryable())
			require.Equal(t, test.delay, app.NextRetryDelay())
			require.Equal(t, test.category, app.Category())
			require.NotContains(t, err.Error(), secret)
			if test.details != (activities.FailureDetails{}) {
				var details activities.FailureDetails
				require.NoError(t, app.Details(&details))
				require.Equal(t, test.details, details)
			}
		})
	}
}

func TestCancelledActivityStaysCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newCloud()
	c.fail["WhoAmI"] = fmt.Errorf("ask: %w", context.Canceled)
	c.onCall = func(string) { cancel() }
	a := c.activities()
	_, err := do(t, try{ctx: ctx}, a.Admit, a, activities.AdmitInput{})
	require.ErrorContains(t, err, context.Canceled.Error())
	require.NotContains(t, err.Error(), "ask", "a cancellation is not an error of the verb")
}

// A change is not broken off in the middle: its outcome would be unknown.
func TestCancelledActivityFinishesItsAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newCloud()
	c.keys["k"] = offboard.Key{ID: "k"}
	c.onCall = func(call string) {
		if call == "Key k" {
			cancel()
		}
	}
	a := c.activities()
	_, err := do(t, try{ctx: ctx}, a.DisableKey, a, activities.KeyInput{ID: "k"})
	require.NoError(t, err)
	require.Equal(t, 1, c.called("Disable"))
}

// A dead worker is noticed because a living one beats, however long a call takes; what was said last is repeated.
func TestEveryActivityBeats(t *testing.T) {
	c := newCloud()
	c.fail["Reset"] = &offboard.Error{Code: offboard.Unavailable, Op: "reset", Ambiguous: true}
	c.onCall = func(call string) {
		if strings.HasPrefix(call, "Reset") {
			time.Sleep(60 * time.Millisecond)
		}
	}
	a := c.activities()
	var left []byte
	_, err := do(t, try{heartbeat: 10 * time.Millisecond, left: &left}, a.Reset, a, activities.ResetInput{Scope: scope, FunctionalID: functional})
	require.Equal(t, offboard.Unavailable, code(t, err))
	require.JSONEq(t, `{"attempt":1}`, string(left))
}

func TestEveryVerbIsRegistered(t *testing.T) {
	var names []string
	activities.Register(registry(func(name string) { names = append(names, name) }), newCloud().activities())
	require.Len(t, names, 44)
	require.Contains(t, names, "Reset")
}

type registry func(name string)

func (r registry) RegisterActivity(any)                                          {}
func (r registry) RegisterActivityWithOptions(_ any, o activity.RegisterOptions) { r(o.Name) }
func (r registry) RegisterDynamicActivity(any, activity.DynamicRegisterOptions)  {}
