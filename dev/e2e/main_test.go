package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"offboard/dev/internal/temporalite"
	"offboard/workflows"
)

var (
	server *temporalite.Server
	// workerProgram is the worker as it is shipped, for the tests that kill it.
	workerProgram string
)

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold build of the worker takes minutes
	defer cancel()
	dir, err := os.MkdirTemp("", "offboard-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	workerProgram = filepath.Join(dir, "worker")
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", ".."), "-o", workerProgram, "./worker")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the worker: %w\n%s", err, out)
	}
	server, err = temporalite.Start(ctx, temporalite.Options{SearchAttributes: workflows.SearchAttributes()})
	if err != nil {
		return 0, err
	}
	code = m.Run()
	return code, server.Stop()
}
