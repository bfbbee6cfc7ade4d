package observe_test

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

const root = "../.."

var (
	server   *temporalite.Server
	programs string // directory of the worker and the starter as they are shipped
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
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold build takes minutes
	defer cancel()
	if programs, err = os.MkdirTemp("", "offboard-observe-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root), "-o", programs+"/", "./worker", "./starter")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	server, err = temporalite.Start(ctx, temporalite.Options{SearchAttributes: workflows.SearchAttributes()})
	if err != nil {
		return 0, err
	}
	code = m.Run()
	return code, server.Stop()
}
