package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// text is an input exactly as somebody typed it.
func text(json string) any {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
		Data:     []byte(json),
	})
}

func TestBadInputIsRefusedInWordsBeforeAnythingHappens(t *testing.T) {
	b := start(t, stack.EngineOptions{Settings: stack.Settings{Protected: []string{"chief@*"}}})
	for _, test := range []struct {
		name string
		args []any
		says []string
	}{
		{"no input", nil, []string{"no input"}},
		{"null", []any{text(`null`)}, []string{"no input"}},
		{"no JSON", []any{text(`{"user": `)}, []string{"not JSON"}},
		{"a list", []any{text(`["leaver@acme.example"]`)}, []string{"a list"}},
		{"text", []any{text(`"leaver@acme.example"`)}, []string{"text"}},
		{"nobody", []any{text(`{}`)}, []string{`"user" is missing`}},
		{"a second argument", []any{text(`{"user": "leaver@acme.example"}`), text(`{"mode": "plan"}`)}, []string{"second argument"}},
		{"an unknown field", []any{text(`{"user": "leaver@acme.example", "sok": "24h"}`)}, []string{`"sok"`, `"soak"`}},
		{"wrong types, all at once", []any{text(`{"user": 7, "removeUser": "yes", "soak": 3, "lastDay": "soon", "functionalIds": "x"}`)},
			[]string{`"user" must be text`, `"removeUser" must be true or false`, `"soak" must be a duration`, `"lastDay" must be a time`, `"functionalIds" must be a list`}},
		{"a wrong word", []any{text(`{"user": "leaver@acme.example", "mode": "exec"}`)}, []string{`"exec"`, `"execute"`}},
		{"a past century", []any{text(`{"user": "leaver@acme.example", "lastDay": "1926-12-31T17:00:00+01:00"}`)}, []string{"check the year"}},
		{"a short soak", []any{text(`{"user": "leaver@acme.example", "soak": "1s"}`)}, []string{`"soak" is 1s`}},
		{"the account owner", []any{text(`{"user": "owner@acme.example"}`)}, []string{"owner@acme.example", "owns the account"}},
		{"the functional ID", []any{text(`{"user": "clusters-1@acme.example"}`)}, []string{"functional ID"}},
		{"a protected person", []any{text(`{"user": "chief@acme.example"}`)}, []string{"protected", "chief@*"}},
		{"the engine itself", []any{text(`{"user": "offboard-admin@acme.example"}`)}, []string{"this engine works with"}},
		{"another account", []any{text(`{"user": "leaver@acme.example", "account": "0000"}`)}, []string{"0000"}},
		{"an unknown functional ID", []any{text(`{"user": "leaver@acme.example", "functionalIds": ["clusters-9@acme.example"]}`)}, []string{"clusters-9@acme.example"}},
		{"no approval", []any{text(`{"user": "leaver@acme.example", "approval": "none"}`)}, []string{"approval"}},
		{"a service ID", []any{text(`{"user": "iam-ServiceId-1234"}`)}, []string{"service ID"}},
	} {
		err := b.raw("by-hand "+test.name, test.args...).Get(b.ctx, nil)
		refusal, ok := errors.AsType[*temporal.ApplicationError](err)
		if !assert.True(t, ok, "%s: %v", test.name, err) {
			continue
		}
		assert.Equal(t, workflows.InvalidInput, refusal.Type(), test.name)
		for _, words := range test.says {
			assert.Contains(t, refusal.Message(), words, test.name)
		}
	}
	b.untouched()
}

// A functional ID can own twenty keys (trap 5); one that is full is found before anything is changed.
func TestAFunctionalIDWithoutRoomStopsThePlan(t *testing.T) {
	account := filepath.Join(t.TempDir(), "full.yaml")
	data, err := os.ReadFile(quick)
	require.NoError(t, err)
	full := strings.Replace(string(data), "keyLimit: 20", "keyLimit: 2", 1)
	require.NotEqual(t, string(data), full)
	require.NoError(t, os.WriteFile(account, []byte(full), 0o600))

	b := start(t, stack.EngineOptions{Account: account})
	id := b.begin(nil)
	plan := b.plan(id)
	require.Equal(t, 1, plan.Blockers())
	assert.Contains(t, fmt.Sprint(plan.Findings), "clusters-1@acme.example holds 1 of 2 keys")
	_, err = b.Runs.Approve(b.ctx, id, workflows.Approve{By: approver, Digest: plan.Digest})
	require.ErrorContains(t, err, "locker", "a plan with a blocker cannot be approved")
	_, err = b.Runs.Reject(b.ctx, id, workflows.Reject{By: approver})
	require.NoError(t, err)
	assert.Equal(t, offboard.Rejected, b.report(id).Status)
	b.untouched()
}
