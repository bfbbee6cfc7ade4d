package determinism_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"offboard/tools/determinism"
)

// Every analyzer has a package of its own name with what it catches and what it lets pass.
func TestEachAnalyzerCatchesWhatItIsFor(t *testing.T) {
	for _, a := range determinism.Analyzers() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			analysistest.Run(t, analysistest.TestData(), a, a.Name)
		})
	}
}
