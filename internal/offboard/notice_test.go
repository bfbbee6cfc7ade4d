package offboard_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"offboard/internal/offboard"
)

// TestNotices holds what people are told, occasion by occasion.
func TestNotices(t *testing.T) {
	plan := planOf(editsOf("personal key recently used")...)
	waiting := begun(offboard.Running, "")
	waiting.Phase, waiting.Plan = offboard.PhaseApprove, &plan
	hold := holdOn("eu-de/shop")
	within := completed()
	within.Progress.Residual = nil
	notices := map[string]offboard.Notice{
		"plan-ready":            waiting.ApprovalNotice(offboard.NoticePlanReady, day(0), day(14), 1),
		"reminder":              waiting.ApprovalNotice(offboard.NoticeApprovalReminder, day(1), day(14), 2),
		"needs-person":          waiting.HoldNotice(hold, day(0), 3),
		"ended":                 completed().EndNotice(day(2), 4),
		"ended-alive":           incomplete().EndNotice(day(2), 4),
		"not-started":           waiting.RefusalNotice("leaver@acme.example is protected by the policy.", day(0), 1),
		"ended-nothing-remains": within.EndNotice(day(2), 4),
	}
	ids := map[string]bool{}
	for name, notice := range notices {
		goldenJSON(t, "notices/"+name+".golden.json", notice)
		assert.NotContains(t, notice.Title, "\n")
		assert.Equal(t, "Leaver@acme.example", notice.Leaver)
		ids[notice.ID] = true
	}
	assert.Len(t, ids, 4, "the ID counts the notices of a run")
}

func TestDetailsOfAWatch(t *testing.T) {
	s := offboard.SoakProgress{Until: day(2), Probes: 17, Last: day(1)}
	golden(t, "reports/watch.page.golden.md", offboard.SoakDetails(s))
	s.Trouble = []string{"cluster prod is in state critical"}
	golden(t, "reports/watch-trouble.page.golden.md", offboard.SoakDetails(s))
}

func TestFallbackIsPartOfWhatIsApproved(t *testing.T) {
	assert.NotEqual(t, planOf(editsOf("one scope")...).Digest, planOf(editsOf("fallback identity")...).Digest)
}
