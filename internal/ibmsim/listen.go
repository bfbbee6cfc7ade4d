package ibmsim

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves a Cloud on one port that speaks plain HTTP and TLS alike: IBM's SDKs take an http base URL, but
// Kubernetes clients drop every credential of a kubeconfig whose server is not https. The kubeconfigs it hands out name
// https and carry its certificate.
type Server struct {
	http *http.Server
	tls  *tls.Config
}

// certificateKey is where a request's context has the PEM certificate of the listener it came in by.
type certificateKey struct{}

// NewServer makes a server with a certificate of its own for loopback.
func NewServer(c *Cloud) (*Server, error) {
	certificate, pemText, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("make the simulator's certificate: %w", err)
	}
	return &Server{
		tls: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		http: &http.Server{
			Handler:           c,
			ReadHeaderTimeout: 10 * time.Second, // clients on loopback send their headers at once
			BaseContext: func(net.Listener) context.Context {
				return context.WithValue(context.Background(), certificateKey{}, pemText)
			},
		},
	}, nil
}

// Serve serves until Close and then returns http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error { return s.http.Serve(bothListener{l, s.tls}) }

// Close ends the server at once and cuts off requests under way.
func (s *Server) Close() error { return s.http.Close() }

func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "simulated IBM Cloud"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pemText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pemText, nil
}

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

type peekedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *peekedConn) Read(p []byte) (int, error) { return c.r.Read(p) }
