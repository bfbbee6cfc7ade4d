package notify_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
	"offboard/internal/offboard"
)

// signing makes a secret out of a letter.
func signing(letter string, length int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, length)))
}

func webhookTo(r *receiver, key string, envelope notify.Envelope) notify.Channel {
	return notify.Channel{Name: "audit", Webhook: &notify.Webhook{URL: secret(r.url()), Secret: secret(key), Envelope: envelope}}
}

func TestWebhooksAreSignedAsTheOfficialLibraryExpects(t *testing.T) {
	for _, c := range []struct {
		envelope notify.Envelope
		kind     offboard.NoticeKind
		mime     string
		golden   string
	}{
		{notify.EnvelopeStandard, offboard.NoticePlanReady, "application/json", "webhook.standard.planReady.golden.json"},
		{"", offboard.NoticeEnded, "application/json", "webhook.standard.ended.golden.json"},
		{notify.EnvelopeCloudEvents, offboard.NoticeNeedsPerson, "application/cloudevents+json; charset=utf-8", "webhook.cloudevents.needsPerson.golden.json"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			r := newReceiver(t)
			n := newNotifier(t, notify.Config{Channels: []notify.Channel{webhookTo(r, signing("a", 32), c.envelope)}})
			require.NoError(t, n.Notify(t.Context(), notice(c.kind)))
			got := r.request(0)
			verifier, err := standardwebhooks.NewWebhook(signing("a", 32))
			require.NoError(t, err)
			assert.NoError(t, verifier.Verify(got.body, got.header))
			assert.ErrorIs(t, verifier.Verify(append(got.body, ' '), got.header), standardwebhooks.ErrNoMatchingSignature)
			assert.Equal(t, notice(c.kind).ID, got.header.Get("webhook-id"))
			assert.Equal(t, c.mime, got.header.Get("Content-Type"))
			golden(t, c.golden, got.pretty(t))
		})
	}
}

func TestEveryTryIsTheSameNoticeSignedAnew(t *testing.T) {
	r := newReceiver(t)
	r.script(reply{status: 500}, reply{status: 429, after: "1"}, reply{status: 200})
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{webhookTo(r, signing("a", 24), "")}})
	before := time.Now().Unix()
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticePlanReady)))
	require.Equal(t, 3, r.count())
	verifier, err := standardwebhooks.NewWebhook(signing("a", 24))
	require.NoError(t, err)
	var stamps []int64
	for i := range 3 {
		got := r.request(i)
		assert.NoError(t, verifier.Verify(got.body, got.header))
		assert.Equal(t, r.request(0).body, got.body)
		assert.Equal(t, r.request(0).header.Get("webhook-id"), got.header.Get("webhook-id"))
		stamp, err := strconv.ParseInt(got.header.Get("webhook-timestamp"), 10, 64)
		require.NoError(t, err)
		stamps = append(stamps, stamp)
	}
	assert.GreaterOrEqual(t, stamps[0], before)
	assert.Greater(t, stamps[2], stamps[1], "the pause was a second; a receiver would refuse the time of the first try after five minutes")
}

func TestTwoSecretsSignWhileTheyAreChanged(t *testing.T) {
	r := newReceiver(t)
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{webhookTo(r, signing("a", 32)+"\n"+signing("b", 64)+"\n", "")}})
	require.NoError(t, n.Notify(t.Context(), notice(offboard.NoticePlanReady)))
	got := r.request(0)
	for _, letter := range []string{"a", "b"} {
		length := map[string]int{"a": 32, "b": 64}[letter]
		verifier, err := standardwebhooks.NewWebhook(signing(letter, length))
		require.NoError(t, err)
		assert.NoError(t, verifier.Verify(got.body, got.header))
	}
	stranger, err := standardwebhooks.NewWebhook(signing("c", 32))
	require.NoError(t, err)
	assert.ErrorIs(t, stranger.Verify(got.body, got.header), standardwebhooks.ErrNoMatchingSignature)
}

func TestSigningSecrets(t *testing.T) {
	const not = "is not a signing secret: whsec_ and 24 to 64 random bytes in base64"
	for name, c := range map[string]struct{ text, want string }{
		"shortest":       {signing("a", 24), ""},
		"longest":        {signing("a", 64), ""},
		"without prefix": {strings.TrimPrefix(signing("a", 32), "whsec_"), ""},
		"two":            {signing("a", 32) + " " + signing("b", 32), ""},
		"too short":      {signing("a", 23), not},
		"too long":       {signing("a", 65), not},
		"one too short":  {signing("a", 32) + " " + signing("b", 3), not},
		"not base64":     {"whsec_canary!", not},
		"prefix only":    {"whsec_", not},
		"empty":          {"", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			err := notify.CheckSigningSecret(c.text)
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, c.want)
		})
	}
}
