package scim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// reader makes attributes of what was sent: names as the schema writes them, no nulls, booleans that are booleans, lists
// where a list belongs. It collects every problem.
type reader struct{ problems []string }

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// failure is a 400 with every problem, nil if there is none.
func (r *reader) failure() error {
	if len(r.problems) == 0 {
		return nil
	}
	return bad(invalidValue, "%s", lines(r.problems))
}

// readUser reads the body of a POST or a PUT. What only we may set is left out, as RFC 7644, section 3.3, asks.
func readUser(body map[string]any) (Attributes, error) {
	var r reader
	user := Attributes{}
	for _, key := range slices.Sorted(maps.Keys(body)) {
		name := key
		var value any
		switch known := topLevel(key); {
		case known != nil:
			name = known.Name
			value = r.value(known, name, body[key])
		case isURN(key):
			name, value = r.extension(key, body[key])
		default:
			value = clean(body[key])
		}
		r.keep(user, name, value)
	}
	if len(r.problems) == 0 && strings.TrimSpace(textOf(user["userName"])) == "" {
		r.problem(`"userName" is missing`)
	}
	return user, r.failure()
}

// keep sets a value that is one. Two keys that differ in case only would make the result a matter of chance.
func (r *reader) keep(object map[string]any, name string, value any) {
	if value == nil {
		return
	}
	for other := range object {
		if strings.EqualFold(other, name) {
			r.problem("%q is given twice", name)
			return
		}
	}
	object[name] = value
}

// extension reads the attributes of an extension. One that is not known is kept as it was sent.
func (r *reader) extension(urn string, v any) (string, any) {
	if strings.EqualFold(urn, enterpriseSchema) {
		urn = enterpriseSchema
	}
	object, ok := v.(map[string]any)
	schema := schemaOf(urn)
	if !ok || schema == nil {
		return urn, clean(v)
	}
	return urn, r.object(schema, urn, object)
}

// object reads the attributes of an object; nil if none has a value.
func (r *reader) object(schema []attribute, where string, object map[string]any) any {
	read := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if a := find(schema, key); a != nil {
			r.keep(read, a.Name, r.value(a, where+"."+a.Name, object[key]))
		} else {
			r.keep(read, key, clean(object[key]))
		}
	}
	if len(read) == 0 {
		return nil
	}
	return read
}

// value reads the value of an attribute that is known; nil where there is none to be kept.
func (r *reader) value(a *attribute, where string, v any) any {
	if v == nil || a.Mutability != readWrite {
		return nil // a password is never kept, what is read-only never taken
	}
	if !a.MultiValued {
		return r.one(a, where, v)
	}
	elements, isList := v.([]any)
	if !isList {
		elements = []any{v} // one value where a list belongs means a list of one
	}
	var list []any
	for i, e := range elements {
		if one := r.one(a, fmt.Sprintf("%s[%d]", where, i), e); one != nil {
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// one reads a single value.
func (r *reader) one(a *attribute, where string, v any) any {
	if list, isList := v.([]any); isList && len(list) <= 1 {
		// Entra sends a list of one for attributes that have one value: "manager": [{"value": …}].
		if len(list) == 0 {
			return nil
		}
		v = list[0]
	}
	if v == nil {
		return nil
	}
	if a.Type == typeComplex {
		return r.complex(a, where, v)
	}
	if object, isObject := v.(map[string]any); isObject {
		v = unwrap(a, object)
	}
	read, ok := simple(a, v)
	if !ok {
		r.problem("%q must be %s, not %s", where, a.wants(), short(v))
	}
	return read
}

func (r *reader) complex(a *attribute, where string, v any) any {
	if object, isObject := v.(map[string]any); isObject {
		return r.object(a.Sub, where, object)
	}
	value := find(a.Sub, "value")
	if value == nil {
		r.problem("%q must be an object, not %s", where, short(v))
		return nil
	}
	// Entra names a manager by the ID alone.
	if read := r.one(value, where, v); read != nil && read != "" {
		return map[string]any{"value": read}
	}
	return nil
}

// unwrap takes a simple value out of an object that holds nothing else of use, which some senders put around it.
func unwrap(a *attribute, object map[string]any) any {
	for key, v := range object {
		if strings.EqualFold(key, "value") || (len(object) == 1 && strings.EqualFold(key, a.Name)) {
			return v
		}
	}
	return object
}

// simple reads a value that is no object; nil where there is none.
func simple(a *attribute, v any) (any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case bool:
		if a.Type == typeFlag {
			return v, true
		}
	case string:
		if a.Type != typeFlag {
			return v, true
		}
		// Entra sends "True" and "False" unless it is asked not to.
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	case json.Number:
		if a.Type != typeFlag {
			return v.String(), true
		}
	}
	return nil, false
}

func (a *attribute) wants() string {
	switch a.Type {
	case typeFlag:
		return "true or false"
	case typeComplex:
		return "an object"
	}
	return "text"
}

// clean takes the nulls out of a value that no schema describes; nil where nothing remains.
func clean(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, e := range v {
			if e = clean(e); e != nil {
				m[key] = e
			}
		}
		if len(m) == 0 {
			return nil
		}
		return m
	case []any:
		var l []any
		for _, e := range v {
			if e = clean(e); e != nil {
				l = append(l, e)
			}
		}
		if len(l) == 0 {
			return nil
		}
		return l
	}
	return v
}

// short shows a value in a message.
func short(v any) string {
	const most = 60
	data, err := json.Marshal(v)
	if err != nil {
		return "that"
	}
	if len(data) > most {
		return strings.ToValidUTF8(string(data[:most]), "") + "…"
	}
	return string(data)
}
