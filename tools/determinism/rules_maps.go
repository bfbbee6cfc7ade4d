package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// maporder lets a loop over a map be whose result is the same in any order: it fills a map, counts, finds out whether
// something is there, or collects what is sorted afterwards.
var maporder = rule{"maporder", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	sorting := map[ast.Expr]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f := callee(pass, n); f != nil && (inPackage(f, "slices") && strings.HasPrefix(f.Name(), "Sorted") || inPackage(f, "maps") && f.Name() == "Collect") {
				for _, arg := range n.Args {
					sorting[ast.Unparen(arg)] = true
				}
			}
			if what := iterates(pass, n); what != "" && !sorting[n] {
				report(n.Pos(), what+" comes in another order in a replay: sort it, or use workflow.DeterministicKeys")
			}
		case *ast.RangeStmt:
			if !isMap(pass.TypesInfo.TypeOf(n.X)) {
				break
			}
			o := ordered{pass: pass, function: body, loop: n}
			if effect := o.first(n.Body); effect != nil {
				report(effect.Pos(), "this happens in the order of a map, which is another one in a replay: sort the keys first, or use workflow.DeterministicKeys")
			}
		}
		return true
	})
}}

// iterates says what a call goes through in the order of a map.
func iterates(pass *analysis.Pass, n *ast.CallExpr) string {
	f := callee(pass, n)
	switch {
	case f == nil:
	case inPackage(f, "maps") && slices.Contains([]string{"All", "Keys", "Values"}, f.Name()):
		return "maps." + f.Name()
	case inPackage(f, "reflect") && slices.Contains([]string{"MapKeys", "MapRange", "Seq", "Seq2"}, f.Name()):
		return "reflect's " + f.Name()
	case inPackage(f, "sync") && f.Name() == "Range":
		return "sync.Map's Range"
	}
	return ""
}

// ordered looks for the first statement in a loop whose effect depends on the order.
type ordered struct {
	pass     *analysis.Pass
	function *ast.BlockStmt
	loop     *ast.RangeStmt
}

func (o ordered) first(s ast.Stmt) ast.Node {
	switch s := s.(type) {
	case nil, *ast.EmptyStmt, *ast.DeclStmt:
		return nil
	case *ast.BlockStmt:
		for _, one := range s.List {
			if effect := o.first(one); effect != nil {
				return effect
			}
		}
		return nil
	case *ast.IfStmt:
		return o.firstOf(s.Init, s.Body, s.Else)
	case *ast.ForStmt:
		return o.firstOf(s.Init, s.Post, s.Body)
	case *ast.RangeStmt:
		return o.first(s.Body)
	case *ast.SwitchStmt:
		return o.firstOf(s.Init, s.Body)
	case *ast.TypeSwitchStmt:
		return o.firstOf(s.Init, s.Body)
	case *ast.CaseClause:
		return o.first(&ast.BlockStmt{List: s.Body})
	case *ast.LabeledStmt:
		return o.first(s.Stmt)
	case *ast.IncDecStmt:
		return nil
	case *ast.BranchStmt:
		if s.Tok == token.CONTINUE {
			return nil
		}
	case *ast.ReturnStmt:
		if !slices.ContainsFunc(s.Results, func(e ast.Expr) bool { return !o.constant(e) }) {
			return nil
		}
	case *ast.ExprStmt:
		if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok && o.builtin(call) == "delete" {
			return nil
		}
	case *ast.AssignStmt:
		if o.harmless(s) {
			return nil
		}
	}
	return s
}

func (o ordered) firstOf(list ...ast.Stmt) ast.Node {
	for _, s := range list {
		if effect := o.first(s); effect != nil {
			return effect
		}
	}
	return nil
}

// harmless tells whether an assignment has the same result in any order.
func (o ordered) harmless(s *ast.AssignStmt) bool {
	if s.Tok == token.DEFINE {
		return true // of the loop's own
	}
	for i, to := range s.Lhs {
		of := s.Rhs[min(i, len(s.Rhs)-1)]
		switch {
		case o.own(to):
		case o.fillsMap(to):
		case s.Tok != token.ASSIGN:
			if basic, ok := o.pass.TypesInfo.TypeOf(to).Underlying().(*types.Basic); !ok || basic.Info()&types.IsInteger == 0 {
				return false // text is appended, and floats round
			}
		case o.constant(of):
		case o.extreme(of):
		case o.sortedLater(to, of):
		default:
			return false
		}
	}
	return true
}

// own tells whether a variable is the loop's own.
func (o ordered) own(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return false
	}
	v := o.pass.TypesInfo.ObjectOf(id)
	return id.Name == "_" || v != nil && o.loop.Pos() <= v.Pos() && v.Pos() < o.loop.End()
}

func (o ordered) fillsMap(e ast.Expr) bool {
	index, ok := ast.Unparen(e).(*ast.IndexExpr)
	return ok && isMap(o.pass.TypesInfo.TypeOf(index.X))
}

func (o ordered) constant(e ast.Expr) bool {
	t := o.pass.TypesInfo.Types[e]
	return t.Value != nil || t.IsNil()
}

// extreme tells whether a value is the largest or smallest of all.
func (o ordered) extreme(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	return ok && slices.Contains([]string{"max", "min"}, o.builtin(call))
}

// sortedLater tells whether a slice is appended to that the function sorts after the loop.
func (o ordered) sortedLater(to, of ast.Expr) bool {
	call, ok := ast.Unparen(of).(*ast.CallExpr)
	if !ok || o.builtin(call) != "append" {
		return false
	}
	slice := types.ExprString(to)
	found := false
	ast.Inspect(o.function, func(n ast.Node) bool {
		sort, ok := n.(*ast.CallExpr)
		if !ok || sort.Pos() < o.loop.End() || len(sort.Args) == 0 || types.ExprString(sort.Args[0]) != slice {
			return true
		}
		if f := callee(o.pass, sort); f != nil && (inPackage(f, "slices") && strings.HasPrefix(f.Name(), "Sort") || inPackage(f, "sort")) {
			found = true
		}
		return true
	})
	return found
}

func (o ordered) builtin(call *ast.CallExpr) string {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok {
		return ""
	}
	if b, ok := o.pass.TypesInfo.Uses[id].(*types.Builtin); ok {
		return b.Name()
	}
	return ""
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if p, ok := t.(*types.TypeParam); ok {
		t = p.Constraint()
		if i, ok := t.Underlying().(*types.Interface); ok && i.NumEmbeddeds() == 1 {
			if u, ok := i.EmbeddedType(0).(*types.Union); ok && u.Len() == 1 {
				t = u.Term(0).Type()
			}
		}
	}
	_, is := t.Underlying().(*types.Map)
	return is
}

// callee is the function or method that a call names; nil for a value.
func callee(pass *analysis.Pass, call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	f, _ := pass.TypesInfo.Uses[id].(*types.Func)
	return f
}

func inPackage(f *types.Func, path string) bool { return f.Pkg() != nil && f.Pkg().Path() == path }
