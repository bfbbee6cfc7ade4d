package versioning_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"offboard/dev/internal/demo"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/workflows"
)

func TestASecondBuildTakesOverWithoutDisturbingWhatIsUnderWay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // two cold builds take minutes
	defer cancel()
	first, second := build(ctx, t, "first", false), build(ctx, t, "second", true)
	ctx, cancel = context.WithTimeout(ctx, patience)
	defer cancel()
	b := start(ctx, t)

	// Two hand-overs of a run hold on the first build.
	_, err := b.Sim.AddFault(ibmsim.Fault{Service: "containers", Method: "POST", Path: "/v1/keys$", Status: http.StatusForbidden, Times: -1,
		Body: `{"incidentID": "1", "code": "E1000", "description": "You may not do this.", "type": "Authorization"}`}) // no later attempt cures it
	require.NoError(t, err)
	one := b.run(first, "1")
	b.makeCurrent("1")
	id := b.begin(nil)
	b.approve(id)
	now := b.hold(id, 2)
	held := now.Scopes[0].Run
	if now.Scopes[0].State != offboard.ScopeHeld {
		held = now.Scopes[1].Run
	}
	assert.Equal(t, enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE, b.versioning(id).GetBehavior())
	assert.Equal(t, enumspb.VERSIONING_BEHAVIOR_PINNED, b.versioning(held).GetBehavior())
	for _, run := range []string{id, held} {
		assert.True(t, version("1").Equal(b.versioning(run).GetDeploymentVersion()), "%s is on %v", run, b.versioning(run).GetDeploymentVersion())
	}

	// The second becomes current: what is started now begins there.
	b.run(second, "2")
	b.makeCurrent("2")
	other := b.begin(map[string]any{"user": "petra@acme.example", "mode": "plan"})
	assert.Equal(t, offboard.Planned, b.ends(other).Status)
	assert.Equal(t, []string{"2"}, b.builds(other))

	// The hand-overs end where they began; the run goes on with the second build.
	b.Sim.ClearFaults()
	for _, h := range now.Holds {
		b.update(id, workflows.ResolveUpdate, workflows.Resolve{Scope: h.Subject, Action: offboard.ActionRetry, By: demo.Approver})
	}
	b.until(id, "every scope handed over", func(now offboard.Progress) bool { return now.HandedOver() == len(now.Scopes) })
	one.kill() // nothing needs it any more
	report := b.ends(id)

	assert.Equal(t, offboard.Completed, report.Status, report.Message)
	for _, s := range report.Progress.Scopes {
		assert.Equal(t, []string{"1"}, b.builds(s.Run), "the hand-over of %s is pinned", s.Scope)
		assert.NotContains(t, b.summaries(s.Run), "Second build")
		assert.True(t, version("1").Equal(b.versioning(s.Run).GetDeploymentVersion()))
	}
	assert.Equal(t, []string{"1", "2"}, b.builds(id), "the run moved once")
	assert.True(t, version("2").Equal(b.versioning(id).GetDeploymentVersion()))
	assert.Contains(t, b.summaries(id), "from the account, second build")
	assert.Equal(t, []string{"2"}, b.builds(report.Progress.Soak.Run), "the soak began after the change")
}
