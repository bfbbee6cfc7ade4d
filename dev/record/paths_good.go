package main

import (
	"time"

	"offboard/dev/internal/stack"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

var (
	// unasked is an account whose plan has no questions.
	unasked = []string{"lastUsed: 20h", "lastUsed: 200d"}
	// noScopes is an account in which the leaver owns keys only.
	noScopes = []string{"owner: leaver@acme.example, created: 400d", "owner: petra@acme.example, created: 400d",
		"  - {owner: leaver@acme.example, scope: {region: eu-de, resourceGroup: default}, created: 700d, lastUsed: 401d, uses: 9, locked: true}\n", "",
		"policies:\n", "policies:\n  - {user: petra@acme.example, roles: [Administrator, Manager], service: all}\n"}
)

// goodPaths end with the person gone.
func goodPaths() []scenario {
	whole := func(p *play) { p.start(nil); p.approve(); p.ends(offboard.Completed) }
	return []scenario{
		{name: "completed-one-scope", scopes: true, claim: true, soak: true, happens: whole},
		{name: "completed-two-scopes", scopes: true, account: "two", happens: whole},
		{name: "completed-invited", scopes: true, account: "outsider", happens: whole},
		{name: "completed-bindings", account: "bound", settings: stack.Settings{Policy: map[string]any{"cleanBindings": true}}, happens: whole},
		{name: "completed-many-scopes", scopes: true, account: "many", settings: stack.Settings{Policy: map[string]any{"parallelScopes": 2}}, happens: whole},
		{name: "completed-unapproved", settings: stack.Settings{AllowUnapproved: true}, happens: func(p *play) {
			p.start(input{"approval": "none", "removeUser": false})
			p.approve() // there is a question all the same
			p.ends(offboard.Completed)
		}},
		{name: "completed-after-last-day", happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)})
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "completed-rescheduled", happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
			p.reschedule(time.Now().Add(30 * time.Minute))
			p.reschedule(time.Now().Add(-time.Minute))
			p.approve()
			p.ends(offboard.Completed)
		}},
		// The last day is moved while the plan waits for a yes.
		{name: "rescheduled-late", happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.reschedule(time.Now().Add(time.Hour))
			p.phase(offboard.PhaseWait)
			p.reschedule(time.Now().Add(-time.Minute))
			p.plan()
		}},
		{name: "completed-old-plan", settings: stack.Settings{PlanFreshness: offboard.Duration(time.Second)}, happens: func(p *play) {
			p.start(nil)
			p.plan()
			time.Sleep(1200 * time.Millisecond)
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "completed-changed-plan", settings: stack.Settings{PlanFreshness: offboard.Duration(time.Second)}, happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.newKey()
			wait(p, 1200*time.Millisecond)
			p.approve()
			p.until("another plan", func(now offboard.Progress) bool {
				return len(now.Changed) > 0 && now.Approval == nil && now.Phase == offboard.PhaseApprove
			})
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "completed-ambiguous-reset", scopes: true, happens: func(p *play) {
			p.fault(ibmsim.Fault{Service: "containers", Method: "POST", Path: resets, DropAfter: true, Times: 2})
			p.start(nil)
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "completed-worker-stopped", scopes: true, account: "two", happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhaseHandOver)
			p.stop()
			p.resume()
			p.phase(offboard.PhaseSoak)
			p.stop()
			p.resume()
			p.ends(offboard.Completed)
		}},
		{name: "completed-uncached", scopes: true, account: "two", uncached: true, happens: whole},
		{name: "completed-unasked", with: unasked, settings: stack.Settings{AllowUnapproved: true}, happens: func(p *play) {
			p.start(input{"approval": "none"})
			p.ends(offboard.Completed)
		}},
		{name: "completed-no-questions", with: unasked, happens: whole},
		{name: "completed-no-scopes", with: noScopes, happens: whole},
		{name: "planned", happens: func(p *play) { p.start(input{"mode": "plan"}); p.ends(offboard.Planned) }},
	}
}
