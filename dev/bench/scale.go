package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// The clock of the limit runs faster than IBM's, for the account and for the worker alike: 60,000 requests at IBM's pace
// would take an hour. Everything else is as it is.
const (
	ibmLimit = 200 // requests in 10 s
	ourPace  = 190 // what the worker is configured to send, by default
	faster   = 5
)

// longTokens lets the soak of these accounts be short. A token may end while its request waits: it is fetched when the
// request's turn has come.
const longTokens = 12 * time.Second

// size is what an offboarding of an account of so many clusters costs.
type size struct {
	Clusters int     `json:"clusters"`
	Calls    float64 `json:"calls"`
	Events   float64 `json:"events"`
	Seconds  float64 `json:"seconds"` // without the soak
}

// large is an account in which one person owns the keys of all scopes, about seventeen clusters each, and four functional
// IDs are needed to take them.
func large(clusters, scopes int) shape {
	d := func(t time.Duration) ibmsim.Duration { return ibmsim.Duration(t) }
	return shape{Regions: min(scopes, len(regions)), Scopes: scopes, Clusters: clusters, FunctionalIDs: min(scopes, 4), Knobs: ibmsim.Knobs{
		Latency: d(latency), KeyReplication: d(replication), MasterRefresh: d(masterRefresh), PodStart: d(rollout),
		TokenLife: d(longTokens), TimePrecision: d(time.Second), KeyLimit: keyRoom, RateLimit: faster * ibmLimit,
	}}
}

// scaled is what was measured of one offboarding under the limit.
type scaled struct {
	size
	done
	refused       int     // answers 429
	used          float64 // of the allowed rate, while clusters wait for their turn
	parent, child int     // events of the run, and of its largest child
	memory        float64 // of the worker, the largest resident set, in MB
}

// rateLimited is P4: the largest account, under the limit of the containers API.
func rateLimited(ctx context.Context, b *bench) error {
	s, err := b.underLimit(ctx, large(1000, 60))
	if err != nil {
		return err
	}
	b.sizes = append(b.sizes, s.size)
	b.say("%s", s.timings())
	b.add(figure{Row: "P4", What: "answers 429, 1,000 clusters", Value: float64(s.refused), Limit: 0, Sense: atMost})
	b.add(figure{Row: "P4", What: "part of the allowed rate used while work is ready", Value: s.used, Limit: 0.85, Sense: atLeast,
		Note: fmt.Sprintf("the limit's clock runs %d times faster", faster)})
	b.add(figure{Row: "P4", What: "events of the run's history", Value: float64(s.parent), Limit: 4096, Sense: atMost})
	b.add(figure{Row: "P4", What: "events of the largest child's history", Value: float64(s.child), Limit: 4096, Sense: atMost})
	b.add(figure{Row: "P4", What: "the worker's memory", Value: s.memory, Unit: "MB", Limit: 300, Sense: atMost})
	return nil
}

// underLimit offboards the person of a fresh account with the worker in a process of its own.
func (b *bench) underLimit(ctx context.Context, s shape) (m scaled, err error) {
	r, err := newRig(ctx, b.server, s, settings{worker: map[string]any{"containersCalls": faster * ourPace}})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	metrics, err := r.exposeMetrics(ctx)
	if err != nil {
		return m, err
	}
	p, err := b.spawn(ctx, r)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.kill()) }()
	counting, stop := context.WithCancel(ctx)
	defer stop()
	counts := make(chan []sample, 1)
	go func() { counts <- r.sampleContainers(counting) }()
	m.done, err = r.offboard(ctx, leaverEmail)
	stop()
	samples := <-counts
	if err != nil {
		return m, fmt.Errorf("%w\n%s", err, p.log.String())
	}
	if err := r.judge(m.done); err != nil {
		return m, err
	}
	if _, m.memory, err = p.memory(); err != nil {
		return m, err
	}
	if m.refused, err = refusedCalls(ctx, metrics); err != nil {
		return m, err
	}
	m.used = r.used(m.done, samples)
	all, err := r.histories(ctx, m.report.Progress.WorkflowID)
	if err != nil {
		return m, err
	}
	m.size = size{Clusters: s.Clusters, Calls: float64(r.counted()), Seconds: m.wall().Seconds()}
	for id, events := range all {
		m.Events += float64(len(events))
		if id == m.report.Progress.WorkflowID {
			m.parent = len(events)
		} else {
			m.child = max(m.child, len(events))
		}
	}
	return m, nil
}

// sample is how many requests the containers API has had at a moment.
type sample struct {
	at    time.Time
	count int
}

