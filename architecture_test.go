// Package offboard_test holds the lines of the house: who may know whom, and that every public name says its contract.
// It asks the go command for the import graph, so nothing is built and nothing can be forgotten.
package offboard_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "offboard"

// What several rows forbid.
var (
	ibmSDKs    = []string{"github.com/IBM/...", "github.com/IBM-Cloud/..."}
	kubeClient = []string{"k8s.io/client-go/...", "k8s.io/kubectl/..."}
	temporal   = []string{"go.temporal.io/..."}
)

// row is one line of the import table. Patterns are import paths; "/..." at the end takes in everything below.
type row struct {
	packages string
	direct   []string // what its own files must not import
	deep     []string // what it must not reach over any number of imports
	only     []string // if set: of what is not the standard library, its files may import nothing else
	why      string
}

var table = []row{
	{packages: module + "/internal/offboard", only: []string{}, why: "the domain knows the standard library only"},
	{packages: module + "/activities", direct: []string{"go.temporal.io/sdk/workflow", "go.temporal.io/sdk/client"},
		deep: slices.Concat(ibmSDKs, kubeClient), why: "a verb works through a port and decides no order"},
	{packages: module + "/workflows", direct: []string{"os", "os/...", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand"},
		deep: slices.Concat(ibmSDKs, kubeClient), why: "a workflow must give the same commands again in a replay"},
	{packages: module + "/internal/ibmcloud", deep: slices.Concat(temporal, kubeClient, []string{module + "/internal/kubernetes"}),
		why: "an adapter says the ports' verbs in one vendor's words"},
	{packages: module + "/internal/kubernetes", deep: slices.Concat(temporal, ibmSDKs, []string{module + "/internal/ibmcloud"}),
		why: "an adapter says the ports' verbs in one vendor's words"},
	{packages: module + "/internal/ibmsim/...", deep: slices.Concat(ibmSDKs, temporal, kubeClient),
		only: []string{module + "/internal/ibmsim/...", "github.com/goccy/go-yaml/...", "k8s.io/api/...", "k8s.io/apimachinery/..."},
		why:  "a witness that shares our code or IBM's clients shares our misunderstandings"},
	{packages: module + "/internal/notify", deep: slices.Concat(temporal, ibmSDKs, kubeClient),
		only: []string{module + "/internal/offboard", "github.com/standard-webhooks/...", "github.com/wneessen/go-mail/..."},
		why:  "telling people needs no service of the engine's"},
	{packages: module + "/internal/door/...", deep: slices.Concat(temporal, ibmSDKs, kubeClient),
		why: "the door says what it needs of the engine in its own words"},
	{packages: module + "/internal/door/scim", deep: []string{module + "/internal/door", "go.etcd.io/..."},
		why: "a protocol knows neither who speaks it nor where its state is kept"},
	{packages: module + "/internal/codec", only: []string{"go.temporal.io/sdk/converter", "go.temporal.io/api/common/v1", "google.golang.org/protobuf/proto"},
		why: "what encrypts must not know whose payloads they are"},
	{packages: module + "/internal/kubernetes/kubetest", deep: slices.Concat(temporal, ibmSDKs, []string{module + "/internal/offboard"}),
		why: "it speaks with a program for tests"},
	{packages: module + "/internal/telemetry", direct: []string{module + "/workflows", module + "/activities", module + "/internal/app"},
		deep: slices.Concat(ibmSDKs, kubeClient, []string{module + "/internal/door"}), why: "others say what happened, it only tells"},
	{packages: module + "/internal/rehearsal", deep: slices.Concat(temporal, ibmSDKs, kubeClient, []string{module + "/workflows", module + "/activities", module + "/internal/app"}),
		why: "a rehearsal sees the real account through ports that only read, and decides no order"},
	{packages: module + "/internal/atonce", deep: []string{module + "/internal/offboard"}, why: "it does not know what it does"},
	{packages: module + "/internal/share", deep: []string{module + "/internal/offboard"}, why: "it does not know what is read"},
	{packages: module + "/internal/console", deep: slices.Concat(temporal, ibmSDKs, kubeClient), why: "a picture of data needs no service"},
	{packages: module + "/...", deep: []string{"go.temporal.io/server/...", "github.com/temporalio/ui-server/...", "github.com/chromedp/..."},
		why: "the server and the browser belong to the nested module dev"},
}

func TestImportTable(t *testing.T) {
	graph := listPackages(t)
	for _, r := range table {
		found := false
		for _, path := range slices.Sorted(maps.Keys(graph)) {
			if !matches(r.packages, path) || graph[path].Standard {
				continue
			}
			found = true
			for _, offence := range graph.offences(path, r) {
				t.Errorf("%s\n\tbecause %s", offence, r.why)
			}
		}
		if !found {
			t.Errorf("the import table has a row for %s, but there is no such package", r.packages)
		}
	}
}

// The composition root knows everything, so whatever imports it does so too.
func TestOnlyProgramsImportTheCompositionRoot(t *testing.T) {
	for path, p := range listPackages(t) {
		if slices.Contains(p.Imports, module+"/internal/app") && p.Name != "main" {
			t.Errorf("%s imports %s/internal/app, which only programs may", path, module)
		}
	}
}

// clocks are the functions of package time that answer differently in a replay.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestWorkflowsReadNoClock(t *testing.T) {
	p, ok := listPackages(t)[module+"/workflows"]
	if !ok {
		t.Fatal("there is no package workflows")
	}
	for _, f := range parseFiles(t, p) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			use, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(clocks, use.Sel.Name) {
				return true
			}
			if pkg, ok := use.X.(*ast.Ident); ok && pkg.Name == f.nameOf("time") {
				t.Errorf("%s: time.%s in a workflow; ask workflow.Now or set a timer", f.fset.Position(use.Pos()), use.Sel.Name)
			}
			return true
		})
	}
}

