//go:build postgres

package postgres_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"offboard/dev/internal/postgres"
	"offboard/dev/internal/stack"
	"offboard/internal/app"
)

// What people and programs know each other by. None of it may be found in the databases.
const (
	operatorToken = "CANARY-token-of-an-operator"
	hrSecret      = "whsec_Q0FOQVJZLXdlYmhvb2stc2VjcmV0LW9mLXBvc3RncmVz"
	encryptionKey = "CANARY-encryption-key-32-bytes--"
	leaver        = "leaver@acme.example"
	approver      = "platform-lead@acme.example"
	requester     = "hr@acme.example"
)

// installation is everything docker-compose.yml starts that an offboarding needs, as processes of this machine. The
// simulated cloud is not part of it: what is killed here leaves IBM's account as it is.
type installation struct {
	t        *testing.T
	database *postgres.Server
	sim      *stack.Sim
	temporal string // host:port
	door     string // URL
	env      map[string]string
	log      *log
	running  []*exec.Cmd
}

// log takes what all processes write.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is everything so far.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{t: t, temporal: freeAddress(t), log: &log{}}
	var err error
	i.database, err = postgres.New(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, i.database.Remove()) })
	i.sim, err = stack.StartSim(t.Context(), "sample", 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, i.sim.Stop()) })
	i.env, err = i.sim.Environment()
	require.NoError(t, err)
	listen := freeAddress(t)
	i.door = "http://" + listen
	maps.Copy(i.env, map[string]string{
		"OFFBOARD_CONFIG":      i.configure(listen),
		"OFFBOARD_LOG_LEVEL":   "debug",
		"TEMPORAL_ADDRESS":     i.temporal,
		"TEMPORAL_CONFIG_FILE": os.DevNull, // the profile of the person at this machine leads elsewhere
		"OPERATOR_TOKEN":       operatorToken,
		"HR_SECRET":            hrSecret,
		"ENCRYPTION_KEY":       base64.StdEncoding.EncodeToString([]byte(encryptionKey)),
	})
	t.Cleanup(i.kill)
	return i
}

// configure writes the file that all programs read, with the sandbox's times. One scope follows the other, so that a kill
// after the first leaves something to be done.
func (i *installation) configure(listen string) string {
	i.t.Helper()
	dir := i.t.TempDir()
	var ids []any
	for n, email := range i.sim.FunctionalIDs() {
		ids = append(ids, map[string]string{"email": email, "apiKey": fmt.Sprintf("env:FUNCTIONAL_ID_%d_API_KEY", n+1)})
	}
	text, err := json.Marshal(map[string]any{
		"functionalIds": ids,
		"policy":        map[string]any{"minimumSoak": "4s", "soakProbe": "2s", "replication": "3s", "secretPatience": "3s", "grantPatience": "1m", "parallelScopes": 1},
		"reports":       map[string]any{"directory": filepath.Join(dir, "reports")},
		"encryption":    map[string]any{"keys": []any{map[string]string{"id": "test", "key": "env:ENCRYPTION_KEY"}}},
		"triggers": map[string]any{
			"listen": listen, "store": filepath.Join(dir, "door.db"), "requestedBy": requester, "soak": "6s",
			"operators": []any{map[string]string{"name": "platform", "email": approver, "token": "env:OPERATOR_TOKEN"}},
			"webhooks":  []any{map[string]any{"name": "hr", "secrets": []string{"env:HR_SECRET"}}},
		},
	})
	require.NoError(i.t, err)
	file := filepath.Join(dir, "offboard.yaml")
	require.NoError(i.t, os.WriteFile(file, text, 0o600))
	return file
}

// start brings everything up, in the order of docker-compose.yml.
func (i *installation) start() {
	i.t.Helper()
	require.NoError(i.t, i.database.Start(i.t.Context()))
	self, err := os.Executable()
	require.NoError(i.t, err)
	_, port, err := net.SplitHostPort(i.temporal)
	require.NoError(i.t, err)
	i.run(self, nil, portVariable+"="+port, databaseVariable+"="+i.database.Address())
	i.eventually("Temporal answers", func() bool {
		c, err := i.dial()
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	i.run(filepath.Join(programs, "worker"), nil)
	i.run(filepath.Join(programs, "starter"), []string{"serve"})
	i.eventually("the door is ready", func() bool {
		reply, err := http.Get(i.door + "/readyz")
		if err != nil {
			return false
		}
		reply.Body.Close()
		return reply.StatusCode == http.StatusOK
	})
}

func (i *installation) run(program string, arguments []string, more ...string) {
	i.t.Helper()
	cmd := exec.Command(program, arguments...)
	for name, value := range i.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, more...)
	cmd.Stdout, cmd.Stderr = i.log, i.log
	require.NoError(i.t, cmd.Start())
	i.running = append(i.running, cmd)
}

// kill ends every process and the database as the loss of the machine does.
func (i *installation) kill() {
	for _, cmd := range i.running {
		if err := cmd.Process.Kill(); err != nil {
			i.t.Errorf("kill %s: %v", cmd.Path, err)
		}
		_ = cmd.Wait() // it says that it was killed
	}
	i.running = nil
	require.NoError(i.t, i.database.Kill())
}

func (i *installation) dial() (*app.Connection, error) {
	return app.Dial(i.t.Context(), func(name string) string { return i.env[name] }, zap.NewNop())
}

// runs is a client of its own, for one look.
func (i *installation) runs(look func(*app.Runs)) {
	i.t.Helper()
	c, err := i.dial()
	require.NoError(i.t, err)
	defer c.Close()
	look(app.NewRuns(c, app.RunsConfig{Account: i.sim.AccountID(), Namespace: c.Namespace, UI: c.UI}))
}

func (i *installation) eventually(what string, yes func() bool) {
	i.t.Helper()
	require.Eventually(i.t, yes, 3*time.Minute, 200*time.Millisecond, what)
}

// hr says by the webhook that somebody leaves, and returns the status and what the door answered.
func (i *installation) hr(event string) (int, string) {
	i.t.Helper()
	body, now := `{"type":"offboarding.requested","timestamp":"`+time.Now().UTC().Format(time.RFC3339)+`","data":{"user":{"email":"`+leaver+`"},"requested_by":"`+requester+`"}}`, time.Now()
	signer, err := standardwebhooks.NewWebhook(hrSecret)
	require.NoError(i.t, err)
	signature, err := signer.Sign(event, now, []byte(body))
	require.NoError(i.t, err)
	return i.post("/webhooks/hr", body, map[string]string{
		"webhook-id": event, "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature,
	})
}

func (i *installation) post(path, body string, header map[string]string) (int, string) {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.door+path, strings.NewReader(body))
	require.NoError(i.t, err)
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(request)
	require.NoError(i.t, err)
	defer reply.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(reply.Body)
	require.NoError(i.t, err)
	return reply.StatusCode, text.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
