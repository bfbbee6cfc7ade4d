package chaos_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/dev/internal/temporalite"
	"offboard/internal/app"
	"offboard/workflows"
)

// The first makes the test binary a Temporal server, with a worker in the same process, until it is killed. It keeps its
// state in a directory or in a PostgreSQL server.
const (
	portVariable     = "OFFBOARD_CHAOS_CHILD_PORT"
	dataVariable     = "OFFBOARD_CHAOS_CHILD_DATA"
	postgresVariable = "OFFBOARD_CHAOS_CHILD_POSTGRES" // user@host:port
)

func child(port string) int {
	if err := serveStack(port); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveStack(portText string) error {
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	o := temporalite.Options{Port: port, Data: os.Getenv(dataVariable), UIPort: temporalite.NoUI, SearchAttributes: workflows.SearchAttributes()}
	if user, address, given := strings.Cut(os.Getenv(postgresVariable), "@"); given {
		o.PostgreSQL = &temporalite.PostgreSQL{Address: address, User: user, Database: "temporal"}
	}
	ctx := context.Background()
	if _, err = temporalite.Start(ctx, o); err != nil {
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

// stackProcess starts the test binary as a server and worker; store is the variable that says where it keeps its state.
func (b *bench) stackProcess(port int, store string) *process {
	b.t.Helper()
	self, err := os.Executable()
	require.NoError(b.t, err)
	return b.run(self, portVariable+"="+strconv.Itoa(port), store)
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
