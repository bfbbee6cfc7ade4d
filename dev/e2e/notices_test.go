package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// receiver is what a platform team points the engine's notices at. It is down for the first delivery.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	calls   int
	notices []offboard.Notice
	ids     map[string]int // webhook-id -> deliveries that were taken
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{ids: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.calls++; r.calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(req.Body)
		var event struct{ Data offboard.Notice }
		if err != nil || json.Unmarshal(body, &event) != nil || req.Header.Get("Webhook-Signature") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.ids[req.Header.Get("Webhook-Id")]++
		r.notices = append(r.notices, event.Data)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

// What a run says to people outside reaches them, from the plan to the end, although the receiver was down at first.
func TestPeopleAreToldOverAWebhook(t *testing.T) {
	r := newReceiver(t)
	b := start(t, stack.EngineOptions{Settings: stack.Settings{Webhook: r.URL}})
	_, err := b.Sim.AddFault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", Status: http.StatusForbidden, Times: 1,
		Body: `{"incidentID": "1", "code": "E1000", "description": "You may not do this.", "type": "Authorization"}`})
	require.NoError(t, err)
	id := b.begin(nil)
	b.approve(id)
	held := b.until(id, "a hold", func(p offboard.Progress) bool { return len(p.Holds) > 0 })
	_, err = b.Runs.Resolve(b.ctx, id, workflows.Resolve{Scope: held.Holds[0].Subject, Action: offboard.ActionRetry, By: approver})
	require.NoError(t, err)
	report := b.report(id)
	require.Equal(t, offboard.Completed, report.Status)
	assert.Empty(t, report.Progress.Unsent)

	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := map[offboard.NoticeKind]offboard.Notice{}
	for _, n := range r.notices {
		kinds[n.Kind] = n
		assert.Equal(t, 1, r.ids[n.ID], "a notice that was taken is not sent again")
		assert.Equal(t, id, n.WorkflowID)
		assert.Equal(t, leaver, n.Leaver)
	}
	assert.Len(t, r.notices, 3)
	assert.Equal(t, report.Progress.Plan.Digest, kinds[offboard.NoticePlanReady].Digest)
	assert.Equal(t, held.Holds[0].Subject, kinds[offboard.NoticeNeedsPerson].Subject)
	assert.Equal(t, offboard.Completed, kinds[offboard.NoticeEnded].Status)
}
