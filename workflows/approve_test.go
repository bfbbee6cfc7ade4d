package workflows_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// recentKey makes the laptop key one that needs a decision.
func recentKey(o *offboarding) { o.account.keyOf("ApiKey-laptop").LastUsed = start.Add(-time.Hour) }

// An approval that is not right is refused with a sentence and leaves nothing behind.
func TestApprovalsThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		change func(m *workflows.Approve)
		want   string
	}{
		"another plan":           {func(m *workflows.Approve) { m.Digest = "0123456789ab" }, "the digest \"0123456789ab\" is not that of the plan that is shown"},
		"no plan":                {func(m *workflows.Approve) { m.Digest = "" }, "\"digest\" is missing"},
		"by the requester":       {func(m *workflows.Approve) { m.By = "Requester@acme.example" }, "requested this offboarding and cannot approve it too"},
		"by the leaver":          {func(m *workflows.Approve) { m.By = leaverEmail }, "is the person who leaves and cannot approve this"},
		"by nobody":              {func(m *workflows.Approve) { m.By = "" }, "\"by\" must be the e-mail address of the person who says this, not \"\""},
		"by a name":              {func(m *workflows.Approve) { m.By = "The Boss <boss@acme.example>" }, "\"by\" must be the e-mail address"},
		"without an answer":      {func(m *workflows.Approve) { m.Answers = nil }, "\"key/ApiKey-laptop\" needs an answer (retire or keep)"},
		"with a strange answer":  {func(m *workflows.Approve) { m.Answers["key/ApiKey-laptop"] = "burn" }, "cannot be answered \"burn\": it takes retire or keep"},
		"with an unasked answer": {func(m *workflows.Approve) { m.Answers["key/ApiKey-de"] = "keep" }, "\"key/ApiKey-de\" is not a question of this plan"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			recentKey(o)
			var said *answer
			o.when(asksForApproval, func(p offboard.Progress) {
				m := yes(p)
				test.change(&m)
				said = o.send(workflows.ApproveUpdate, m)
			})
			o.when(asksForApproval, func(p offboard.Progress) {
				require.Nil(t, p.Approval)
				o.send(workflows.RejectUpdate, workflows.Reject{By: approver})
			})
			report := o.run(input())

			require.False(t, said.accepted)
			require.Contains(t, said.refused, test.want)
			require.Equal(t, offboard.Rejected, report.Status)
			require.Nil(t, report.Progress.Approval)
			require.Empty(t, report.Progress.Decisions)
			require.Equal(t, []string{"let the person go"}, o.account.changes())
		})
	}
}

// doorKey is the key of a door that authenticates approvers, and what the policy names it by.
func doorKey() (ed25519.PrivateKey, string) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return private, base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
}

// vouched adds a door's proof to an approval.
func vouched(t *testing.T, p offboard.Progress, m workflows.Approve) workflows.Approve {
	t.Helper()
	private, _ := doorKey()
	m.Proof = offboard.ApprovalClaim{WorkflowID: p.WorkflowID, RunID: p.RunID, Digest: m.Digest, By: m.By, Answers: m.Answers}.Prove(private)
	return m
}

