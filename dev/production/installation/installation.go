//go:build unix

// Package installation runs what docker-compose.yml describes as processes of this machine, with the sandbox's configuration
// and secrets: PostgreSQL, a Temporal server on it, its set-up, worker, HTTP door and codec server, each with the command,
// the variables and the health check that stand in that file. The simulated IBM Cloud and the receiver of traces are part
// of the test's own process, and outlive all others. It is for tests.
//
// It must not know what is done to the installation.
package installation

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"offboard/dev/internal/postgres"
	"offboard/dev/internal/stack"
	"offboard/dev/observe/traces"
	"offboard/internal/app"
)

// The services that run, by their names in docker-compose.yml and in the order in which that starts them. Temporal's
// schema and namespace are made by its own process here.
const (
	Postgres    = "postgres"
	Temporal    = "temporal"
	Worker      = "worker"
	Door        = "door"
	CodecServer = "codec-server"
)

// Services are all that stay up.
var Services = []string{Postgres, Temporal, Worker, Door, CodecServer}

const (
	setup   = "setup" // ends by itself
	sandbox = "deploy/compose/sandbox"
	root    = "../.." // every package of tests is two directories deep
	// patience is far more than anything takes, so that a slow machine breaks no test.
	patience = 10 * time.Minute
)

// Installation is everything an offboarding needs. Its methods fail the test instead of returning errors.
type Installation struct {
	Sim    *stack.Sim
	Traces *traces.Receiver

	t        *testing.T
	project  *types.Project
	place    *strings.Replacer // of the containers' names and paths
	state    string            // directory: /var/lib/offboard of all
	temporal string            // host:port
	door     string            // URL
	codec    string            // URL
	health   map[string]string // address, by service
	database *postgres.Server
	log      log
	running  map[string]*exec.Cmd
}

// OneScopeAfterTheOther changes the sandbox's configuration so that something is left to be done after the first reset, and
// the soak is longer than a test takes to notice it.
func OneScopeAfterTheOther(config string) string {
	return strings.NewReplacer("\npolicy:\n", "\npolicy:\n  parallelScopes: 1\n", "\n  soak: 6s\n", "\n  soak: 15s\n").Replace(config)
}

// New prepares an installation for an account, named as ibmsim.Load names it, and starts nothing but the simulated cloud.
// edit may change the sandbox's configuration.
func New(t *testing.T, account string, edit func(config string) string) *Installation {
	t.Helper()
	i := &Installation{t: t, Traces: traces.Receive(t), state: t.TempDir(), temporal: freeAddress(t), health: map[string]string{}, running: map[string]*exec.Cmd{}}
	var err error
	i.Sim, err = stack.StartSim(t.Context(), account, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, i.Sim.Stop()) })
	i.database, err = postgres.New(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, i.database.Remove()) })
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithProfiles([]string{"*"}),
		cli.WithEnvFiles(filepath.Join(root, sandbox, "env")), cli.WithDotEnv, cli.WithEnv([]string{"IBMCLOUD_ACCOUNT_ID=" + i.Sim.AccountID()}))
	require.NoError(t, err)
	i.project, err = options.LoadProject(t.Context())
	require.NoError(t, err)
	i.place = i.onThisMachine(edit)
	t.Cleanup(i.KillAll)
	return i
}

// onThisMachine writes the secrets and returns what leads from the containers' world to this one.
func (i *Installation) onThisMachine(edit func(config string) string) *strings.Replacer {
	i.t.Helper()
	secrets, door, codec := i.t.TempDir(), freeAddress(i.t), freeAddress(i.t)
	i.door, i.codec = "http://"+door, "http://"+codec
	place := strings.NewReplacer(
		"/usr/local/bin", programs, "/run/secrets", secrets, "/var/lib/offboard", i.state,
		"temporal:7233", i.temporal, "http://ibmcloud:8400", i.Sim.URL, "http://otel-collector:4318", i.Traces.URL,
		"0.0.0.0:8443", door, "0.0.0.0:8234", codec)
	for name, s := range i.project.Secrets {
		text, err := os.ReadFile(s.File)
		require.NoError(i.t, err)
		if name == "offboard.yaml" {
			text = []byte(edit(place.Replace(string(text))))
		}
		require.NoError(i.t, os.WriteFile(filepath.Join(secrets, name), text, 0o600))
	}
	for _, name := range []string{Worker, Door, CodecServer} {
		i.health[name] = freeAddress(i.t)
	}
	return place
}

// Up starts everything, in the order of docker-compose.yml.
func (i *Installation) Up() {
	i.t.Helper()
	for _, name := range Services {
		i.Start(name)
	}
}

