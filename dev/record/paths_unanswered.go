package main

import (
	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
)

// unansweredPaths hold, and nobody answers in time, or the run is turned round meanwhile.
func unansweredPaths() []scenario {
	deadline := stack.Settings{Policy: map[string]any{"holdDeadline": "2s"}}
	members := refused("iam-groups", "PUT", "/members")
	return []scenario{
		{name: "unanswered-prepare", account: "outsider", settings: deadline, happens: func(p *play) {
			p.fault(members)
			p.start(nil)
			p.approve()
			p.ends(offboard.RolledBack)
		}},
		{name: "unanswered-scope", scopes: true, settings: deadline, happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.ends(offboard.Incomplete)
		}},
		{name: "unanswered-soak", soak: true, settings: deadline, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.fault(refused("containers", "GET", ""))
			p.ends(offboard.Incomplete)
		}},
		{name: "cancelled-hold", account: "outsider", happens: func(p *play) {
			p.fault(members)
			p.start(nil)
			p.approve()
			p.held("prepare")
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "reinstated-hold", account: "outsider", happens: func(p *play) {
			p.fault(members)
			p.start(nil)
			p.approve()
			p.held("prepare")
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-survey", happens: func(p *play) {
			p.fault(delayed("resource-manager"))
			p.start(nil)
			p.phase(offboard.PhaseSurvey)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "cancelled-survey", happens: func(p *play) {
			p.fault(delayed("resource-manager"))
			p.start(nil)
			p.phase(offboard.PhaseSurvey)
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "cancelled-admission", happens: func(p *play) {
			p.fault(delayed("user-management"))
			p.start(nil)
			p.phase(offboard.PhaseAdmit)
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
	}
}
