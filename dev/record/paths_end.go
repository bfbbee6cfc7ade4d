package main

import (
	"strings"
	"time"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// endPaths end without the person gone, and with nothing to undo.
func endPaths() []scenario {
	return []scenario{
		{name: "rejected", happens: func(p *play) { p.start(nil); p.plan(); p.reject(); p.ends(offboard.Rejected) }},
		{name: "rejected-waiting", happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
			p.update(workflows.RejectUpdate, workflows.Reject{By: approver}) // without a word
			p.ends(offboard.Rejected)
		}},
		{name: "already-gone", happens: func(p *play) { p.start(input{"user": "leavr@acme.example"}); p.ends(offboard.AlreadyGone) }},
		{name: "invalid-input", happens: func(p *play) { p.start(input{"user": "", "mode": "maybe", "soack": "1h"}); p.fails() }},
		{name: "invalid-second-argument", happens: func(p *play) { p.run = p.begin("invalid", input{"user": leaver}, "second"); p.fails() }},
		{name: "invalid-encoding", happens: func(p *play) { p.run = p.begin("invalid", []byte("leaver@acme.example")); p.fails() }},
		{name: "invalid-stranger", happens: func(p *play) {
			p.start(input{"user": "leavr@acme.example", "functionalIds": []string{"clusters-9@acme.example"}})
			p.fails()
		}},
		{name: "already-gone-long", happens: func(p *play) {
			p.start(input{"user": strings.Repeat("long.", 40) + "leaver@acme.example"})
			p.ends(offboard.AlreadyGone)
		}},
		{name: "invalid-person", happens: func(p *play) { p.start(input{"user": "owner@acme.example"}); p.fails() }},
		{name: "second-run", happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.others = append(p.others, p.run)
			p.run = p.begin("second", input{"user": "IBMid-270006LEAV", "soak": "1s"})
			p.fails()
		}},
		{name: "cancelled-approval", happens: func(p *play) { p.start(nil); p.plan(); p.cancel(); p.ends(offboard.RolledBack) }},
		{name: "cancelled-hand-over", scopes: true, account: "two", happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.until("a reset", func(now offboard.Progress) bool { return now.Phase == offboard.PhaseHandOver })
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "cancelled-soak", soak: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "terminated", happens: func(p *play) {
			p.start(nil)
			p.plan()
			if p.err == nil {
				p.fail("terminate", p.Connection.TerminateWorkflow(p.ctx, p.run.id, p.run.run, "by an operator"))
			}
		}},
	}
}
