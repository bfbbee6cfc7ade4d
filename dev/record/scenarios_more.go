package main

import (
	"net/http"
	"time"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// second is the functional ID that takes scopes back in the account "fallback".
const second = "clusters-2@acme.example"

// longPaths take half a minute each.
func longPaths() []scenario {
	return []scenario{
		{name: "reinstated-long-soak", soak: true, settings: stack.Settings{SoakProbe: offboard.Duration(20 * time.Millisecond)}, happens: func(p *play) {
			p.start(input{"soak": "2m"}) // 1,000 probes at most, of which one run takes 200
			p.approve()
			p.until("the soak's second run", func(now offboard.Progress) bool { return now.Soak != nil && now.Soak.Probes > 202 })
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		// The death of a worker is noticed when its heartbeats stay out.
		{name: "completed-worker-killed", account: "two", soak: true, process: true, happens: func(p *play) {
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
		{name: "reinstated-worker-killed", account: "fallback", process: true, settings: fallback(nil), happens: func(p *play) {
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
	proving := func(action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.fault(blind)
			p.start(nil)
			p.approve()
			p.held("fallback")
			p.calm()
			p.answer("fallback", action)
			p.ends(end)
		}
	}
	impatient := fallback(map[string]any{"grantPatience": "1s"})
	return []scenario{
		{name: "fallback-not-needed", account: "fallback", settings: fallback(nil), happens: func(p *play) { p.start(nil); p.approve(); p.ends(offboard.Completed) }},
		{name: "fallback-reinstated", account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		// Refused twice: one scope is skipped, one given up; both stay where they are.
		{name: "fallback-refused", account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.fault(asSecond(refused("containers", "POST", resets)))
			p.reinstate()
			p.answer("us-south", skip)
			p.answer("eu-de", abort)
			p.ends(offboard.Reinstated)
		}},
		{name: "fallback-refused-once", account: "fallback", settings: fallback(nil), happens: func(p *play) {
			soaking(p)
			p.fault(asSecond(refused("containers", "POST", resets)))
			p.reinstate()
			p.held("us-south")
			p.calm()
			p.answer("us-south", retry)
			p.ends(offboard.Reinstated)
		}},
		// One scope has its new owner when the other is given up.
		{name: "fallback-aborted", account: "fallback", settings: fallback(nil), happens: func(p *play) {
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
		{name: "hold-fallback-retry", account: "fallback", settings: impatient, happens: proving(retry, offboard.Completed)},
		{name: "hold-fallback-abort", account: "fallback", settings: impatient, happens: proving(abort, offboard.RolledBack)},
	}
}

// noticePaths tell people of what happens.
func noticePaths() []scenario {
	whole := func(p *play) { p.start(nil); p.approve(); p.ends(offboard.Completed) }
	waits := func(reminder, deadline string) stack.Settings {
		return stack.Settings{Policy: map[string]any{"approvalReminder": reminder, "approvalDeadline": deadline}}
	}
	return []scenario{
		{name: "notices-completed", notices: true, happens: func(p *play) { whole(p); p.heard(2) }},
		{name: "notices-hold", notices: true, happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.calm()
			p.answer("eu-de", offboard.ActionRetry)
			p.ends(offboard.Completed)
			p.heard(3)
		}},
		{name: "notices-refusal", notices: true, happens: func(p *play) {
			p.start(input{"user": "owner@acme.example"})
			p.fails()
			p.heard(1)
		}},
		{name: "notices-reminder", notices: true, settings: waits("1s", "2500ms"), happens: func(p *play) {
			p.start(nil)
			p.ends(offboard.Rejected)
			p.heard(4)
		}},
		{name: "notices-unsent", notices: true, happens: func(p *play) {
			p.answersWith(http.StatusGone)
			whole(p)
		}},
		// Whoever is told last does not answer: the run waits a moment for them.
		{name: "open-notices", notices: true, happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.heard(1)
			p.answersWith(hang)
			p.reject()
			p.phase(offboard.PhaseReport)
			wait(p, time.Second)
		}},
	}
}
