// Command ibmsim serves a simulated IBM Cloud on loopback, for people who want nothing else: it prints the environment
// variables that point IBM's SDKs, command lines and Terraform provider at it, and serves until it is interrupted.
//
// It must not know the engine: whatever works against it works because it is told IBM's own addresses.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"offboard/internal/ibmsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main of a program
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	c := &cobra.Command{
		Use:           "ibmsim",
		Short:         "Serve a simulated IBM Cloud until ^C",
		Long:          "Serve a simulated IBM Cloud until ^C. What it prints can be sourced by a shell:\n\n  go run ./cmd/ibmsim --account sample > env.sh & sleep 5; . ./env.sh",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(c *cobra.Command, _ []string) error { return serve(c.Context(), o, stdout) },
	}
	f := c.Flags()
	f.StringVar(&o.account, "account", "sample", "the account: "+strings.Join(ibmsim.Shipped(), ", ")+", or the path of an account file")
	f.StringVar(&o.host, "host", "127.0.0.1", "address to listen on; the credentials are play money, but the ports are open to whoever reaches it")
	f.IntVar(&o.port, "port", 8400, "port; with --services the first of as many as there are services; 0 takes free ones")
	f.BoolVar(&o.services, "services", false, "one port and base URL per service, as IBM has one host per service, instead of path prefixes")
	f.BoolVar(&o.tls, "tls", false, "print https addresses; every port speaks TLS and plain HTTP alike")
	f.StringVar(&o.certificate, "certificate", "", "with --tls: where to write the certificate to trust (default ibmsim.pem in the temporary directory)")
	f.BoolVar(&o.virtual, "virtual-clock", false, "let time stand still until POST /sim/clock moves it")
	f.StringVar(&o.login, "login", "offboard-admin@acme.example", "whose apiKey to print as IC_API_KEY, if the account file has one")
	c.SetArgs(args)
	c.SetOut(stdout)
	c.SetErr(stderr)
	return c.ExecuteContext(ctx)
}
