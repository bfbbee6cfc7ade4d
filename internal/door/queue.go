package door

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// stir tells the worker that there is something in the queue.
func (d *Door) stir() {
	select {
	case d.wake <- struct{}{}:
	default: // it knows already
	}
}

// How long the worker waits after a try that did not take everything, and how often it looks and cleans up besides.
const (
	shortestPause = time.Second
	longestPause  = time.Minute
	cleanEvery    = time.Hour
)

// Work applies what is in the queue until the context ends: events of senders that do not wait, and what was released
// from the mass brake. It tries again until the engine takes them, and begins with what an earlier process left. Serve
// runs it; a program that uses Handler runs it itself, once.
func (d *Door) Work(ctx context.Context) {
	clean := time.NewTicker(cleanEvery)
	defer clean.Stop()
	d.clean()
	pause := shortestPause
	for {
		wait := longestPause
		if left := d.sweep(ctx); left {
			wait, pause = pause, min(2*pause, longestPause)
		} else {
			pause = shortestPause
		}
		again := time.NewTimer(wait)
		if !d.rest(ctx, again.C, clean.C) {
			again.Stop()
			return
		}
		again.Stop()
	}
}

// rest waits for a reason to look at the queue again. It returns false when the context has ended.
func (d *Door) rest(ctx context.Context, again, clean <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-d.wake:
			return true
		case <-again:
			return true
		case <-clean:
			d.clean()
		}
	}
}

func (d *Door) clean() {
	n, err := d.store.prune(d.now())
	if err != nil {
		d.logger.Error("old events could not be forgotten", zap.Error(err))
		return
	}
	d.logger.Debug("forgot old events", zap.Int("events", n))
}

// sweep applies everything in the queue, in the order it happened, and tells whether something is left. One that cannot
// be applied now keeps no others waiting, unless nothing can be.
func (d *Door) sweep(ctx context.Context) (left bool) {
	list, err := d.store.queued()
	if err != nil {
		d.logger.Error("the queue cannot be read", zap.Error(err))
		return true
	}
	const hopeless = 3 // in a row: the engine is away, and each try takes its whole patience
	failed := 0
	for _, q := range list {
		if ctx.Err() != nil || failed == hopeless {
			return true
		}
		err := d.settle(ctx, q)
		if err == nil {
			failed = 0
			continue
		}
		left = true
		if away, yes := errors.AsType[*Away](err); !yes || !away.Alone {
			failed++
		}
	}
	return left
}

// settle applies one event of the queue; nil: it is done with.
func (d *Door) settle(ctx context.Context, q queuedEvent) error {
	fields := []zap.Field{zap.String("source", q.Event.Source), zap.Strings("events", []string{q.Event.ID}), zap.String("kind", string(q.Event.Kind)),
		zap.String("user", q.Event.User), zap.Time("since", q.Since)}
	if q.ReleasedBy != "" {
		fields = append(fields, zap.String("by", q.ReleasedBy))
	}
	o, err := d.apply(ctx, q.Event, &q)
	if _, yes := errors.AsType[*Away](err); yes {
		d.logger.Warn("an event in the queue cannot be applied now; it is tried again", append(fields, zap.Error(err))...)
		return err
	}
	if err != nil { // the sender has its answer, so a person must see this one
		d.logger.Error("an event in the queue was refused", append(fields, zap.Error(err))...)
		return d.store.finish(q.Event, Outcome{Result: Declined, Message: err.Error()}, met{}, d.now())
	}
	if o.Duplicate { // it came in twice, or another way
		if err := d.store.dequeue(q.Event); err != nil {
			return err
		}
	}
	d.logger.Info("applied an event of the queue", append(fields, zap.String("outcome", string(o.Result)), zap.String("run", o.Run))...)
	return nil
}
