package ibmsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// claimCondition is one comparison of a rule with what an identity provider says of a person.
type claimCondition struct {
	Claim    string `json:"claim"`
	Operator string `json:"operator"`
	Value    string `json:"value"` // JSON in a string
}

// provider is what a person's identity provider says at login; the account file gives it.
type provider struct {
	realm  string
	claims map[string][]string
}

// meet tells whether a person from the realm meets all conditions.
func (p provider) meet(realm string, conditions []claimCondition) bool {
	return realm != "" && p.realm == realm && !slices.ContainsFunc(conditions, func(c claimCondition) bool { return !c.holds(p.claims[c.Claim]) })
}

func (c claimCondition) holds(have []string) bool {
	wanted := c.values()
	same := func(equal func(a, b string) bool) bool {
		return len(have) == 1 && slices.ContainsFunc(wanted, func(w string) bool { return equal(have[0], w) })
	}
	exactly := func(a, b string) bool { return a == b }
	switch c.Operator {
	case "EQUALS", "IN":
		return same(exactly)
	case "NOT_EQUALS":
		return !same(exactly)
	case "EQUALS_IGNORE_CASE":
		return same(strings.EqualFold)
	case "NOT_EQUALS_IGNORE_CASE":
		return !same(strings.EqualFold)
	}
	return slices.ContainsFunc(have, func(h string) bool { return slices.Contains(wanted, h) }) // CONTAINS
}

// values reads a string or a list of strings; text that is no JSON stands for itself.
func (c claimCondition) values() []string {
	var one string
	if json.Unmarshal([]byte(c.Value), &one) == nil {
		return []string{one}
	}
	var list []string
	if json.Unmarshal([]byte(c.Value), &list) == nil {
		return list
	}
	return []string{c.Value}
}

var claimOperators = []string{"EQUALS", "NOT_EQUALS", "EQUALS_IGNORE_CASE", "NOT_EQUALS_IGNORE_CASE", "CONTAINS", "IN"}

// badConditions says what is wrong with a rule's conditions, "" if nothing.
func badConditions(conditions []claimCondition) string {
	if len(conditions) == 0 {
		return "A rule needs conditions."
	}
	for _, c := range conditions {
		if c.Claim == "" || c.Value == "" || !slices.Contains(claimOperators, c.Operator) {
			return fmt.Sprintf("A condition needs a claim, a value and one of the operators %s.", strings.Join(claimOperators, ", "))
		}
	}
	return ""
}
