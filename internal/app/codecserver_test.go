package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"offboard/internal/codec"
)

const (
	uiOrigin    = "https://temporal.acme.example"
	janesToken  = "the-token-of-jane-0123456789"
	proxySecret = "the-secret-of-the-proxy-0123456789"
)

func written(value string) Secret {
	return NewSecret("test", nil, func(context.Context) (string, error) { return value, nil })
}

// codecBench is a codec server, its log and the keys it has.
type codecBench struct {
	*httptest.Server
	keys *codec.Keyset
	logs *observer.ObservedLogs
}

func serveCodec(t *testing.T, change func(*CodecServerConfig)) codecBench {
	t.Helper()
	key, err := codec.NewKey("a", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	require.NoError(t, err)
	keys, err := codec.NewKeyset(nil, key)
	require.NoError(t, err)
	config := CodecServerConfig{
		Origins: []string{uiOrigin}, Namespaces: []string{"hr", "hr-test"},
		People: []CodecPerson{{Name: "jane@acme.example", Token: written(janesToken)}, {Name: "joe@acme.example", Token: written("the-token-of-joe-0123456789")}},
		Proxy:  CodecProxy{Header: "X-Forwarded-Email", SecretHeader: "X-Proxy-Secret", Secret: written(proxySecret)},
	}
	if change != nil {
		change(&config)
	}
	core, logs := observer.New(zap.DebugLevel)
	b := codecBench{Server: httptest.NewServer(NewCodecServer(config, keys, zap.New(core)).Handler()), keys: keys, logs: logs}
	t.Cleanup(b.Close)
	return b
}

// ask sends one request; headers are name and value by turns.
func (b codecBench) ask(t *testing.T, method, path, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.Client().Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, answer.Header, string(text)
}

// jane are the headers of a good request.
func jane(more ...string) []string {
	return append([]string{"Authorization", "Bearer " + janesToken, "Content-Type", "application/json", "X-Namespace", "hr"}, more...)
}

// sealed is a request body with one payload that is encrypted.
func (b codecBench) sealed(t *testing.T, namespace, text string) string {
	t.Helper()
	p, err := b.keys.Codec(namespace).Converter().ToPayload(text)
	require.NoError(t, err)
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`{"payloads":[{"metadata":{"encoding":%q,"encryption-key-id":%q},"data":%q}]}`,
		encode(p.GetMetadata()["encoding"]), encode(p.GetMetadata()[codec.KeyIDField]), encode(p.GetData()))
}

func TestTheSDKsOwnRemoteCodecWorksWithIt(t *testing.T) {
	b := serveCodec(t, nil)
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: b.URL, Client: *b.Client(), ModifyRequest: func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+janesToken)
		r.Header.Set("X-Namespace", "hr")
		return nil
	}})
	in, err := converter.GetDefaultDataConverter().ToPayload(map[string]string{"user": "leaver@acme.example"})
	require.NoError(t, err)
	sealed, err := remote.Encode([]*commonpb.Payload{in})
	require.NoError(t, err)
	assert.True(t, codec.Encrypted(sealed[0]))
	opened, err := b.keys.Codec("hr").Decode(sealed)
	require.NoError(t, err)
	assert.Equal(t, string(in.GetData()), string(opened[0].GetData()))
	again, err := remote.Decode([]*commonpb.Payload{sealed[0], in})
	require.NoError(t, err)
	require.Len(t, again, 2)
	assert.Equal(t, string(in.GetData()), string(again[0].GetData()))
	assert.Equal(t, string(in.GetData()), string(again[1].GetData()), "what is not encrypted is passed through")
}

func TestOnlyThoseWhoProveThemselvesAreAnswered(t *testing.T) {
	b := serveCodec(t, nil)
	body := b.sealed(t, "hr", "leaver@acme.example")
	for _, test := range []struct {
		name    string
		headers []string
		status  int
		who     string
	}{
		{"a person", jane(), 200, "jane@acme.example"},
		{"another person", jane("Authorization", "bearer the-token-of-joe-0123456789"), 200, "joe@acme.example"},
		{"through the proxy", jane("Authorization", "", "X-Forwarded-Email", "kim@acme.example", "X-Proxy-Secret", proxySecret), 200, "kim@acme.example"},
		{"nobody", jane("Authorization", ""), 401, ""},
		{"a wrong token", jane("Authorization", "Bearer the-token-of-jane-0123456788"), 401, ""},
		{"the beginning of a token", jane("Authorization", "Bearer the-token-of-jane"), 401, ""},
		{"an empty token", jane("Authorization", "Bearer "), 401, ""},
		{"another scheme", jane("Authorization", "Basic "+janesToken), 401, ""},
		{"no proxy", jane("Authorization", "", "X-Forwarded-Email", "kim@acme.example"), 401, ""},
		{"a wrong proxy", jane("Authorization", "", "X-Forwarded-Email", "kim@acme.example", "X-Proxy-Secret", "x"), 401, ""},
		{"a proxy that says nobody", jane("Authorization", "", "X-Proxy-Secret", proxySecret), 401, ""},
	} {
		b.logs.TakeAll()
		status, header, text := b.ask(t, "POST", "/decode", body, test.headers...)
		assert.Equal(t, test.status, status, test.name)
		assert.Equal(t, test.status == 200, strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(`"leaver@acme.example"`))), test.name)
		if status == 401 {
			assert.Equal(t, "Bearer", header.Get("WWW-Authenticate"))
		}
		lines := b.logs.TakeAll()
		require.Len(t, lines, 1, test.name)
		assert.Equal(t, test.who, lines[0].ContextMap()["who"], test.name)
		assert.EqualValues(t, test.status, lines[0].ContextMap()["status"], test.name)
	}
}

