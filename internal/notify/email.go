package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"offboard/internal/offboard"
)

// TLS says how the connection to a mail server is encrypted.
type TLS string

// The ways.
const (
	TLSStartTLS TLS = "starttls" // a plain connection becomes an encrypted one before anything is said, or nothing is said
	TLSImplicit TLS = "implicit" // encrypted from the first byte
	TLSNone     TLS = "none"     // not encrypted; never with a login
)

// TLSWays are all of them.
func TLSWays() []TLS { return []TLS{TLSStartTLS, TLSImplicit, TLSNone} }

// Email sends notices by SMTP: to all recipients in one transaction, where one that the server refuses does not keep the
// others from theirs.
type Email struct {
	Host     string
	Port     int      // zero: 587, 465 or 25, as TLS is
	TLS      TLS      // empty: TLSStartTLS
	From     string   // with or without a name
	To       []string // at least one
	Username string   // empty: no login
	Password Secret   // nil without a login
}

// port is the one that is meant.
func (e Email) port() int {
	switch {
	case e.Port != 0:
		return e.Port
	case e.TLS == TLSImplicit:
		return mail.DefaultPortSSL
	case e.TLS == TLSNone:
		return mail.DefaultPort
	}
	return mail.DefaultPortTLS
}

type email struct {
	config Email
	from   *stdmail.Address
	to     []*stdmail.Address
	tls    *tls.Config
	told   memory // notice IDs with the address that got it
}

func newEmail(config Email, roots *x509.CertPool) (*email, error) {
	e := &email{config: config, tls: &tls.Config{ServerName: config.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}}
	if config.Host == "" || len(config.To) == 0 {
		return nil, errors.New("it needs a mail server and a recipient")
	}
	if config.Username != "" && (config.Password == nil || config.TLS == TLSNone) {
		return nil, errors.New("a login needs a password and an encrypted connection")
	}
	var err error
	if e.from, err = stdmail.ParseAddress(config.From); err != nil {
		return nil, fmt.Errorf("its sender %q is not an e-mail address", config.From)
	}
	for _, text := range config.To {
		address, err := stdmail.ParseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("its recipient %q is not an e-mail address", text)
		}
		e.to = append(e.to, address)
	}
	return e, nil
}

func (e *email) send(ctx context.Context, m message) *offboard.Error {
	letter, err := compose(m, e.from, e.to)
	if err != nil {
		return offboard.Errorf(offboard.Invalid, "", "the mail could not be written: %v", err)
	}
	line := &wire{tls: e.tls}
	if e.config.TLS != TLSImplicit {
		line.tls = nil // encrypted later or not at all
	}
	defer line.close()
	// The library works with time-outs of its own; this makes the end of the context the end of the conversation.
	defer context.AfterFunc(ctx, line.close)()
	server, failure := e.connect(ctx, line)
	if failure != nil {
		return failure
	}
	defer func() { _ = server.Quit() }() // how it says goodbye changes nothing
	return e.deliver(ctx, server, m.ID, letter)
}

// connect says hello, encrypts and logs in.
func (e *email) connect(ctx context.Context, line *wire) (*smtp.Client, *offboard.Error) {
	options := []mail.Option{mail.WithPort(e.config.port()), mail.WithDialContextFunc(line.dial), mail.WithTLSConfig(e.tls), mail.WithTLSPolicy(mail.TLSMandatory)}
	switch e.config.TLS {
	case TLSImplicit:
		options = append(options, mail.WithSSL())
	case TLSNone:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if end, ok := ctx.Deadline(); ok {
		options = append(options, mail.WithTimeout(max(time.Until(end), time.Millisecond)))
	}
	if e.config.Username != "" {
		password, err := e.config.Password.Read(ctx)
		if err != nil {
			return nil, offboard.Errorf(offboard.Unavailable, "", "%v", err)
		}
		options = append(options, mail.WithUsername(e.config.Username), mail.WithPassword(password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	client, err := mail.NewClient(e.config.Host, options...)
	if err != nil {
		return nil, offboard.Errorf(offboard.Invalid, "", "the connection to the mail server cannot be set up as configured")
	}
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, said(ctx, "connect", err)
	}
	return server, nil
}

// deliver sends the mail to everybody who has not got it yet.
func (e *email) deliver(ctx context.Context, server *smtp.Client, id string, letter *mail.Msg) *offboard.Error {
	if err := server.Mail(path(e.from)); err != nil {
		return said(ctx, "name the sender", err)
	}
	var accepted []string
	var refused *offboard.Error
	for _, to := range e.to {
		if e.told.has(id + " " + to.Address) {
			continue
		}
		err := server.Rcpt(path(to))
		if err == nil {
			accepted = append(accepted, to.Address)
			continue
		}
		failure := said(ctx, "name the recipient "+to.Address, err)
		if refused == nil || before(failure, refused) {
			refused = failure
		}
	}
	if len(accepted) == 0 {
		return refused
	}
	body, err := server.Data()
	if err != nil {
		return said(ctx, "begin the mail", err)
	}
	if _, err := letter.WriteTo(body); err != nil {
		return said(ctx, "send the mail", err)
	}
	if err := body.Close(); err != nil {
		return said(ctx, "end the mail", err)
	}
	for _, address := range accepted {
		e.told.add(id + " " + address)
	}
	return refused
}

// path is an address as the protocol writes it, without the name.
func path(a *stdmail.Address) string { return (&stdmail.Address{Address: a.Address}).String() }

// said translates what the mail server answered, or that it did not. The text of its answer stays out: it may repeat
// what was sent to it.
func said(ctx context.Context, step string, err error) *offboard.Error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		e := offboard.Errorf(offboard.Unavailable, "", "%s: the mail server answered %d", step, answer.Code)
		switch {
		case answer.Code == 535 || answer.Code == 530 || answer.Code == 534:
			e.Code, e.Message = offboard.Denied, e.Message+": it refuses the login"
		case answer.Code >= 500:
			e.Code = offboard.Invalid
		}
		return e
	}
	// The library has no types for these; the words are its own and hold nothing from outside.
	for _, phrase := range []struct{ theirs, ours string }{
		{"does not support STARTTLS", "the mail server offers no encryption by STARTTLS, and without it nothing is sent"},
		{"does not support SMTP AUTH", "the mail server offers no login"},
		{"SMTP Auth autodiscover", "the mail server offers no login that is known here"},
	} {
		if strings.Contains(err.Error(), phrase.theirs) {
			return offboard.Errorf(offboard.Denied, "", "%s: %s", step, phrase.ours)
		}
	}
	e := unreached(ctx, err)
	e.Message = step + ": " + e.Message
	return e
}

// wire is the connection of one try. The library does not close it after every failure, and does not heed the context
// once it is connected.
type wire struct {
	tls *tls.Config // nil: not encrypted from the first byte

	mu   sync.Mutex
	conn net.Conn
	over bool
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.open(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		conn.Close()
		return nil, net.ErrClosed
	}
	w.conn = conn
	return conn, nil
}

// open gives an encrypted connection its own type: the library asks for it before it sends a password.
func (w *wire) open(ctx context.Context, network, address string) (net.Conn, error) {
	if w.tls != nil {
		return (&tls.Dialer{Config: w.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.conn != nil {
		w.conn.Close()
	}
}
