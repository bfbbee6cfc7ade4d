package notify

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"offboard/internal/offboard"
)

// message is a notice with everything a reader needs in order to act, in words. All channels say the same.
type message struct {
	offboard.Notice
	Need     string   `json:"need"`               // what is wanted of the reader
	Commands []string `json:"commands,omitempty"` // how to do it in a shell
	Link     string   `json:"link,omitempty"`     // the run's page
}

func (n *Notifier) message(notice offboard.Notice) message {
	notice.Title = n.redact(strings.Join(strings.Fields(notice.Title), " "))
	notice.Text = n.redact(strings.TrimSpace(notice.Text))
	m := message{Notice: notice}
	if n.config.Link != nil {
		m.Link = n.config.Link(notice)
	}
	run := quote(cmp.Or(notice.WorkflowID, notice.Leaver))
	switch notice.Kind {
	case offboard.NoticePlanReady, offboard.NoticeApprovalReminder:
		m.Need = "Approve or reject the plan. Whoever asked for the offboarding cannot approve it."
		m.Commands = []string{"starter approve " + run + " --by YOU", "starter reject " + run + " --by YOU"}
	case offboard.NoticeNeedsPerson:
		m.Need = "Decide how it goes on. ACTION is one of the answers that are explained above."
		m.Commands = []string{"starter status " + run, "starter resolve " + run + " --scope " + quote(notice.Subject) + " --action ACTION --by YOU"}
	case offboard.NoticeEnded:
		m.Need = "Nothing. The report says what was done."
		if notice.Status == offboard.Incomplete {
			m.Need = "See to what remains. The report lists it."
		}
		m.Commands = []string{"starter report " + run}
	default:
		m.Need = "Look at the run."
		m.Commands = []string{"starter status " + run}
	}
	return m
}

// Deadline is until when an answer is waited for, empty if for ever or for none.
func (m message) Deadline() string {
	if m.Due.IsZero() {
		return ""
	}
	return m.Due.UTC().Format("2006-01-02 15:04 MST")
}

// Facts say which run it is, in pairs of name and value.
func (m message) Facts() [][2]string {
	stands := string(m.Status)
	if m.Status == offboard.Running {
		stands += ", " + string(m.Phase)
	}
	return [][2]string{{"Leaver", m.Leaver}, {"Account", m.Account}, {"Status", stands}, {"Run", m.WorkflowID}}
}

// Paragraphs are the text's, each with its lines.
func (m message) Paragraphs() [][]string {
	var list [][]string
	for p := range strings.SplitSeq(m.Text, "\n\n") {
		if p = strings.Trim(p, "\n"); p != "" {
			list = append(list, strings.Split(p, "\n"))
		}
	}
	return list
}

// when is the time of the notice, and now for one without.
func (m message) when() time.Time {
	if m.At.IsZero() {
		return time.Now()
	}
	return m.At
}

var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// quote makes one word of a text for a shell. People paste these commands, and a name is somebody else's text.
func quote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
