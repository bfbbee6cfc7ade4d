package door_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

// open serves a door until the test ends or stop is called; ended gives what Serve returned.
func open(t *testing.T, d *door.Door, secure *tls.Config) (address string, stop func(), ended chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended = make(chan error, 1)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ended <- d.Serve(ctx, listener, secure)
	}()
	t.Cleanup(func() { cancel(); <-closed })
	return listener.Addr().String(), cancel, ended
}

func TestServeAnswersWhatIsUnderWayBeforeItCloses(t *testing.T) {
	e := newEngine()
	reached, gate := make(chan struct{}), make(chan struct{})
	e.waits = func(context.Context, string) error { close(reached); <-gate; return nil }
	address, stop, ended := open(t, newDoor(t, e, withWebhook), nil)
	r := signed(t, oldSecret, "1", now(), requested(now()))
	r.URL.Scheme, r.URL.Host, r.RequestURI = "http", address, ""
	status := make(chan int, 1)
	go func() {
		answer, err := http.DefaultClient.Do(r)
		if assert.NoError(t, err) {
			answer.Body.Close()
			status <- answer.StatusCode
		}
	}()
	<-reached
	stop()
	assert.Empty(t, ended, "a request is under way")
	close(gate)
	assert.Equal(t, http.StatusAccepted, <-status)
	assert.NoError(t, <-ended)
	_, err := net.Dial("tcp", address)
	assert.Error(t, err)
}

func TestServeAppliesWhatIsInTheQueue(t *testing.T) {
	e := newEngine()
	path := filepath.Join(t.TempDir(), "door.db")
	store, err := door.OpenStore(path)
	require.NoError(t, err)
	s := newServer(t, e, withOkta, func(c *door.Config) { c.Store = store })
	s.do(t, oktaDelivery(t))
	require.NoError(t, store.Close())
	open(t, newDoor(t, e, withOkta, func(c *door.Config) { c.Store = openStore(t, path) }), nil)
	eventually(t, "the run starts", func() bool { return e.started()[leaver] == 1 })
}

func TestServeOnAListenerThatIsClosed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	assert.ErrorContains(t, newDoor(t, newEngine()).Serve(t.Context(), listener, nil), listener.Addr().String())
}

// A header without end does not take memory without end.
func TestServeBoundsHeaders(t *testing.T) {
	address, _, _ := open(t, newDoor(t, newEngine(), withWebhook), nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/webhooks/hr", strings.NewReader("{}"))
	require.NoError(t, err)
	r.Header.Set("webhook-signature", strings.Repeat("v1,AAAA ", 64<<10))
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
}

// writeCertificate writes a certificate for 127.0.0.1 and its key, and returns what trusts it.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: now().Add(-time.Hour), NotAfter: now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, certificate, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	later := now().Add(time.Duration(serial) * time.Minute) // clocks of files are coarse
	require.NoError(t, os.Chtimes(certFile, later, later))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

func TestServeWithACertificateThatIsRenewed(t *testing.T) {
	certFile, keyFile := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	_, err := door.Certificate(certFile, keyFile)
	assert.ErrorContains(t, err, certFile)
	trusted := writeCertificate(t, certFile, keyFile, 1)
	secure, err := door.Certificate(certFile, keyFile)
	require.NoError(t, err)
	address, _, _ := open(t, newDoor(t, newEngine()), secure)
	ask := func(pool *x509.CertPool) (*big.Int, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/livez", nil)
		require.NoError(t, err)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		assert.Equal(t, "ok\n", string(body))
		return answer.TLS.PeerCertificates[0].SerialNumber, err
	}
	serial, err := ask(trusted)
	require.NoError(t, err)
	assert.EqualValues(t, 1, serial.Int64())

	renewed := writeCertificate(t, certFile, keyFile, 2)
	serial, err = ask(renewed)
	require.NoError(t, err)
	assert.EqualValues(t, 2, serial.Int64())

	require.NoError(t, os.WriteFile(certFile, []byte("half written"), 0o600))
	serial, err = ask(renewed)
	require.NoError(t, err, "one that cannot be used leaves the old one in place")
	assert.EqualValues(t, 2, serial.Int64())
}
