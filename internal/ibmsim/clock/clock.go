// Package clock gives the simulator its time: the machine's, or a virtual one that only moves when it is told to.
// It knows nothing of clouds or clusters.
package clock

import (
	"sort"
	"sync"
	"time"
)

// Clock tells the time and runs functions later. Both implementations are safe for concurrent use.
type Clock interface {
	// Now is the current time, in UTC.
	Now() time.Time
	// AfterFunc runs f once, at or after d from now. A d of zero or less runs f as soon as possible, never inside
	// the call. The returned function prevents a run that has not begun; calling it again is harmless.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// Real is the machine's clock; f runs on its own goroutine.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now().UTC() }

// AfterFunc implements Clock.
func (Real) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

// Virtual is a clock that stands still until Advance moves it. Functions run on the caller of Advance, one after
// another, in the order of their times (ties: in the order they were set), each seeing the time it was set for.
type Virtual struct {
	mu    sync.Mutex
	now   time.Time
	seq   int
	queue []*event
}

type event struct {
	at  time.Time
	seq int
	run func()
}

// NewVirtual starts a virtual clock at the given time.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: start.UTC()} }

// Now implements Clock.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// AfterFunc implements Clock.
func (v *Virtual) AfterFunc(d time.Duration, f func()) func() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq++
	e := &event{at: v.now.Add(max(d, 0)), seq: v.seq, run: f}
	i := sort.Search(len(v.queue), func(i int) bool { return v.queue[i].at.After(e.at) })
	v.queue = append(v.queue, nil)
	copy(v.queue[i+1:], v.queue[i:])
	v.queue[i] = e
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		e.run = nil
	}
}

// Advance moves the clock by d and runs everything that falls due on the way, including what those functions set.
func (v *Virtual) Advance(d time.Duration) {
	v.mu.Lock()
	end := v.now.Add(max(d, 0))
	for len(v.queue) > 0 && !v.queue[0].at.After(end) {
		e := v.queue[0]
		v.queue = v.queue[1:]
		v.now = e.at
		if e.run == nil {
			continue
		}
		v.mu.Unlock()
		e.run()
		v.mu.Lock()
	}
	v.now = end
	v.mu.Unlock()
}
