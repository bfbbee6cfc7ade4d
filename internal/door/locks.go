package door

import (
	"context"
	"sync"
)

// locks is one lock for each name. Its zero value is ready.
type locks struct {
	mu    sync.Mutex
	names map[string]*lock
}

type lock struct {
	taken chan struct{} // holds one token while somebody has it
	users int           // who have it or wait for it
}

// lock waits until nobody else has the name; the error is the context's. The function gives it back.
func (l *locks) lock(ctx context.Context, name string) (func(), error) {
	l.mu.Lock()
	own := l.names[name]
	if own == nil {
		own = &lock{taken: make(chan struct{}, 1)}
		if l.names == nil {
			l.names = map[string]*lock{}
		}
		l.names[name] = own
	}
	own.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(l.names, name)
		}
	}
	select {
	case own.taken <- struct{}{}:
		return func() { <-own.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
