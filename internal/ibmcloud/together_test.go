package ibmcloud_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// A crowd of runs that ask the same at the same time costs little more than one, and each gets an answer of its own.
func TestACrowdAsksOnce(t *testing.T) {
	const crowd = 40
	s := newSim(t)
	shop := s.cluster(t, "shop")
	s.fault(t, ibmsim.Fault{Delay: "200ms", Times: -1})
	asked := func() (n int) {
		for _, r := range s.Requests() {
			if r.Service == "containers" || r.Service == "iam" {
				n += r.Count
			}
		}
		return n
	}
	before := asked()
	var all sync.WaitGroup
	for range crowd {
		all.Go(func() {
			keys, err := s.cloud.Keys.UserKeys(t.Context())
			assert.NoError(t, err)
			if assert.NotEmpty(t, keys) {
				keys[0].ID = "changed" // by one of them
			}
		})
		all.Go(func() {
			owner, err := s.cloud.Clusters.KeyOwner(t.Context(), shop.ID, shop.Scope())
			assert.NoError(t, err)
			assert.Equal(t, leaver, owner.Email)
		})
	}
	all.Wait()
	assert.Less(t, asked()-before, crowd, "where %d questions were asked", 2*crowd)
	keys, err := s.cloud.Keys.UserKeys(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, "changed", keys[0].ID)
}
