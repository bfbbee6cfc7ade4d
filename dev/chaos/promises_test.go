package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// verify holds a run of the leaver that has ended against the promises, counts, and fails the test for each that is
// broken.
func (b *bench) verify(matrix string, out outcome) {
	b.t.Helper()
	b.verifyOf(leaverIAM, matrix, out, b.sim.Ledger())
}

// verifyOf is verify for a run of whoever has the IAM ID, and the part of the ledger that is not another run's doing.
func (b *bench) verifyOf(iam, matrix string, out outcome, everybody []ibmsim.Entry) {
	b.t.Helper()
	tally.end(matrix, out)
	ledger, outages := slices.DeleteFunc(slices.Clone(everybody), byOutsiders), ours(b.sim.Outages(), everybody, b.owners)
	checks := []struct {
		promise string
		broken  []string
	}{
		{"1 no outage by us", outageSentences(outages)},
		{"2, 3 and 4 order, one key per scope, the right hands", hands(iam, out, ledger, deletedClusters(everybody))},
		{"2 a healthy soak before a deletion", b.soaked(iam, everybody)},
		{"8 the report is true", untrue(iam, out, everybody)},
		{"the simulator knows every request", unknown(b.sim.Unknown())},
	}
	found, size := b.secrets(out)
	tally.add(matrix, func(c *counts) {
		c.Promises += len(checks) + 1
		c.Outages += len(outages)
		c.Duplicates += duplicates(ledger)
		c.Secrets += len(found)
		c.Searched += size
	})
	for _, check := range append(checks, struct {
		promise string
		broken  []string
	}{"7 no secret leaves memory", found}) {
		for _, sentence := range check.broken {
			tally.add(matrix, func(c *counts) { c.Broken++ })
			b.t.Errorf("promise %s: %s", check.promise, sentence)
		}
	}
	if b.t.Failed() {
		b.dump(out, everybody)
	}
}

func outageSentences(outages []ibmsim.Outage) []string {
	var list []string
	for _, o := range outages {
		list = append(list, fmt.Sprintf("%s in cluster %s from %s to %s: %s", o.Subject, o.Cluster, o.From.Format(time.StampMilli), o.To.Format(time.StampMilli), o.Cause))
	}
	return list
}

// hands checks what the witness checks of a run that completed; of another it leaves out what was not begun.
func hands(iam string, out outcome, ledger []ibmsim.Entry, gone map[string]bool) []string {
	report := out.report
	if report.Progress.Plan == nil {
		if n := changesBy(ledger); len(n) > 0 && report.Status != offboard.AlreadyGone {
			return []string{fmt.Sprintf("without a plan, this was done: %v", n)}
		}
		return nil
	}
	if report.Status != offboard.Completed {
		report.Status = offboard.Completed
		plan := *report.Progress.Plan
		plan.Handovers = slices.DeleteFunc(slices.Clone(plan.Handovers), func(h offboard.Handover) bool {
			return !slices.ContainsFunc(ledger, func(e ibmsim.Entry) bool { return e.Action == witness.ResetAction && e.Target == h.Scope.ID() })
		})
		report.Progress.Plan = &plan
	}
	list := witness.Judge(report, ledger, nil)
	return append(list, undone(iam, out.report, ledger, gone)...)
}

// undone: no key of the person is disabled before every cluster of every planned scope that was not skipped was refreshed,
// except those that somebody deleted.
func undone(iam string, report offboard.Report, ledger []ibmsim.Entry, gone map[string]bool) []string {
	first := slices.IndexFunc(ledger, func(e ibmsim.Entry) bool { return disables(e, iam) })
	if first < 0 {
		return nil
	}
	var list []string
	for i, h := range report.Progress.Plan.Handovers {
		if i < len(report.Progress.Scopes) && report.Progress.Scopes[i].State == offboard.ScopeSkipped {
			continue
		}
		for _, c := range h.Clusters {
			refreshed := slices.IndexFunc(ledger, func(e ibmsim.Entry) bool { return e.Action == witness.RefreshAction && e.Details["cluster"] == c.ID })
			if !gone[c.ID] && (refreshed < 0 || refreshed > first) {
				list = append(list, fmt.Sprintf("a key was disabled (entry %d) before cluster %s was refreshed", ledger[first].Seq, c.Name))
			}
		}
	}
	return list
}

// deletedClusters are the clusters that somebody deleted, by ID.
func deletedClusters(ledger []ibmsim.Entry) map[string]bool {
	gone := map[string]bool{}
	for _, e := range ledger {
		if e.Action == "containers-kubernetes.cluster.delete" {
			gone[e.Details["cluster"]] = true
		}
	}
	return gone
}

// removes tells whether an entry is the removal of a person.
func removes(e ibmsim.Entry, iam string) bool {
	return e.Action == witness.RemoveAction && e.Details["iam_id"] == iam
}

