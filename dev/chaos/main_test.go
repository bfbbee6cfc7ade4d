package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
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

// parallelCases is how many cases are open at a time; those that only wait for a fault to pass leave their slot to others.
const parallelCases = 64

func TestMain(m *testing.M) {
	if port := os.Getenv(portVariable); port != "" {
		os.Exit(child(port))
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
	server, err = temporalite.Start(ctx, temporalite.Options{
		SearchAttributes: workflows.SearchAttributes(), UIPort: temporalite.NoUI,
		// Dozens of namespaces are made at once.
		DynamicConfig: map[string]any{"frontend.rps.namespaceReplicationInducingAPIs": 1000},
	})
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
	return flag.Set("test.parallel", strconv.Itoa(parallelCases))
}
