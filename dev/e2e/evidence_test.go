package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"offboard/dev/internal/stack"
	"offboard/internal/app"
	"offboard/internal/ibmcloud"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// A report is held against the account's own ledger, change by change and entry by entry.
func TestEveryChangeOfAReportIsInTheLedger(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	// The answer to one reset is a failure although the key was made: its request is the one to look for.
	_, err := b.Sim.AddFault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", After: true, Status: http.StatusBadGateway})
	require.NoError(t, err)
	id := b.begin(map[string]any{"soak": "6s"})
	b.approve(id)
	report := b.report(id)
	require.Equal(t, offboard.Completed, report.Status, report.Message)

	assert.Empty(t, unproven(report, b.Sim.Ledger(), b.Config.FunctionalIDs))
	kept := b.kept()
	assert.Equal(t, report.Progress.Changes, kept.Progress.Changes, "what the worker kept says the same")
}

// What is taken back is evidence, too.
func TestEveryChangeThatIsTakenBackIsInTheLedger(t *testing.T) {
	b := start(t, stack.EngineOptions{Account: "sample"})
	id := b.begin(map[string]any{"soak": "10m"})
	b.approve(id)
	b.until(id, "the soak", func(p offboard.Progress) bool { return p.Phase == offboard.PhaseSoak })
	_, err := b.Runs.Reinstate(b.ctx, id, workflows.Reinstate{By: "hr@acme.example", Note: "They stay."})
	require.NoError(t, err)
	report := b.report(id)
	require.Equal(t, offboard.Reinstated, report.Status, report.Message)
	require.True(t, slices.ContainsFunc(report.Progress.Changes, func(c offboard.Change) bool { return c.Undo }))

	assert.Empty(t, unproven(report, b.Sim.Ledger(), b.Config.FunctionalIDs))
}

// unproven returns a sentence for every change that the ledger does not bear out, and for every entry of the engine's and
// the functional IDs' that the report leaves out, but for those inside clusters, where a change takes several.
func unproven(r offboard.Report, ledger []ibmsim.Entry, ids []app.FunctionalID) []string {
	var list []string
	wrong := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	ours, inClusters := map[string]ibmsim.Entry{}, map[string]bool{}
	for _, e := range ledger {
		functional := slices.ContainsFunc(ids, func(f app.FunctionalID) bool { return strings.EqualFold(f.Email, e.Email) })
		switch {
		case e.Method == "", !functional && e.Email != r.Progress.Engine:
		case strings.HasPrefix(e.Action, "kubernetes."):
			inClusters[e.Target+" by "+e.Email] = true
		default:
			ours[e.RequestID] = e
		}
	}
	for _, c := range r.Progress.Changes {
		if c.Event == "" && c.RequestID == "" {
			words := strings.Fields(c.What) // as in "Restarted kube-system/x in cluster"
			if words[0] == "Restarted" && !inClusters[words[3]+"/"+words[1]+" by "+c.By] {
				wrong("%s as %s: the cluster did not see that", c.What, c.By)
			}
			continue
		}
		e, there := ours[c.RequestID]
		delete(ours, c.RequestID)
		switch {
		case !there:
			wrong("%s: the ledger knows no request %q", c.What, c.RequestID)
			continue
		case e.Action != c.Event:
			wrong("%s: the ledger says %s, the report %s", c.What, e.Action, c.Event)
		case !strings.EqualFold(e.Email, c.By):
			wrong("%s: the ledger says it was %s, the report %s", c.What, e.Email, c.By)
		case e.Time.Before(r.Started), e.Time.After(c.At.Add(time.Second)), c.At.After(r.Ended):
			wrong("%s: it was at %s, reported for %s, in a run from %s to %s", c.What, e.Time, c.At, r.Started, r.Ended)
		}
		if target := cmp.Or(e.Details["cluster"], e.Details["key"], e.Details["iam_id"], e.Target); c.Target != target && c.Target != e.Target {
			wrong("%s: the ledger says it was of %s (%v), the report of %s", c.What, e.Target, e.Details, c.Target)
		}
	}
	for _, e := range ours {
		wrong("the report does not say: %s %s by %s (%s)", e.Action, e.Target, e.Email, e.RequestID)
	}
	return list
}

// kept is the report in JSON that the worker kept.
func (b *bench) kept() offboard.Report {
	b.t.Helper()
	var report offboard.Report
	data, err := os.ReadFile(b.file(".json"))
	require.NoError(b.t, err)
	require.NoError(b.t, json.Unmarshal(data, &report))
	return report
}

// file is the one report of a kind that the worker kept.
func (b *bench) file(ending string) string {
	b.t.Helper()
	found, err := filepath.Glob(filepath.Join(b.reports, "*"+ending))
	require.NoError(b.t, err)
	require.Len(b.t, found, 1)
	return found[0]
}

