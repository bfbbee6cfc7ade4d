package chaos_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

var (
	randomRuns = flag.Int("chaos.n", 0, "how many random schedules to try; 0 means 6 in a sample and 120 in all")
	randomSeed = flag.Uint64("chaos.seed", 0, "repeat the random schedule of this seed only")
)

// event is something that happens at a time after the start of a run.
type event struct {
	at   time.Duration
	what string
	do   func(b *bench, id string) error
}

// schedule is everything that is drawn from a seed.
type schedule struct {
	seed    uint64
	account string
	faults  []ibmsim.Fault
	events  []event
	// people answer the nth hold with the nth answer, and the rest with retry.
	answers []string
}

func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d; repeat with: go test -run TestRandom -chaos.seed=%d\n%s\nanswers %v\n", s.seed, s.seed, s.account, s.answers)
	for _, f := range s.faults {
		fmt.Fprintf(&b, "fault %+v\n", f)
	}
	for _, e := range s.events {
		fmt.Fprintf(&b, "%6s %s\n", e.at.Round(time.Millisecond), e.what)
	}
	return b.String()
}

// TestRandom tries seeded schedules of accounts, faults, worker stops, cancellations, answers and changes that somebody
// else makes, and checks all promises after each.
func TestRandom(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds() {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := draw(seed)
			b := start(t, setup{account: s.account})
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(s)
				}
			})
			b.follow(s)
		})
	}
}

func seeds() []uint64 {
	if *randomSeed != 0 {
		return []uint64{*randomSeed}
	}
	n := *randomRuns
	if n == 0 {
		n = 6
		if full {
			n = 120
		}
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i + 1)
	}
	return list
}

// stubborn is how many holds people answer with retry before they see that it does not help: where somebody else has
// reset a scope after the run, its owner is never again the one the run made.
const stubborn = 8

// follow runs one schedule to its end.
func (b *bench) follow(s schedule) {
	b.t.Helper()
	for _, f := range s.faults {
		b.arm(f)
	}
	id := b.begin(nil)
	over, told := make(chan struct{}), make(chan error, 1)
	go func() { told <- b.play(s.events, id, over) }()
	n := 0
	out := b.drive(id, people{answer: func(h offboard.Hold) string {
		if key, locked := strings.CutPrefix(h.Subject, "key "); locked && h.Code == offboard.Locked {
			// Somebody locked it after the plan, which only somebody can take back.
			require.NoError(b.t, b.as("owner@acme.example", http.MethodDelete, "/iam/v1/apikeys/"+key+"/lock", ""))
		}
		n++
		if n <= len(s.answers) {
			return s.answers[n-1]
		}
		if n > stubborn {
			tally.note("random: retrying did not help with %q, a person skipped it", h.Step)
			return offboard.ActionSkip
		}
		return offboard.ActionRetry
	}})
	close(over)
	require.NoError(b.t, <-told)
	b.verify("random", out)
	b.kept(out)
}

// play lets the events happen at their times until the run is over.
func (b *bench) play(events []event, id string, over <-chan struct{}) error {
	for _, e := range events {
		select {
		case <-over:
			return nil
		case <-time.After(time.Until(b.began.Add(e.at))):
		}
		err := e.do(b, id)
		if _, refused := errors.AsType[*app.Refused](err); err != nil && !refused && b.ctx.Err() == nil && !b.closed(id) {
			return fmt.Errorf("%s: %w", e.what, err)
		}
	}
	return nil
}

// kept are promises about how a run may end: a person whose run was turned round keeps every key that nobody else took,
// and a key that somebody else disabled stays so.
func (b *bench) kept(out outcome) {
	b.t.Helper()
	if out.report.Status != offboard.Reinstated && out.report.Status != offboard.RolledBack {
		return
	}
	foreign := map[string]bool{} // keys that somebody else touched
	for _, e := range b.sim.Ledger() {
		if byOutsiders(e) {
			foreign[e.Target] = true
			if removes(e, leaverIAM) {
				return
			}
		}
	}
	for _, line := range difference(b.before, picture(b.sim.State(), true)) {
		touched := false
		for key := range foreign {
			touched = touched || strings.Contains(line, key)
		}
		assert.False(b.t, !touched && strings.HasPrefix(line, "- key ") && strings.Contains(line, leaver), "promise 5: %s", line)
	}
}

// draw makes the schedule of a seed.
func draw(seed uint64) schedule {
	r := rand.New(rand.NewPCG(seed, 0xc4a05))
	s := schedule{seed: seed, account: drawAccount(r), faults: ibmsim.Schedule(seed, r.IntN(7))}
	for range r.IntN(3) {
		s.answers = append(s.answers, []string{offboard.ActionRetry, offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort}[r.IntN(4)])
	}
	at := time.Duration(0)
	for range r.IntN(5) {
		at += time.Second + time.Duration(r.IntN(3500))*time.Millisecond
		s.events = append(s.events, drawEvent(r, at))
	}
	return s
}

