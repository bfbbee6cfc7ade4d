// Command kubetest runs real Kubernetes clusters for tests, in one process that needs nothing else: etcd, a
// kube-apiserver for each cluster and the workload controllers, as the Kubernetes project builds them, with a stand-in
// for the scheduler and the kubelets. It runs no containers.
//
// It is told what to do by lines of its standard input and answers each with a line of JSON; docs/kubetest.md says how.
// When the input ends, so does the program: no cluster outlives whoever started it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"offboard/kubetest/internal/controlplane"
	"offboard/kubetest/internal/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "kubetest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	flags := flag.NewFlagSet("kubetest", flag.ContinueOnError)
	flags.SetOutput(log)
	dir := flags.String("dir", "", "directory for kubeconfigs and the database, which stay; by default one that is removed at the end")
	start := flags.Duration("pod-start", 300*time.Millisecond, "how long a pod takes to get ready")
	stop := flags.Duration("pod-stop", 100*time.Millisecond, "how long a deleted pod stays")
	verbosity := flags.Int("v", 0, "verbosity of the log, which goes to standard error: 2 shows what the stand-in had to try again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("there are no arguments, got %q", flags.Args())
	}
	if err := setLog(log, *verbosity); err != nil {
		return err
	}
	pace := standin.Pace{Start: *start, Stop: *stop}
	if *dir != "" {
		return serve(ctx, *dir, pace, in, out)
	}
	made, err := os.MkdirTemp("", "kubetest-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	return errors.Join(serve(ctx, made, pace, in, out), os.RemoveAll(made))
}

// serve obeys until the input or the context ends.
func serve(ctx context.Context, dir string, pace standin.Pace, in io.Reader, out io.Writer) error {
	database, err := controlplane.StartEtcd(filepath.Join(dir, "etcd"))
	if err != nil {
		return err
	}
	defer database.Stop()
	h := &house{dir: dir, database: database, pace: pace, out: out, clusters: map[string]*controlplane.Cluster{}}
	return errors.Join(h.obey(ctx, in), h.close())
}

// setLog sends what the servers say to w. Below level 1 only errors are said: a healthy server alone fills a page at its
// start.
func setLog(w io.Writer, verbosity int) error {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	settings := map[string]string{"logtostderr": "false", "one_output": "true", "stderrthreshold": "FATAL", "v": strconv.Itoa(verbosity)}
	for name, value := range settings {
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("set up the log: %w", err)
		}
	}
	for _, severity := range []string{"INFO", "WARNING", "ERROR", "FATAL"} {
		to := w
		if verbosity < 1 && (severity == "INFO" || severity == "WARNING") {
			to = io.Discard
		}
		klog.SetOutputBySeverity(severity, to)
	}
	return nil
}
