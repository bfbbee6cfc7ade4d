package notify_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
	"offboard/internal/offboard"
)

// mailer is a Notifier with one channel, a mail server that the pool trusts.
func mailer(t *testing.T, e notify.Email, pool *x509.CertPool) *notify.Notifier {
	return newNotifier(t, notify.Config{Channels: []notify.Channel{{Name: "mail", Email: &e}}, RootCAs: pool})
}

// parts are the bodies of a mail by their type, decoded.
func parts(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	list := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		list[part.Header.Get("Content-Type")] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func read(t *testing.T, d delivered) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(d.data))
	require.NoError(t, err)
	return m
}

func TestWhatAMailShows(t *testing.T) {
	for _, kind := range offboard.NoticeKinds() {
		t.Run(string(kind), func(t *testing.T) {
			s, pool := newSMTPServer(t, nil)
			require.NoError(t, mailer(t, s.settings(), pool).Notify(t.Context(), notice(kind)))
			require.Equal(t, 1, len(s.mails()))
			got := s.mails()[0]
			assert.True(t, got.encrypted)
			assert.Equal(t, "offboard@acme.example", got.from)
			assert.Equal(t, []string{"ops@acme.example", "security@acme.example"}, got.to)

			m := read(t, got)
			var header strings.Builder
			for _, name := range []string{"From", "To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted", "X-Auto-Response-Suppress"} {
				header.WriteString(name + ": " + m.Header.Get(name) + "\n")
			}
			bodies := parts(t, m)
			require.Len(t, bodies, 2)
			golden(t, "mail."+string(kind)+".golden.txt", header.String()+"\n"+bodies["text/plain; charset=UTF-8"])
			golden(t, "mail."+string(kind)+".golden.html", bodies["text/html; charset=UTF-8"])
		})
	}
}

func TestAMailHoldsNothingThatItsTextsSmuggleIn(t *testing.T) {
	s, pool := newSMTPServer(t, nil)
	hostile := notice(offboard.NoticeNeedsPerson)
	hostile.Title = "Überraschung\r\nBcc: everybody@acme.example"
	hostile.Text = "<script>alert(1)</script>\n.\nQUIT"
	hostile.ID = "a>\r\nX-Evil: yes"
	require.NoError(t, mailer(t, s.settings(), pool).Notify(t.Context(), hostile))
	m := read(t, s.mails()[0])
	assert.Empty(t, m.Header.Get("Bcc"))
	assert.Empty(t, m.Header.Get("X-Evil"))
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	assert.Equal(t, "Überraschung Bcc: everybody@acme.example", subject)
	bodies := parts(t, m)
	assert.Contains(t, bodies["text/plain; charset=UTF-8"], "<script>alert(1)</script>\n.\nQUIT\n")
	assert.Contains(t, bodies["text/html; charset=UTF-8"], "&lt;script&gt;")
	assert.NotContains(t, bodies["text/html; charset=UTF-8"], "<script")
}

func TestLogins(t *testing.T) {
	for name, c := range map[string]struct {
		auth     string
		implicit bool
	}{
		"PLAIN after STARTTLS":      {"LOGIN PLAIN", false},
		"LOGIN after STARTTLS":      {"LOGIN", false},
		"PLAIN, implicit TLS":       {"PLAIN LOGIN", true},
		"LOGIN, implicit TLS":       {"LOGIN", true},
		"others that are not known": {"GSSAPI PLAIN", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, pool := newSMTPServer(t, func(s *smtpServer) { s.auth, s.implicit, s.password = c.auth, c.implicit, "right" })
			e := s.settings()
			e.Username, e.Password = "offboard", secret("right")
			require.NoError(t, mailer(t, e, pool).Notify(t.Context(), notice(offboard.NoticeEnded)))
			assert.Equal(t, "offboard:right", s.mails()[0].login)
			assert.True(t, s.mails()[0].encrypted)
		})
	}
}

func TestWithoutEncryptionOnlyWhereThatIsSaid(t *testing.T) {
	s, pool := newSMTPServer(t, func(s *smtpServer) { s.starttls = false })
	err := mailer(t, s.settings(), pool).Notify(t.Context(), notice(offboard.NoticeEnded))
	assert.EqualError(t, err, "tell people: channel mail: connect: the mail server offers no encryption by STARTTLS, and without it nothing is sent")
	assert.Equal(t, offboard.Denied, offboard.CodeOf(err))
	assert.NotContains(t, s.commands(), "MAIL")
	assert.Equal(t, 1, s.open)

	e := s.settings()
	e.TLS = notify.TLSNone
	require.NoError(t, mailer(t, e, pool).Notify(t.Context(), notice(offboard.NoticeEnded)))
	assert.False(t, s.mails()[0].encrypted)
}

func TestCertificatesAreChecked(t *testing.T) {
	expired, expiredPool := certificate(t, []string{"localhost"}, time.Now().Add(-time.Hour))
	other, otherPool := certificate(t, []string{"elsewhere.acme.example"}, time.Now().Add(time.Hour))
	for name, c := range map[string]struct {
		cert *tls.Certificate
		pool *x509.CertPool
		want string
	}{
		"unknown authority": {nil, x509.NewCertPool(), "its certificate is from an authority that is not trusted here"},
		"expired":           {&expired, expiredPool, "its certificate is not valid, maybe expired"},
		"another host":      {&other, otherPool, "its certificate is for another host"},
	} {
		for _, implicit := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s, _ := newSMTPServer(t, func(s *smtpServer) {
					s.implicit = implicit
					if c.cert != nil {
						s.tls.Certificates = []tls.Certificate{*c.cert}
					}
				})
				err := mailer(t, s.settings(), c.pool).Notify(t.Context(), notice(offboard.NoticeEnded))
				assert.EqualError(t, err, "tell people: channel mail: connect: "+c.want)
				assert.False(t, offboard.CodeOf(err).Retryable())
				assert.NotContains(t, s.commands(), "MAIL")
			})
		}
	}
	t.Run("no TLS at all", func(t *testing.T) {
		s, pool := newSMTPServer(t, nil)
		e := s.settings()
		e.TLS = notify.TLSImplicit
		err := mailer(t, e, pool).Notify(t.Context(), notice(offboard.NoticeEnded))
		assert.EqualError(t, err, "tell people: channel mail: connect: it does not speak TLS on this port")
	})
}

func TestWhatAMailServerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string][]string
		code    offboard.Code // empty: it was taken
		text    string
		mails   int
		tries   int
	}{
		"busy for a moment":          {map[string][]string{"MAIL": {"451 later"}}, "", "", 1, 2},
		"connection lost":            {map[string][]string{"RCPT": {"cut"}}, "", "", 1, 2},
		"busy":                       {map[string][]string{"MAIL": {"421 a", "421 b", "421 c"}}, offboard.Unavailable, "name the sender: the mail server answered 421", 0, 3},
		"sender refused":             {map[string][]string{"MAIL": {"553 no"}}, offboard.Invalid, "name the sender: the mail server answered 553", 0, 1},
		"login wanted":               {map[string][]string{"MAIL": {"530 5.7.0 log in"}}, offboard.Denied, "name the sender: the mail server answered 530: it refuses the login", 0, 1},
		"one recipient refused":      {map[string][]string{"RCPT TO:<OPS": {"550 nobody"}}, offboard.Invalid, "name the recipient ops@acme.example: the mail server answered 550", 1, 1},
		"both refused":               {map[string][]string{"RCPT": {"550 nobody", "550 nobody"}}, offboard.Invalid, "name the recipient ops@acme.example: the mail server answered 550", 0, 1},
		"one refused, one later":     {map[string][]string{"RCPT TO:<OPS": {"550 nobody", "550 nobody"}, "RCPT TO:<SEC": {"450 later"}}, offboard.Invalid, "ops@acme.example: the mail server answered 550", 1, 2},
		"mail refused at its start":  {map[string][]string{"DATA": {"554 spam"}}, offboard.Invalid, "begin the mail: the mail server answered 554", 0, 1},
		"mail refused at its end":    {map[string][]string{".": {"554 spam"}}, offboard.Invalid, "end the mail: the mail server answered 554", 0, 1},
		"full":                       {map[string][]string{".": {"452 full"}}, "", "", 1, 2},
		"taken, and no word of it":   {map[string][]string{".": {"cut"}}, "", "", 2, 2}, // both with one Message-ID
		"taken, and no goodbye":      {map[string][]string{"QUIT": {"cut"}}, "", "", 1, 1},
		"taken, and a wrong goodbye": {map[string][]string{"QUIT": {"500 what?"}}, "", "", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, pool := newSMTPServer(t, func(s *smtpServer) { s.answers = c.answers })
			err := mailer(t, s.settings(), pool).Notify(t.Context(), notice(offboard.NoticeEnded))
			assert.Equal(t, c.code, offboard.CodeOf(err))
			if c.text != "" {
				assert.ErrorContains(t, err, "channel mail: ")
				assert.ErrorContains(t, err, c.text)
			}
			require.Equal(t, c.mails, len(s.mails()))
			assert.Equal(t, c.tries, s.open)
			for _, m := range s.mails() {
				assert.Equal(t, read(t, s.mails()[0]).Header.Get("Message-ID"), read(t, m).Header.Get("Message-ID"))
			}
		})
	}
}

func TestARecipientWhoIsPutOffGetsItLaterAndTheOthersNotAgain(t *testing.T) {
	s, pool := newSMTPServer(t, func(s *smtpServer) {
		s.answers = map[string][]string{"RCPT TO:<SEC": {"450 a", "450 b", "450 c"}}
	})
	n := mailer(t, s.settings(), pool)
	err := n.Notify(t.Context(), notice(offboard.NoticeEnded))
	assert.EqualError(t, err, "tell people: channel mail: name the recipient security@acme.example: the mail server answered 450")
	assert.True(t, offboard.CodeOf(err).Retryable())
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticeEnded)))
	require.Equal(t, 2, len(s.mails()))
	assert.Equal(t, []string{"ops@acme.example"}, s.mails()[0].to)
	assert.Equal(t, []string{"security@acme.example"}, s.mails()[1].to)
}

func TestARefusedLogin(t *testing.T) {
	for _, auth := range []string{"PLAIN", "LOGIN", "GSSAPI", ""} {
		t.Run(auth, func(t *testing.T) {
			s, pool := newSMTPServer(t, func(s *smtpServer) { s.auth, s.password = auth, "right" })
			e := s.settings()
			e.Username, e.Password = "offboard", secret("wrong-canary")
			err := mailer(t, e, pool).Notify(t.Context(), notice(offboard.NoticeEnded))
			want := map[string]string{
				"GSSAPI": "connect: the mail server offers no login that is known here",
				"":       "connect: the mail server offers no login",
			}[auth]
			if want == "" {
				want = "connect: the mail server answered 535: it refuses the login"
			}
			assert.EqualError(t, err, "tell people: channel mail: "+want)
			assert.Equal(t, offboard.Denied, offboard.CodeOf(err))
			assert.Empty(t, s.mails())
		})
	}
}
