package main

import (
	"time"

	"offboard/dev/internal/stack"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// scenario is one path an offboarding can take.
type scenario struct {
	name     string
	account  string // of accounts/; "" means one
	settings stack.Settings
	claim    bool // record the claim's history too
	soak     bool // record the soaks' histories too
	notices  bool // a webhook is told of everything
	process  bool // the worker is a process, which can be killed
	uncached bool // without the sticky cache
	happens  func(p *play)
}

// What the faults of several paths match.
const (
	resets    = "/v1/keys$"
	keyList   = "/v1/apikeys$"
	disabling = "/v1/apikeys/[^/]+/disable$"
	deleting  = "/v1/apikeys/[^/]+$"
	removal   = "/v[23]/accounts/[^/]+/users/"

	aKey = "key " // the subject of a hold of any key
)

// scenarios are all paths, the long ones first, so that the last lane to finish is not late.
func scenarios() []scenario {
	return concat(longPaths(), holdPaths(), fallbackPaths(), undoPaths(), noticePaths(), goodPaths(), openPaths(), endPaths())
}

func concat(lists ...[]scenario) []scenario {
	var all []scenario
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// goodPaths end with the person gone.
func goodPaths() []scenario {
	whole := func(p *play) { p.start(nil); p.approve(); p.ends(offboard.Completed) }
	return []scenario{
		{name: "completed-one-scope", claim: true, soak: true, happens: whole},
		{name: "completed-two-scopes", account: "two", happens: whole},
		{name: "completed-invited", account: "outsider", happens: whole},
		{name: "completed-bindings", account: "bound", settings: stack.Settings{Policy: map[string]any{"cleanBindings": true}}, happens: whole},
		{name: "completed-many-scopes", account: "many", settings: stack.Settings{Policy: map[string]any{"parallelScopes": 2}}, happens: whole},
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
		{name: "completed-ambiguous-reset", happens: func(p *play) {
			p.fault(ibmsim.Fault{Service: "containers", Method: "POST", Path: resets, DropAfter: true, Times: 2})
			p.start(nil)
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "completed-worker-stopped", account: "two", happens: func(p *play) {
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
		{name: "completed-uncached", account: "two", uncached: true, happens: whole},
		{name: "planned", happens: func(p *play) { p.start(input{"mode": "plan"}); p.ends(offboard.Planned) }},
	}
}

// openPaths are recorded in the middle, waiting.
func openPaths() []scenario {
	return []scenario{
		{name: "open-last-day", claim: true, happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
		}},
		{name: "open-approval", happens: func(p *play) { p.start(nil); p.plan() }},
		{name: "open-acceptance", account: "silent", happens: func(p *play) { p.start(nil); p.approve(); p.phase(offboard.PhasePrepare); wait(p, 2*time.Second) }},
		{name: "open-soak", soak: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.until("two looks", func(now offboard.Progress) bool { return now.Soak != nil && now.Soak.Probes == 1 })
		}},
		{name: "open-hold-scope", account: "two", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.held("us-south")
		}},
		{name: "open-hold-user", happens: func(p *play) {
			p.fault(refused("user-management", "DELETE", removal))
			p.start(nil)
			p.approve()
			p.held("user")
		}},
	}
}

func wait(p *play, d time.Duration) {
	if p.err == nil {
		time.Sleep(d)
	}
}

// endPaths end without the person gone, and with nothing to undo.
func endPaths() []scenario {
	return []scenario{
		{name: "rejected", happens: func(p *play) { p.start(nil); p.plan(); p.reject(); p.ends(offboard.Rejected) }},
		{name: "rejected-waiting", happens: func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
			p.reject()
			p.ends(offboard.Rejected)
		}},
		{name: "already-gone", happens: func(p *play) { p.start(input{"user": "leavr@acme.example"}); p.ends(offboard.AlreadyGone) }},
		{name: "invalid-input", happens: func(p *play) { p.start(input{"user": "", "mode": "maybe", "soack": "1h"}); p.fails() }},
		{name: "invalid-second-argument", happens: func(p *play) { p.run = p.begin("invalid", input{"user": leaver}, "second"); p.fails() }},
		{name: "invalid-person", happens: func(p *play) { p.start(input{"user": "owner@acme.example"}); p.fails() }},
		{name: "second-run", happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.others = append(p.others, p.run)
			p.run = p.begin("second", input{"user": "IBMid-270006LEAV", "soak": "1s"})
			p.fails()
		}},
		{name: "cancelled-approval", happens: func(p *play) { p.start(nil); p.plan(); p.cancel(); p.ends(offboard.RolledBack) }},
		{name: "cancelled-hand-over", account: "two", happens: func(p *play) {
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
		{name: "reinstated-granted", account: "outsider", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
		{name: "reinstated-hand-over", account: "two", happens: func(p *play) {
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
		{name: "compensated-scope", account: "two", happens: func(p *play) {
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

// holdPaths wait for a person and get each answer there is.
func holdPaths() []scenario {
	const retry, skip, abort = offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort
	// path arms a fault, waits for the hold, takes the fault away and answers.
	path := func(account string, f ibmsim.Fault, subject, action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.fault(f)
			p.start(nil)
			if subject != "survey" {
				p.approve()
			}
			p.held(subject)
			if subject == aKey {
				wait(p, time.Second) // until every key holds
			}
			p.calm()
			p.answer(subject, action)
			if subject == aKey {
				p.answers(subject, action)
			}
			if subject == "survey" && action == retry {
				p.approve()
			}
			p.ends(end)
		}
	}
	var list []scenario
	add := func(name, account string, f ibmsim.Fault, subject, action string, end offboard.Status) {
		list = append(list, scenario{name: "hold-" + name + "-" + action, account: account, happens: path(account, f, subject, action, end)})
	}
	reset := refused("containers", "POST", resets)
	add("scope", "", reset, "eu-de", retry, offboard.Completed)
	add("scope", "two", reset, "eu-de", abort, offboard.RolledBack)
	add("survey", "", refused("resource-manager", "", ""), "survey", retry, offboard.Completed)
	add("survey", "", refused("resource-manager", "", ""), "survey", abort, offboard.RolledBack)
	members := refused("iam-groups", "PUT", "/members")
	add("prepare", "outsider", members, "prepare", retry, offboard.Completed)
	add("prepare", "outsider", members, "prepare", abort, offboard.RolledBack)
	disable := refused("iam-identity", "POST", disabling)
	add("disable", "", disable, aKey, retry, offboard.Completed)
	add("disable", "", disable, aKey, abort, offboard.RolledBack)
	remove := refused("iam-identity", "DELETE", deleting)
	add("delete", "", remove, aKey, retry, offboard.Completed)
	user := refused("user-management", "DELETE", removal)
	add("user", "", user, "user", retry, offboard.Completed)
	add("user", "", user, "user", skip, offboard.Incomplete)
	add("user", "", user, "user", abort, offboard.Incomplete)
	return concat(list, otherHolds())
}

func otherHolds() []scenario {
	const retry, skip, abort = offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort
	soaking := func(action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.start(input{"soak": "2s"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.fault(refused("containers", "GET", ""))
			p.held("soak")
			p.calm()
			p.answer("soak", action)
			p.ends(end)
		}
	}
	news := func(action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.newKey()
			p.calm()
			p.answer("eu-de", retry)
			p.answer("news", action)
			p.ends(end)
		}
	}
	undoing := func(action string) func(p *play) {
		return func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.fault(refused("iam-identity", "DELETE", disabling))
			p.reinstate()
			p.held("undo")
			p.calm()
			p.answer("undo", action)
			p.ends(offboard.Reinstated)
		}
	}
	return []scenario{
		{name: "hold-undo-retry", happens: undoing(retry)},
		{name: "hold-undo-skip", happens: undoing(skip)},
		{name: "hold-undo-abort", happens: undoing(abort)},
		{name: "hold-soak-retry", soak: true, happens: soaking(retry, offboard.Completed)},
		{name: "hold-soak-skip", happens: soaking(skip, offboard.Incomplete)},
		{name: "hold-soak-abort", happens: soaking(abort, offboard.RolledBack)},
		{name: "hold-news-retry", happens: news(retry, offboard.Completed)},
		{name: "hold-news-abort", happens: news(abort, offboard.RolledBack)},
		{name: "hold-plan-abort", account: "blocked", happens: func(p *play) {
			p.start(nil)
			p.answer("plan", retry)
			wait(p, time.Second)
			p.answer("plan", abort)
			p.ends(offboard.Rejected)
		}},
		{name: "hold-scope-skip", account: "two", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.held("us-south")
			p.calm()
			p.answer("eu-de", skip)
			p.answer("us-south", retry)
			p.ends(offboard.Incomplete)
		}},
		{name: "hold-by-hand-claimed", account: "private", happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.answer("eu-de", retry)
			p.answer("soak", skip) // nobody did restart anything
			p.ends(offboard.Incomplete)
		}},
		{name: "hold-keys-skip", happens: func(p *play) {
			p.fault(refused("iam-identity", "DELETE", deleting))
			p.start(nil)
			p.approve()
			p.answers(aKey, skip)
			p.ends(offboard.Incomplete)
		}},
		{name: "hold-disable-skip", happens: func(p *play) {
			p.fault(refused("iam-identity", "POST", disabling))
			p.start(nil)
			p.approve()
			p.held(aKey)
			wait(p, time.Second)
			p.calm()
			p.answers(aKey, skip)
			p.ends(offboard.Incomplete)
		}},
	}
}
