package determinism

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// clock finds every use, because `now := time.Now` is a call later on.
var clock = rule{"clock", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	uses(pass, body, func(id *ast.Ident, used types.Object) {
		if _, isFunc := used.(*types.Func); isFunc && packageLevel(used) && used.Pkg().Path() == "time" && slices.Contains(clocks, used.Name()) {
			report(id.Pos(), "time."+used.Name()+" answers differently in a replay: use workflow.Now or a timer")
		}
	})
}}

// machines are packages whose answers depend on where and when they are asked.
var machines = []string{"os", "os/...", "net", "net/http", "net/http/...", "syscall", "runtime", "runtime/...", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "hash/maphash"}

var machine = rule{"machine", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	uses(pass, body, func(id *ast.Ident, used types.Object) {
		switch used.(type) {
		case *types.Func, *types.Var:
		default:
			return
		}
		if used.Pkg() == nil || !packageLevel(used) || !slices.ContainsFunc(machines, func(m string) bool { return within(m, used.Pkg().Path()) }) {
			return
		}
		report(id.Pos(), used.Pkg().Path()+"."+used.Name()+" asks the machine: let an activity do it, or a side effect")
	})
}}

// location knows that a time that was read from text is in the machine's own zone if its offset is that of the zone, and
// that the name of the zone is then in whatever is printed of it.
var location = rule{"location", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	// A time that was just put into a zone is in no other.
	isTime := func(e ast.Expr) bool { return named(pass.TypesInfo.TypeOf(e), "time", "Time") && !putIntoZone(pass, e) }
	uses(pass, body, func(id *ast.Ident, used types.Object) {
		if used.Pkg() != nil && packageLevel(used) && used.Pkg().Path() == "time" && slices.Contains([]string{"Local", "LoadLocation"}, used.Name()) {
			report(id.Pos(), "time."+used.Name()+" is the machine's: use UTC or time.FixedZone")
		}
	})
	settled := map[ast.Expr]bool{} // calls whose result is put into a zone at once
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			method, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				break
			}
			switch called := pass.TypesInfo.Uses[method.Sel].(type) {
			case *types.Func:
				onTime := called.Signature().Recv() != nil && isTime(method.X)
				if putIntoZone(pass, n) {
					settled[ast.Unparen(method.X)] = true
				}
				switch {
				case onTime && called.Name() == "Local":
					report(method.Sel.Pos(), "Time.Local is the machine's zone: use UTC")
				case onTime && slices.Contains([]string{"String", "Location", "Zone", "GoString"}, called.Name()):
					report(method.Sel.Pos(), "Time."+called.Name()+" may name the machine's zone: use UTC first, or Format")
				case onTime && slices.Contains([]string{"Format", "AppendFormat"}, called.Name()) && namesZone(pass, n.Args):
					report(method.Sel.Pos(), "the layout prints the name of the zone, which may be the machine's: print the offset")
				case called.Signature().Recv() == nil && inPackage(called, "time") && strings.HasPrefix(called.Name(), "Unix") && !settled[n]:
					report(method.Sel.Pos(), "time."+called.Name()+" is in the machine's zone: add UTC")
				}
			}
			if isPrinting(pass, n) {
				for _, arg := range n.Args {
					if isTime(arg) {
						report(arg.Pos(), "fmt prints the name of the zone, which may be the machine's: use Format")
					}
				}
			}
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && isTime(n.X) && isTime(n.Y) {
				report(n.OpPos, "== compares the zones as well, one of which may be the machine's: use Equal")
			}
		}
		return true
	})
}}

// putIntoZone tells whether an expression is the result of Time.UTC or Time.In.
func putIntoZone(pass *analysis.Pass, e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	f := callee(pass, call)
	return f != nil && inPackage(f, "time") && slices.Contains([]string{"UTC", "In"}, f.Name())
}

func namesZone(pass *analysis.Pass, args []ast.Expr) bool {
	return slices.ContainsFunc(args, func(e ast.Expr) bool {
		v := pass.TypesInfo.Types[e].Value
		return v != nil && v.Kind() == constant.String && strings.Contains(constant.StringVal(v), "MST")
	})
}

// uses visits the names in a body that stand for something declared elsewhere.
func uses(pass *analysis.Pass, body ast.Node, visit func(*ast.Ident, types.Object)) {
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if used := pass.TypesInfo.Uses[id]; used != nil {
				visit(id, used)
			}
		}
		return true
	})
}

// packageLevel tells whether an object is declared in the block of its package, and not a method or a field.
func packageLevel(o types.Object) bool { return o.Pkg() != nil && o.Parent() == o.Pkg().Scope() }

// within tells whether a path is one of a pattern, which takes in everything below where it ends with "/...".
func within(pattern, path string) bool {
	if above, yes := strings.CutSuffix(pattern, "/..."); yes {
		return strings.HasPrefix(path, above+"/")
	}
	return path == pattern
}