func TestTheLineOfARequestSaysWhoAndNeverWhat(t *testing.T) {
	b := serveCodec(t, nil)
	b.ask(t, "POST", "/decode", b.sealed(t, "hr", "leaver@acme.example"), jane("Origin", uiOrigin)...)
	b.ask(t, "POST", "/encode", `{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"ImxlYXZlckBhY21lLmV4YW1wbGUi"}]}`, jane()...)
	lines := b.logs.TakeAll()
	require.Len(t, lines, 2)
	for i, operation := range []string{"decode", "encode"} {
		said := lines[i].ContextMap()
		assert.Equal(t, operation, said["operation"])
		assert.Equal(t, "jane@acme.example", said["who"])
		assert.Equal(t, "hr", said["namespace"])
		assert.EqualValues(t, 1, said["payloads"])
		assert.EqualValues(t, 1-i, said["encrypted"])
		for _, secret := range []string{"leaver", "ImxlYXZl", janesToken} {
			assert.NotContains(t, fmt.Sprint(said), secret)
		}
	}
	assert.Equal(t, uiOrigin, lines[0].ContextMap()["origin"])
}

func TestOnlyTheWebUIsOriginMayCall(t *testing.T) {
	b := serveCodec(t, nil)
	body := b.sealed(t, "hr", "leaver@acme.example")
	status, header, _ := b.ask(t, "OPTIONS", "/decode", "", "Origin", uiOrigin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,x-namespace")
	assert.Equal(t, 204, status)
	assert.Equal(t, uiOrigin, header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "true", header.Get("Access-Control-Allow-Credentials"))
	assert.Equal(t, "POST", header.Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "Authorization, Content-Type, X-Namespace", header.Get("Access-Control-Allow-Headers"))
	assert.Equal(t, "Origin", header.Get("Vary"))
	status, header, _ = b.ask(t, "POST", "/decode", body, jane("Origin", uiOrigin)...)
	assert.Equal(t, 200, status)
	assert.Equal(t, uiOrigin, header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "no-store", header.Get("Cache-Control"))

	for _, origin := range []string{"https://evil.example", "null", uiOrigin + ".evil.example", "http://temporal.acme.example", uiOrigin + ":8443", uiOrigin + "/"} {
		for _, method := range []string{"OPTIONS", "POST"} {
			status, header, text := b.ask(t, method, "/decode", body, jane("Origin", origin)...)
			assert.Equal(t, 403, status, origin)
			assert.Empty(t, header.Get("Access-Control-Allow-Origin"), origin)
			assert.NotContains(t, text, "payloads")
		}
	}
	status, header, _ = b.ask(t, "POST", "/decode", body, "Origin", uiOrigin, "Content-Type", "application/json")
	assert.Equal(t, 401, status)
	assert.Equal(t, uiOrigin, header.Get("Access-Control-Allow-Origin"), "the page may read why it was refused")
}

func TestWhatIsWrongWithARequestIsSaid(t *testing.T) {
	b := serveCodec(t, nil)
	body := b.sealed(t, "hr", "leaver@acme.example")
	for _, test := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		says                     string
	}{
		{"no namespace", "POST", "/decode", body, jane("X-Namespace", ""), 400, "X-Namespace is missing"},
		{"a namespace that is not served", "POST", "/decode", body, jane("X-Namespace", "payroll"), 403, "not served"},
		{"the payload of another namespace", "POST", "/decode", body, jane("X-Namespace", "hr-test"), 400, "another namespace"},
		{"a key nobody has", "POST", "/decode", strings.Replace(body, `"YQ=="`, `"Yg=="`, 1), jane(), 400, `the key "b", which is not configured`},
		{"no JSON", "POST", "/decode", "payloads", jane(), 400, "syntax"},
		{"another type", "POST", "/decode", body, jane("Content-Type", "text/plain"), 415, "application/json"},
		{"too much", "POST", "/decode", strings.Repeat(" ", largestBody+1), jane(), 413, "too large"},
		{"another method", "GET", "/decode", "", jane(), 405, ""},
		{"another path", "POST", "/decode/all", body, jane(), 404, ""},
	} {
		status, _, text := b.ask(t, test.method, test.path, test.body, test.headers...)
		assert.Equal(t, test.status, status, test.name)
		assert.Contains(t, text, test.says, test.name)
		assert.NotContains(t, text, "leaver", test.name)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		status, _, _ := b.ask(t, "GET", path, "")
		assert.Equal(t, 200, status, "probes need no token")
	}
}

