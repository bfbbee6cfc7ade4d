package determinism

import (
	"golang.org/x/tools/go/analysis"
)

// rules are what all analyzers look for.
var rules = []rule{clock, machine, location, maporder, address, concurrent, global, dynamic}

// The analyzers, one for each rule.
var (
	// Clock reports the functions of package time that answer differently in a replay, also where they are values.
	Clock = analyzer(clock, "report uses of the machine's clock in workflows")
	// Machine reports packages that ask the machine or the network something.
	Machine = analyzer(machine, "report what workflows ask the machine they run on")
	// Location reports what depends on the time zone of the machine.
	Location = analyzer(location, "report times that depend on the time zone of the machine")
	// MapOrder reports loops over maps and iterators of maps whose order has an effect.
	MapOrder = analyzer(maporder, "report effects that come in the order of a map")
	// Address reports what fmt prints as an address. Maps are no matter: fmt sorts them.
	Address = analyzer(address, "report addresses in texts")
	// Concurrent reports goroutines, channels, select statements and what packages sync and context offer.
	Concurrent = analyzer(concurrent, "report concurrency that is not Temporal's")
	// Global reports variables of the package that a function changes.
	Global = analyzer(global, "report variables that outlive a run")
	// Dynamic reports calls through interfaces, behind which anything may be.
	Dynamic = analyzer(dynamic, "report calls through interfaces of our own")
)

// Analyzers are all of them.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{Clock, Machine, Location, MapOrder, Address, Concurrent, Global, Dynamic}
}

func analyzer(r rule, doc string) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: r.name, Doc: doc, Requires: []*analysis.Analyzer{evidence},
		Run: func(pass *analysis.Pass) (any, error) {
			for _, f := range pass.ResultOf[evidence].([]finding) {
				if f.rule == r.name {
					pass.Report(analysis.Diagnostic{Pos: f.pos, Category: f.rule, Message: f.what})
				}
			}
			return nil, nil
		},
	}
}