// ours leaves out the outages of keys that somebody else disabled or deleted, by themselves or with their owner.
func ours(outages []ibmsim.Outage, ledger []ibmsim.Entry, owners map[string]string) []ibmsim.Outage {
	return slices.DeleteFunc(outages, func(o ibmsim.Outage) bool {
		return slices.ContainsFunc(ledger, func(e ibmsim.Entry) bool {
			if !byOutsiders(e) || e.Time.After(o.From) {
				return false
			}
			dead := e.Target == o.Key && (strings.HasSuffix(e.Action, "apikey.delete") || e.Details["disabled"] == "true")
			return dead || (removes(e, leaverIAM) && owners[o.Key] == leaver)
		})
	})
}

func disables(e ibmsim.Entry, iam string) bool {
	return e.Method != "" && e.Details["owner"] == iam && e.Details["disabled"] == "true"
}

// soaked: a key that the run disabled is deleted after the soak and not before; one that works is never deleted.
func (b *bench) soaked(iam string, ledger []ibmsim.Entry) []string {
	since := map[string]time.Time{}
	var list []string
	for _, e := range ledger {
		switch {
		case e.Method != "" && e.Details["disabled"] == "true":
			since[e.Target] = e.Time
			if byOutsiders(e) {
				since[e.Target] = time.Time{} // whatever it was used for has stopped already
			}
		case e.Method != "" && e.Details["disabled"] == "false":
			delete(since, e.Target)
		case deletes(e) && !byOutsiders(e) && e.Details["owner"] == iam:
			at, disabled := since[e.Target]
			if !disabled && !b.dead[e.Target] || disabled && e.Time.Sub(at) < soak {
				list = append(list, fmt.Sprintf("key %s was deleted (entry %d), disabled before: %t, at %s", e.Target, e.Seq, disabled, at))
			}
		}
	}
	return list
}

// duplicates counts resets beyond the first of each scope.
func duplicates(ledger []ibmsim.Entry) int {
	n, seen := 0, map[string]bool{}
	for _, e := range ledger {
		if e.Action != witness.ResetAction {
			continue
		}
		if seen[e.Target] {
			n++
		}
		seen[e.Target] = true
	}
	return n
}

// untrue is what the report says and the ledger does not, or the other way round.
func untrue(iam string, out outcome, ledger []ibmsim.Entry) []string {
	if out.failed != nil {
		return nil
	}
	var list []string
	report := out.report
	if report.Status == offboard.Running || report.Status == "" || report.Message == "" {
		list = append(list, fmt.Sprintf("it ended as %q with the message %q", report.Status, report.Message))
	}
	removed := slices.ContainsFunc(ledger, func(e ibmsim.Entry) bool { return removes(e, iam) })
	if report.Progress.UserRemoved && !removed {
		list = append(list, "the report says that the user was removed, the ledger does not")
	}
	for _, k := range report.Progress.Keys {
		gone := slices.ContainsFunc(ledger, func(e ibmsim.Entry) bool {
			return e.Target == k.ID && strings.HasSuffix(e.Action, "apikey.delete")
		}) || removed
		if k.State == offboard.KeyDeleted && !gone {
			list = append(list, fmt.Sprintf("the report says key %s is deleted, the ledger does not", k.ID))
		}
	}
	for _, s := range report.Progress.Scopes {
		made := slices.ContainsFunc(ledger, func(e ibmsim.Entry) bool { return e.Action == witness.ResetAction && e.Details["key"] == s.KeyMade })
		if s.KeyMade != "" && !made {
			list = append(list, fmt.Sprintf("the report says key %s was made for %s, the ledger does not", s.KeyMade, s.Scope))
		}
	}
	return list
}

func unknown(requests []ibmsim.RequestCount) []string {
	var list []string
	for _, r := range requests {
		list = append(list, fmt.Sprintf("unknown request %s %s", r.Method, r.Route))
	}
	return list
}

// changesBy are the mutations that callers made, in words.
func changesBy(ledger []ibmsim.Entry) []string {
	var list []string
	for _, e := range ledger {
		if e.Method != "" {
			list = append(list, fmt.Sprintf("%d %s %s %s by %s %v", e.Seq, e.Time.Format("05.000"), e.Action, e.Target, e.Email, e.Details))
		}
	}
	return list
}

// dump logs what somebody needs to understand a failed case.
func (b *bench) dump(out outcome, ledger []ibmsim.Entry) {
	b.t.Logf("ended as %s: %s (%v)\nresidual: %s\nledger:\n%s", out.report.Status, out.report.Message, out.failed,
		strings.Join(out.report.Progress.Residual, "\n  "), strings.Join(changesBy(ledger), "\n"))
	for _, h := range out.holds {
		b.t.Logf("held: %s / %s / %s: %s\n  %s", h.Subject, h.Step, h.Code, h.Problem, h.Means)
	}
}
