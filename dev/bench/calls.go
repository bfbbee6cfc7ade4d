package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"offboard/internal/offboard"
)

// countedCalls is P3: how many calls an offboarding of twelve scopes makes for each that is needed.
func countedCalls(ctx context.Context, b *bench) (err error) {
	s := single(12)
	r, err := newRig(ctx, b.server, s, settings{})
	if err != nil {
		return err
	}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	o := &observer{}
	stop, err := r.workObserved(o)
	if err != nil {
		return err
	}
	d, err := r.offboard(ctx, leaverEmail)
	stop()
	if err != nil {
		return err
	}
	if err := r.judge(d); err != nil {
		return err
	}
	made, polls := o.split()
	if counted := r.counted(); counted != len(made)+len(polls) {
		return fmt.Errorf("the simulator counted %d requests, the adapters sent %d", counted, len(made)+len(polls))
	}
	b.reportCalls(s, d, made, polls)
	return nil
}

// counted is how many requests the simulator saw in all.
func (r *rig) counted() int {
	n := 0
	for _, c := range r.sim.Requests() {
		n += c.Count
	}
	return n
}

// tally counts calls by phase and operation.
type tally map[offboard.Phase]map[string]int

func (t tally) add(p offboard.Phase, what string, n int) {
	if t[p] == nil {
		t[p] = map[string]int{}
	}
	t[p][what] += n
}

func (t tally) sum(p offboard.Phase) int {
	n := 0
	for _, count := range t[p] {
		n += count
	}
	return n
}

func (b *bench) reportCalls(s shape, d done, made, polls []seen) {
	have, waited, tokens := tally{}, tally{}, 0
	for _, c := range made {
		if strings.HasSuffix(c.what, "GetToken") {
			tokens++ // one for each identity and life of a token, whatever is done meanwhile
			continue
		}
		have.add(d.during(c.at), c.what, 1)
	}
	for _, c := range polls {
		waited.add(d.during(c.at), c.what, 1)
	}
	want := needed(s)
	sumMade, sumNeeded, sumPolls := 0, 0, 0
	for _, p := range countedPhases {
		m, n, w := have.sum(p), want.sum(p), waited.sum(p)
		sumMade, sumNeeded, sumPolls = sumMade+m, sumNeeded+n, sumPolls+w
		b.say("%-16s %5d made, %5d needed, %5d while waiting%s", p, m, n, w, differing(have[p], want[p]))
	}
	b.say("%-16s %5d made (looks at the clusters by the clock), %d tokens", offboard.PhaseSoak, have.sum(offboard.PhaseSoak), tokens)
	b.add(figure{Row: "P3", What: "calls made / calls needed, 12 scopes", Value: float64(sumMade) / float64(sumNeeded), Limit: 1.2, Sense: atMost,
		Note: fmt.Sprintf("%d made, %d needed", sumMade, sumNeeded)})
	waitsFor := replication + masterRefresh + rollout
	b.add(figure{Row: "P3", What: "calls while waiting, for each second and cluster", Value: float64(sumPolls) / waitsFor.Seconds() / float64(s.Clusters), Note: fmt.Sprintf("%d in all", sumPolls)})
}

// countedPhases are those whose calls are counted; how often the soak looks is set by the policy.
var countedPhases = []offboard.Phase{
	offboard.PhaseAdmit, offboard.PhaseSurvey, offboard.PhasePrepare, offboard.PhaseHandOver, offboard.PhaseDisable,
	offboard.PhaseDelete, offboard.PhaseRemove, offboard.PhaseClean, offboard.PhaseReport,
}

// differing says which operations are called more or less often than needed.
func differing(have, want map[string]int) string {
	all := maps.Clone(want)
	if all == nil {
		all = map[string]int{}
	}
	maps.Copy(all, have)
	var words []string
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if have[what] != want[what] {
			words = append(words, fmt.Sprintf("%s %d instead of %d", what, have[what], want[what]))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "\n          " + strings.Join(words, "\n          ")
}

// during is the phase at a moment.
func (d done) during(at time.Time) offboard.Phase {
	phase := offboard.PhaseAdmit
	for _, t := range d.report.Progress.Timings {
		if !t.Started.After(at) {
			phase = t.Phase
		}
	}
	return phase
}
