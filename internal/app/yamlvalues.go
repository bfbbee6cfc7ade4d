package app

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"offboard/internal/offboard"
)

func (d *document) duration(node ast.Node, into reflect.Value, path string) {
	text, ok := textOf(node)
	if !ok {
		d.at(lineOf(node), "%s must be a duration like \"90m\", \"24h\" or \"7d\", not %s", path, kind(node))
		return
	}
	v, err := offboard.ParseDuration(text)
	if err != nil {
		d.at(lineOf(node), "%s: %v", path, err)
		return
	}
	into.SetInt(int64(v))
}

func (d *document) scalar(node ast.Node, into reflect.Value, path string) {
	switch into.Kind() {
	case reflect.String:
		if text, ok := textOf(node); ok {
			into.SetString(text)
			return
		}
		d.at(lineOf(node), "%s must be text, not %s", path, kind(node))
	case reflect.Bool:
		if b, ok := node.(*ast.BoolNode); ok {
			into.SetBool(b.Value)
			return
		}
		d.at(lineOf(node), "%s must be true or false, not %s", path, kind(node))
	case reflect.Int:
		if n, ok := node.(*ast.IntegerNode); ok {
			if v, err := strconv.Atoi(n.GetToken().Value); err == nil {
				into.SetInt(int64(v))
				return
			}
		}
		d.at(lineOf(node), "%s must be a whole number, not %s", path, kind(node))
	default:
		panic(fmt.Sprintf("configuration field %s has a type that is never read: %s", path, into.Type()))
	}
}

func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// kind says what a node is. Texts are not shown: one of them may be a secret in the wrong place.
func kind(node ast.Node) string {
	switch n := node.(type) {
	case *ast.NullNode:
		return "empty"
	case *ast.IntegerNode, *ast.FloatNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "fields"
	}
	return "a " + node.Type().YAMLName()
}
