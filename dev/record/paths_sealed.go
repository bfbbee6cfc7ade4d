package main

import "offboard/internal/offboard"

// sealedPaths are encrypted. They are few, because what is encrypted cannot be compressed.
func sealedPaths() []scenario {
	return []scenario{
		{name: "sealed-rejected", sealed: true, happens: func(p *play) { p.start(nil); p.plan(); p.reject(); p.ends(offboard.Rejected) }},
		{name: "sealed-invalid", sealed: true, happens: func(p *play) { p.start(input{"user": "owner@acme.example"}); p.fails() }},
		{name: "sealed-open-hold", sealed: true, scopes: true, happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.answer("eu-de", offboard.ActionRetry)
			p.held("eu-de")
		}},
	}
}
