//go:build unix

package installation

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// Who has to do with an offboarding.
const (
	Leaver    = "leaver@acme.example"
	Approver  = "platform@acme.example" // the sandbox's operator
	Requester = "hr@acme.example"
)

// HR says by the door's webhook that the leaver leaves; the same event may be told any number of times.
func (i *Installation) HR(event string) {
	i.t.Helper()
	body, now := `{"type":"offboarding.requested","timestamp":"`+time.Now().UTC().Format(time.RFC3339)+`","data":{"user":{"email":"`+Leaver+`"},"requested_by":"`+Requester+`"}}`, time.Now()
	signer, err := standardwebhooks.NewWebhook(i.secret("door_webhook_secret"))
	require.NoError(i.t, err)
	signature, err := signer.Sign(event, now, []byte(body))
	require.NoError(i.t, err)
	i.post(i.door+"/webhooks/hr", http.StatusAccepted, body, map[string]string{
		"webhook-id": event, "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature,
	})
}

// Planned waits for a plan that wants an approval, and returns the run it is of.
func (i *Installation) Planned() (run string, plan offboard.Plan) {
	i.t.Helper()
	i.Eventually("a plan waits", func() bool {
		var p offboard.Progress
		run, p = i.standing()
		if p.Phase != offboard.PhaseApprove || p.Plan == nil {
			return false
		}
		plan = *p.Plan
		return true
	})
	return run, plan
}

// standing is the open run of the leaver; nothing while there is none, or while nobody can be asked.
func (i *Installation) standing() (run string, p offboard.Progress) {
	ctx, cancel := context.WithTimeout(i.t.Context(), time.Minute)
	defer cancel()
	i.Connected(func(_ *app.Connection, r *app.Runs) {
		id, err := r.Find(ctx, Leaver)
		if err != nil {
			return
		}
		if now, _, err := r.Status(ctx, id); err == nil {
			run, p = id, now
		}
	})
	return run, p
}

// Approve says yes to a plan at the door, as the sandbox's operator and with the safest answers.
func (i *Installation) Approve(plan offboard.Plan) {
	i.t.Helper()
	body, err := json.Marshal(map[string]any{"digest": plan.Digest, "answers": demo.Answers(plan)})
	require.NoError(i.t, err)
	i.post(i.door+"/runs/approve?user="+Leaver, http.StatusOK, string(body), map[string]string{"Authorization": "Bearer " + i.secret("door_operator_token")})
}

// Did counts the changes of a kind that the simulated account saw.
func (i *Installation) Did(action string) (n int) {
	for _, e := range i.Sim.Ledger() {
		if e.Action == action {
			n++
		}
	}
	return n
}

// Decode asks the codec server as the Web UI does, and returns what it answers.
func (i *Installation) Decode(payloads string) string {
	i.t.Helper()
	return i.post(i.codec+"/decode", http.StatusOK, payloads, map[string]string{
		"Authorization": "Bearer " + i.secret("codec_token"), "X-Namespace": "default", "Origin": "http://localhost:8080",
	})
}

// secret is one of the sandbox's.
func (i *Installation) secret(name string) string {
	i.t.Helper()
	text, err := os.ReadFile(filepath.Join(root, sandbox, name))
	require.NoError(i.t, err)
	return strings.TrimSpace(string(text))
}

func (i *Installation) post(url string, want int, body string, header map[string]string) string {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, url, strings.NewReader(body))
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
	require.Equal(i.t, want, reply.StatusCode, text.String())
	return text.String()
}
