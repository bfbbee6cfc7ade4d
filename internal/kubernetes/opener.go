package kubernetes

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// idle is how long a connection that nobody uses is kept.
const idle = 10 * time.Second

// opener lets one request alone open the connection to a cluster while others wait for that, and not for its answer. An inspection
// asks ten questions at once, and before it is known that one connection carries them all, as HTTP/2 does, net/http would open
// another: a TLS handshake costs both sides more than the question.
type opener struct {
	inner http.RoundTripper

	mu   sync.Mutex
	try  *attempt  // under way
	used time.Time // when a request last got a connection
}

// attempt is a connection that is being opened.
type attempt struct {
	done chan struct{}
	err  error // why it failed, for all who waited for it; nil if it was opened, or given up
}

// RoundTrip implements http.RoundTripper.
func (o *opener) RoundTrip(r *http.Request) (*http.Response, error) {
	own, err := o.join(r.Context())
	if err != nil {
		return nil, err
	}
	var once sync.Once
	end := func(opened bool, err error) { once.Do(func() { o.end(own, opened, err) }) }
	resp, err := o.inner.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { end(true, nil) },
	})))
	if r.Context().Err() != nil {
		end(false, nil) // given up, which says nothing to the others
	}
	end(false, err)
	return resp, err
}

// join waits for a connection that is being opened. It returns the attempt to open one if that is the caller's to do, and
// nothing where there is one.
func (o *opener) join(ctx context.Context) (own *attempt, err error) {
	o.mu.Lock()
	if o.try == nil && time.Since(o.used) < idle {
		o.mu.Unlock()
		return nil, nil //nolint:nilnil // there is nothing to open
	}
	if o.try == nil {
		o.try = &attempt{done: make(chan struct{})}
		defer o.mu.Unlock()
		return o.try, nil
	}
	try := o.try
	o.mu.Unlock()
	select {
	case <-try.done:
		return nil, try.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// end notes that a request got a connection, or why it did not, and lets go of those who wait for it.
func (o *opener) end(own *attempt, opened bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if opened {
		o.used = time.Now()
	}
	if own != nil {
		own.err, o.try = err, nil
		close(own.done)
	}
}
