package console

import (
	"strings"
	"unicode/utf8"
)

// Table writes rows under a header. On a terminal the widest columns are cut until a row fits its width. Cells may be
// marked.
func (c *Console) Table(header []string, rows [][]string) {
	for _, line := range c.table(header, rows) {
		c.Line("%s", line)
	}
}

func (c *Console) table(header []string, rows [][]string) []string {
	if len(rows) == 0 {
		return nil
	}
	widths := make([]int, len(header))
	for i, h := range header {
		widths[i] = length(h)
		for _, row := range rows {
			widths[i] = max(widths[i], length(row[i]))
		}
	}
	const gap = 2
	fit(widths, c.width()-gap*(len(header)-1))
	lines := make([]string, 0, len(rows)+1)
	render := func(row []string, code string) string {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = cut(cell, widths[i])
			if i < len(row)-1 {
				cells[i] += strings.Repeat(" ", widths[i]-length(cells[i])+gap)
			}
		}
		return c.paint(code, strings.TrimRight(strings.Join(cells, ""), " "))
	}
	lines = append(lines, render(header, faint))
	for _, row := range rows {
		lines = append(lines, render(row, ""))
	}
	return lines
}

// fit makes the widest column narrower until the sum is within the room, as long as anything can still be read.
func fit(widths []int, room int) {
	const least = 8
	if room <= 0 {
		return
	}
	for {
		sum, widest := 0, 0
		for i, w := range widths {
			sum += w
			if w > widths[widest] {
				widest = i
			}
		}
		if sum <= room || widths[widest] <= least {
			return
		}
		widths[widest]--
	}
}

// length counts the characters that are seen.
func length(s string) int {
	n, escape := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			n++
		}
	}
	return n
}

// cut shortens a text to a number of seen characters, and closes a mark it cuts through.
func cut(s string, width int) string {
	if length(s) <= width {
		return s
	}
	var b strings.Builder
	n, escape, marked := 0, false, false
	for _, r := range s {
		if r == '\x1b' {
			escape, marked = true, true
		}
		if !escape && n == width-1 {
			break
		}
		b.WriteRune(r)
		if !escape {
			n++
		}
		if escape && r == 'm' {
			escape = false
		}
	}
	b.WriteRune('…')
	if marked {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// wrap breaks a text into lines of at most width characters, each after the indent.
func (c *Console) wrap(indent, text string) []string {
	room := c.width() - utf8.RuneCountInString(indent)
	if c.width() == 0 || room < 20 {
		return []string{indent + text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && length(line)+1+length(word) > room {
			lines, line = append(lines, indent+line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, indent+line)
}
