package kubernetes

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers is an http.RoundTripper without a connection.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func question(ctx context.Context, o *opener, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := o.RoundTrip(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// questions asks ten at once and returns the errors.
func questions(ctx context.Context, o *opener, url string) []error {
	errs := make([]error, 10)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = question(ctx, o, url) })
	}
	all.Wait()
	return errs
}

// Over HTTP/2 one connection carries all questions, and none of them waits for the answer to another.
func TestTenQuestionsOpenOneConnection(t *testing.T) {
	var opened atomic.Int64
	var asked sync.WaitGroup
	asked.Add(10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Done()
		asked.Wait()
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()

	for _, err := range questions(t.Context(), &opener{inner: server.Client().Transport}, server.URL) {
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, opened.Load())
}

func TestWhoCannotConnectSaysSoToAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried, begun, gone := 0, time.Now(), errors.New("no route to host")
		o := &opener{inner: answers(func(*http.Request) (*http.Response, error) {
			tried++
			time.Sleep(idle)
			return nil, gone
		})}
		for _, err := range questions(t.Context(), o, "https://cluster.example") {
			require.ErrorIs(t, err, gone)
		}
		assert.Equal(t, 1, tried)
		assert.Equal(t, idle, time.Since(begun))
		require.ErrorIs(t, question(t.Context(), o, "https://cluster.example"), gone, "the next is a new attempt")
		assert.Equal(t, 2, tried)
	})
}

func TestWhoGivesUpLetsTheOthersConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{inner: answers(func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(idle):
				return &http.Response{Body: http.NoBody}, nil
			}
		})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var first, second, hasty error
		var all sync.WaitGroup
		all.Go(func() { first = question(ctx, o, "https://cluster.example") })
		synctest.Wait()
		all.Go(func() { second = question(t.Context(), o, "https://cluster.example") })
		all.Go(func() {
			short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			hasty = question(short, o, "https://cluster.example")
		})
		all.Wait()
		require.ErrorIs(t, first, context.DeadlineExceeded)
		require.ErrorIs(t, hasty, context.DeadlineExceeded, "nobody waits for longer than they want to")
		require.NoError(t, second)
	})
}
