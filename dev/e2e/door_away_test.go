package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// wire is the network between the door and Temporal.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	cut      bool
	ends     map[net.Conn]bool
}

// newWire connects to an address until it is cut.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener, ends: map[net.Conn]bool{}}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			go w.join(near, to)
		}
	}()
	t.Cleanup(func() { listener.Close(); w.set(true) })
	return w
}

func (w *wire) join(near net.Conn, to string) {
	far, err := net.Dial("tcp", to)
	if err != nil || !w.hold(near, far) {
		near.Close()
		return
	}
	go func() { _, _ = io.Copy(far, near); far.Close() }()
	_, _ = io.Copy(near, far)
	near.Close()
}

// hold remembers connections to be cut; false: it is cut already.
func (w *wire) hold(ends ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range ends {
		w.ends[c] = true
		if w.cut {
			c.Close()
		}
	}
	return !w.cut
}

// set cuts the wire or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for c := range w.ends {
		c.Close()
	}
	clear(w.ends)
}

// While Temporal is away the door says so, keeps what nobody would send again, and forgets nothing of it when it is
// killed meanwhile.
func TestTheDoorWhileTemporalIsAway(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	w := newWire(t, b.Env["TEMPORAL_ADDRESS"])
	d := b.openDoor(nil, map[string]string{"TEMPORAL_ADDRESS": w.listener.Addr().String()})
	d.takes(http.StatusOK, delivery{method: http.MethodGet, path: "/readyz"})
	day := time.Now().AddDate(0, 1, 0)
	early := webhook("early", said("requested", "chief@acme.example", day))
	assert.Equal(t, "started", d.outcome(early).Outcome)

	w.set(true)
	user := d.scimUser()
	events := map[string]delivery{
		"webhook": webhook("late", said("requested", "petra@acme.example", day)),
		"moved":   webhook("moved", said("rescheduled", "chief@acme.example", day.AddDate(0, 0, 1))),
		"scim":    scim(http.MethodPatch, "/Users/"+user, scimVendor(t, "okta-oin-deactivate")),
		"ready":   {method: http.MethodGet, path: "/readyz"},
		"status":  operator(http.MethodGet, "/runs?user=chief@acme.example", ""),
	}
	for name, v := range events {
		a, err := d.send(v)
		require.NoError(t, err, name)
		assert.Equal(t, http.StatusServiceUnavailable, a.status, "%s: %s", name, a.body)
		assert.NotEmpty(t, a.after, "%s says when to come again", name)
	}
	d.takes(http.StatusOK, okta(t, leaver, "clusters-1@acme.example"))
	d.takes(http.StatusAccepted, early) // what was applied before is known without asking
	d.takes(http.StatusOK, delivery{method: http.MethodGet, path: "/livez"})
	d.kill()
	d.start()
	w.set(false)

	assert.Equal(t, "started", d.outcome(events["webhook"]).Outcome)
	assert.Equal(t, "rescheduled", d.outcome(events["moved"]).Outcome)
	d.takes(http.StatusOK, events["scim"])
	for _, person := range []string{"petra@acme.example", "chief@acme.example", leaver, "clusters-1@acme.example"} {
		b.begun(workflows.ID(b.Config.Account, person))
	}
	b.in(workflows.ID(b.Config.Account, leaver), offboard.PhaseWait)
	b.once(4)
}

// once asserts that there are so many people and that each has one run.
func (b *bench) once(people int) {
	b.t.Helper()
	var twice []string
	require.EventuallyWithT(b.t, func(collect *assert.CollectT) {
		runs := map[string]int{}
		var page []byte
		for more := true; more; more = len(page) > 0 {
			list, err := b.Connection.ListWorkflow(b.ctx, &workflowservice.ListWorkflowExecutionsRequest{
				Query: fmt.Sprintf("WorkflowType = '%s'", workflows.Offboard), PageSize: 1000, NextPageToken: page})
			require.NoError(collect, err)
			for _, e := range list.GetExecutions() {
				runs[e.GetExecution().GetWorkflowId()]++
			}
			page = list.GetNextPageToken()
		}
		assert.Len(collect, runs, people, "the list is a little late")
		twice = nil
		for id, n := range runs {
			if n != 1 {
				twice = append(twice, fmt.Sprint(id, ": ", n))
			}
		}
	}, patience, time.Second)
	assert.Empty(b.t, twice, "people with several runs")
}

// The door is killed and drained while many events come in, and opened again: each sender comes again, and each person
// has one run.
func TestTheDoorEndsWhileEventsComeIn(t *testing.T) {
	// With a worker: of a start that was made and not noted only the run itself can tell for which day it is.
	b := start(t, stack.EngineOptions{})
	d := b.openDoor(map[string]any{"brake": map[string]any{"starts": 1000}})
	const people, deliveries = 40, 4
	day := time.Now().AddDate(0, 1, 0)
	var senders sync.WaitGroup
	failed := make(chan string, people*deliveries)
	answers := make(chan struct{}, people*deliveries)
	for i := range people {
		body := said("requested", fmt.Sprintf("leaver-%d@acme.example", i), day)
		for range deliveries {
			senders.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond) // not all at once: some are under way at each moment
				a, _, err := d.deliver(webhook(fmt.Sprint("msg_", i), body))
				if err != nil || a.status != http.StatusAccepted {
					failed <- fmt.Sprint(a.status, " ", a.body, " ", err)
				}
				answers <- struct{}{}
			})
		}
	}
	for i, end := range []func(){d.kill, d.drain} {
		for range (i + 1) * people { // a good part of them has an answer
			<-answers
		}
		end()
		d.start()
	}
	senders.Wait()
	close(failed)
	var all []string
	for f := range failed {
		all = append(all, f)
	}
	assert.Empty(t, all, strings.Join(all, "\n"))
	b.once(people)
}
