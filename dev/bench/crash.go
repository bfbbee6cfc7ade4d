package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/converter"

	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// The account of P9. A master takes three minutes, between the two and five that IBM documents as usual; the soak is two
// minutes, where it is an hour at the least. With the delays of P1 the row would only measure how long it takes to notice
// that a worker is dead.
const (
	crashScopes = 4
	slowMaster  = 3 * time.Minute
	shortSoak   = 2 * time.Minute
)

// crashing is the offboarding whose worker is killed, and the same undisturbed. They wait nearly all the time, so both run
// beside the other rows.
type crashing struct {
	ended      chan struct{}
	calm, hurt survived
	err        error
}

// survived is what came of an offboarding.
type survived struct {
	done
	shape map[string]int // changes by who made them and what they did
	kills int
}

// beginCrashes starts both, unless they are under way.
func (b *bench) beginCrashes(ctx context.Context) {
	if b.crashing != nil {
		return
	}
	c := &crashing{ended: make(chan struct{})}
	b.crashing = c
	go func() {
		defer close(c.ended)
		if _, c.err = b.program(ctx); c.err != nil {
			return
		}
		for _, name := range []string{"calm", "hurt"} {
			if c.err = b.addNamespace(ctx, name); c.err != nil {
				return
			}
		}
		var both sync.WaitGroup
		var calm, hurt error
		both.Go(func() { c.calm, calm = b.survives(ctx, "calm", false) })
		both.Go(func() { c.hurt, hurt = b.survives(ctx, "hurt", true) })
		both.Wait()
		c.err = errors.Join(calm, hurt)
	}()
}

// crashes is P9: what it costs to lose the worker once in each phase. The killed process is started again at once, as a
// supervisor does.
func crashes(ctx context.Context, b *bench) error {
	b.beginCrashes(ctx)
	c := b.crashing
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
	}
	if c.err != nil {
		return c.err
	}
	more, words := 0, []string(nil)
	for what, n := range c.hurt.shape {
		if extra := n - c.calm.shape[what]; extra > 0 && !harmless(what) {
			more += extra
			words = append(words, fmt.Sprintf("%d x %s", extra, what))
		}
	}
	b.say("killed in each phase: %s", c.hurt.timings())
	whole := func(s survived) float64 { return s.ended.Sub(s.started).Seconds() }
	each := (whole(c.hurt) - whole(c.calm)) / float64(max(c.hurt.kills, 1))
	b.add(figure{Row: "P9", What: "worker killed once in each phase / never", Value: whole(c.hurt) / whole(c.calm), Limit: 1.3, Sense: atMost,
		Note: fmt.Sprintf("%.0f s with %d kills, %.0f s without", whole(c.hurt), c.hurt.kills, whole(c.calm))})
	b.add(figure{Row: "P9", What: "additional changes to the account", Value: float64(more), Limit: 0, Sense: atMost, Note: strings.Join(words, ", ")})
	b.add(figure{Row: "P9", What: "time that a kill costs", Value: each, Unit: "s"})
	return nil
}

// harmless tells whether a change that is sent once more only brings about what is there: nobody has more or less access
// after it, and nothing is made.
func harmless(what string) bool {
	return strings.HasSuffix(what, "cluster-rbac.apply") || strings.HasSuffix(what, witness.RefreshAction)
}

// survives offboards the person of a fresh account with the worker in a process of its own.
func (b *bench) survives(ctx context.Context, namespace string, killing bool) (s survived, err error) {
	account := single(crashScopes)
	account.Knobs.MasterRefresh, account.Knobs.TokenLife = ibmsim.Duration(slowMaster), ibmsim.Duration(shortSoak)
	r, err := newRig(ctx, b.server, account, settings{namespace: namespace})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	p, err := b.spawn(ctx, r)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.kill()) }()
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	killed := make(chan error, 1)
	go func() {
		defer close(killed)
		if !killing {
			return
		}
		var failed error
		p, s.kills, failed = b.killInEachPhase(watching, r, p)
		killed <- failed
	}()
	s.done, err = r.offboard(ctx, leaverEmail)
	cancel()
	if err = errors.Join(err, <-killed); err != nil {
		return s, fmt.Errorf("%w\n%s", err, p.log.String())
	}
	s.shape = witness.Shape(r.sim.Ledger())
	return s, r.judge(s.done)
}

// killInEachPhase kills the worker when the run is seen in a phase for the first time, and starts another.
func (b *bench) killInEachPhase(ctx context.Context, r *rig, p *process) (*process, int, error) {
	seen := map[offboard.Phase]bool{}
	id := workflows.ID(r.config.Account, leaverEmail)
	for sleep(ctx, 10*time.Millisecond) == nil {
		phase, err := r.phaseOf(ctx, id)
		if err != nil || phase == "" || seen[phase] {
			continue // not started, or over
		}
		seen[phase] = true
		if err := p.kill(); err != nil {
			return p, len(seen), err
		}
		next, err := b.spawn(ctx, r)
		if err != nil {
			return p, len(seen), err
		}
		p = next
	}
	return p, len(seen), nil // the run is over
}

// phaseOf reads a run's phase without a worker.
func (r *rig) phaseOf(ctx context.Context, workflowID string) (offboard.Phase, error) {
	d, err := r.conn.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return "", err
	}
	payload := d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()[workflows.PhaseAttribute.GetName()]
	if payload == nil {
		return "", nil
	}
	var phase string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &phase); err != nil {
		return "", fmt.Errorf("read the phase of %s: %w", workflowID, err)
	}
	return offboard.Phase(phase), nil
}
