package offboard_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func TestEnterClosesThePhaseBefore(t *testing.T) {
	var p offboard.Progress
	p.Enter(offboard.PhaseSurvey, day(0))
	p.Enter(offboard.PhasePlan, day(1))
	assert.Equal(t, offboard.PhasePlan, p.Phase)
	assert.Equal(t, []offboard.Timing{
		{Phase: offboard.PhaseSurvey, Started: day(0), Ended: day(1)},
		{Phase: offboard.PhasePlan, Started: day(1)},
	}, p.Timings)
}

func TestBeginTakesThePlanOver(t *testing.T) {
	plan := planOf(append(editsOf("everything at once"), func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys[0].Disabled = true })...)
	var p offboard.Progress
	p.Begin(plan, map[string]string{"key/ApiKey-ci": offboard.AnswerKeep, "unreachable/id-vault": offboard.AnswerAccept})

	require.Len(t, p.Scopes, len(plan.Handovers))
	for i, s := range p.Scopes {
		assert.Equal(t, plan.Handovers[i].Scope, s.Scope)
		assert.Equal(t, offboard.ScopeWaiting, s.State)
		assert.Len(t, s.Clusters, len(plan.Handovers[i].Clusters))
	}
	assert.Equal(t, "private service endpoint only", p.Scopes[3].Clusters[0].Manual)
	states := map[string]offboard.KeyState{}
	for _, k := range p.Keys {
		states[k.ID] = k.State
		assert.False(t, k.Disabled, "this run has disabled nothing yet")
	}
	assert.Equal(t, offboard.KeyDisabled, states["ApiKey-lake"], "somebody else did")
	assert.Equal(t, offboard.KeyKept, states["ApiKey-ci"])
	assert.Equal(t, offboard.KeyActive, states["ApiKey-idle"])
	require.Len(t, p.Prepared, 2)

	p.Begin(plan, nil)
	assert.Len(t, p.Keys, len(plan.Keys), "a second beginning starts afresh")
}

func TestKeepKeysOf(t *testing.T) {
	var p offboard.Progress
	p.Begin(planOf(editsOf("everything at once")...), nil)
	p.Keys[2].State = offboard.KeyDeleted // eu-gb/shop
	p.KeepKeysOf(p.Keys[1].Scope)
	p.KeepKeysOf(p.Keys[2].Scope)
	assert.Equal(t, offboard.KeyActive, p.Keys[0].State)
	assert.Equal(t, offboard.KeyKept, p.Keys[1].State)
	assert.Equal(t, offboard.KeyDeleted, p.Keys[2].State, "what is gone is gone")
	assert.Equal(t, offboard.KeyActive, p.Keys[5].State, "a personal key belongs to no scope")
}

func TestNeedsPerson(t *testing.T) {
	p := offboard.Progress{Status: offboard.Running, Phase: offboard.PhaseApprove}
	assert.True(t, p.NeedsPerson())
	p.Approval = &offboard.Approval{}
	assert.False(t, p.NeedsPerson())
	p.Phase, p.Holds = offboard.PhaseSoak, []offboard.Hold{holdOn("soak")}
	assert.True(t, p.NeedsPerson())
}

func TestOpenHold(t *testing.T) {
	var p offboard.Progress
	_, err := p.OpenHold("")
	require.EqualError(t, err, "nothing is on hold in this run")

	p.Holds = []offboard.Hold{holdOn("eu-de/shop")}
	h, err := p.OpenHold("")
	require.NoError(t, err, "the only one is meant")
	assert.Equal(t, "eu-de/shop", h.Subject)
	_, err = p.OpenHold("eu-gb/shop")
	require.EqualError(t, err, `no hold is open for scope "eu-gb/shop": open ones are ["eu-de/shop"]`)

	p.Holds = append(p.Holds, holdOn("soak"))
	h, err = p.OpenHold("soak")
	require.NoError(t, err)
	assert.Equal(t, "soak", h.Subject)
	_, err = p.OpenHold("")
	require.ErrorContains(t, err, `open ones are ["eu-de/shop" "soak"]`, "which of two must be said")
}

func TestRemains(t *testing.T) {
	done := func() offboard.Progress {
		p := completed().Progress
		p.Residual, p.Waivers = nil, nil
		return p
	}
	tests := []struct {
		what   string
		change func(*offboard.Progress)
		want   bool
	}{
		{"nothing", func(*offboard.Progress) {}, false},
		{"a key", func(p *offboard.Progress) { p.Keys[0].State = offboard.KeyDisabled }, true},
		{"a scope", func(p *offboard.Progress) { p.Scopes[0].State = offboard.ScopeSkipped }, true},
		{"a doubt", func(p *offboard.Progress) { p.Waivers = []string{"w"} }, true},
		{"the user", func(p *offboard.Progress) { p.UserRemoved = false }, true},
		{"a user who is to stay", func(p *offboard.Progress) { p.UserRemoved, p.Request.RemoveUser = false, false }, false},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			p := done()
			tt.change(&p)
			assert.Equal(t, tt.want, p.Remains())
		})
	}
}

