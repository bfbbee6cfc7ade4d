package ibmsim

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

//go:embed accounts/*.yaml
var shipped embed.FS

// generatedAccount is the name of the account that is made and not read: IBM's documented maximum of users and a
// thousand clusters, more than the documented hundred in each of some regions.
const generatedAccount = "large"

// Shipped lists the names of the accounts that come with the package.
func Shipped() []string {
	entries, err := shipped.ReadDir("accounts")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	names = append(names, generatedAccount)
	slices.Sort(names)
	return names
}

// Load reads a shipped account by its name ("sample") or an account file by its path. Every problem of the file is in
// the error, each with its line.
func Load(nameOrPath string) (*Account, error) {
	if nameOrPath == generatedAccount {
		return Generate(11, 10, 1000, 7500, 1), nil
	}
	if slices.Contains(Shipped(), nameOrPath) {
		text, err := shipped.ReadFile(path.Join("accounts", nameOrPath+".yaml"))
		if err != nil {
			return nil, fmt.Errorf("read shipped account %s: %w", nameOrPath, err)
		}
		return Parse(nameOrPath, text)
	}
	text, err := os.ReadFile(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("read account file (shipped accounts are %s): %w", strings.Join(Shipped(), ", "), err)
	}
	return Parse(nameOrPath, text)
}

// Parse reads an account file's text; name only decorates errors.
func Parse(name string, text []byte) (*Account, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s: want one YAML document", name)
	}
	body := file.Docs[0].Body
	problems := unknownFields(body, reflect.TypeFor[Account]())
	if len(problems) > 0 {
		return nil, problemsError(name, problems)
	}
	var a Account
	if err := yaml.NodeToValue(body, &a); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if problems := a.check(lineFinder(body)); len(problems) > 0 {
		return nil, problemsError(name, problems)
	}
	return &a, nil
}

// Check lists in one error everything that is wrong with an account that was made in Go: what Load says of a file,
// without its lines.
func (a *Account) Check() error {
	problems := a.check(func(string) int { return 0 })
	if len(problems) == 0 {
		return nil
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = errors.New(p.text)
	}
	return fmt.Errorf("the simulated account cannot be: %w", errors.Join(errs...))
}

// problem is one thing wrong with an account file.
type problem struct {
	line int
	text string
}

func problemsError(name string, problems []problem) error {
	slices.SortStableFunc(problems, func(a, b problem) int { return a.line - b.line })
	var b strings.Builder
	fmt.Fprintf(&b, "account %s has %d problem(s):", name, len(problems))
	for _, p := range problems {
		fmt.Fprintf(&b, "\n  line %d: %s", p.line, p.text)
	}
	return fmt.Errorf("%s", b.String())
}

// unknownFields walks the tree beside the Go type, because a strict decode stops at the first unknown field.
func unknownFields(node ast.Node, t reflect.Type) []problem {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return unknownInMapping(node, t)
	case reflect.Slice:
		seq, ok := node.(*ast.SequenceNode)
		if !ok {
			return nil
		}
		var found []problem
		for _, v := range seq.Values {
			found = append(found, unknownFields(v, t.Elem())...)
		}
		return found
	}
	return nil
}

func unknownInMapping(node ast.Node, t reflect.Type) []problem {
	values := mappingValues(node)
	var found []problem
	for _, v := range values {
		key := v.Key.GetToken()
		field, ok := fieldByTag(t, key.Value)
		if !ok {
			found = append(found, problem{key.Position.Line, fmt.Sprintf("unknown field %q", key.Value)})
			continue
		}
		found = append(found, unknownFields(v.Value, field.Type)...)
	}
	return found
}

func mappingValues(node ast.Node) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func fieldByTag(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if f.Tag.Get("yaml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// lineFinder finds the line of a path such as $.clusters[3].region, or of the nearest thing above it.
func lineFinder(body ast.Node) func(path string) int {
	return func(path string) int {
		for path != "" && path != "$" {
			if p, err := yaml.PathString(path); err == nil {
				if node, err := p.FilterNode(body); err == nil && node != nil {
					return node.GetToken().Position.Line
				}
			}
			cut := strings.LastIndexAny(path, ".[")
			if cut < 0 {
				break
			}
			path = path[:cut]
		}
		return 1
	}
}
