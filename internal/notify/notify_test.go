package notify_test

import (
	"context"
	"errors"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
	"offboard/internal/offboard"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// secret is a value whose place is known.
type secret string

func (s secret) Read(context.Context) (string, error) { return string(s), nil }

// unreadable is a secret that is not where it should be.
type unreadable struct{}

func (unreadable) Read(context.Context) (string, error) {
	return "", errors.New("read secret env:NOT_THERE: the environment variable is not set")
}

const account = "0123456789abcdef0123456789abcdef"

// notice is one of each kind.
func notice(kind offboard.NoticeKind) offboard.Notice {
	n := offboard.Notice{
		ID: "6f1f3a52-0000-4000-8000-000000000001/1", Kind: kind, At: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
		Account: account, Namespace: "default", WorkflowID: "offboard/" + account + "/0011223344556677",
		RunID: "6f1f3a52-0000-4000-8000-000000000001", Leaver: "leaver@acme.example", Status: offboard.Running, Phase: offboard.PhaseApprove,
		Title: "The plan to offboard leaver@acme.example waits for approval",
		Text:  "2 scopes with 3 clusters go to clusters-1@acme.example.\n\nRead the plan, then say yes to digest 0123456789ab or reject it. Nothing is changed before.",
		Due:   time.Date(2026, 3, 16, 9, 30, 0, 0, time.UTC),
	}
	switch kind {
	case offboard.NoticeNeedsPerson:
		n.Phase, n.Subject, n.Title = offboard.PhaseHandOver, "eu-de/prod", "The offboarding of leaver@acme.example needs a person: eu-de/prod"
		n.Text = "The functional ID <clusters-1@acme.example> & its group lack a role.\n\nThe clusters of eu-de/prod still work with the leaver's key.\n\nretry: tries again.\n\nabort: undoes what can be undone."
	case offboard.NoticeEnded:
		n.Status, n.Phase, n.Due = offboard.Incomplete, offboard.PhaseReport, time.Time{}
		n.Title = "The offboarding of leaver@acme.example ended: Incomplete"
		n.Text = "Something remains.\n\nWhat remains:\n- the scope us-south/legacy\n- the user"
	}
	return n
}

func link(n offboard.Notice) string {
	return "https://temporal.acme.example/namespaces/" + n.Namespace + "/workflows/" + url.PathEscape(n.WorkflowID) + "/" + n.RunID + "/history"
}

// quick tries without long pauses; a try may take longer than any machine needs.
func quick() notify.Tries {
	return notify.Tries{Most: 3, Each: time.Minute, First: time.Millisecond, Longest: 10 * time.Second}
}

// diary notes deliveries.
type diary struct {
	mu   sync.Mutex
	list []notify.Delivery
}

func (d *diary) note(one notify.Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, one)
}

func (d *diary) all() []notify.Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list
}

func newNotifier(t *testing.T, config notify.Config) *notify.Notifier {
	t.Helper()
	if config.Tries == (notify.Tries{}) {
		config.Tries = quick()
	}
	if config.Link == nil {
		config.Link = link
	}
	n, err := notify.New(config)
	require.NoError(t, err)
	return n
}

func slackTo(name string, r *receiver) notify.Channel {
	return notify.Channel{Name: name, Slack: &notify.Slack{URL: secret(r.url())}}
}

func TestOnlyChannelsForTheOccasionAreTold(t *testing.T) {
	chat, audit := newReceiver(t), newReceiver(t)
	onlyHolds := slackTo("chat", chat)
	onlyHolds.Kinds = []offboard.NoticeKind{offboard.NoticeNeedsPerson}
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{onlyHolds, slackTo("audit", audit)}})
	for _, kind := range offboard.NoticeKinds() {
		one := notice(kind)
		one.ID = string(kind)
		require.NoError(t, n.Notify(t.Context(), one))
	}
	assert.Equal(t, 1, chat.count())
	assert.Equal(t, 4, audit.count())
}

func TestNobodyToTellIsNoFailure(t *testing.T) {
	n := newNotifier(t, notify.Config{})
	assert.NoError(t, n.Notify(t.Context(), notice(offboard.NoticeEnded)))
}

// Each receiver answers only after the other was asked too.
func TestChannelsAreToldAtTheSameTime(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	meet := func() reply {
		both.Done()
		both.Wait()
		return reply{status: 200}
	}
	one, other := newReceiver(t), newReceiver(t)
	one.answer, other.answer = meet, meet
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("one", one), slackTo("other", other)}})
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticeEnded)))
}

