package maporder

import (
	"maps"
	"slices"
	"sort"

	"go.temporal.io/sdk/workflow"
)

func Workflow(ctx workflow.Context, stock map[string]int) string {
	for name := range stock {
		workflow.ExecuteActivity(ctx, name) // want `this happens in the order of a map`
	}
	var names []string
	for name := range stock {
		names = append(names, name) // want `this happens in the order of a map`
	}
	text, total := "", 0.0
	for name, n := range stock {
		if n > 0 {
			text += name // want `this happens in the order of a map`
		}
	}
	for _, n := range stock {
		total += float64(n) // want `this happens in the order of a map`
	}
	for name := range stock {
		if name > "m" {
			return name // want `this happens in the order of a map`
		}
	}
	for name := range maps.Keys(stock) { // want `maps.Keys comes in another order`
		text += name
	}
	_ = slices.Collect(maps.Values(stock)) // want `maps.Values comes in another order`
	last := ""
	for name := range stock {
		last = name // want `this happens in the order of a map`
	}
	return last
}

// The same in any order.
func Fine(ctx workflow.Context, stock map[string]int) bool {
	var names, others []string
	counts, most, any := map[int]string{}, 0, false
	for name, n := range stock {
		names = append(names, name)
		others = append(others, name)
		if n == 0 {
			continue
		}
		twice := 2 * n
		counts[twice] = name
		most = max(most, n)
		most += n
		any = true
		delete(stock, name)
	}
	slices.Sort(names)
	sort.Strings(others)
	for _, n := range stock {
		if n < 0 {
			return false
		}
	}
	for _, name := range slices.Sorted(maps.Keys(stock)) {
		workflow.ExecuteActivity(ctx, name)
	}
	return any
}
