package kube

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// maxOperations is the API server's limit for one JSON patch.
const maxOperations = 10000

// jsonPatch is RFC 6902.
type jsonPatch []operation

type operation struct {
	Op    string          `json:"op"`
	Path  *string         `json:"path"`
	From  *string         `json:"from"`
	Value json.RawMessage `json:"value"`
}

func parseJSONPatch(content []byte) (jsonPatch, error) {
	var p jsonPatch
	if err := json.Unmarshal(content, &p); err != nil {
		return nil, fmt.Errorf("decode the JSON patch: %w", err)
	}
	if len(p) > maxOperations {
		return nil, fmt.Errorf("the allowed maximum operations in a JSON patch is %d, got %d", maxOperations, len(p))
	}
	return p, nil
}

// apply returns the document with all operations done, or the first failure.
func (p jsonPatch) apply(content []byte) ([]byte, error) {
	var document any
	if err := kjson.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("decode the object: %w", err)
	}
	for i, o := range p {
		next, err := o.apply(document)
		if err != nil {
			return nil, fmt.Errorf("operation %d: %w", i, err)
		}
		document = next
	}
	return json.Marshal(document)
}

func (o operation) apply(document any) (any, error) {
	if o.Path == nil {
		return nil, fmt.Errorf("%q needs a path", o.Op)
	}
	path, err := pointer(*o.Path)
	if err != nil {
		return nil, err
	}
	switch o.Op {
	case "test":
		want, err := o.value()
		if err != nil {
			return nil, err
		}
		// As in the API server's library, a path that leads nowhere passes a test for null.
		have, err := at(document, path)
		if err != nil && want != nil {
			return nil, fmt.Errorf("testing value %s failed: %w", *o.Path, err)
		}
		if !reflect.DeepEqual(have, want) {
			return nil, fmt.Errorf("testing value %s failed: test failed", *o.Path)
		}
		return document, nil
	case "remove":
		return edit(document, path, opRemove, nil)
	case "add":
		value, err := o.value()
		if err != nil {
			return nil, err
		}
		return edit(document, path, opAdd, value)
	case "replace":
		value, err := o.value()
		if err != nil {
			return nil, err
		}
		return edit(document, path, opReplace, value)
	case "move", "copy":
		return o.transfer(document, path)
	}
	return nil, fmt.Errorf("unexpected kind of operation: %q", o.Op)
}

func (o operation) transfer(document any, to []string) (any, error) {
	if o.From == nil {
		return nil, fmt.Errorf("%q needs a from", o.Op)
	}
	from, err := pointer(*o.From)
	if err != nil {
		return nil, err
	}
	value, err := at(document, from)
	if err != nil {
		return nil, fmt.Errorf("%s from %s: %w", o.Op, *o.From, err)
	}
	value = runtime.DeepCopyJSONValue(value)
	if o.Op == "move" {
		if document, err = edit(document, from, opRemove, nil); err != nil {
			return nil, err
		}
	}
	return edit(document, to, opAdd, value)
}

func (o operation) value() (any, error) {
	if len(o.Value) == 0 {
		return nil, fmt.Errorf("%q of %s needs a value", o.Op, *o.Path)
	}
	var v any
	if err := kjson.Unmarshal(o.Value, &v); err != nil {
		return nil, fmt.Errorf("decode the value for %s: %w", *o.Path, err)
	}
	return v, nil
}

// pointer splits a JSON pointer (RFC 6901).
func pointer(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("path %q does not begin with /", text)
	}
	parts := strings.Split(text[1:], "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i := range parts {
		parts[i] = unescape.Replace(parts[i])
	}
	return parts, nil
}

func at(document any, path []string) (any, error) {
	for _, part := range path {
		switch node := document.(type) {
		case map[string]any:
			next, found := node[part]
			if !found {
				return nil, fmt.Errorf("there is no %q", part)
			}
			document = next
		case []any:
			i, err := index(part, len(node)-1)
			if err != nil {
				return nil, err
			}
			document = node[i]
		default:
			return nil, fmt.Errorf("%q is below a plain value", part)
		}
	}
	return document, nil
}

type editKind int

const (
	opAdd editKind = iota
	opReplace
	opRemove
)

// edit returns the document with one place changed; it may change the document itself.
func edit(document any, path []string, op editKind, value any) (any, error) {
	if len(path) == 0 {
		if op == opRemove {
			return nil, fmt.Errorf("cannot remove the whole object")
		}
		return value, nil
	}
	part, rest := path[0], path[1:]
	switch node := document.(type) {
	case map[string]any:
		return editObject(node, part, rest, op, value)
	case []any:
		return editArray(node, part, rest, op, value)
	}
	return nil, fmt.Errorf("%q is below a plain value", part)
}

func editObject(node map[string]any, part string, rest []string, op editKind, value any) (any, error) {
	child, found := node[part]
	if !found && (len(rest) > 0 || op != opAdd) {
		return nil, fmt.Errorf("there is no %q", part)
	}
	if len(rest) == 0 && op == opRemove {
		delete(node, part)
		return node, nil
	}
	next, err := edit(child, rest, op, value)
	if err != nil {
		return nil, err
	}
	node[part] = next
	return node, nil
}

func editArray(node []any, part string, rest []string, op editKind, value any) (any, error) {
	if len(rest) == 0 && op == opAdd {
		if part == "-" {
			return append(node, value), nil
		}
		i, err := index(part, len(node))
		if err != nil {
			return nil, err
		}
		return slices.Insert(node, i, value), nil
	}
	i, err := index(part, len(node)-1)
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 && op == opRemove {
		return slices.Delete(node, i, i+1), nil
	}
	next, err := edit(node[i], rest, op, value)
	if err != nil {
		return nil, err
	}
	node[i] = next
	return node, nil
}

func index(part string, last int) (int, error) {
	i, err := strconv.Atoi(part)
	if err != nil || i < 0 || i > last {
		return 0, fmt.Errorf("%q is not a place in a list of %d", part, last+1)
	}
	return i, nil
}
