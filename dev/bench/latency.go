package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// single is an account of one person with so many scopes of three clusters.
func single(scopes int) shape {
	return shape{Regions: min(scopes, 4), Scopes: scopes, Clusters: 3 * scopes, FunctionalIDs: 1, Knobs: delays()}
}

// repeats is how often a time is measured where its median is the figure.
const repeats = 3

// latencies is P1: how much longer an offboarding takes than its critical path.
func latencies(ctx context.Context, b *bench) error {
	for _, scopes := range []int{1, 12, 48} {
		s := single(scopes)
		path := critical(s)
		least := path.end(ended)
		n := repeats
		if scopes != 12 {
			n = 1
		}
		var ratios []float64
		for range n {
			d, err := b.one(ctx, s, settings{})
			if err != nil {
				return fmt.Errorf("offboard a person with %d scopes: %w", scopes, err)
			}
			ratios = append(ratios, d.wall().Seconds()/least.Seconds())
			b.say("%s", d.timings())
			if scopes == 12 {
				b.single = append(b.single, d)
			}
		}
		b.add(figure{Row: "P1", What: fmt.Sprintf("wall time / critical path, %d scopes", scopes), Value: median(ratios), Runs: ratios,
			Limit: 1.25, Sense: atMost, Note: fmt.Sprintf("the path takes %s", least)})
	}
	b.say("the critical path of an offboarding with 12 scopes:\n          %s", strings.Join(critical(single(12)).path(ended), "\n          "))
	return nil
}

// one offboards the person of a fresh account, with the worker in this process.
func (b *bench) one(ctx context.Context, s shape, set settings) (d done, err error) {
	r, err := newRig(ctx, b.server, s, set)
	if err != nil {
		return d, err
	}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	stop, err := r.work()
	if err != nil {
		return d, err
	}
	defer func() {
		if stopped := stop(); err == nil {
			err = stopped
		}
	}()
	if d, err = r.offboard(ctx, leaverEmail); err != nil {
		return d, err
	}
	return d, r.judge(d)
}

// timings are the phases of a run with their times.
func (d done) timings() string {
	var words []string
	for _, t := range d.report.Progress.Timings {
		words = append(words, fmt.Sprintf("%s %s", t.Phase, t.Ended.Sub(t.Started).Round(10*time.Millisecond)))
	}
	return fmt.Sprintf("%s without the soak: %s", d.wall().Round(10*time.Millisecond), strings.Join(words, ", "))
}

// containment is P8: from the yes to the leaver's last key disabled.
func containment(ctx context.Context, b *bench) error {
	s := single(12)
	if len(b.single) == 0 {
		d, err := b.one(ctx, s, settings{})
		if err != nil {
			return err
		}
		b.single = append(b.single, d)
	}
	path := critical(s)
	least := path.end(contained) - path.end(approved)
	var ratios, times []float64
	for _, d := range b.single {
		ratios = append(ratios, d.contain().Seconds()/least.Seconds())
		times = append(times, d.contain().Seconds())
	}
	b.add(figure{Row: "P8", What: "yes to last key disabled, 12 scopes", Value: median(times), Runs: times, Unit: "s"})
	b.add(figure{Row: "P8", What: "yes to last key disabled / critical path", Value: median(ratios), Runs: ratios, Note: fmt.Sprintf("the path takes %s", least)})
	return nil
}
