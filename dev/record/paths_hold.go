package main

import (
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

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
				p.plan() // the rest is as ever
				return
			}
			p.ends(end)
		}
	}
	var list []scenario
	add := func(name, account string, f ibmsim.Fault, subject, action string, end offboard.Status) {
		list = append(list, scenario{name: "hold-" + name + "-" + action, scopes: name == "scope", account: account, happens: path(account, f, subject, action, end)})
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
		{name: "hold-scope-skip", scopes: true, account: "two", happens: func(p *play) {
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
		{name: "hold-by-hand-claimed", scopes: true, account: "private", happens: func(p *play) {
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
