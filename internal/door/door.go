package door

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// Door takes events and applies them. All methods are safe for concurrent use.
type Door struct {
	config    Config
	engine    Engine
	store     *Store
	logger    *zap.Logger
	now       func() time.Time
	people    locks
	wake      chan struct{} // somebody put something into the queue
	approvals map[string]string
	limits    map[string]*rate.Limiter // by source
}

// HTTPClient calls HR systems back.
type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

// New makes a door. It applies what an earlier one left in the store's queue as soon as Serve or Work runs.
func New(config Config) *Door {
	d := &Door{config: config, engine: config.Engine, store: config.Store, logger: config.Logger, now: config.Now,
		wake: make(chan struct{}, 1), approvals: map[string]string{}, limits: map[string]*rate.Limiter{}}
	if d.now == nil {
		d.now = time.Now
	}
	if d.logger == nil {
		d.logger = zap.NewNop()
	}
	if d.config.Client == nil {
		// One person's record is a few kilobytes; an HR system that has not answered by then is down.
		d.config.Client = &http.Client{Timeout: 5 * time.Second}
	}
	d.config.Brake.Starts = cmp.Or(config.Brake.Starts, DefaultBrake().Starts)
	d.config.Brake.Window = cmp.Or(config.Brake.Window, DefaultBrake().Window)
	d.config.Rate.PerSecond = cmp.Or(config.Rate.PerSecond, DefaultRate().PerSecond)
	d.config.Rate.Burst = cmp.Or(config.Rate.Burst, DefaultRate().Burst)
	d.sources()
	return d
}

// sources notes what holds for each sender.
func (d *Door) sources() {
	add := func(source, approval string) {
		d.approvals[source] = approval
		d.limits[source] = rate.NewLimiter(rate.Limit(d.config.Rate.PerSecond), d.config.Rate.Burst)
	}
	for _, w := range d.config.Webhooks {
		add(webhookSource(w.Name), w.Approval)
	}
	if c := d.config.SCIM; c != nil {
		add(scimSource, c.Approval)
	}
	if c := d.config.Okta; c != nil {
		add(oktaSource, c.Approval)
	}
	if c := d.config.HiBob; c != nil {
		add(hibobSource, c.Approval)
	}
	if c := d.config.BambooHR; c != nil {
		add(bamboohrSource, c.Approval)
	}
	add(operatorSource, "")
}

// The names of the senders there can be one of, and of the operators.
const (
	scimSource     = "scim"
	oktaSource     = "okta"
	hibobSource    = "hibob"
	bamboohrSource = "bamboohr"
	operatorSource = "operators"
)

func webhookSource(name string) string { return "webhooks/" + name }

// patience is how long an event may take to be applied. Senders wait 15 to 30 seconds.
const patience = 12 * time.Second

// Apply applies an event by the rules, and returns when the engine has accepted it durably and the outcome is on the
// disk. The same event again, at any time and however often at once, is applied once and has the same outcome.
//
// The error is an *Invalid with every problem, a *Refused with the run's sentence, or an *Away: then the event should come
// again, which does no harm whatever the first one did. A caller that goes away does not stop an event under way.
func (d *Door) Apply(ctx context.Context, e Event) (Outcome, error) {
	e, err := e.complete(d.config.RequestedBy, d.now())
	if err != nil {
		return Outcome{}, err
	}
	return d.apply(ctx, e, nil)
}

// apply applies a complete event; from says that it comes out of the queue.
func (d *Door) apply(ctx context.Context, e Event, from *queuedEvent) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	unlock, err := d.turn(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	defer unlock()
	k, err := d.store.known(e)
	if err != nil {
		return Outcome{}, err
	}
	released := from != nil && from.ReleasedBy != ""
	if k.seen != nil && !released {
		seen := *k.seen
		seen.Duplicate = true
		return seen, nil
	}
	if why := outdated(e, k.person, from != nil, d.now()); why != "" {
		o := Outcome{Result: Ignored, Message: "Ignored: " + why}
		return o, d.store.finish(e, o, met{}, d.now())
	}
	if k.held != nil && e.Kind == Rescheduled { // it says only what has changed
		e.Reason, e.Ticket = cmp.Or(e.Reason, k.held.Reason), cmp.Or(e.Ticket, k.held.Ticket)
	}
	o, m, err := d.act(ctx, e, k, released)
	if err != nil {
		return Outcome{}, calm(err)
	}
	if err := d.store.finish(e, o, m, d.now()); err != nil {
		return Outcome{}, err
	}
	return o, nil
}

// turn waits until nobody else's event of the person is being applied. The function lets the next one in.
func (d *Door) turn(ctx context.Context, e Event) (func(), error) {
	unlock, err := d.people.lock(ctx, e.person())
	if err != nil {
		return nil, &Away{After: 5 * time.Second, Alone: true, Why: "other events of this person are still being applied", Cause: err}
	}
	return unlock, nil
}

// outdated says why an event is too late to be applied. Of two events of the same moment the one that came later counts,
// and one in the queue came earlier. What is older than the memory for events could be a replay of one that is forgotten.
// A soft event makes no older one late that is not.
func outdated(e Event, last person, queued bool, now time.Time) string {
	newest := last.At
	if !e.Soft {
		newest = last.FirmAt
	}
	switch {
	case e.At.Before(now.Add(-eventMemory)) && !queued:
		return fmt.Sprintf("it happened on %s, which is more than %d days ago.", e.At.UTC().Format(time.DateOnly), eventMemory/(24*time.Hour))
	case e.At.Before(newest) || queued && e.At.Equal(newest) && last.Kind == Cancelled && e.Kind != Cancelled:
		return fmt.Sprintf("a newer event for %s, of %s, was applied already.", e.User, newest.UTC().Format(time.RFC3339))
	}
	return ""
}

// calm makes an error that is none of those that Apply promises into one that brings the event back.
func calm(err error) error {
	_, isAway := errors.AsType[*Away](err)
	_, isRefused := errors.AsType[*Refused](err)
	_, isInvalid := errors.AsType[*Invalid](err)
	if isAway || isRefused || isInvalid {
		return err
	}
	return &Away{After: 30 * time.Second, Why: "the engine could not be asked", Cause: err}
}
