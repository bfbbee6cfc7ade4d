package scim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	filter "github.com/scim2/filter-parser/v2"
)

// definition is that of the last part of the path.
func (p path) definition() *attribute {
	if p.sub != "" {
		return p.part
	}
	if p.known != nil && p.known.Type == typeComplex {
		return find(p.known.Sub, "value") // "emails eq" means their value
	}
	return p.known
}

func compare(e *filter.AttributeExpression, s scope) (predicate, error) {
	p := pathOf(e.AttributePath, s)
	if e.Operator == filter.PR || (e.CompareValue == nil && (e.Operator == filter.EQ || e.Operator == filter.NE)) {
		absent := e.Operator == filter.EQ
		return func(m map[string]any) bool { return present(p.get(m)) != absent }, nil
	}
	d := p.definition()
	want, err := wanted(e, d)
	if err != nil {
		return nil, err
	}
	exact := d != nil && d.CaseExact
	test := func(m map[string]any, op filter.CompareOperator) bool {
		for _, v := range elements(p.get(m)) {
			if object, ok := v.(map[string]any); ok {
				v = member(object, "value")
			}
			if holds(v, op, want, exact) {
				return true
			}
		}
		return false
	}
	if e.Operator == filter.NE { // also true for what has no value at all
		return func(m map[string]any) bool { return !test(m, filter.EQ) }, nil
	}
	return func(m map[string]any) bool { return test(m, e.Operator) }, nil
}

// wanted is the value to compare with, in the attribute's own type.
func wanted(e *filter.AttributeExpression, d *attribute) (any, error) {
	want := e.CompareValue
	if s, isText := want.(string); isText {
		// The parser leaves the escapes of JSON as they are.
		if err := json.Unmarshal([]byte(`"`+s+`"`), &s); err != nil {
			return nil, fmt.Errorf("the text %q is not written as JSON writes it", s)
		}
		want = s
		if d != nil && d.Type == typeFlag {
			b, ok := simple(d, s) // Entra asks for roles[primary eq "True"]
			if !ok {
				return nil, fmt.Errorf("%s is compared with %q, which is neither true nor false", e.AttributePath, s)
			}
			want = b
		}
	}
	if _, isText := want.(string); !isText {
		switch e.Operator {
		case filter.CO, filter.SW, filter.EW:
			return nil, fmt.Errorf("%q compares text, and %v is none", e.Operator, want)
		}
	}
	if _, isFlag := want.(bool); isFlag && e.Operator != filter.EQ && e.Operator != filter.NE {
		return nil, fmt.Errorf("%q has no meaning for true and false", e.Operator)
	}
	return want, nil
}

func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// holds compares one value.
func holds(v any, op filter.CompareOperator, want any, exact bool) bool {
	switch want := want.(type) {
	case bool:
		b, ok := v.(bool)
		return ok && b == want
	case string:
		s, ok := v.(string)
		return ok && textHolds(s, op, want, exact)
	case int:
		return numberHolds(v, op, float64(want))
	case float64:
		return numberHolds(v, op, want)
	}
	return false
}

func textHolds(s string, op filter.CompareOperator, want string, exact bool) bool {
	if op == filter.GT || op == filter.GE || op == filter.LT || op == filter.LE {
		if a, err := time.Parse(time.RFC3339, s); err == nil {
			if b, err := time.Parse(time.RFC3339, want); err == nil {
				return ordered(a.Compare(b), op)
			}
		}
	}
	if !exact {
		s, want = strings.ToLower(s), strings.ToLower(want)
	}
	switch op {
	case filter.EQ:
		return s == want
	case filter.CO:
		return strings.Contains(s, want)
	case filter.SW:
		return strings.HasPrefix(s, want)
	case filter.EW:
		return strings.HasSuffix(s, want)
	}
	return ordered(strings.Compare(s, want), op)
}

func numberHolds(v any, op filter.CompareOperator, want float64) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	f, err := n.Float64()
	return err == nil && ordered(cmp.Compare(f, want), op)
}

func ordered(c int, op filter.CompareOperator) bool {
	switch op {
	case filter.EQ:
		return c == 0
	case filter.GT:
		return c > 0
	case filter.GE:
		return c >= 0
	case filter.LT:
		return c < 0
	case filter.LE:
		return c <= 0
	}
	return false
}
