package app

import (
	"cmp"
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"

	"offboard/activities"
	"offboard/internal/notify"
	"offboard/internal/offboard"
)

// Notifications are the channels by which people are told what runs want of them, checked.
type Notifications struct {
	UI       string // base URL of the Web UI, for links; empty: messages have none
	Channels []notify.Channel
}

// fileNotifications is the form of the section in the file.
type fileNotifications struct {
	UI       string        `json:"ui"`
	Channels []fileChannel `json:"channels"`
}

type fileChannel struct {
	Name    string                `json:"name"`
	Kinds   []offboard.NoticeKind `json:"kinds"`
	Webhook fileWebhook           `json:"webhook"`
	Slack   fileSlack             `json:"slack"`
	Email   fileEmail             `json:"email"`
}

type fileWebhook struct {
	URL      string          `json:"url"`
	Secret   string          `json:"secret"`
	Envelope notify.Envelope `json:"envelope"`
}

type fileSlack struct {
	URL string `json:"url"`
}

type fileEmail struct {
	Host     string     `json:"host"`
	Port     int        `json:"port"`
	TLS      notify.TLS `json:"tls"`
	From     string     `json:"from"`
	To       []string   `json:"to"`
	Username string     `json:"username"`
	Password string     `json:"password"`
}

// NewNotifier makes what the section describes. It is nil where no channel is configured, so that runs know that there is
// nobody to tell.
func NewNotifier(config Config, logger *zap.Logger) (activities.Notifier, error) {
	if len(config.Notifications.Channels) == 0 {
		return nil, nil
	}
	var link func(offboard.Notice) string
	if ui := config.Notifications.UI; ui != "" {
		link = func(n offboard.Notice) string {
			return NewRuns(nil, RunsConfig{Namespace: n.Namespace, UI: ui}).Link(n.WorkflowID, n.RunID)
		}
	}
	notifier, err := notify.New(notify.Config{
		Channels:  config.Notifications.Channels,
		Link:      link,
		Redact:    config.Redactor.Text,
		UserAgent: userAgent,
		Observe: func(d notify.Delivery) {
			fields := []zap.Field{zap.String("channel", d.Channel), zap.String("kind", string(d.Kind)), zap.String("notice", d.Notice),
				zap.Int("tries", d.Tries), zap.Duration("took", d.Took)}
			if d.Err != nil {
				logger.Warn("a notice was not taken", append(fields, zap.Error(d.Err))...)
				return
			}
			logger.Info("a notice was taken", fields...)
		},
	})
	if err != nil {
		return nil, err
	}
	return notifier, nil
}

// notifications checks the section and makes the channels. A channel with a problem is left out of what is made.
func (c *Config) notifications(d *document, f fileNotifications, env func(string) string) {
	c.Notifications.UI = strings.TrimSuffix(cmp.Or(f.UI, env("OFFBOARD_UI_URL")), "/")
	if u, err := url.Parse(f.UI); f.UI != "" && (err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http")) {
		d.problem("notifications.ui", "notifications.ui is not a URL like https://host")
	}
	first := map[string]int{}
	for i, ch := range f.Channels {
		s := channelSection{config: c, document: d, env: env, at: fmt.Sprintf("notifications.channels[%d]", i)}
		j, twice := first[ch.Name]
		switch {
		case strings.TrimSpace(ch.Name) == "":
			s.problem("", "has no name")
		case twice:
			s.problem(".name", "is %q again, as in notifications.channels[%d]", ch.Name, j)
		default:
			first[ch.Name] = i
		}
		c.Notifications.Channels = append(c.Notifications.Channels, s.channel(ch))
	}
}

// channelSection checks one channel and reads its references.
type channelSection struct {
	config   *Config
	document *document
	env      func(string) string
	at       string
}

func (s channelSection) problem(field, format string, args ...any) {
	s.document.problem(s.at+field, "%s %s", s.at+field, fmt.Sprintf(format, args...))
}

