// Command dev runs the engine on one machine, with a real Temporal server and a simulated IBM Cloud: as a demo that
// tells one offboarding, as a playground for manual starts, or the simulator alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"offboard/dev/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use:           "dev",
		Short:         "The engine, a Temporal server and a simulated IBM Cloud on one machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(demoCommand(env, stdout), devCommand(env, stdout))
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("stopped")
	}
	return err
}

func demoCommand(env func(string) string, stdout io.Writer) *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Tell one offboarding of the sample account, from start to report",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return demo.Run(c.Context(), o, stdout, env) },
	}
	stackFlags(c, &o, 0, 0, 0)
	c.Flags().BoolVar(&o.Keep, "keep", false, "stay up afterwards, until ^C")
	return c
}

func devCommand(env func(string) string, stdout io.Writer) *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "dev",
		Short: "Keep the stack up for manual starts, until ^C",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return demo.Playground(c.Context(), o, stdout, env) },
	}
	stackFlags(c, &o, 7233, 8233, 8400)
	return c
}

func accountFlag(c *cobra.Command, account *string) {
	c.Flags().StringVar(account, "account", "sample", "the simulated account: sample, small, traps, large, empty, owner-leaves, or the path of an account file")
}

func stackFlags(c *cobra.Command, o *demo.Options, port, uiPort, simPort int) {
	f := c.Flags()
	f.IntVar(&o.Stack.Port, "port", port, "port of the Temporal server; 0 takes a free one")
	f.IntVar(&o.Stack.UIPort, "ui-port", uiPort, "port of the Web UI; 0 takes a free one")
	f.IntVar(&o.Stack.Engine.SimPort, "sim-port", simPort, "port of the simulated IBM Cloud; 0 takes a free one")
	f.StringVar(&o.Stack.Data, "data", "", "directory for Temporal's database; without it everything is forgotten at the end")
	accountFlag(c, &o.Stack.Engine.Account)
	f.StringVar(&o.Reports, "report", "out", "directory for the report and the worker's log")
}
