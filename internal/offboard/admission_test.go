package offboard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// admitted is an account in which nothing forbids the request.
func admitted() (offboard.Admission, offboard.Request) {
	return offboard.Admission{
		Account:       offboard.Account{ID: accountID, OwnerIAMID: "IBMid-0000OWNER", TokenLife: offboard.Duration(time.Hour), VisibleUsers: 12},
		Engine:        offboard.Identity{IAMID: "IBMid-9000ENGINE", Email: "engine@acme.example", Account: accountID},
		People:        []offboard.Person{leaver},
		FunctionalIDs: []string{"clusters-1@acme.example", "clusters-2@acme.example"},
		Policy:        offboard.DefaultPolicy(),
	}, request()
}

func TestAdmissionFindsNothingWrong(t *testing.T) {
	a, r := admitted()
	assert.Empty(t, a.Problems(r))
	assert.False(t, a.Gone())
	assert.Equal(t, a.FunctionalIDs, a.Chosen(r))

	r.FunctionalIDs = []string{"Clusters-2@acme.example"}
	assert.Empty(t, a.Problems(r), "e-mail addresses have no case (trap 21)")
	assert.Equal(t, r.FunctionalIDs, a.Chosen(r))
}

func TestSomebodyWhoIsGoneIsNoProblem(t *testing.T) {
	a, r := admitted()
	a.People = nil
	assert.Empty(t, a.Problems(r))
	assert.True(t, a.Gone())
}

func TestAdmissionProblems(t *testing.T) {
	tests := []struct {
		situation string
		change    func(*offboard.Admission, *offboard.Request)
		want      string // the one sentence, or how it begins
	}{
		{"another account", func(_ *offboard.Admission, r *offboard.Request) { r.Account = "other" }, `"account" is "other", but this engine works on account`},
		{"the list shows only the engine (trap 16)", func(a *offboard.Admission, _ *offboard.Request) { a.People, a.Account.VisibleUsers = nil, 1 },
			"the engine's identity engine@acme.example sees no user but itself"},
		{"an address that several have", func(a *offboard.Admission, _ *offboard.Request) {
			a.People = append(a.People, offboard.Person{IAMID: "SL-77", Email: leaver.Email, Realm: "SL"})
		}, `"leaver@acme.example" stands for 2 users: name one of them by IAM ID: IBMid-1000LEAVER (IBMid), SL-77 (SL)`},
		{"the owner", func(a *offboard.Admission, _ *offboard.Request) { a.Account.OwnerIAMID = leaver.IAMID }, "Leaver@acme.example owns the account"},
		{"the engine itself", func(a *offboard.Admission, _ *offboard.Request) { a.Engine.IAMID = leaver.IAMID }, "Leaver@acme.example is the identity this engine works with"},
		{"a functional ID", func(a *offboard.Admission, _ *offboard.Request) { a.FunctionalIDs[0] = "LEAVER@acme.example" }, "Leaver@acme.example is a functional ID"},
		{"protected by address", func(a *offboard.Admission, _ *offboard.Request) {
			a.Policy.Protected = []string{"nobody@acme.example", "LEAVER@ACME.example", "*@acme.example"}
		}, `Leaver@acme.example is protected by the policy's entry "LEAVER@ACME.example"`},
		{"protected by pattern", func(a *offboard.Admission, _ *offboard.Request) { a.Policy.Protected = []string{"lea*@acme.*"} },
			`Leaver@acme.example is protected by the policy's entry "lea*@acme.*"`},
		{"protected by IAM ID", func(a *offboard.Admission, _ *offboard.Request) { a.Policy.Protected = []string{"ibmid-1000*"} },
			`Leaver@acme.example is protected by the policy's entry "ibmid-1000*"`},
		{"no functional ID", func(a *offboard.Admission, _ *offboard.Request) { a.FunctionalIDs = nil }, "no functional ID is configured"},
		{"an unknown functional ID", func(_ *offboard.Admission, r *offboard.Request) { r.FunctionalIDs = []string{"cluster-1@acme.example"} },
			`"functionalIds": cluster-1@acme.example is not configured: did you mean "clusters-1@acme.example"?`},
		{"a functional ID that nothing is like", func(_ *offboard.Admission, r *offboard.Request) { r.FunctionalIDs = []string{"zoo@acme.example"} },
			`"functionalIds": zoo@acme.example is not configured; known are clusters-1@acme.example, clusters-2@acme.example`},
		{"no approval", func(_ *offboard.Admission, r *offboard.Request) { r.Approval = offboard.ApprovalNone }, `"approval" is "none", which the policy forbids`},
		{"a soak shorter than a token's life", func(a *offboard.Admission, r *offboard.Request) {
			a.Account.TokenLife, r.Soak = offboard.Duration(2*time.Hour), offboard.Duration(90*time.Minute)
		}, `"soak" is 1h30m: it must be at least 2h (a token issued before a key is disabled lives for up to 2h)`},
		{"a soak shorter than the policy's", func(a *offboard.Admission, r *offboard.Request) {
			a.Policy.MinimumSoak, r.Soak = offboard.Duration(48*time.Hour), offboard.DefaultSoak
		}, `"soak" is 1d: it must be at least 2d (the policy's minimum)`},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			a, r := admitted()
			tt.change(&a, &r)
			problems := a.Problems(r)
			require.Len(t, problems, 1)
			assert.True(t, strings.HasPrefix(problems[0], tt.want), "%s", problems[0])
			assert.NotRegexp(t, `\.$|\n`, problems[0], "one sentence, to stand in a list")
		})
	}
}

func TestAdmissionListsAllProblemsAtOnce(t *testing.T) {
	a, r := admitted()
	a.Account.OwnerIAMID, a.Engine.IAMID, a.Policy.Protected = leaver.IAMID, leaver.IAMID, []string{"*"}
	r.Account, r.Approval, r.Soak = "other", offboard.ApprovalNone, 0
	assert.Len(t, a.Problems(r), 6)
}

func TestAdmissionAllowsWhatThePolicyAllows(t *testing.T) {
	a, r := admitted()
	a.Policy.AllowUnapproved, r.Approval = true, offboard.ApprovalNone
	assert.Empty(t, a.Problems(r))

	r.Mode, r.Soak = offboard.ModePlan, 0
	assert.Empty(t, a.Problems(r), "a plan soaks nothing")

	a.Policy.Protected = []string{"leaver@*.invalid", "l?@acme.example"}
	assert.Empty(t, a.Problems(r))
	_, protects := a.Policy.Protects(offboard.Person{})
	assert.False(t, protects, "a person without a name is nobody's match")
}

func TestSimilarTo(t *testing.T) {
	everybody := []string{"leaver@acme.example", "Leavers@acme.example", "lever@acme.example", "leave@acme.example", "boss@acme.example"}
	assert.Equal(t, []string{"leaver@acme.example", "Leavers@acme.example", "lever@acme.example"}, offboard.SimilarTo("LEAVER@acme.example", everybody))
	assert.Empty(t, offboard.SimilarTo("stranger@acme.example", everybody))
}

func TestPolicyRules(t *testing.T) {
	p := offboard.DefaultPolicy()
	own := offboard.DependentRule{Name: "backup", Namespace: "backup", PodPrefix: "backup-controller"}
	p.Dependents = []offboard.DependentRule{own}
	rules := p.Rules()
	assert.Equal(t, append(offboard.BuiltinDependents(), own), rules)
	for _, r := range rules[:len(rules)-1] {
		assert.NotEmpty(t, r.Breaks, "%s says what stops", r.Name)
	}
}
