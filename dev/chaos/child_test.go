package chaos_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/temporalite"
	"offboard/internal/app"
	"offboard/workflows"
)

// These make the test binary a Temporal server that keeps its state in a directory, with a worker in the same process,
// until it is killed.
const (
	childVariable = "OFFBOARD_CHAOS_CHILD_DATA"
	portVariable  = "OFFBOARD_CHAOS_CHILD_PORT"
)

func child(data string) int {
	if err := serveStack(data); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveStack(data string) error {
	port, err := strconv.Atoi(os.Getenv(portVariable))
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	ctx := context.Background()
	_, err = temporalite.Start(ctx, temporalite.Options{Port: port, Data: data, UIPort: temporalite.NoUI, SearchAttributes: workflows.SearchAttributes()})
	if err != nil {
		return err
	}
	config, err := app.LoadConfig("", os.Getenv)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	logger, err := app.NewLogger(os.Stderr, os.Getenv, config.Redactor)
	if err != nil {
		return fmt.Errorf("make the logger: %w", err)
	}
	conn, err := app.Dial(ctx, os.Getenv, logger)
	if err != nil {
		return err
	}
	w, err := app.NewWorker(conn, config, logger)
	if err != nil {
		return fmt.Errorf("make the worker: %w", err)
	}
	return w.Run(ctx)
}

// stackProcess starts the test binary as a server and worker on a data directory.
func (b *bench) stackProcess(data string, port int) *process {
	b.t.Helper()
	self, err := os.Executable()
	require.NoError(b.t, err)
	return b.run(self, childVariable+"="+data, portVariable+"="+strconv.Itoa(port))
}

// awaitServer connects as soon as the server of this case answers.
func (b *bench) awaitServer() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		conn, err := app.Dial(b.ctx, b.lookup, b.logger)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}, time.Minute, 200*time.Millisecond, "the server of this case")
	b.connect()
}
