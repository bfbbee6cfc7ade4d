package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"offboard/dev/internal/demo"
	"offboard/internal/offboard"
)

func TestOnlyDecisionsAreAnsweredAndTheSafeWay(t *testing.T) {
	answers := demo.Answers(offboard.Plan{Findings: []offboard.Finding{
		{ID: "note", Severity: offboard.Note},
		{ID: "key/1", Severity: offboard.Decision, Options: []string{offboard.AnswerRetire, offboard.AnswerKeep}},
		{ID: "blocker", Severity: offboard.Blocker},
	}})
	assert.Equal(t, map[string]string{"key/1": offboard.AnswerRetire}, answers)
}

func TestTheLinkFillsTheStartForm(t *testing.T) {
	assert.Equal(t, "http://127.0.0.1:8233/namespaces/default/workflows/start-workflow?taskQueue=offboarding&workflowId=offboard-by-hand&workflowType=Offboard",
		demo.StartForm("http://127.0.0.1:8233", "default"))
}
