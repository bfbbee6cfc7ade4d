package scim

import (
	"context"
	"sync"
)

// locks lets one request at a time at each name. A request holds a user's ID before it asks for a userName, never the
// other way round, so that no two wait for each other.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when it is free
}

// lock waits until the name is free or the context ends.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy, taken := l.held[name]
		if !taken {
			free := make(chan struct{})
			if l.held == nil {
				l.held = map[string]chan struct{}{}
			}
			l.held[name] = free
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, name)
				l.mu.Unlock()
				close(free)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