func TestApprovalThatADoorVouchesForIsVerified(t *testing.T) {
	o := newOffboarding(t)
	recentKey(o)
	_, public := doorKey()
	o.policy.ApproverKeys, o.policy.VerifiedApproval = []string{public}, true
	said := map[string]*answer{}
	try := func(what string, m workflows.Approve) { said[what] = o.send(workflows.ApproveUpdate, m) }
	o.when(asksForApproval, func(p offboard.Progress) {
		try("only named", yes(p))
		m := vouched(t, p, yes(p))
		m.By = "somebody@acme.example"
		try("for somebody else", m)
		m = vouched(t, p, yes(p))
		m.Answers["key/ApiKey-laptop"] = "keep"
		try("with another answer", m)
		m = yes(p)
		m.Proof = "bm8="
		try("without a signature", m)
		o.send(workflows.ApproveUpdate, vouched(t, p, yes(p)))
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.True(t, report.Progress.Approval.Verified)
	require.Contains(t, said["only named"].refused, "approve through the engine's own door")
	for _, what := range []string{"for somebody else", "with another answer", "without a signature"} {
		require.False(t, said[what].accepted, what)
		require.Contains(t, said[what].refused, "the proof does not fit", what)
	}
}

// Where nobody demands it, a name is taken for a name, and the report says that it was only claimed.
func TestApprovalWithoutAProofIsClaimed(t *testing.T) {
	o := newOffboarding(t)
	_, public := doorKey()
	o.policy.ApproverKeys = []string{public}
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.False(t, report.Progress.Approval.Verified)
}

func TestApprovalAtTheWrongTimeIsRefused(t *testing.T) {
	o := newOffboarding(t)
	var early, twice, late *answer
	approve := workflows.Approve{By: approver, Digest: "0123456789ab"}
	o.account.before("UserKeys", 1, func() { early = o.sendMeanwhile(workflows.ApproveUpdate, approve) })
	o.approves()
	o.account.before("EnsureGroup", 1, func() { twice = o.sendMeanwhile(workflows.ApproveUpdate, approve) })
	o.account.before("Keep", 1, func() { late = o.sendMeanwhile(workflows.ApproveUpdate, approve) })
	o.run(input())

	require.Contains(t, early.refused, "there is no plan to approve now: the run is in phase \"survey\"")
	require.Contains(t, twice.refused, "there is no plan to approve now: the run is in phase \"prepare\"")
	require.NotEmpty(t, late.refused)
}

func TestRejectedPlanChangesNothing(t *testing.T) {
	o := newOffboarding(t)
	var said *answer
	o.when(asksForApproval, func(offboard.Progress) {
		said = o.send(workflows.RejectUpdate, workflows.Reject{By: approver, Note: "Wrong person."})
	})
	report := o.run(input())

	require.True(t, said.accepted)
	require.Equal(t, "Rejected; nothing of the leaver was changed.", said.reply.Message)
	require.Equal(t, offboard.Rejected, report.Status)
	require.Equal(t, approver+" said no. Wrong person.", report.Message)
	require.Equal(t, []string{"let the person go"}, o.account.changes())
}

func TestRejectIsRefusedOnceThePlanIsApproved(t *testing.T) {
	o := newOffboarding(t)
	var nobody, late *answer
	o.when(asksForApproval, func(offboard.Progress) { nobody = o.send(workflows.RejectUpdate, workflows.Reject{By: "me"}) })
	o.approves()
	o.account.before("Reset", 1, func() { late = o.sendMeanwhile(workflows.RejectUpdate, workflows.Reject{By: approver}) })
	report := o.run(input())

	require.Contains(t, nobody.refused, "must be the e-mail address")
	require.Contains(t, late.refused, "send reinstate to turn it round")
	require.Equal(t, offboard.Completed, report.Status)
}

func TestNobodyApproves(t *testing.T) {
	o := newOffboarding(t)
	report := o.run(input())

	require.Equal(t, offboard.Rejected, report.Status)
	require.Equal(t, "Nobody approved the plan by 2026-09-28T08:30:00Z.", report.Message)
	require.Equal(t, 14*24*time.Hour, report.Ended.Sub(report.Started))
	require.Equal(t, []string{"let the person go"}, o.account.changes())
}

func TestApprovalThatComesLate(t *testing.T) {
	o := newOffboarding(t)
	o.env.RegisterDelayedCallback(func() {
		p := o.status()
		require.Contains(t, p.Waiting, "until 2026-09-28T08:30:00Z")
		require.True(t, p.NeedsPerson())
		o.send(workflows.ApproveUpdate, yes(p))
	}, 13*24*time.Hour)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
}

func TestApprovalNone(t *testing.T) {
	t.Run("goes on where nothing has to be decided", func(t *testing.T) {
		o := newOffboarding(t)
		o.policy.AllowUnapproved = true
		report := o.run(input("approval", "none"))

		require.Equal(t, offboard.Completed, report.Status)
		require.True(t, report.Progress.Approval.Automatic)
	})
	t.Run("asks where something has to be decided", func(t *testing.T) {
		o := newOffboarding(t)
		o.policy.AllowUnapproved = true
		recentKey(o)
		o.when(asksForApproval, func(p offboard.Progress) {
			require.Contains(t, p.Waiting, "with an answer to 1 question")
			o.send(workflows.ApproveUpdate, yes(p))
		})
		report := o.run(input("approval", "none"))

		require.Equal(t, offboard.Completed, report.Status)
		require.False(t, report.Progress.Approval.Automatic)
		require.Equal(t, map[string]string{"key/ApiKey-laptop": "retire"}, report.Progress.Decisions)
	})
}

func TestBlocker(t *testing.T) {
	blocked := func(t *testing.T) *offboarding {
		o := newOffboarding(t)
		o.account.limit = 1
		o.when(holds("plan"), func(p offboard.Progress) {
			require.Contains(t, hold(t, p, "plan").Problem, "the functional IDs have room for 1 more")
			require.Contains(t, o.page(runID), "blocker")
		})
		return o
	}
	t.Run("goes on after it was removed", func(t *testing.T) {
		o := blocked(t)
		var early, skip *answer
		o.when(holds("plan"), func(p offboard.Progress) { early = o.send(workflows.ApproveUpdate, yes(p)) })
		o.when(holds("plan"), func(p offboard.Progress) {
			skip = o.send(workflows.ResolveUpdate, workflows.Resolve{Scope: "plan", Action: "skip", By: person})
		})
		o.resolves("plan", offboard.ActionRetry) // nothing was done about it yet
		o.resolves("plan", offboard.ActionRetry, func() { o.account.change(func() { o.account.limit = 20 }) })
		o.approves()
		report := o.run(input())

		require.Contains(t, early.refused, "the plan has 1 blockers and cannot be approved")
		require.Contains(t, skip.refused, "\"plan\" cannot be skipped")
		require.Equal(t, offboard.Completed, report.Status)
		require.Len(t, report.Progress.Answers, 2)
	})
	t.Run("ends the run where a person says so", func(t *testing.T) {
		o := blocked(t)
		o.resolves("plan", offboard.ActionAbort)
		report := o.run(input())

		require.Equal(t, offboard.Rejected, report.Status)
		require.Contains(t, report.Message, person+" aborted")
		require.Equal(t, []string{"let the person go"}, o.account.changes())
	})
	t.Run("ends the run where nobody answers", func(t *testing.T) {
		report := blocked(t).run(input())

		require.Equal(t, offboard.Rejected, report.Status)
		require.Contains(t, report.Message, "nobody answered")
	})
	t.Run("is no failure that compensates", func(t *testing.T) {
		o := blocked(t)
		o.resolves("plan", offboard.ActionRetry, func() { o.account.change(func() { o.account.limit = 20 }) })
		o.approves()
		require.Equal(t, offboard.Completed, o.run(input("onFailure", "compensate")).Status)
	})
}

// A plan that was approved long after the survey is made again; the yes stands if it is the same plan.
func TestStalePlanThatIsStillTheSame(t *testing.T) {
	o := newOffboarding(t)
	o.env.RegisterDelayedCallback(func() { o.send(workflows.ApproveUpdate, yes(o.status())) }, 3*24*time.Hour)
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	surveys := slices.DeleteFunc(slices.Clone(report.Progress.Timings), func(t offboard.Timing) bool { return t.Phase != offboard.PhaseSurvey })
	require.Len(t, surveys, 2)
	require.Empty(t, report.Progress.Changed)
	require.True(t, report.Progress.Plan.SurveyedAt.After(start.Add(3*24*time.Hour-time.Minute)))
}

func TestStalePlanThatChangedIsAskedForAgain(t *testing.T) {
	o := newOffboarding(t)
	o.env.RegisterDelayedCallback(func() {
		o.account.change(func() {
			o.account.key(offboard.Key{ID: "ApiKey-new-toy", Name: "toy", IAMID: leaverID, CreatedAt: start})
		})
		o.send(workflows.ApproveUpdate, yes(o.status()))
	}, 3*24*time.Hour)
	o.when(func(p offboard.Progress) bool { return asksForApproval(p) && len(p.Changed) > 0 }, func(p offboard.Progress) {
		require.Contains(t, text(p.Changed), "A key is new: ApiKey-new-toy (toy)")
		require.Contains(t, o.page(runID), "What changed since the plan was approved")
		o.send(workflows.ApproveUpdate, yes(p))
	})
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status)
	require.Contains(t, o.account.changes(), "delete ApiKey-new-toy")
}

func TestKeyThatAnAnswerKeeps(t *testing.T) {
	o := newOffboarding(t)
	recentKey(o)
	o.when(asksForApproval, func(p offboard.Progress) {
		m := yes(p)
		m.Answers["key/ApiKey-laptop"] = offboard.AnswerKeep
		o.send(workflows.ApproveUpdate, m)
	})
	report := o.run(input())

	require.Equal(t, offboard.Incomplete, report.Status)
	require.Equal(t, "active", o.account.state()["ApiKey-laptop"])
	require.Len(t, o.account.changes("delete ApiKey"), 2)
	require.True(t, o.account.isMember(leaverEmail))
	require.Contains(t, text(report.Progress.Residual), "Key laptop (ApiKey-laptop) is kept")
	require.Contains(t, text(report.Progress.Residual), "is still a user of the account")
}

func TestSurveyThatFails(t *testing.T) {
	t.Run("holds and goes on", func(t *testing.T) {
		o := newOffboarding(t)
		f := o.account.fail("Clusters", offboard.Denied, "no access to Satellite")
		o.when(holds("survey"), func(p offboard.Progress) {
			require.Contains(t, hold(t, p, "survey").Problem, "no access to Satellite")
			f.ends()
			o.send(workflows.ResolveUpdate, workflows.Resolve{Action: offboard.ActionRetry, By: person})
		})
		o.approves()
		require.Equal(t, offboard.Completed, o.run(input()).Status)
	})
	t.Run("aborted changes nothing", func(t *testing.T) {
		o := newOffboarding(t)
		o.account.fail("Clusters", offboard.Denied, "no access")
		o.resolves("survey", offboard.ActionAbort)
		report := o.run(input())
		require.Equal(t, []string{"let the person go"}, o.account.changes())
		require.NotEqual(t, offboard.Completed, report.Status)
	})
}

// What could not be read is a question, not a guess.
func TestWhatCannotBeReadNeedsAnAnswer(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("Indexed", offboard.Denied, "no search")
	o.account.fail("TrustedProfiles", offboard.Denied, "no profiles")
	o.account.fail("ClassicUser", offboard.Denied, "no classic").on("eu-de")
	var asked []string
	o.when(asksForApproval, func(p offboard.Progress) {
		for id := range yes(p).Answers {
			asked = append(asked, id)
		}
		require.Contains(t, p.Waiting, "with answers to 3 questions")
		o.send(workflows.ApproveUpdate, yes(p))
	})
	report := o.run(input())

	require.ElementsMatch(t, []string{"missing/search", "missing/profiles", "missing/classic/eu-de/" + shopGroup}, asked)
	require.Equal(t, offboard.Completed, report.Status)
}

func TestClusterThatOnlySearchKnowsNeedsAnAnswer(t *testing.T) {
	o := newOffboarding(t)
	o.account.indexed = []offboard.ClusterRef{{ID: "id-prod", Name: "prod"}, {ID: "id-dark", Name: "dark"}}
	o.when(asksForApproval, func(p offboard.Progress) {
		require.Contains(t, yes(p).Answers, "missing/hidden/id-dark")
		o.send(workflows.ApproveUpdate, yes(p))
	})
	require.Equal(t, offboard.Completed, o.run(input()).Status)
}
