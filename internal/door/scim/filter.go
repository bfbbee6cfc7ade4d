package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// longestFilter is far above any that is sent: a userName and an operator.
const longestFilter = 4096

// predicate tells whether a user, or one value of a list, is meant.
type predicate func(map[string]any) bool

// scope says what a filter is about: a user, or the values of one attribute.
type scope struct {
	inside bool
	parts  *attribute // the attribute whose values it picks among; nil if it is not known
	cut    []brackets // what stands for the placeholders
}

// parseFilter reads a filter on users (RFC 7644, section 3.4.2.2).
func parseFilter(text string) (predicate, filter.Expression, error) {
	return parseIn(text, scope{})
}

// parseIn reads a filter on what the scope says.
func parseIn(text string, s scope) (predicate, filter.Expression, error) {
	if len(text) > longestFilter {
		return nil, nil, bad(invalidFilter, "the filter is longer than %d bytes", longestFilter)
	}
	flat, cut, err := cutBrackets(strings.TrimSpace(text))
	if err == nil && s.inside && len(cut) > 0 {
		err = errors.New("there are brackets inside brackets")
	}
	if err != nil {
		return nil, nil, bad(invalidFilter, "the filter %s cannot be read: %v", short(text), err)
	}
	s.cut = cut
	expression, err := filter.ParseFilter([]byte(flat))
	if err != nil {
		return nil, nil, bad(invalidFilter, "the filter %s cannot be read: %v", short(text), err)
	}
	matches, err := compile(expression, s)
	if err != nil {
		return nil, nil, bad(invalidFilter, "the filter %s cannot be used: %v", short(text), err)
	}
	return matches, expression, nil
}

func compile(e filter.Expression, s scope) (predicate, error) {
	switch e := e.(type) {
	case *filter.AttributeExpression:
		if i, err := strconv.Atoi(strings.TrimPrefix(e.AttributePath.AttributeName, placeholder)); err == nil && i >= 0 && i < len(s.cut) {
			return within(s.cut[i])
		}
		return compare(e, s)
	case *filter.LogicalExpression:
		left, err := compile(e.Left, s)
		if err != nil {
			return nil, err
		}
		right, err := compile(e.Right, s)
		if err != nil {
			return nil, err
		}
		if e.Operator == filter.OR {
			return func(m map[string]any) bool { return left(m) || right(m) }, nil
		}
		return func(m map[string]any) bool { return left(m) && right(m) }, nil
	case *filter.NotExpression:
		inner, err := compile(e.Expression, s)
		if err != nil {
			return nil, err
		}
		return func(m map[string]any) bool { return !inner(m) }, nil
	}
	return nil, fmt.Errorf("%v is of no known kind", e)
}

// within is true where one value of a list matches.
func within(b brackets) (predicate, error) {
	attribute, err := filter.ParseAttrPath([]byte(b.attribute))
	if err != nil {
		return nil, fmt.Errorf("%q is no attribute", b.attribute)
	}
	p := pathOf(attribute, scope{})
	inner, _, err := parseIn(b.filter, scope{inside: true, parts: p.known})
	if err != nil {
		return nil, err
	}
	return func(m map[string]any) bool {
		for _, v := range elements(p.get(m)) {
			if object, ok := v.(map[string]any); ok && inner(object) {
				return true
			}
		}
		return false
	}, nil
}

// pathOf finds out what an attribute's name in a filter means.
func pathOf(a filter.AttributePath, s scope) path {
	p := path{name: a.AttributeName, sub: a.SubAttributeName()}
	if s.inside {
		if s.parts != nil {
			if p.known = find(s.parts.Sub, p.name); p.known != nil {
				p.name = p.known.Name
			}
		}
		return p
	}
	if urn := a.URI(); urn != "" && !strings.EqualFold(urn, userSchema) {
		p.schema = urn
	}
	p.resolve()
	return p
}

// get returns what a path names in an object, nil if it is not there. Names have no case.
func (p path) get(m map[string]any) any {
	if p.schema != "" {
		m, _ = member(m, p.schema).(map[string]any)
	}
	v := member(m, p.name)
	if p.sub == "" {
		return v
	}
	var parts []any
	for _, e := range elements(v) {
		if object, ok := e.(map[string]any); ok {
			if part := member(object, p.sub); part != nil {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return parts
}

// member reads a key of an object without regard to case.
func member(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	for key, v := range m {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// elements are the values of a list, or the one value.
func elements(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// equalities are the parts a value must have to match, where the filter asks for nothing else; nil otherwise.
func equalities(e filter.Expression, parts *attribute) map[string]any {
	switch e := e.(type) {
	case *filter.AttributeExpression:
		p := pathOf(e.AttributePath, scope{inside: true, parts: parts})
		if e.Operator != filter.EQ || e.CompareValue == nil || p.sub != "" {
			return nil
		}
		want, err := wanted(e, p.known)
		if n, isInt := want.(int); isInt {
			want = json.Number(fmt.Sprint(n))
		}
		if f, isFloat := want.(float64); isFloat {
			want = json.Number(fmt.Sprint(f))
		}
		if err != nil {
			return nil
		}
		return map[string]any{p.name: want}
	case *filter.LogicalExpression:
		left, right := equalities(e.Left, parts), equalities(e.Right, parts)
		if e.Operator != filter.AND || left == nil || right == nil {
			return nil
		}
		for name, v := range right {
			if other, both := left[name]; both && other != v {
				return nil
			}
			left[name] = v
		}
		return left
	}
	return nil
}

// indexed finds the index that narrows a filter down to a few users, if there is one.
func indexed(e filter.Expression) (by Index, value string, ok bool) {
	switch e := e.(type) {
	case *filter.AttributeExpression:
		p := pathOf(e.AttributePath, scope{})
		if e.Operator != filter.EQ || p.known == nil || p.schema != "" || p.sub != "" {
			return "", "", false
		}
		want, err := wanted(e, p.known)
		value, isText := want.(string)
		if err != nil || !isText {
			return "", "", false
		}
		switch p.known.Name {
		case "userName":
			return ByName, value, true
		case "externalId":
			return ByExternalID, value, true
		}
	case *filter.LogicalExpression:
		if e.Operator != filter.AND {
			return "", "", false
		}
		if by, value, ok = indexed(e.Left); ok {
			return by, value, true
		}
		return indexed(e.Right)
	}
	return "", "", false
}
