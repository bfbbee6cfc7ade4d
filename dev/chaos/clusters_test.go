package chaos_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// change is something that somebody else does to a cluster in a scope of the leaver.
type change struct {
	name string
	do   func(b *bench) error
}

var changes = []change{
	{"a cluster is made", makeCluster},
	{"a cluster is deleted", deleteCluster},
}

// makeCluster lets an administrator make a cluster where the leaver's key pays for it, or whoever's key is there by then.
func makeCluster(b *bench) error {
	group := ""
	for _, s := range b.sim.State().Scopes {
		if s.Region == "eu-de" {
			group = s.Group
		}
	}
	return b.as("petra@acme.example", http.MethodPost, "/containers/global/v2/vpc/createCluster",
		`{"name": "late-eu", "provider": "vpc-gen2", "workerPool": {"name": "default", "flavor": "bx2.4x16", "vpcID": "r010-vpc", "workerCount": 1, "zones": [{"id": "eu-de-1"}]}}`,
		"X-Auth-Resource-Group", group)
}

func deleteCluster(b *bench) error {
	return b.as("petra@acme.example", http.MethodDelete, "/containers/global/v1/clusters/web-eu", "")
}

// TestClustersComeAndGo: somebody makes or deletes a cluster in a scope of the leaver, once in each phase. Where the plan
// does not cover it the run asks before a key dies; here a person ends it and starts again.
func TestClustersComeAndGo(t *testing.T) {
	t.Parallel()
	const matrix = "clusters come and go"
	for _, phase := range []offboard.Phase{offboard.PhaseApprove, offboard.PhasePrepare, offboard.PhaseHandOver, offboard.PhaseDisable, offboard.PhaseSoak, offboard.PhaseDelete, offboard.PhaseRemove} {
		for _, c := range changes {
			if !full && (phase != offboard.PhaseHandOver || c.name != changes[0].name) {
				continue
			}
			t.Run(fmt.Sprintf("%s in %s", c.name, phase), func(t *testing.T) {
				t.Parallel()
				b := start(t, setup{})
				var once sync.Once
				asked := 0
				who := people{
					watch: func(p offboard.Progress) {
						if p.Phase == phase {
							once.Do(func() { assert.NoError(t, c.do(b)) })
						}
					},
					answer: func(h offboard.Hold) string {
						if h.Subject == "news" {
							assert.Contains(t, h.Problem, "late-eu", "it names what is new")
						}
						if asked++; h.Subject == "news" {
							tally.note("clusters come and go: asked about news, a person ended the run and started again")
							return offboard.ActionAbort
						}
						return offboard.ActionRetry
					},
				}
				out := b.drive(b.begin(map[string]any{"soak": "2s"}), who)
				b.verify(matrix, out)
				if out.report.Status != offboard.Completed {
					assert.Positive(t, asked, "it ended by itself: %s", out.report.Message)
					before := len(b.sim.Ledger())
					out = b.drive(b.begin(nil), people{})
					b.verifyOf(leaverIAM, matrix, out, b.sim.Ledger()[before:])
					assert.Zero(t, duplicates(b.sim.Ledger()), "the second run resets no scope again")
				}
				require.Equal(t, offboard.Completed, out.report.Status, out.report.Message)
				b.runsOnLivingKeys()
			})
		}
	}
}

// runsOnLivingKeys: whatever a cluster holds at the end is a key that there is, and not the leaver's.
func (b *bench) runsOnLivingKeys() {
	b.t.Helper()
	s := b.sim.State()
	owners := map[string]string{}
	for _, k := range s.Keys {
		owners[k.ID] = k.Owner
	}
	for _, c := range s.Clusters {
		for what, key := range c.Holders {
			assert.NotContains(b.t, []string{"", leaver}, owners[key], "%s of cluster %s", what, c.Name)
		}
	}
}
