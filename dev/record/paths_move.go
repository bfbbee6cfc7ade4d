package main

import "offboard/internal/offboard"

// movePaths are moves of scopes although nobody leaves.
func movePaths() []scenario {
	all := input{"allPersonal": true, "requestedBy": requester}
	return []scenario{
		{name: "moved-all", account: "two", happens: func(p *play) { p.move(all); p.approve(); p.ends(offboard.Completed) }},
		{name: "move-planned", happens: func(p *play) {
			p.move(input{"ownedBy": leaver, "mode": "plan"})
			p.ends(offboard.Planned)
		}},
		{name: "move-skipped", scopes: true, account: "two", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.move(all)
			p.approve()
			p.answers("", offboard.ActionSkip)
			p.ends(offboard.Incomplete)
		}},
		{name: "move-absent", happens: func(p *play) {
			p.move(input{"scopes": []string{"jp-tok/nowhere"}})
			p.answer("plan", offboard.ActionAbort)
			p.ends(offboard.Rejected)
		}},
		{name: "move-invalid", happens: func(p *play) { p.move(input{"mode": "maybe"}); p.fails() }},
		{name: "move-forbidden", happens: func(p *play) {
			p.move(input{"allPersonal": true, "functionalIds": []string{"clusters-9@acme.example"}})
			p.fails()
		}},
		{name: "move-refused", happens: func(p *play) {
			p.fault(refused("user-management", "", ""))
			p.move(all)
			p.ends(offboard.RolledBack)
		}},
		{name: "move-aborted", account: "two", happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.move(all)
			p.approve()
			p.held("eu-de")
			p.cancel()
			p.ends(offboard.RolledBack)
		}},
		{name: "move-nothing", happens: func(p *play) { p.move(input{"ownedBy": owner}); p.ends(offboard.Completed) }},
		{name: "move-held", scopes: true, with: slow, happens: func(p *play) {
			p.move(input{"ownedBy": leaver, "requestedBy": requester})
			p.approve()
			p.step("eu-de", "refreshing the master")
			p.fault(refused("kube", "GET", "/pods"))
			p.held("eu-de")
			p.calm()
			p.answer("eu-de", offboard.ActionRetry)
			p.ends(offboard.Completed)
		}},
		{name: "open-move", happens: func(p *play) { p.move(all); p.plan() }},
	}
}
