package door

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// How long a connection may take for each part of a request, and how long requests under way may go on after the door
// was told to close: an event takes its patience at most, and Kubernetes gives a pod 30 seconds to end.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	drain         = 20 * time.Second
	largestHeader = 16 << 10
)

// Serve answers requests on a listener and applies the queue, until the context ends and the requests under way are
// answered. It returns nil then. Without a TLS configuration it speaks plain HTTP, for a proxy in front of it.
func (d *Door) Serve(ctx context.Context, listener net.Listener, secure *tls.Config) error {
	log, err := zap.NewStdLogAt(d.logger, zap.WarnLevel)
	if err != nil {
		return fmt.Errorf("make the log of the HTTP server: %w", err)
	}
	server := &http.Server{Handler: d.Handler(), ErrorLog: log, TLSConfig: secure, MaxHeaderBytes: largestHeader,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { d.Work(work) })
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- server.ServeTLS(listener, "", "")
			return
		}
		ended <- server.Serve(listener)
	}()
	select {
	case err = <-ended:
		err = fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
		d.logger.Info("the door closes", zap.Duration("within", drain))
		stop() // what is in the queue stays there for the next process
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err = server.Shutdown(limit); errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(fmt.Errorf("requests were still under way after %s", drain), server.Close())
		}
	}
	stop()
	group.Wait()
	return err
}

// Certificate is a TLS configuration with the certificate and key of two PEM files. They are read again when they have
// changed, so a renewed certificate is picked up without a restart; one that cannot be used leaves the old one in place.
func Certificate(certFile, keyFile string) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex
	pair    *tls.Certificate
	changed time.Time
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := latest(c.certFile, c.keyFile)
	if c.pair != nil && changed.Equal(c.changed) {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil && c.pair != nil {
		return c.pair, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s and its key %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair, c.changed = &pair, changed
	return c.pair, nil
}

// latest is when one of the files was last changed. One that cannot be read counts as never.
func latest(files ...string) time.Time {
	var last time.Time
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
