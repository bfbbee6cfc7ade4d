package main

import (
	"time"

	"offboard/internal/offboard"
)

// undoPaths turn round.
func undoPaths() []scenario {
	return []scenario{
		{name: "reinstated-waiting", happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-approval", happens: func(p *play) { p.start(nil); p.plan(); p.reinstate(); p.ends(offboard.Reinstated) }},
		{name: "reinstated-prepare", account: "silent", happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.until("an invitation", func(now offboard.Progress) bool { return len(now.Prepared) > 0 && now.Prepared[0].Invited })
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-granted", scopes: true, account: "outsider", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-hand-over", scopes: true, account: "two", happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhaseHandOver)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-soak", soak: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-uncached", uncached: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "compensated-prepare", account: "outsider", happens: func(p *play) {
			p.fault(refused("iam-groups", "PUT", "/members"))
			p.start(input{"onFailure": "compensate"})
			p.approve()
			p.ends(offboard.RolledBack)
		}},
		{name: "compensated-scope", scopes: true, account: "two", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(input{"onFailure": "compensate"})
			p.approve()
			p.ends(offboard.RolledBack)
		}},
		{name: "compensated-disable", happens: func(p *play) {
			f := refused("iam-identity", "POST", disabling)
			f.Nth = 2
			p.fault(f)
			p.start(input{"onFailure": "compensate"})
			p.approve()
			p.ends(offboard.RolledBack)
		}},
	}
}
