package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
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
	"time"

	"github.com/stretchr/testify/require"
)

// starterProgram is starter as it is shipped, built once beside the worker.
var starterProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(workerProgram), "starter")
	out, err := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-o", path, "./starter").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build starter: %w\n%s", err, out)
	}
	return path, nil
})

// What the door of these tests knows its senders by; they open nothing else.
var doorSecrets = map[string]string{
	"OPERATOR_TOKEN": "CANARY-operators-token", "HR_SECRET": "whsec_Q0FOQVJZLXdlYmhvb2stc2VjcmV0LW9mLWUyZQ==", "SCIM_TOKEN": "CANARY-scims-token-0123",
	"OKTA_SECRET": "CANARY-oktas-secret-0123", "HIBOB_SECRET": "CANARY-hibobs-secret-0123", "HIBOB_USER": "SERVICE-5772", "HIBOB_TOKEN": "CANARY-hibobs-token",
	"BAMBOO_SECRET": "CANARY-bamboos-key-0123", "BAMBOO_KEY": "CANARY-bamboos-api-key",
	"APPROVAL_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}

// approverKey is the public half of APPROVAL_KEY.
const approverKey = "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="

// doorProcess is `starter serve` as a process of its own, at an address that stays when it is started again.
type doorProcess struct {
	b    *bench
	url  string
	env  map[string]string
	log  *logBuffer
	cmd  *exec.Cmd
	done chan struct{}
}

// openDoor starts a door in front of the bench's engine. The triggers are added to those that every test needs.
func (b *bench) openDoor(triggers map[string]any, env ...map[string]string) *doorProcess {
	b.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b.t, err)
	address := listener.Addr().String()
	require.NoError(b.t, listener.Close())
	dir := b.t.TempDir()
	all := map[string]any{
		"listen": address, "store": filepath.Join(dir, "door.db"), "requestedBy": "hr-systems@acme.example", "soak": "3s",
		"operators": []any{map[string]any{"name": "platform", "email": approver, "token": "env:OPERATOR_TOKEN"}},
		"webhooks":  []any{map[string]any{"name": "hr", "secrets": []string{"env:HR_SECRET"}}},
		"scim":      map[string]any{"token": []string{"env:SCIM_TOKEN"}},
		"okta":      map[string]any{"secrets": []string{"env:OKTA_SECRET"}},
	}
	maps.Copy(all, triggers)
	section, err := json.Marshal(all)
	require.NoError(b.t, err)
	config, err := os.ReadFile(b.Env["OFFBOARD_CONFIG"])
	require.NoError(b.t, err)
	file := filepath.Join(dir, "offboard.yaml")
	require.NoError(b.t, os.WriteFile(file, append(config, []byte("triggers: "+string(section)+"\n")...), 0o600))
	d := &doorProcess{b: b, url: "http://" + address, log: &logBuffer{}, env: maps.Clone(b.Env)}
	maps.Copy(d.env, doorSecrets)
	d.env["OFFBOARD_CONFIG"] = file
	for _, e := range env {
		maps.Copy(d.env, e)
	}
	d.start()
	b.t.Cleanup(func() {
		d.kill()
		b.clean("the door's output", d.log.String())
		if b.t.Failed() {
			b.t.Log(d.log.String())
		}
	})
	return d
}

// start runs the program and waits until it says that the door is open.
func (d *doorProcess) start() {
	d.b.t.Helper()
	program, err := starterProgram()
	require.NoError(d.b.t, err)
	d.cmd = exec.Command(program, "serve", "--output", "json")
	for name, value := range d.env {
		d.cmd.Env = append(d.cmd.Env, name+"="+value)
	}
	d.cmd.Stderr = d.log
	reader, writer, err := os.Pipe()
	require.NoError(d.b.t, err)
	defer reader.Close()
	d.cmd.Stdout = writer
	require.NoError(d.b.t, d.cmd.Start())
	require.NoError(d.b.t, writer.Close())
	cmd, done := d.cmd, make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }() // how it ended is the test's own doing
	d.done = done
	said, err := bufio.NewReader(reader).ReadString('}')
	require.NoError(d.b.t, err, "the door did not open: %s", d.log)
	require.Contains(d.b.t, said, d.url)
}

// kill ends the process as a lost machine does.
func (d *doorProcess) kill() {
	_ = d.cmd.Process.Kill() // it may have ended
	<-d.done
}

// drain ends it as Kubernetes does.
func (d *doorProcess) drain() {
	d.b.t.Helper()
	require.NoError(d.b.t, d.cmd.Process.Signal(syscall.SIGTERM))
	<-d.done
	require.Equal(d.b.t, 0, d.cmd.ProcessState.ExitCode())
}

// delivery is one request of a sender.
type delivery struct {
	method, path, body string
	header             map[string]string
}

// answered is what the door says to one.
type answered struct {
	status int
	after  string // Retry-After
	body   string
}

var doorClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// send sends it once; the error says that nobody answered.
func (d *doorProcess) send(v delivery) (answered, error) {
	r, err := http.NewRequestWithContext(d.b.ctx, v.method, d.url+v.path, strings.NewReader(v.body))
	if err != nil {
		return answered{}, err
	}
	if v.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range v.header {
		r.Header.Set(name, value)
	}
	answer, err := doorClient.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answered{status: answer.StatusCode, after: answer.Header.Get("Retry-After"), body: string(body)}, err
}

// deliver sends it as senders do: again while nobody answers or the door says to come again, though more often. It returns
// the final answer and how often it was sent.
func (d *doorProcess) deliver(v delivery) (answered, int, error) {
	for tries := 1; ; tries++ {
		a, err := d.send(v)
		if err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests {
			return a, tries, nil
		}
		select {
		case <-d.b.ctx.Done():
			return a, tries, fmt.Errorf("deliver to %s, answered %d %s: %w", v.path, a.status, a.body, d.b.ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// takes delivers and asserts the status; it returns the body.
func (d *doorProcess) takes(status int, v delivery) string {
	d.b.t.Helper()
	a, _, err := d.deliver(v)
	require.NoError(d.b.t, err)
	require.Equal(d.b.t, status, a.status, "%s %s: %s", v.method, v.path, a.body)
	return a.body
}

// outcome delivers an event and returns what became of it.
func (d *doorProcess) outcome(v delivery) (o struct{ Outcome, Message, Run string }) {
	d.b.t.Helper()
	a, _, err := d.deliver(v)
	require.NoError(d.b.t, err)
	require.Less(d.b.t, a.status, 300, a.body)
	require.NoError(d.b.t, json.NewDecoder(bytes.NewReader([]byte(a.body))).Decode(&o), a.body)
	return o
}
