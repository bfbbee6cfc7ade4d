package witness_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

const (
	leaver     = "IBMid-leaver"
	functional = "clusters-1@acme.example"
)

var scope = offboard.Scope{Region: "eu-de", ResourceGroup: "0123", ResourceGroupName: "prod"}

func completed() offboard.Report {
	return offboard.Report{Status: offboard.Completed, Progress: offboard.Progress{
		Leaver: offboard.Person{IAMID: leaver, Email: "leaver@acme.example"},
		Plan:   &offboard.Plan{Handovers: []offboard.Handover{{Scope: scope, Action: offboard.Reset, FunctionalID: functional}}},
	}}
}

func entry(action, target string, details ...string) ibmsim.Entry {
	e := ibmsim.Entry{Method: "POST", Action: action, Target: target, Email: functional, Details: map[string]string{}}
	for i := 0; i < len(details); i += 2 {
		e.Details[details[i]] = details[i+1]
	}
	return e
}

var (
	reset   = entry(witness.ResetAction, scope.ID())
	refresh = entry(witness.RefreshAction, "cluster")
	disable = entry("iam-identity.user-apikey.update", "ApiKey-1", "owner", leaver, "disabled", "true")
	remove  = entry("iam-identity.user-apikey.delete", "ApiKey-1", "owner", leaver)
	gone    = entry(witness.RemoveAction, "leaver@acme.example", "iam_id", leaver)
)

func TestTheRightOrderIsFine(t *testing.T) {
	assert.Empty(t, witness.Judge(completed(), []ibmsim.Entry{reset, refresh, disable, remove, gone}, nil))
}

func TestEachBrokenPromiseIsNamed(t *testing.T) {
	byLeaver := reset
	byLeaver.Email = "leaver@acme.example"
	for _, test := range []struct {
		name    string
		ledger  []ibmsim.Entry
		outages []ibmsim.Outage
		says    string
	}{
		{"an outage", []ibmsim.Entry{reset}, []ibmsim.Outage{{Subject: "master", Cluster: "shop", Cause: "key deleted"}}, "master in cluster shop"},
		{"no reset", nil, nil, "eu-de/prod was reset 0 times"},
		{"two resets", []ibmsim.Entry{reset, reset}, nil, "eu-de/prod was reset 2 times"},
		{"the wrong hands", []ibmsim.Entry{byLeaver}, nil, "by leaver@acme.example, not by clusters-1@acme.example"},
		{"a scope nobody planned", []ibmsim.Entry{reset, entry(witness.ResetAction, "us-south/9")}, nil, "us-south/9"},
		{"disabled too early", []ibmsim.Entry{disable, reset}, nil, "a hand-over (entry 0, eu-de/0123) came after the disabling of a key"},
		{"deleted before all are disabled", []ibmsim.Entry{reset, remove, disable}, nil, "the disabling of a key"},
		{"removed too early", []ibmsim.Entry{reset, disable, gone, remove}, nil, "the deletion of a key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			problems := witness.Judge(completed(), test.ledger, test.outages)
			require.Len(t, problems, 1)
			assert.Contains(t, strings.Join(problems, "\n"), test.says)
		})
	}
}

func TestARunThatDidNotCompleteIsNamed(t *testing.T) {
	r := completed()
	r.Status, r.Message = offboard.Incomplete, "a key is left"
	assert.Equal(t, []string{"the run ended as Incomplete: a key is left"}, witness.Judge(r, []ibmsim.Entry{reset}, nil))
}

func TestShapeLeavesOutWhatThePlatformDid(t *testing.T) {
	own := entry("containers-kubernetes.cluster-secret.renew", "shop")
	own.Method = ""
	assert.Equal(t, map[string]int{functional + " " + witness.ResetAction: 2}, witness.Shape([]ibmsim.Entry{reset, own, reset}))
}
