package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"go.uber.org/zap"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/temporalite"
	"offboard/internal/app"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// rig is an account with what works on it, in a namespace of the server: one at a time in each.
type rig struct {
	shape  shape
	sim    *stack.Sim
	server *ibmsim.Server
	ended  chan error
	env    map[string]string
	config app.Config
	conn   *app.Connection
	runs   *app.Runs
	dir    string
}

// settings are what the configuration file of a row says besides the defaults.
type settings struct {
	policy    map[string]any
	worker    map[string]any
	namespace string // "" means the server's own
}

var accounts atomic.Int64

// newRig starts the simulated account and connects; the worker is the caller's.
func newRig(ctx context.Context, server *temporalite.Server, s shape, set settings) (_ *rig, err error) {
	r := &rig{shape: s, ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.stop())
		}
	}()
	if err := r.startSim(s.account(fmt.Sprintf("b%031x", accounts.Add(1)))); err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp("", "offboard-bench-"); err != nil {
		return nil, fmt.Errorf("make a directory for the configuration: %w", err)
	}
	file, err := r.writeConfig(set)
	if err != nil {
		return nil, err
	}
	if r.env, err = r.sim.Environment(); err != nil {
		return nil, err
	}
	maps.Copy(r.env, map[string]string{"OFFBOARD_CONFIG": file, "TEMPORAL_CONFIG_FILE": os.DevNull})
	if r.config, err = app.LoadConfig("", r.lookup); err != nil {
		return nil, fmt.Errorf("read the configuration that was just written: %w", err)
	}
	if server == nil {
		return r, nil
	}
	maps.Copy(r.env, map[string]string{"TEMPORAL_ADDRESS": server.Address(), "TEMPORAL_NAMESPACE": cmp.Or(set.namespace, server.Namespace())})
	if r.conn, err = app.Dial(ctx, r.lookup, zap.NewNop()); err != nil {
		return nil, err
	}
	r.runs = app.NewRuns(r.conn, app.RunsConfig{Account: r.config.Account, Namespace: r.conn.Namespace})
	return r, nil
}

func (r *rig) lookup(name string) string { return r.env[name] }

func (r *rig) startSim(a *ibmsim.Account) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the simulated IBM Cloud: %w", err)
	}
	cloud := ibmsim.New(a, ibmsim.Options{})
	if r.server, err = ibmsim.NewServer(cloud); err != nil {
		return errors.Join(err, listener.Close())
	}
	r.sim = &stack.Sim{Cloud: cloud, Account: a, URL: "http://" + listener.Addr().String()}
	go func() { r.ended <- r.server.Serve(listener) }()
	return nil
}

// writeConfig writes the worker's file as JSON, which is YAML.
func (r *rig) writeConfig(set settings) (string, error) {
	var ids []map[string]string
	for i, email := range r.sim.FunctionalIDs() {
		ids = append(ids, map[string]string{"email": email, "apiKey": fmt.Sprintf("env:FUNCTIONAL_ID_%d_API_KEY", i+1)})
	}
	policy := map[string]any{
		"minimumSoak": "0s", "soakProbe": "2s", "replication": "3s", "grantPatience": "1m", "allowUnapproved": true,
	}
	maps.Copy(policy, set.policy)
	worker := map[string]any{"containersCalls": 0} // the simulator has no limit, save where a row sets one
	maps.Copy(worker, set.worker)
	file := map[string]any{"functionalIds": ids, "policy": policy, "worker": worker}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	path := filepath.Join(r.dir, "offboard.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return path, nil
}

// work runs the worker in this process, as the worker program puts it together, until stop is called.
func (r *rig) work() (stop func() error, err error) {
	w, err := app.NewWorker(r.conn, r.config, zap.NewNop())
	if err != nil {
		return nil, fmt.Errorf("make the worker: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() error { cancel(); return <-ended }, nil
}

// request is an offboarding that nobody has to approve, so that no person's time is measured.
func (r *rig) request(leaver string) offboard.Request {
	return offboard.Request{
		User: leaver, Mode: offboard.ModeExecute, Approval: offboard.ApprovalNone, Soak: offboard.Duration(r.shape.Knobs.TokenLife),
		OnFailure: offboard.OnFailureHold, RemoveUser: true, RequestedBy: "hr@acme.example",
	}
}

func (r *rig) stop() error {
	if r.conn != nil {
		r.conn.Close()
	}
	var err error
	if r.server != nil {
		err = r.server.Close()
		if ended := <-r.ended; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, fmt.Errorf("the simulated IBM Cloud ended by itself: %w", ended))
		}
	}
	if r.dir != "" {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	return err
}