// Start starts a service and returns when it is ready. Temporal's includes its set-up, which may run any number of times.
func (i *Installation) Start(name string) {
	i.t.Helper()
	switch name {
	case Postgres:
		require.NoError(i.t, i.database.Start(i.t.Context()))
		return
	case Temporal:
		i.run(name, i.temporalServer())
		i.Eventually("Temporal answers", i.answers)
		out, err := i.command(setup).CombinedOutput()
		require.NoError(i.t, err, "%s", out)
		return
	}
	i.run(name, i.command(name))
	check := i.project.Services[name].HealthCheck.Test[1:]
	i.Eventually(name+" is healthy", func() bool {
		probe := exec.CommandContext(i.t.Context(), i.place.Replace(check[0]), check[1:]...)
		probe.Env = i.environment(name)
		return probe.Run() == nil
	})
}

// command is what a container of a service runs.
func (i *Installation) command(name string) *exec.Cmd {
	s := i.project.Services[name]
	arguments := slices.Concat([]string(s.Entrypoint), []string(s.Command))
	if len(arguments) == 0 {
		arguments = []string{"/usr/local/bin/worker"} // the image's own; dev/compose compares
	}
	cmd := exec.Command(i.place.Replace(arguments[0]), arguments[1:]...) //nolint:noctx // it is killed, or ends by itself
	cmd.Env = i.environment(name)
	return cmd
}

// environment is a service's, with the addresses of this machine.
func (i *Installation) environment(name string) []string {
	list := []string{
		"TEMPORAL_CONFIG_FILE=" + os.DevNull, // the profile of the person at this machine leads elsewhere
		"OFFBOARD_LOG_LEVEL=debug",           // to find a secret in any line
		"OTEL_BSP_SCHEDULE_DELAY=200",        // a process that is killed has sent most of its spans
	}
	for variable, value := range i.project.Services[name].Environment {
		switch {
		case value == nil:
		case variable == "OFFBOARD_HEALTH":
			list = append(list, variable+"="+i.health[name])
		default:
			list = append(list, variable+"="+i.place.Replace(*value))
		}
	}
	return list
}

func (i *Installation) run(name string, cmd *exec.Cmd) {
	i.t.Helper()
	require.Nil(i.t, i.running[name], "%s runs", name)
	cmd.Stdout, cmd.Stderr = &i.log, &i.log
	require.NoError(i.t, cmd.Start())
	i.running[name] = cmd
}

// Kill ends a service as kill -9 does, and returns when it is gone.
func (i *Installation) Kill(name string) {
	i.t.Helper()
	if name == Postgres {
		require.NoError(i.t, i.database.Kill())
		return
	}
	cmd := i.running[name]
	delete(i.running, name)
	if assert.NotNil(i.t, cmd, "%s does not run", name) && assert.NoError(i.t, cmd.Process.Kill(), name) {
		_ = cmd.Wait() // it says that it was killed
		assert.Equal(i.t, -1, cmd.ProcessState.ExitCode(), "%s had ended by itself", name)
	}
}

// KillAll ends everything that runs, as the loss of the machine does.
func (i *Installation) KillAll() {
	i.t.Helper()
	for _, name := range Services {
		if i.running[name] != nil || name == Postgres {
			i.Kill(name)
		}
	}
}

// Restart kills a service and starts it again, as Compose does with whatever dies; meanwhile is a look at what was reached
// by then.
func (i *Installation) Restart(name string, meanwhile func()) {
	i.t.Helper()
	assert.Equal(i.t, types.RestartPolicyUnlessStopped, i.project.Services[name].Restart, name)
	i.Kill(name)
	i.t.Logf("%s was killed", name)
	meanwhile()
	i.Start(name)
}

// Log is what all processes have said so far.
func (i *Installation) Log() string { return i.log.String() }

// Reports is the directory of finished reports.
func (i *Installation) Reports() string { return filepath.Join(i.state, "reports") }

// Eventually waits.
func (i *Installation) Eventually(what string, yes func() bool) {
	i.t.Helper()
	require.Eventually(i.t, yes, patience, 200*time.Millisecond, what)
}

// answers tells whether Temporal does.
func (i *Installation) answers() bool {
	c, err := i.dial()
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// dial connects as the operator's container does.
func (i *Installation) dial() (*app.Connection, error) {
	env := map[string]string{}
	for _, pair := range i.environment("starter") {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return app.Dial(context.WithoutCancel(i.t.Context()), func(name string) string { return env[name] }, zap.NewNop())
}

// Connected lends a connection and what reads runs with it, for one look.
func (i *Installation) Connected(look func(*app.Connection, *app.Runs)) {
	i.t.Helper()
	c, err := i.dial()
	require.NoError(i.t, err)
	defer c.Close()
	look(c, app.NewRuns(c, app.RunsConfig{Account: i.Sim.AccountID(), Namespace: c.Namespace, UI: c.UI}))
}