// What the worker signs is verified by the command line as it is shipped, forged or not, and held against the account.
func TestASignedReport(t *testing.T) {
	b := start(t, stack.EngineOptions{NoWorker: true})
	b.signs()
	starter := b.build()
	id := b.begin(nil)
	b.approve(id)
	report := b.report(id)
	require.Equal(t, offboard.Completed, report.Status, report.Message)

	var found struct{ PublicKey string }
	out, code := b.call(starter, "setup", "--output", "json")
	require.Zero(t, code, out)
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	require.NotEmpty(t, found.PublicKey)

	for _, file := range []string{b.file(".json"), b.file(".html")} {
		out, code := b.call(starter, "report", "--verify", file, "--public-key", found.PublicKey, "--account")
		assert.Zero(t, code, out)
		for _, words := range []string{"✓ content hash", "✓ signature: made with the key given", "✓ user: " + leaver + " is still gone", "✓ keys", "✓ cluster web-eu"} {
			assert.Contains(t, out, words)
		}
		out, code = b.call(starter, "report", "--verify", forged(t, file), "--public-key", found.PublicKey)
		assert.Equal(t, 1, code, out)
		assert.Contains(t, out, "✗ signature")
	}
	out, code = b.call(starter, "report", "--verify", b.file(".json"), "--public-key", publicKey(t))
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "another key than the one given")

	b.drifts(report)
	out, code = b.call(starter, "report", "--verify", b.file(".json"), "--public-key", found.PublicKey, "--account")
	assert.Equal(t, 1, code, out)
	for _, words := range []string{"✓ signature", "✗ user: " + leaver + " is a user of the account again", "✗ keys: again", "✗ cluster web-us: depends on the key of " + other, "✓ cluster web-eu"} {
		assert.Contains(t, out, words)
	}
}

// signs gives the configuration a key to sign with, and starts the worker.
func (b *bench) signs() {
	b.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b.t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(b.t, err)
	key := filepath.Join(b.t.TempDir(), "report-key")
	require.NoError(b.t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	file := b.Env["OFFBOARD_CONFIG"]
	config, err := os.ReadFile(file)
	require.NoError(b.t, err)
	signed := strings.Replace(string(config), "\nreports:\n", "\nreports:\n  signingKey: \"file:"+key+"\"\n", 1)
	require.NotEqual(b.t, string(config), signed)
	require.NoError(b.t, os.WriteFile(file, []byte(signed), 0o600))
	b.Config, err = app.LoadConfig("", func(name string) string { return b.Env[name] })
	require.NoError(b.t, err)
	require.NoError(b.t, b.StartWorker())
}

// build builds the command line as it is shipped.
func (b *bench) build() string {
	b.t.Helper()
	program := filepath.Join(b.t.TempDir(), "starter")
	out, err := exec.CommandContext(b.ctx, "go", "build", "-C", filepath.Join("..", ".."), "-o", program, "./starter").CombinedOutput()
	require.NoError(b.t, err, string(out))
	return program
}

// call runs a program in the environment of the bench.
func (b *bench) call(program string, args ...string) (out string, code int) {
	b.t.Helper()
	cmd := exec.CommandContext(b.ctx, program, args...)
	for name, value := range b.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		require.NoError(b.t, err)
	}
	if complained.Len() > 0 {
		b.t.Logf("%s %v: %s", filepath.Base(program), args, complained.String())
	}
	return said.String(), cmd.ProcessState.ExitCode()
}

// forged is a copy of a report in which another approver stands.
func forged(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := bytes.ReplaceAll(data, []byte(approver), []byte("somebody@acme.example"))
	require.NotEqual(t, data, changed)
	copied := filepath.Join(t.TempDir(), filepath.Base(file))
	require.NoError(t, os.WriteFile(copied, changed, 0o600))
	return copied
}

// publicKey is one that has signed nothing.
func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "other.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	return file
}

// other is who takes a scope over behind the engine's back.
const other = "owner@acme.example"

// drifts lets the account come to differ from a report: the leaver is back with a new key, and one scope is somebody else's.
func (b *bench) drifts(report offboard.Report) {
	b.t.Helper()
	config := b.Config
	cloud, err := app.NewCloud(config, zap.NewNop())
	require.NoError(b.t, err)
	_, err = cloud.Users.Invite(b.ctx, leaver)
	require.NoError(b.t, err)
	require.Eventually(b.t, func() bool { return b.Sim.Accept(leaver) }, 10*time.Second, 50*time.Millisecond, "the invitation must be processed first")
	b.newKey(cloud)
	as, err := ibmcloud.New(ibmcloud.Config{Account: config.Account, Endpoints: config.Endpoints, APIKey: config.Key.Read,
		FunctionalIDs: []ibmcloud.FunctionalID{{Email: other, APIKey: func(context.Context) (string, error) { return "CANARY-key-owner", nil }}}})
	require.NoError(b.t, err)
	for _, s := range report.Progress.Scopes {
		if s.Scope.Region == "us-south" {
			require.NoError(b.t, as.Successors.Reset(b.ctx, other, s.Scope))
		}
	}
}

// newKey is one that the leaver makes as soon as they are back. The adapter cannot: it makes no keys.
func (b *bench) newKey(cloud *ibmcloud.Cloud) {
	b.t.Helper()
	people, err := cloud.Users.People(b.ctx)
	require.NoError(b.t, err)
	i := slices.IndexFunc(people, func(p offboard.Person) bool { return p.Email == leaver })
	require.GreaterOrEqual(b.t, i, 0)
	token, in := b.Sim.Login(leaver)
	require.True(b.t, in)
	body := fmt.Sprintf(`{"name": "again", "iam_id": %q, "account_id": %q}`, people[i].IAMID, b.Config.Account)
	request, err := http.NewRequestWithContext(b.ctx, http.MethodPost, b.Config.Endpoints.IAM+"/v1/apikeys", strings.NewReader(body))
	require.NoError(b.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(b.t, err)
	defer response.Body.Close()
	require.Equal(b.t, http.StatusCreated, response.StatusCode)
	require.Eventually(b.t, func() bool {
		keys, err := cloud.Keys.UserKeys(b.ctx)
		return err == nil && slices.ContainsFunc(keys, func(k offboard.Key) bool { return k.Name == "again" })
	}, 10*time.Second, 50*time.Millisecond, "new keys are listed late")
}
