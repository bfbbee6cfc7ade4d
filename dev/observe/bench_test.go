package observe_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/dev/observe/traces"
	"offboard/internal/offboard"
	"offboard/workflows"
)

const (
	leaver   = "leaver@acme.example"
	approver = "platform-lead@acme.example"
	account  = "../e2e/testdata/quick.yaml"
	secret   = "whsec_dGhlIHNlY3JldCBvZiB0aGUgSFIgc3lzdGVtLCBhbmQgbW9yZQ=="
)

// bench is an account, a receiver of traces, and the environment for programs.
type bench struct {
	*stack.Engine
	t      *testing.T
	ctx    context.Context
	traces *traces.Receiver
	door   string // address the door listens on
}

func start(t *testing.T) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	engine, err := stack.StartEngine(ctx, server, stack.EngineOptions{Account: account, NoWorker: true,
		Settings: stack.Settings{MinimumSoak: offboard.Duration(2 * time.Second)}}) // the life of a token in the account
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, engine.Stop()) })
	b := &bench{Engine: engine, t: t, ctx: ctx, traces: traces.Receive(t), door: free(t)}
	maps.Copy(b.Env, map[string]string{
		"HR_SECRET":                   secret,
		"OTEL_EXPORTER_OTLP_ENDPOINT": b.traces.URL,
		"OTEL_BSP_SCHEDULE_DELAY":     "200",
	})
	file, err := os.OpenFile(b.Env["OFFBOARD_CONFIG"], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	_, err = fmt.Fprintf(file, "triggers:\n  listen: %s\n  store: %s\n  requestedBy: hr-systems@acme.example\n  webhooks:\n    - {name: hr, secrets: [\"env:HR_SECRET\"]}\n",
		b.door, filepath.Join(t.TempDir(), "door.db"))
	require.NoError(t, err)
	return b
}

// free is an address nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// program is one of ours that runs.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    output
	health string // address of its probes and metrics
}

// run starts a program and waits until it is ready.
func (b *bench) run(name string, args ...string) *program {
	b.t.Helper()
	p := &program{t: b.t, cmd: exec.Command(filepath.Join(programs, name), args...), health: free(b.t)}
	for name, value := range b.Env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, "OFFBOARD_HEALTH="+p.health, "OFFBOARD_LOG_LEVEL=debug")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(b.t, p.cmd.Start())
	b.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // a test that failed before it drained
			_ = p.cmd.Wait()
		}
		if b.t.Failed() {
			b.t.Log(name, p.out.String())
		}
	})
	require.Eventually(b.t, func() bool { return p.get("/livez") == http.StatusOK && p.get("/readyz") == http.StatusOK }, time.Minute, 100*time.Millisecond, name+" is not ready")
	return p
}

func (p *program) get(path string) int {
	answer, err := http.Get("http://" + p.health + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// scrape reads the page of metrics as Prometheus does.
func (p *program) scrape() map[string]*dto.MetricFamily {
	p.t.Helper()
	answer, err := http.Get("http://" + p.health + "/metrics")
	require.NoError(p.t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, answer.StatusCode)
	for _, who := range []string{"@", "CANARY"} {
		assert.NotContains(p.t, string(page), who)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	require.NoError(p.t, err)
	return families
}

// drain tells a program to stop and waits until it has.
func (p *program) drain() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(p.t, p.cmd.Wait(), "it ends with 0")
}

// output collects what a program says while it is read.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// deliver sends the door an event as an HR system does, and returns the answer.
func (b *bench) deliver(id, kind, data string) string {
	b.t.Helper()
	now := time.Now()
	body := fmt.Sprintf(`{"type":"offboarding.%s","timestamp":%q,"data":%s}`, kind, now.UTC().Format(time.RFC3339Nano), data)
	signer, err := standardwebhooks.NewWebhook(secret)
	require.NoError(b.t, err)
	signature, err := signer.Sign(id, now, []byte(body))
	require.NoError(b.t, err)
	request, err := http.NewRequestWithContext(b.ctx, http.MethodPost, "http://"+b.door+"/webhooks/hr", strings.NewReader(body))
	require.NoError(b.t, err)
	for name, value := range map[string]string{"webhook-id": id, "webhook-timestamp": fmt.Sprint(now.Unix()), "webhook-signature": signature, "Content-Type": "application/json"} {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	require.Less(b.t, answer.StatusCode, 300, string(said))
	return string(said)
}

// until waits until the run's progress fulfils the condition.
func (b *bench) until(id, what string, condition func(offboard.Progress) bool) offboard.Progress {
	b.t.Helper()
	var last offboard.Progress
	met := false
	err := b.Runs.Follow(b.ctx, id, 200*time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		last, met = p, condition(p)
		return met
	})
	require.NoError(b.t, err, "wait for %s", what)
	require.True(b.t, met, "the run ended as %s without %s: %s", last.Status, what, last.Message)
	return last
}

// approve says yes to the plan, with the safest answers.
func (b *bench) approve(id string) {
	b.t.Helper()
	p := b.until(id, "a plan to approve", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseApprove && p.Plan != nil })
	_, err := b.Runs.Approve(b.ctx, id, workflows.Approve{By: approver, Digest: p.Plan.Digest, Answers: demo.Answers(*p.Plan)})
	require.NoError(b.t, err)
}
