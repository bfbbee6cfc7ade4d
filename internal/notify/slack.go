package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"offboard/internal/offboard"
)

// Slack posts to an incoming webhook of Slack, or of a chat that takes the same JSON. The URL is a credential: whoever
// knows it can write to the channel.
type Slack struct{ URL Secret }

type slack struct {
	config Slack
	post   poster
}

// What Slack takes, in characters: a header, the text of a section, the elements of a context.
const (
	headerLimit  = 150
	sectionLimit = 3000
)

type slackMessage struct {
	Text   string       `json:"text"` // what a notification or a chat without blocks shows
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string         `json:"type"`
	Text     *slackText     `json:"text,omitempty"`
	Elements []slackElement `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// slackElement is a text of a context, where Text is a string, or a button, where it is a slackText.
type slackElement struct {
	Type     string `json:"type"`
	Text     any    `json:"text"`
	URL      string `json:"url,omitempty"`
	ActionID string `json:"action_id,omitempty"`
}

func (s *slack) send(ctx context.Context, m message) *offboard.Error {
	body, err := json.Marshal(blocks(m))
	if err != nil {
		return offboard.Errorf(offboard.Invalid, "", "%v", err)
	}
	return s.post.to(ctx, s.config.URL, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
}

func blocks(m message) slackMessage {
	need := "*Needed from you:* " + escape(m.Need, sectionLimit)
	if len(m.Commands) > 0 {
		need += "\n```" + escape(strings.Join(m.Commands, "\n"), sectionLimit/2) + "```"
	}
	fallback := escape(m.Title, headerLimit) + "\nNeeded from you: " + escape(m.Need, sectionLimit)
	if d := m.Deadline(); d != "" {
		need += "\n*Deadline:* " + d
		fallback += "\nDeadline: " + d
	}
	list := []slackBlock{{Type: "header", Text: &slackText{Type: "plain_text", Text: escape(m.Title, headerLimit)}}}
	if m.Text != "" {
		list = append(list, section(escape(m.Text, sectionLimit)))
	}
	list = append(list, section(need))
	if m.Link != "" {
		fallback += "\n" + escape(m.Link, sectionLimit)
		list = append(list, slackBlock{Type: "actions", Elements: []slackElement{
			{Type: "button", Text: slackText{Type: "plain_text", Text: "Open the run"}, URL: m.Link, ActionID: "open-run"},
		}})
	}
	var facts []slackElement
	for _, f := range m.Facts() {
		if f[1] != "" {
			facts = append(facts, slackElement{Type: "mrkdwn", Text: f[0] + ": " + escape(f[1], headerLimit)})
		}
	}
	return slackMessage{Text: fallback, Blocks: append(list, slackBlock{Type: "context", Elements: facts})}
}

func section(text string) slackBlock {
	return slackBlock{Type: "section", Text: &slackText{Type: "mrkdwn", Text: text}}
}

// The three characters that Slack gives a meaning to; nobody's name can mention a channel or make a link.
var escapes = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}

// escape writes a text for Slack, cut before the limit so that no escape is cut in two.
func escape(text string, limit int) string {
	var b strings.Builder
	length := 0
	for _, r := range text {
		piece, special := escapes[r]
		if !special {
			piece = string(r)
		}
		if length += utf8.RuneCountInString(piece); length >= limit {
			return b.String() + "…"
		}
		b.WriteString(piece)
	}
	return b.String()
}
