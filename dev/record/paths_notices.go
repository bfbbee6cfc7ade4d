package main

import (
	"net/http"
	"time"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
)

// noticePaths tell people of what happens.
func noticePaths() []scenario {
	whole := func(p *play) { p.start(nil); p.approve(); p.ends(offboard.Completed) }
	waits := func(reminder, deadline string) stack.Settings {
		return stack.Settings{Policy: map[string]any{"approvalReminder": reminder, "approvalDeadline": deadline}}
	}
	return []scenario{
		{name: "notices-completed", notices: true, happens: func(p *play) { whole(p); p.heard(2) }},
		{name: "notices-hold", notices: true, happens: func(p *play) {
			p.fault(refused("containers", "POST", resets))
			p.start(nil)
			p.approve()
			p.held("eu-de")
			p.calm()
			p.answer("eu-de", offboard.ActionRetry)
			p.ends(offboard.Completed)
			p.heard(3)
		}},
		{name: "notices-refusal", notices: true, happens: func(p *play) {
			p.start(input{"user": "owner@acme.example"})
			p.fails()
			p.heard(1)
		}},
		{name: "notices-reminder", notices: true, settings: waits("1s", "2500ms"), happens: func(p *play) {
			p.start(nil)
			p.ends(offboard.Rejected)
			p.heard(4)
		}},
		{name: "notices-unsent", notices: true, happens: func(p *play) {
			p.answersWith(http.StatusGone)
			whole(p)
		}},
		// Whoever is told last does not answer: the run waits a moment for them.
		{name: "open-notices", notices: true, happens: func(p *play) {
			p.start(nil)
			p.plan()
			p.heard(1)
			p.answersWith(hang)
			p.reject()
			p.phase(offboard.PhaseReport)
			wait(p, time.Second)
		}},
	}
}
