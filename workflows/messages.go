package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"offboard/internal/offboard"
)

// TaskQueue is the queue that workers of this engine poll and that runs are started on.
const TaskQueue = "offboarding"

// The workflow types.
const (
	Offboard = "Offboard" // one person
	Move     = "Move"     // scopes, although nobody leaves
	Prune    = "Prune"    // superseded cluster keys, whoever owns them
	Audit    = "Audit"    // who would break the clusters if they left; changes nothing
	HandOver = "HandOver" // one scope, child of Offboard
	Soak     = "Soak"     // watches what was handed over, child of Offboard
	Claim    = "Claim"    // holds a person for one run, child of Offboard
)

// The failure types of Offboard. Everything else ends in an offboard.Report as the result.
const (
	InvalidInput   = "InvalidInput"   // the input is wrong; the message lists every problem
	AlreadyRunning = "AlreadyRunning" // another run has the person; the message names it
)

// StatusQuery returns an offboard.Progress from Offboard, an offboard.ScopeProgress from HandOver, an
// offboard.SoakProgress from Soak and an offboard.AuditProgress from Audit.
const StatusQuery = "status"

// The updates of Offboard. Each takes the struct of the same name and returns a Reply; a refusal is a sentence.
const (
	ApproveUpdate    = "approve"
	RejectUpdate     = "reject"
	RescheduleUpdate = "reschedule"
	ReinstateUpdate  = "reinstate"
	ResolveUpdate    = "resolve"
)

// Approve says yes to the plan with this digest.
type Approve struct {
	By      string            `json:"by"`                // e-mail address of the approver; not the requester, not the leaver
	Digest  string            `json:"digest"`            // of the plan that is shown
	Answers map[string]string `json:"answers,omitempty"` // one for each Decision: finding ID -> option
	Note    string            `json:"note,omitempty"`
	// Proof of a door that has authenticated the approver (see offboard.ApprovalClaim); people leave it out.
	Proof string `json:"proof,omitempty"`
}

// Reject says no: what was prepared is undone and the run ends as Rejected. Before the plan is approved only.
type Reject struct {
	By   string `json:"by"`
	Note string `json:"note,omitempty"`
}

// Reschedule moves the last day. While the run waits for it only.
type Reschedule struct {
	By      string    `json:"by"`
	LastDay time.Time `json:"lastDay"`
	Note    string    `json:"note,omitempty"`
}

// Reinstate says that the leaver stays: what can be undone is undone. Until the first key is deleted.
type Reinstate struct {
	By   string `json:"by"`
	Note string `json:"note,omitempty"`
}

// Resolve answers a hold.
type Resolve struct {
	Scope  string `json:"scope"`  // the hold's subject; may be empty while only one is open
	Action string `json:"action"` // retry, skip or abort
	By     string `json:"by"`
	Note   string `json:"note,omitempty"`
}

// Reply is what an accepted update returns.
type Reply struct {
	Message string `json:"message"`
}

// The search attributes, to be registered before the first run (starter setup does it).
var (
	StatusAttribute      = temporal.NewSearchAttributeKeyKeyword("OffboardStatus")
	PhaseAttribute       = temporal.NewSearchAttributeKeyKeyword("OffboardPhase")
	AccountAttribute     = temporal.NewSearchAttributeKeyKeyword("OffboardAccount")
	NeedsPersonAttribute = temporal.NewSearchAttributeKeyBool("OffboardNeedsPerson")
	LastDayAttribute     = temporal.NewSearchAttributeKeyTime("OffboardLastDay")
)

// SearchAttributes are the names and types of all search attributes the workflows set.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		StatusAttribute.GetName():      StatusAttribute.GetValueType(),
		PhaseAttribute.GetName():       PhaseAttribute.GetValueType(),
		AccountAttribute.GetName():     AccountAttribute.GetValueType(),
		NeedsPersonAttribute.GetName(): NeedsPersonAttribute.GetValueType(),
		LastDayAttribute.GetName():     LastDayAttribute.GetValueType(),
	}
}

// ID is the workflow ID of the run for a person: two starts for the same person meet in it. The person is hashed,
// because workflow IDs are never encrypted.
func ID(account, user string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(user))))
	return "offboard/" + account + "/" + hex.EncodeToString(sum[:8])
}

// MoveID is the workflow ID of the move of a selection of scopes.
func MoveID(account string, s offboard.Selection) string {
	return strings.Replace(ID(account, s.String()), "offboard/", "offboard-move/", 1)
}

// PruneID is the workflow ID of the prune of a selection of superseded keys.
func PruneID(account string, s offboard.PruneSelection) string {
	return strings.Replace(ID(account, s.String()), "offboard/", "offboard-prune/", 1)
}

// AuditID is the workflow ID of the audit of an account, and the ID of its Schedule.
func AuditID(account string) string { return "offboard-audit/" + account }

// AuditOptions are the options to start Audit with: an open one of the same account is an error that names it.
func AuditOptions(account string) client.StartWorkflowOptions {
	o := StartOptions(account, offboard.Request{})
	o.ID, o.StaticSummary = AuditID(account), "Audit "+account
	return o
}

// ScopeID is the workflow ID of the hand-over of a scope.
func ScopeID(parent string, scope offboard.Scope) string { return parent + "/" + scope.ID() }

// claimID is the workflow ID by which a person is held, whatever the run's own ID is.
func claimID(account, iamID string) string {
	return strings.Replace(ID(account, iamID), "offboard/", "offboard-claim/", 1)
}

// pruneClaimID is the workflow ID by which the superseded keys of an account are held.
func pruneClaimID(account string) string { return "offboard-claim/" + account + "/superseded-keys" }

// PruneOptions are the options to start Prune with: an open run for the same selection is an error that names it.
func PruneOptions(account string, p offboard.PruneRequest) client.StartWorkflowOptions {
	o := StartOptions(account, offboard.Request{})
	o.ID, o.StaticSummary = PruneID(account, p.PruneSelection), "Prune "+brief(p.PruneSelection.String())
	return o
}

// MoveOptions are the options to start Move with: an open run for the same selection is an error that names it.
func MoveOptions(account string, m offboard.MoveRequest) client.StartWorkflowOptions {
	o := StartOptions(account, offboard.Request{})
	o.ID, o.StaticSummary = MoveID(account, m.Selection), "Move "+brief(m.Selection.String())
	return o
}

// StartOptions are the options to start Offboard with: an open run for the same person is an error that names it, and a
// person may be offboarded again after a run has ended.
func StartOptions(account string, r offboard.Request) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       ID(account, r.User),
		TaskQueue:                                TaskQueue,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "Offboard " + r.User,
	}
}
