package scim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mostOperations bounds the work of one request; senders put a handful into one.
const mostOperations = 1000

// patch is the body of a PATCH.
type patch []operation

type operation struct {
	verb  string // add, replace or remove
	path  string // empty: the value says what is meant
	value any
	given bool // a value was sent, null included
}

// readPatch reads the body of a PATCH (RFC 7644, section 3.5.2). All names and verbs are read without regard to case:
// Entra writes Add, Replace and Remove.
func readPatch(body map[string]any) (patch, error) {
	schemas, _ := member(body, "schemas").([]any)
	known := func(s any) bool { return strings.EqualFold(textOf(s), patchSchema) }
	if len(schemas) > 0 && !slices.ContainsFunc(schemas, known) {
		return nil, bad(invalidSyntax, "the schema of a PATCH is %s", patchSchema)
	}
	list, ok := member(body, "Operations").([]any)
	if !ok || len(list) == 0 {
		return nil, bad(invalidSyntax, `"Operations" must be a list with at least one operation`)
	}
	if len(list) > mostOperations {
		return nil, bad(tooMany, "there are %d operations: at most %d go into one request", len(list), mostOperations)
	}
	var r reader
	operations := make(patch, 0, len(list))
	for i, e := range list {
		o, problem := readOperation(e)
		if problem != "" {
			r.problem("operation %d: %s", i+1, problem)
		}
		operations = append(operations, o)
	}
	if len(r.problems) > 0 {
		return nil, bad(invalidSyntax, "%s", lines(r.problems))
	}
	return operations, nil
}

func readOperation(e any) (operation, string) {
	object, ok := e.(map[string]any)
	if !ok {
		return operation{}, fmt.Sprintf("it must be an object, not %s", short(e))
	}
	o := operation{verb: strings.ToLower(textOf(member(object, "op")))}
	switch o.verb {
	case "add", "replace", "remove":
	default:
		return operation{}, fmt.Sprintf(`"op" must be "add", "replace" or "remove", not %s`, short(member(object, "op")))
	}
	switch where := member(object, "path").(type) {
	case nil:
	case string:
		o.path = strings.TrimSpace(where)
	default:
		return operation{}, fmt.Sprintf(`"path" must be text, not %s`, short(where))
	}
	for key, v := range object {
		if strings.EqualFold(key, "value") {
			o.value, o.given = v, true
		}
	}
	if o.verb == "remove" && o.path == "" {
		return operation{}, `"remove" needs a "path"`
	}
	if o.verb != "remove" && !o.given {
		return operation{}, fmt.Sprintf("%q needs a \"value\"", o.verb)
	}
	return o, ""
}

// patched is what becomes of a user by a patch.
type patched struct {
	user   map[string]any
	active bool // the patch says something of active, be it what it was before
}

// apply applies all operations in their order to a copy, or none of them.
func (p patch) apply(user Attributes) (Attributes, bool, error) {
	after := patched{user: copyOf(map[string]any(user)).(map[string]any)}
	for i, o := range p {
		if err := after.operation(o); err != nil {
			if f := failureOf(err); len(p) > 1 {
				return nil, false, bad(f.scimType, "operation %d: %s", i+1, f.detail)
			}
			return nil, false, err
		}
	}
	if strings.TrimSpace(textOf(after.user["userName"])) == "" {
		return nil, false, bad(invalidValue, `"userName" must not be empty`)
	}
	return after.user, after.active, nil
}

func (p *patched) operation(o operation) error {
	if o.path == "" {
		return p.object(o.verb, path{}, o.value)
	}
	where, err := parsePath(o.path)
	if err != nil {
		return err
	}
	if where.readOnly() {
		return bad(mutability, "%q is set by this service alone", o.path)
	}
	return p.set(o, where)
}

// object applies an object whose keys are paths, within a schema or to the user itself. Keys are taken in their order in
// the alphabet, so that "emails" comes before what is said of one of them.
func (p *patched) object(verb string, within path, v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return bad(invalidValue, `without a "path" the "value" must be an object, not %s`, short(v))
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		where, err := parsePath(key)
		if err != nil {
			return err
		}
		if within.schema != "" && !isURN(key) {
			where.schema = within.schema
			where.resolve()
		}
		if where.readOnly() {
			continue // senders give back what they were given
		}
		if err := p.set(operation{verb: verb, path: key, value: object[key], given: true}, where); err != nil {
			return err
		}
	}
	return nil
}

// set applies one operation at one place.
func (p *patched) set(o operation, where path) error {
	if o.verb != "remove" && o.value == nil {
		o.verb = "remove" // null is no value (RFC 7643, section 2.5)
	}
	if where.name == "" {
		return p.extension(o, where)
	}
	holder := p.user
	if where.schema != "" {
		key := keyOf(p.user, where.schema)
		holder, _ = p.user[key].(map[string]any)
		if holder == nil {
			holder = map[string]any{}
		}
		defer func() { // an extension without attributes is not there
			if delete(p.user, key); len(holder) > 0 {
				p.user[key] = holder
			}
		}()
	}
	if where.known == nil {
		where.name = keyOf(holder, where.name)
	}
	now, err := p.changed(o, where, holder[where.name])
	if err != nil {
		return err
	}
	if where.schema == "" && where.name == "active" {
		if p.active = true; now == nil { // whoever takes it away has said neither that somebody leaves nor that somebody stays
			return bad(invalidValue, `"active" cannot be taken away: replace it by true or false`)
		}
	}
	if delete(holder, where.name); present(now) || now == "" || now == false {
		holder[where.name] = now
	}
	return nil
}

// extension applies an operation to a whole extension, or to the user where its own schema is named.
func (p *patched) extension(o operation, where path) error {
	if o.verb != "remove" {
		if where.schema == userSchema {
			where.schema = ""
		}
		return p.object(o.verb, where, o.value)
	}
	if where.schema == userSchema {
		return bad(mutability, "a user cannot be taken away by a PATCH: delete it")
	}
	delete(p.user, keyOf(p.user, where.schema))
	return nil
}

// keyOf is the key an object has for a name, in the case it was given first.
func keyOf(object map[string]any, name string) string {
	for key := range object {
		if strings.EqualFold(key, name) {
			return key
		}
	}
	return name
}
