package kubernetes_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"offboard/internal/ibmsim/clock"
	"offboard/internal/ibmsim/kube"
	"offboard/internal/kubernetes/kubetest"
)

// simulated is a simulated cluster, on a clock that only the test moves.
type simulated struct {
	*kube.Server
	c       *cluster
	clock   *clock.Virtual
	private *httptest.Server
	admin   tls.Certificate // of a client
}

const podStart, podStop = 4 * time.Second, 2 * time.Second

var simulatedUsers = map[string]kube.User{
	kubetest.Admin:    {Name: kubetest.Admin, Groups: []string{"system:masters"}},
	kubetest.Somebody: {Name: kubetest.Somebody},
	"observer":        {Name: "observer", Groups: []string{"system:masters"}},
}

func newSimulated(t *testing.T, c *cluster) backend {
	s := &simulated{c: c, clock: clock.NewVirtual(time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)), admin: selfSigned(t, kubetest.Admin)}
	s.Server = kube.New(kube.Options{
		Clock: s.clock, Version: "v1.32.5+IKS", PodStart: podStart, PodStop: podStop, Seed: 1,
		Authorize: s.authorize,
		OnChange: func(change kube.Change) {
			if change.User != "observer" {
				c.note(change.Verb + " " + change.Resource + " " + change.Namespace + "/" + change.Name)
			}
		},
	})
	known := x509.NewCertPool()
	known.AddCert(s.admin.Leaf)
	c.frozen, c.door.TLS = true, &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: known, MinVersion: tls.VersionTLS12}
	s.private = httptest.NewServer(s.Server)
	t.Cleanup(s.private.Close)
	return s
}

func (s *simulated) authorize(r *http.Request) (kube.User, bool) {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		user, ok := simulatedUsers[r.TLS.PeerCertificates[0].Subject.CommonName]
		return user, ok
	}
	user, ok := simulatedUsers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer the-token-of-")]
	return user, ok
}

func (s *simulated) token(user string) string { return "the-token-of-" + user }

func (s *simulated) observer() *rest.Config {
	return &rest.Config{Host: s.private.URL, BearerToken: s.token("observer")}
}

func (s *simulated) kubeconfig(name string) []byte {
	if name != kubetest.AdminCertificate {
		return s.c.atDoor(s.token(name))
	}
	key, err := x509.MarshalECPrivateKey(s.admin.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(s.c.t, err)
	return kubeconfigOf(s.c.t, s.c.door.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.c.door.Certificate().Raw}), &api.AuthInfo{
		ClientCertificateData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.admin.Leaf.Raw}),
		ClientKeyData:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}),
	})
}

func (s *simulated) create(objs []object) {
	s.c.t.Helper()
	for _, o := range objs {
		require.NoError(s.c.t, s.Create(o))
	}
	s.Settle()
}

func (s *simulated) steer(workload, annotation, value string) {
	s.c.t.Helper()
	switch annotation {
	case kubetest.NeverReady:
		s.SetNeverReady("kube-system", workload, value)
	case kubetest.Reverting:
		after, err := time.ParseDuration(value)
		require.NoError(s.c.t, err)
		s.SetReverting("kube-system", workload, after)
	case kubetest.Lingering: // as every pod does until the clock is moved
	}
}

func (s *simulated) setUnreachable(on bool) { s.SetUnreachable(on) }

func (s *simulated) now() time.Time          { return s.clock.Now() }
func (s *simulated) pass()                   { s.clock.Advance(time.Second) }
func (s *simulated) quiet()                  { s.clock.Advance(time.Hour) }
func (s *simulated) podStart() time.Duration { return podStart }

// selfSigned is the certificate of a client.
func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	text := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, text, text, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
