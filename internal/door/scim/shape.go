package scim

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// resource is the user as it is shown.
func (u User) resource(base string) map[string]any {
	shown := maps.Clone(map[string]any(u.Attrs))
	schemas := []any{userSchema}
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		if isURN(key) {
			schemas = append(schemas, key)
		}
	}
	shown["schemas"] = schemas
	shown["id"] = u.ID
	shown["active"] = u.Attrs.active()
	shown["meta"] = map[string]any{
		"resourceType": "User",
		"created":      u.Created.UTC().Format(time.RFC3339Nano),
		"lastModified": u.Modified.UTC().Format(time.RFC3339Nano),
		"version":      u.etag(),
		"location":     base + "/Users/" + u.ID,
	}
	return shown
}

// shape is which attributes an answer shows (RFC 7644, section 3.9).
type shape struct{ only, without []path }

// shapeOf reads the parameters of a URL.
func shapeOf(parameters url.Values) (shape, error) {
	return newShape(split(parameters["attributes"]), split(parameters["excludedAttributes"]))
}

func split(lists []string) []string {
	var names []string
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

func newShape(only, without []string) (s shape, err error) {
	if s.only, err = paths(only); err != nil {
		return shape{}, err
	}
	s.without, err = paths(without)
	return s, err
}

func paths(names []string) ([]path, error) {
	var list []path
	for _, name := range names {
		p, err := parsePath(name)
		if err != nil {
			return nil, bad(invalidValue, "the attribute %s cannot be read", short(name))
		}
		list = append(list, p)
	}
	return list, nil
}

// of shows a resource in this shape. Its ID and its schemas are always shown.
func (s shape) of(resource map[string]any) map[string]any {
	shown := resource
	if len(s.only) > 0 {
		shown = map[string]any{}
		for _, p := range s.only {
			p.show(resource, shown)
		}
	} else if len(s.without) > 0 {
		shown = copyOf(resource).(map[string]any)
		for _, p := range s.without {
			p.hide(shown)
		}
	}
	shown["id"], shown["schemas"] = resource["id"], resource["schemas"]
	return shown
}

// show copies what the path names from one object to another.
func (p path) show(from, to map[string]any) {
	if p.schema == userSchema {
		maps.Copy(to, from)
		return
	}
	if p.schema != "" {
		key := keyOf(from, p.schema)
		extension, ok := from[key].(map[string]any)
		if !ok {
			return
		}
		if p.name == "" {
			to[key] = extension
			return
		}
		shown, _ := to[key].(map[string]any)
		if shown == nil {
			shown = map[string]any{}
		}
		inner := p
		inner.schema = ""
		if inner.show(extension, shown); len(shown) > 0 {
			to[key] = shown
		}
		return
	}
	key := keyOf(from, p.name)
	value, ok := from[key]
	if !ok {
		return
	}
	if p.sub == "" {
		to[key] = value
		return
	}
	to[key] = p.partOf(value, to[key])
}

// partOf adds the one part that the path names to those shown already.
func (p path) partOf(value, shown any) any {
	switch value := value.(type) {
	case map[string]any:
		object, _ := shown.(map[string]any)
		object = maps.Clone(object)
		if object == nil {
			object = map[string]any{}
		}
		if part := member(value, p.sub); part != nil {
			object[keyOf(value, p.sub)] = part
		}
		return object
	case []any:
		already, _ := shown.([]any)
		list := make([]any, len(value))
		for i, e := range value {
			var before any
			if i < len(already) {
				before = already[i]
			}
			list[i] = p.partOf(e, before)
		}
		return list
	}
	return value
}

// hide takes away what the path names.
func (p path) hide(object map[string]any) {
	if p.schema != "" {
		key := keyOf(object, p.schema)
		if p.name == "" {
			delete(object, key)
			return
		}
		if object, _ = object[key].(map[string]any); object == nil {
			return
		}
	}
	key := keyOf(object, p.name)
	if p.sub == "" {
		delete(object, key)
		return
	}
	for _, e := range elements(object[key]) {
		if part, ok := e.(map[string]any); ok {
			delete(part, keyOf(part, p.sub))
		}
	}
}
