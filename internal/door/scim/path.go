package scim

import (
	"errors"
	"fmt"
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// path names what an operation of a PATCH or a parameter is about.
type path struct {
	schema string     // URN of the extension; empty: the user itself
	name   string     // the attribute, as the schema writes it; empty: the whole extension
	known  *attribute // its definition; nil if it is not known
	filter *selection // which values of a list; nil: all
	sub    string     // the part of the attribute; empty: the whole of it
	part   *attribute // the definition of the part
}

// selection picks values of a list.
type selection struct {
	matches predicate
	equal   map[string]any // what a value must hold to be picked, if that is all the filter says; nil otherwise
}

// parsePath reads a path in every form that is sent: plain, dotted, with a filter, with the schema's URN before it, the
// URN alone.
func parsePath(text string) (path, error) {
	text = strings.TrimSpace(text)
	schema, rest := cutURN(text)
	p := path{schema: schema}
	if rest == "" {
		if schema == "" {
			return path{}, bad(invalidPath, "the path %s says nothing", short(text))
		}
		return p, nil
	}
	head, inner, tail, err := splitPath(rest)
	if err != nil {
		return path{}, bad(invalidPath, "the path %s cannot be read: %v", short(text), err)
	}
	attribute, err := filter.ParseAttrPath([]byte(head))
	if err != nil || attribute.SubAttribute != nil && tail != "" {
		return path{}, bad(invalidPath, "the path %s cannot be read: %s names no attribute", short(text), short(head+tail))
	}
	p.name, p.sub = attribute.AttributeName, attribute.SubAttributeName()
	if tail != "" {
		p.sub = tail
	}
	p.resolve()
	if inner == "" {
		return p, nil
	}
	if p.known != nil && !p.known.MultiValued {
		return path{}, bad(invalidPath, "the path %s picks among the values of %q, which has one", short(text), p.name)
	}
	matches, expression, err := parseIn(inner, scope{inside: true, parts: p.known})
	if err != nil {
		return path{}, bad(invalidPath, "the path %s cannot be read: %v", short(text), err)
	}
	p.filter = &selection{matches: matches, equal: equalities(expression, p.known)}
	return p, nil
}

// splitPath takes a path apart: attribute[filter].part.
func splitPath(text string) (head, inner, tail string, err error) {
	open := strings.IndexByte(text, '[')
	if open < 0 {
		return text, "", "", nil
	}
	end := outside(text[open:], ']')
	if end < 0 {
		return "", "", "", errors.New("a bracket is not closed")
	}
	head, inner, tail = text[:open], strings.TrimSpace(text[open+1:open+end]), text[open+end+1:]
	if inner == "" {
		return "", "", "", errors.New("there is nothing in the brackets")
	}
	if tail == "" {
		return head, inner, "", nil
	}
	part, dotted := strings.CutPrefix(tail, ".")
	if parsed, err := filter.ParseAttrPath([]byte(part)); err != nil || !dotted || parsed.SubAttribute != nil || parsed.URIPrefix != nil {
		return "", "", "", fmt.Errorf("%s behind the brackets is no part", short(tail))
	}
	return head, inner, part, nil
}

// resolve finds the definitions, and the name of the schema where only the attribute was named: Entra says "manager" for
// the extension's manager.
func (p *path) resolve() {
	if p.schema == "" {
		p.known = topLevel(p.name)
		if p.known == nil && find(enterpriseUser, p.name) != nil {
			p.schema = enterpriseSchema
		}
	}
	if p.schema != "" {
		p.known = find(schemaOf(p.schema), p.name)
		if p.known == nil && p.schema == enterpriseSchema && topLevel(p.name) != nil {
			// Entra's own tables put "active" under the extension. Kept there, it would be a leaver nobody hears of.
			p.schema, p.known = "", topLevel(p.name)
		}
	}
	p.part = nil
	if p.known == nil {
		return
	}
	p.name = p.known.Name
	if p.part = find(p.known.Sub, p.sub); p.part != nil {
		p.sub = p.part.Name
	}
}

// readOnly tells whether only we may set what the path names.
func (p path) readOnly() bool {
	return p.known != nil && p.known.Mutability == readOnly || p.part != nil && p.part.Mutability == readOnly
}

// cutURN takes the schema off a path. The schema of a user itself is no prefix worth keeping.
func cutURN(text string) (schema, rest string) {
	if !isURN(text) {
		return "", text
	}
	head, filterOn := text, ""
	if i := strings.IndexByte(text, '['); i >= 0 {
		head, filterOn = text[:i], text[i:]
	}
	for _, urn := range []string{userSchema, enterpriseSchema} {
		if len(head) >= len(urn) && strings.EqualFold(head[:len(urn)], urn) {
			if urn == userSchema {
				schema = ""
			} else {
				schema = urn
			}
			if after := head[len(urn):]; after == "" || after[0] == ':' || after[0] == '.' {
				return orUser(schema, strings.TrimLeft(after, ":.")+filterOn)
			}
		}
	}
	// An extension of the sender's own. By the senders' custom its URN ends in "User".
	i := strings.LastIndexByte(head, ':')
	if strings.EqualFold(head[i+1:], "User") && filterOn == "" {
		return head, ""
	}
	if part, ok := strings.CutPrefix(head[i+1:], "User."); ok {
		return head[:i] + ":User", part + filterOn
	}
	return head[:i], head[i+1:] + filterOn
}

// orUser keeps the URN of the user's own schema where it stands alone: it then means the user as a whole.
func orUser(schema, rest string) (string, string) {
	if schema == "" && rest == "" {
		return userSchema, ""
	}
	return schema, rest
}
