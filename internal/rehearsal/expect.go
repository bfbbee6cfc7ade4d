package rehearsal

import (
	"slices"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// delay is a delay of the real account, what it is on a quick stage, and which knob makes it so there.
type delay struct {
	offboard.AssumedDelay
	knob func(*ibmsim.Knobs, ibmsim.Duration)
}

const second, minute = offboard.Duration(time.Second), offboard.Duration(time.Minute)

// delays are the assumptions about the real account. Where IBM publishes a figure it is taken; the rest is what public
// clients wait for, or inferred.
var delays = []delay{
	{offboard.AssumedDelay{Name: keyReplication, Simulated: 2 * second / 5, Usual: 10 * second, Long: minute,
		Source: "IBM's own Terraform module waits 10 s, and tries ten times"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.KeyReplication = d }},
	{offboard.AssumedDelay{Name: grantDelay, Simulated: second / 2, Usual: minute, Long: 20 * minute,
		Source: "20 min is the longest that was reported"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.GrantDelay = d }},
	{offboard.AssumedDelay{Name: masterRefresh, Simulated: 3 * second / 2, Usual: 4 * minute, Long: 15 * minute,
		Source: "IBM documents 2 to 5 min as usual"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.MasterRefresh = d }},
	{offboard.AssumedDelay{Name: secretDelay, Simulated: 3 * second / 10, Usual: 30 * second, Long: 2 * minute,
		Source: "inferred from a kubelet's usual delay"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.SecretDelay = d }},
	{offboard.AssumedDelay{Name: podStart, Simulated: 7 * second / 10, Usual: 30 * second, Long: 3 * minute,
		Source: "inferred; a controller must be pulled and elected"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.PodStart = d }},
	{offboard.AssumedDelay{Name: removal, Simulated: second / 2, Usual: 10 * second, Long: 5 * minute,
		Source: "inferred; the removal is asynchronous"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.RemovalDelay = d }},
	{offboard.AssumedDelay{Name: accessSync, Simulated: 3 * second / 10, Usual: minute, Long: 10 * minute,
		Source: "inferred"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.RBACSync = d }},
	{offboard.AssumedDelay{Name: "an invitation is processed", Simulated: second / 5, Usual: 10 * second, Long: 5 * minute,
		Source: "inferred; that somebody accepts it is not counted"},
		func(k *ibmsim.Knobs, d ibmsim.Duration) { k.InviteProcessing = d }},
}

// The delays that phases wait for.
const (
	keyReplication = "a new key is known everywhere"
	grantDelay     = "a grant acts"
	masterRefresh  = "a master is refreshed"
	secretDelay    = "a cluster's secret is renewed"
	podStart       = "a restarted pod is ready"
	removal        = "a user is removed"
	accessSync     = "an access list is synchronised"
)

// column chooses one of the three lengths of a delay.
type column func(offboard.AssumedDelay) offboard.Duration

var columns = []column{
	func(d offboard.AssumedDelay) offboard.Duration { return d.Simulated },
	func(d offboard.AssumedDelay) offboard.Duration { return d.Usual },
	func(d offboard.AssumedDelay) offboard.Duration { return d.Long },
}

func (c column) of(name string) offboard.Duration {
	i := slices.IndexFunc(delays, func(d delay) bool { return d.Name == name })
	return c(delays[i].AssumedDelay)
}

// Assumed lists the delays that Expect takes for granted.
func Assumed() []offboard.AssumedDelay {
	list := make([]offboard.AssumedDelay, len(delays))
	for i, d := range delays {
		list[i] = d.AssumedDelay
	}
	return list
}

// Terms are what the real run would have and the rehearsed one had not.
type Terms struct {
	Soak           offboard.Duration
	Survey         time.Duration // how long the look at the real account took
	ParallelScopes int
}

// parallelClusters is how many clusters of a scope are refreshed at a time.
const parallelClusters = 8

// Expect works out how long the real offboarding would take, from a run on a quick stage that has ended: what the run took,
// and on its longest path what the real account's delays are longer than the simulated ones. People's time is not counted.
func Expect(p offboard.Progress, t Terms) (list []offboard.ExpectedTime, usual, long offboard.Duration) {
	for _, timing := range merged(p.Timings) {
		e := offboard.ExpectedTime{Phase: timing.Phase, Measured: offboard.Duration(timing.Ended.Sub(timing.Started))}
		var scopes []offboard.ExpectedTime
		switch timing.Phase {
		case offboard.PhaseUndo, offboard.PhaseWait:
			continue // how long it takes to turn round depends on what went wrong
		case offboard.PhaseApprove:
			e.Note = "until somebody says yes"
		case offboard.PhaseSoak:
			e.Usual, e.Long = t.Soak, t.Soak
		case offboard.PhaseSurvey:
			e.Usual = max(e.Measured, offboard.Duration(t.Survey))
			e.Long = e.Usual
		case offboard.PhaseHandOver:
			scopes = expectScopes(p)
			expectHandOver(&e, scopes, t.ParallelScopes)
			if len(scopes) < len(p.Scopes) {
				e.Note = "scopes whose hand-over did not come to its end"
			}
		case offboard.PhasePrepare:
			stretch(&e, func(c column) offboard.Duration { return c.of(grantDelay) })
			if slices.ContainsFunc(p.Prepared, func(p offboard.Prepared) bool { return p.Invited }) {
				e.Note = "until the invitation is accepted"
			}
		case offboard.PhaseRemove:
			stretch(&e, func(c column) offboard.Duration { return c.of(removal) })
		case offboard.PhaseClean:
			stretch(&e, func(c column) offboard.Duration { return c.of(accessSync) })
		default:
			e.Usual, e.Long = e.Measured, e.Measured
		}
		usual, long = usual+e.Usual, long+e.Long
		list = append(append(list, e), scopes...)
	}
	return list, usual, long
}

// merged adds up phases that ran more than once, in the order of their first time.
func merged(timings []offboard.Timing) []offboard.Timing {
	var list []offboard.Timing
	for _, t := range timings {
		if t.Ended.IsZero() {
			continue
		}
		i := slices.IndexFunc(list, func(have offboard.Timing) bool { return have.Phase == t.Phase })
		if i < 0 {
			list = append(list, t)
			continue
		}
		list[i].Ended = list[i].Ended.Add(t.Ended.Sub(t.Started))
	}
	return list
}

// stretch makes simulated waits within a time as long as real ones.
func stretch(e *offboard.ExpectedTime, waits func(column) offboard.Duration) {
	work := max(e.Measured-waits(columns[0]), 0)
	e.Usual, e.Long = work+waits(columns[1]), work+waits(columns[2])
}

// expectScopes are the hand-overs that came to an end by themselves.
func expectScopes(p offboard.Progress) []offboard.ExpectedTime {
	var list []offboard.ExpectedTime
	for i, s := range p.Scopes {
		if s.State != offboard.ScopeDone || s.Ended.IsZero() || p.Plan == nil || i >= len(p.Plan.Handovers) {
			continue
		}
		e := offboard.ExpectedTime{Phase: offboard.PhaseHandOver, Scope: s.Scope.String(), Measured: offboard.Duration(s.Ended.Sub(s.Started))}
		h := p.Plan.Handovers[i]
		if slices.ContainsFunc(h.Clusters, func(c offboard.PlannedCluster) bool { return c.Manual != "" }) {
			e.Note = "until somebody restarts by hand"
		}
		stretch(&e, func(c column) offboard.Duration { return c.scope(h) })
		list = append(list, e)
	}
	return list
}

// scope is how long a hand-over waits for the account: for the new key, and for clusters a few at a time.
func (c column) scope(h offboard.Handover) offboard.Duration {
	var wait offboard.Duration
	if h.Action == offboard.Reset {
		wait = c.of(keyReplication)
	}
	clusters := make([]offboard.Duration, len(h.Clusters))
	for i, cluster := range h.Clusters {
		clusters[i] = c.of(masterRefresh)
		if len(cluster.Dependents) > 0 && cluster.Manual == "" {
			clusters[i] += c.of(secretDelay) + c.of(podStart) // all that depends on the key is restarted together
		}
	}
	return wait + makespan(clusters, parallelClusters)
}

// expectHandOver is the phase: its scopes a few at a time, and what it took besides.
func expectHandOver(e *offboard.ExpectedTime, scopes []offboard.ExpectedTime, parallel int) {
	var measured, usual, long []offboard.Duration
	for _, s := range scopes {
		measured, usual, long = append(measured, s.Measured), append(usual, s.Usual), append(long, s.Long)
	}
	besides := max(e.Measured-makespan(measured, parallel), 0)
	if len(scopes) == 0 {
		besides = 0 // no hand-over came to its end, and holds are people's time
	}
	e.Usual, e.Long = makespan(usual, parallel)+min(besides, e.Measured/10), makespan(long, parallel)+min(besides, e.Measured/10)
}

// makespan is when the last of several jobs ends that are begun in order, so many at a time.
func makespan(jobs []offboard.Duration, parallel int) offboard.Duration {
	lanes := make([]offboard.Duration, max(parallel, 1))
	for _, job := range jobs {
		i := slices.Index(lanes, slices.Min(lanes))
		lanes[i] += job
	}
	return slices.Max(lanes)
}
