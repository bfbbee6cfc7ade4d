// Package share lets those who ask for the same thing at the same time have one read of it together, so that two hundred
// runs that begin in the same minute do not each read the whole account. Everybody gets a read that began after they
// asked, as if it were their own; only who asks for something recent may get what a crowd has read right before. It must not
// know what is read.
package share

import (
	"context"
	"sync"
	"time"
)

// crowd is how many must have asked for a thing, each within what the next calls recent, before what they read is good enough
// for those who come later. A run that comes alone, or with one other, never gets what was read before it asked.
const crowd = 3

// Reads are the reads of one kind of thing that are under way. The zero value is ready, and safe for concurrent use.
type Reads[V any] struct {
	mu   sync.Mutex
	keys map[string]*line[V]
	kept map[string]*read[V]
}

// line is what goes on for one key: the read that runs, and the one that everybody who has come since then waits for.
type line[V any] struct{ running, next *read[V] }

type read[V any] struct {
	begin   func()
	cancel  context.CancelFunc
	waiting int // who still wants it
	asked   int // who ever wanted it, and those right before
	began   time.Time
	keep    time.Duration // from its beginning
	done    chan struct{}
	value   V
	err     error
	broke   any // what the read panicked with
}

// Get reads a thing, together with all who ask for the same key meanwhile. What it returns, an error too, is shared:
// nobody may change it. The read has the values of one of their contexts and ends early only when all of them have gone;
// whoever's context ends first gets that context's error. A panic of the read is everybody's panic.
func (s *Reads[V]) Get(ctx context.Context, key string, do func(context.Context) (V, error)) (V, error) {
	return s.Recent(ctx, key, 0, do)
}

// Recent is Get, save that what a crowd has read is good enough if that read began at most age ago and did not fail: the first
// three who ask for something recent within that time get a read of their own, as from Get, and those after them what was
// read for the third, or later.
func (s *Reads[V]) Recent(ctx context.Context, key string, age time.Duration, do func(context.Context) (V, error)) (V, error) {
	r := s.join(ctx, key, age, do)
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

// join finds what was read recently, or the read that begins next for a key, and begins it where none runs: one that runs
// already may have seen things as they were before.
func (s *Reads[V]) join(ctx context.Context, key string, age time.Duration, do func(context.Context) (V, error)) *read[V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, l := 0, s.keys[key]
	if r := s.kept[key]; r != nil && age > 0 && time.Since(r.began) <= age {
		if r.asked >= crowd {
			r.waiting++
			return r
		}
		before = r.asked
	}
	if l != nil {
		before = l.running.asked
	}
	if l != nil && l.next != nil {
		l.next.waiting++
		l.next.asked++
		l.next.keep = max(l.next.keep, age)
		return l.next
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &read[V]{cancel: cancel, waiting: 1, asked: before + 1, keep: age, done: make(chan struct{})}
	r.begin = func() {
		r.began = time.Now()
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
	s.remember(key, r)
	l := s.keys[key]
	if l.next == nil {
		delete(s.keys, key)
		return
	}
	l.running, l.next = l.next, nil
	go l.running.begin()
}

// remember keeps a read until it is too old for all who asked; of one that is not a crowd's, how many they were.
func (s *Reads[V]) remember(key string, r *read[V]) {
	left := r.keep - time.Since(r.began)
	if left <= 0 || r.err != nil || r.broke != nil {
		return
	}
	if r.asked < crowd {
		r = &read[V]{asked: r.asked, began: r.began}
	}
	if s.kept == nil {
		s.kept = map[string]*read[V]{}
	}
	s.kept[key] = r
	time.AfterFunc(left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.kept[key] == r {
			delete(s.kept, key)
		}
	})
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
