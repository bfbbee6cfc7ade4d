package main

import (
	"net/http"
	"time"

	"offboard/dev/internal/stack"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// What a plan has to say of the leaver's own key.
const ciKey = "ci-pipeline"

// meanwhilePaths are those in which somebody or something else changes the account while the run is under way.
func meanwhilePaths() []scenario {
	return concat(keyPaths(), waitingPaths(), preparePaths(), afterPaths())
}

// keyPaths: somebody changes a key.
func keyPaths() []scenario {
	planned := func(change func(p *play)) func(p *play) {
		return func(p *play) {
			p.start(nil)
			p.plan()
			change(p)
			p.approve()
			p.ends(offboard.Completed)
		}
	}
	soaking := func(change func(p *play)) func(p *play) {
		return func(p *play) {
			p.start(input{"soak": "4s"})
			p.approve()
			p.phase(offboard.PhaseSoak)
			change(p)
		}
	}
	rarely := stack.Settings{SoakProbe: offboard.Duration(time.Hour)}
	return []scenario{
		{name: "meanwhile-locked", happens: planned(func(p *play) { p.as(leaver, http.MethodPost, p.key(ciKey)+"/lock", nil) })},
		{name: "meanwhile-disabled", happens: planned(func(p *play) { p.as(leaver, http.MethodPost, p.key(ciKey)+"/disable", nil) })},
		{name: "meanwhile-deleted", happens: planned(func(p *play) { p.as(leaver, http.MethodDelete, p.key(ciKey), nil) })},
		{name: "meanwhile-locked-in-soak", settings: rarely, happens: soaking(func(p *play) {
			p.as(owner, http.MethodPost, p.key(ciKey)+"/lock", nil)
			p.ends(offboard.Completed)
		})},
		{name: "meanwhile-deleted-in-soak", settings: rarely, happens: soaking(func(p *play) {
			p.as(owner, http.MethodDelete, p.key(ciKey), nil)
			p.reinstate()
			p.ends(offboard.Reinstated)
		})},
		{name: "meanwhile-new-cluster", happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.newCluster()
			p.approve()
			p.answer("news", offboard.ActionRetry)
			p.ends(offboard.Completed)
		}},
		{name: "meanwhile-no-news", with: slow, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.step("eu-de", "restarting")
			p.fault(refused("iam-identity", "GET", "/v1/apikeys$"))
			p.held("news")
			p.calm()
			p.answer("news", offboard.ActionRetry)
			p.ends(offboard.Completed)
		}},
		{name: "hold-unlock-skip", happens: func(p *play) {
			p.fault(refused("iam-identity", "DELETE", "/lock$"))
			p.start(nil)
			p.approve()
			p.held(aKey)
			p.answers(aKey, offboard.ActionSkip)
			p.ends(offboard.Incomplete)
		}},
	}
}

