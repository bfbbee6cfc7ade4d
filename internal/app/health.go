package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
)

// health answers on an address of its own, for probes and for Prometheus: /livez (the process runs), /readyz (it can do
// its work) and /metrics. Without an address it does nothing.
type health struct {
	address string
	probes  http.Handler
	page    http.Handler
	server  *http.Server
}

// newHealth makes the answers; probes answers /livez and /readyz.
func newHealth(address string, probes, page http.Handler) *health {
	return &health{address: address, probes: probes, page: page}
}

func (h *health) start() error {
	if h.address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", h.address)
	if err != nil {
		return fmt.Errorf("listen for health checks on %s: %w", h.address, err)
	}
	// A probe sends a few bytes; Prometheus waits for ten seconds.
	h.server = &http.Server{Handler: h.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	go func() { _ = h.server.Serve(listener) }() // ends with stop
	return nil
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", h.probes)
	mux.Handle("GET /readyz", h.probes)
	mux.Handle("GET /metrics", h.page)
	return mux
}

func (h *health) stop() {
	if h.server != nil {
		_ = h.server.Close() // probes may be cut off
	}
}

// Probe asks the program that answers on the address in OFFBOARD_HEALTH whether it is ready: a health check for images
// that have neither a shell nor curl. The error says why it is not; it is an *InvalidConfig if the address is missing or
// is none.
func Probe(ctx context.Context, env func(string) string) error {
	host, port, err := net.SplitHostPort(env(healthAddress))
	if err != nil {
		return &InvalidConfig{[]Problem{{Where: "environment", Text: fmt.Sprintf("%s is %q: it must be the address of the program's own probes, as in 0.0.0.0:9464", healthAddress, env(healthAddress))}}}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", env(healthAddress), err)
	}
	answer, err := (&http.Client{Timeout: probeTime}).Do(request)
	if err != nil {
		return fmt.Errorf("ask whether the program is ready: %w", err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("read whether the program is ready: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the program is not ready: %s: %s", answer.Status, strings.TrimSpace(string(said)))
	}
	return nil
}

// probeTime is more than any program takes to say that something else does not answer.
const probeTime = 4 * time.Second

// polling answers a worker's probes: it is ready while it polls and Temporal answers.
type polling struct {
	client client.Client
	ready  atomic.Bool
}

// ServeHTTP implements http.Handler.
func (p *polling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/livez" {
		fmt.Fprintln(w, "ok")
		return
	}
	if !p.ready.Load() {
		http.Error(w, "the worker does not poll", http.StatusServiceUnavailable)
		return
	}
	// Kubernetes gives a probe one second by default.
	ctx, cancel := context.WithTimeout(r.Context(), 900*time.Millisecond)
	defer cancel()
	if _, err := p.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		http.Error(w, "Temporal does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
