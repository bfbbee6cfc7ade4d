package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"offboard/internal/codec"
	"offboard/internal/door"
	"offboard/internal/telemetry"
)

// CodecServer decrypts payloads for people who look at runs in the Web UI or with the temporal command, and encrypts what
// they send. It speaks Temporal's codec protocol: POST /decode and POST /encode, the namespace in the header X-Namespace.
// It says who asked in one line of the log for each request, and never what was in it.
type CodecServer struct {
	config CodecServerConfig
	keys   *codec.Keyset
	logger *zap.Logger
	told   *telemetry.Telemetry // nil: nobody is told
}

// NewCodecServer makes a codec server.
func NewCodecServer(config CodecServerConfig, keys *codec.Keyset, logger *zap.Logger) *CodecServer {
	return &CodecServer{config: config, keys: keys, logger: logger}
}

// OpenCodecServer serves what the configuration says until the context ends, then answers the requests under way. opened
// is told the address once it listens.
func OpenCodecServer(ctx context.Context, env func(string) string, logger *zap.Logger, opened func(address string)) error {
	config, err := LoadCodecServer(env)
	if err != nil {
		return err
	}
	keys, err := openKeyring(ctx, env, logger)
	if err != nil {
		return err
	}
	defer keys.stop()
	told, err := NewTelemetry(ctx, "codec-server", env, &Redactor{}, logger)
	if err != nil {
		return err
	}
	defer CloseTelemetry(ctx, told, logger)
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", config.Listen, err)
	}
	scheme := "http://"
	if config.Certificate != "" {
		secure, err := door.Certificate(config.Certificate, config.Key)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		listener, scheme = tls.NewListener(listener, secure), "https://"
	}
	s := NewCodecServer(config, keys.keys, logger)
	s.told = told
	h := newHealth(env(healthAddress), s.Handler(), told.Page())
	if err := h.start(); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer h.stop()
	opened(scheme + listener.Addr().String())
	return s.Serve(ctx, listener)
}

// Serve answers requests until the context ends, then those under way.
func (s *CodecServer) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(s.logger),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the codec: %w", err)
	case <-ctx.Done():
	}
	// No request takes longer than it may be read and written.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("stop the codec server: %w", err)
	}
	return nil
}

// Handler is the server as an HTTP handler.
func (s *CodecServer) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, probe := range []string{"GET /livez", "GET /readyz"} { // without keys it does not start, so it is ready while it lives
		mux.HandleFunc(probe, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	}
	for _, path := range []string{"/encode", "/decode"} {
		mux.HandleFunc("POST "+path, s.convert)
		mux.HandleFunc("OPTIONS "+path, s.preflight)
	}
	if s.told == nil {
		return mux
	}
	return watched(s.told, mux)
}

