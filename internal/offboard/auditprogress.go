package offboard

import (
	"fmt"
	"strings"
	"time"
)

// AuditProgress is how an audit stands, as its query tells it.
type AuditProgress struct {
	WorkflowID string       `json:"workflowId"`
	RunID      string       `json:"runId"`
	Namespace  string       `json:"namespace"`
	Account    string       `json:"account,omitempty"`
	Status     Status       `json:"status"` // Running or Completed
	Step       string       `json:"step,omitempty"`
	Started    time.Time    `json:"started"`
	Ended      time.Time    `json:"ended,omitzero"`
	Request    AuditRequest `json:"request"`
	Message    string       `json:"message,omitempty"`
	Clusters   int          `json:"clusters"` // in the account
	Asked      int          `json:"asked"`    // of them, asked whose key they depend on
	Inside     int          `json:"inside"`   // of them, looked into
}

// Done is how much of the audit is over, in words; empty before the clusters are known.
func (p AuditProgress) Done() string {
	if p.Clusters == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %s asked for the owner of their key", p.Asked, counted(p.Clusters, "cluster", "clusters"))
	if p.Request.Dependents {
		text += fmt.Sprintf(", %d looked into", p.Inside)
	}
	return text
}

// AuditDetails is the page of an audit that is under way in the Web UI. That of one that has ended is Audit.Details.
func AuditDetails(p AuditProgress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Auditing account %s\n\n**Step:** %s  \n", dash(p.Account), dash(p.Step))
	if done := p.Done(); done != "" {
		fmt.Fprintf(&b, "**So far:** %s  \n", done)
	}
	b.WriteString("\nNothing is changed by an audit.\n")
	return b.String()
}