func TestEveryPublicNameSaysItsContract(t *testing.T) {
	graph := listPackages(t)
	for _, path := range slices.Sorted(maps.Keys(graph)) {
		if p := graph[path]; matches(module+"/...", path) && len(p.GoFiles) > 0 {
			checkDocs(t, p)
		}
	}
}

func checkDocs(t *testing.T, p pkg) {
	described := false
	for _, f := range parseFiles(t, p) {
		described = described || f.syntax.Doc != nil
		for _, name := range undocumented(f.syntax) {
			t.Errorf("%s: %s.%s has no doc comment", f.fset.Position(name.Pos()), p.ImportPath, name.Name)
		}
	}
	if !described {
		t.Errorf("%s: no file has a package comment", p.ImportPath)
	}
}

// undocumented finds the exported names of a file that neither they nor the group they stand in explain.
func undocumented(f *ast.File) []*ast.Ident {
	var list []*ast.Ident
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && ast.IsExported(receiver(d)) {
				list = append(list, d.Name)
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				continue
			}
			for _, spec := range d.Specs {
				list = append(list, undocumentedIn(spec)...)
			}
		}
	}
	return list
}

func undocumentedIn(spec ast.Spec) []*ast.Ident {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
			return []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if s.Doc == nil && s.Comment == nil {
			return slices.DeleteFunc(slices.Clone(s.Names), func(n *ast.Ident) bool { return !n.IsExported() })
		}
	}
	return nil
}

// receiver is the name of a method's type. A function has none and counts as exported.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return "Function"
	}
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// pkg is what the go command tells of a package; test files are left out.
type pkg struct {
	ImportPath, Name, Dir string
	Standard              bool
	GoFiles, Imports      []string
}

type packages map[string]pkg

func listPackages(t *testing.T) packages {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Name,Dir,Standard,GoFiles,Imports", "./...").Output()
	if err != nil {
		detail := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			detail = string(exit.Stderr)
		}
		t.Fatalf("list the packages: %v\n%s", err, detail)
	}
	graph := packages{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return graph
		}
		if err != nil {
			t.Fatalf("read the list of packages: %v", err)
		}
		graph[p.ImportPath] = p
	}
}

// offences are the sentences that say how a package breaks its row.
func (g packages) offences(path string, r row) []string {
	var list []string
	for _, imported := range g[path].Imports {
		forbidden := matchesAny(r.direct, imported)
		if r.only != nil && !g[imported].Standard && !matchesAny(r.only, imported) {
			forbidden = true
		}
		if forbidden {
			list = append(list, fmt.Sprintf("%s must not import %s", path, imported))
		}
	}
	if chain := g.reach(path, r.deep); chain != nil {
		list = append(list, fmt.Sprintf("%s must not reach %s, but %s", path, chain[len(chain)-1], strings.Join(chain, " imports ")))
	}
	return list
}

// reach finds the shortest chain of imports to something forbidden.
func (g packages) reach(from string, forbidden []string) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]].Imports {
			if _, seen := before[next]; seen {
				continue
			}
			before[next] = queue[0]
			if matchesAny(forbidden, next) {
				return chainTo(next, before)
			}
			queue = append(queue, next)
		}
	}
	return nil
}

func chainTo(last string, before map[string]string) []string {
	var chain []string
	for p := last; p != ""; p = before[p] {
		chain = append(chain, p)
	}
	slices.Reverse(chain)
	return chain
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

func matches(pattern, path string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return path == base || (below && strings.HasPrefix(path, base+"/"))
}

type file struct {
	fset   *token.FileSet
	syntax *ast.File
}

func parseFiles(t *testing.T, p pkg) []file {
	t.Helper()
	var list []file
	for _, name := range p.GoFiles {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		list = append(list, file{fset: fset, syntax: f})
	}
	return list
}

// nameOf is the name under which a file knows an imported package, empty if it does not import it.
func (f file) nameOf(path string) string {
	for _, i := range f.syntax.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil && p == path {
			if i.Name != nil {
				return i.Name.Name
			}
			return cmp.Or(path[strings.LastIndex(path, "/")+1:], path)
		}
	}
	return ""
}
