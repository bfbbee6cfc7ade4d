package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/cover"
)

// reason says why a replay cannot reach something.
type reason struct {
	line     int    // of the list
	function string // as it is declared, without its receiver; "*" is any
	text     string // that the statement's line contains; "*" is any
	why      string
	used     int // how many blocks it excused
}

func (r *reason) matches(b block) bool {
	return (r.function == "*" || r.function == b.function) && (r.text == "*" || strings.Contains(b.text, r.text))
}

// readReasons reads a list whose lines are "function | text | reason". Empty lines and those that begin with # say
// nothing. The error names every line that is wrong.
func readReasons(from io.Reader) ([]*reason, error) {
	var list []*reason
	var errs []error
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, " | ")
		if len(parts) != 3 {
			errs = append(errs, fmt.Errorf("unreached.txt, line %d: it must be \"function | text | reason\"", n))
			continue
		}
		list = append(list, &reason{line: n, function: strings.TrimSpace(parts[0]), text: strings.TrimSpace(parts[1]), why: strings.TrimSpace(parts[2])})
	}
	return list, errors.Join(append(errs, lines.Err())...)
}

// sourceFile is what is known of a file's text.
type sourceFile struct {
	lines     []string
	functions []span
}

// span is where a function is.
type span struct {
	name     string
	from, to int // lines
}

// function is the function that a line is in.
func (f sourceFile) function(line int) string {
	for _, s := range f.functions {
		if s.from <= line && line <= s.to {
			return s.name
		}
	}
	return ""
}

// readPackage reads the files of a package by their names, tests left out.
func readPackage(dir string) (map[string]sourceFile, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", dir, err)
	}
	files := map[string]sourceFile{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the source: %w", err)
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			return nil, fmt.Errorf("read the source: %w", err)
		}
		f := sourceFile{lines: strings.Split(string(text), "\n")}
		for _, d := range syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				f.functions = append(f.functions, span{fn.Name.Name, set.Position(fn.Pos()).Line, set.Position(fn.End()).Line})
			}
		}
		files[filepath.Base(name)] = f
	}
	return files, nil
}

// block is statements that run together and did not.
type block struct {
	file, function, text string
	line, statements     int
}

// result is what was counted, in statements.
type result struct {
	all, reached, excused int
	open                  []block // neither reached nor excused
}

func (r result) share() float64 { return 100 * float64(r.reached) / float64(max(r.all, 1)) }

// tally counts the statements of a profile.
func tally(profiles []*cover.Profile, source map[string]sourceFile, list []*reason) result {
	var r result
	for _, p := range profiles {
		name := p.FileName[strings.LastIndexByte(p.FileName, '/')+1:]
		f := source[name]
		for _, b := range p.Blocks {
			r.all += b.NumStmt
			if b.Count > 0 || b.NumStmt == 0 {
				r.reached += b.NumStmt
				continue
			}
			missed := block{file: name, function: f.function(b.StartLine), line: b.StartLine, statements: b.NumStmt}
			if b.StartLine <= len(f.lines) {
				missed.text = strings.TrimSpace(f.lines[b.StartLine-1])
			}
			i := slices.IndexFunc(list, func(one *reason) bool { return one.matches(missed) })
			if i < 0 {
				r.open = append(r.open, missed)
				continue
			}
			list[i].used++
			r.excused += b.NumStmt
		}
	}
	slices.SortFunc(r.open, func(a, b block) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	return r
}
