package main

import "offboard/dev/internal/stack"

// scenario is one path an offboarding can take.
type scenario struct {
	name     string
	account  string   // of accounts/; "" means one
	with     []string // what is otherwise in that account: pairs of old and new text
	settings stack.Settings
	scopes   bool // record the hand-overs' histories too
	claim    bool // record the claim's history too
	soak     bool // record the soaks' histories too
	sealed   bool // payloads are encrypted, with the key beside the corpus
	notices  bool // a webhook is told of everything
	process  bool // the worker is a process, which can be killed
	uncached bool // without the sticky cache
	happens  func(p *play)
}

// What the faults of several paths match.
const (
	resets    = "/v1/keys$"
	disabling = "/v1/apikeys/[^/]+/disable$"
	deleting  = "/v1/apikeys/[^/]+$"
	removal   = "/v[23]/accounts/[^/]+/users/"

	aKey = "key " // the subject of a hold of any key
)

// scenarios are all paths, the long ones first, so that the last lane to finish is not late.
func scenarios() []scenario {
	return concat(longPaths(), handOverPaths(), holdPaths(), movePaths(), prunePaths(), auditPaths(), unansweredPaths(), fallbackPaths(), undoPaths(), meanwhilePaths(), noticePaths(), sealedPaths(), goodPaths(), openPaths(), endPaths())
}

func concat(lists ...[]scenario) []scenario {
	var all []scenario
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
