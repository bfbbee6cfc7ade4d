package temporalite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"
)

// startTimeout bounds a start whose context has no deadline; a slow disk needs
// seconds, a server that will never come up needs an end.
const startTimeout = 60 * time.Second

// Server is one running Temporal server. Its methods may be called from any
// goroutine.
type Server struct {
	options Options
	ports   ports

	store    *store
	log      *logging
	temporal temporal.Server
	ui       *uiserver.Server

	stop    sync.Once
	stopErr error
}

// Start runs a server and returns when a workflow can be started in its
// namespace and the Web UI answers. ctx bounds the start only; end the server
// with [Server.Stop].
//
// A port that is taken gives a [*PortTakenError]; a data directory another
// server has open [ErrDataInUse]; one from another version [ErrSchema]. After
// an error no service is left running.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	s := &Server{options: o, log: newLogging(o.Logger)}
	defer func() {
		if err != nil {
			err = fmt.Errorf("temporalite: %w", errors.Join(err, s.Stop()))
		}
	}()

	var reserved reservation
	defer reserved.release()
	if s.ports, err = reserved.reserve(o); err != nil {
		return nil, err
	}
	if s.store, err = openStore(ctx, o); err != nil {
		return nil, err
	}
	if err := s.store.ensureNamespace(ctx, o); err != nil {
		return nil, err
	}

	reserved.release()
	if err := s.startTemporal(ctx); err != nil {
		return nil, err
	}
	if o.UIPort == NoUI {
		return s, nil
	}
	if s.ui, err = startUI(ctx, o, s.ports); err != nil {
		return nil, err
	}
	return s, nil
}

// startTemporal starts the four services and waits until they work together.
func (s *Server) startTemporal(ctx context.Context) error {
	server, err := s.assemble()
	if err != nil {
		return fmt.Errorf("assemble server: %w", err)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-s.log.failed:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	// Start takes no context and gives up by itself after 15 seconds; leaving
	// earlier would leave a server behind that nobody can stop.
	if err := <-inBackground(server.Start); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	s.temporal = server
	if err := waitReady(ctx, s.Address(), s.options.Namespace); err != nil {
		return fmt.Errorf("wait for server: %w", err)
	}
	return nil
}

// inBackground runs do in a goroutine of its own, which a fatal failure may end
// without a result; the channel is closed either way.
func inBackground(do func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
		defer close(result)
		result <- do()
	}()
	return result
}

func (s *Server) assemble() (server temporal.Server, err error) {
	err = s.log.assemble(func() (err error) {
		server, err = temporal.NewServer(
			temporal.WithConfig(serverConfig(s.options, s.ports, s.store)),
			temporal.ForServices(temporal.DefaultServices),
			temporal.WithStaticHosts(hosts(s.options, s.ports)),
			temporal.WithDynamicConfigClient(dynamicConfig(s.options.DynamicConfig)),
			temporal.WithLogger(log.NewZapLogger(s.log.Logger)),
			temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
			temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		)
		return err
	})
	return server, err
}

// Address is the frontend's host:port, for a client to dial.
func (s *Server) Address() string { return join(reachable(s.options.Host), s.ports.frontend) }

// HTTP is the base URL of the frontend's HTTP API.
func (s *Server) HTTP() string { return "http://" + join(reachable(s.options.Host), s.ports.http) }

// UI is the Web UI's base URL, "" when there is none.
func (s *Server) UI() string {
	if s.ports.ui == 0 {
		return ""
	}
	return "http://" + join(reachable(s.options.Host), s.ports.ui)
}

// Namespace is the namespace that was created or found.
func (s *Server) Namespace() string { return s.options.Namespace }

// Stop ends the Web UI and the server, in about a second, and gives the data
// directory free. Open workflows in it continue at the next start. The error
// is also that of a service which had failed while it ran. Stopping twice is
// stopping once.
func (s *Server) Stop() error {
	s.stop.Do(func() { s.stopErr = s.shutdown() })
	return s.stopErr
}

func (s *Server) shutdown() error {
	s.log.silence()
	var errs []error
	select {
	case err := <-s.log.failed:
		errs = append(errs, fmt.Errorf("temporal server failed: %w", err))
	default:
	}
	if s.ui != nil {
		s.ui.Stop()
	}
	if s.temporal != nil {
		if err := s.temporal.Stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop temporal server: %w", err))
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.close())
	}
	return errors.Join(errs...)
}
