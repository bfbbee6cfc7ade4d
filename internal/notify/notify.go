// Package notify tells people outside of Temporal that a run wants something of them or is over: by webhook, in a chat,
// by e-mail.
//
// It knows the domain's notices and how to deliver them. It must not know what a run is, why a notice was written, or
// where its secrets come from.
package notify

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"offboard/internal/offboard"
)

// Secret is a value that is fetched at each use and never kept. Its error names where the value should be, never the
// value.
type Secret interface {
	Read(ctx context.Context) (string, error)
}

// Config is what a Notifier works with.
type Config struct {
	Channels []Channel
	// Link is the page of a notice's run; nil or an empty answer: messages have no link.
	Link func(offboard.Notice) string
	// Redact takes known secrets out of a text before it leaves; nil: notices go out as they are.
	Redact func(string) string
	// Observe is told of each delivery, from several goroutines at once; nil: nobody is.
	Observe func(Delivery)
	// UserAgent names the engine to HTTP receivers.
	UserAgent string
	// RootCAs are trusted instead of the system's; nil: the system's.
	RootCAs *x509.CertPool
	// Tries bounds the tries of one call of Notify; its zero value is DefaultTries.
	Tries Tries
}

// Channel is one way to people: exactly one of Webhook, Slack and Email is set.
type Channel struct {
	Name    string                // unique; errors and logs name it
	Kinds   []offboard.NoticeKind // the occasions it takes; empty: all
	Webhook *Webhook
	Slack   *Slack
	Email   *Email
}

// Tries bounds how often and how long one call of Notify tries a channel.
type Tries struct {
	Most    int           // tries of a channel
	Each    time.Duration // what one try may take
	First   time.Duration // pause after the first failure, doubled after each further one
	Longest time.Duration // a receiver that asks for a longer pause is left to a later call
}

// DefaultTries bridge a hiccup; whatever lasts longer is for the caller's retries. A try may take as long as a mail server
// needs to look through a mail before it says that it took it: giving up sooner would send it twice.
func DefaultTries() Tries {
	return Tries{Most: 3, Each: 20 * time.Second, First: 500 * time.Millisecond, Longest: 20 * time.Second}
}

// Delivery is how the delivery of a notice over a channel went.
type Delivery struct {
	Channel string
	Notice  string // its ID
	Kind    offboard.NoticeKind
	Tries   int
	Took    time.Duration
	Err     error // nil: it was taken
}

// Notifier delivers notices. It is safe for concurrent use.
type Notifier struct {
	config   Config
	channels []*channel
}

// New makes a Notifier. Nothing is contacted and no secret is read before Notify. The error lists every channel that is
// not usable as it is configured.
func New(config Config) (*Notifier, error) {
	if config.Tries == (Tries{}) {
		config.Tries = DefaultTries()
	}
	n := &Notifier{config: config}
	client := newClient(config.RootCAs)
	names := map[string]bool{}
	var problems []string
	for _, c := range config.Channels {
		s, err := newSender(c, config, client)
		if err == nil && (c.Name == "" || names[c.Name]) {
			err = fmt.Errorf("its name is empty or another's")
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("channel %q: %v", c.Name, err))
			continue
		}
		names[c.Name] = true
		n.channels = append(n.channels, &channel{name: c.Name, kinds: c.Kinds, sender: s, tries: config.Tries})
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("make the channels for notices: %s", strings.Join(problems, "; "))
	}
	return n, nil
}

// sender makes one try. It returns nil if the receiver took the message.
type sender interface {
	send(ctx context.Context, m message) *offboard.Error
}

func newSender(c Channel, config Config, client *http.Client) (sender, error) {
	var made []sender
	if c.Webhook != nil {
		made = append(made, &webhook{config: *c.Webhook, post: poster{client: client, agent: config.UserAgent}})
	}
	if c.Slack != nil {
		made = append(made, &slack{config: *c.Slack, post: poster{client: client, agent: config.UserAgent}})
	}
	if c.Email != nil {
		e, err := newEmail(*c.Email, config.RootCAs)
		if err != nil {
			return nil, err
		}
		made = append(made, e)
	}
	if len(made) != 1 {
		return nil, fmt.Errorf("it must be one of webhook, slack and e-mail, and is %d of them", len(made))
	}
	return made[0], nil
}

// Notify delivers a notice over every channel that takes its kind, over all at the same time, each with a few quick
// tries. It returns nil if all of them took it.
//
// The error is one *offboard.Error that names every channel that did not take it, without any address or secret. Its code
// is retryable if a later call may reach one of them; its RetryAfter is the shortest pause that one of those asked for. It
// comes a little before the context's deadline.
// Calling again with the same notice spares the channels that took it, as far as this process remembers; after a restart,
// or in another process, they get it again. So the notice's ID goes along for receivers to know repeats by: in webhook-id
// and in the body, and in the Message-ID of a mail. A chat shows repeats.
func (n *Notifier) Notify(ctx context.Context, notice offboard.Notice) error {
	if end, ok := ctx.Deadline(); ok {
		// Nobody hears an error that comes after the deadline, and it names the channels.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-time.Until(end)/20))
		defer cancel()
	}
	m := n.message(notice)
	failures := make([]*offboard.Error, len(n.channels))
	var running sync.WaitGroup
	for i, c := range n.channels {
		if c.takes(notice.Kind) {
			running.Go(func() { failures[i] = n.tell(ctx, c, m) })
		}
	}
	running.Wait()
	return n.together(failures)
}

func (n *Notifier) tell(ctx context.Context, c *channel, m message) *offboard.Error {
	if c.told.has(m.ID) {
		return nil
	}
	began := time.Now()
	tries, failure := c.deliver(ctx, m)
	if failure == nil {
		c.told.add(m.ID)
	}
	if n.config.Observe != nil {
		d := Delivery{Channel: c.name, Notice: m.ID, Kind: m.Kind, Tries: tries, Took: time.Since(began)}
		if failure != nil {
			d.Err = failure
		}
		n.config.Observe(d)
	}
	return failure
}

// together makes one error of those of the channels; nil stands for a channel that did not fail.
func (n *Notifier) together(failures []*offboard.Error) error {
	var texts []string
	var worst *offboard.Error
	for i, f := range failures {
		if f == nil {
			continue
		}
		texts = append(texts, "channel "+n.channels[i].name+": "+f.Message)
		if worst == nil || before(f, worst) {
			worst = f
		}
	}
	if worst == nil {
		return nil
	}
	return &offboard.Error{Code: worst.Code, Op: "tell people", Message: n.redact(strings.Join(texts, "; ")), RetryAfter: worst.RetryAfter}
}

// before tells whether a failure says more of when to call again than another: what may be cured goes before what may
// not, and the one that can be tried soonest before the others.
func before(a, b *offboard.Error) bool {
	if a.Code.Retryable() != b.Code.Retryable() {
		return a.Code.Retryable()
	}
	return a.RetryAfter < b.RetryAfter
}

func (n *Notifier) redact(text string) string {
	if n.config.Redact == nil {
		return text
	}
	return n.config.Redact(text)
}

// takes tells whether the channel is for notices of a kind.
func (c *channel) takes(kind offboard.NoticeKind) bool {
	return len(c.kinds) == 0 || slices.Contains(c.kinds, kind)
}
