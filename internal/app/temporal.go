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

	"offboard/internal/telemetry"
)

// DefaultUI is where a Temporal development server has its Web UI.
const DefaultUI = "http://localhost:8233"

// Connection is a Temporal client and what it talks to. Its payloads are encrypted if LoadEncryption says so.
type Connection struct {
	client.Client
	Address   string
	Namespace string
	UI        string // base URL of the Web UI, from OFFBOARD_UI_URL

	options   client.Options
	keys      *keyring             // nil: nothing is encrypted
	telemetry *telemetry.Telemetry // nil: nobody is told
}

// Dial connects to Temporal as the standard TEMPORAL_* variables and profiles say: address, namespace, API key, mTLS.
// It fails if the server does not answer within 10 seconds, and if the payloads are to be encrypted and a key cannot be
// read.
func Dial(ctx context.Context, env func(string) string, logger *zap.Logger) (*Connection, error) {
	return DialWith(ctx, env, logger, nil)
}

// DialWith is Dial, and tells of what the client and its workers do. The telemetry stays the caller's to close.
func DialWith(ctx context.Context, env func(string) string, logger *zap.Logger, t *telemetry.Telemetry) (*Connection, error) {
	c, err := newConnection(ctx, env, logger, t)
	if err != nil {
		return nil, err
	}
	// A person waits in front of this; a server that is up answers in milliseconds.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if c.Client, err = client.DialContext(ctx, c.options); err != nil {
		c.keys.stop()
		return nil, fmt.Errorf("connect to Temporal at %s, namespace %s: %w", c.Address, c.Namespace, err)
	}
	return c, nil
}

// DialLater is DialWith for a program that has something to do while Temporal is away: it connects at the first call, and
// fails only if the settings are wrong or a key cannot be read.
func DialLater(env func(string) string, logger *zap.Logger, t *telemetry.Telemetry) (*Connection, error) {
	c, err := newConnection(context.Background(), env, logger, t)
	if err != nil {
		return nil, err
	}
	if c.Client, err = client.NewLazyClient(c.options); err != nil {
		c.keys.stop()
		return nil, fmt.Errorf("make the client for Temporal at %s, namespace %s: %w", c.Address, c.Namespace, err)
	}
	return c, nil
}

// Close ends the connection.
func (c *Connection) Close() {
	c.keys.stop()
	c.Client.Close()
}

// newConnection is everything but the client.
func newConnection(ctx context.Context, env func(string) string, logger *zap.Logger, t *telemetry.Telemetry) (*Connection, error) {
	options, err := clientOptions(env, logger)
	if err != nil {
		return nil, err
	}
	if t != nil {
		if err := t.Instrument(&options); err != nil {
			return nil, err
		}
	}
	keys, err := openKeyring(ctx, env, logger)
	if err != nil {
		return nil, err
	}
	options.DataConverter, options.FailureConverter = keys.converters(options.Namespace)
	return &Connection{Address: options.HostPort, Namespace: options.Namespace, UI: UI(env), options: options, keys: keys, telemetry: t}, nil
}

// forWorker is a client for a worker, which must not go on where it cannot read a payload; see codec.Codec.Strict. The
// function it returns closes the client, which leaves the connection open.
func (c *Connection) forWorker() (client.Client, func(), error) {
	if c.keys == nil {
		return c.Client, func() {}, nil
	}
	options := c.options
	options.DataConverter, options.FailureConverter = c.keys.strictConverters(c.Namespace)
	own, err := client.NewClientFromExisting(c.Client, options)
	if err != nil {
		return nil, nil, fmt.Errorf("make the worker's client for Temporal at %s, namespace %s: %w", c.Address, c.Namespace, err)
	}
	return own, own.Close, nil
}

func clientOptions(env func(string) string, logger *zap.Logger) (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: lookup(env)})
	if err != nil {
		return client.Options{}, fmt.Errorf("read the Temporal settings: %w", err)
	}
	options.Logger = TemporalLogger(logger)
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	// A server that is spoken to without TLS is next door, where what travels costs less than compressing it, on both sides: a
	// twentieth of the processor time of a crowd of runs went into that.
	if options.ConnectionOptions.TLS == nil && options.Credentials == nil {
		options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	return options, nil
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
