package app_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
)

func TestRedactor(t *testing.T) {
	var r app.Redactor
	r.Add("secret-one")
	r.Add("secret-one-longer")
	r.Add(`quo"te<d>-secret`)
	r.Add("ab") // too short to be one
	quoted, err := json.Marshal(`quo"te<d>-secret`)
	require.NoError(t, err)
	for text, want := range map[string]string{
		"key secret-one.":                         "key [redacted].",
		"key secret-one-longer.":                  "key [redacted].",
		string(quoted):                            `"[redacted]"`,
		"abacus":                                  "abacus",
		"Authorization: Bearer abcdefgh.ijkl":     "Authorization: Bearer [redacted]",
		"authorization: basic QWxhZGRpbjpvcGVu":   "authorization: basic [redacted]",
		"token eyJhbGciOiJI.eyJzdWIiOiJ.c2ln end": "token [redacted] end",
		"the bearer of news":                      "the bearer of news",
	} {
		assert.Equal(t, want, r.Text(text))
	}
}
