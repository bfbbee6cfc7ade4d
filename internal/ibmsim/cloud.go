package ibmsim

import (
	"net/http"
	"sync/atomic"
	"time"

	"offboard/internal/ibmsim/clock"
)

// Options are what a Cloud takes besides its account.
type Options struct {
	// Clock defaults to the machine's. With a *clock.Virtual nothing moves until Advance.
	Clock clock.Clock
}

// Cloud is a simulated IBM Cloud with one account. It is an http.Handler and safe for concurrent use.
type Cloud struct {
	clock clock.Clock
	mux   *http.ServeMux
	world atomic.Pointer[world]
}

// New starts a cloud with an account from Load, Parse or Generate.
func New(account *Account, o Options) *Cloud {
	c := &Cloud{clock: o.Clock}
	if c.clock == nil {
		c.clock = clock.Real{}
	}
	c.world.Store(newWorld(account, c.clock))
	c.mux = c.newMux()
	return c
}

// ServeHTTP serves every API under its own first path segment: /iam, /user-management, /resource-controller (resource
// groups and instances), /search, /accounts, /containers (with or without /global), /kube/<cluster id> and /sim. Anything else is
// answered 501 and remembered, see Unknown.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// Reset replaces everything by a fresh copy of an account: ledger, faults and counts begin again.
func (c *Cloud) Reset(account *Account) { c.world.Store(newWorld(account, c.clock)) }

// AccountID is the account's 32 hex digits.
func (c *Cloud) AccountID() string { return c.world.Load().accountID }

// Ledger is a copy of every mutation since the start, oldest first.
func (c *Cloud) Ledger() []Entry {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entries()
}

// Outages are all outages until now, oldest first; none is the goal.
func (c *Cloud) Outages() []Outage {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.outages(w.clock.Now())
}

// Advance moves a virtual clock and reports whether there was one to move.
func (c *Cloud) Advance(d time.Duration) bool {
	v, ok := c.clock.(*clock.Virtual)
	if ok {
		v.Advance(d)
	}
	return ok
}
