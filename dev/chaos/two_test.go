package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/witness"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// The other of two people who leave at once.
const (
	second    = "second@acme.example"
	secondIAM = "IBMid-270007SECO"
)

const twoAtOnce = "two leavers at once"

// startTwo sets up the account of the two leavers, after edits of its text.
func startTwo(t *testing.T, edits ...string) *bench {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "two.yaml"))
	require.NoError(t, err)
	account := strings.NewReplacer(edits...).Replace(string(text))
	return start(t, setup{account: account})
}

// driveBoth is with both runs until they end.
func (b *bench) driveBoth(first, other string, firstPeople, otherPeople people) (outcome, outcome) {
	b.t.Helper()
	var out [2]outcome
	var both sync.WaitGroup
	both.Go(func() { out[0] = b.drive(first, firstPeople) })
	both.Go(func() { out[1] = b.drive(other, otherPeople) })
	both.Wait()
	return out[0], out[1]
}

// verifyBoth holds each of the two against the promises, with what the other did left out of the ledger.
func (b *bench) verifyBoth(one, two outcome) {
	b.t.Helper()
	ledger := b.sim.Ledger()
	b.verifyOf(leaverIAM, twoAtOnce, one, partOf(ledger, leaverIAM, one.report, two.report))
	b.verifyOf(secondIAM, twoAtOnce, two, partOf(ledger, secondIAM, two.report, one.report))
	assert.Zero(b.t, duplicates(ledger), "each scope is reset once, whoever asks")
	assert.LessOrEqual(b.t, balance(ledger)["iam-groups.group.create"], 1, "one access group serves both")
	invitations := 0
	for _, e := range ledger {
		if e.Method != "" && e.Action == "user-management.user.invite" {
			invitations++
		}
	}
	assert.LessOrEqual(b.t, invitations, 1, "the functional ID is invited once")
	if b.t.Failed() {
		b.dump(one, ledger)
		b.dump(two, nil)
	}
}

// partOf leaves out of a ledger what only the other run can have done: resets that its plan has and this one's has not,
// and its refreshes after this run's first disabling.
func partOf(ledger []ibmsim.Entry, iam string, mine, other offboard.Report) []ibmsim.Entry {
	disabling := false
	return slices.DeleteFunc(slices.Clone(ledger), func(e ibmsim.Entry) bool {
		disabling = disabling || disables(e, iam)
		switch e.Action {
		case witness.ResetAction:
			return resets(other, e.Target) && !resets(mine, e.Target)
		case witness.RefreshAction:
			return disabling && refreshes(other, e.Details["cluster"])
		}
		return false
	})
}

// resets tells whether a run's plan resets the scope.
func resets(r offboard.Report, scope string) bool {
	return r.Progress.Plan != nil && slices.ContainsFunc(r.Progress.Plan.Handovers, func(h offboard.Handover) bool {
		return h.Action == offboard.Reset && h.Scope.ID() == scope
	})
}

// refreshes tells whether a run's plan refreshes the cluster.
func refreshes(r offboard.Report, cluster string) bool {
	return r.Progress.Plan != nil && slices.ContainsFunc(r.Progress.Plan.Handovers, func(h offboard.Handover) bool {
		return slices.ContainsFunc(h.Clusters, func(c offboard.PlannedCluster) bool { return c.ID == cluster })
	})
}

// handedOver: nothing runs on a key of either, and every scope of theirs belongs to the functional ID.
func (b *bench) handedOver() {
	b.t.Helper()
	s := b.sim.State()
	owners := map[string]string{}
	for _, k := range s.Keys {
		owners[k.ID] = k.Owner
		assert.NotContains(b.t, []string{leaver, second}, k.Owner, "a key is left: %s", k.Name)
	}
	for _, u := range s.Users {
		assert.NotContains(b.t, []string{leaver, second}, u.Email, "a user is left")
	}
	for _, scope := range s.Scopes {
		want := functionalID
		if scope.Region == "eu-gb" {
			want = "petra@acme.example"
		}
		assert.Equal(b.t, want, scope.Owner, "%s", scope.Region)
	}
	for _, c := range s.Clusters {
		for what, key := range c.Holders {
			assert.Contains(b.t, []string{functionalID, "petra@acme.example"}, owners[key], "%s in %s", what, c.Name)
		}
	}
}

// TestTwoLeaversAtOnce: two runs whose scopes overlap, because each person holds an older key of a scope of the other,
// and which give access to the same functional ID.
func TestTwoLeaversAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("undisturbed", func(t *testing.T) {
		t.Parallel()
		b := startTwo(t)
		one, two := b.driveBoth(b.begin(nil), b.begin(map[string]any{"user": second}), people{}, people{})
		assert.Equal(t, offboard.Completed, one.report.Status, one.report.Message)
		assert.Equal(t, offboard.Completed, two.report.Status, two.report.Message)
		assert.Empty(t, append(one.holds, two.holds...), "nobody was needed")
		b.handedOver()
		b.verifyBoth(one, two)
	})
	t.Run("the worker restarts in the middle of both", func(t *testing.T) {
		t.Parallel()
		b := startTwo(t)
		first, other := b.begin(nil), b.begin(map[string]any{"user": second})
		restarted := make(chan struct{})
		var once sync.Once
		watch := func(p offboard.Progress) {
			if p.Phase == offboard.PhaseHandOver {
				once.Do(func() {
					go func() { defer close(restarted); b.stopWorker(); b.startWorker() }()
				})
			}
		}
		one, two := b.driveBoth(first, other, people{watch: watch}, people{watch: watch})
		<-restarted
		assert.Equal(t, offboard.Completed, one.report.Status, one.report.Message)
		assert.Equal(t, offboard.Completed, two.report.Status, two.report.Message)
		b.handedOver()
		b.verifyBoth(one, two)
	})
	for _, phase := range []offboard.Phase{offboard.PhasePrepare, offboard.PhaseHandOver, offboard.PhaseSoak} {
		for _, how := range turnings {
			if !full && (phase != offboard.PhaseHandOver || how.status != offboard.Reinstated) {
				continue
			}
			t.Run(fmt.Sprintf("one is turned round by %s in %s", how.name, phase), func(t *testing.T) {
				t.Parallel()
				b := startTwo(t)
				first, other := b.begin(map[string]any{"soak": "5s"}), b.begin(map[string]any{"user": second})
				var once sync.Once
				one, two := b.driveBoth(first, other, people{watch: func(p offboard.Progress) {
					if p.Phase == phase {
						once.Do(func() { assert.NoError(t, how.do(b, first)) })
					}
				}}, people{})
				assert.Equal(t, how.status, one.report.Status, one.report.Message)
				b.keepsItsKeys(leaver)
				b.otherCompletes(one, two)
			})
		}
	}
}

