package notify_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
	"offboard/internal/offboard"
)

func TestQuickTries(t *testing.T) {
	for name, c := range map[string]struct {
		replies []reply
		tries   int
		code    offboard.Code // empty: it was taken
		text    string
	}{
		"taken at once":         {[]reply{{status: 200}}, 1, "", ""},
		"accepted":              {[]reply{{status: 202}}, 1, "", ""},
		"no content":            {[]reply{{status: 204}}, 1, "", ""},
		"a hiccup":              {[]reply{{status: 500}, {status: 200}}, 2, "", ""},
		"cut off":               {[]reply{{cut: true}, {status: 200}}, 2, "", ""},
		"asked to wait":         {[]reply{{status: 429, after: "0"}, {status: 503, after: "yesterday"}, {status: 200}}, 3, "", ""},
		"a date that is over":   {[]reply{{status: 503, after: "Mon, 02 Mar 2026 09:30:00 GMT"}, {status: 200}}, 2, "", ""},
		"away":                  {[]reply{{status: 502}}, 3, offboard.Unavailable, "the receiver answered 502 Bad Gateway"},
		"always cut off":        {[]reply{{cut: true}}, 3, offboard.Unavailable, "the connection was cut before an answer"},
		"request time-out":      {[]reply{{status: 408}}, 3, offboard.Unavailable, "the receiver answered 408 Request Timeout"},
		"refused":               {[]reply{{status: 400, body: "invalid_payload"}}, 1, offboard.Invalid, "the receiver answered 400 Bad Request"},
		"not allowed":           {[]reply{{status: 401}}, 1, offboard.Denied, "the receiver answered 401 Unauthorized"},
		"not there":             {[]reply{{status: 404}}, 1, offboard.NotFound, "the receiver answered 404 Not Found"},
		"redirects are refused": {[]reply{{status: 307, place: "/elsewhere"}}, 1, offboard.Invalid, "the receiver answered 307 Temporary Redirect: redirects are not followed"},
		"busy, then refused":    {[]reply{{status: 503}, {status: 413}}, 2, offboard.Invalid, "the receiver answered 413 Request Entity Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			r.script(c.replies...)
			var d diary
			n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}, Observe: d.note, UserAgent: "offboard/1"})
			err := n.Notify(t.Context(), notice(offboard.NoticeEnded))
			assert.Equal(t, c.code, offboard.CodeOf(err))
			assert.Equal(t, c.tries, r.count())
			assert.Equal(t, c.tries, d.all()[0].Tries)
			assert.Equal(t, "offboard/1", r.request(0).header.Get("User-Agent"))
			if c.text != "" {
				assert.EqualError(t, err, "tell people: channel chat: "+c.text)
			}
		})
	}
}

func TestAShortPauseIsWaitedFor(t *testing.T) {
	r := newReceiver(t)
	r.script(reply{status: 429, after: "1"}, reply{status: 200})
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}})
	began := time.Now()
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticeEnded)))
	assert.GreaterOrEqual(t, time.Since(began), time.Second)
	assert.Equal(t, 2, r.count())
}

func TestALongPauseIsLeftToTheCallerAndKeptForEveryNotice(t *testing.T) {
	r := newReceiver(t)
	r.script(reply{status: 503, after: "120"})
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}})
	err := n.Notify(t.Context(), notice(offboard.NoticeEnded))
	e, ok := errors.AsType[*offboard.Error](err)
	require.True(t, ok)
	assert.Equal(t, 2*time.Minute, e.RetryAfter)
	assert.Equal(t, offboard.Unavailable, e.Code)

	other := notice(offboard.NoticePlanReady)
	other.ID = "another"
	err = n.Notify(t.Context(), other)
	e, ok = errors.AsType[*offboard.Error](err)
	require.True(t, ok)
	assert.Equal(t, offboard.RateLimited, e.Code)
	assert.Positive(t, e.RetryAfter)
	assert.LessOrEqual(t, e.RetryAfter, 2*time.Minute)
	assert.EqualError(t, err, "tell people: channel chat: the receiver asked for a pause, which is not over")
	assert.Equal(t, 1, r.count(), "who asked to be left alone is left alone")
}