// waitingPaths: something changes before there is a plan.
func waitingPaths() []scenario {
	waiting := func(change func(p *play)) func(p *play) {
		return func(p *play) {
			p.start(input{"lastDay": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			p.phase(offboard.PhaseWait)
			change(p)
			p.reschedule(time.Now().Add(-time.Minute))
		}
	}
	return []scenario{
		{name: "meanwhile-gone", happens: func(p *play) {
			waiting(func(p *play) { p.as(owner, http.MethodDelete, p.user(leaverID), nil) })(p)
			p.ends(offboard.AlreadyGone)
		}},
		{name: "meanwhile-forbidden", happens: func(p *play) {
			waiting((*play).longerTokens)(p)
			p.ends(offboard.Rejected)
		}},
		{name: "meanwhile-refused", happens: func(p *play) {
			waiting(func(p *play) { p.fault(refused("user-management", "", "")) })(p)
			p.ends(offboard.RolledBack)
		}},
		{name: "meanwhile-rescheduled", happens: func(p *play) {
			p.fault(delayed("resource-manager"))
			p.start(nil)
			p.phase(offboard.PhaseSurvey)
			p.reschedule(time.Now().Add(time.Hour))
			p.phase(offboard.PhaseWait)
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "held-by-nobody", happens: func(p *play) { p.blockClaim(); p.start(nil); p.fails() }},
		{name: "held-by-nobody-cancelled", happens: func(p *play) {
			p.blockClaim()
			p.start(nil)
			p.until("a look for the holder", func(offboard.Progress) bool { return p.events("FindHolder") > 0 })
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "refused-admission", happens: func(p *play) {
			p.fault(refused("user-management", "", ""))
			p.start(nil)
			p.ends(offboard.RolledBack)
		}},
		{name: "blocked-owners", account: "two", happens: func(p *play) {
			p.fault(refused("containers", "GET", "/clusterkeyowner$"))
			p.start(nil)
			p.plan()
			p.reject()
			p.ends(offboard.Rejected)
		}},
	}
}

// preparePaths: the functional ID cannot be made ready.
func preparePaths() []scenario {
	const retry, skip, abort = offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort
	away := func(service, method, path string) ibmsim.Fault {
		return ibmsim.Fault{Service: service, Method: method, Path: path, Status: http.StatusServiceUnavailable, Times: -1}
	}
	holding := func(f ibmsim.Fault, action string, then func(p *play)) func(p *play) {
		return func(p *play) {
			p.fault(f)
			p.start(nil)
			p.approve()
			p.held("prepare")
			p.calm()
			p.answer("prepare", action)
			then(p)
		}
	}
	goesOn := func(p *play) { p.phase(offboard.PhaseHandOver) }
	turnsRound := func(p *play) { p.ends(offboard.RolledBack) }
	ofFunctional := func(f ibmsim.Fault) ibmsim.Fault { f.Caller = functional; return f }
	quick := stack.Settings{Policy: map[string]any{"grantPatience": "1s"}}
	blind := ofFunctional(refused("containers", "GET", ""))
	return []scenario{
		{name: "hold-invite-retry", account: "outsider", happens: holding(refused("user-management", "POST", "/users$"), retry, goesOn)},
		{name: "hold-group-retry", settings: impatient(nil), happens: holding(away("iam-groups", "POST", "/v2/groups$"), retry, goesOn)},
		{name: "hold-group-abort", settings: impatient(nil), happens: holding(away("iam-groups", "POST", "/v2/groups$"), abort, turnsRound)},
		{name: "hold-grant-retry", settings: impatient(nil), happens: holding(away("iam-policy", "POST", "/policies$"), retry, goesOn)},
		{name: "hold-member-abort", settings: impatient(nil), happens: holding(away("iam-groups", "PUT", "/members$"), abort, turnsRound)},
		{name: "hold-prove-retry", settings: quick, happens: holding(ofFunctional(refused("iam-identity", "GET", "/details$")), retry, goesOn)},
		{name: "hold-access-retry", settings: quick, happens: holding(blind, retry, goesOn)},
		// The functional ID takes a scope in another run, so that clusters depend on its access.
		{name: "compensated-not", account: "two", settings: quick, happens: func(p *play) {
			p.fault(blind)
			p.start(nil)
			p.approve()
			p.held("prepare")
			p.calm()
			p.takesKey("eu-de", "11110000111100001111000011110000")
			p.answer("prepare", abort)
			p.ends(offboard.RolledBack)
		}},
		// Another run found what this one made, and is about to depend on it.
		{name: "compensated-shared", account: "two", settings: quick, happens: func(p *play) {
			p.fault(blind)
			p.start(nil)
			p.approve()
			p.held("prepare")
			recorded := p.run
			p.start(input{"user": "petra@acme.example"})
			p.others = append(p.others, p.run)
			p.approve()
			p.held("prepare")
			p.run = recorded
			p.answer("prepare", abort)
			p.ends(offboard.RolledBack)
		}},
		{name: "hold-revoke-skip", settings: quick, happens: func(p *play) {
			p.fault(blind)
			p.start(nil)
			p.approve()
			p.held("prepare")
			p.fault(refused("iam-policy", "DELETE", ""))
			p.answer("prepare", abort)
			p.answers("undo", skip)
			p.ends(offboard.RolledBack)
		}},
		{name: "reinstated-invited-by-others", account: "silent", happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.invites()
			p.approve()
			p.phase(offboard.PhasePrepare)
			wait(p, time.Second)
			p.reinstate()
			p.ends(offboard.Reinstated)
		}},
	}
}

// afterPaths: something is amiss in the soak or after it.
func afterPaths() []scenario {
	bindings := []string{"autoscaler: true", "autoscaler: true, bindings: [{name: operators, role: cluster-admin, users: [leaver@acme.example]}]"}
	return []scenario{
		{name: "terminated-soak", soak: true, happens: func(p *play) {
			p.start(input{"soak": "1h"})
			p.approve()
			p.until("a look", func(now offboard.Progress) bool { return now.Soak != nil && now.Soak.Probes > 0 })
			p.terminate(p.now().Soak.Run)
			p.answer("soak", offboard.ActionSkip)
			p.ends(offboard.Incomplete)
		}},
		{name: "uncleaned", with: append(bindings, slow...), settings: stack.Settings{Policy: map[string]any{"cleanBindings": true}}, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhaseRemove)
			p.fault(refused("containers", "POST", "/applyRBAC"))
			p.fault(refused("kube", "", "bindings"))
			p.ends(offboard.Completed)
		}},
		{name: "unsynchronised", with: slow, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhaseRemove)
			p.fault(refused("containers", "GET", "/getRBACStatus"))
			p.ends(offboard.Completed)
		}},
	}
}
