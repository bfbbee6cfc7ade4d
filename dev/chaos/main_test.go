package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"offboard/dev/internal/temporalite"
	"offboard/workflows"
)

var (
	server *temporalite.Server
	// workDir holds what outlives a single case: the worker program.
	workDir string
	// full tries every case; otherwise a sample is tried that fits a build.
	full = os.Getenv("CHAOS") == "full"
)

// parallelCases at a time keep two cores busy and still leave each case the time its step budgets assume.
const parallelCases = "6"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(child(dir))
	}
	flag.Parse()
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	if err := defaultParallel(); err != nil {
		return 0, err
	}
	if workDir, err = os.MkdirTemp("", "offboard-chaos-"); err != nil {
		return 0, fmt.Errorf("make a directory for programs: %w", err)
	}
	defer os.RemoveAll(workDir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err = temporalite.Start(ctx, temporalite.Options{SearchAttributes: workflows.SearchAttributes(), UIPort: temporalite.NoUI})
	if err != nil {
		return 0, err
	}
	code = m.Run()
	if err := tally.publish(full); err != nil {
		return code, err
	}
	return code, server.Stop()
}

// defaultParallel sets how many cases run at a time, unless the command line does.
func defaultParallel() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", parallelCases)
}
