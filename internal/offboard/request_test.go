package offboard_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func TestDecodeRequestFillsInTheDefaults(t *testing.T) {
	r, err := offboard.DecodeRequest([]byte(`{"user": " leaver@acme.example "}`), surveyedAt)
	require.NoError(t, err)
	assert.Equal(t, offboard.Request{
		User: "leaver@acme.example", Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired,
		Soak: offboard.DefaultSoak, OnFailure: offboard.OnFailureHold, RemoveUser: true,
	}, r)
	assert.Zero(t, r.Wait(surveyedAt))
}

func TestDecodeRequestTakesEveryField(t *testing.T) {
	r, err := offboard.DecodeRequest([]byte(`{"user": "IBMid-1000LEAVER", "mode": "plan", "approval": "none",
		"lastDay": "2026-12-31T17:00:00+01:00", "soak": "7d", "onFailure": "compensate", "removeUser": false,
		"functionalIds": ["clusters-1@acme.example"], "account": "acc", "reason": "r", "ticket": "HR-1", "requestedBy": "hr@acme.example"}`), surveyedAt)
	require.NoError(t, err)
	last := time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)
	assert.True(t, last.Equal(r.LastDay))
	assert.Equal(t, last.Sub(surveyedAt), r.Wait(surveyedAt))
	assert.Zero(t, r.Wait(last), "the last day is over")
	r.LastDay = time.Time{}
	assert.Equal(t, offboard.Request{
		User: "IBMid-1000LEAVER", Mode: offboard.ModePlan, Approval: offboard.ApprovalNone, Soak: offboard.Duration(7 * 24 * time.Hour),
		OnFailure: offboard.OnFailureCompensate, FunctionalIDs: []string{"clusters-1@acme.example"}, Account: "acc", Reason: "r", Ticket: "HR-1", RequestedBy: "hr@acme.example",
	}, r)
}

func TestTheExampleIsCorrect(t *testing.T) {
	_, err := offboard.DecodeRequest([]byte(offboard.Example), surveyedAt)
	require.NoError(t, err)
}

// badInputs is every kind of input that is refused; the golden file holds what people are told.
var badInputs = []struct{ situation, input string }{
	{"nothing", ""},
	{"only space", " \n\t"},
	{"null", "null"},
	{"a list", `["leaver@acme.example"]`},
	{"text", `"leaver@acme.example"`},
	{"a number", `42`},
	{"true", `true`},
	{"not JSON", `user: leaver@acme.example`},
	{"cut off", `{"user": "leaver@acme.example"`},
	{"cut off in a value", `{"user": "leaver@acme.example", "mode": `},
	{"no quotes", `{user: "leaver@acme.example"}`},
	{"an empty object", `{}`},
	{"a second value", `{"user": "leaver@acme.example"} {"mode": "plan"}`},
	{"garbage behind", `{"user": "leaver@acme.example"} x`},
	{"a field twice", `{"user": "leaver@acme.example", "user": "other@acme.example"}`},
	{"an unknown field", `{"user": "leaver@acme.example", "modus": "plan"}`},
	{"a field in another case", `{"User": "leaver@acme.example"}`},
	{"a field that nothing is like", `{"user": "leaver@acme.example", "colour": "red"}`},
	{"a user that is no text", `{"user": 42}`},
	{"a user of spaces", `{"user": "  "}`},
	{"a user that is a name", `{"user": "Lea Ver"}`},
	{"a user with a display name", `{"user": "Lea Ver <leaver@acme.example>"}`},
	{"a service ID", `{"user": "iam-ServiceId-0a1b2c"}`},
	{"every value wrong", `{"user": "x", "mode": "Execute", "approval": "maybe", "onFailure": "panic", "requestedBy": "the boss", "functionalIds": ["one", "clusters-1@acme.example"]}`},
	{"every type wrong", `{"user": [], "mode": 1, "approval": true, "lastDay": "31.12.2026", "soak": 24, "onFailure": {}, "removeUser": "yes", "functionalIds": "clusters-1@acme.example", "account": 7, "reason": [1], "ticket": 1234, "requestedBy": false}`},
	{"a day without a zone", `{"user": "leaver@acme.example", "lastDay": "2026-12-31"}`},
	{"a day of the past century", `{"user": "leaver@acme.example", "lastDay": "1926-12-31T17:00:00+01:00"}`},
	{"a day of the next century", `{"user": "leaver@acme.example", "lastDay": "2126-12-31T17:00:00+01:00"}`},
	{"a negative soak", `{"user": "leaver@acme.example", "soak": "-1h"}`},
	{"a soak of years", `{"user": "leaver@acme.example", "soak": "400d"}`},
	{"a soak that is no time", `{"user": "leaver@acme.example", "soak": "soon"}`},
	{"a long wrong value", `{"user": "leaver@acme.example", "removeUser": "` + strings.Repeat("ä", 60) + `"}`},
}

func TestDecodeRequestListsEveryProblem(t *testing.T) {
	var told strings.Builder
	for _, bad := range badInputs {
		t.Run(bad.situation, func(t *testing.T) {
			r, err := offboard.DecodeRequest([]byte(bad.input), surveyedAt)
			var invalid *offboard.InvalidInput
			require.ErrorAs(t, err, &invalid)
			assert.NotEmpty(t, invalid.Problems)
			assert.Zero(t, r, "a refused input gives no request")
			assert.Contains(t, err.Error(), offboard.Example)
			told.WriteString("# " + bad.situation + "\n" + strings.TrimSpace(bad.input) + "\n")
			for _, p := range invalid.Problems {
				told.WriteString("- " + p + "\n")
			}
			told.WriteString("\n")
		})
	}
	golden(t, "requests/refused.golden.txt", told.String())
}

func TestInvalidInputCountsItsProblems(t *testing.T) {
	assert.Contains(t, (&offboard.InvalidInput{Problems: []string{"a"}}).Error(), "has 1 problem\n1. a\n")
	assert.Contains(t, (&offboard.InvalidInput{Problems: []string{"a", "b"}}).Error(), "has 2 problems\n1. a\n2. b\n")
}

// FuzzDecodeRequest: whatever comes in, it is refused with a reason or is a request that means the same when it is
// written and read again.
func FuzzDecodeRequest(f *testing.F) {
	f.Add(offboard.Example)
	for _, bad := range badInputs {
		f.Add(bad.input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		r, err := offboard.DecodeRequest([]byte(input), surveyedAt)
		if err != nil {
			var invalid *offboard.InvalidInput
			require.ErrorAs(t, err, &invalid)
			require.NotEmpty(t, invalid.Problems)
			return
		}
		require.True(t, json.Valid([]byte(input)), "accepted, although it is not JSON")
		written, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := offboard.DecodeRequest(written, surveyedAt)
		require.NoError(t, err, "accepted once, refused as %s", written)
		require.True(t, r.LastDay.Equal(again.LastDay))
		r.LastDay, again.LastDay = time.Time{}, time.Time{}
		if len(r.FunctionalIDs) == 0 {
			r.FunctionalIDs = nil
		}
		require.Equal(t, r, again)
	})
}
