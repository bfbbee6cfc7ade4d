package notify

import (
	"context"
	"sync"
	"time"

	"offboard/internal/offboard"
)

// channel is one way to people, and what this process knows of it.
type channel struct {
	name   string
	kinds  []offboard.NoticeKind
	sender sender
	tries  Tries
	told   memory // notices it took

	mu    sync.Mutex
	quiet time.Time // until when the receiver asked to be left alone
}

// deliver tries until the receiver takes the message, the failure is final, or the time or the tries are used up. It
// tells how often it tried.
func (c *channel) deliver(ctx context.Context, m message) (int, *offboard.Error) {
	if left := c.quietFor(); left > 0 && !c.rest(ctx, left) {
		return 0, &offboard.Error{Code: offboard.RateLimited, Message: "the receiver asked for a pause, which is not over", RetryAfter: left}
	}
	pause := c.tries.First
	for n := 1; ; n++ {
		once, cancel := context.WithTimeout(ctx, c.tries.Each)
		failure := c.sender.send(once, m)
		cancel()
		if failure == nil {
			return n, nil
		}
		c.keepQuiet(failure.RetryAfter)
		if !failure.Code.Retryable() || n >= c.tries.Most || !c.rest(ctx, max(pause, failure.RetryAfter)) {
			return n, failure
		}
		pause *= 2
	}
}

// rest waits, unless it would be longer than the tries allow or than the context lasts.
func (c *channel) rest(ctx context.Context, pause time.Duration) bool {
	if end, ok := ctx.Deadline(); pause > c.tries.Longest || (ok && time.Until(end) <= pause) {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (c *channel) keepQuiet(pause time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(pause); pause > 0 && until.After(c.quiet) {
		c.quiet = until
	}
}

func (c *channel) quietFor() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.quiet)
}

// remembered is how much a memory holds: many times of what could be under way at once.
const remembered = 4096

// memory is a bounded set: the oldest entry makes room for the newest. Its zero value is ready.
type memory struct {
	mu    sync.Mutex
	known map[string]bool
	order []string
}

func (m *memory) has(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[key]
}

func (m *memory) add(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[key] {
		return
	}
	if m.known == nil {
		m.known = map[string]bool{}
	}
	if len(m.order) == remembered {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	m.known[key] = true
	m.order = append(m.order, key)
}
