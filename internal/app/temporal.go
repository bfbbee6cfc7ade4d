package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.uber.org/zap"
)

// DefaultUI is where a Temporal development server has its Web UI.
const DefaultUI = "http://localhost:8233"

// Connection is a Temporal client and what it talks to.
type Connection struct {
	client.Client
	Address   string
	Namespace string
	UI        string // base URL of the Web UI, from OFFBOARD_UI_URL
}

// Dial connects to Temporal as the standard TEMPORAL_* variables and profiles say: address, namespace, API key, mTLS.
// It fails if the server does not answer within 10 seconds.
func Dial(ctx context.Context, env func(string) string, logger *zap.Logger) (*Connection, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: lookup(env)})
	if err != nil {
		return nil, fmt.Errorf("read the Temporal settings: %w", err)
	}
	options.Logger = TemporalLogger(logger)
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	// A person waits in front of this; a server that is up answers in milliseconds.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s, namespace %s: %w", options.HostPort, options.Namespace, err)
	}
	return &Connection{Client: c, Address: options.HostPort, Namespace: options.Namespace, UI: UI(env)}, nil
}

// UI is the base URL of the Web UI: OFFBOARD_UI_URL or DefaultUI.
func UI(env func(string) string) string {
	if url := env("OFFBOARD_UI_URL"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	return DefaultUI
}

// lookup gives envconfig the environment the program was given. Names come from the process, which only matters for
// the open-ended TEMPORAL_GRPC_META_*.
type lookup func(string) string

// Environ implements envconfig.EnvLookup.
func (l lookup) Environ() []string {
	var list []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if value := l(name); value != "" {
			list = append(list, name+"="+value)
		}
	}
	return list
}

// LookupEnv implements envconfig.EnvLookup.
func (l lookup) LookupEnv(name string) (string, bool) {
	value := l(name)
	return value, value != ""
}
