// Package console shows plans, runs and reports on a terminal, and as plain lines where the output is piped.
//
// It takes the domain's data and a writer. It must not know Temporal, IBM Cloud, flags or exit codes.
package console

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"offboard/internal/offboard"
)

// Console is an output and what it can do.
type Console struct {
	w        io.Writer
	terminal bool // lines can be redrawn
	color    bool
	size     func() (columns, lines int) // zero: no limit
	program  string                      // how people call the command line, for the commands that are shown
}

// New makes a console for a writer. It draws and colours only where the writer is a terminal; NO_COLOR and TERM=dumb
// are respected.
func New(w io.Writer, env func(string) string) *Console {
	c := &Console{w: w, program: "starter", size: func() (int, int) { return 0, 0 }}
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) || env("TERM") == "dumb" {
		return c
	}
	c.terminal, c.color = true, env("NO_COLOR") == ""
	c.size = func() (int, int) {
		columns, lines, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80, 24
		}
		return columns, lines
	}
	return c
}

// Terminal makes a console that draws as on a terminal of a fixed size, whatever the writer is.
func Terminal(w io.Writer, columns, lines int, color bool) *Console {
	return &Console{w: w, program: "starter", terminal: true, color: color, size: func() (int, int) { return columns, lines }}
}

func (c *Console) width() int {
	columns, _ := c.size()
	return columns
}

// IsTerminal tells whether somebody looks at it.
func (c *Console) IsTerminal() bool { return c.terminal }

// The colours, by what they say.
const (
	good  = "32"
	bad   = "31"
	wait  = "33"
	faint = "2"
	bold  = "1"
)

// paint marks a text; an empty code leaves it as it is.
func (c *Console) paint(code, text string) string {
	if !c.color || text == "" || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Line writes one line.
func (c *Console) Line(format string, args ...any) { fmt.Fprintf(c.w, format+"\n", args...) }

// Heading writes a heading after an empty line.
func (c *Console) Heading(text string) { c.Line("\n%s", c.paint(bold, text)) }

// Good marks a text as fine.
func (c *Console) Good(text string) string { return c.paint(good, text) }

// Bad marks a text as trouble.
func (c *Console) Bad(text string) string { return c.paint(bad, text) }

// Faint marks a text as secondary.
func (c *Console) Faint(text string) string { return c.paint(faint, text) }

// State marks a status by what it means.
func (c *Console) State(s offboard.Status) string {
	switch s {
	case offboard.Completed, offboard.AlreadyGone, offboard.Reinstated, offboard.Planned:
		return c.paint(good, string(s))
	case offboard.Running:
		return c.paint(wait, string(s))
	}
	return c.paint(bad, string(s))
}

// Elapsed writes a time span as people say it: "0.4s", "12s", "3m05s", "2h10m", "3d4h".
func Elapsed(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// plural writes "1 key" or "3 keys".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// quote makes a text one word of a shell command.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
