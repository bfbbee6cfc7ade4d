package ibmsim_test

import (
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever is done to a key, and whenever, the outage of a master that runs on it is what walking through time minute by
// minute finds: a token is asked for when the last one has ended, and each minute in which there is none to be had counts.
func TestOutagesEqualAWalkThroughTime(t *testing.T) {
	const horizon = 12 * 60
	rapid.Check(t, func(rt *rapid.T) {
		s := startSim(t, "small")
		id := core.StringPtr(s.scope("eu-de").Key)
		changes := rapid.SliceOfNDistinct(rapid.IntRange(1, horizon-1), 1, 8, rapid.ID[int]).Draw(rt, "minutes of change")
		change := map[int]bool{}
		for _, m := range changes {
			change[m] = true
		}
		type outage struct{ from, to int }
		var want []outage
		alive, until := true, 0
		for m := range horizon {
			if change[m] {
				alive = !alive
				s.clock.Advance(s.at(time.Duration(m) * time.Minute).Sub(s.clock.Now()))
				var err error
				if alive {
					_, err = s.identity(keyAdmin).EnableAPIKey(&identity.EnableAPIKeyOptions{ID: id})
				} else {
					_, err = s.identity(keyAdmin).DisableAPIKey(&identity.DisableAPIKeyOptions{ID: id})
				}
				require.NoError(t, err)
			}
			if m < until {
				continue
			}
			if alive {
				until = m + 60
				continue
			}
			if n := len(want); n > 0 && want[n-1].to == m {
				want[n-1].to++
				continue
			}
			want = append(want, outage{m, m + 1})
		}
		s.clock.Advance(s.at(horizon * time.Minute).Sub(s.clock.Now()))
		var got []outage
		for _, o := range s.cloud.Outages() {
			if o.Cluster != "small-classic" || o.Subject != "master" {
				continue
			}
			end := horizon
			if !o.To.IsZero() {
				end = int(o.To.Sub(s.born).Minutes())
			}
			got = append(got, outage{int(o.From.Sub(s.born).Minutes()), end})
		}
		require.Equal(t, want, got)
	})
}
