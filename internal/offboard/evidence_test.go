package offboard_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func sealed(t *testing.T, r offboard.Report) offboard.Report {
	t.Helper()
	r, err := r.Sealed("v1.2.3")
	require.NoError(t, err)
	return r
}

// Every report can be read again from either file, with the hash it was sealed with, and writes the same page again.
func TestASealSurvivesBothFiles(t *testing.T) {
	for _, run := range allReports() {
		t.Run(run.name, func(t *testing.T) {
			r := sealed(t, run.report)
			pretty, err := json.MarshalIndent(r, "", "  ")
			require.NoError(t, err)
			page := pageOf(t, r)
			assertWellFormed(t, page)
			shows(t, page, r.Seal.Hash)
			for _, file := range []string{string(pretty), page} {
				back, data, isPage, err := offboard.ReadSealed([]byte(file))
				require.NoError(t, err)
				assert.Equal(t, file == page, isPage)
				hash, err := offboard.HashOf(data)
				require.NoError(t, err)
				assert.Equal(t, r.Seal.Hash, hash)
				assert.Equal(t, r.Seal.Hash, back.Seal.Hash)
				assert.True(t, page == pageOf(t, back), "the page made again differs")
			}
			assert.Equal(t, r.Seal, sealed(t, r).Seal, "sealing again changes nothing")
		})
	}
}

func TestTheHashCoversEveryWordButTheSealsProof(t *testing.T) {
	r := sealed(t, completed())
	hash := func(change func(*offboard.Report)) string {
		changed := r
		seal := *r.Seal
		changed.Seal = &seal
		change(&changed)
		data, err := json.Marshal(changed)
		require.NoError(t, err)
		h, err := offboard.HashOf(data)
		require.NoError(t, err)
		return h
	}
	assert.Equal(t, r.Seal.Hash, hash(func(r *offboard.Report) { r.Seal.Hash, r.Seal.PublicKey, r.Seal.Signature = "", "k", "s" }))
	assert.NotEqual(t, r.Seal.Hash, hash(func(r *offboard.Report) { r.Message += " " }))
	assert.NotEqual(t, r.Seal.Hash, hash(func(r *offboard.Report) { r.Seal.Engine = "another" }))
	assert.NotEqual(t, r.Seal.Hash, hash(func(r *offboard.Report) { r.Progress.Approval.Verified = false }))
}

// The canonical form is a promise to others who verify: sorted, tight, and as a later build wrote it.
func TestCanonicalForm(t *testing.T) {
	got, err := offboard.Canonical([]byte("{ \"b\": 12345678901234567890, \"a\": \"<&>\\u00e9\",\n \"seal\": {\"signature\": \"s\", \"later\": true, \"hash\": \"h\", \"engine\": \"e\", \"publicKey\": \"k\"}}"))
	require.NoError(t, err)
	assert.Equal(t, `{"a":"<&>é","b":12345678901234567890,"seal":{"engine":"e","later":true}}`, string(got))

	for _, text := range []string{"", "[]", `{} {}`, `{"a":`} {
		_, err := offboard.Canonical([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestFilesThatHoldNoSealedReport(t *testing.T) {
	plain, err := json.Marshal(completed())
	require.NoError(t, err)
	page := pageOf(t, completed())
	hides(t, page, "<template")
	for _, file := range []string{"", "{}", "null", string(plain), page, "<html></html>", `<template id="report-data">{`} {
		_, _, _, err := offboard.ReadSealed([]byte(file))
		assert.True(t, errors.Is(err, offboard.ErrNoReport), "%.40s: %v", file, err)
	}
}

// A text that looks like the end of the data does not end them.
func TestHostileTextsStayInsideTheData(t *testing.T) {
	r := completed()
	r.Message = `</template><script>alert(1)</script><template id="report-data">{}`
	page := pageOf(t, sealed(t, r))
	assert.Equal(t, 1, strings.Count(page, `<template id="report-data">`))
	hides(t, page, "<script")
	back, _, _, err := offboard.ReadSealed([]byte(page))
	require.NoError(t, err)
	assert.Equal(t, r.Message, back.Message)
}

func TestMarkdownNamesTheSeal(t *testing.T) {
	r := sealed(t, completed())
	r.Seal.PublicKey = "ed25519:AAAA"
	for _, part := range []string{"| Engine version | v1.2.3 |", "| Content hash | " + r.Seal.Hash + " |", "| Signed with | ed25519:AAAA |"} {
		assert.Contains(t, r.Markdown(), part)
	}
}
