package rehearsal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
	"offboard/internal/rehearsal"
)

func TestFaultsAreRead(t *testing.T) {
	for _, text := range []string{
		"throttle", "throttle@hand-over", "throttle@containers", "throttle@containers refresh", "outage:iam", "outage:clusters@soak",
		"lost-reply:reset", "lost-reply:delete@delete", "slow-replication", "denied:user-management", "denied:iam@disable",
		"unreachable:web", "rollout-stuck:c0ffee", "never-accepts", "removal-fails", "random",
	} {
		list, err := rehearsal.ParseFaults([]string{text}, 7)
		require.NoError(t, err, text)
		require.Len(t, list, 1)
		assert.Equal(t, text, list[0].Text)
		assert.NotEmpty(t, list[0].Means)
		stage := open(t, "small", list, strings.HasPrefix(text, "unreachable") || strings.HasPrefix(text, "rollout"))
		if stage == nil {
			continue
		}
		for _, phase := range []offboard.Phase{offboard.PhaseSurvey, offboard.PhaseHandOver, offboard.PhaseDisable, offboard.PhaseSoak, offboard.PhaseDelete} {
			require.NoError(t, stage.Enter(phase), "the simulator takes every fault: %s", text)
			require.NoError(t, stage.Enter(phase))
		}
	}
}

// open puts a shipped account on a stage; nil where a fault means a cluster it does not have, as it should.
func open(t *testing.T, name string, faults []rehearsal.Fault, wantsCluster bool) *rehearsal.Stage {
	t.Helper()
	account, err := ibmsim.Load(name)
	require.NoError(t, err)
	stage, err := rehearsal.Open(t.Context(), rehearsal.Scene{Account: account}, faults)
	if wantsCluster {
		require.ErrorContains(t, err, "the engine sees no cluster")
		return nil
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stage.Close()) })
	return stage
}

func TestWhatIsWrongWithFaultsIsToldAtOnce(t *testing.T) {
	wrong := map[string]string{
		"thunder": "none of this name", "outage": "lacks its SERVICE", "outage:moon": "no service", "throttle:containers": "nothing after a colon",
		"lost-reply:owner": "only reads", "lost-reply:nothing": "no operation", "unreachable:web@soak": "takes no @", "outage:iam@noon": "no phase",
		"throttle@moon": "neither a phase nor a service", "throttle@iam refresh": "an operation of containers", "denied:search": "nothing is changed",
	}
	var texts []string
	for text := range wrong {
		texts = append(texts, text)
	}
	_, err := rehearsal.ParseFaults(append(texts, "throttle"), 1)
	require.Error(t, err)
	for text, why := range wrong {
		assert.ErrorContains(t, err, text)
		assert.ErrorContains(t, err, why, text)
	}
	assert.ErrorContains(t, err, rehearsal.Vocabulary(), "and what there is")
}

func TestRandomFaultsAreTheSameForTheSameSeed(t *testing.T) {
	drawn := func(seed int64) []rehearsal.Fault {
		list, err := rehearsal.ParseFaults([]string{"random"}, seed)
		require.NoError(t, err)
		return list
	}
	assert.Equal(t, drawnIn(t, drawn(7)), drawnIn(t, drawn(7)))
	assert.NotEqual(t, drawnIn(t, drawn(7)), drawnIn(t, drawn(8)))
}

// drawnIn is what the simulator got of faults.
func drawnIn(t *testing.T, faults []rehearsal.Fault) string {
	t.Helper()
	text, err := rehearsal.Armed(open(t, "small", faults, false))
	require.NoError(t, err)
	return text
}
