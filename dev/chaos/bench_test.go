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
	// lasting: the fault lasts minutes, so the budgets are those of a real account, and people look less often.
	lasting bool
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
	look    time.Duration // how often people look at a run
	slot    *slot
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

// These end a case that hangs. A killed worker costs up to half a minute each time; after a fault of two minutes the next
// attempt may come two minutes later.
const (
	caseLimit    = 4 * time.Minute
	lastingLimit = 8 * time.Minute
)

// start sets a bench up in a namespace of its own.
func start(t *testing.T, s setup) *bench {
	t.Helper()
	address, namespace := s.address, "default"
	if address == "" {
		address, namespace = server.Address(), takeNamespace(t)
	}
	b := &bench{t: t, slot: takeSlot(t), look: look, log: &logBuffer{}, began: time.Now()}
	limit := caseLimit
	if s.lasting {
		limit, b.look = lastingLimit, lastingLook
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	dir := t.TempDir()
	b.ctx, b.reports = ctx, filepath.Join(dir, "reports")
	sim, err := stack.StartSim(ctx, accountFile(t, dir, s.account), 0)
	require.NoError(t, err)
	b.sim, b.owners, b.dead = sim, map[string]string{}, map[string]bool{}
	for _, k := range sim.State().Keys {
		b.owners[k.ID], b.dead[k.ID] = k.Owner, k.Disabled
	}
	b.before = picture(sim.State(), true)
	t.Cleanup(func() { require.NoError(t, sim.Stop()) })
	b.env, err = sim.Environment()
	require.NoError(t, err)
	maps.Copy(b.env, map[string]string{
		"OFFBOARD_CONFIG": b.writeConfig(dir, s), "TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace,
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
	conn := b.dial(zap.NewNop())
	b.t.Cleanup(conn.Close)
	b.conn = conn
	b.runs = app.NewRuns(conn, app.RunsConfig{Account: b.config.Account, Namespace: conn.Namespace, Patience: time.Minute})
}

// dial gives a busy machine some time beyond a client's own.
func (b *bench) dial(logger *zap.Logger) *app.Connection {
	b.t.Helper()
	for try := 1; ; try++ {
		conn, err := app.Dial(b.ctx, b.lookup, logger)
		if err == nil {
			return conn
		}
		require.Less(b.t, try, 5, "%v", err)
	}
}

// startWorker runs the worker in this process.
func (b *bench) startWorker() {
	b.t.Helper()
	conn := b.dial(b.logger)
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

// configFile is a policy whose budgets are as much shorter than a real one's as the account is faster, or not.
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
{{- if .Budget}}
  grantPatience: 3s
  stepBudget: {{.Budget}}
{{- end}}
  cleanBindings: true
reports: {directory: {{printf "%q" .Reports}}}
worker: {drain: 1s}
`))

func (b *bench) writeConfig(dir string, s setup) string {
	b.t.Helper()
	type functionalID struct{ Email, Variable string }
	var ids []functionalID
	for i, email := range b.sim.FunctionalIDs() {
		ids = append(ids, functionalID{email, fmt.Sprintf("FUNCTIONAL_ID_%d_API_KEY", i+1)})
	}
	budget := cmp.Or(s.budget, 6*time.Second)
	if s.lasting {
		budget = 0
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
