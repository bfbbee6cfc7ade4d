package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"offboard/internal/offboard"
)

// leaver is one person of a file of many.
type leaver struct {
	line    int
	request offboard.Request
}

// invalidFile lists everything that is wrong with a file of many people.
type invalidFile struct {
	name     string
	problems []string
}

// Error implements error: one line a problem, then a correct example.
func (e *invalidFile) Error() string {
	count := "1 problem"
	if n := len(e.problems); n != 1 {
		count = fmt.Sprintf("%d problems", n)
	}
	return fmt.Sprintf("%s has %s, nothing was started\n%s\nA correct example:\n%s",
		e.name, count, strings.Join(e.problems, "\n"), leaversExample)
}

const leaversExample = `user,lastDay,ticket,functionalIds
leaver@acme.example,2026-12-31T17:00:00+01:00,HR-1234,clusters-1@acme.example;clusters-2@acme.example
IBMid-000000TEST,,HR-1235,`

// columns are the columns a file may have: the fields of the input.
var columns = []string{"user", "lastDay", "reason", "ticket", "requestedBy", "soak", "functionalIds", "mode", "approval", "onFailure", "removeUser", "account", "urgent"}

// readLeavers reads a file of many people, one a line under a header row, and checks everything that can be checked
// without looking at the account. What a line leaves empty is taken from the defaults. The error, if any, is an
// *invalidFile with every problem.
func readLeavers(name string, data []byte, defaults map[string]any, now time.Time) ([]leaver, error) {
	f := leaversFile{defaults: defaults, now: now, lines: map[string]int{}}
	f.read(bytes.TrimPrefix(data, []byte("\ufeff"))) // spreadsheets begin a file so
	if len(f.problems) > 0 {
		return nil, &invalidFile{name: name, problems: f.problems}
	}
	return f.leavers, nil
}

type leaversFile struct {
	defaults map[string]any
	now      time.Time
	header   []string
	lines    map[string]int // where a person stands already, in lower case
	leavers  []leaver
	problems []string
}

func (f *leaversFile) problem(line int, format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf("line %d: %s", line, fmt.Sprintf(format, args...)))
}

func (f *leaversFile) read(data []byte) {
	if at := notText(data); at > 0 {
		f.problem(at, "this is not UTF-8 text: save the file as CSV in UTF-8")
		return
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord = separator(data), -1
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if wrong, yes := errors.AsType[*csv.ParseError](err); yes {
			f.problem(wrong.Line, "%v", wrong.Err)
			continue
		}
		line, _ := r.FieldPos(0)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case f.header == nil:
			f.readHeader(line, cells)
		case strings.Join(cells, "") != "": // spreadsheets leave rows of nothing
			f.readLine(line, cells)
		}
	}
	switch {
	case f.header == nil:
		f.problems = append(f.problems, "the file is empty: begin with a header row that names the columns")
	case len(f.leavers) == 0 && len(f.problems) == 0:
		f.problems = append(f.problems, "the file names nobody: there is only a header row")
	}
}

// notText is the first line that is no UTF-8 text, zero if there is none.
func notText(data []byte) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return i + 1
		}
	}
	return 0
}

// separator is what stands between the cells of the header row, where no name of a column holds one.
func separator(data []byte) rune {
	header, _, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\n"))
	if bytes.Count(header, []byte(";")) > bytes.Count(header, []byte(",")) {
		return ';'
	}
	return ','
}

func (f *leaversFile) readHeader(line int, cells []string) {
	f.header = make([]string, len(cells))
	for i, cell := range cells {
		at := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, cell) })
		switch {
		case cell == "":
			f.problem(line, "column %d has no name", i+1)
		case at < 0:
			f.problem(line, "unknown column %q: known are %s", cell, strings.Join(columns, ", "))
		case slices.Contains(f.header, columns[at]):
			f.problem(line, "column %q is there twice", cell)
		default:
			f.header[i] = columns[at]
		}
	}
	if !slices.Contains(f.header, "user") {
		f.problem(line, "there is no column %q: the first row names the columns", "user")
	}
}

func (f *leaversFile) readLine(line int, cells []string) {
	if len(cells) != len(f.header) {
		f.problem(line, "it has %d cells, the header row has %d", len(cells), len(f.header))
		return
	}
	values := map[string]any{}
	for name, value := range f.defaults {
		values[name] = value
	}
	for i, cell := range cells {
		if cell != "" && f.header[i] != "" {
			values[f.header[i]] = cellValue(f.header[i], cell)
		}
	}
	data, err := json.Marshal(values)
	if err != nil {
		f.problem(line, "%v", err)
		return
	}
	request, err := offboard.DecodeRequest(data, f.now)
	if invalid, yes := errors.AsType[*offboard.InvalidInput](err); yes {
		for _, problem := range invalid.Problems {
			f.problem(line, "%s", problem)
		}
		return
	}
	person := strings.ToLower(request.User)
	if before := f.lines[person]; before > 0 {
		f.problem(line, "%s is in line %d already", request.User, before)
		return
	}
	f.lines[person] = line
	f.leavers = append(f.leavers, leaver{line: line, request: request})
}

func cellValue(column, cell string) any {
	switch {
	case column == "functionalIds":
		return strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	case slices.Contains(flags, column) && strings.EqualFold(cell, "true"):
		return true
	case slices.Contains(flags, column) && strings.EqualFold(cell, "false"):
		return false
	}
	return cell
}

// flags are the columns that say yes or no.
var flags = []string{"removeUser", "urgent"}
