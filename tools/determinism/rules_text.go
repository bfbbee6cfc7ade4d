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

// address knows what fmt does: a pointer is followed where it is the argument itself and leads to a struct, map, slice or
// array; any other pointer, channel or function is printed as an address. What has a String, Error or Format of its own
// is asked, unless it sits in a field that is not exported. Maps are printed in the order of their keys.
var address = rule{"address", func(pass *analysis.Pass, body *ast.BlockStmt, report func(token.Pos, string)) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isPrinting(pass, call) || call.Ellipsis.IsValid() {
			return true
		}
		args, verbs := printed(pass, call)
		for i, arg := range args {
			verb := byte('v')
			if i < len(verbs) {
				verb = verbs[i]
			}
			t := pass.TypesInfo.TypeOf(arg)
			if verb == 'p' || verb != 'T' && t != nil && printsAddress(t, 0, true, nil) {
				report(arg.Pos(), "fmt prints an address here, which is another one in a replay: print what it leads to")
			}
		}
		return true
	})
}}

// isPrinting tells whether a call is one of fmt's that print values.
func isPrinting(pass *analysis.Pass, call *ast.CallExpr) bool {
	f := callee(pass, call)
	if f == nil || !inPackage(f, "fmt") {
		return false
	}
	return f.Name() == "Errorf" || strings.Contains(strings.ToLower(f.Name()), "print") || strings.HasPrefix(f.Name(), "Append")
}

// printed are the values that a call prints, with their verbs where the format is known.
func printed(pass *analysis.Pass, call *ast.CallExpr) (args []ast.Expr, verbs []byte) {
	f := callee(pass, call)
	args = call.Args
	if strings.HasPrefix(f.Name(), "Fprint") || strings.HasPrefix(f.Name(), "Append") {
		args = args[min(1, len(args)):]
	}
	if !strings.HasSuffix(f.Name(), "f") || len(args) == 0 {
		return args, nil
	}
	if format := pass.TypesInfo.Types[args[0]].Value; format != nil && format.Kind() == constant.String {
		verbs = verbsOf(constant.StringVal(format))
	}
	return args[1:], verbs
}

// verbsOf are the verbs of a format in the order of their arguments; none if the format numbers them.
func verbsOf(format string) []byte {
	var list []byte
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		for i++; i < len(format) && strings.IndexByte("+-# 0123456789.*[]", format[i]) >= 0; i++ {
			switch format[i] {
			case '*':
				list = append(list, '*')
			case '[':
				return nil
			}
		}
		if i < len(format) && format[i] != '%' {
			list = append(list, format[i])
		}
	}
	return list
}

func printsAddress(t types.Type, depth int, exported bool, seen []types.Type) bool {
	if slices.ContainsFunc(seen, func(s types.Type) bool { return types.Identical(s, t) }) {
		return false
	}
	seen = append(slices.Clone(seen), t)
	if exported && speaks(t) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Chan, *types.Signature:
		return true
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Pointer:
		switch u.Elem().Underlying().(type) {
		case *types.Struct, *types.Map, *types.Slice, *types.Array:
			return depth > 0 || printsAddress(u.Elem(), depth+1, exported, seen)
		}
		return true
	case *types.Struct:
		for f := range u.Fields() {
			if printsAddress(f.Type(), depth+1, exported && f.Exported(), seen) {
				return true
			}
		}
	case *types.Map:
		return printsAddress(u.Key(), depth+1, exported, seen) || printsAddress(u.Elem(), depth+1, exported, seen)
	case *types.Slice:
		return printsAddress(u.Elem(), depth+1, exported, seen)
	case *types.Array:
		return printsAddress(u.Elem(), depth+1, exported, seen)
	}
	return false
}

// speaks tells whether fmt asks a value for its text.
func speaks(t types.Type) bool {
	methods := types.NewMethodSet(t)
	for _, name := range []string{"Error", "String", "Format"} {
		m := methods.Lookup(nil, name)
		if m == nil {
			continue
		}
		s, ok := m.Type().(*types.Signature)
		if ok && (name == "Format" && s.Params().Len() == 2 || s.Params().Len() == 0 && s.Results().Len() == 1) {
			return true
		}
	}
	return false
}
