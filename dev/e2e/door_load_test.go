package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
)

// The load that HR systems make at their worst, and how it is made of people: each is told of five times, three times by
// one event and once each by two others.
const (
	perSecond = 200
	tellings  = 5
)

// load is what the senders saw.
type load struct {
	mu       sync.Mutex
	statuses map[int]int
	again    int // deliveries that had to be sent again
	took     []time.Duration
	failed   []string
}

func (l *load) note(a answered, tries int, err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[a.status]++
	l.took = append(l.took, took)
	if tries > 1 {
		l.again++
	}
	if err != nil || a.status >= 300 {
		l.failed = append(l.failed, fmt.Sprint(a.status, " ", a.body, " ", err))
	}
}

// Two hundred requests a second, many of them duplicates, for DOOR_LOAD (ten seconds if it is not set): nothing is lost
// and nobody is started twice. How fast it is depends on the machine and is only told.
func TestTheDoorUnderLoad(t *testing.T) {
	length := 10 * time.Second
	if text := os.Getenv("DOOR_LOAD"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err, "DOOR_LOAD")
	}
	b := start(t, stack.EngineOptions{NoWorker: true})
	requests := int(length.Seconds()) * perSecond
	people := requests / tellings
	require.Positive(t, people)
	d := b.openDoor(map[string]any{"brake": map[string]any{"starts": people + 1}})
	day := time.Now().AddDate(0, 1, 0)
	saw := &load{statuses: map[int]int{}}
	var senders sync.WaitGroup
	begin := time.Now()
	for i := range people * tellings {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / perSecond)))
		who, telling := i/tellings, i%tellings
		senders.Go(func() {
			sent := time.Now()
			id := fmt.Sprintf("msg_%d_%d", who, max(0, telling-2)) // the first three are one event
			a, tries, err := d.deliver(webhook(id, said("requested", fmt.Sprintf("leaver-%d@acme.example", who), day)))
			saw.note(a, tries, err, time.Since(sent))
		})
	}
	sending := time.Since(begin)
	senders.Wait()

	assert.Empty(t, saw.failed)
	assert.Equal(t, people*tellings, saw.statuses[http.StatusAccepted]+saw.statuses[http.StatusOK])
	b.once(people)
	slices.Sort(saw.took)
	at := func(part float64) time.Duration {
		return saw.took[int(part*float64(len(saw.took)-1))].Round(time.Millisecond)
	}
	t.Logf("%d requests for %d people sent in %s (%.0f a second), answered in %s; by status %v, %d sent again; took p50 %s, p99 %s, worst %s",
		len(saw.took), people, sending.Round(time.Millisecond), float64(len(saw.took))/sending.Seconds(), time.Since(begin).Round(time.Millisecond),
		saw.statuses, saw.again, at(0.5), at(0.99), at(1))
}
