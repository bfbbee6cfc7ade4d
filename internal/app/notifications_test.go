package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"offboard/internal/app"
	"offboard/internal/notify"
	"offboard/internal/offboard"
)

// notifying is the environment of testdata/notifications*.yaml.
func notifying() map[string]string {
	env := settings()
	env["SLACK_URL"] = "https://hooks.acme.example/services/T0/B0/canary"
	env["PLAIN_URL"] = "http://hooks.acme.example/services/canary"
	env["SIGNING_SECRET"] = "whsec_" + base64.StdEncoding.EncodeToString([]byte("canary-canary-canary-canary-1234"))
	env["SHORT_SECRET"] = "whsec_Y2FuYXJ5"
	env["SMTP_PASSWORD"] = "canary-password"
	return env
}

func TestAllChannelsThatCanBeConfigured(t *testing.T) {
	c, err := app.LoadConfig("testdata/notifications.yaml", environment(notifying()))
	require.NoError(t, err)
	n := c.Notifications
	assert.Equal(t, "https://temporal.acme.example", n.UI)
	require.Len(t, n.Channels, 4)

	assert.Equal(t, "platform-chat", n.Channels[0].Name)
	assert.Equal(t, []offboard.NoticeKind{offboard.NoticePlanReady, offboard.NoticeNeedsPerson}, n.Channels[0].Kinds)
	url, err := n.Channels[0].Slack.URL.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, notifying()["SLACK_URL"], url)

	assert.Empty(t, n.Channels[1].Kinds)
	assert.Equal(t, notify.EnvelopeCloudEvents, n.Channels[1].Webhook.Envelope)
	url, err = n.Channels[1].Webhook.URL.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "https://audit.acme.example/offboard", url)

	mail := n.Channels[2].Email
	assert.Equal(t, []string{"platform@acme.example", "Security Desk <security@acme.example>"}, mail.To)
	assert.Equal(t, notify.TLSImplicit, mail.TLS)
	assert.Equal(t, 465, mail.Port)
	password, err := mail.Password.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "canary-password", password)
	assert.Nil(t, n.Channels[3].Email.Password, "a relay without a login needs none")

	made, err := app.NewNotifier(c, zap.NewNop())
	require.NoError(t, err)
	assert.NotNil(t, made)
}

func TestAllProblemsOfChannelsAtOnce(t *testing.T) {
	_, err := app.LoadConfig("testdata/notification-problems.yaml", environment(notifying()))
	require.Error(t, err)
	golden(t, "notification-problems.golden", err.Error()+"\n")
	assert.NotContains(t, err.Error(), "canary")
}

func TestNobodyToTell(t *testing.T) {
	c, err := app.LoadConfig("testdata/complete.yaml", environment(settings()))
	require.NoError(t, err)
	made, err := app.NewNotifier(c, zap.NewNop())
	require.NoError(t, err)
	assert.True(t, made == nil, "a nil pointer in the interface would make runs tell nobody at length")
}

func TestTheWebUIOfTheOtherProgramsIsLinkedIfNoneIsNamed(t *testing.T) {
	env := settings()
	env["OFFBOARD_UI_URL"] = "https://ui.acme.example/"
	c, err := app.LoadConfig("testdata/complete.yaml", environment(env))
	require.NoError(t, err)
	assert.Equal(t, "https://ui.acme.example", c.Notifications.UI)
}

func TestChannelsNeverShowASecret(t *testing.T) {
	c, err := app.LoadConfig("testdata/notifications.yaml", environment(notifying()))
	require.NoError(t, err)
	data, err := json.Marshal(c.Notifications)
	require.NoError(t, err)
	texts := []string{string(data)}
	for _, channel := range c.Notifications.Channels {
		texts = append(texts, fmt.Sprintf("%+v %#v %+v %+v %+v", channel, channel, channel.Webhook, channel.Slack, channel.Email))
	}
	for _, text := range texts {
		assert.NotContains(t, text, "canary")
	}
	for _, name := range []string{"SLACK_URL", "SIGNING_SECRET", "SMTP_PASSWORD"} {
		assert.Equal(t, app.Redacted, c.Redactor.Text(notifying()[name]))
	}
}

// The whole way: from the file to a receiver that checks the signature, and what the log says of it.
func TestANoticeReachesAReceiver(t *testing.T) {
	env := notifying()
	verifier, err := standardwebhooks.NewWebhook(env["SIGNING_SECRET"])
	require.NoError(t, err)
	status := http.StatusServiceUnavailable
	var got struct {
		Type string
		Data struct{ Link, Text string }
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.NoError(t, verifier.Verify(body, r.Header))
		assert.NoError(t, json.Unmarshal(body, &got))
		w.Header().Set("Retry-After", "300")
		w.WriteHeader(status)
	}))
	t.Cleanup(receiver.Close)
	env["RECEIVER"] = receiver.URL + "/canary"
	c, err := app.LoadConfig(write(t, strings.Join([]string{
		"functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]",
		"notifications:",
		"  ui: https://temporal.acme.example/",
		"  channels: [{name: audit, webhook: {url: 'env:RECEIVER', secret: 'env:SIGNING_SECRET'}}]", "",
	}, "\n")), environment(env))
	require.NoError(t, err)
	core, log := observer.New(zap.InfoLevel)
	n, err := app.NewNotifier(c, zap.New(core))
	require.NoError(t, err)

	notice := offboard.Notice{ID: "r/1", Kind: offboard.NoticeEnded, At: time.Now(), Namespace: "hr", WorkflowID: "offboard/a/b", RunID: "r", Text: "key " + functionalKey}
	err = n.Notify(t.Context(), notice)
	assert.ErrorContains(t, err, "channel audit: the receiver answered 503")
	assert.NotContains(t, err.Error(), "canary")
	assert.Equal(t, "offboarding.ended", got.Type)
	assert.Equal(t, "https://temporal.acme.example/namespaces/hr/workflows/offboard%2Fa%2Fb/r/history", got.Data.Link)
	assert.Equal(t, "key "+app.Redacted, got.Data.Text)

	status = http.StatusOK
	fresh, err := app.NewNotifier(c, zap.New(core)) // the first one keeps to the pause
	require.NoError(t, err)
	require.NoError(t, fresh.Notify(t.Context(), notice))
	var lines []string
	for _, entry := range log.All() {
		lines = append(lines, entry.Level.String()+" "+entry.Message+" "+fmt.Sprint(entry.ContextMap()["channel"], " ", entry.ContextMap()["notice"]))
		assert.NotContains(t, fmt.Sprint(entry.ContextMap()), "canary")
	}
	assert.Equal(t, []string{"warn a notice was not taken audit r/1", "info a notice was taken audit r/1"}, lines)
}

func TestASecretInAFileIsCheckedAtTheStart(t *testing.T) {
	_, err := app.LoadConfig(write(t, "functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\n"+
		"notifications: {channels: [{name: chat, slack: {url: 'file:"+filepath.Join(t.TempDir(), "absent")+"'}}]}\n"), environment(settings()))
	assert.ErrorContains(t, err, ":2: notifications.channels[0].slack.url cannot be used: read secret file:")
}
