package main

import (
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// openPaths are recorded in the middle, waiting.
func openPaths() []scenario {
	holding := func(f ibmsim.Fault, subject string) func(p *play) {
		return func(p *play) {
			p.fault(f)
			p.start(nil)
			p.approve()
			p.held(subject)
		}
	}
	return []scenario{
		{name: "open-last-day", claim: true, happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
		}},
		{name: "open-admission", happens: func(p *play) {
			p.fault(ibmsim.Fault{Service: "user-management", Hang: true, Times: -1})
			p.start(nil)
			p.phase(offboard.PhaseAdmit)
			wait(p, 500*time.Millisecond)
		}},
		{name: "open-clean", with: slow, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhaseRemove)
			p.fault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/applyRBAC", Hang: true, Times: -1})
			p.phase(offboard.PhaseClean)
			wait(p, 500*time.Millisecond)
		}},
		{name: "open-approval", happens: func(p *play) { p.start(nil); p.plan() }},
		{name: "open-acceptance", account: "silent", happens: func(p *play) { p.start(nil); p.approve(); p.phase(offboard.PhasePrepare); wait(p, 2*time.Second) }},
		{name: "open-soak", soak: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.until("two looks", func(now offboard.Progress) bool { return now.Soak != nil && now.Soak.Probes == 1 })
		}},
		{name: "open-hold-scope", scopes: true, account: "two", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.held("us-south")
		}},
		{name: "open-hold-user", happens: holding(refused("user-management", "DELETE", removal), "user")},
		{name: "open-hold-survey", happens: func(p *play) {
			p.fault(refused("resource-manager", "", ""))
			p.start(nil)
			p.held("survey")
		}},
		{name: "open-hold-plan", account: "blocked", happens: func(p *play) { p.start(nil); p.held("plan") }},
		{name: "open-hold-prepare", account: "outsider", happens: holding(refused("iam-groups", "PUT", "/members"), "prepare")},
		{name: "open-hold-disable", happens: holding(refused("iam-identity", "POST", disabling), aKey)},
		{name: "open-hold-delete", happens: holding(refused("iam-identity", "DELETE", deleting), aKey)},
		{name: "open-hold-fallback", account: "fallback", settings: fallback(map[string]any{"grantPatience": "1s"}), happens: func(p *play) {
			f := refused("containers", "GET", "")
			f.Caller = second
			holding(f, "fallback")(p)
		}},
		{name: "open-hold-news", happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.newKey()
			p.approve()
			p.held("news")
		}},
		{name: "open-hold-soak", soak: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.fault(refused("containers", "GET", ""))
			p.held("soak")
		}},
		{name: "open-hold-undo", happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.fault(refused("iam-identity", "DELETE", disabling))
			p.reinstate()
			p.held("undo")
		}},
		{name: "open-hand-over", scopes: true, with: []string{"masterRefresh: 300ms", "masterRefresh: 1h"}, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.step("eu-de", "refreshing the master")
			wait(p, time.Second)
		}},
	}
}

func wait(p *play, d time.Duration) {
	if p.err == nil {
		time.Sleep(d)
	}
}
