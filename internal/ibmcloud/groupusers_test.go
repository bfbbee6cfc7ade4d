package ibmcloud

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestUsersOfAGroupStandInItsDescription(t *testing.T) {
	const text = "Access of a functional ID."
	tests := map[string]groupUsers{
		text:                                   {text: text},
		text + " [in use by: abc123]":          {text: text, runs: []string{"abc123"}},
		text + " [in use by: abc123, def456]":  {text: text, runs: []string{"abc123", "def456"}},
		text + " [being withdrawn by: abc123]": {text: text, closer: "abc123"},
		"":                                     {},
		"Ends with [a bracket]":                {text: "Ends with [a bracket]"},
		"[in use by: nobody":                   {text: "[in use by: nobody"},
	}
	for description, want := range tests {
		assert.Equal(t, want, usersOf(description), description)
		assert.Equal(t, description, want.String())
	}
}

func TestUsersComeAndGo(t *testing.T) {
	u := usersOf("Access.").joined("b").joined("a").joined("b")
	assert.Equal(t, "Access. [in use by: a, b]", u.String())
	assert.Equal(t, "Access. [in use by: b]", u.left("a").left("c").String())
	assert.Equal(t, "Access.", u.left("a").left("b").String())
	closed := groupUsers{text: "Access.", closer: "a"}
	assert.Equal(t, "Access.", closed.left("a").String())
	assert.Equal(t, closed, closed.left("b"))
}

// Where not all fit, nobody takes the access away: none is forgotten.
func TestTooManyUsersAreMany(t *testing.T) {
	u := usersOf(strings.Repeat("x", 100))
	for i := range 50 {
		u = u.joined(fmt.Sprintf("run%03d", i))
		require.LessOrEqual(t, len(u.String()), longestDescription)
	}
	assert.Equal(t, []string{manyRuns}, u.runs)
	assert.Equal(t, u, u.left("run001"))
	assert.Equal(t, u, usersOf(u.String()))
}

func TestDescriptionsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := groupUsers{text: rapid.StringMatching(`[A-Za-z .]{0,80}`).Draw(t, "text")}
		for _, run := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z2-7]{6}`), 0, 8, rapid.ID[string]).Draw(t, "runs") {
			u = u.joined(run)
		}
		back := usersOf(u.String())
		assert.Equal(t, u.text, back.text)
		assert.ElementsMatch(t, u.runs, back.runs)
	})
}
