package offboard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"offboard/internal/offboard"
)

func TestForesightSpeaksToTheOwnersOfClusters(t *testing.T) {
	f := offboard.NewForesight(*planned().Progress.Plan)
	assert.Len(t, f.Clusters, planned().Progress.Plan.Clusters())
	said := strings.Join(append(append(f.Takes, f.Final...), f.Assumptions...), "\n")
	for _, part := range []string{"Access ends no later than", "IBM publishes no figures", "a reset cannot be taken back", "removal from the account"} {
		assert.Contains(t, said, part)
	}
	for _, c := range f.Clusters {
		assert.Regexp(t, "cannot be ordered|is not known", c.Depends, c.Name)
		assert.Contains(t, c.Happens, "workloads keep running", c.Name)
	}
	used := 0
	for _, c := range f.Clusters {
		if strings.HasPrefix(c.LastUsed, "the key was last used ") {
			used++
		}
	}
	assert.Positive(t, used)

	empty := offboard.NewForesight(offboard.Plan{})
	assert.Equal(t, offboard.Foresight{}, empty, "of nothing there is nothing to foresee")
}

// A run that waits for a yes is shown as its plan; one that was begun as what was done.
func TestThePageOfAPlan(t *testing.T) {
	r := planned()
	r.Status, r.Progress.Status, r.Progress.Phase = offboard.Running, offboard.Running, offboard.PhaseApprove
	page := pageOf(t, r)
	for _, part := range []string{"What this means for you", "waits for a yes", "What cannot be undone", "This is an estimate", "Map: now and afterwards", "Afterwards"} {
		shows(t, page, part)
	}
	assertHeadingsInOrder(t, page)
	assertWellFormed(t, page)

	page = pageOf(t, completed())
	hides(t, page, `id="foresight"`)
	for _, part := range []string{"Map: before and after", "The lives of the keys", "last used", "ApiKey-new-eu-de-shop", "workloads depend on the key"} {
		shows(t, page, part)
	}
}

func TestTheLifeOfAKeyIsInItsTitle(t *testing.T) {
	page := pageOf(t, completed())
	k := completed().Progress.Keys[0]
	shows(t, page, k.Name+": created "+k.Created.UTC().Format("2006-01-02 15:04:05 MST"))
	shows(t, page, "deleted "+k.DeletedAt.UTC().Format("2006-01-02 15:04:05 MST"))
}
