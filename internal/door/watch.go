package door

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Watch is told that a request begins, and by what it returns, that it was answered.
type Watch func(ctx context.Context, method string) Watched

// Watched is what whoever watches a request wants.
type Watched struct {
	Context  context.Context // in which the request is answered
	Fields   []zap.Field     // for its line in the log
	Answered func(Answered)  // called once; probes that succeed are left out
}

// Answered is a request that was answered, for metrics and traces. It holds nothing of a person.
type Answered struct {
	Route   string // the pattern; empty: there is none for it
	Status  int
	Took    time.Duration
	Source  string // whose it was; empty: nobody proved to be a sender
	Kind    string // of the event
	Outcome string // of the event; empty: none was applied
}

func (d *Door) watch(r *http.Request) Watched {
	if d.config.Watch == nil {
		return Watched{Context: r.Context(), Answered: func(Answered) {}}
	}
	return d.config.Watch(r.Context(), r.Method)
}

// Backlog tells how many events are in the queue, and how many the mass brake holds.
func (d *Door) Backlog() (queued, held int, err error) {
	list, err := d.store.queued()
	if err != nil {
		return 0, 0, err
	}
	stopped, _, err := d.store.brake(d.config.Brake, d.now())
	if err != nil {
		return 0, 0, err
	}
	return len(list), len(stopped), nil
}
