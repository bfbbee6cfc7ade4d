package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func TestHandoverStartsWhatTheFlagsSay(t *testing.T) {
	tests := map[string]struct {
		args []string
		want offboard.Selection
	}{
		"scopes":       {[]string{"--scope", "eu-de/shop", "--scope", "us-south/data"}, offboard.Selection{Scopes: []string{"eu-de/shop", "us-south/data"}}},
		"one scope":    {[]string{"--region", "eu-de", "--resource-group", "shop"}, offboard.Selection{Scopes: []string{"eu-de/shop"}}},
		"of a person":  {[]string{"--owned-by", "colleague@acme.example"}, offboard.Selection{OwnedBy: "colleague@acme.example"}},
		"all personal": {[]string{"--all-personal"}, offboard.Selection{AllPersonal: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var e engine
			code, out, errs := call(t, &e, append([]string{"handover", "--ticket", "OPS-7", "--requested-by", "you@acme.example", "--functional-id", "clusters-1@acme.example"}, test.args...)...)
			require.Equal(t, done, code, errs)
			assert.Equal(t, []offboard.MoveRequest{{Selection: test.want, Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired,
				OnFailure: offboard.OnFailureHold, Ticket: "OPS-7", RequestedBy: "you@acme.example", FunctionalIDs: []string{"clusters-1@acme.example"}}}, e.moved)
			assert.Contains(t, out, "starter watch "+runID)
		})
	}
}

func TestHandoverRefusesWrongInput(t *testing.T) {
	tests := map[string][]string{
		"exactly one of":                 {"handover"},
		"belong together":                {"handover", "--region", "eu-de"},
		"is not a region":                {"handover", "--scope", "eu-de"},
		"say --yes if nobody shall look": {"handover", "--all-personal", "--approval", "none"},
		"unknown flag: --soak":           {"handover", "--all-personal", "--soak", "2h"},
	}
	for want, args := range tests {
		var e engine
		code, _, errs := call(t, &e, args...)
		assert.Equal(t, misused, code, args)
		assert.Contains(t, errs, want)
		assert.Empty(t, e.moved)
	}
	e := engine{refusal: &app.AlreadyRunning{WorkflowID: "offboard-move/acc/1"}}
	code, _, errs := call(t, &e, "handover", "--all-personal")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, "offboard-move/acc/1")
}
