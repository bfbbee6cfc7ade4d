package main

import (
	"time"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/offboard"
)

// longPaths take half a minute each.
func longPaths() []scenario {
	return []scenario{
		{name: "reinstated-long-soak", soak: true, settings: stack.Settings{SoakProbe: offboard.Duration(20 * time.Millisecond)}, happens: func(p *play) {
			p.start(input{"soak": "4m"}) // 1,000 probes at most, of which one run takes 200
			p.approve()
			p.until("the soak's second run", func(now offboard.Progress) bool { return now.Soak != nil && now.Soak.Probes > 202 })
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		// The death of a worker is noticed when its heartbeats stay out.
		{name: "completed-worker-killed", scopes: true, account: "two", soak: true, process: true, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.until("a new key", func(now offboard.Progress) bool {
				return now.Phase == offboard.PhaseHandOver && witness.Resets(p.Sim.Ledger()) > 0
			})
			p.crash()
			p.phase(offboard.PhaseSoak)
			p.crash()
			p.ends(offboard.Completed)
		}},
		{name: "reinstated-worker-killed", scopes: true, account: "fallback", process: true, settings: fallback(nil), happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.reinstate()
			p.phase(offboard.PhaseUndo)
			p.crash()
			p.ends(offboard.Reinstated)
		}},
	}
}
