package console_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/console"
	"offboard/internal/offboard"
)

// pruned is a prune of one key, with a plan that says why another stays.
func pruned(status offboard.Status) offboard.Progress {
	p := offboard.Progress{WorkflowID: "offboard-prune/acc/1", Status: status, Phase: offboard.PhaseApprove, Prune: &offboard.PruneSelection{All: true},
		Request: offboard.Request{Ticket: "OPS-8", RequestedBy: "requester@acme.example"}}
	p.Plan = &offboard.Plan{Digest: "0123456789ab", SurveyedAt: begun, Account: "acc", Soak: offboard.Duration(24 * time.Hour), Prune: p.Prune,
		Keys: []offboard.PlannedKey{{ID: "ApiKey-old", Name: offboard.ClusterKeyName, Class: offboard.ClusterKey, Scope: prod, Owner: "clusters-1@acme.example",
			Created: begun.AddDate(-1, 0, 0), LastUsed: begun.AddDate(0, -2, 0)}},
		Findings: []offboard.Finding{{ID: "key/ApiKey-stays", Severity: offboard.Note, Text: "Key ApiKey-stays of us-south/test, owned by petra@acme.example, stays: it is locked."}}}
	return p
}

func shown(show func(c *console.Console)) string {
	var out bytes.Buffer
	show(console.New(&out, func(string) string { return "" }))
	return out.String()
}

func TestPlanToPrune(t *testing.T) {
	text := shown(func(c *console.Console) { c.Plan(*pruned(offboard.Running).Plan) })
	for _, want := range []string{"1 superseded key is disabled, and deleted after a healthy soak of 1d", "1 key stays", "Superseded keys that go",
		"ApiKey-old", "clusters-1@acme.example", "eu-de/prod", "stays: it is locked"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "leaver")
}

// The words of a selection name no run, so its workflow ID does.
func TestStatusOfAPruneNamesItsRun(t *testing.T) {
	p := pruned(offboard.Running)
	text := shown(func(c *console.Console) { c.Status(p, nil, begun) })
	assert.Contains(t, text, "all superseded keys")
	assert.Contains(t, text, "approve offboard-prune/acc/1 --by you@acme.example --digest 0123456789ab")
	p.Prune, p.Move, p.WorkflowID = nil, &offboard.Selection{AllPersonal: true}, "offboard-move/acc/1"
	assert.Contains(t, shown(func(c *console.Console) { c.Status(p, nil, begun) }), "approve offboard-move/acc/1 --by")
}

func TestReportOfAPrune(t *testing.T) {
	p := pruned(offboard.Completed)
	p.Begin(*p.Plan, nil)
	p.Keys[0].State = offboard.KeyDeleted
	text := shown(func(c *console.Console) { c.Report(offboard.NewReport(p, begun)) })
	assert.Contains(t, text, "Prune of all superseded keys: Completed")
	assert.Contains(t, text, "Superseded keys\n")
	assert.NotContains(t, text, "User ")

	p = pruned(offboard.Completed)
	p.Plan.Keys = nil
	text = shown(func(c *console.Console) { c.Report(offboard.NewReport(p, begun)) })
	assert.Contains(t, text, "stays: it is locked", "where nothing can go, the report says why")
}