// preflight answers a browser that asks whether a page of another origin may call.
func (s *CodecServer) preflight(w http.ResponseWriter, r *http.Request) {
	if !s.allowOrigin(w, r) {
		http.Error(w, "this origin may not call", http.StatusForbidden)
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", http.MethodPost)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// allowOrigin tells whether a page of the request's origin may call, and tells the browser so. Requests without an origin
// come from no page.
func (s *CodecServer) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !slices.Contains(s.config.Origins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	// The cookie of an authenticating proxy in front.
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	return true
}

// refusal is why a request is not answered.
type refusal struct {
	status int
	text   string
}

// convert encodes or decodes.
func (s *CodecServer) convert(w http.ResponseWriter, r *http.Request) {
	begin, seen := time.Now(), &counted{ResponseWriter: w, status: http.StatusOK}
	who, err := "", error(nil)
	defer func() {
		level := zapcore.InfoLevel
		if seen.status >= 400 || err != nil {
			level = zapcore.WarnLevel
		}
		fields := []zap.Field{zap.String("operation", strings.TrimPrefix(r.URL.Path, "/")), zap.String("who", who),
			zap.String("namespace", r.Header.Get("X-Namespace")), zap.Int("payloads", seen.payloads), zap.Int("encrypted", seen.encrypted),
			zap.Int("status", seen.status), zap.Duration("took", time.Since(begin)), zap.String("from", r.RemoteAddr), zap.String("origin", r.Header.Get("Origin"))}
		if err != nil {
			fields = append(fields, zap.Error(err))
		}
		s.logger.Log(level, "converted payloads", fields...)
	}()
	if !s.allowOrigin(seen, r) {
		http.Error(seen, "this origin may not call", http.StatusForbidden)
		return
	}
	if who, err = s.caller(r); who == "" {
		status, text := http.StatusUnauthorized, "a bearer token is needed, or a proxy that says who asks"
		if err != nil {
			status, text = http.StatusServiceUnavailable, "the server cannot read one of its own secrets"
		}
		seen.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(seen, text, status)
		return
	}
	namespace, no := s.admissible(r)
	if no == nil {
		no = readWhole(seen, r)
	}
	if no != nil {
		http.Error(seen, no.text, no.status)
		return
	}
	seen.Header().Set("Cache-Control", "no-store")
	converter.NewPayloadCodecHTTPHandler(&counting{s.keys.Codec(namespace), seen}).ServeHTTP(seen, r)
}

// admissible checks what can be told before the body is read, and finds the namespace.
func (s *CodecServer) admissible(r *http.Request) (namespace string, no *refusal) {
	namespace = r.Header.Get("X-Namespace")
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "application/json":
		// No page of another origin can send this type without asking first.
		return "", &refusal{http.StatusUnsupportedMediaType, "the body must be application/json"}
	case namespace == "":
		return "", &refusal{http.StatusBadRequest, "the header X-Namespace is missing"}
	case !slices.Contains(s.config.Namespaces, namespace):
		return "", &refusal{http.StatusForbidden, "this namespace is not served here"}
	}
	return namespace, nil
}

// largestBody is more than any answer of Temporal's, which are at most 4 MiB, has in payloads written in base64.
const largestBody = 8 << 20

// readWhole puts the body into memory, where the SDK's handler would put it too, but without a limit.
func readWhole(w http.ResponseWriter, r *http.Request) *refusal {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &refusal{http.StatusRequestEntityTooLarge, "the body is too large"}
	}
	if err != nil {
		return &refusal{http.StatusBadRequest, "the body did not arrive as a whole"}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// caller is who asks; empty if nobody was shown to. Every token is compared, in a time that tells nothing of it. The
// error is for secrets that could not be read, and matters only if nobody was found.
func (s *CodecServer) caller(r *http.Request) (who string, err error) {
	if s.config.Open {
		return "anybody", nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var problems []error
	for _, p := range s.config.People {
		value, err := p.Token.Read(r.Context())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if equal(token, value) && strings.EqualFold(scheme, "Bearer") {
			who = p.Name
		}
	}
	if proxy := s.config.Proxy; who == "" && proxy.Header != "" {
		value, err := proxy.Secret.Read(r.Context())
		if err != nil {
			problems = append(problems, err)
		} else if equal(r.Header.Get(proxy.SecretHeader), value) {
			who = strings.TrimSpace(r.Header.Get(proxy.Header))
		}
	}
	return who, errors.Join(problems...)
}

// equal compares in a time that tells neither the content nor the length.
func equal(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// counted remembers what the line in the log says of an answer.
type counted struct {
	http.ResponseWriter
	status, payloads, encrypted int
}

// WriteHeader implements http.ResponseWriter.
func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// counting is a codec that counts.
type counting struct {
	*codec.Codec
	into *counted
}

// Encode implements converter.PayloadCodec.
func (c *counting) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	c.into.payloads = len(payloads)
	return c.Codec.Encode(payloads)
}

// Decode implements converter.PayloadCodec.
func (c *counting) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	c.into.payloads = len(payloads)
	for _, p := range payloads {
		if codec.Encrypted(p) {
			c.into.encrypted++
		}
	}
	return c.Codec.Decode(payloads)
}
