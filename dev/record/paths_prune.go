package main

import (
	"net/http"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// prune begins the prune that is recorded.
func (p *play) prune(fields input) {
	in := input{"all": true, "soak": "1s", "requestedBy": requester}
	for name, value := range fields {
		in[name] = value
		if value == nil {
			delete(in, name)
		}
	}
	p.run = p.beginAs(workflows.Prune, "offboard-prune/recorded", in)
}

// unlocked is the account with two scopes, whose superseded keys may both go.
var unlocked = []string{", locked: true", ""}

// superseded is the ID of the superseded key in the plan that is shown.
func (p *play) superseded() string {
	plan := p.plan()
	if len(plan.Keys) == 0 {
		return ""
	}
	return plan.Keys[0].ID
}

// toggle disables a key, or enables it, as somebody who has nothing to do with the run.
func (p *play) toggle(method, key string) {
	p.as(owner, method, iam+"/v1/apikeys/"+key+"/disable", nil)
}

// prunePaths retire superseded cluster keys.
func prunePaths() []scenario {
	const retry, skip, abort = offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort
	// unproven makes the proof fail right before the keys are disabled.
	unproven := func(action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.prune(nil)
			id := p.superseded()
			p.as(owner, http.MethodPost, iam+"/v1/apikeys/"+id+"/lock", nil)
			p.approve()
			p.held("proof")
			if action == retry {
				p.as(owner, http.MethodDelete, iam+"/v1/apikeys/"+id+"/lock", nil)
			}
			p.answer("proof", action)
			p.ends(end)
		}
	}
	// troubled makes a soak find something: somebody enables a key.
	troubled := func(action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.prune(input{"soak": "3s"})
			id := p.superseded()
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.toggle(http.MethodDelete, id)
			p.answer("soak", action)
			p.ends(end)
		}
	}
	list := []scenario{
		{name: "pruned", account: "two", with: unlocked, soak: true, claim: true, happens: func(p *play) { p.prune(nil); p.approve(); p.ends(offboard.Completed) }},
		{name: "prune-nothing", happens: func(p *play) { p.prune(nil); p.ends(offboard.Completed) }}, // the only superseded key is locked
		{name: "prune-planned", account: "two", with: unlocked, happens: func(p *play) { p.prune(input{"mode": "plan"}); p.ends(offboard.Planned) }},
		{name: "prune-one-owner", account: "two", with: unlocked, happens: func(p *play) {
			p.prune(input{"all": nil, "ownedBy": leaverID})
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "prune-disabled-before", account: "two", with: []string{"uses: 9, locked: true", "uses: 9, disabled: true"}, happens: func(p *play) {
			p.prune(input{"all": nil, "scopes": []string{"eu-de/default"}})
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "prune-rejected", account: "two", with: unlocked, happens: func(p *play) { p.prune(nil); p.plan(); p.reject(); p.ends(offboard.Rejected) }},
		{name: "prune-absent", happens: func(p *play) {
			p.prune(input{"all": nil, "scopes": []string{"jp-tok/nowhere"}})
			p.answer("plan", abort)
			p.ends(offboard.Rejected)
		}},
		{name: "prune-invalid", happens: func(p *play) { p.prune(input{"mode": "maybe", "user": leaver}); p.fails() }},
		{name: "prune-forbidden", happens: func(p *play) { p.prune(input{"approval": "none"}); p.fails() }},
		{name: "prune-second-run", account: "two", with: unlocked, happens: func(p *play) {
			p.prune(nil)
			p.plan()
			p.others = append(p.others, p.run)
			p.run = p.beginAs(workflows.Prune, "offboard-prune/second", input{"ownedBy": leaver, "soak": "1s"})
			p.fails()
		}},
		{name: "prune-unreadable", account: "two", with: unlocked, happens: func(p *play) {
			p.fault(refused("iam-identity", "GET", "/v1/apikeys$"))
			p.prune(nil)
			p.held("survey")
			p.calm()
			p.answer("survey", retry)
			p.approve()
			p.ends(offboard.Completed)
		}},
		{name: "hold-proof-retry", account: "two", with: unlocked, happens: unproven(retry, offboard.Completed)},
		{name: "hold-proof-skip", account: "two", with: unlocked, happens: unproven(skip, offboard.Incomplete)},
		{name: "hold-proof-abort", account: "two", with: unlocked, happens: unproven(abort, offboard.RolledBack)},
		{name: "prune-soak-retry", account: "two", with: unlocked, soak: true, happens: troubled(retry, offboard.Completed)},
		{name: "prune-soak-skip", account: "two", with: unlocked, happens: troubled(skip, offboard.Incomplete)},
		{name: "prune-soak-abort", account: "two", with: unlocked, happens: troubled(abort, offboard.RolledBack)},
	}
	return concat(list, lastMomentPaths())
}

// lastMomentPaths change something between the soak and the first deletion, or end a prune before that.
func lastMomentPaths() []scenario {
	return []scenario{
		{name: "prune-cancelled-soak", account: "two", with: unlocked, soak: true, happens: func(p *play) {
			p.prune(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "prune-locked-in-soak", account: "two", with: unlocked, happens: func(p *play) {
			p.prune(input{"soak": "3s"})
			id := p.superseded()
			p.approve()
			p.phase(offboard.PhaseSoak)
			p.as(owner, http.MethodPost, iam+"/v1/apikeys/"+id+"/lock", nil) // which a soak does not look for
			p.answer("proof", offboard.ActionSkip)
			p.answer("key "+id, offboard.ActionSkip)
			p.ends(offboard.Incomplete)
		}},
		{name: "prune-hold-delete", account: "two", with: unlocked, happens: func(p *play) {
			p.fault(refused("iam-identity", "DELETE", deleting))
			p.prune(nil)
			p.approve()
			p.held(aKey)
			p.calm()
			p.answer(aKey, offboard.ActionRetry)
			p.ends(offboard.Completed)
		}},
		{name: "prune-compensated", account: "two", with: unlocked, happens: func(p *play) {
			p.fault(refused("iam-identity", "POST", disabling))
			p.prune(input{"onFailure": "compensate"})
			p.approve()
			p.ends(offboard.RolledBack)
		}},
		{name: "open-prune", account: "two", with: unlocked, happens: func(p *play) { p.prune(nil); p.plan() }},
		{name: "open-prune-soak", account: "two", with: unlocked, soak: true, happens: func(p *play) {
			p.prune(input{"soak": "1h"})
			p.approve()
			p.phase(offboard.PhaseSoak)
		}},
	}
}
