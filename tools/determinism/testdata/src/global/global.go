package global

import (
	"regexp"
	"strings"

	"go.temporal.io/sdk/workflow"
)

var (
	count   int
	seen    = map[string]bool{}
	text    strings.Builder
	limits  = []int{1, 2}
	pattern = regexp.MustCompile("a")
	fixed   = map[string]int{"a": 1}
)

func Workflow(ctx workflow.Context) int {
	count++               // want `count outlives the run`
	seen["a"] = true      // want `seen outlives the run`
	text.WriteString("a") // want `text outlives the run`
	if pattern.MatchString("a") {
		return fixed["a"]
	}
	return limits[0] // want `limits outlives the run`
}

// Whoever changes it need not be a workflow.
func Configure(n int) { limits[0] = n }
