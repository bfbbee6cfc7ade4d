package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func TestExplainSaysWhatToDo(t *testing.T) {
	var e engine
	code, out, errs := call(t, &e, "explain", "FAILED\nThe IAM token exchange request failed with the message: {{.Message}} (P0005)")
	assert.Equal(t, done, code, errs)
	for _, want := range []string{"token-exchange-unfilled: P0005", "Means: ", "Cause (reported): ", "ibmcloud ks api-key info --cluster CLUSTER", "docs/symptoms.md#token-exchange-unfilled"} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "\x1b", "no colours in a pipe")
	code, out, _ = call(t, &e, "explain", "NHC009", "and", "A03e9b") // without quotes
	assert.Equal(t, done, code)
	assert.Contains(t, out, "token-exchange-failed: NHC009")
	assert.Contains(t, out, "key-not-created: A03e9b")
	assert.False(t, e.closed, "no server is asked")
}

func TestExplainReadsALog(t *testing.T) {
	var e engine
	log := strings.Repeat("I1123 09:00:00.1 1 leader.go:1] renewed lease\n", 1000) + "E1123 x {\"code\":\"BX0415EWQA\"}\n"
	code, out, errs := talk(t, &e, log, false, "explain")
	assert.Equal(t, done, code, errs)
	assert.Contains(t, out, "key-not-found: BX0415EWQA")
	code, _, errs = talk(t, &e, "", true, "explain")
	assert.Equal(t, misused, code)
	assert.Contains(t, errs, "pipe it in")
	for _, nothing := range []string{"", " \n"} {
		code, _, errs = talk(t, &e, nothing, false, "explain")
		assert.Equal(t, misused, code)
		assert.Contains(t, errs, "no text")
	}
}

func TestExplainDoesNotKnowEverything(t *testing.T) {
	var e engine
	code, out, _ := call(t, &e, "explain", "BXNIM0415")
	assert.Equal(t, failed, code)
	assert.Contains(t, out, "Nothing of this is known here.")
	assert.Contains(t, out, "starter explain key-not-found")
	code, out, _ = call(t, &e, "explain", "it does not work", "-o", "json")
	assert.Equal(t, failed, code)
	assert.JSONEq(t, `{"found": []}`, out)
}

func TestExplainForPrograms(t *testing.T) {
	var e engine
	code, out, _ := call(t, &e, "explain", "E0051", "-o", "json")
	assert.Equal(t, done, code)
	var answer explanation
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	require.Len(t, answer.Found, 1)
	assert.Equal(t, "no-classic-credentials", answer.Found[0].ID)
	assert.Equal(t, []string{"E0051"}, answer.Found[0].Found)
	code, out, _ = call(t, &e, "explain", "--list", "-o", "json")
	assert.Equal(t, done, code)
	var all []offboard.Symptom
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	assert.Equal(t, offboard.Symptoms(), all)
	code, out, _ = call(t, &e, "explain", "--list")
	assert.Equal(t, done, code)
	assert.Equal(t, len(all)+1, strings.Count(out, "\n"))
	code, _, _ = call(t, &e, "explain", "--list", "x")
	assert.Equal(t, misused, code)
}

func TestExplainNamesTheRestOfAList(t *testing.T) {
	var e engine
	code, out, _ := call(t, &e, "explain", "NHC009 A03e9b BXNIM0151E E0051 A0002")
	assert.Equal(t, done, code)
	assert.Equal(t, 3, strings.Count(out, "Means: "))
	assert.Contains(t, out, "Also in it:")
}

// TestTheCataloguesCommandsExist keeps the advice in step with the verbs and their flags.
func TestTheCataloguesCommandsExist(t *testing.T) {
	p := newProgram(func(string) string { return "" }, strings.NewReader(""), nil, nil)
	known := []string{"starter ", "ibmcloud ", "kubectl "}
	for _, s := range offboard.Symptoms() {
		for _, a := range s.Do {
			if a.Command == "" {
				continue
			}
			assertParses(t, p, a.Command)
			assert.True(t, slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(a.Command, k) }), a.Command)
		}
	}
}