// otherCompletes: the run that nobody turned round completes, and keeps the access that the first one gave.
func (b *bench) otherCompletes(one, two outcome) {
	b.t.Helper()
	b.verifyBoth(one, two)
	assert.Equal(b.t, offboard.Completed, two.report.Status, two.report.Message)
	b.withAccess()
}

// keepsItsKeys: somebody whose run was turned round has every key of before, and each is as it was.
func (b *bench) keepsItsKeys(who string) {
	b.t.Helper()
	for _, line := range difference(b.before, picture(b.sim.State(), true)) {
		if strings.HasPrefix(line[2:], "key ") && strings.Contains(line, who) {
			b.t.Errorf("promise 5: the account differs from before: %s", line)
		}
	}
}

// TestWhatOneMadeTheOtherNeeds: a run that is turned round takes back the access that it gave, at the very moment at
// which the other one, which found that access and made none, begins to depend on it.
func TestWhatOneMadeTheOtherNeeds(t *testing.T) {
	t.Parallel()
	moments := []time.Duration{time.Second}
	if full {
		moments = []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second}
	}
	for _, after := range moments {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			b := startTwo(t)
			// Both wait until the functional ID's key has been proven.
			proof := b.arm(ibmsim.Fault{Service: "iam-identity", Method: "GET", Path: "/v1/apikeys/details$", Caller: functionalID, Status: 503, Times: -1})
			first := b.begin(nil)
			over, turned := make(chan struct{}), make(chan error, 1)
			var other string
			wait := people{answer: func(h offboard.Hold) string {
				if len(b.sim.Faults()) > 0 {
					return ""
				}
				return offboard.ActionRetry
			}}
			var one, two outcome
			var both sync.WaitGroup
			both.Go(func() { one = b.drive(first, wait) })
			require.True(t, b.struck(proof, over), "the first prepares the functional ID")
			other = b.begin(map[string]any{"user": second})
			both.Go(func() { two = b.drive(other, wait) })
			prepared := func() bool {
				p, _ := b.progress(other)
				return len(p.Prepared) > 0 && p.Prepared[0].Group != ""
			}
			require.Eventually(t, prepared, time.Minute, look, "the other finds the same access")
			go func() {
				b.sim.ClearFaults()
				time.Sleep(after)
				turned <- turnings[1].do(b, first)
			}()
			both.Wait()
			assert.NoError(t, <-turned)
			assert.Contains(t, []offboard.Status{offboard.Reinstated, offboard.Completed}, one.report.Status, one.report.Message)
			b.otherCompletes(one, two)
		})
	}
}

// withAccess: whoever owns a scope has been given access, and it was not taken back.
func (b *bench) withAccess() {
	b.t.Helper()
	if slices.ContainsFunc(b.sim.State().Scopes, func(s ibmsim.StateScope) bool { return s.Owner == functionalID }) {
		left := balance(b.sim.Ledger())
		for _, what := range []string{"iam-groups.group.create", "iam-groups.member.add", "iam-am.policy.create"} {
			assert.Positive(b.t, left[what], "promise 5: %s was taken back although clusters depend on it", what)
		}
	}
}

// TestTheFunctionalIDLeaves: who takes over clusters cannot be offboarded while they are configured to, and nobody else
// who leaves can be named as the one who takes over.
func TestTheFunctionalIDLeaves(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"by e-mail address", "by IAM ID", "named by the other"} {
		if !full && name == "by IAM ID" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startTwo(t, "outsider: true, ", "")
			fields := map[string]any{"user": strings.ToUpper(functionalID)}
			want := functionalID + " is a functional ID"
			switch name {
			case "by IAM ID":
				i := slices.IndexFunc(b.sim.State().Users, func(u ibmsim.StateUser) bool { return u.Email == functionalID })
				fields["user"] = b.sim.State().Users[i].IAMID
			case "named by the other":
				fields = map[string]any{"user": second, "functionalIds": []string{leaver}}
				want = leaver + " is not configured"
			}
			one, two := b.driveBoth(b.begin(nil), b.begin(fields), people{}, people{})
			require.Error(t, two.failed, "it ended as %s", two.report.Status)
			assert.ErrorContains(t, two.failed, want)
			assert.Equal(t, offboard.Completed, one.report.Status, one.report.Message)
			b.verifyOf(leaverIAM, twoAtOnce, one, b.sim.Ledger())
			for _, e := range b.sim.Ledger() {
				assert.False(t, disables(e, fmt.Sprint(fields["user"])) || disables(e, secondIAM), "entry %d: %s", e.Seq, e.Action)
			}
			assert.True(t, slices.ContainsFunc(b.sim.State().Users, func(u ibmsim.StateUser) bool { return u.Email == functionalID }))
		})
	}
}
