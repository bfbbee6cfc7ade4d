package determinism

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// rule is what an analyzer looks for in the body of a function.
type rule struct {
	name string
	find func(pass *analysis.Pass, body *ast.BlockStmt, report func(pos token.Pos, what string))
}

// finding is one place at which a replay may differ.
type finding struct {
	rule string
	pos  token.Pos
	what string
}

// impure is the fact of a function that does, or calls what does, something that a rule forbids.
type impure struct{ Reasons []reason }

type reason struct {
	Rule  string
	What  string
	Place string // file and line
}

// AFact implements analysis.Fact.
func (*impure) AFact() {}

func (f *impure) String() string {
	texts := make([]string, len(f.Reasons))
	for i, r := range f.Reasons {
		texts[i] = r.Rule + ": " + r.What
	}
	return strings.Join(texts, "; ")
}

// evidence applies every rule to every function of a package and finds out which functions a workflow reaches. The
// analyzers only choose from it.
var evidence = &analysis.Analyzer{
	Name:       "evidence",
	Doc:        "find what a workflow reaches that may differ in a replay",
	Requires:   []*analysis.Analyzer{changes},
	Run:        gather,
	ResultType: reflect.TypeFor[[]finding](),
	FactTypes:  []analysis.Fact{(*impure)(nil)},
}

// function is what is known of a declared function.
type function struct {
	own   []finding
	calls []call
	root  bool // it is a workflow's
}

type call struct {
	to  *types.Func
	pos token.Pos
}

func gather(pass *analysis.Pass) (any, error) {
	functions := map[*types.Func]*function{}
	var order []*types.Func
	if standard(pass) {
		return []finding{}, nil // the rules name what of it is forbidden
	}
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.Pos()).Filename, "_test.go") {
			continue // tests run once
		}
		for _, d := range file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok || decl.Body == nil {
				continue
			}
			if name, ok := pass.TypesInfo.Defs[decl.Name].(*types.Func); ok {
				functions[name] = look(pass, name, decl)
				order = append(order, name)
			}
		}
	}
	for _, name := range order {
		if reasons := closure(pass, functions, name); len(reasons) > 0 {
			pass.ExportObjectFact(name, &impure{reasons})
		}
	}
	return reached(pass, functions, order), nil
}

// standard tells whether a package is of Go's own library.
func standard(pass *analysis.Pass) bool {
	root := build.Default.GOROOT
	return root != "" && len(pass.Files) > 0 && strings.HasPrefix(pass.Fset.Position(pass.Files[0].Pos()).Filename, root+"/")
}

func look(pass *analysis.Pass, name *types.Func, decl *ast.FuncDecl) *function {
	f := &function{root: takesWorkflowContext(name.Signature())}
	for _, r := range rules {
		r.find(pass, decl.Body, func(pos token.Pos, what string) { f.own = append(f.own, finding{r.name, pos, what}) })
	}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if s, ok := pass.TypesInfo.TypeOf(n).(*types.Signature); ok && takesWorkflowContext(s) {
				f.root = true
			}
		case *ast.Ident:
			// A function that is mentioned may be called, except an activity, which runs once.
			if to, ok := pass.TypesInfo.Uses[n].(*types.Func); ok && !isActivity(to.Signature()) {
				f.calls = append(f.calls, call{to.Origin(), n.Pos()})
			}
		}
		return true
	})
	return f
}

// closure is why a function may differ in a replay, by itself or by what it calls.
func closure(pass *analysis.Pass, functions map[*types.Func]*function, from *types.Func) []reason {
	var reasons []reason
	add := func(r reason) {
		if !slices.Contains(reasons, r) {
			reasons = append(reasons, r)
		}
	}
	for _, name := range reach(functions, []*types.Func{from}) {
		f := functions[name]
		for _, one := range f.own {
			add(reason{one.rule, one.what, place(pass, one.pos)})
		}
		for _, c := range f.calls {
			for _, r := range elsewhere(pass, c.to) {
				add(r)
			}
		}
	}
	return reasons
}

// elsewhere is why a function of another package may differ in a replay.
func elsewhere(pass *analysis.Pass, name *types.Func) []reason {
	var fact impure
	if name.Pkg() == nil || name.Pkg() == pass.Pkg || !pass.ImportObjectFact(name, &fact) {
		return nil
	}
	return fact.Reasons
}

// reached is every finding in what the package's workflows reach.
func reached(pass *analysis.Pass, functions map[*types.Func]*function, order []*types.Func) []finding {
	var roots []*types.Func
	for _, name := range order {
		if functions[name].root {
			roots = append(roots, name)
		}
	}
	list := []finding{}
	for _, name := range reach(functions, roots) {
		f := functions[name]
		list = append(list, f.own...)
		for _, c := range f.calls {
			for _, r := range elsewhere(pass, c.to) {
				list = append(list, finding{r.Rule, c.pos, fmt.Sprintf("%s, which %s reaches at %s", r.What, c.to.Name(), r.Place)})
			}
		}
	}
	return list
}

// reach is every function of the package that can be called from some of them, those included.
func reach(functions map[*types.Func]*function, from []*types.Func) []*types.Func {
	list := slices.Clone(from)
	seen := map[*types.Func]bool{}
	for _, name := range from {
		seen[name] = true
	}
	for i := 0; i < len(list); i++ {
		for _, c := range functions[list[i]].calls {
			if functions[c.to] != nil && !seen[c.to] {
				seen[c.to] = true
				list = append(list, c.to)
			}
		}
	}
	return list
}

func place(pass *analysis.Pass, pos token.Pos) string {
	p := pass.Fset.Position(pos)
	return fmt.Sprintf("%s/%s:%d", pass.Pkg.Path(), p.Filename[strings.LastIndexAny(p.Filename, `/\`)+1:], p.Line)
}

func takesWorkflowContext(s *types.Signature) bool {
	for v := range s.Params().Variables() {
		if named(v.Type(), "go.temporal.io/sdk/workflow", "Context") || named(v.Type(), "go.temporal.io/sdk/internal", "Context") {
			return true
		}
	}
	return false
}

// isActivity tells whether a function has the form of an activity.
func isActivity(s *types.Signature) bool {
	return s.Params().Len() > 0 && named(s.Params().At(0).Type(), "context", "Context")
}

func named(t types.Type, pkg, name string) bool {
	var of *types.TypeName
	switch t := t.(type) {
	case *types.Named:
		of = t.Obj()
	case *types.Alias:
		of = t.Obj()
		if of.Pkg() != nil && (of.Pkg().Path() != pkg || of.Name() != name) {
			return named(t.Rhs(), pkg, name)
		}
	default:
		return false
	}
	return of.Pkg() != nil && of.Pkg().Path() == pkg && of.Name() == name
}
