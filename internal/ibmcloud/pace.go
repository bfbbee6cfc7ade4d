package ibmcloud

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"offboard/internal/offboard"
)

// countedWindow is the span that the Kubernetes Service counts requests in: 200 in 10 s from one address (IBM's documentation of
// the containers API). It counts them when they arrive. Of a burst on a busy machine some arrive late, and those of the
// window after it must not meet them: paceWindow, in which turns are counted, is longer by what that may be.
const (
	countedWindow = 10 * time.Second
	paceWindow    = countedWindow + 300*time.Millisecond
)

const (
	// longestQueue is how long a request waits for its turn in here. Who would wait longer is told when to come again, so
	// that it does not hold an activity's place meanwhile.
	longestQueue = 15 * time.Second
	// An answer 429 says that others send from the same address: the pace is halved, down to an eighth, and grows by a
	// twentieth of the whole every second. Several workers find their shares so without knowing of each other.
	paceFloor  = 8
	paceGrowth = 20
	// While more than half of the pace is used, looks at an effect that is not there yet take a third of it at most: with a
	// thousand clusters that are refreshed at once they would take all of it, and hold up the very work that ends the waiting.
	paceLooks = 3
)

// pace spreads requests to one service so that no window holds more of them than the service takes. Up to then nobody
// waits. All identities share it, because the service counts by address.
type pace struct {
	full int // requests in a window; zero: as many as come

	mu     sync.Mutex
	turns  []time.Time // when the requests of the last window were, and those that wait will be, sent; in order
	looks  []time.Time // those of them that are looks
	later  time.Time   // when the look that was put off last is to come again
	slowed time.Time   // the last 429; zero: none
	share  int         // requests in a window right after it
	paused time.Time   // nothing is sent before
}

// turn waits until a request may be sent. RateLimited, with the time to wait, where that is too far off to wait in here;
// a look never waits in here.
func (p *pace) turn(ctx context.Context, look bool) error {
	if p.full <= 0 {
		return nil
	}
	wait, err := p.reserve(time.Now(), look)
	if err != nil || wait <= 0 {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// reserve takes the next turn and says how far off it is.
func (p *pace) reserve(now time.Time, look bool) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turns, p.looks = within(p.turns, now), within(p.looks, now)
	room := p.room(now)
	at := latest(now, p.paused, free(p.turns, room))
	if n := len(p.turns); n > 0 {
		at = latest(at, p.turns[n-1]) // first come, first served
	}
	most := longestQueue
	if look {
		most = 0
		if len(p.turns) >= room/2 {
			at = latest(at, free(p.looks, max(1, room/paceLooks)))
		}
	}
	wait := at.Sub(now)
	if wait > most {
		if look { // those that are put off come again one after another
			p.later = latest(at, p.later.Add(paceWindow/time.Duration(max(1, room/paceLooks))))
			wait = p.later.Sub(now)
		}
		return 0, &offboard.Error{Code: offboard.RateLimited, RetryAfter: wait,
			Message: fmt.Sprintf("not sent: the service takes %d requests in %s, and others are first", p.full, countedWindow)}
	}
	p.turns = append(p.turns, at)
	if look {
		p.looks = append(p.looks, at)
	}
	return wait, nil
}

// within drops the turns that no window from now on holds.
func within(turns []time.Time, now time.Time) []time.Time {
	past := 0
	for past < len(turns) && now.Sub(turns[past]) >= paceWindow {
		past++
	}
	return turns[past:]
}

// free is from when on a window holds fewer than room turns; zero: now.
func free(turns []time.Time, room int) time.Time {
	if len(turns) < room {
		return time.Time{}
	}
	return turns[len(turns)-room].Add(paceWindow)
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// room is how many requests a window takes at present.
func (p *pace) room(now time.Time) int {
	if p.slowed.IsZero() {
		return p.full
	}
	grown := p.share + int(now.Sub(p.slowed)*time.Duration(p.full)/paceGrowth/time.Second)
	return max(1, min(p.full, grown))
}

// refused is told of an answer 429 and when the service wants to be asked again.
func (p *pace) refused(now time.Time, after time.Duration) {
	if p.full <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// Requests that were under way together are refused together, for one and the same reason.
	if now.Sub(p.slowed) >= time.Second {
		p.share = max(p.full/paceFloor, p.room(now)/2)
		p.slowed = now
	}
	if until := now.Add(after); until.After(p.paused) {
		p.paused = until
	}
}
