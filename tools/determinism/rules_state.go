package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// concurrent finds what runs beside the workflow's own coroutines, in an order of its own.
var concurrent = rule{"concurrent", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "a goroutine runs when it likes: use workflow.Go")
		case *ast.SelectStmt:
			report(n.Pos(), "select chooses at random: use workflow.NewSelector")
		case *ast.SendStmt:
			report(n.Pos(), "a channel of Go's blocks the worker: use workflow.NewChannel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				report(n.Pos(), "a channel of Go's blocks the worker: use workflow.NewChannel")
			}
		case *ast.RangeStmt:
			if _, is := pass.TypesInfo.TypeOf(n.X).Underlying().(*types.Chan); is {
				report(n.Pos(), "a channel of Go's blocks the worker: use workflow.NewChannel")
			}
		}
		return true
	})
	uses(pass, body, func(id *ast.Ident, used types.Object) {
		f, ok := used.(*types.Func)
		if !ok || f.Pkg() == nil {
			return
		}
		switch path := f.Pkg().Path(); {
		case path == "sync" || path == "sync/atomic" || strings.HasPrefix(path, "golang.org/x/sync/"):
			report(id.Pos(), path+" is for goroutines, which a workflow must not have: use what package workflow offers")
		case path == "context":
			report(id.Pos(), "context."+f.Name()+" is not Temporal's: use workflow.Context")
		}
	})
}}

// global finds variables of the package that its functions change. One run would see what another did, and a replay what
// its first life did.
var global = rule{"global", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	changed := pass.ResultOf[changes].(map[*types.Var]bool)
	uses(pass, body, func(id *ast.Ident, used types.Object) {
		if v, ok := used.(*types.Var); ok && changed[v] {
			report(id.Pos(), v.Name()+" outlives the run and is changed by a function: keep it in the run's own state")
		}
	})
}}

// changes finds the variables of the package that a function assigns to, or lets be changed by taking their address.
var changes = &analysis.Analyzer{
	Name:       "changes",
	Doc:        "find the variables of a package that its functions change",
	Run:        func(pass *analysis.Pass) (any, error) { return changedVariables(pass), nil },
	ResultType: reflect.TypeFor[map[*types.Var]bool](),
}

func changedVariables(pass *analysis.Pass) map[*types.Var]bool {
	changed := map[*types.Var]bool{}
	note := func(e ast.Expr) {
		if v := rootVariable(pass, e); v != nil && packageLevel(v) && v.Pkg() == pass.Pkg {
			changed[v] = true
		}
	}
	for _, file := range pass.Files {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok || decl.Body == nil {
				continue
			}
			ast.Inspect(decl.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					if n.Tok != token.DEFINE {
						for _, to := range n.Lhs {
							note(to)
						}
					}
				case *ast.IncDecStmt:
					note(n.X)
				case *ast.UnaryExpr:
					if n.Op == token.AND {
						note(n.X)
					}
				case *ast.CallExpr:
					noteCall(pass, n, note)
				}
				return true
			})
		}
	}
	return changed
}

// noteCall notes what a call changes: the map of a delete or clear, and the receiver whose address a method takes.
func noteCall(pass *analysis.Pass, n *ast.CallExpr, note func(ast.Expr)) {
	switch f := ast.Unparen(n.Fun).(type) {
	case *ast.Ident:
		if b, ok := pass.TypesInfo.Uses[f].(*types.Builtin); ok && slices.Contains([]string{"delete", "clear", "copy"}, b.Name()) && len(n.Args) > 0 {
			note(n.Args[0])
		}
	case *ast.SelectorExpr:
		selection := pass.TypesInfo.Selections[f]
		if selection == nil || selection.Kind() != types.MethodVal {
			return
		}
		method := selection.Obj().(*types.Func)
		_, byAddress := method.Signature().Recv().Type().Underlying().(*types.Pointer)
		_, isPointer := pass.TypesInfo.TypeOf(f.X).Underlying().(*types.Pointer)
		if byAddress && !isPointer {
			note(f.X)
		}
	}
}

// rootVariable is the variable that an expression is a part of.
func rootVariable(pass *analysis.Pass, e ast.Expr) *types.Var {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v, _ := pass.TypesInfo.Uses[e].(*types.Var)
		return v
	case *ast.SelectorExpr:
		if v, ok := pass.TypesInfo.Uses[e.Sel].(*types.Var); ok && packageLevel(v) {
			return v
		}
		return rootVariable(pass, e.X)
	case *ast.IndexExpr:
		return rootVariable(pass, e.X)
	case *ast.StarExpr:
		return rootVariable(pass, e.X)
	}
	return nil
}

// known are packages whose interfaces are answered by Temporal's SDK or without any outside.
var known = []string{"errors", "fmt", "sort", "encoding", "encoding/json", "reflect", "go/constant", "go.temporal.io/sdk/...", "go.temporal.io/api/...", "google.golang.org/protobuf/..."}

// dynamic finds calls of methods of interfaces that are not Temporal's.
var dynamic = rule{"dynamic", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok {
			return true
		}
		selection := pass.TypesInfo.Selections[f]
		if selection == nil || selection.Kind() != types.MethodVal {
			return true
		}
		on := selection.Recv()
		if _, generic := on.(*types.TypeParam); generic || !types.IsInterface(on) {
			return true
		}
		method := selection.Obj()
		if method.Pkg() == nil || slices.ContainsFunc(known, func(k string) bool { return within(k, method.Pkg().Path()) }) {
			return true // error is of no package
		}
		report(f.Sel.Pos(), "anything may be behind "+types.TypeString(on, types.RelativeTo(pass.Pkg))+"."+method.Name()+": call a function, or let an activity do it")
		return true
	})
}}
