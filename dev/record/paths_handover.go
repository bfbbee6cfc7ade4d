package main

import (
	"time"

	"offboard/dev/internal/stack"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

const engine = "offboard-admin@acme.example"

// slow is an account whose steps take long enough to let something happen in one of them.
var slow = []string{"masterRefresh: 300ms", "masterRefresh: 2s", "podStart: 200ms", "podStart: 2s", "removalDelay: 100ms", "removalDelay: 2s"}

// impatient are settings with which a step that does not come true holds after some seconds.
func impatient(more map[string]any) stack.Settings {
	return stack.Settings{StepBudget: offboard.Duration(3 * time.Second), Policy: more}
}

// handOverPaths hold at every step of a hand-over.
func handOverPaths() []scenario {
	const retry, skip, abort = offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort
	// at arms a fault when a step has begun, takes it away when the scope holds, and answers.
	at := func(step string, f ibmsim.Fault, action string, end offboard.Status) func(p *play) {
		return func(p *play) {
			p.start(nil)
			p.approve()
			p.step("eu-de", step)
			p.fault(f)
			p.held("eu-de")
			p.calm()
			p.answer("eu-de", action)
			p.ends(end)
		}
	}
	ofEngine := refused("containers", "GET", "")
	ofEngine.Caller = engine
	unseen := ibmsim.Fault{Service: "containers", Method: "POST", Path: resets, Replication: "1m", Times: -1}
	return []scenario{
		{name: "hold-look-retry", scopes: true, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhasePrepare)
			p.fault(ofEngine)
			p.held("eu-de")
			p.calm()
			p.answer("eu-de", retry)
			p.ends(offboard.Completed)
		}},
		{name: "hold-look-abort", account: "fallback", scopes: true, settings: fallback(nil), happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.phase(offboard.PhasePrepare)
			p.fault(ofEngine)
			p.answer("eu-de", abort)
			p.ends(offboard.RolledBack)
		}},
		// The functional ID has room when the plan is made, and none when the scope is reset.
		{name: "hold-full-skip", scopes: true, with: []string{"keyLimit: 20", "keyLimit: 5", "lastName: One,", "lastName: One, iamID: " + functionalID + ","}, happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.fills()
			p.approve()
			p.answer("eu-de", skip)
			p.ends(offboard.Incomplete)
		}},
		{name: "hold-timeout-skip", scopes: true, settings: impatient(nil), happens: func(p *play) {
			p.fault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/refreshMaster$", Hang: true, Times: -1})
			p.start(nil)
			p.approve()
			p.answer("eu-de", skip)
			p.ends(offboard.Incomplete)
		}},
		// A key that never shows was never made, for all anybody can tell.
		{name: "hold-new-key-retry", scopes: true, settings: impatient(map[string]any{"replication": "1s"}), happens: func(p *play) {
			p.fault(unseen)
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.calm()
			p.answer("eu-de", retry)
			p.ends(offboard.Completed)
		}},
		{name: "hold-secret-skip", scopes: true, with: slow, happens: at("refreshing the master", refused("kube", "GET", "/secrets"), skip, offboard.Incomplete)},
		{name: "hold-pods-abort", scopes: true, with: slow, happens: at("refreshing the master", refused("kube", "GET", "/pods"), abort, offboard.RolledBack)},
		{name: "hold-restart-retry", scopes: true, with: slow, happens: at("refreshing the master", refused("kube", "PATCH", ""), retry, offboard.Completed)},
		{name: "hold-health-retry", scopes: true, with: slow, happens: at("restarting", ofEngine, retry, offboard.Completed)},
		{name: "hold-ready-skip", scopes: true, settings: impatient(nil), with: []string{"autoscaler: true", "autoscaler: true, neverReady: [ibm-vpc-block-csi-controller]"},
			happens: func(p *play) {
				p.start(nil)
				p.approve()
				p.answer("eu-de", skip)
				p.ends(offboard.Incomplete)
			}},
		{name: "completed-cluster-gone", account: "two", scopes: true, with: slow, happens: func(p *play) {
			p.fault(ibmsim.Fault{Service: "containers", Method: "POST", Path: resets, Delay: "2s", Times: -1})
			p.start(nil)
			p.approve()
			p.step("eu-de", "reset the cluster key")
			p.removeCluster("web-eu")
			p.ends(offboard.Completed)
		}},
		// Clusters that could not be looked into when they were planned, and can be now.
		{name: "hold-reached-retry", scopes: true, happens: func(p *play) {
			p.fault(refused("kube", "", ""))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.calm()
			p.answers("eu-de", retry)
			p.ends(offboard.Completed)
		}},
		{name: "hold-unreached-gone", account: "private", scopes: true, happens: func(p *play) {
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.removeCluster("web-eu")
			p.answer("eu-de", retry)
			p.ends(offboard.Completed)
		}},
		{name: "terminated-hand-over", scopes: true, happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.terminate(p.now().Scopes[0].Run)
			p.ends(offboard.RolledBack)
		}},
		{name: "cancelled-hand-overs", account: "many", scopes: true, settings: stack.Settings{Policy: map[string]any{"parallelScopes": 1}}, happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("")
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
	}
}
