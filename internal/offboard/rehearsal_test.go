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

// rehearsedReport is a finished report that happened to nobody.
func rehearsedReport() offboard.Report {
	const second = offboard.Duration(time.Second)
	r := allReports()[0].report
	r.Rehearsal = &offboard.Rehearsal{
		Account: "0a1b2c3d4e5f60718293a4b5c6d7e8f9", SurveyedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		Faults: []offboard.RehearsedFault{{Fault: "outage:iam@soak", Means: "the service answers nothing but 503", Hits: 12}}, Seed: 7,
		Problems: []offboard.ExpectedProblem{
			{Kind: offboard.ProblemDecision, Phase: offboard.PhaseApprove, Subject: "key/ApiKey-1", Text: "Personal key ci | <b>bold</b> was used.", Remedy: "Answer retire.", Answer: "retire"},
			{Kind: offboard.ProblemHold, Phase: offboard.PhaseHandOver, Subject: "eu-de/prod", Step: "refresh and restart", Text: "It does not\nbecome ready.", Remedy: "Look at it.", Answer: "skip"},
		},
		Expected: []offboard.ExpectedTime{
			{Phase: offboard.PhaseHandOver, Measured: 3 * second, Usual: 240 * second, Long: 900 * second},
			{Phase: offboard.PhaseHandOver, Scope: "eu-de/prod", Measured: 3 * second, Usual: 240 * second, Long: 900 * second, Note: "until somebody restarts by hand"},
		},
		Usual: 240 * second, Long: 900 * second,
		Delays:  []offboard.AssumedDelay{{Name: "a master is refreshed", Simulated: second, Usual: 240 * second, Long: 900 * second, Source: "documented"}},
		Outages: []string{"master in cluster web, for 2s: disabled"}, Changed: []string{"The soak was 5s instead of 1d."}, Assumptions: []string{"Pods are as good as they look."},
	}
	return r
}

func TestTheReportOfARehearsalSaysSoEverywhere(t *testing.T) {
	r := rehearsedReport()
	const banner = "Rehearsal: nothing in account 0a1b2c3d4e5f60718293a4b5c6d7e8f9 was changed."
	assert.True(t, strings.HasPrefix(r.Markdown(), "# Rehearsal: "))
	page, err := r.HTML()
	require.NoError(t, err)
	for form, text := range map[string]string{"markdown": r.Markdown(), "page": string(page)} {
		assert.Contains(t, text, banner, form)
		for _, want := range []string{"Expected first problem", "Answer retire.", "What else would need a person", "Look at it.", "4 min", "15 min",
			"until somebody restarts by hand", "documented", "outage:iam@soak", "12", "7", "master in cluster web", "The soak was 5s", "Pods are as good"} {
			assert.Contains(t, text, want, form)
		}
	}
	assert.Less(t, strings.Index(string(page), banner), strings.Index(string(page), "<h2"), "it is the first thing to be read")
	assert.NotContains(t, string(page), "<b>bold</b>", "what comes from outside is escaped")
	data, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"rehearsal":{"account":"0a1b2c3d4e5f60718293a4b5c6d7e8f9"`)
	v := schema(t)
	var decoded any
	require.NoError(t, json.Unmarshal(data, &decoded))
	assert.NoError(t, v.Validate(decoded), "it fits the published schema")
}

func TestARehearsalWithoutProblemsSaysThat(t *testing.T) {
	r := rehearsedReport()
	r.Rehearsal.Problems = nil
	assert.Nil(t, r.Rehearsal.First())
	page, err := r.HTML()
	require.NoError(t, err)
	for _, text := range []string{r.Markdown(), string(page)} {
		assert.Contains(t, text, "nothing in the rehearsal needed a person but the approval")
		assert.NotContains(t, text, "What else would need a person")
	}
}

func TestARealReportSaysNothingOfARehearsal(t *testing.T) {
	r := allReports()[0].report
	page, err := r.HTML()
	require.NoError(t, err)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	for _, text := range []string{r.Markdown(), string(page), string(data)} {
		assert.NotContains(t, strings.ToLower(text), "rehears")
	}
}

// TestTheMarkOfARehearsalCannotBeTakenOffUnseen: it is part of what the seal's hash covers.
func TestTheMarkOfARehearsalCannotBeTakenOffUnseen(t *testing.T) {
	sealed, err := rehearsedReport().Sealed("test")
	require.NoError(t, err)
	sealed.Rehearsal = nil
	data, err := json.Marshal(sealed)
	require.NoError(t, err)
	hash, err := offboard.HashOf(data)
	require.NoError(t, err)
	assert.NotEqual(t, sealed.Seal.Hash, hash)
}
