package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

func TestInvite(t *testing.T) {
	pending := []offboard.Person{{Email: functional, State: "PENDING"}}
	tests := map[string]struct {
		how    try
		people []offboard.Person
		sent   bool
		calls  int
	}{
		"somebody new":               {sent: true, calls: 1},
		"a member":                   {people: []offboard.Person{{Email: "CLUSTERS-1@acme.example", State: "ACTIVE"}}},
		"somebody invited by others": {people: pending},
		"somebody whom an earlier attempt invited": {how: try{attempt: 2}, people: pending, sent: true},
		"a member, in a later attempt":             {how: try{attempt: 2}, people: []offboard.Person{{Email: functional, State: "ACTIVE"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.people = test.people
			a := c.activities()
			got, err := do(t, test.how, a.Invite, a, activities.MemberInput{Email: functional})
			require.NoError(t, err)
			require.Equal(t, test.sent, got.Sent)
			require.Equal(t, test.calls, c.called("Invite"))
		})
	}
}

func TestAwaitMember(t *testing.T) {
	for state, want := range map[string]offboard.Code{"": offboard.NotFound, "PENDING": offboard.Pending, "PROCESSING": offboard.Pending, "ACTIVE": "", "ERROR_WHILE_INVITING": offboard.Stuck} {
		c := newCloud()
		if state != "" {
			c.people = []offboard.Person{{IAMID: "IBMid-3", Email: functional, State: state}}
		}
		a := c.activities()
		p, err := do(t, try{}, a.AwaitMember, a, activities.MemberInput{Email: functional})
		require.Equal(t, want, code(t, err), state)
		if want == "" {
			require.Equal(t, "IBMid-3", p.IAMID)
		}
	}
	c := newCloud()
	c.fail["People"] = refused(offboard.Denied)
	a := c.activities()
	_, err := do(t, try{}, a.AwaitMember, a, activities.MemberInput{Email: functional})
	require.Equal(t, offboard.Denied, code(t, err))
}

// Removing a member would delete their keys: only an open invitation is withdrawn.
func TestUninvite(t *testing.T) {
	for state, removed := range map[string]int{"": 0, "PENDING": 1, "ACTIVE": 0} {
		c := newCloud()
		if state != "" {
			c.people = []offboard.Person{{IAMID: "IBMid-3", Email: functional, State: state}}
		}
		a := c.activities()
		_, err := do(t, try{}, a.Uninvite, a, activities.MemberInput{Email: functional})
		require.NoError(t, err)
		require.Equal(t, removed, c.called("Remove"), state)
	}
}

func TestGiveAccess(t *testing.T) {
	c := newCloud()
	a := c.activities()
	group, err := do(t, try{}, a.EnsureGroup, a, activities.EnsureGroupInput{Name: "g"})
	require.NoError(t, err)
	require.Equal(t, activities.EnsureGroupResult{ID: "group", Created: true}, group)
	policy, err := do(t, try{}, a.Grant, a, activities.GrantInput{GroupID: "group", Grant: offboard.Grant{Name: "vpc"}})
	require.NoError(t, err)
	require.Equal(t, activities.GrantResult{PolicyID: "policy", Created: true}, policy)
	added, err := do(t, try{}, a.AddMember, a, activities.MembershipInput{GroupID: "group", IAMID: "IBMid-3"})
	require.NoError(t, err)
	require.True(t, added.Added)
}

// What an attempt without an answer has made is this run's to undo; what was there before is not.
func TestAccessMadeByALostReplyIsOurs(t *testing.T) {
	tests := map[string]struct {
		how   try
		found bool
		ours  bool
	}{
		"made now":                           {ours: true},
		"was there":                          {found: true},
		"made by the attempt before":         {how: try{attempt: 2, details: mark(`{"making":true}`)}, found: true, ours: true},
		"was there, the first try failed":    {how: try{attempt: 2}, found: true},
		"was there, with an unreadable word": {how: try{attempt: 2, details: "?"}, found: true},
		"a word from another activity":       {how: try{attempt: 1, details: mark(`{"making":true}`)}, found: true},
		"the attempt before made nothing":    {how: try{attempt: 2, details: mark(`{"making":true}`)}, ours: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.found = test.found
			a := c.activities()
			group, err := do(t, test.how, a.EnsureGroup, a, activities.EnsureGroupInput{Name: "g"})
			require.NoError(t, err)
			policy, err := do(t, test.how, a.Grant, a, activities.GrantInput{GroupID: "group", Grant: offboard.Grant{Name: "vpc"}})
			require.NoError(t, err)
			added, err := do(t, test.how, a.AddMember, a, activities.MembershipInput{GroupID: "group", IAMID: "IBMid-3"})
			require.NoError(t, err)
			require.Equal(t, []bool{test.ours, test.ours, test.ours}, []bool{group.Created, policy.Created, added.Added})
		})
	}
}

