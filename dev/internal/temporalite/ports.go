package temporalite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
)

const loopback = "127.0.0.1"

// Free ports come from below every operating system's ephemeral range, so that
// no outgoing connection can take one between the check and the bind.
const (
	firstFree = 20000
	freePorts = 10000
)

// PortTakenError says that somebody already listens where a server was asked
// to. Option is the field of [Options] to change, so that a program can name
// its own flag.
type PortTakenError struct {
	Option string
	Host   string
	Port   int
	Err    error
}

func (e *PortTakenError) Error() string {
	return fmt.Sprintf("port %d on %s is already in use: stop the process that listens there, or choose another %s (0 takes a free one)",
		e.Port, e.Host, e.Option)
}

// Unwrap returns the operating system's error.
func (e *PortTakenError) Unwrap() error { return e.Err }

// ports are the addresses of one server.
type ports struct {
	frontend, http, ui        int
	history, matching, worker int
}

// reservation holds ports open while a server is being prepared: neither its
// own services nor a second server in this process can be given one twice.
type reservation struct {
	held []net.Listener
}

func (r *reservation) release() {
	for _, l := range r.held {
		_ = l.Close()
	}
	r.held = nil
}

// take reserves the given port, or a free one for 0.
func (r *reservation) take(option, host string, port int) (int, error) {
	if port != 0 {
		return port, r.listen(option, host, port)
	}
	var err error
	for range 100 {
		port = firstFree + rand.IntN(freePorts)
		if err = r.listen(option, host, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on %s: %w", host, err)
}

func (r *reservation) listen(option, host string, port int) error {
	l, err := net.Listen("tcp", join(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortTakenError{Option: option, Host: host, Port: port, Err: err}
	}
	if err != nil {
		return fmt.Errorf("listen for %s: %w", option, err)
	}
	r.held = append(r.held, l)
	return nil
}

// reserve takes every port a server needs. The caller releases them just
// before the services bind for themselves, and also after an error.
func (r *reservation) reserve(o Options) (p ports, err error) {
	wanted := []struct {
		port   *int
		option string
		host   string
		number int
	}{
		{&p.frontend, "Port", o.Host, o.Port},
		{&p.http, "HTTPPort", o.Host, o.HTTPPort},
		{&p.ui, "UIPort", o.Host, o.UIPort},
		{&p.history, "history service", loopback, 0},
		{&p.matching, "matching service", loopback, 0},
		{&p.worker, "worker service", loopback, 0},
	}
	for _, w := range wanted {
		if w.number == NoUI {
			continue
		}
		if *w.port, err = r.take(w.option, w.host, w.number); err != nil {
			return ports{}, err
		}
	}
	return p, nil
}
