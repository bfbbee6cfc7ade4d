package notify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/notify"
	"offboard/internal/offboard"
)

func TestWhatAChatShows(t *testing.T) {
	for _, kind := range offboard.NoticeKinds() {
		t.Run(string(kind), func(t *testing.T) {
			r := newReceiver(t)
			n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}})
			require.NoError(t, n.Notify(t.Context(), notice(kind)))
			assert.Equal(t, "application/json; charset=utf-8", r.request(0).header.Get("Content-Type"))
			golden(t, "slack."+string(kind)+".golden.json", r.request(0).pretty(t))
		})
	}
}

func TestAChatWithoutLinkAndText(t *testing.T) {
	r := newReceiver(t)
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}, Link: func(offboard.Notice) string { return "" }})
	short := notice(offboard.NoticeEnded)
	short.Text, short.Kind = "", "news"
	require.NoError(t, n.Notify(t.Context(), short))
	golden(t, "slack.short.golden.json", r.request(0).pretty(t))
}

// A chat's limits are in characters as they are sent, escapes included.
func TestNothingIsTooLongForAChat(t *testing.T) {
	for name, filler := range map[string]string{"plain": "x", "escapes": "&", "wide": "ü", "lines": "a\n\n"} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}})
			long := notice(offboard.NoticePlanReady)
			long.Title, long.Text = strings.Repeat(filler, 5000), strings.Repeat(filler, 5000)
			long.WorkflowID = strings.Repeat(filler, 5000)
			require.NoError(t, n.Notify(t.Context(), long))
			var got struct {
				Text   string
				Blocks []struct {
					Type     string
					Text     struct{ Text string }
					Elements []struct{ Text json.RawMessage }
				}
			}
			require.NoError(t, json.Unmarshal(r.request(0).body, &got))
			assert.LessOrEqual(t, utf8.RuneCountInString(got.Text), 4000)
			for _, b := range got.Blocks {
				limit := map[string]int{"header": 150, "section": 3000, "context": 0, "actions": 0}[b.Type]
				assert.LessOrEqual(t, utf8.RuneCountInString(b.Text.Text), limit, b.Type)
				for _, e := range b.Elements {
					assert.LessOrEqual(t, utf8.RuneCountInString(string(e.Text)), 400)
				}
			}
		})
	}
}

func TestNobodysNameMentionsAChannel(t *testing.T) {
	r := newReceiver(t)
	n := newNotifier(t, notify.Config{Channels: []notify.Channel{slackTo("chat", r)}})
	hostile := notice(offboard.NoticeNeedsPerson)
	hostile.Title, hostile.Text, hostile.Leaver, hostile.WorkflowID = "<!channel> a", "<https://evil.example|click> &", "<!here>", "<@U1>"
	require.NoError(t, n.Notify(t.Context(), hostile))
	body := r.request(0)
	assert.Equal(t, "&lt;!channel&gt; a", body.json(t, "blocks", 0, "text", "text"))
	assert.Equal(t, "&lt;https://evil.example|click&gt; &amp;", body.json(t, "blocks", 1, "text", "text"))
	for _, raw := range []string{`\u003c!`, `\u003chttps`, `\u003c@`} {
		assert.NotContains(t, string(body.body), raw)
	}
}