func drawEvent(r *rand.Rand, at time.Duration) event {
	n := r.Uint64()
	events := []event{
		{at, "the worker stops and starts again", func(b *bench, _ string) error { b.stopWorker(); b.startWorker(); return nil }},
		{at, "the worker stops and starts again", func(b *bench, _ string) error { b.stopWorker(); b.startWorker(); return nil }},
		{at, "the run is cancelled", turnings[0].do},
		{at, "the person is reinstated", turnings[1].do},
		{at, "the owner deletes a key of the leaver", onKey(n, http.MethodDelete, "")},
		{at, "the owner disables a key of the leaver", onKey(n, http.MethodPost, "/disable")},
		{at, "the owner locks a key of the leaver", onKey(n, http.MethodPost, "/lock")},
		{at, "somebody else resets a scope", resetAsPetra(n)},
		{at, "the leaver makes a key", makeKey},
		{at, "the owner removes the leaver", removeLeaver},
	}
	return events[r.IntN(len(events))]
}

// drawAccount makes an account with one to three scopes of the leaver, one to four clusters, and any mix of kinds.
func drawAccount(r *rand.Rand) string {
	var b strings.Builder
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	fmt.Fprintf(&b, accountHead, r.IntN(1000)+1, pick("100ms", "100ms", "600ms"), pick("", ", outsider: true"))
	places := [][2]string{{"eu-de", "apps"}, {"us-south", "prod"}, {"eu-gb", "prod"}, {"eu-de", "default"}}
	r.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	places = places[:1+r.IntN(len(places))]
	var keys, clusters strings.Builder
	b.WriteString("scopes:\n")
	for i, p := range places {
		owner := leaver
		if i > 0 {
			owner = pick(leaver, leaver, "petra@acme.example")
		}
		fmt.Fprintf(&b, "  - {region: %s, resourceGroup: %s, owner: %s, created: %dd}\n", p[0], p[1], owner, 100+r.IntN(200))
		if r.IntN(2) == 0 {
			fmt.Fprintf(&keys, "  - {owner: %s, scope: {region: %s, resourceGroup: %s}, created: 700d, lastUsed: 401d, uses: 9, locked: %t}\n", leaver, p[0], p[1], r.IntN(2) == 0)
		}
		for n := range 1 + r.IntN(2) {
			fmt.Fprintf(&clusters, "  - {name: c%d%d, region: %s, resourceGroup: %s, provider: vpc-gen2, blockCSI: %s, autoscaler: %t, fileCSI: %t, type: %s}\n",
				i, n, p[0], p[1], pick("deployment", "statefulset"), r.IntN(2) == 0, r.IntN(3) == 0, pick("kubernetes", "kubernetes", "openshift"))
		}
	}
	fmt.Fprintf(&keys, "  - {owner: %s, name: ci, created: 200d, lastUsed: %s, uses: 4, disabled: %t}\n", leaver, pick("20h", "90d"), r.IntN(4) == 0)
	b.WriteString("keys:\n" + keys.String() + "clusters:\n" + clusters.String())
	return b.String()
}

// accountHead is what all random accounts share; it takes a seed, the replication of keys and the functional ID's state.
const accountHead = `id: c0000000000000000000000000000000
name: Acme Random
owner: owner@acme.example
seed: %d
knobs: {tokenLife: 1s, keyReplication: %s, grantDelay: 100ms, inviteProcessing: 50ms, accepts: 100ms, removalDelay: 100ms, masterRefresh: 250ms, podStart: 100ms, podStop: 30ms, timePrecision: 1s, keyLimit: 20}
settings: {restrictUserListVisibility: RESTRICTED}
resourceGroups:
  - {name: default, default: true, id: 11110000111100001111000011110000}
  - {name: apps, id: 33330000333300003333000033330000}
  - {name: prod, id: 22220000222200002222000022220000}
users:
  - {email: owner@acme.example, added: 900d, apiKey: CANARY-key-owner}
  - {email: offboard-admin@acme.example, added: 300d, apiKey: CANARY-key-offboard-admin}
  - {email: clusters-1@acme.example, apiKey: CANARY-key-clusters-1%s}
  - {email: leaver@acme.example, iamID: IBMid-270006LEAV, added: 600d, apiKey: CANARY-key-leaver}
  - {email: petra@acme.example, added: 100d, apiKey: CANARY-key-petra}
policies:
  - {user: offboard-admin@acme.example, roles: [Administrator, Manager], service: all}
  - {user: offboard-admin@acme.example, roles: [Administrator], service: account}
  - {user: leaver@acme.example, roles: [Administrator, Manager], service: all}
  - {user: petra@acme.example, roles: [Administrator, Manager], service: all}
`
