package kubernetes_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func TestSinceIsTheStartOfTheOldestPodAndFollowsARestart(t *testing.T) {
	eitherKind(t, 2, func(t *testing.T, c *cluster, kind string, controller object) {
		c.seedDriver(controller)
		k, d := c.adapter(), dependent(kind, blockController)
		oldest := func() time.Time {
			var first time.Time
			for _, p := range c.pods(blockController) {
				require.NotNil(t, p.Status.StartTime)
				if first.IsZero() || p.Status.StartTime.Time.Before(first) {
					first = p.Status.StartTime.Time
				}
			}
			return first.UTC()
		}
		before, err := k.Since(t.Context(), clusterID, []offboard.Dependent{d})
		require.NoError(t, err)
		assert.Equal(t, oldest(), before)

		old := c.uids(blockController)
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
		follow(c, k, d, old, mark, func(offboard.Rollout) {})
		changes := len(c.changed())
		after, err := k.Since(t.Context(), clusterID, []offboard.Dependent{d})
		require.NoError(t, err)
		assert.Equal(t, oldest(), after)
		assert.False(t, after.Before(before))
		assert.Len(t, c.changed(), changes, "looking changes nothing")

		none, err := k.Since(t.Context(), clusterID, nil)
		require.NoError(t, err)
		assert.True(t, none.IsZero())
		_, err = k.Since(t.Context(), clusterID, []offboard.Dependent{dependent(kind, "nobody")})
		assert.Equal(t, offboard.NotFound, offboard.CodeOf(err))
	})
}