// sampleContainers counts until the context ends.
func (r *rig) sampleContainers(ctx context.Context) []sample {
	var list []sample
	for {
		n := 0
		for _, c := range r.sim.Requests() {
			if c.Service == "containers" {
				n += c.Count
			}
		}
		list = append(list, sample{time.Now(), n})
		if sleep(ctx, 100*time.Millisecond) != nil {
			return list
		}
	}
}

// used is the part of the allowed requests that were sent from the beginning of the hand-over until the last master was
// asked to be refreshed: so long there is always a cluster whose turn it is.
func (r *rig) used(d done, samples []sample) float64 {
	var begun, last time.Time
	for _, t := range d.report.Progress.Timings {
		if t.Phase == offboard.PhaseHandOver {
			begun = t.Started
		}
	}
	for _, e := range r.sim.Ledger() {
		if e.Action == witness.RefreshAction {
			last = e.Time
		}
	}
	at := func(t time.Time) float64 {
		for _, s := range samples {
			if !s.at.Before(t) {
				return float64(s.count)
			}
		}
		return 0
	}
	allowed := last.Sub(begun).Seconds() / 10 * faster * ibmLimit
	return (at(last) - at(begun)) / allowed
}

// growth is P5: what is paid for each further cluster, from ten to a thousand. The largest three sizes tell whether cost grows
// with the square: up to some hundred clusters the wall time is the critical path's, from there on the limit's, and that knee is
// not a curve.
func growth(ctx context.Context, b *bench) error {
	if len(b.sizes) == 0 {
		s, err := b.underLimit(ctx, large(1000, 60))
		if err != nil {
			return err
		}
		b.sizes = append(b.sizes, s.size)
	}
	for _, n := range []struct{ clusters, scopes int }{{500, 30}, {100, 6}, {10, 1}} {
		s, err := b.underLimit(ctx, large(n.clusters, n.scopes))
		if err != nil {
			return fmt.Errorf("with %d clusters: %w", n.clusters, err)
		}
		b.sizes = append(b.sizes, s.size)
	}
	for _, c := range costs {
		f := fitted(b.sizes, c.of)
		b.add(figure{Row: "P5", What: c.name + ", R² of a straight line", Value: f.fit, Limit: 0.99, Sense: atLeast,
			Note: fmt.Sprintf("%s for each cluster", number(f.slope))})
		b.add(figure{Row: "P5", What: c.name + ", part that grows with the square at 1,000 clusters", Value: f.square, Limit: noSquare, Sense: atMost})
	}
	return nil
}

// noSquare is how much of the cost of a thousand clusters may lie off the line through the two sizes below: three points
// always have a square term, and times have noise.
const noSquare = 0.1

// costs are the lines of the plot.
var costs = []struct {
	name string
	of   func(size) float64
}{
	{"API calls", func(s size) float64 { return s.Calls }},
	{"history events", func(s size) float64 { return s.Events }},
	{"wall time", func(s size) float64 { return s.Seconds }},
}

// fit is a straight line through the sizes.
type fit struct {
	slope, at0 float64
	fit        float64 // R²
	square     float64 // what the square term of the curve through the largest three adds at the largest, as part of the whole
}

func fitted(sizes []size, of func(size) float64) fit {
	var n, sx, sy, sxx, sxy float64
	for _, s := range sizes {
		x, y := float64(s.Clusters), of(s)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	var f fit
	f.slope = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	f.at0 = (sy - f.slope*sx) / n
	var off, all float64
	for _, s := range sizes {
		y := of(s)
		off += (y - f.at0 - f.slope*float64(s.Clusters)) * (y - f.at0 - f.slope*float64(s.Clusters))
		all += (y - sy/n) * (y - sy/n)
	}
	f.fit = 1 - off/all
	if len(sizes) >= 3 {
		largest := slices.SortedFunc(slices.Values(sizes), func(x, y size) int { return y.Clusters - x.Clusters })
		f.square = squared(largest[:3], of)
	}
	return f
}

// squared is the square term of the curve through three sizes, at the largest, as part of the cost there; none where the
// curve bends down.
func squared(sizes []size, of func(size) float64) float64 {
	x := [3]float64{float64(sizes[0].Clusters), float64(sizes[1].Clusters), float64(sizes[2].Clusters)}
	y := [3]float64{of(sizes[0]), of(sizes[1]), of(sizes[2])}
	second := ((y[2]-y[0])/(x[2]-x[0]) - (y[1]-y[0])/(x[1]-x[0])) / (x[2] - x[1])
	largest := 0
	for i := range x {
		if x[i] > x[largest] {
			largest = i
		}
	}
	return max(0, second*x[largest]*x[largest]/y[largest])
}
