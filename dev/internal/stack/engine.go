package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"offboard/dev/internal/temporalite"
	"offboard/internal/app"
)

// EngineOptions say what to run beside a Temporal server.
type EngineOptions struct {
	Namespace string // "" means the server's own
	Account   string // as ibmsim.Load names it; "" means "sample"
	SimPort   int    // 0 takes a free one
	Reports   string // directory for finished reports; "" keeps none
	Settings  Settings
	Log       io.Writer // of the worker and of Temporal's SDK, at level debug; nil means none
	NoWorker  bool      // somebody else runs it, with Env
}

// Engine is a simulated account and the worker that works on it, in one namespace of a Temporal server.
type Engine struct {
	Sim        *Sim
	Config     app.Config
	Connection *app.Connection
	Runs       *app.Runs
	// Env is the whole environment with which the worker and starter programs would do the same.
	Env map[string]string

	logger *zap.Logger
	dir    string
	worker *running // nil while none runs
}

// running is a worker of this process.
type running struct {
	stop  context.CancelFunc
	ended chan struct{}
	err   error // why it ended; to be read after that
}

// StartEngine starts the simulator, writes the configuration, connects and lets the worker poll.
func StartEngine(ctx context.Context, server *temporalite.Server, o EngineOptions) (_ *Engine, err error) {
	e := &Engine{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Stop())
		}
	}()
	if e.Sim, err = StartSim(ctx, cmp.Or(o.Account, "sample"), o.SimPort); err != nil {
		return nil, err
	}
	if err := e.configure(server, o); err != nil {
		return nil, err
	}
	if e.Connection, err = app.Dial(ctx, e.lookup, e.logger); err != nil {
		return nil, err
	}
	e.Runs = app.NewRuns(e.Connection, app.RunsConfig{Account: e.Config.Account, Namespace: e.Connection.Namespace, UI: e.Connection.UI})
	if o.NoWorker {
		return e, nil
	}
	return e, e.StartWorker()
}

func (e *Engine) configure(server *temporalite.Server, o EngineOptions) (err error) {
	if e.dir, err = os.MkdirTemp("", "offboard-stack-"); err != nil {
		return fmt.Errorf("make a directory for the configuration: %w", err)
	}
	reports := o.Reports
	if reports != "" {
		if reports, err = filepath.Abs(reports); err != nil {
			return fmt.Errorf("find the directory for reports: %w", err)
		}
	}
	file, err := writeConfig(e.dir, reports, e.Sim, o.Settings)
	if err != nil {
		return err
	}
	if e.Env, err = e.Sim.Environment(); err != nil {
		return err
	}
	maps.Copy(e.Env, map[string]string{
		"OFFBOARD_CONFIG":    file,
		"OFFBOARD_UI_URL":    server.UI(),
		"TEMPORAL_ADDRESS":   server.Address(),
		"TEMPORAL_NAMESPACE": cmp.Or(o.Namespace, server.Namespace()),
		// A profile of the person at this machine must not send the sample leaver to a real server.
		"TEMPORAL_CONFIG_FILE": os.DevNull,
	})
	if o.Settings.Webhook != "" {
		e.Env[webhookVariable] = webhookSecret
	}
	if e.Config, err = app.LoadConfig("", e.lookup); err != nil {
		return fmt.Errorf("read the configuration that was just written: %w", err)
	}
	log := o.Log
	if log == nil {
		log = io.Discard
	}
	debug := func(name string) string {
		return map[string]string{"OFFBOARD_LOG_LEVEL": "debug", "OFFBOARD_LOG_FORMAT": "json"}[name]
	}
	e.logger, err = app.NewLogger(log, debug, e.Config.Redactor)
	return err
}

func (e *Engine) lookup(name string) string { return e.Env[name] }

// StartWorker runs the worker in this process until StopWorker or Stop.
func (e *Engine) StartWorker() error {
	w, err := app.NewWorker(e.Connection, e.Config, e.logger)
	if err != nil {
		return fmt.Errorf("make the worker: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = w.Run(ctx)
	}()
	e.worker = r
	return nil
}

// StopWorker drains the worker; the error is that of a worker which could not go on. It does nothing while none runs.
func (e *Engine) StopWorker() error {
	if e.worker == nil {
		return nil
	}
	r := e.worker
	e.worker = nil
	r.stop()
	<-r.ended
	return r.err
}

// Wait returns when the context ends, or when the worker of this process cannot go on.
func (e *Engine) Wait(ctx context.Context) {
	if e.worker == nil {
		<-ctx.Done()
		return
	}
	select {
	case <-ctx.Done():
	case <-e.worker.ended:
	}
}

// Stop ends everything that StartEngine started.
func (e *Engine) Stop() error {
	err := e.StopWorker()
	if e.Connection != nil {
		e.Connection.Close()
	}
	if e.Sim != nil {
		err = errors.Join(err, e.Sim.Stop())
	}
	if e.dir != "" {
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	return err
}
