package console_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/console"
	"offboard/internal/offboard"
)

func TestAuditOnATerminal(t *testing.T) {
	taken := time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	scope := offboard.Scope{Region: "eu-de", ResourceGroup: "g", ResourceGroupName: "shop"}
	person := offboard.AuditFinding{ID: "person/p", Severity: offboard.Decision, Clusters: 2, Text: "If petra left today: volumes.", Remedy: "Move their scopes.", Command: "starter handover --owned-by petra@acme.example"}
	audit := offboard.Audit{
		Account: "acc", TakenAt: taken, Message: "1 person would break 2 of 3 clusters by leaving today.",
		Findings:      []offboard.AuditFinding{{ID: "b", Severity: offboard.Blocker, Text: "It is broken."}, person, {ID: "n", Severity: offboard.Note, Text: "It is untidy."}},
		People:        []offboard.AuditPerson{{Email: "petra@acme.example", State: "ACTIVE", Clusters: 2, Scopes: []offboard.AuditScope{{Scope: scope, Clusters: 2}}}},
		FunctionalIDs: []offboard.AuditFunctional{{FunctionalID: offboard.FunctionalID{Email: "clusters-1@acme.example", State: "ACTIVE", Keys: 3, Limit: 20}, Scopes: 1, Clusters: 1}},
		Superseded:    []offboard.SupersededKey{{Key: offboard.Key{ID: "ApiKey-1", Scope: scope}, Unused: true, Because: []string{"it was last used 90 days ago"}}, {Key: offboard.Key{ID: "ApiKey-2", Scope: scope}, Because: []string{"it is locked"}}},
		Differences: &offboard.AuditDifferences{Since: taken.AddDate(0, 0, -7), New: []offboard.AuditFinding{person}, Gone: []offboard.AuditFinding{{Severity: offboard.Note, Text: "It was untidy."}},
			Changed: []offboard.AuditChange{{Text: "It grew.", Severity: offboard.Decision, Was: offboard.Decision, Clusters: 3, Before: 2}}},
		LeftOut: map[string]int{"findings": 7},
	}
	var b bytes.Buffer
	console.Terminal(&b, 100, 40, false).Audit(audit)
	text := b.String()
	for _, want := range []string{"Audit of account acc", "1 person would break", "petra@acme.example", "clusters-1@acme.example", "3 of 20", "not proven", "it is locked",
		"Since the audit of 2026-09-07", "- new (Decision): If petra left today", "- gone (Note): It was untidy.", "- worse (3 clusters instead of 2): It grew.",
		"Blockers:", "Decisions:", "Notes", "    starter handover --owned-by petra@acme.example", "7 more findings were too many to keep."} {
		assert.Contains(t, text, want)
	}
	assert.Less(t, strings.Index(text, "It is broken."), strings.Index(text, "It is untidy."), "the most harmful first")
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 100, line)
	}
}
