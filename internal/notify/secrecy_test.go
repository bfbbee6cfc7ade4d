package notify_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
	"offboard/internal/offboard"
)

// blurting is a server of no protocol: it says one thing to whoever connects, at once or after it was told something.
func blurting(t *testing.T, atOnce bool, text string) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if !atOnce {
				_, _ = conn.Read(make([]byte, 4096)) // a client that is still writing would see a reset and not the text
			}
			fmt.Fprint(conn, text)
			conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr)
}

// closed is a port that nobody listens on.
func closed(t *testing.T) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().(*net.TCPAddr)
}

// Whatever goes wrong, neither the URL, a password, a signing secret nor what the other side wrote is shown.
func TestNoErrorShowsASecret(t *testing.T) {
	const path = "/services/canary-of-the-path?token=canary-of-the-query"
	repeating := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://canary.acme.example"+r.URL.String())
		http.Error(w, r.URL.String()+" canary", http.StatusMovedPermanently)
	}))
	t.Cleanup(repeating.Close)
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the client
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	server, pool := newSMTPServer(t, func(s *smtpServer) {
		s.auth, s.password = "PLAIN", "right"
		s.answers = map[string][]string{"RCPT": {"550 canary <canary@acme.example>"}}
	})
	login := server.settings()
	login.Username, login.Password = "offboard", secret("canary-of-the-password")
	nowhere := server.settings()
	nowhere.Port = closed(t).Port
	garbage := server.settings()
	garbage.Port = blurting(t, true, "canary canary\r\n").Port
	garbage.TLS = notify.TLSNone
	refusing := server.settings()
	refusing.To = refusing.To[:1]

	slack := func(url string) notify.Channel { return notify.Channel{Slack: &notify.Slack{URL: secret(url)}} }
	for name, c := range map[string]struct {
		channel notify.Channel
		want    string
	}{
		"nobody listens":       {slack("http://" + closed(t).String() + path), "the connection was refused"},
		"no URL":               {slack("https://canary\x7f" + path), "its URL is not a URL like"},
		"not encrypted":        {slack("http://canary.acme.example" + path), "its URL must begin with https://"},
		"a redirect":           {slack(repeating.URL + path), "redirects are not followed"},
		"an unknown authority": {slack(untrusted.URL + path), "its certificate is from an authority that is not trusted here"},
		"no TLS":               {slack("https" + strings.TrimPrefix(repeating.URL, "http") + path), "it does not speak TLS on this port"},
		"no HTTP":              {slack("http://" + blurting(t, false, "canary canary canary\r\n\r\n").String() + path), "the connection failed"},
		"half an answer":       {slack("http://" + blurting(t, false, "HTTP/1.1 200").String() + path), "the connection was cut before an answer"},
		"no signing secret":    {notify.Channel{Webhook: &notify.Webhook{URL: secret(repeating.URL), Secret: secret("canary")}}, "its signing secret is not a signing secret"},
		"no URL to read":       {notify.Channel{Slack: &notify.Slack{URL: unreadable{}}}, "read secret env:NOT_THERE: the environment variable is not set"},
		"no secret to read":    {notify.Channel{Webhook: &notify.Webhook{URL: secret(repeating.URL), Secret: unreadable{}}}, "read secret env:NOT_THERE"},
		"a refused login":      {notify.Channel{Email: &login}, "the mail server answered 535: it refuses the login"},
		"a refused recipient":  {notify.Channel{Email: &refusing}, "name the recipient ops@acme.example: the mail server answered 550"},
		"no mail server":       {notify.Channel{Email: &nowhere}, "connect: the connection was refused"},
		"no SMTP":              {notify.Channel{Email: &garbage}, "connect: "},
	} {
		t.Run(name, func(t *testing.T) {
			c.channel.Name = "secretive"
			var d diary
			tries := quick()
			tries.Most = 1
			n := newNotifier(t, notify.Config{Channels: []notify.Channel{c.channel}, Observe: d.note, RootCAs: pool, Tries: tries})
			err := n.Notify(t.Context(), notice(offboard.NoticeEnded))
			require.Error(t, err)
			assert.Contains(t, err.Error(), "tell people: channel secretive: ")
			assert.Contains(t, err.Error(), c.want)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), fmt.Sprintf("%+v %v", d.all()[0], d.all()[0].Err)} {
				assert.NotContains(t, text, "canary")
			}
		})
	}
}
