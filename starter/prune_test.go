package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func TestPruneStartsWhatTheFlagsSay(t *testing.T) {
	tests := map[string]struct {
		args []string
		want offboard.PruneSelection
	}{
		"scopes":    {[]string{"--scope", "eu-de/shop", "--scope", "us-south/data"}, offboard.PruneSelection{Scopes: []string{"eu-de/shop", "us-south/data"}}},
		"one scope": {[]string{"--region", "eu-de", "--resource-group", "shop"}, offboard.PruneSelection{Scopes: []string{"eu-de/shop"}}},
		"an owner":  {[]string{"--owned-by", "IBMid-270006LEAV"}, offboard.PruneSelection{OwnedBy: "IBMid-270006LEAV"}},
		"all":       {[]string{"--all"}, offboard.PruneSelection{All: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var e engine
			code, out, errs := call(t, &e, append([]string{"prune", "--ticket", "OPS-8", "--soak", "2d", "--requested-by", "you@acme.example"}, test.args...)...)
			require.Equal(t, done, code, errs)
			assert.Equal(t, []offboard.PruneRequest{{PruneSelection: test.want, Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired,
				Soak: offboard.Duration(48 * time.Hour), OnFailure: offboard.OnFailureHold, Ticket: "OPS-8", RequestedBy: "you@acme.example"}}, e.pruned)
			assert.Contains(t, out, "starter watch "+runID)
		})
	}
}

func TestPruneRefusesWrongInput(t *testing.T) {
	tests := map[string][]string{
		"exactly one of":                 {"prune"},
		"belong together":                {"prune", "--resource-group", "shop"},
		"is not a region":                {"prune", "--scope", "eu-de"},
		"neither an e-mail address":      {"prune", "--owned-by", "somebody"},
		`"soak" must be a duration`:      {"prune", "--all", "--soak", "long"},
		"say --yes if nobody shall look": {"prune", "--all", "--approval", "none"},
		"unknown flag: --functional-id":  {"prune", "--all", "--functional-id", "clusters-1@acme.example"},
	}
	for want, args := range tests {
		var e engine
		code, _, errs := call(t, &e, args...)
		assert.Equal(t, misused, code, args)
		assert.Contains(t, errs, want)
		assert.Empty(t, e.pruned)
	}
	e := engine{refusal: &app.AlreadyRunning{WorkflowID: "offboard-prune/acc/1"}}
	code, _, errs := call(t, &e, "prune", "--all")
	assert.Equal(t, failed, code)
	assert.Contains(t, errs, "offboard-prune/acc/1")
}
