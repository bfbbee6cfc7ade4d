package notify_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
)

// certificate makes one for this machine, and the pool that trusts it.
func certificate(t *testing.T, names []string, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smtp.acme.example"}, DNSNames: names,
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// delivered is a mail that the server took.
type delivered struct {
	from      string
	to        []string
	data      []byte
	encrypted bool
	login     string // as sent, decoded
}

// smtpServer is a small mail server: EHLO, STARTTLS, AUTH PLAIN and LOGIN, one transaction at a time.
type smtpServer struct {
	listener net.Listener
	tls      *tls.Config
	implicit bool
	starttls bool
	auth     string // the mechanisms it offers once encrypted; empty: no login
	password string
	// answers replaces the answer to a command line, by its beginning in upper case, once for each entry. "cut" closes the
	// connection.
	answers map[string][]string

	mu    sync.Mutex
	taken []delivered
	seen  []string // every command, without what follows AUTH
	open  int      // connections
}

func newSMTPServer(t *testing.T, change func(*smtpServer)) (*smtpServer, *x509.CertPool) {
	t.Helper()
	cert, pool := certificate(t, []string{"localhost"}, time.Now().Add(time.Hour))
	s := &smtpServer{tls: &tls.Config{Certificates: []tls.Certificate{cert}}, starttls: true, answers: map[string][]string{}}
	if change != nil {
		change(s)
	}
	var err error
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open++
			s.mu.Unlock()
			running.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		s.listener.Close()
		running.Wait() // hangs if a client leaves a connection open
	})
	return s, pool
}

// settings lead to the server.
func (s *smtpServer) settings() notify.Email {
	e := notify.Email{Host: "localhost", Port: s.listener.Addr().(*net.TCPAddr).Port, From: "Offboard <offboard@acme.example>", To: []string{"ops@acme.example", "Security Desk <security@acme.example>"}}
	if s.implicit {
		e.TLS = notify.TLSImplicit
	}
	return e
}

func (s *smtpServer) mails() []delivered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func (s *smtpServer) commands() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.seen, "\n")
}

// scripted is the answer that the test wants to a command, if any.
func (s *smtpServer) scripted(line string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown, _, _ := strings.Cut(line, "AUTH PLAIN ")
	s.seen = append(s.seen, shown)
	for beginning, list := range s.answers {
		if len(list) > 0 && strings.HasPrefix(strings.ToUpper(line), beginning) {
			s.answers[beginning] = list[1:]
			return list[0]
		}
	}
	return ""
}

// session is one conversation.
type session struct {
	server    *smtpServer
	conn      net.Conn
	text      *textproto.Reader
	encrypted bool
	mail      delivered
}

func (s *smtpServer) serve(conn net.Conn) {
	c := &session{server: s, conn: conn}
	defer func() { c.conn.Close() }()
	if s.implicit {
		c.encrypt()
	}
	c.text = textproto.NewReader(bufio.NewReader(c.conn))
	if c.say("220 smtp.acme.example ESMTP") != nil {
		return
	}
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			return
		}
		answer := s.scripted(line)
		if answer == "cut" {
			return
		}
		if answer != "" {
			if c.say(answer) != nil {
				return
			}
			continue
		}
		if !c.handle(line) {
			return
		}
	}
}

func (c *session) say(text string) error {
	_, err := fmt.Fprintf(c.conn, "%s\r\n", text)
	return err
}

func (c *session) encrypt() {
	c.conn, c.encrypted = tls.Server(c.conn, c.server.tls), true
	c.text = textproto.NewReader(bufio.NewReader(c.conn))
}

// handle answers one command and tells whether the conversation goes on.
func (c *session) handle(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		return c.say(c.greeting()) == nil
	case "STARTTLS":
		if c.say("220 go ahead") != nil {
			return false
		}
		c.encrypt()
		return true
	case "AUTH":
		return c.login(rest)
	case "MAIL":
		c.mail.from, c.mail.to = between(rest), nil
	case "RCPT":
		c.mail.to = append(c.mail.to, between(rest))
	case "DATA":
		return c.data()
	case "NOOP", "RSET":
	case "QUIT":
		_ = c.say("221 bye")
		return false
	default:
		return c.say("500 what?") == nil
	}
	return c.say("250 ok") == nil
}

func (c *session) greeting() string {
	lines := []string{"250-smtp.acme.example"}
	if c.server.starttls && !c.encrypted {
		lines = append(lines, "250-STARTTLS")
	}
	if c.server.auth != "" && c.encrypted {
		lines = append(lines, "250-AUTH "+c.server.auth)
	}
	return strings.Join(append(lines, "250 8BITMIME"), "\r\n")
}

func (c *session) login(rest string) bool {
	mechanism, first, _ := strings.Cut(rest, " ")
	decode := func(text string) string {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "not base64"
		}
		return string(data)
	}
	switch mechanism {
	case "PLAIN":
		c.mail.login = strings.ReplaceAll(strings.TrimPrefix(decode(first), "\x00"), "\x00", ":")
	case "LOGIN":
		var parts []string
		for _, prompt := range []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"} {
			if c.say("334 "+prompt) != nil {
				return false
			}
			line, err := c.text.ReadLine()
			if err != nil {
				return false
			}
			parts = append(parts, decode(line))
		}
		c.mail.login = strings.Join(parts, ":")
	}
	if _, password, _ := strings.Cut(c.mail.login, ":"); password != c.server.password {
		// Some servers repeat what they got.
		return c.say("535 5.7.8 not "+c.mail.login) == nil
	}
	return c.say("235 welcome") == nil
}

func (c *session) data() bool {
	if c.say("354 go on") != nil {
		return false
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, c.text.DotReader()); err != nil {
		return false
	}
	c.server.mu.Lock()
	answer := ""
	if list := c.server.answers["."]; len(list) > 0 {
		answer, c.server.answers["."] = list[0], list[1:]
	}
	c.mail.data, c.mail.encrypted = b.Bytes(), c.encrypted
	if answer == "" || answer == "cut" {
		c.server.taken = append(c.server.taken, c.mail)
	}
	c.server.mu.Unlock()
	if answer == "cut" {
		return false
	}
	if answer == "" {
		answer = "250 queued"
	}
	return c.say(answer) == nil
}

// between is what stands in angle brackets.
func between(text string) string {
	_, text, _ = strings.Cut(text, "<")
	text, _, _ = strings.Cut(text, ">")
	return text
}
