package console_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"offboard/internal/console"
	"offboard/internal/offboard"
)

func TestSymptom(t *testing.T) {
	s := offboard.Symptom{ID: "key-limit", Title: "An identity has as many keys as it may have", Codes: []string{"BXNIM0151E"},
		Means: "This identity can take over no further scope. Nothing that runs is broken by it, and nothing will be.", Cause: "Every reset makes a key.",
		Do:   []offboard.Advice{{Text: "Wait."}, {Text: "Then answer:", Command: "starter resolve PERSON --action retry --by YOU --note 'a command is never broken'"}},
		Docs: "docs/symptoms.md#key-limit", Confidence: offboard.Documented}
	screens(t, "symptom", func(c *console.Console) { c.Symptom(s, []string{"BXNIM0151E", "limit … reached"}) })
}

func TestAHoldNamesTheSymptomItShows(t *testing.T) {
	p, live := handing()
	p.Holds[0].Problem = "reset the cluster key of us-south/test: A03e9b: Failed to create an API key with IAM (request 1)"
	var b bytes.Buffer
	console.New(&b, noEnv).Status(p, live, begun)
	assert.Contains(t, b.String(), "The Kubernetes service could not create a key: starter explain key-not-created")
}

func noEnv(string) string { return "" }
