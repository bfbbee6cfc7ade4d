package ibmsim

import (
	"slices"
	"strings"
	"time"
)

// patternOnce is the only kind of time-based condition that is modelled: one stretch of time. The weekly ones are
// refused, because an answer that ignores them would be a lie.
const patternOnce = "time-based-conditions:once"

// accessWindow is a policy's temporary access; only version 2 of the API can carry it.
type accessWindow struct {
	pattern  string
	from, to time.Time
}

func (a *accessWindow) same(b *accessWindow) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.from.Equal(b.from) && a.to.Equal(b.to)
}

// policyRule is a policy's condition on the wire: an attribute, or an operator over several.
type policyRule struct {
	Key        string        `json:"key,omitempty"`
	Operator   string        `json:"operator"`
	Value      any           `json:"value,omitempty"`
	Conditions []*policyRule `json:"conditions,omitempty"`
}

const nowAttribute = "{{environment.attributes.current_date_time}}"

func (a *accessWindow) rule() policyRule {
	return policyRule{Operator: "and", Conditions: []*policyRule{
		{Key: nowAttribute, Operator: "dateTimeGreaterThanOrEquals", Value: a.from.UTC().Format(time.RFC3339)},
		{Key: nowAttribute, Operator: "dateTimeLessThanOrEquals", Value: a.to.UTC().Format(time.RFC3339)},
	}}
}

// readWindow understands the rule of a once pattern, or says what it does not understand.
func readWindow(pattern string, rule *policyRule) (window *accessWindow, problem string) {
	if pattern == "" && rule == nil {
		return nil, ""
	}
	if pattern != patternOnce || rule == nil || !strings.EqualFold(rule.Operator, "and") || len(rule.Conditions) != 2 || slices.Contains(rule.Conditions, nil) {
		return nil, "The simulator knows rules of the pattern " + patternOnce + " with two conditions only."
	}
	window = &accessWindow{pattern: pattern}
	for _, c := range rule.Conditions {
		text, _ := c.Value.(string)
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || c.Key != nowAttribute {
			return nil, "A condition compares " + nowAttribute + " with a date and time."
		}
		switch c.Operator {
		case "dateTimeGreaterThan", "dateTimeGreaterThanOrEquals":
			window.from = at.UTC()
		case "dateTimeLessThan", "dateTimeLessThanOrEquals":
			window.to = at.UTC()
		default:
			return nil, "The operator " + c.Operator + " is not known."
		}
	}
	if !window.from.Before(window.to) {
		return nil, "The time of the rule is empty."
	}
	return window, ""
}
