package main

import (
	"fmt"
	"math"
	"slices"
)

// leastNoise is the part by which any figure may differ from the baseline before that means something: between two runs on
// one machine the figures of single measurements differ by as much.
const leastNoise = 0.15

// regressions says which figures got worse than the baseline's by more than noise. Only figures with a target are compared:
// they are ratios and counts, which mean the same on every machine.
func regressions(now, base []figure) []string {
	var list []string
	for _, f := range now {
		i := slices.IndexFunc(base, func(o figure) bool { return o.Row == f.Row && o.What == f.What })
		if i < 0 || f.Sense == "" || f.Problem != "" || base[i].Problem != "" {
			continue
		}
		if worse := worsened(f, base[i]); worse > 0 {
			list = append(list, fmt.Sprintf("%s %s: %s, was %s", f.Row, f.What, number(f.Value), number(base[i].Value)))
		}
	}
	return list
}

// worsened is by which part a figure is worse than it was, beyond noise; zero or less if it is not.
func worsened(f, base figure) float64 {
	change := f.Value - base.Value
	if f.Sense == atLeast {
		change = -change
	}
	if base.Value == 0 {
		return change
	}
	return change/math.Abs(base.Value) - max(leastNoise, 2*spread(f), 2*spread(base))
}

// spread is how far apart the single measurements of a figure are, as part of their median.
func spread(f figure) float64 {
	if len(f.Runs) < 2 || f.Value == 0 {
		return 0
	}
	return (slices.Max(f.Runs) - slices.Min(f.Runs)) / 2 / math.Abs(f.Value)
}
