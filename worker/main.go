// Command worker runs the engine: it polls Temporal for offboardings and does what they ask.
//
// It reads the file that OFFBOARD_CONFIG names, IBM's and Temporal's standard environment variables, and ends with 0
// after it was told to stop (SIGTERM, SIGINT) and has drained, 1 if it cannot work and 2 if it is told wrong things.
// With --probe it is the health check of a container whose program answers on the address in OFFBOARD_HEALTH.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"go.uber.org/zap"

	"offboard/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

// gcPercent is less than Go's default of 100: a worker waits most of the time for other people's clocks, with a connection to each
// cluster that it waits for. A heap that grows by a quarter and not to its double between collections is worth their time.
const gcPercent = 25

// wrong is an error in how the program was called or configured.
type wrong struct{ error }

// Unwrap gives the error itself.
func (w wrong) Unwrap() error { return w.error }

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, yes := errors.AsType[wrong](err); yes {
		return 2
	}
	return 1
}

func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "worker runs the offboarding engine. It is configured by the file that OFFBOARD_CONFIG names and by the environment.\n\n")
		flags.PrintDefaults()
	}
	version := flags.Bool("version", false, "print the version and exit")
	check := flags.Bool("validate", false, "check the configuration and exit")
	probe := flags.Bool("probe", false, "ask the program that answers on the address in OFFBOARD_HEALTH, of whichever kind, whether it is ready, and exit")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return wrong{err}
	case flags.NArg() > 0:
		return wrong{fmt.Errorf("worker takes no arguments, not %q", flags.Arg(0))}
	case *version:
		fmt.Fprintln(stdout, "worker", app.Version())
		return nil
	case *probe:
		return ask(ctx, env)
	}
	config, err := app.LoadConfig("", env)
	if err != nil {
		return wrong{err}
	}
	if *check {
		fmt.Fprintln(stdout, config.File, "is correct")
		return nil
	}
	logger, err := app.NewLogger(stderr, env, config.Redactor)
	if err != nil {
		return wrong{err}
	}
	return work(ctx, config, env, logger)
}

func ask(ctx context.Context, env func(string) string) error {
	err := app.Probe(ctx, env)
	if _, misled := errors.AsType[*app.InvalidConfig](err); misled {
		return wrong{err}
	}
	return err
}

func work(ctx context.Context, config app.Config, env func(string) string, logger *zap.Logger) error {
	told, err := app.NewTelemetry(ctx, "worker", env, config.Redactor, logger)
	if err != nil {
		return wrong{err}
	}
	defer app.CloseTelemetry(ctx, told, logger)
	connection, err := app.DialWith(ctx, env, logger, told)
	if err != nil {
		return err
	}
	defer connection.Close()
	worker, err := app.NewWorker(connection, config, logger)
	if err != nil {
		return err
	}
	logger.Info("connected to Temporal", zap.String("address", connection.Address), zap.String("namespace", connection.Namespace))
	return worker.Run(ctx)
}
