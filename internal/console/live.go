package console

import (
	"fmt"
	"io"
	"strings"
	"time"

	"offboard/internal/offboard"
)

// Live follows a run. On a terminal it redraws one picture in place; elsewhere it writes one line for each change and
// never the same thing twice. It is not safe for concurrent use.
type Live struct {
	console *Console
	drawn   int               // rows of the picture that stands on the terminal
	said    map[string]string // what the plain lines have said, by subject
}

// Live makes a live view.
func (c *Console) Live() *Live { return &Live{console: c, said: map[string]string{}} }

// Show shows how the run stands now; see Console.Status for its arguments.
func (l *Live) Show(p offboard.Progress, scopes map[string]offboard.ScopeProgress, now time.Time) {
	if !l.console.terminal {
		l.changes(p, scopes, now)
		return
	}
	width, height := l.console.size()
	lines := l.console.status(p, scopes, now, false)
	if height > 0 && rows(lines, width) >= height {
		lines = l.console.status(p, scopes, now, true)
	}
	// What has left the top of the terminal cannot be drawn over again.
	if height > 0 && rows(lines, width) >= height {
		for len(lines) > 0 && rows(lines, width) >= height-1 {
			lines = lines[:len(lines)-1]
		}
		lines = append(lines, "… (starter status)")
	}
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", l.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	l.drawn = rows(lines, width)
	_, _ = io.WriteString(l.console.w, b.String()) // one write, so that no half picture is seen; nobody to tell a failure
}

// rows is how many rows lines take on a terminal, which wraps those that are too long: commands, which must stay whole
// to be copied.
func rows(lines []string, width int) int {
	n := 0
	for _, line := range lines {
		n++
		if over := length(line) - 1; width > 0 && over > 0 {
			n += over / width
		}
	}
	return n
}

// change is one thing a plain view says once.
type change struct {
	subject, text string
	at            time.Time // when it happened, where that is known better than by when it was seen
}

func (l *Live) changes(p offboard.Progress, scopes map[string]offboard.ScopeProgress, now time.Time) {
	for _, c := range l.facts(p, scopes) {
		if c.text == "" || l.said[c.subject] == c.text {
			continue
		}
		l.said[c.subject] = c.text
		at := now
		if !c.at.IsZero() {
			at = c.at
		}
		l.console.Line("%s  %s", at.UTC().Format("15:04:05"), c.text)
	}
}

// facts says everything that is worth a line, in a stable order. Numbers that only count up are left out.
func (l *Live) facts(p offboard.Progress, scopes map[string]offboard.ScopeProgress) []change {
	var list []change
	add := func(subject, format string, args ...any) {
		list = append(list, change{subject: subject, text: fmt.Sprintf(format, args...)})
	}
	for i, t := range p.Timings {
		list = append(list, change{subject: fmt.Sprint("phase ", i), text: "phase: " + string(t.Phase), at: t.Started})
	}
	if p.Waiting != "" && p.Status == offboard.Running {
		add("waiting", "waiting for %s", p.Waiting)
	}
	for _, prep := range p.Prepared {
		add("prepare "+prep.Email, "functional ID %s: %s", prep.Email, prep.Step)
	}
	for _, s := range p.Scopes {
		if live, ok := scopes[s.Scope.ID()]; ok {
			s = live
		}
		if s.State == offboard.ScopeWaiting {
			continue
		}
		text := string(s.State)
		if s.Step != "" && s.State != offboard.ScopeDone {
			text += ": " + s.Step
		}
		if s.KeyMade != "" && s.State == offboard.ScopeDone {
			text += ", new key " + s.KeyMade
		}
		add("scope "+s.Scope.ID(), "%s %s", s.Scope, text)
		for _, c := range s.Clusters {
			if text := clusterState(c); text != "–" {
				add("cluster "+c.ID, "%s %s: %s", s.Scope, c.Name, text)
			}
		}
	}
	for _, k := range p.Keys {
		if k.State != offboard.KeyActive || l.said["key "+k.ID] != "" {
			add("key "+k.ID, "key %s (%s) is %s", k.ID, purpose(k.Class, k.Scope), k.State)
		}
	}
	if p.Soak != nil && p.Phase == offboard.PhaseSoak {
		add("trouble", "%s", strings.Join(p.Soak.Trouble, "; "))
	}
	for _, h := range p.Holds {
		why := strings.Join(strings.Fields(h.Problem+" "+h.Means), " ")
		add("hold "+h.Subject, "needs a person: %s: %s\n          %s", h.Subject, why, l.console.Answer(p, h))
	}
	if p.NeedsPerson() && len(p.Holds) == 0 && p.Plan != nil && p.Plan.Blockers() == 0 {
		add("approval", "needs an approval:\n          %s", l.console.Approval(p))
	}
	if p.Status != offboard.Running {
		add("end", "%s", strings.TrimSuffix(fmt.Sprintf("ended as %s: %s", p.Status, p.Message), ": "))
	}
	return list
}
