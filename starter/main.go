// Command starter starts offboardings, shows how they stand, and answers what they ask of people.
//
// It ends with 0 when what was asked is done, 1 when it failed, 2 when it was called wrongly, and 3 when the offboarding
// is incomplete or waits for a person.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := newProgram(env, stdin, stdout, stderr)
	log := stderr
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		log = io.Discard // a shell that completes shows whatever is written there
	}
	p.connect = func(ctx context.Context) (runs, func(), error) { return connect(ctx, env, log) }
	p.checks = func(ctx context.Context) ([]app.Check, error) {
		logger, err := app.NewLogger(stderr, quiet(env), &app.Redactor{})
		if err != nil {
			return nil, usage("%v", err)
		}
		return app.Checks(ctx, env, logger), nil
	}
	p.drift = func(ctx context.Context, report offboard.Report) ([]app.Check, error) {
		return drift(ctx, report, env, stderr)
	}
	p.rehearse = func(ctx context.Context, o app.RehearsalOptions) (app.Rehearsed, error) {
		return rehearse(ctx, o, env, stderr)
	}
	return p.run(ctx, args)
}

func connect(ctx context.Context, env func(string) string, stderr io.Writer) (runs, func(), error) {
	c, err := dial(ctx, env, stderr)
	if err != nil {
		return nil, nil, err
	}
	return runsOf(c, env), c.Close, nil
}

func dial(ctx context.Context, env func(string) string, stderr io.Writer) (*app.Connection, error) {
	logger, err := app.NewLogger(stderr, quiet(env), &app.Redactor{})
	if err != nil {
		return nil, usage("%v", err)
	}
	c, err := app.Dial(ctx, env, logger)
	if _, wrong := errors.AsType[*app.InvalidConfig](err); wrong {
		return nil, misuse{err}
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nIs a Temporal server running? TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where", err)
	}
	return c, nil
}

func runsOf(c *app.Connection, env func(string) string) *app.Runs {
	return app.NewRuns(c, app.RunsConfig{Account: env("IBMCLOUD_ACCOUNT_ID"), Namespace: c.Namespace, UI: c.UI})
}

// quiet keeps the SDK's log out of the way of people who did not ask for it.
func quiet(env func(string) string) func(string) string {
	return func(name string) string {
		value := env(name)
		switch {
		case name == "OFFBOARD_LOG_LEVEL" && value == "":
			return "error"
		case name == "OFFBOARD_LOG_FORMAT" && value == "":
			return "console"
		}
		return value
	}
}
