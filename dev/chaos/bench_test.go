package chaos_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/internal/ibmsim"
)

const (
	leaver    = "leaver@acme.example"
	leaverIAM = "IBMid-270006LEAV"
	requester = "hr@acme.example"
	approver  = "platform-lead@acme.example"
	// soak is what runs ask for: the life of a token in the accounts here, which is the least there may be.
	soak = time.Second
)

// setup says how a case differs from the usual one.
type setup struct {
	account  string // text of an account file; "" means testdata/small.yaml
	noWorker bool   // the case runs worker processes
	address  string // of a Temporal server that is not the shared one
	// budget is how long a step is tried before it holds; zero means six seconds.
	budget time.Duration
}

// bench is one case's account, namespace and, unless it runs processes, worker.
type bench struct {
	t       *testing.T
	ctx     context.Context
	sim     *stack.Sim
	runs    *app.Runs
	conn    *app.Connection
	env     map[string]string
	reports string
	log     *logBuffer
	began   time.Time
	owners  map[string]string // of the keys there were at first, by ID
	dead    map[string]bool   // keys that were disabled at first, by ID
	before  []string          // exact picture of the account at first

	config app.Config
	logger *zap.Logger
	stop   context.CancelFunc
	ended  chan error
}

// caseLimit ends a case that hangs. A killed worker costs up to half a minute each time.
const caseLimit = 4 * time.Minute

// start sets a bench up in a namespace of its own.
func start(t *testing.T, s setup) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), caseLimit)
	t.Cleanup(cancel)
	dir := t.TempDir()
	b := &bench{t: t, ctx: ctx, log: &logBuffer{}, reports: filepath.Join(dir, "reports"), began: time.Now()}
	sim, err := stack.StartSim(ctx, accountFile(t, dir, s.account), 0)
	require.NoError(t, err)
	b.sim, b.owners, b.dead = sim, map[string]string{}, map[string]bool{}
	for _, k := range sim.State().Keys {
		b.owners[k.ID], b.dead[k.ID] = k.Owner, k.Disabled
	}
	b.before = picture(sim.State(), true)
	t.Cleanup(func() { require.NoError(t, sim.Stop()) })
	address, namespace := s.address, "default"
	if address == "" {
		address = server.Address()
		namespace = takeNamespace(t)
	}
	b.env, err = sim.Environment()
	require.NoError(t, err)
	maps.Copy(b.env, map[string]string{
		"OFFBOARD_CONFIG": b.writeConfig(dir, cmp.Or(s.budget, 6*time.Second)), "TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace,
		"TEMPORAL_CONFIG_FILE": os.DevNull, "OFFBOARD_LOG_LEVEL": "debug", "OFFBOARD_LOG_FORMAT": "json",
	})
	b.config, err = app.LoadConfig("", b.lookup)
	require.NoError(t, err)
	b.logger, err = app.NewLogger(b.log, b.lookup, b.config.Redactor)
	require.NoError(t, err)
	if s.address != "" {
		return b // the server is not up yet
	}
	b.connect()
	if !s.noWorker {
		b.startWorker()
	}
	return b
}

// arm lets a fault strike from now on and returns its ID.
func (b *bench) arm(f ibmsim.Fault) int {
	b.t.Helper()
	id, err := b.sim.AddFault(f)
	require.NoError(b.t, err)
	return id
}

// hits tells how often a fault has struck.
func (b *bench) hits(id int) int {
	for _, f := range b.sim.Faults() {
		if f.ID == id {
			return f.Hits
		}
	}
	return 0
}

func (b *bench) lookup(name string) string { return b.env[name] }

// connect dials the Temporal server as a person at the command line would.
func (b *bench) connect() {
	b.t.Helper()
	conn, err := app.Dial(b.ctx, b.lookup, zap.NewNop())
	require.NoError(b.t, err)
	b.t.Cleanup(conn.Close)
	b.conn = conn
	b.runs = app.NewRuns(conn, app.RunsConfig{Account: b.config.Account, Namespace: conn.Namespace, Patience: 15 * time.Second})
}

// startWorker runs the worker in this process.
func (b *bench) startWorker() {
	b.t.Helper()
	conn, err := app.Dial(b.ctx, b.lookup, b.logger)
	require.NoError(b.t, err)
	w, err := app.NewWorker(conn, b.config, b.logger)
	require.NoError(b.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx); conn.Close() }()
	b.stop, b.ended = stop, ended
	b.t.Cleanup(b.stopWorker)
}

// stopWorker drains the worker of this process; it does nothing while none runs.
func (b *bench) stopWorker() {
	if b.stop == nil {
		return
	}
	b.stop()
	b.stop = nil
	if err := <-b.ended; err != nil {
		b.t.Errorf("the worker ended badly: %v", err)
	}
}

var accounts atomic.Int64

// accountFile writes an account with an ID of its own, so that no two cases share a workflow ID.
func accountFile(t *testing.T, dir, text string) string {
	t.Helper()
	if text == "" {
		small, err := os.ReadFile(filepath.Join("testdata", "small.yaml"))
		require.NoError(t, err)
		text = string(small)
	}
	id := fmt.Sprintf("c%031x", accounts.Add(1))
	text = strings.Replace(text, "id: c0000000000000000000000000000000", "id: "+id, 1)
	path := filepath.Join(dir, "account.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// configFile is a policy whose budgets are as much shorter than a real one's as the account is faster.
var configFile = template.Must(template.New("config").Parse(`
functionalIds:
{{- range .FunctionalIDs}}
  - {email: {{.Email}}, apiKey: "env:{{.Variable}}"}
{{- end}}
policy:
  minimumSoak: {{.Soak}}
  soakProbe: 300ms
  planFreshness: 15m
  replication: 1s
  secretPatience: 500ms
  grantPatience: 3s
  stepBudget: {{.Budget}}
  cleanBindings: true
reports: {directory: {{printf "%q" .Reports}}}
worker: {drain: 1s}
`))

func (b *bench) writeConfig(dir string, budget time.Duration) string {
	b.t.Helper()
	type functionalID struct{ Email, Variable string }
	var ids []functionalID
	for i, email := range b.sim.FunctionalIDs() {
		ids = append(ids, functionalID{email, fmt.Sprintf("FUNCTIONAL_ID_%d_API_KEY", i+1)})
	}
	var text strings.Builder
	require.NoError(b.t, configFile.Execute(&text, map[string]any{"FunctionalIDs": ids, "Soak": soak, "Budget": budget, "Reports": b.reports}))
	path := filepath.Join(dir, "offboard.yaml")
	require.NoError(b.t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

// logBuffer collects a log that is written while it is read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*logBuffer)(nil)

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
