package e2e_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// The list of runs is written by a queue behind the run.
const (
	listLag   = 10 * time.Second
	pollEvery = 100 * time.Millisecond
)

func TestAPlanChangesNothing(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	report := b.report(b.begin(map[string]any{"mode": "plan"}))
	assert.Equal(t, offboard.Planned, report.Status)
	require.NotNil(t, report.Progress.Plan)
	assert.Equal(t, 2, report.Progress.Plan.Resets())
	assert.NotEmpty(t, report.Progress.Plan.Digest)
	b.untouched()
}

func TestAPersonWhoIsGoneIsLeftAlone(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	report := b.report(b.begin(map[string]any{"user": "nobody@acme.example"}))
	assert.Equal(t, offboard.AlreadyGone, report.Status)
	assert.Contains(t, report.Message, "nobody@acme.example")
	b.untouched()
}

func TestASlipInTheAddressIsPointedOut(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	report := b.report(b.begin(map[string]any{"user": "leavr@acme.example"}))
	assert.Equal(t, offboard.AlreadyGone, report.Status)
	assert.Contains(t, report.Message, leaver)
	b.untouched()
}

func TestNoMeansNo(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	id := b.begin(nil)
	b.plan(id)
	_, err := b.Runs.Reject(b.ctx, id, workflows.Reject{By: approver, Note: "Not before the release."})
	require.NoError(t, err)
	report := b.report(id)
	assert.Equal(t, offboard.Rejected, report.Status)
	assert.Contains(t, report.Message, approver)
	b.untouched()
	b.listedAs(id, offboard.Rejected)
}

// An approval must be of the very plan that is shown, by a second person, with an answer to every question.
func TestAnApprovalIsCheckedBeforeAnythingHappens(t *testing.T) {
	b := start(t, stack.EngineOptions{})
	id := b.begin(nil)
	plan := b.plan(id)
	question := ""
	for _, f := range plan.Findings {
		if f.Severity == offboard.Decision {
			question = f.ID
		}
	}
	require.NotEmpty(t, question, "the leaver's recently used key needs an answer")
	right := map[string]string{question: offboard.AnswerRetire}
	for _, test := range []struct {
		name   string
		answer workflows.Approve
		says   string
	}{
		{"another digest", workflows.Approve{By: approver, Digest: "000000000000", Answers: right}, plan.Digest},
		{"no digest", workflows.Approve{By: approver, Answers: right}, plan.Digest},
		{"nobody", workflows.Approve{Digest: plan.Digest, Answers: right}, "by"},
		{"the requester", workflows.Approve{By: "HR@acme.example", Digest: plan.Digest, Answers: right}, "HR@acme.example"},
		{"the leaver", workflows.Approve{By: leaver, Digest: plan.Digest, Answers: right}, leaver},
		{"no answer", workflows.Approve{By: approver, Digest: plan.Digest}, question},
		{"a wrong answer", workflows.Approve{By: approver, Digest: plan.Digest, Answers: map[string]string{question: "perhaps"}}, "perhaps"},
	} {
		_, err := b.Runs.Approve(b.ctx, id, test.answer)
		require.ErrorContains(t, err, test.says, test.name)
	}
	b.untouched()
	_, err := b.Runs.Reject(b.ctx, id, workflows.Reject{By: approver})
	require.NoError(t, err)
	assert.Equal(t, offboard.Rejected, b.report(id).Status)
}

func unbase64(s string) string {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return s
	}
	return string(data)
}