func TestMakingLeavesWordForTheNextAttempt(t *testing.T) {
	c := newCloud()
	c.fail["Grant"] = &offboard.Error{Code: offboard.Unavailable, Op: "grant", Ambiguous: true}
	c.onCall = func(string) { time.Sleep(60 * time.Millisecond) }
	a := c.activities()
	var left []byte
	got, err := do(t, try{heartbeat: 10 * time.Millisecond, left: &left}, a.Grant, a, activities.GrantInput{GroupID: "group"})
	require.Equal(t, offboard.Unavailable, code(t, err))
	require.False(t, got.Created)
	require.JSONEq(t, `{"making":true}`, string(left))
}

// Another run has begun to use the group: nothing is taken away, and nobody's keys need to be looked at.
func TestAccessThatAnotherRunUsesIsNotTakenAway(t *testing.T) {
	c := newCloud()
	c.used = true
	a := c.activities()
	in := activities.WithdrawInput{FunctionalID: functional, GroupID: "group", IAMID: "IBMid-3", PolicyID: "policy", Run: "run-a"}
	for name, verb := range map[string]func(context.Context, activities.WithdrawInput) (activities.WithdrawResult, error){
		"RemoveMember": a.RemoveMember, "Revoke": a.Revoke, "DeleteGroup": a.DeleteGroup,
	} {
		got, err := do(t, try{}, verb, a, in)
		require.NoError(t, err)
		require.True(t, got.Used, name)
		require.Zero(t, c.called(name), name)
	}
	require.Zero(t, c.called("UserKeys"))
	require.Equal(t, 3, c.called("CloseGroup run-a"))

	c.fail["CloseGroup"] = refused(offboard.Unavailable)
	_, err := do(t, try{}, a.DeleteGroup, a, in)
	require.Equal(t, offboard.Unavailable, code(t, err), "not to know is not to take away")

	_, err = do(t, try{}, a.LeaveGroup, a, activities.LeaveGroupInput{GroupID: "group", Run: "run-a"})
	require.NoError(t, err)
	require.Equal(t, 1, c.called("LeaveGroup run-a"))
}

func TestNotify(t *testing.T) {
	c := newCloud()
	a := c.activities()
	notice := offboard.Notice{ID: "run/1", Kind: offboard.NoticePlanReady, Title: "A plan waits"}
	_, err := do(t, try{}, a.Notify, a, activities.NotifyInput{Notice: notice})
	require.NoError(t, err)
	require.Equal(t, []offboard.Notice{notice}, c.told)

	c.fail["Notify"] = refused(offboard.Unavailable)
	_, err = do(t, try{}, a.Notify, a, activities.NotifyInput{Notice: notice})
	require.Equal(t, offboard.Unavailable, code(t, err))
}

// A run knows from its admission whether there is anybody to tell.
func TestAdmitTellsWhetherPeopleAreNotified(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		c := newCloud()
		c.deaf = deaf
		a := c.activities()
		adm, err := do(t, try{}, a.Admit, a, activities.AdmitInput{User: "leaver@acme.example"})
		require.NoError(t, err)
		require.Equal(t, !deaf, adm.Notifies)
	}
}

// Access that a cluster depends on is never taken away, whoever handed the cluster over.
func TestWithdraw(t *testing.T) {
	in := activities.WithdrawInput{FunctionalID: functional, GroupID: "group", IAMID: "IBMid-3", PolicyID: "policy"}
	member := []offboard.Person{{IAMID: "IBMid-3", Email: functional, State: "ACTIVE"}}
	tests := map[string]struct {
		people []offboard.Person
		keys   []offboard.Key
		fail   string
		want   offboard.Code
		kept   bool
	}{
		"that nothing depends on":          {people: member, keys: []offboard.Key{{ID: "p", IAMID: "IBMid-3", Class: offboard.PersonalKey}, {ID: "o", IAMID: "IBMid-9", Class: offboard.ClusterKey}}},
		"that a cluster depends on":        {people: member, keys: []offboard.Key{clusterKey("k")}, kept: true},
		"of somebody who is gone":          {},
		"while the keys cannot be read":    {people: member, fail: "UserKeys", want: offboard.Unavailable},
		"while the members cannot be read": {fail: "People", want: offboard.Unavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.people = test.people
			for _, k := range test.keys {
				c.keys[k.ID] = k
			}
			if test.fail != "" {
				c.fail[test.fail] = refused(offboard.Unavailable)
			}
			a := c.activities()
			for verb, run := range map[string]func() (activities.WithdrawResult, error){
				"RemoveMember": func() (activities.WithdrawResult, error) { return do(t, try{}, a.RemoveMember, a, in) },
				"Revoke":       func() (activities.WithdrawResult, error) { return do(t, try{}, a.Revoke, a, in) },
				"DeleteGroup":  func() (activities.WithdrawResult, error) { return do(t, try{}, a.DeleteGroup, a, in) },
			} {
				got, err := run()
				require.Equal(t, test.want, code(t, err), verb)
				require.Equal(t, test.kept, got.Kept, verb)
				require.Equal(t, !test.kept && test.want == "", c.called(verb) == 1, verb)
			}
		})
	}
}
