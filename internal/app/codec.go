package app

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"offboard/internal/codec"
)

const (
	// A new key is written into the configuration of every program before one of them encrypts with it; within this time
	// all of them have it.
	keyRefresh = time.Minute
	// A payload that names a key nobody has must not make a program ask for its keys without end.
	keyPause = 2 * time.Second
	// Secrets Manager takes a token and a request for each key.
	keyPatience = 30 * time.Second
)

// keyring holds the keys of a program and keeps them as the configuration has them. A nil one does not encrypt.
type keyring struct {
	keys     *codec.Keyset
	failures bool
	env      func(string) string
	logger   *zap.Logger
	missed   chan struct{} // a payload named a key there is not
	cancel   context.CancelFunc
	ended    chan struct{}
	trouble  string // the last one that was logged
}

// openKeyring reads the keys and follows their changes until stop. It is nil where nothing is to be encrypted: turning
// encryption on or off needs a restart.
func openKeyring(ctx context.Context, env func(string) string, logger *zap.Logger) (*keyring, error) {
	e, err := LoadEncryption(env)
	if err != nil {
		return nil, fmt.Errorf("read how payloads are encrypted: %w", err)
	}
	if len(e.Keys) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, keyPatience)
	defer cancel()
	keys, err := e.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keys that encrypt payloads: %w", err)
	}
	r := &keyring{failures: e.Failures, env: env, logger: logger, missed: make(chan struct{}, 1), ended: make(chan struct{})}
	if r.keys, err = codec.NewKeyset(r.miss, keys...); err != nil {
		return nil, fmt.Errorf("use the keys that encrypt payloads: %w", err)
	}
	logger.Debug("payloads are encrypted", zap.Strings("keys", r.keys.IDs()))
	life, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go r.follow(life)
	return r, nil
}

// miss asks for the keys to be read at once. It is called where payloads are read, so it does not wait.
func (r *keyring) miss(string) {
	select {
	case r.missed <- struct{}{}:
	default: // somebody asked already
	}
}

func (r *keyring) follow(ctx context.Context) {
	defer close(r.ended)
	tick := time.NewTicker(keyRefresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.missed:
		}
		r.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(keyPause):
		}
	}
}

// refresh reads the configuration and the keys again. What cannot be read changes nothing: the keys there are go on.
func (r *keyring) refresh(life context.Context) {
	ctx, cancel := context.WithTimeout(life, keyPatience)
	defer cancel()
	changed, err := r.load(ctx)
	switch {
	case life.Err() != nil: // the program ends
	case err != nil && err.Error() != r.trouble:
		r.trouble = err.Error()
		r.logger.Warn("the encryption keys could not be read again; those there are stay in use", zap.Error(err))
	case err == nil:
		r.trouble = ""
		if changed {
			r.logger.Info("the encryption keys have changed", zap.Strings("keys", r.keys.IDs()))
		}
	}
}

func (r *keyring) load(ctx context.Context) (changed bool, err error) {
	e, err := LoadEncryption(r.env)
	if err != nil {
		return false, err
	}
	keys, err := e.read(ctx)
	if err != nil {
		return false, err
	}
	return r.keys.Replace(keys...)
}

func (r *keyring) stop() {
	if r != nil {
		r.cancel()
		<-r.ended
	}
}

// converters are what a client encrypts with; nil means Temporal's own.
func (r *keyring) converters(namespace string) (converter.DataConverter, converter.FailureConverter) {
	if r == nil {
		return nil, nil
	}
	return r.convert(r.keys.Codec(namespace))
}

func (r *keyring) strictConverters(namespace string) (converter.DataConverter, converter.FailureConverter) {
	return r.convert(r.keys.Codec(namespace).Strict())
}

func (r *keyring) convert(c *codec.Codec) (converter.DataConverter, converter.FailureConverter) {
	data := c.Converter()
	return data, temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: r.failures})
}

// Converters are the data converter and the failure converter with which the payloads of a client are read and written.
// Both are nil for Temporal's own.
func Converters(c client.Client) (converter.DataConverter, converter.FailureConverter) {
	own, wrapped := c.(*Connection)
	if !wrapped {
		return nil, nil
	}
	return own.keys.converters(own.Namespace)
}

// dataConverter is the one of a client, never nil.
func dataConverter(c client.Client) converter.DataConverter {
	if data, _ := Converters(c); data != nil {
		return data
	}
	return converter.GetDefaultDataConverter()
}
