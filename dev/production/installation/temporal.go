//go:build unix

package installation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/postgres"
	"offboard/dev/internal/temporalite"
)

// They make the test binary a Temporal server until it is killed.
const (
	portVariable     = "OFFBOARD_INSTALLATION_PORT"
	databaseVariable = "OFFBOARD_INSTALLATION_DATABASE" // host:port
)

// programs is the directory with the programs as they are shipped.
var programs string

// Main is for TestMain: it builds the programs and runs the tests, or is the Temporal server of one of them, until it is
// killed. It returns the exit code.
func Main(m *testing.M) int {
	if port := os.Getenv(portVariable); port != "" {
		fmt.Fprintln(os.Stderr, serveTemporal(port, os.Getenv(databaseVariable)))
		return 1
	}
	code, err := withPrograms(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

func withPrograms(run func() int) (code int, err error) {
	if programs, err = os.MkdirTemp("", "offboard-programs-"); err != nil {
		return 0, fmt.Errorf("make a directory for programs: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // a cold build takes minutes
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-C", root, "-trimpath", "-o", programs+string(filepath.Separator), "./worker", "./starter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as in the image
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return run(), nil
}

// serveTemporal returns only if it cannot serve.
func serveTemporal(portText, database string) error {
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	if _, _, err := net.SplitHostPort(database); err != nil {
		return fmt.Errorf("read the address of the database: %w", err)
	}
	_, err = temporalite.Start(context.Background(), temporalite.Options{
		Port: port, UIPort: temporalite.NoUI,
		PostgreSQL: &temporalite.PostgreSQL{Address: database, User: postgres.User, Database: "temporal"},
	})
	if err != nil {
		return err
	}
	select {}
}

// temporalServer is the server as a process: this one's program, told to be it.
func (i *Installation) temporalServer() *exec.Cmd {
	i.t.Helper()
	self, err := os.Executable()
	require.NoError(i.t, err)
	_, port, err := net.SplitHostPort(i.temporal)
	require.NoError(i.t, err)
	cmd := exec.Command(self) //nolint:noctx // it is killed
	cmd.Env = []string{portVariable + "=" + port, databaseVariable + "=" + i.database.Address()}
	return cmd
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
