//go:build postgres

package postgres_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"offboard/dev/internal/postgres"
	"offboard/dev/internal/temporalite"
	"offboard/workflows"
)

// They make the test binary a Temporal server until it is killed.
const (
	portVariable     = "OFFBOARD_POSTGRES_TEST_PORT"
	databaseVariable = "OFFBOARD_POSTGRES_TEST_DATABASE" // host:port
)

// programs is the directory with the programs as they are shipped.
var programs string

func TestMain(m *testing.M) {
	if port := os.Getenv(portVariable); port != "" {
		if err := serveTemporal(port, os.Getenv(databaseVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {}
	}
	code, err := withPrograms(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withPrograms(run func() int) (code int, err error) {
	if programs, err = os.MkdirTemp("", "offboard-programs-"); err != nil {
		return 0, fmt.Errorf("make a directory for programs: %w", err)
	}
	defer os.RemoveAll(programs)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold build takes minutes
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", ".."), "-o", programs+string(filepath.Separator), "./worker", "./starter").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return run(), nil
}

func serveTemporal(portText, database string) error {
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	if _, _, err := net.SplitHostPort(database); err != nil {
		return fmt.Errorf("read the address of the database: %w", err)
	}
	_, err = temporalite.Start(context.Background(), temporalite.Options{
		Port: port, UIPort: temporalite.NoUI, SearchAttributes: workflows.SearchAttributes(),
		PostgreSQL: &temporalite.PostgreSQL{Address: database, User: postgres.User, Database: "temporal"},
	})
	return err
}
