package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// listener is where the notices of a scenario go.
type listener struct {
	url    string
	server *http.Server
	ended  chan error
	status atomic.Int32  // what it answers
	heard  atomic.Int32  // how many it took
	deaf   chan struct{} // closed when requests that hang may go
}

// hang, as a status, never answers.
const hang = -1

func listen(ctx context.Context) (*listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for notices: %w", err)
	}
	to := &listener{url: "http://" + l.Addr().String() + "/notices", ended: make(chan error, 1), deaf: make(chan struct{})}
	to.status.Store(http.StatusNoContent)
	to.server = &http.Server{Handler: to, ReadHeaderTimeout: time.Second}
	go func() { to.ended <- to.server.Serve(l) }()
	return to, nil
}

// ServeHTTP implements http.Handler.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := int(l.status.Load())
	if status == hang {
		select {
		case <-l.deaf:
		case <-r.Context().Done():
		}
		return
	}
	if status < http.StatusMultipleChoices {
		l.heard.Add(1)
	}
	w.WriteHeader(status)
}

func (l *listener) stop() error {
	close(l.deaf)
	err := l.server.Close()
	if ended := <-l.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// answersWith says what the receiver of notices answers from now on.
func (p *play) answersWith(status int) { p.told.status.Store(int32(status)) }

// heard waits until so many notices were taken.
func (p *play) heard(notices int32) {
	for p.err == nil && p.told.heard.Load() < notices {
		if p.ctx.Err() != nil {
			p.fail(fmt.Sprintf("wait for %d notices, of which %d were taken", notices, p.told.heard.Load()), p.ctx.Err())
		}
		time.Sleep(50 * time.Millisecond)
	}
}
