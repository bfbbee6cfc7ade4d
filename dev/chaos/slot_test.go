package chaos_test

import (
	"context"
	"runtime"
	"testing"
)

// slots are how many cases work at a time: enough to keep the machine busy, and few enough to leave each the time that
// its step budgets assume.
var slots = make(chan struct{}, 6*runtime.NumCPU())

// slot is a case's leave to work. It is used by one goroutine at a time.
type slot struct{ taken bool }

// takeSlot waits for a slot and gives it back when the case is over.
func takeSlot(t *testing.T) *slot {
	slots <- struct{}{}
	s := &slot{taken: true}
	t.Cleanup(s.leave)
	return s
}

// leave lets another case work.
func (s *slot) leave() {
	if s.taken {
		<-slots
	}
	s.taken = false
}

// back waits for a slot again, or for the end of the case.
func (s *slot) back(ctx context.Context) {
	select {
	case slots <- struct{}{}:
		s.taken = true
	case <-ctx.Done():
	}
}
