package e2e_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/demo"
	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// in waits until the run is in a phase.
func (b *bench) in(id string, phase offboard.Phase) offboard.Progress {
	b.t.Helper()
	return b.until(id, string(phase), func(p offboard.Progress) bool { return p.Phase == phase })
}

// The promise as a whole: HR's webhook begins it, an operator who is authenticated approves it, and an account that takes
// no other approvals lets it go to its end.
func TestAWholeOffboardingThroughTheDoor(t *testing.T) {
	b := start(t, stack.EngineOptions{Settings: stack.Settings{Policy: map[string]any{"verifiedApproval": true, "approverKeys": []string{approverKey}}}})
	d := b.openDoor(map[string]any{"approvalKey": "env:APPROVAL_KEY"})
	id := d.outcome(webhook("msg_1", said("requested", leaver, time.Time{}))).Run
	assert.Equal(t, workflows.ID(b.Config.Account, leaver), id)
	plan := b.plan(id)

	var shown struct{ Progress offboard.Progress }
	require.NoError(t, json.Unmarshal([]byte(d.takes(http.StatusOK, operator(http.MethodGet, "/runs?user="+leaver, ""))), &shown))
	assert.Equal(t, plan.Digest, shown.Progress.Plan.Digest)
	_, err := b.Runs.Approve(b.ctx, id, workflows.Approve{By: approver, Digest: plan.Digest, Answers: demo.Answers(plan)})
	require.ErrorContains(t, err, "authenticated people only")

	yes, err := json.Marshal(map[string]any{"digest": plan.Digest, "answers": demo.Answers(plan), "note": "Agreed."})
	require.NoError(t, err)
	approval := operator(http.MethodPost, "/runs/"+escaped(id)+"/approve", string(yes))
	approval.header["Idempotency-Key"] = "one"
	first := d.takes(http.StatusOK, approval)
	assert.JSONEq(t, first, d.takes(http.StatusOK, approval), "sent again it acts once and has the same answer")

	report := b.report(id)
	assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	assert.Equal(t, offboard.Completed, report.Status)
	assert.Equal(t, approver, report.Progress.Approval.By)
	assert.True(t, report.Progress.Approval.Verified)
	assert.Equal(t, "hr@acme.example", report.Progress.Request.RequestedBy)
	assert.Equal(t, "HR-1234", report.Progress.Request.Ticket)
	b.noSecretAnywhere(report)
	assert.Contains(t, d.takes(http.StatusConflict, operator(http.MethodPost, "/runs/"+escaped(id)+"/reinstate", `{}`)), "has ended")
}

func TestWebhooksThroughTheDoor(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	d := b.openDoor(nil)
	day := time.Now().AddDate(0, 1, 0).Truncate(time.Second)
	first := webhook("msg_1", said("requested", leaver, day))
	a := d.takes(http.StatusAccepted, first)
	assert.JSONEq(t, a, d.takes(http.StatusAccepted, first), "a duplicate has the same answer")
	id := workflows.ID(b.Config.Account, leaver)
	assert.True(t, day.Equal(b.in(id, offboard.PhaseWait).Request.LastDay))

	later := day.AddDate(0, 0, 7)
	assert.Equal(t, "rescheduled", d.outcome(webhook("msg_2", said("rescheduled", leaver, later))).Outcome)
	assert.True(t, later.Equal(b.in(id, offboard.PhaseWait).Request.LastDay))
	d.takes(http.StatusOK, operator(http.MethodPost, "/runs/reschedule?user="+leaver, `{"lastDay":"`+day.Format(time.RFC3339)+`"}`))
	assert.True(t, day.Equal(b.in(id, offboard.PhaseWait).Request.LastDay))

	assert.Equal(t, "reinstated", d.outcome(webhook("msg_3", said("cancelled", leaver, time.Time{}))).Outcome)
	assert.Equal(t, offboard.Reinstated, b.report(id).Status)
	d.takes(http.StatusUnauthorized, delivery{first.method, first.path, first.body + " ", first.header})
	b.untouched()
}

// scimUser makes the leaver a user of the identity system and returns the ID.
func (d *doorProcess) scimUser() string {
	d.b.t.Helper()
	var made struct{ ID string }
	body := d.takes(http.StatusCreated, scim(http.MethodPost, "/Users", scimVendor(d.b.t, "okta-create")))
	require.NoError(d.b.t, json.Unmarshal([]byte(body), &made))
	return made.ID
}

