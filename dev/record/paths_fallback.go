package main

import (
	"offboard/dev/internal/stack"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// second is the functional ID that takes scopes back in the account "fallback".
const second = "clusters-2@acme.example"

// fallback are settings with a fallback identity.
func fallback(more map[string]any) stack.Settings {
	policy := map[string]any{"fallback": second}
	for name, value := range more {
		policy[name] = value
	}
	return stack.Settings{Policy: policy}
}

// fallbackPaths turn round after resets, with somebody who takes the scopes back.
func fallbackPaths() []scenario {
	const retry, skip, abort = offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort
	soaking := func(p *play) {
		p.start(input{"soak": "1h"})
		p.approve()
		p.phase(offboard.PhaseSoak)
	}
	asSecond := func(f ibmsim.Fault) ibmsim.Fault { f.Caller = second; return f }
	blind := asSecond(refused("containers", "GET", ""))
	proving := func(action string, then func(p *play)) func(p *play) {
		return func(p *play) {
			p.fault(blind)
			p.start(nil)
			p.approve()
			p.held("fallback")
			p.calm()
			p.answer("fallback", action)
			then(p)
		}
	}
	quick := fallback(map[string]any{"grantPatience": "1s"})
	return []scenario{
		{name: "fallback-not-needed", account: "fallback", settings: fallback(nil), happens: func(p *play) { p.start(nil); p.approve(); p.ends(offboard.Completed) }},
		{name: "fallback-reinstated", scopes: true, account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		// Refused twice: one scope is skipped, one given up; both stay where they are.
		{name: "fallback-refused", scopes: true, account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.fault(asSecond(refused("containers", "POST", resets)))
			p.reinstate()
			p.answer("us-south", skip)
			p.answer("eu-de", abort)
			p.ends(offboard.Reinstated)
		}},
		{name: "fallback-refused-once", scopes: true, account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.fault(asSecond(refused("containers", "POST", resets)))
			p.reinstate()
			p.held("us-south")
			p.calm()
			p.answer("us-south", retry)
			p.ends(offboard.Reinstated)
		}},
		{name: "hold-fallback-delete", account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.fault(refused("iam-identity", "DELETE", deleting))
			p.reinstate()
			p.held("undo")
			p.calm()
			p.answers("undo", retry)
			p.ends(offboard.Reinstated)
		}},
		{name: "terminated-fallback", account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.fault(asSecond(refused("containers", "POST", resets)))
			p.reinstate()
			p.held("us-south")
			for _, s := range p.now().Scopes {
				if s.State == offboard.ScopeHeld {
					p.terminate(s.Run)
				}
			}
			p.calm()
			p.answer("undo", skip)
			p.ends(offboard.Reinstated)
		}},
		// One scope has its new owner when the other is given up.
		{name: "fallback-aborted", scopes: true, account: "fallback", settings: fallback(nil), happens: func(p *play) {
			f := refused("containers", "POST", resets)
			f.Nth = 2
			p.fault(f)
			p.start(nil)
			p.approve()
			p.until("one scope", func(now offboard.Progress) bool {
				done, held := 0, 0
				for _, s := range now.Scopes {
					if s.State == offboard.ScopeDone {
						done++
					}
					if s.State == offboard.ScopeHeld {
						held++
					}
				}
				return done == 1 && held == 1
			})
			p.calm()
			p.answer("", abort)
			p.ends(offboard.RolledBack)
		}},
		{name: "hold-fallback-retry", account: "fallback", settings: quick, happens: proving(retry, func(p *play) { p.phase(offboard.PhaseHandOver) })},
		{name: "hold-fallback-abort", account: "fallback", settings: quick, happens: proving(abort, func(p *play) { p.ends(offboard.RolledBack) })},
	}
}
