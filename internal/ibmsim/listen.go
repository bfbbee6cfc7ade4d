package ibmsim

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves a Cloud on one port that speaks plain HTTP and TLS alike: IBM's SDKs take an http base URL, but
// Kubernetes clients drop every credential of a kubeconfig whose server is not https. The kubeconfigs it hands out name
// https and carry its certificate.
type Server struct {
	http      *http.Server
	tls       *tls.Config
	authority *authority
}

// NewServer makes a server with a certificate of its own for loopback.
func NewServer(c *Cloud) (*Server, error) { return newServer(c) }

func newServer(h http.Handler) (*Server, error) {
	a, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("make the simulator's certificate: %w", err)
	}
	return serverOf(h, a), nil
}

func serverOf(h http.Handler, a *authority) *Server {
	// net/http does not see the TLS of a bothConn. It sees that a client begins with HTTP/2, which ours only do where TLS
	// has agreed on it, as API servers of Kubernetes do.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &Server{
		authority: a,
		tls: &tls.Config{
			Certificates: []tls.Certificate{a.serving()}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"},
		},
		http: &http.Server{
			Handler:           h,
			Protocols:         &protocols,
			ReadHeaderTimeout: 10 * time.Second, // clients on loopback send their headers at once
			BaseContext: func(net.Listener) context.Context {
				return context.WithValue(context.Background(), authorityKey{}, a)
			},
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connectionKey{}, c)
			},
		},
	}
}

// Service makes a server for one API alone (see Cloud.Service) with the same certificate.
func (s *Server) Service(c *Cloud, name string) (*Server, error) {
	h, err := c.Service(name)
	if err != nil {
		return nil, err
	}
	return serverOf(h, s.authority), nil
}

// Certificate is the PEM certificate to trust when talking TLS.
func (s *Server) Certificate() []byte { return s.authority.pem }

// Serve serves until Close and then returns http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error { return s.http.Serve(bothListener{l, s.tls}) }

// Close ends the server at once and cuts off requests under way.
func (s *Server) Close() error { return s.http.Close() }

// bothListener hands out connections that find out by the client's first byte whether it speaks TLS.
type bothListener struct {
	net.Listener
	tls *tls.Config
}

func (l bothListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &bothConn{Conn: conn, tls: l.tls}, nil
}

type bothConn struct {
	net.Conn
	tls  *tls.Config
	once sync.Once
	in   net.Conn
	err  error
}

// recordTypeHandshake begins every TLS connection (RFC 8446, section 5.1) and no HTTP request.
const recordTypeHandshake = 0x16

// decide waits for the first byte; the server always reads before it writes.
func (c *bothConn) decide() {
	buffered := &peekedConn{Conn: c.Conn, r: bufio.NewReader(c.Conn)}
	first, err := buffered.r.Peek(1)
	switch {
	case err != nil:
		c.err = err
	case first[0] == recordTypeHandshake:
		c.in = tls.Server(buffered, c.tls)
	default:
		c.in = buffered
	}
}

func (c *bothConn) Read(p []byte) (int, error) {
	c.once.Do(c.decide)
	if c.err != nil {
		return 0, c.err
	}
	return c.in.Read(p)
}

func (c *bothConn) Write(p []byte) (int, error) {
	c.once.Do(c.decide)
	if c.err != nil {
		return 0, c.err
	}
	return c.in.Write(p)
}

// state is nil while the connection speaks plain HTTP. Whoever asks has read from it, so it is decided.
func (c *bothConn) state() *tls.ConnectionState {
	c.once.Do(c.decide)
	secure, ok := c.in.(*tls.Conn)
	if !ok {
		return nil
	}
	state := secure.ConnectionState()
	return &state
}

type peekedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *peekedConn) Read(p []byte) (int, error) { return c.r.Read(p) }