func TestAChannelThatTookANoticeDoesNotGetItTwice(t *testing.T) {
	good, bad := newReceiver(t), newReceiver(t)
	bad.script(reply{status: 400}, reply{status: 200})
	var d diary
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("good", good), slackTo("bad", bad)}, Observe: d.note})

	err := n.Notify(t.Context(), notice(offboard.NoticePlanReady))
	require.Error(t, err)
	assert.Equal(t, "tell people: channel bad: the receiver answered 400 Bad Request", err.Error())
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticePlanReady)))
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticePlanReady)))
	assert.Equal(t, 1, good.count())
	assert.Equal(t, 2, bad.count())

	failed := 0
	for _, one := range d.all() {
		assert.Equal(t, 1, one.Tries)
		if one.Err != nil {
			failed++
			assert.Equal(t, "bad", one.Channel)
		}
	}
	assert.Len(t, d.all(), 3)
	assert.Equal(t, 1, failed)
}

func TestTheErrorSaysWhatAnotherCallMayCure(t *testing.T) {
	final, busy, away := newReceiver(t), newReceiver(t), newReceiver(t)
	final.script(reply{status: 403})
	busy.script(reply{status: 429, after: "60"})
	away.script(reply{status: 503, after: "90"})
	for name, c := range map[string]struct {
		channels []notify.Channel
		code     offboard.Code
		after    time.Duration
		texts    []string
	}{
		"only final":          {[]notify.Channel{slackTo("final", final)}, offboard.Denied, 0, []string{"channel final: the receiver answered 403 Forbidden"}},
		"final and curable":   {[]notify.Channel{slackTo("final", final), slackTo("busy", busy)}, offboard.RateLimited, time.Minute, []string{"channel final: ", "channel busy: the receiver answered 429"}},
		"the soonest decides": {[]notify.Channel{slackTo("away", away), slackTo("busy", busy)}, offboard.RateLimited, time.Minute, []string{"channel away: the receiver answered 503", "channel busy: "}},
	} {
		t.Run(name, func(t *testing.T) {
			err := newNotifier(t, notify.Config{Channels: c.channels}).Notify(t.Context(), notice(offboard.NoticeEnded))
			e, ok := errors.AsType[*offboard.Error](err)
			require.True(t, ok)
			assert.Equal(t, c.code, e.Code)
			assert.Equal(t, c.after, e.RetryAfter)
			for _, text := range c.texts {
				assert.Contains(t, err.Error(), text)
			}
		})
	}
}

func TestKnownSecretsAreTakenOutOfWhatIsTold(t *testing.T) {
	r := newReceiver(t)
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}, Redact: func(s string) string { return strings.ReplaceAll(s, "canary", "[redacted]") }})
	leaky := notice(offboard.NoticeEnded)
	leaky.Title, leaky.Text = "a canary", "another canary"
	require.NoError(t, n.Notify(t.Context(), leaky))
	assert.NotContains(t, string(r.request(0).body), "canary")
	assert.Contains(t, string(r.request(0).body), "another [redacted]")
}

func TestCommandsAreOneWordAnArgument(t *testing.T) {
	r := newReceiver(t)
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}})
	hostile := notice(offboard.NoticeEnded)
	hostile.WorkflowID = "x'; rm -rf ~ #"
	require.NoError(t, n.Notify(t.Context(), hostile))
	assert.Contains(t, r.request(0).json(t, "blocks", 2, "text", "text"), "starter report 'x'\\''; rm -rf ~ #'")
}

func TestChannelsThatCannotWork(t *testing.T) {
	hook := secret("https://chat.acme.example/hook")
	ok := notify.Channel{Name: "ok", Slack: &notify.Slack{URL: hook}}
	mailTo := func(change func(*notify.Email)) notify.Channel {
		e := notify.Email{Host: "smtp.acme.example", From: "offboard@acme.example", To: []string{"ops@acme.example"}}
		change(&e)
		return notify.Channel{Name: "mail", Email: &e}
	}
	for name, c := range map[string]struct {
		channel notify.Channel
		want    string
	}{
		"no name":        {notify.Channel{Slack: &notify.Slack{URL: hook}}, `channel "": its name is empty or another's`},
		"name twice":     {ok, `channel "ok": its name is empty or another's`},
		"no way":         {notify.Channel{Name: "none"}, "is 0 of them"},
		"two ways":       {notify.Channel{Name: "two", Slack: &notify.Slack{URL: hook}, Webhook: &notify.Webhook{URL: hook}}, "is 2 of them"},
		"no recipient":   {mailTo(func(e *notify.Email) { e.To = nil }), "it needs a mail server and a recipient"},
		"wrong sender":   {mailTo(func(e *notify.Email) { e.From = "offboard" }), `its sender "offboard" is not an e-mail address`},
		"wrong address":  {mailTo(func(e *notify.Email) { e.To = []string{"ops"} }), `its recipient "ops" is not an e-mail address`},
		"no password":    {mailTo(func(e *notify.Email) { e.Username = "offboard" }), "a login needs a password"},
		"password shown": {mailTo(func(e *notify.Email) { e.Username, e.Password, e.TLS = "offboard", hook, notify.TLSNone }), "an encrypted connection"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := notify.New(notify.Config{Channels: []notify.Channel{ok, c.channel}})
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}
