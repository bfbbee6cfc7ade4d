package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"offboard/internal/ibmsim"
)

const loopback = "127.0.0.1"

// Sim is a simulated IBM Cloud that listens on loopback.
type Sim struct {
	*ibmsim.Cloud
	Account *ibmsim.Account
	URL     string // base of all its APIs, without a slash at the end

	server *ibmsim.Server
	ended  chan error
}

// StartSim serves an account, named as ibmsim.Load names it; port 0 takes a free one. A taken port is an error that says
// so.
func StartSim(ctx context.Context, account string, port int) (*Sim, error) {
	a, err := ibmsim.Load(account)
	if err != nil {
		return nil, fmt.Errorf("load the simulated account: %w", err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d on %s is already in use: stop the process that listens there, or choose another --sim-port (0 takes a free one)", port, loopback)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated IBM Cloud: %w", err)
	}
	cloud := ibmsim.New(a, ibmsim.Options{})
	server, err := ibmsim.NewServer(cloud)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Sim{Cloud: cloud, Account: a, URL: "http://" + listener.Addr().String(), server: server, ended: make(chan error, 1)}
	go func() { s.ended <- s.server.Serve(listener) }()
	return s, nil
}

// Environment is what points a program at the simulator: IBM's endpoint names, the account, and the keys that the
// account file gives to the engine and to the functional IDs. They open nothing but the simulator.
func (s *Sim) Environment() (map[string]string, error) {
	env := s.Endpoints(s.URL)
	env["IBMCLOUD_ACCOUNT_ID"] = s.AccountID()
	engine, ok := s.engine()
	if !ok {
		return nil, fmt.Errorf("account %s has no user %s… with an apiKey for the engine to work as", s.Account.Name, engineName)
	}
	env["IC_API_KEY"] = engine.APIKey
	for _, f := range s.functionalIDs() {
		env[f.variable] = f.APIKey
	}
	return env, nil
}

// Stop ends the simulator at once; requests under way are cut off.
func (s *Sim) Stop() error {
	if err := s.server.Close(); err != nil {
		return fmt.Errorf("stop the simulated IBM Cloud: %w", err)
	}
	if err := <-s.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the simulated IBM Cloud ended by itself: %w", err)
	}
	return nil
}
