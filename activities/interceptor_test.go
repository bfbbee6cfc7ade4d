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
		"not yet": {err: offboard.Errorf(offboard.Pending, "wait", "not yet"), kind: "Pending", message: "wait: not yet", delay: 300 * time.Millisecond, category: temporal.ApplicationErrorCategoryBenign},
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

// An effect is looked for at a fifth of the time that it has been waited for, from moments up to 20 s, and up to five minutes where it takes hours.
func TestLooksAreSpacedByTheTimeWaited(t *testing.T) {
	for waited, delay := range map[time.Duration]time.Duration{
		0: 300 * time.Millisecond, time.Second: 300 * time.Millisecond, 5 * time.Second: time.Second, time.Minute: 12 * time.Second, 10 * time.Minute: 20 * time.Second, time.Hour: 2 * time.Minute, 24 * time.Hour: 5 * time.Minute,
	} {
		c := newCloud()
		c.fail["WhoAmI"] = offboard.Errorf(offboard.Pending, "wait", "not yet")
		a := c.activities()
		_, err := do(t, try{waited: waited}, a.Admit, a, activities.AdmitInput{})
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.InDelta(t, delay.Seconds(), app.NextRetryDelay().Seconds(), 0.3, "after %s", waited) // what the look itself took counts
	}
}

// A first attempt looks again by itself until the effect is there or its time is up; a later one looks once.
func TestAnAttemptLingers(t *testing.T) {
	in := activities.UserInput{IAMID: "IBMid-1"}
	comes := func(after int) *cloud {
		c := newCloud()
		c.fail["Person"] = offboard.Errorf(offboard.Pending, "wait", "not yet")
		c.onCall = func(string) {
			if after--; after == 0 {
				c.mu.Lock()
				c.fail["Person"] = refused(offboard.NotFound)
				c.mu.Unlock()
			}
		}
		return c
	}
	t.Run("until the effect is there", func(t *testing.T) {
		c := comes(2)
		a := c.activities()
		_, err := do(t, try{linger: time.Minute}, a.ConfirmRemoved, a, in)
		require.NoError(t, err)
		require.Equal(t, 3, c.called("Person"))
	})
	t.Run("until its time is up", func(t *testing.T) {
		c := comes(1000)
		a := c.activities()
		_, err := do(t, try{linger: 700 * time.Millisecond}, a.ConfirmRemoved, a, in)
		require.Equal(t, offboard.Pending, code(t, err))
		require.Greater(t, c.called("Person"), 1)
	})
	t.Run("not where it is not the first", func(t *testing.T) {
		c := comes(1000)
		a := c.activities()
		_, err := do(t, try{attempt: 2, linger: time.Minute}, a.ConfirmRemoved, a, in)
		require.Equal(t, offboard.Pending, code(t, err))
		require.Equal(t, 1, c.called("Person"))
	})
	t.Run("not for another failure", func(t *testing.T) {
		c := newCloud()
		c.fail["Person"] = refused(offboard.Unavailable)
		a := c.activities()
		_, err := do(t, try{linger: time.Minute}, a.ConfirmRemoved, a, in)
		require.Equal(t, offboard.Unavailable, code(t, err))
		require.Equal(t, 1, c.called("Person"))
	})
	t.Run("not for longer than the run", func(t *testing.T) {
		c := comes(1000)
		ctx, cancel := context.WithCancel(t.Context())
		c.onCall = func(string) { cancel() }
		a := c.activities()
		_, err := do(t, try{linger: time.Minute, ctx: ctx}, a.ConfirmRemoved, a, in)
		require.Error(t, err)
		require.Equal(t, 1, c.called("Person"))
	})
}

func TestEveryVerbIsRegistered(t *testing.T) {
	var names []string
	activities.Register(registry(func(name string) { names = append(names, name) }), newCloud().activities())
	require.Len(t, names, 46)
	require.Contains(t, names, "Reset")
}

type registry func(name string)

func (r registry) RegisterActivity(any)                                          {}
func (r registry) RegisterActivityWithOptions(_ any, o activity.RegisterOptions) { r(o.Name) }
func (r registry) RegisterDynamicActivity(any, activity.DynamicRegisterOptions)  {}
