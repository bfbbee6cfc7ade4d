package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
)

// health answers /livez (the process runs) and /readyz (the worker polls and Temporal answers). Without an address it
// does nothing.
type health struct {
	client  client.Client
	address string
	server  *http.Server
	ready   atomic.Bool
}

func newHealth(c client.Client, address string) *health { return &health{client: c, address: address} }

func (h *health) start() error {
	if h.address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", h.address)
	if err != nil {
		return fmt.Errorf("listen for health checks on %s: %w", h.address, err)
	}
	h.server = &http.Server{Handler: h.handler(), ReadHeaderTimeout: 5 * time.Second} // a probe sends a few bytes
	go func() { _ = h.server.Serve(listener) }()                                      // ends with stop
	return nil
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if !h.ready.Load() {
			http.Error(w, "the worker does not poll", http.StatusServiceUnavailable)
			return
		}
		// Kubernetes gives a probe one second by default.
		ctx, cancel := context.WithTimeout(r.Context(), 900*time.Millisecond)
		defer cancel()
		if _, err := h.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
			http.Error(w, "Temporal does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

func (h *health) stop() {
	if h.server != nil {
		_ = h.server.Close() // probes may be cut off
	}
}
