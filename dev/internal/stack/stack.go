package stack

import (
	"context"
	"errors"
	"fmt"

	"offboard/dev/internal/temporalite"
	"offboard/workflows"
)

// Options say what to run on which ports. The zero value is the sample account on free ports, in memory.
type Options struct {
	Port   int    // of Temporal's frontend; 0 takes a free one
	UIPort int    // of the Web UI; 0 takes a free one
	Data   string // directory for Temporal's database; "" keeps everything in memory
	Engine EngineOptions
}

// Stack is a Temporal server with its Web UI and an engine.
type Stack struct {
	*Engine
	Temporal *temporalite.Server
}

// Start starts everything; the search attributes are there before the first run. A taken port is an error that names
// the flag to change.
func Start(ctx context.Context, o Options) (*Stack, error) {
	server, err := temporalite.Start(ctx, temporalite.Options{
		Port: o.Port, UIPort: o.UIPort, Data: o.Data, SearchAttributes: workflows.SearchAttributes(),
	})
	if taken, yes := errors.AsType[*temporalite.PortTakenError](err); yes {
		return nil, fmt.Errorf("port %d on %s is already in use: stop the process that listens there, or choose another %s (0 takes a free one)", taken.Port, taken.Host, flagOf(taken.Option))
	}
	if err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	engine, err := StartEngine(ctx, server, o.Engine)
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return &Stack{Engine: engine, Temporal: server}, nil
}

func flagOf(option string) string {
	if option == "UIPort" {
		return "--ui-port"
	}
	return "--port"
}

// Stop ends everything, the worker first so that it does not poll a server that is gone.
func (s *Stack) Stop() error { return errors.Join(s.Engine.Stop(), s.Temporal.Stop()) }