// Okta deactivates in two ways and never deletes. An account that is active again calls off what was only a deactivation,
// and not what HR has asked for.
func TestOktaProvisioningThroughTheDoor(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	d := b.openDoor(nil)
	user, id := d.scimUser(), workflows.ID(b.Config.Account, leaver)
	const active = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":true}}]}`

	d.takes(http.StatusOK, scim(http.MethodPatch, "/Users/"+user, scimVendor(t, "okta-oin-deactivate")))
	p := b.in(id, offboard.PhaseWait)
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), p.Request.LastDay, 10*time.Minute, "the grace")
	assert.Equal(t, offboard.ApprovalRequired, p.Request.Approval)
	d.takes(http.StatusOK, scim(http.MethodPatch, "/Users/"+user, active))
	assert.Equal(t, offboard.Reinstated, b.report(id).Status)

	d.takes(http.StatusOK, scim(http.MethodPut, "/Users/"+user, scimVendor(t, "okta-aiw-deactivate")))
	b.in(id, offboard.PhaseWait)
	assert.Equal(t, "rescheduled", d.outcome(webhook("msg_1", said("requested", leaver, time.Now().AddDate(0, 1, 0)))).Outcome)
	d.takes(http.StatusOK, scim(http.MethodPatch, "/Users/"+user, active))
	assert.Equal(t, offboard.Running, b.in(id, offboard.PhaseWait).Status, "HR has asked for it, so it goes on")
	assert.Equal(t, "reinstated", d.outcome(webhook("msg_2", said("cancelled", leaver, time.Time{}))).Outcome)
	assert.Equal(t, offboard.Reinstated, b.report(id).Status)
	b.untouched()
}

// Entra disables first and deletes a month later.
func TestEntraProvisioningThroughTheDoor(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	d := b.openDoor(nil)
	user, id := d.scimUser(), workflows.ID(b.Config.Account, leaver)
	d.takes(http.StatusOK, scim(http.MethodPatch, "/Users/"+user+"?aadOptscim062020", scimVendor(t, "entra-disable")))
	b.in(id, offboard.PhaseWait)
	d.takes(http.StatusNoContent, scim(http.MethodDelete, "/Users/"+user, ""))
	b.plan(id)
	d.takes(http.StatusOK, operator(http.MethodPost, "/runs/"+escaped(id)+"/reject", `{"note":"Not yet."}`))
	assert.Equal(t, offboard.Rejected, b.report(id).Status)

	var stranger struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(d.takes(http.StatusCreated, scim(http.MethodPost, "/Users", scimVendor(t, "entra-create")))), &stranger))
	d.takes(http.StatusNoContent, scim(http.MethodDelete, "/Users/"+stranger.ID, ""))
	report := b.report(workflows.ID(b.Config.Account, "Test_User_11bb11bb-cc22-dd33-ee44-55ff55ff55ff@acme.example"))
	assert.Equal(t, offboard.AlreadyGone, report.Status, "somebody the account does not know")
	b.untouched()
}

func TestOktaEventsThroughTheDoor(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	d := b.openDoor(nil)
	challenge := delivery{http.MethodGet, "/okta/events", "", map[string]string{"X-Okta-Verification-Challenge": "OSa38VzPDbJfqlM"}}
	assert.JSONEq(t, `{"verification":"OSa38VzPDbJfqlM"}`, d.takes(http.StatusOK, challenge))
	id := workflows.ID(b.Config.Account, leaver)
	event := okta(t)
	for range 2 { // Okta tries once more where the answer was late
		assert.Empty(t, d.takes(http.StatusOK, event))
	}
	b.begun(id)
	b.plan(id)
	d.takes(http.StatusOK, okta(t, "6c5775f9", "7c5775f9", "user.lifecycle.deactivate", "user.lifecycle.reactivate"))
	assert.Equal(t, offboard.Reinstated, b.report(id).Status)
	b.untouched()
}

// begun waits until a run is there, which nobody who was answered knows.
func (b *bench) begun(id string) {
	b.t.Helper()
	require.EventuallyWithT(b.t, func(collect *assert.CollectT) {
		_, err := b.Runs.Find(b.ctx, id)
		require.NoError(collect, err)
	}, patience, 100*time.Millisecond)
}

// HiBob and BambooHR say only that something has changed; the door asks them what.
func TestHRSystemsThroughTheDoor(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	hr := newHRSystem(t)
	d := b.openDoor(map[string]any{
		"hibob":    map[string]any{"secrets": []string{"env:HIBOB_SECRET"}, "api": hr.URL, "user": "env:HIBOB_USER", "token": "env:HIBOB_TOKEN"},
		"bamboohr": map[string]any{"secrets": []string{"env:BAMBOO_SECRET"}, "api": hr.URL, "key": "env:BAMBOO_KEY"},
	})
	id := workflows.ID(b.Config.Account, leaver)
	left := hibob("employee.left")
	a, err := d.send(left)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, a.status, "HiBob cannot be asked the first time")
	assert.NotEmpty(t, a.after)
	assert.Equal(t, "started", d.outcome(left).Outcome)
	b.plan(id)
	assert.Equal(t, "reinstated", d.outcome(hibob("employee.activated")).Outcome)
	assert.Equal(t, offboard.Reinstated, b.report(id).Status)

	now := time.Now().Truncate(time.Second).Add(time.Second) // no earlier than what HiBob said
	assert.Equal(t, "started", d.outcome(bamboo(now)).Outcome)
	b.plan(id)
	hr.status.Store("Active")
	assert.Equal(t, "reinstated", d.outcome(bamboo(now.Add(time.Second))).Outcome)
	assert.Equal(t, offboard.Reinstated, b.report(id).Status)
	b.untouched()
}
