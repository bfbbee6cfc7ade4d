// Package share lets those who ask for the same thing at the same time have one read of it together, so that two hundred
// runs that begin in the same minute do not each read the whole account. Nothing is kept: everybody gets a read that began
// after they asked, as if it were their own. It must not know what is read.
package share

import (
	"context"
	"sync"
)

// Reads are the reads of one kind of thing that are under way. The zero value is ready, and safe for concurrent use.
type Reads[V any] struct {
	mu   sync.Mutex
	keys map[string]*line[V]
}

// line is what goes on for one key: the read that runs, and the one that everybody who has come since then waits for.
type line[V any] struct{ running, next *read[V] }

type read[V any] struct {
	begin   func()
	cancel  context.CancelFunc
	waiting int // who still wants it
	done    chan struct{}
	value   V
	err     error
	broke   any // what the read panicked with
}

// Get reads a thing, together with all who ask for the same key meanwhile. What it returns, an error too, is shared:
// nobody may change it. The read has the values of one of their contexts and ends early only when all of them have gone;
// whoever's context ends first gets that context's error. A panic of the read is everybody's panic.
func (s *Reads[V]) Get(ctx context.Context, key string, do func(context.Context) (V, error)) (V, error) {
	r := s.join(ctx, key, do)
	select {
	case <-r.done:
		if r.broke != nil {
			panic(r.broke)
		}
		return r.value, r.err
	case <-ctx.Done():
		s.leave(key, r)
		var nothing V
		return nothing, ctx.Err()
	}
}

// join finds the read that begins next for a key, and begins it where none runs: one that runs already may have seen
// things as they were before.
func (s *Reads[V]) join(ctx context.Context, key string, do func(context.Context) (V, error)) *read[V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.keys[key]
	if l != nil && l.next != nil {
		l.next.waiting++
		return l.next
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &read[V]{cancel: cancel, waiting: 1, done: make(chan struct{})}
	r.begin = func() {
		defer cancel()
		defer s.end(key, r)
		defer func() { r.broke = recover() }()
		r.value, r.err = do(own)
	}
	if l != nil {
		l.next = r
		return r
	}
	if s.keys == nil {
		s.keys = map[string]*line[V]{}
	}
	s.keys[key] = &line[V]{running: r}
	go r.begin()
	return r
}

// end gives a read to those who wait for it, and begins the next.
func (s *Reads[V]) end(key string, r *read[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(r.done)
	l := s.keys[key]
	if l.next == nil {
		delete(s.keys, key)
		return
	}
	l.running, l.next = l.next, nil
	go l.running.begin()
}

// leave says that one who waited has gone. A read that nobody wants any more is broken off, or does not begin.
func (s *Reads[V]) leave(key string, r *read[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.waiting--; r.waiting > 0 {
		return
	}
	r.cancel()
	if l := s.keys[key]; l != nil && l.next == r {
		l.next = nil
	}
}