func (s channelSection) channel(f fileChannel) notify.Channel {
	seen := map[offboard.NoticeKind]bool{}
	for i, kind := range f.Kinds {
		at := fmt.Sprintf(".kinds[%d]", i)
		if !slices.Contains(offboard.NoticeKinds(), kind) {
			s.problem(at, "is %q: %s", kind, oneOf(offboard.NoticeKinds()))
		} else if seen[kind] {
			s.problem(at, "is %s again", kind)
		}
		seen[kind] = true
	}
	made := notify.Channel{Name: f.Name, Kinds: f.Kinds}
	var given []string
	for _, way := range []struct {
		name string
		make func()
	}{
		{"webhook", func() { made.Webhook = s.webhook(f.Webhook) }},
		{"slack", func() { made.Slack = s.slack(f.Slack) }},
		{"email", func() { made.Email = s.email(f.Email) }},
	} {
		if _, here := s.document.lines[s.at+"."+way.name]; here {
			given = append(given, way.name)
			way.make()
		}
	}
	switch {
	case len(given) == 0:
		s.problem("", "leads nowhere: give it one of webhook, slack and email")
	case len(given) > 1:
		s.problem("."+given[1], "is one way too many: the channel has %s already", given[0])
	}
	return made
}

func (s channelSection) webhook(f fileWebhook) *notify.Webhook {
	w := &notify.Webhook{
		Secret:   s.secret(".webhook.secret", f.Secret, notify.CheckSigningSecret),
		Envelope: f.Envelope,
	}
	// A receiver that checks signatures needs no secret URL, so this one may be written down.
	if strings.HasPrefix(f.URL, "https://") || strings.HasPrefix(f.URL, "http://") {
		w.URL = s.writtenURL(".webhook.url", f.URL)
	} else {
		w.URL = s.secret(".webhook.url", f.URL, notify.CheckURL)
	}
	if f.Envelope != "" && !slices.Contains(notify.Envelopes(), f.Envelope) {
		s.problem(".webhook.envelope", "is %q: %s", f.Envelope, oneOf(notify.Envelopes()))
	}
	return w
}

func (s channelSection) writtenURL(field, text string) Secret {
	if err := notify.CheckURL(text); err != nil {
		s.problem(field, "%v", err)
	} else if u, err := url.Parse(text); err == nil && (u.User != nil || u.RawQuery != "") {
		s.problem(field, "seems to hold a credential: write env:NAME, file:PATH or secrets-manager:CRN")
	}
	return NewSecret(s.at+field, nil, func(context.Context) (string, error) { return text, nil })
}

func (s channelSection) slack(f fileSlack) *notify.Slack {
	return &notify.Slack{URL: s.secret(".slack.url", f.URL, notify.CheckURL)}
}

// secret reads a reference. What it refers to is checked now where that can be told without asking a service.
func (s channelSection) secret(field, text string, check func(string) error) Secret {
	secret, err := s.config.reference(text, s.env)
	if err != nil {
		s.problem(field, "%v", err)
		return secret
	}
	if strings.HasPrefix(text, "secrets-manager:") || check == nil {
		return secret
	}
	value, err := secret.Read(context.Background())
	if err == nil {
		for _, part := range strings.Fields(value) {
			s.config.Redactor.Add(part)
		}
		err = check(value)
	}
	if err != nil {
		s.problem(field, "refers to something that cannot be used: it %v", err)
	}
	return secret
}

func (s channelSection) email(f fileEmail) *notify.Email {
	e := &notify.Email{Host: f.Host, Port: f.Port, TLS: f.TLS, From: f.From, To: f.To, Username: f.Username}
	if strings.TrimSpace(f.Host) == "" || strings.ContainsAny(f.Host, ":/ ") {
		s.problem(".email.host", "%q is not the name of a mail server", f.Host)
	}
	if f.Port < 0 || f.Port > 65535 {
		s.problem(".email.port", "%d is not a port", f.Port)
	}
	if f.TLS != "" && !slices.Contains(notify.TLSWays(), f.TLS) {
		s.problem(".email.tls", "is %q: %s", f.TLS, oneOf(notify.TLSWays()))
	}
	if _, err := mail.ParseAddress(f.From); err != nil {
		s.problem(".email.from", "%q is not an e-mail address", f.From)
	}
	if len(f.To) == 0 {
		s.problem(".email.to", "names nobody")
	}
	for i, to := range f.To {
		if _, err := mail.ParseAddress(to); err != nil {
			s.problem(fmt.Sprintf(".email.to[%d]", i), "%q is not an e-mail address", to)
		}
	}
	switch {
	case f.Username == "" && f.Password == "":
		return e
	case f.Username == "":
		s.problem(".email.username", "is missing: there is a password without it")
	case f.TLS == notify.TLSNone:
		s.problem(".email.tls", "is none, and a password is never sent without encryption")
	}
	e.Password = s.secret(".email.password", f.Password, nil)
	return e
}

// oneOf says which values there are.
func oneOf[T ~string](values []T) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return "it must be one of " + strings.Join(list, ", ")
}