func TestAPauseWithoutEndIsCutShort(t *testing.T) {
	for _, after := range []string{"86400", "9223372036854775807", time.Now().Add(240 * time.Hour).UTC().Format(http.TimeFormat)} {
		r := newReceiver(t)
		r.script(reply{status: 429, after: after})
		err := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}}).Notify(t.Context(), notice(offboard.NoticeEnded))
		e, ok := errors.AsType[*offboard.Error](err)
		require.True(t, ok)
		assert.Equal(t, 5*time.Minute, e.RetryAfter, after)
	}
}

func TestAReceiverThatIsGoneIsLeftAloneForGood(t *testing.T) {
	r, moved := newReceiver(t), newReceiver(t)
	r.script(reply{status: 410})
	url := &changing{value: r.url()}
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{{Name: "chat", Slack: &notify.Slack{URL: url}}}})
	for _, id := range []string{"first", "second"} {
		one := notice(offboard.NoticeEnded)
		one.ID = id
		err := n.Notify(t.Context(), one)
		assert.ErrorContains(t, err, "channel chat: the receiver is gone for good (410)")
		assert.False(t, offboard.CodeOf(err).Retryable())
	}
	assert.Equal(t, 1, r.count())

	url.value = moved.url()
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticeEnded)))
	assert.Equal(t, 1, moved.count())
}

// changing is a secret that somebody replaces.
type changing struct{ value string }

func (c *changing) Read(context.Context) (string, error) { return c.value, nil }

// hanging is a server that takes a connection and never says a word.
func hanging(t *testing.T) (host string, port int) {
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
			t.Cleanup(func() { conn.Close() })
		}
	}()
	address := l.Addr().(*net.TCPAddr)
	return address.IP.String(), address.Port
}

func TestAReceiverThatHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	host, port := hanging(t)
	for name, c := range map[string]notify.Channel{
		"http": {Name: "away", Slack: &notify.Slack{URL: secret(server.URL)}},
		"smtp": {Name: "away", Email: &notify.Email{Host: host, Port: port, From: "offboard@acme.example", To: []string{"ops@acme.example"}}},
		"tls":  {Name: "away", Email: &notify.Email{Host: host, Port: port, TLS: notify.TLSImplicit, From: "offboard@acme.example", To: []string{"ops@acme.example"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var d diary
			tries := notify.Tries{Most: 2, Each: 30 * time.Millisecond, First: time.Millisecond, Longest: time.Second}
			err := newNotifier(t, notify.Config{Channels: []notify.Channel{c}, Tries: tries, Observe: d.note}).Notify(t.Context(), notice(offboard.NoticeEnded))
			assert.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
			assert.ErrorContains(t, err, "no answer came in time")
			assert.Equal(t, 2, d.all()[0].Tries)
		})
		t.Run(name+", the context ends", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			var d diary
			err := newNotifier(t, notify.Config{Channels: []notify.Channel{c}, Observe: d.note}).Notify(ctx, notice(offboard.NoticeEnded))
			assert.ErrorContains(t, err, "no answer came in time")
			assert.Equal(t, 1, d.all()[0].Tries)
		})
	}
}

func TestURLs(t *testing.T) {
	for text, want := range map[string]string{
		"https://chat.acme.example/hook": "",
		"http://127.0.0.1:8080/hook":     "",
		"http://[::1]:8080/hook":         "",
		"http://localhost/hook":          "",
		"http://chat.acme.example/hook":  "must begin with https:// because notices name people",
		"chat.acme.example/hook":         "is not a URL like https://host/path",
		"ftp://chat.acme.example":        "is not a URL like https://host/path",
		"https://":                       "is not a URL like https://host/path",
		"https://[canary":                "is not a URL like https://host/path",
		"":                               "is not a URL like https://host/path",
	} {
		err := notify.CheckURL(text)
		if want == "" {
			assert.NoError(t, err, text)
			continue
		}
		assert.EqualError(t, err, want, text)
	}
}