func TestASecretThatCannotBeReadIsNotTheCallersFault(t *testing.T) {
	b := serveCodec(t, func(c *CodecServerConfig) {
		c.People[0].Token = NewSecret("file:absent", nil, fromFile(filepath.Join(t.TempDir(), "absent")))
		c.Proxy = CodecProxy{}
	})
	status, _, _ := b.ask(t, "POST", "/decode", `{}`, jane()...)
	assert.Equal(t, 503, status)
	status, _, _ = b.ask(t, "POST", "/decode", `{}`, jane("Authorization", "Bearer the-token-of-joe-0123456789")...)
	assert.Equal(t, 200, status, "somebody else's can")
}

func TestAnOpenServerStillKnowsItsOrigins(t *testing.T) {
	b := serveCodec(t, func(c *CodecServerConfig) { c.People, c.Proxy, c.Open = nil, CodecProxy{}, true })
	body := b.sealed(t, "hr", "leaver@acme.example")
	headers := []string{"Content-Type", "application/json", "X-Namespace", "hr"}
	status, _, _ := b.ask(t, "POST", "/decode", body, headers...)
	assert.Equal(t, 200, status)
	assert.Equal(t, "anybody", b.logs.All()[0].ContextMap()["who"])
	status, _, _ = b.ask(t, "POST", "/decode", body, append(headers, "Origin", "https://evil.example")...)
	assert.Equal(t, 403, status)
}

// certificate writes a certificate for this machine and its key.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.crt"), public, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(public))
	return pool
}

func TestOpenedByItsConfigurationUntilItIsToldToStop(t *testing.T) {
	dir := t.TempDir()
	keyFile(t, dir, "a", 1)
	pool := certificate(t, dir)
	file := filepath.Join(dir, "offboard.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(`
encryption:
  keys: [{id: a, key: "file:DIR/a"}]
  server:
    listen: 127.0.0.1:0
    tls: {certificate: DIR/tls.crt, key: DIR/tls.key}
    origins: [https://temporal.acme.example]
    people: [{name: jane@acme.example, token: env:JANE}]
`, "DIR", dir)), 0o600))
	env := func(name string) string {
		return map[string]string{"OFFBOARD_CONFIG": file, "JANE": janesToken, "TEMPORAL_NAMESPACE": "hr", "TEMPORAL_CONFIG_FILE": os.DevNull}[name]
	}
	ctx, stop := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- OpenCodecServer(ctx, env, zap.NewNop(), func(at string) { address <- at }) }()
	at := <-address
	require.True(t, strings.HasPrefix(at, "https://127.0.0.1:"), at)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer web.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/encode", strings.NewReader(`{"payloads":[{}]}`))
	require.NoError(t, err)
	r.Header = http.Header{"Authorization": {"Bearer " + janesToken}, "Content-Type": {"application/json"}, "X-Namespace": {"hr"}}
	answer, err := web.Do(r)
	require.NoError(t, err)
	answer.Body.Close()
	assert.Equal(t, 200, answer.StatusCode)
	stop()
	require.NoError(t, <-ended)
}

func TestACodecServerNeedsItsSection(t *testing.T) {
	dir := t.TempDir()
	keyFile(t, dir, "a", 1)
	bare := filepath.Join(dir, "bare.yaml")
	require.NoError(t, os.WriteFile(bare, []byte("reports: {directory: /var/lib/offboard}\n"), 0o600))
	for _, test := range []struct {
		says string
		env  func(string) string
	}{
		{"no configuration file is named", func(string) string { return "" }},
		{"without the section encryption,", func(name string) string { return map[string]string{"OFFBOARD_CONFIG": bare}[name] }},
		{"without the section encryption.server", encryptWith(t, dir, "a")},
	} {
		err := OpenCodecServer(t.Context(), test.env, zap.NewNop(), func(string) { t.Error("it listens") })
		require.ErrorContains(t, err, test.says)
	}
}
