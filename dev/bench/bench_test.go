package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

func TestTheLongestWayThroughAGraphCounts(t *testing.T) {
	g := &graph{}
	a := g.does("a", 2*time.Second)
	b := g.does("b", 5*time.Second)
	c := g.calls("c", 3, a)
	g.does("d", time.Second, b, c)
	assert.Equal(t, 6*time.Second, g.end("d"))
	assert.Equal(t, []string{"b (5s)", "d (1s)"}, g.path("d"))
	assert.Panics(t, func() { g.does("a", 0) })
	assert.Panics(t, func() { g.does("e", 0, "nothing") })
}

// Scopes and clusters need nothing of each other.
func TestTheCriticalPathDoesNotGrowWithTheScopes(t *testing.T) {
	one, many := critical(single(1)), critical(single(48))
	assert.Equal(t, one.end(ended), many.end(ended))
	assert.Greater(t, one.end(contained), one.end(approved)+masterRefresh+rollout+replication)
	assert.Greater(t, critical(large(1000, 60)).end(ended), one.end(ended), "longer lists have more pages")
}

func TestAnAccountIsOneThatTheSimulatorTakes(t *testing.T) {
	for _, s := range []shape{single(1), single(48), large(1000, 60), {Regions: 11, Scopes: 2, Clusters: 400, Leavers: 200, FunctionalIDs: 1, Knobs: ibmsim.Knobs{KeyLimit: 800}}} {
		a := s.account("b0000000000000000000000000000001")
		assert.Len(t, a.Clusters, s.Clusters)
		assert.Len(t, a.Scopes, s.Scopes*max(s.Leavers, 1))
		state := ibmsim.New(a, ibmsim.Options{}).State()
		assert.Len(t, state.Clusters, s.Clusters)
		held := map[string]int{}
		for _, k := range state.Keys {
			held[k.Owner]++
		}
		for who, n := range held {
			assert.LessOrEqual(t, n, a.Knobs.KeyLimit, "%s holds more keys than anybody may", who)
		}
		room := 0
		for _, u := range a.Users {
			if u.APIKey != "" && u.Email != engineEmail && u.Email != "owner@acme.example" {
				room += a.Knobs.KeyLimit - held[u.Email]
			}
		}
		assert.GreaterOrEqual(t, room, len(a.Scopes), "the functional IDs cannot take all scopes")
	}
}

func TestAFigureKnowsWhetherItsTargetIsMet(t *testing.T) {
	assert.True(t, figure{Value: 1.2, Limit: 1.2, Sense: atMost}.met())
	assert.False(t, figure{Value: 1.21, Limit: 1.2, Sense: atMost}.met())
	assert.True(t, figure{Value: 9, Limit: 8, Sense: atLeast}.met())
	assert.False(t, figure{Value: 7, Limit: 8, Sense: atLeast}.met())
	assert.True(t, figure{Value: 7}.met(), "without a target")
	assert.False(t, figure{Problem: "it broke"}.met())
}

func TestOnlyMoreThanNoiseIsARegression(t *testing.T) {
	base := []figure{{Row: "P1", What: "ratio", Value: 1, Sense: atMost, Limit: 2, Runs: []float64{0.9, 1, 1.1}}, {Row: "P2", What: "times", Value: 20, Sense: atLeast},
		{Row: "P4", What: "refused", Value: 0, Sense: atMost}, {Row: "P8", What: "reported", Value: 1}}
	now := func(ratio, times, refused float64) []figure {
		return []figure{{Row: "P1", What: "ratio", Value: ratio, Sense: atMost}, {Row: "P2", What: "times", Value: times, Sense: atLeast},
			{Row: "P4", What: "refused", Value: refused, Sense: atMost}, {Row: "P8", What: "reported", Value: 9}, {Row: "P9", What: "new", Value: 1, Sense: atMost}}
	}
	assert.Empty(t, regressions(now(1.19, 18, 0), base), "within the spread of the runs, and within what any figure differs by")
	assert.Equal(t, []string{"P1 ratio: 1.3, was 1"}, regressions(now(1.3, 40, 0), base))
	assert.Equal(t, []string{"P2 times: 15, was 20"}, regressions(now(1, 15, 0), base))
	assert.Equal(t, []string{"P4 refused: 1, was 0"}, regressions(now(0.5, 20, 1), base))
}

func TestALineAndACurve(t *testing.T) {
	sizes := func(of func(x float64) float64) []size {
		var list []size
		for _, x := range []int{1000, 100, 10} {
			list = append(list, size{Clusters: x, Calls: of(float64(x))})
		}
		return list
	}
	calls := func(s size) float64 { return s.Calls }
	straight := fitted(sizes(func(x float64) float64 { return 7 + 3*x }), calls)
	assert.InDelta(t, 3, straight.slope, 1e-9)
	assert.InDelta(t, 1, straight.fit, 1e-9)
	assert.InDelta(t, 0, straight.square, 1e-9)
	curved := fitted(sizes(func(x float64) float64 { return 3*x + x*x/1000 }), calls)
	assert.InDelta(t, 0.25, curved.square, 1e-9, "1,000 of 4,000")
	assert.Zero(t, fitted(sizes(func(x float64) float64 { return 30*x - x*x/1000 }), calls).square, "a curve that bends down costs less, not more")
	knee := fitted(append(sizes(func(x float64) float64 { return max(20, x/10) }), size{Clusters: 500, Calls: 50}), calls)
	assert.InDelta(t, 0.28, knee.square, 0.01, "of the largest three; the knee at 200 counts, what is below it would count more")
	straight = fitted(append(sizes(func(x float64) float64 { return 7 + 3*x }), size{Clusters: 500, Calls: 1507}), calls)
	assert.InDelta(t, 0, straight.square, 1e-9)
	picture := plot(sizes(func(x float64) float64 { return 7 + 3*x }))
	assert.Contains(t, picture, ">3007</text>")
	assert.Contains(t, picture, "R² 1.0000")
}

func TestRowsAreChosenByName(t *testing.T) {
	chosen, err := choose("p3, P1")
	require.NoError(t, err)
	var names []string
	for _, r := range chosen {
		names = append(names, r.name)
	}
	assert.Equal(t, []string{"P1", "P3"}, names)
	_, err = choose("P1,P10")
	require.ErrorContains(t, err, `no row "P10"`)
}

func TestRowsThatAreMeasuredAgainReplaceThoseBefore(t *testing.T) {
	before := kept{Begun: time.Now(), Cores: 2, Took: "9m", Figures: []figure{{Row: "P1", Value: 1}, {Row: "P2", Value: 2}, {Row: "P2", What: "gone", Value: 3}}, Sizes: []size{{Clusters: 10}, {Clusters: 100}, {Clusters: 1000}}}
	now := before.with(kept{Took: "1m", Figures: []figure{{Row: "P2", Value: 4}}})
	assert.Equal(t, []figure{{Row: "P1", Value: 1}, {Row: "P2", Value: 4}}, now.Figures)
	assert.Len(t, now.Sizes, 3)
	assert.Equal(t, "9m", now.Took)
	assert.Len(t, before.Figures, 3)
}
