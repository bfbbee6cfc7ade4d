package rehearsal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/offboard"
	"offboard/internal/rehearsal"
)

const minute = offboard.Duration(time.Minute)

func TestJobsAreBegunInOrderSoManyAtATime(t *testing.T) {
	assert.Zero(t, rehearsal.Makespan(nil, 8))
	assert.Equal(t, 4*minute, rehearsal.Makespan([]offboard.Duration{minute, 4 * minute, minute}, 2))
	assert.Equal(t, 6*minute, rehearsal.Makespan([]offboard.Duration{minute, 4 * minute, minute}, 1))
	assert.Equal(t, 6*minute, rehearsal.Makespan([]offboard.Duration{minute, 4 * minute, minute}, 0))
}

// TestExpectedDurationsByHand: one scope of nine clusters, which is two waves; a work of two seconds beside the waits.
func TestExpectedDurationsByHand(t *testing.T) {
	begun := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return begun.Add(time.Duration(seconds * float64(time.Second))) }
	scope := offboard.Scope{Region: "eu-de", ResourceGroup: "g", ResourceGroupName: "prod"}
	clusters := make([]offboard.PlannedCluster, 9)
	for i := range clusters {
		clusters[i].Dependents = []offboard.Dependent{{Name: "block storage"}}
	}
	// Simulated: 0.4 s for the key, twice 1.5 + 0.3 + 0.7 s for the clusters, and 2 s of work.
	p := offboard.Progress{Status: offboard.Completed, Phase: offboard.PhaseReport,
		Plan:   &offboard.Plan{Handovers: []offboard.Handover{{Scope: scope, Action: offboard.Reset, Clusters: clusters}}},
		Scopes: []offboard.ScopeProgress{{Scope: scope, State: offboard.ScopeDone, Started: at(10), Ended: at(17.4)}},
		Timings: []offboard.Timing{
			{Phase: offboard.PhaseSurvey, Started: at(0), Ended: at(2)}, {Phase: offboard.PhaseApprove, Started: at(2), Ended: at(5)},
			{Phase: offboard.PhasePrepare, Started: at(5), Ended: at(10)}, {Phase: offboard.PhaseHandOver, Started: at(10), Ended: at(17.4)},
			{Phase: offboard.PhaseSoak, Started: at(18), Ended: at(23)}, {Phase: offboard.PhaseUndo, Started: at(23), Ended: at(25)},
			{Phase: offboard.PhaseRemove, Started: at(25), Ended: at(26)},
		},
	}
	list, usual, long := rehearsal.Expect(p, rehearsal.Terms{Soak: 1440 * minute, Survey: 7 * time.Second, ParallelScopes: 10})
	byPhase := map[string]offboard.ExpectedTime{}
	for _, e := range list {
		byPhase[string(e.Phase)+e.Scope] = e
	}
	second := offboard.Duration(time.Second)
	near := func(want, got offboard.Duration, what string) {
		t.Helper()
		assert.InDelta(t, want.Std().Seconds(), got.Std().Seconds(), 0.001, what)
	}
	near(7*second, byPhase["survey"].Usual, "the real look took longer")
	near(0, byPhase["approve"].Usual, "people's time is not counted")
	assert.NotEmpty(t, byPhase["approve"].Note)
	near(9*second/2+minute, byPhase["prepare"].Usual, "5 s, of which a grant was 0.5")
	near(9*second/2+20*minute, byPhase["prepare"].Long, "")
	near(2*second+10*second+2*(5*minute), byPhase["hand overeu-de/prod"].Usual, "2 s of work, 10 s for the key, two waves of 4 min + 30 s + 30 s")
	near(2*second+minute+2*20*minute, byPhase["hand overeu-de/prod"].Long, "")
	near(byPhase["hand overeu-de/prod"].Usual, byPhase["hand over"].Usual, "one scope is the whole phase")
	near(1440*minute, byPhase["soak"].Usual, "the real soak")
	near(second/2+10*second, byPhase["remove"].Usual, "")
	assert.NotContains(t, byPhase, "undo")
	var sum, sumLong offboard.Duration
	for _, e := range list {
		if e.Scope == "" {
			sum, sumLong = sum+e.Usual, sumLong+e.Long
		}
	}
	assert.Equal(t, sum, usual, "scopes are within their phase")
	assert.Equal(t, sumLong, long)
	assert.Greater(t, long, usual)
}

// TestScopesThatDidNotEndSayNothing: a hand-over that was given up took as long as a person takes.
func TestScopesThatDidNotEndSayNothing(t *testing.T) {
	begun := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	p := offboard.Progress{Plan: &offboard.Plan{Handovers: []offboard.Handover{{}}},
		Scopes:  []offboard.ScopeProgress{{State: offboard.ScopeSkipped, Started: begun, Ended: begun.Add(time.Minute)}},
		Timings: []offboard.Timing{{Phase: offboard.PhaseHandOver, Started: begun, Ended: begun.Add(time.Minute)}}}
	list, usual, _ := rehearsal.Expect(p, rehearsal.Terms{ParallelScopes: 10})
	assert.Len(t, list, 1)
	assert.Zero(t, usual)
}
