//go:build postgres

package postgres_test

import (
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/postgres"
	"offboard/dev/internal/witness"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// TestEverythingIsKilledInTheMiddle: HR's webhook starts an offboarding, a person approves it at the door, and while
// scopes are handed over the worker, the door, Temporal and PostgreSQL are killed at once. They come back and finish, as
// if nothing had happened.
func TestEverythingIsKilledInTheMiddle(t *testing.T) {
	i := install(t)
	i.start()
	status, said := i.hr("event-1")
	require.Equal(t, http.StatusAccepted, status, said)

	var id string
	var plan offboard.Plan
	i.eventually("a plan waits", func() bool {
		var p offboard.Progress
		i.runs(func(r *app.Runs) { id, p = i.standing(r) })
		if p.Phase != offboard.PhaseApprove || p.Plan == nil {
			return false
		}
		plan = *p.Plan
		return true
	})
	body, err := json.Marshal(map[string]any{"digest": plan.Digest, "answers": demo.Answers(plan)})
	require.NoError(t, err)
	status, said = i.post("/runs/approve?user="+leaver, string(body), map[string]string{"Authorization": "Bearer " + operatorToken})
	require.Equal(t, http.StatusOK, status, said)

	i.eventually("a scope was reset", func() bool { return i.resets() > 0 })
	require.Less(t, i.resets(), len(plan.Handovers), "something is left to be done")
	i.kill()
	i.start()

	status, again := i.hr("event-1")
	assert.Equal(t, http.StatusAccepted, status, again)
	var report offboard.Report
	i.runs(func(r *app.Runs) { report, err = r.Wait(t.Context(), id) })
	require.NoError(t, err)
	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	assert.Empty(t, witness.Judge(report, i.sim.Ledger(), i.sim.Outages()))
	assert.Empty(t, i.sim.Unknown())
	require.NotNil(t, report.Progress.Approval)
	assert.Equal(t, approver, report.Progress.Approval.By)

	assert.Empty(t, canary.FindString(i.log.String()), "a secret in the output of the programs")
	i.searched(id)
}

// standing is the open run of the leaver; nothing while there is none.
func (i *installation) standing(r *app.Runs) (string, offboard.Progress) {
	id, err := r.Find(i.t.Context(), leaver)
	if err != nil {
		return "", offboard.Progress{}
	}
	p, _, err := r.Status(i.t.Context(), id)
	if err != nil {
		return "", offboard.Progress{}
	}
	return id, p
}

// resets counts the cluster keys that were made.
func (i *installation) resets() (n int) {
	for _, e := range i.sim.Ledger() {
		if e.Action == "containers-kubernetes.account-api-key.reset" {
			n++
		}
	}
	return n
}

// canary finds secrets: every key of the simulated account carries the mark, tokens are known by their form.
var canary = regexp.MustCompile(`CANARY-|whsec_|eyJ[A-Za-z0-9_-]{10,}\.|(?i)bearer [a-z0-9]`)

// binary is how a dump writes bytes.
var binary = regexp.MustCompile(`\\\\x([0-9a-f]{2,})`)

// searched dumps both databases and finds neither a secret nor a person in them, in texts as well as in bytes.
func (i *installation) searched(id string) {
	i.t.Helper()
	host, port, err := net.SplitHostPort(i.database.Address())
	require.NoError(i.t, err)
	all := 0
	mentioned, decoded := false, false
	for _, database := range []string{"temporal", "temporal_visibility"} {
		dump, err := exec.CommandContext(i.t.Context(), "pg_dump", "-h", host, "-p", port, "-U", postgres.User, database).Output()
		require.NoError(i.t, err)
		text := binary.ReplaceAllStringFunc(string(dump), func(found string) string {
			raw, err := hex.DecodeString(found[len(`\\x`):])
			require.NoError(i.t, err)
			return string(raw)
		})
		all += len(text)
		mentioned = mentioned || strings.Contains(text, id)
		decoded = decoded || strings.Contains(text, "binary/encrypted")
		for _, at := range canary.FindAllStringIndex(text, 5) {
			assert.Failf(i.t, "a secret is in the database", "%s: …%q…", database, text[max(at[0]-80, 0):min(at[1]+20, len(text))])
		}
		for _, person := range []string{leaver, approver, requester, encryptionKey} {
			assert.False(i.t, strings.Contains(text, person), "%s is in %s", person, database) // the text is too long to be shown
		}
	}
	assert.True(i.t, mentioned, "the search reaches what Temporal keeps of the run")
	assert.True(i.t, decoded, "it reaches the payloads, which are stored as bytes")
	i.t.Logf("%d bytes of both databases were searched", all)
}
