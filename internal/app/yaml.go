package app

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"offboard/internal/offboard"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	Where string `json:"where"`          // the file, or "environment"
	Line  int    `json:"line,omitempty"` // of the file, from 1; zero where no line can be named
	Text  string `json:"text"`
}

// String is the problem as "file:line: text".
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Where + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.Where, p.Line, p.Text)
}

// document reads one YAML file into Go values, strictly, and goes on after each problem. Where the file says nothing a
// value keeps what it had.
type document struct {
	file     string
	problems []Problem
	lines    map[string]int // path -> line, for problems that are found later
	anchors  map[string]ast.Node
	moved    map[string]string // path of a field that is not given there -> where it is given
}

func newDocument(file string) *document {
	return &document{file: file, lines: map[string]int{}, anchors: map[string]ast.Node{}}
}

// problem notes a problem at a path that was read before.
func (d *document) problem(path, format string, args ...any) {
	line := d.lines[path]
	for p := path; line == 0 && p != ""; {
		i := strings.LastIndexAny(p, ".[")
		p = p[:max(i, 0)]
		line = d.lines[p]
	}
	d.at(line, format, args...)
}

func (d *document) at(line int, format string, args ...any) {
	d.problems = append(d.problems, Problem{Where: d.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (d *document) sorted() []Problem {
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return d.problems
}

// read fills the struct that into points to.
func (d *document) read(data []byte, into any) {
	// Duplicates are reported by ourselves, all of them, with the other problems.
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, text := syntaxError(err)
		d.at(line, "%s", text)
		return
	}
	if len(file.Docs) > 1 && file.Docs[1].Body != nil {
		d.at(lineOf(file.Docs[1].Body), "there is a second document: give one")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		d.at(0, "the file is empty")
		return
	}
	ast.Walk(anchorFinder(d.anchors), file.Docs[0].Body)
	d.value(file.Docs[0].Body, reflect.ValueOf(into).Elem(), "")
}

type anchorFinder map[string]ast.Node

// Visit implements ast.Visitor.
func (f anchorFinder) Visit(node ast.Node) ast.Visitor {
	if a, ok := node.(*ast.AnchorNode); ok {
		f[a.Name.GetToken().Value] = a.Value
	}
	return f
}

// syntaxError takes the line and the first line of text out of the parser's "[line:column] text" message.
func syntaxError(err error) (int, string) {
	text, _, _ := strings.Cut(err.Error(), "\n")
	place, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	number, _, _ := strings.Cut(place, ":")
	line, bad := strconv.Atoi(number)
	if !ok || bad != nil {
		return 0, "not YAML: " + text
	}
	return line, "not YAML: " + rest
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

func (d *document) value(node ast.Node, into reflect.Value, path string) {
	node = d.resolve(node)
	if into.Type() == reflect.TypeFor[offboard.Duration]() {
		d.duration(node, into, path)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.mapping(node, into, path)
	case reflect.Slice:
		d.sequence(node, into, path)
	default:
		d.scalar(node, into, path)
	}
}

// resolve follows aliases, at most as deep as a person could have meant.
func (d *document) resolve(node ast.Node) ast.Node {
	for range 16 {
		switch n := node.(type) {
		case *ast.AliasNode:
			target, known := d.anchors[n.Value.GetToken().Value]
			if !known {
				return node
			}
			node = target
		case *ast.AnchorNode:
			node = n.Value
		default:
			return node
		}
	}
	return node
}

func (d *document) mapping(node ast.Node, into reflect.Value, path string) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode:
		return // a heading with nothing under it
	default:
		d.at(lineOf(node), "%s must have fields under it, not %s", orFile(path), kind(node))
		return
	}
	fields, names := fieldsOf(into, path, d.moved)
	seen := map[string]int{}
	for _, v := range values {
		name, line := v.Key.GetToken().Value, lineOf(v.Key)
		at := join(path, name)
		field, known := fields[name]
		first, twice := seen[name]
		seen[name] = line
		place, elsewhere := d.moved[at]
		switch {
		case elsewhere:
			d.at(line, "%s is not set here: %s", at, place)
		case !known:
			d.at(line, "unknown field %q%s", at, suggestion(name, names))
		case twice:
			d.at(line, "%s is given twice, first in line %d", at, first)
		default:
			d.lines[at] = line
			d.value(v.Value, field, at)
		}
	}
}

// fieldsOf are a struct's fields by their JSON names, without those that are given elsewhere in the file.
func fieldsOf(v reflect.Value, path string, moved map[string]string) (map[string]reflect.Value, []string) {
	fields, names := map[string]reflect.Value{}, []string(nil)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if _, elsewhere := moved[join(path, name)]; name == "" || name == "-" || elsewhere {
			continue
		}
		fields[name] = v.Field(i)
		names = append(names, name)
	}
	return fields, names
}

func suggestion(name string, names []string) string {
	if near := offboard.SimilarTo(name, names); len(near) > 0 {
		return fmt.Sprintf(": did you mean %q?", near[0])
	}
	return ": known are " + strings.Join(names, ", ")
}

func (d *document) sequence(node ast.Node, into reflect.Value, path string) {
	if _, empty := node.(*ast.NullNode); empty {
		return
	}
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		d.at(lineOf(node), "%s must be a list, not %s", path, kind(node))
		return
	}
	out := reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values))
	for i, item := range list.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = lineOf(d.resolve(item))
		d.value(item, out.Index(i), at)
	}
	into.Set(out)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func orFile(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