func TestResetSent(t *testing.T) {
	var p offboard.Progress
	p.Begin(planOf(editsOf("one scope")...), nil)
	assert.False(t, p.ResetSent())
	assert.Zero(t, p.HandedOver())
	p.Scopes[0].KeyMade = "ApiKey-new"
	assert.True(t, p.ResetSent())
	p.Scopes[0].KeyMade, p.Scopes[0].ResetSent = "", true
	assert.True(t, p.ResetSent(), "perhaps there is a key: its reply was lost")
}

func TestDifferences(t *testing.T) {
	base := planOf(editsOf("everything at once")...)
	with := func(e edit) offboard.Plan { return planOf(append(editsOf("everything at once"), e)...) }
	tests := []struct {
		what string
		now  offboard.Plan
		want []string
	}{
		{"nothing", base, nil},
		{"a scope more", with(withScope("jp-tok", shop, clusterOf("tokyo", leaver))),
			[]string{"A hand-over is new: jp-tok/shop, reset by clusters-2@acme.example, clusters [tokyo]"}},
		{"a scope less", with(func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Scopes = s.Scopes[:3] }), []string{
			"A hand-over is no longer in the plan: us-south/shop, reset by clusters-2@acme.example, clusters [vault]",
			"A finding is no longer in the plan: Note invite/clusters-2@acme.example",
			"A finding is no longer in the plan: Decision unreachable/id-vault"}},
		{"another owner", with(func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[3].Clusters[0].Cluster.Owner.Email, s.Keys[3].Superseded = colleague.Email, true
		}), []string{
			"A hand-over changed: us-south/shop, refresh by nobody, clusters [vault], before: us-south/shop, reset by clusters-2@acme.example, clusters [vault]",
			"A finding is no longer in the plan: Note invite/clusters-2@acme.example",
			"A finding is new: Note key/ApiKey-vault",
			"A finding is new: Note refresh/us-south/5b0ff5b0ff5b0ff5b0ff5b0ff5b0ff51"}},
		{"a lock", with(func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys[5].Locked = true }), []string{
			"A key changed: ApiKey-idle (laptop), locked true, disabled false, before: ApiKey-idle (laptop), locked false, disabled false"}},
		{"a restart", with(func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			inspection(s, 0, 0).Dependents = nil
		}), []string{"details of clusters or of the preparation changed"}},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			assert.Equal(t, tt.want, offboard.Differences(base, tt.now))
		})
	}
}

func TestCodes(t *testing.T) {
	again := []offboard.Code{offboard.Conflict, offboard.Partial, offboard.RateLimited, offboard.Unavailable, offboard.Pending, offboard.Unreachable, "unheard of"}
	final := []offboard.Code{offboard.Invalid, offboard.Denied, offboard.NotFound, offboard.Locked, offboard.Unsupported, offboard.KeyLimit}
	for _, c := range again {
		assert.True(t, c.Retryable(), "%s", c)
	}
	for _, c := range final {
		assert.False(t, c.Retryable(), "%s", c)
	}
}

func TestErrors(t *testing.T) {
	err := offboard.Errorf(offboard.Locked, "disable key ApiKey-a", "it is %s", "locked")
	assert.EqualError(t, err, "disable key ApiKey-a: it is locked")
	assert.Equal(t, offboard.Locked, offboard.CodeOf(fmt.Errorf("retire: %w", err)))

	err = &offboard.Error{Code: offboard.RateLimited, Op: "list keys", RequestID: "req-1", RetryAfter: time.Second}
	assert.EqualError(t, err, "list keys: RateLimited (request req-1)")

	assert.Equal(t, offboard.Unavailable, offboard.CodeOf(errors.New("who knows")))
	assert.Empty(t, offboard.CodeOf(nil))
}

func TestStatesOfClustersAndAddons(t *testing.T) {
	for state, want := range map[string]struct{ going, busy bool }{
		"normal": {}, "critical": {}, "deleting": {going: true}, "deploy_failed": {going: true}, "deploying": {busy: true}, "updating": {busy: true},
	} {
		c := offboard.Cluster{State: state}
		assert.Equal(t, want.going, c.Going(), state)
		assert.Equal(t, want.busy, c.Busy(), state)
	}
	assert.True(t, offboard.Addon{Health: "critical"}.Bad())
	assert.False(t, offboard.Addon{Health: "pending"}.Bad(), "not knowing is no trouble (trap 45)")
	assert.True(t, offboard.Master{State: "deployed"}.Settled())
	assert.False(t, offboard.Master{State: "updating"}.Settled())
	assert.True(t, leaver.Active())
	assert.False(t, offboard.Person{State: "PENDING"}.Active(), "invited is not a member (trap 19)")
	assert.False(t, offboard.Owner{}.Is(""), "nobody is not somebody")
}
