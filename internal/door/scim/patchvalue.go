package scim

import (
	"maps"
	"reflect"
	"slices"
)

// changed is the value of an attribute after an operation.
func (p *patched) changed(o operation, where path, now any) (any, error) {
	switch {
	case where.filter != nil:
		return p.picked(o, where, now)
	case where.sub != "":
		return p.part(o, where, now)
	case o.verb == "remove":
		return without(now, o.value), nil
	}
	value, err := read(where.known, where.name, o.value)
	if err != nil {
		return nil, err
	}
	return merged(o.verb, where.known, now, value), nil
}

// read reads a value by its definition.
func read(known *attribute, name string, v any) (any, error) {
	if known == nil {
		return clean(v), nil
	}
	var r reader
	value := r.value(known, name, v)
	return value, r.failure()
}

// merged puts a new value to an old one: a list grows by add, an object keeps what was not named.
func merged(verb string, known *attribute, now, value any) any {
	list, isList := now.([]any)
	if verb == "add" && (isList || known != nil && known.MultiValued) {
		list = slices.Clone(list)
		for _, e := range elements(value) {
			same := func(other any) bool { return reflect.DeepEqual(other, e) }
			if !slices.ContainsFunc(list, same) {
				list = append(onlyPrimary(list, e), e)
			}
		}
		return list
	}
	old, isObject := now.(map[string]any)
	fresh, bothObjects := value.(map[string]any)
	if isObject && bothObjects {
		maps.Copy(old, fresh)
		return old
	}
	return value
}

// onlyPrimary takes the mark of the primary value off the others where a new one carries it (RFC 7644, section 3.5.2).
func onlyPrimary(list []any, fresh any) []any {
	if object, ok := fresh.(map[string]any); !ok || object["primary"] != true {
		return list
	}
	for i, e := range list {
		if other, ok := e.(map[string]any); ok && other["primary"] == true {
			other = maps.Clone(other)
			other["primary"] = false
			list[i] = other
		}
	}
	return list
}

// without takes values off a list; all of it where none is named.
func without(now, named any) any {
	list, isList := now.([]any)
	if !isList || named == nil {
		return nil
	}
	gone := elements(clean(named))
	return slices.DeleteFunc(slices.Clone(list), func(e any) bool {
		return slices.ContainsFunc(gone, func(g any) bool { return reflect.DeepEqual(valueOf(e), valueOf(g)) })
	})
}

// valueOf is what distinguishes a value of a list.
func valueOf(e any) any {
	if object, ok := e.(map[string]any); ok {
		if v := member(object, "value"); v != nil {
			return v
		}
	}
	return e
}

// part changes one part of an attribute: of an object, or of every value of a list.
func (p *patched) part(o operation, where path, now any) (any, error) {
	list, isList := now.([]any)
	if !isList && (where.known == nil || !where.known.MultiValued) {
		object, _ := now.(map[string]any)
		return withPart(o, where, object)
	}
	if len(list) == 0 && o.verb != "remove" {
		list = []any{map[string]any{}}
	}
	for i, e := range list {
		object, _ := e.(map[string]any)
		changed, err := withPart(o, where, object)
		if err != nil {
			return nil, err
		}
		list[i] = changed
	}
	return slices.DeleteFunc(list, func(e any) bool { return !present(e) }), nil
}

// withPart sets or takes away a part of an object.
func withPart(o operation, where path, object map[string]any) (any, error) {
	if where.known != nil && where.known.Type != typeComplex {
		return nil, bad(invalidPath, "%q has no parts", where.name)
	}
	if object == nil {
		object = map[string]any{}
	}
	name := where.sub
	if where.part == nil {
		name = keyOf(object, name)
	}
	delete(object, name)
	if o.verb != "remove" {
		value, err := read(where.part, where.name+"."+name, o.value)
		if err != nil {
			return nil, err
		}
		if value != nil {
			object[name] = value
		}
	}
	if len(object) == 0 {
		return nil, nil
	}
	return object, nil
}

// picked changes the values of a list that a filter picks.
func (p *patched) picked(o operation, where path, now any) (any, error) {
	list := slices.Clone(elements(now))
	matched := false
	for i, e := range list {
		object, ok := e.(map[string]any)
		if !ok || !where.filter.matches(object) {
			continue
		}
		matched = true
		changed, err := p.pickedOne(o, where, object)
		if err != nil {
			return nil, err
		}
		list[i] = changed
		if fresh, ok := changed.(map[string]any); ok && fresh["primary"] == true {
			onlyPrimary(list[:i], changed)
			onlyPrimary(list[i+1:], changed)
		}
	}
	if !matched && o.verb != "remove" {
		// Entra names a value that is not there yet by what shall mark it.
		if where.filter.equal == nil {
			return nil, bad(noTarget, "no value of %q matches the path's filter", where.name)
		}
		fresh, err := p.pickedOne(o, where, maps.Clone(where.filter.equal))
		if err != nil {
			return nil, err
		}
		list = append(onlyPrimary(list, fresh), fresh)
	}
	return slices.DeleteFunc(list, func(e any) bool { return !present(e) }), nil
}

// pickedOne changes one value of a list.
func (p *patched) pickedOne(o operation, where path, object map[string]any) (any, error) {
	if where.sub != "" {
		return withPart(o, where, object)
	}
	if o.verb == "remove" {
		return nil, nil
	}
	values, err := read(where.known, where.name, o.value)
	if err != nil {
		return nil, err
	}
	fresh, ok := firstOf(values).(map[string]any)
	if !ok {
		return nil, bad(invalidValue, "%q needs an object, not %s", o.path, short(o.value))
	}
	if o.verb == "replace" {
		object = maps.Clone(where.filter.equal) // what it was picked by still marks it
		if object == nil {
			object = map[string]any{}
		}
	}
	maps.Copy(object, fresh)
	return object, nil
}

func firstOf(v any) any {
	if list := elements(v); len(list) == 1 {
		return list[0]
	}
	return nil
}
