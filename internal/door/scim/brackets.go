package scim

import (
	"errors"
	"fmt"
	"strings"
)

// brackets is a filter on the values of one attribute: emails[type eq "work"].
type brackets struct {
	attribute string
	filter    string
}

// placeholder stands for brackets in a filter that has none any more. No attribute is called so.
const placeholder = "values-in-brackets-"

// cutBrackets takes the brackets out of a filter and leaves a placeholder for each. The parser's own grammar for what is
// inside knows two comparisons at most, and nothing behind them; Entra looks users up by
//
//	emails[type eq "work"].value eq "x"   which is meant as   emails[(type eq "work") and value eq "x"]
//
// Without a part behind the brackets the value itself is compared.
func cutBrackets(text string) (flat string, cut []brackets, err error) {
	var out strings.Builder
	for {
		open := outside(text, '[')
		if open < 0 {
			break
		}
		begin := strings.LastIndexAny(text[:open], " (") + 1
		end := outside(text[open:], ']')
		if end < 0 || begin == open {
			return "", nil, errors.New("brackets stand behind an attribute and are closed")
		}
		end += open
		b := brackets{attribute: text[begin:open], filter: text[open+1 : end]}
		out.WriteString(text[:begin])
		test, rest, err := testBehind(text[end+1:])
		if err != nil {
			return "", nil, err
		}
		if test != "" {
			b.filter = "(" + b.filter + ") and " + test
		}
		fmt.Fprintf(&out, "%s%d pr", placeholder, len(cut))
		cut = append(cut, b)
		text = rest
	}
	return out.String() + text, cut, nil
}

// testBehind reads what may follow brackets: ".part operator value", "operator value", or nothing.
func testBehind(text string) (test, rest string, err error) {
	part, after := "value", text
	if dotted, ok := strings.CutPrefix(text, "."); ok {
		var found bool
		if part, after, found = strings.Cut(dotted, " "); !found || part == "" {
			return "", "", errors.New("behind a part of what is in brackets stands a comparison")
		}
	}
	after = strings.TrimLeft(after, " ")
	operator := after
	if i := strings.IndexAny(after, " )"); i >= 0 {
		operator = after[:i]
	}
	after = after[len(operator):]
	switch strings.ToLower(operator) {
	case "pr":
		return part + " pr", after, nil
	case "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le":
		after = strings.TrimLeft(after, " ")
		n := literal(after)
		return part + " " + operator + " " + after[:n], after[n:], nil
	}
	if strings.HasPrefix(text, ".") {
		return "", "", fmt.Errorf("%q compares nothing", operator)
	}
	return "", text, nil
}

// literal is the length of the value at the front of a text: a text in quotation marks, or a word.
func literal(text string) int {
	if !strings.HasPrefix(text, `"`) {
		if i := strings.IndexAny(text, " )"); i >= 0 {
			return i
		}
		return len(text)
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// outside is the place of the first such byte that stands in no quotation marks, -1 if there is none.
func outside(text string, b byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] == b {
			return i
		}
		if text[i] == '"' {
			i += literal(text[i:]) - 1
		}
	}
	return -1
}
