// Package witness holds what an offboarding says of itself against what the simulated account saw: its ledger and its
// outages. It is a pure function of the two.
//
// It must not know how a run is started or watched.
package witness

import (
	"fmt"
	"strings"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// What the simulator calls the changes that matter here.
const (
	ResetAction   = "containers-kubernetes.account-api-key.reset"
	RefreshAction = "containers-kubernetes.cluster-master.refresh"
	RemoveAction  = "user-management.user.delete"

	keyUpdate = "apikey.update"
	keyDelete = "apikey.delete"
)

// Judge returns a sentence for everything that breaks a promise: an outage, a scope that was not reset exactly once by
// its functional ID, a reset nobody planned, a key that was disabled or deleted too early, a user removed before that.
// The report must be of a run that was meant to complete.
func Judge(r offboard.Report, ledger []ibmsim.Entry, outages []ibmsim.Outage) []string {
	var list []string
	for _, o := range outages {
		list = append(list, fmt.Sprintf("outage: %s in cluster %s from %s: %s", o.Subject, o.Cluster, o.From.Format(time.RFC3339Nano), o.Cause))
	}
	if r.Status != offboard.Completed {
		list = append(list, fmt.Sprintf("the run ended as %s: %s", r.Status, r.Message))
	}
	if r.Progress.Plan == nil {
		return append(list, "the report has no plan")
	}
	list = append(list, resets(*r.Progress.Plan, ledger)...)
	return append(list, order(r.Progress.Leaver.IAMID, ledger)...)
}

// resets checks promise 3 (one key per scope) and 4 (the right hands).
func resets(plan offboard.Plan, ledger []ibmsim.Entry) []string {
	var list []string
	made := map[string][]string{} // scope -> who reset it
	for _, e := range ledger {
		if e.Action == ResetAction {
			made[e.Target] = append(made[e.Target], e.Email)
		}
	}
	for _, h := range plan.Handovers {
		if h.Action != offboard.Reset {
			continue
		}
		switch by := made[h.Scope.ID()]; {
		case len(by) != 1:
			list = append(list, fmt.Sprintf("scope %s was reset %d times %v, not once", h.Scope, len(by), by))
		case !strings.EqualFold(by[0], h.FunctionalID):
			list = append(list, fmt.Sprintf("scope %s was reset by %s, not by %s", h.Scope, by[0], h.FunctionalID))
		}
		delete(made, h.Scope.ID())
	}
	for scope, by := range made {
		list = append(list, fmt.Sprintf("scope %s was reset by %v, although the plan leaves it alone", scope, by))
	}
	return list
}

// stage is how far an offboarding is, as the ledger tells it.
type stage int

const (
	handingOver stage = iota
	disabling
	deleting
	removing
)

func (s stage) String() string {
	return []string{"a hand-over", "the disabling of a key", "the deletion of a key", "the removal of the user"}[s]
}

// order checks promise 2: hand-overs, then disabling, then deletions, then the removal, and never back.
func order(leaver string, ledger []ibmsim.Entry) []string {
	var list []string
	reached := handingOver
	for _, e := range ledger {
		s, counts := stageOf(e, leaver)
		if !counts {
			continue
		}
		if s < reached {
			list = append(list, fmt.Sprintf("%s (entry %d, %s) came after %s", s, e.Seq, e.Target, reached))
		}
		reached = max(reached, s)
	}
	return list
}

func stageOf(e ibmsim.Entry, leaver string) (stage, bool) {
	own := e.Details["owner"] == leaver
	switch {
	case e.Method == "":
		return 0, false // the platform's own doing
	case e.Action == ResetAction || e.Action == RefreshAction:
		return handingOver, true
	case own && strings.HasSuffix(e.Action, keyUpdate) && e.Details["disabled"] == "true":
		return disabling, true
	case own && strings.HasSuffix(e.Action, keyDelete):
		return deleting, true
	case e.Action == RemoveAction && e.Details["iam_id"] == leaver:
		return removing, true
	}
	return 0, false
}

// Resets counts the resets in a ledger.
func Resets(ledger []ibmsim.Entry) int {
	n := 0
	for _, e := range ledger {
		if e.Action == ResetAction {
			n++
		}
	}
	return n
}

// Shape counts the mutations that callers made by what they did and to which kind of thing. Two runs that did the same
// have the same shape, whatever IDs and times came out.
func Shape(ledger []ibmsim.Entry) map[string]int {
	shape := map[string]int{}
	for _, e := range ledger {
		if e.Method != "" {
			shape[e.Email+" "+e.Action]++
		}
	}
	return shape
}
