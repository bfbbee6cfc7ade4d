package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// A wrong input fails the run before anything is called, and says everything that is wrong with it.
func TestWrongInput(t *testing.T) {
	tests := map[string]struct {
		args []any
		want []string
	}{
		"nothing":                {nil, []string{"there is no input: give one JSON object"}},
		"null":                   {[]any{nil}, []string{"there is no input: give one JSON object"}},
		"a list":                 {[]any{[]any{input()}}, []string{"the input must be one JSON object, not a list"}},
		"text":                   {[]any{leaverEmail}, []string{"not text"}},
		"a second argument":      {[]any{input(), input()}, []string{"there is a second argument: give exactly one JSON object"}},
		"no user":                {[]any{input("user", nil)}, []string{"\"user\" is missing"}},
		"a last day in the past": {[]any{input("lastDay", "1926-12-31T17:00:00Z")}, []string{"more than a year ago: check the year"}},
		"everything at once": {
			[]any{map[string]any{"user": 7, "mood": "bad", "soak": 24, "functionalIds": "one", "removeUser": "no", "lastDay": "tomorrow", "mode": "dry"}},
			[]string{"\n7. ", "unknown field \"mood\"", "\"user\" must be text, not 7", "\"soak\" must be a duration", "\"functionalIds\" must be a list",
				"\"removeUser\" must be true or false", "\"lastDay\" must be a time with zone", "\"mode\" is \"dry\"", "A correct example: {"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			message := o.refused(workflows.InvalidInput, test.args...)
			for _, want := range test.want {
				require.Contains(t, message, want)
			}
			require.Empty(t, o.account.calls, "something was called")
			require.Contains(t, o.page(runID), "## The input is wrong")
		})
	}
}

func TestInputThatIsNotJSON(t *testing.T) {
	o := newOffboarding(t)
	o.env.ExecuteWorkflow(workflows.Offboard, converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/plain")}, Data: []byte(`{"user":"leaver@acme.example"}`)}))
	require.ErrorContains(t, o.env.GetWorkflowError(), "the input is encoded as \"binary/plain\": it must be json/plain")
}

// Whoever must not be offboarded is not, and the reason comes with a remedy.
func TestWhoMustNotBeOffboarded(t *testing.T) {
	tests := map[string]struct {
		in      map[string]any
		arrange func(o *offboarding)
		want    string
	}{
		"the owner of the account": {in: input("user", "owner@acme.example"), want: "owns the account and cannot be removed from it"},
		"the engine itself":        {in: input("user", "ENGINE@acme.example"), want: "is the identity this engine works with"},
		"a functional ID":          {in: input("user", functional), want: "is a functional ID that clusters are handed over to"},
		"a protected person": {in: input(), want: "is protected by the policy's entry \"leaver@*\"",
			arrange: func(o *offboarding) { o.policy.Protected = []string{"leaver@*"} }},
		"somebody in another account":   {in: input("account", "another"), want: "this engine works on account \"" + accountID + "\""},
		"an address of two people":      {in: input(), want: "stands for 2 users", arrange: func(o *offboarding) { o.account.member("SL-7", leaverEmail) }},
		"with a soak that is too short": {in: input("soak", "30m"), want: "\"soak\" is 30m: it must be at least 1h"},
		"without an approval":           {in: input("approval", "none"), want: "which the policy forbids"},
		"with an unknown functional ID": {in: input("functionalIds", []string{"clusters-7@acme.example"}), want: "clusters-7@acme.example is not configured"},
		"where nobody else can be seen": {in: input(), want: "sees no user but itself", arrange: func(o *offboarding) { o.account.people = o.account.people[1:2] }},
		"by name where nobody can be seen": {in: input("user", "nobody@acme.example"), want: "sees no user but itself",
			arrange: func(o *offboarding) { o.account.people = o.account.people[1:2] }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			if test.arrange != nil {
				test.arrange(o)
			}
			require.Contains(t, o.refused(workflows.InvalidInput, test.in), test.want)
			require.Empty(t, o.account.changes())
		})
	}
}

func TestSomebodyWhoIsGoneAlready(t *testing.T) {
	o := newOffboarding(t)
	report := o.run(input("user", "leavr@acme.example"))

	require.Equal(t, offboard.AlreadyGone, report.Status)
	require.Contains(t, report.Message, "Similar names: Leaver@acme.example.")
	require.Contains(t, report.Message, "Nothing was changed.")
	require.Empty(t, o.account.changes())
}

// Offboarding the same person again after it is done changes nothing and says so (promise 9).
func TestOffboardingAgainChangesNothing(t *testing.T) {
	first := newOffboarding(t)
	first.approves()
	require.Equal(t, offboard.Completed, first.run(input()).Status)

	again := newOffboarding(t)
	again.account.people, again.account.keys = first.account.people, first.account.keys
	report := again.run(input())

	require.Equal(t, offboard.AlreadyGone, report.Status)
	require.Empty(t, again.account.changes())
}

func TestThePersonMayBeNamedByIAMID(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	report := o.run(input("user", "IBMid-1000leaver"))

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Equal(t, "Leaver@acme.example", report.Progress.Leaver.Email)
}

// An account that cannot be read is not a failed workflow: the report says why nothing was done.
func TestAccountThatCannotBeRead(t *testing.T) {
	o := newOffboarding(t)
	o.account.fail("WhoAmI", offboard.Denied, "the engine's key is refused")
	report := o.run(input())

	require.Equal(t, offboard.RolledBack, report.Status)
	require.Contains(t, report.Message, "the engine's key is refused")
	require.Empty(t, o.account.changes())
}

// Two runs for one person never both act, whatever their IDs are and however they name the person (promise 6).
func TestSecondRunForTheSamePerson(t *testing.T) {
	for name, test := range map[string]struct{ holder, want string }{
		"names the first": {"run-of-hr", "is being offboarded already, by run \"run-of-hr\": nothing was changed"},
		"gives up where the claim stays without a run": {"", "is held by a run that does not let go"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffboarding(t)
			var second error
			o.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
				run := func(id, user string) workflow.ChildWorkflowFuture {
					ctx := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
					return workflow.ExecuteChildWorkflow(ctx, workflows.Offboard, input("user", user))
				}
				run("run-of-hr", leaverEmail)
				if err := workflow.Sleep(ctx, time.Minute); err != nil {
					return err
				}
				second = run("run-from-the-web-ui", leaverID).Get(ctx, nil)
				return nil
			}, workflow.RegisterOptions{Name: "two runs"})
			o.account.holder = test.holder
			o.start("two runs")

			require.ErrorContains(t, second, test.want)
			require.ErrorContains(t, second, workflows.AlreadyRunning)
			require.Empty(t, o.account.changes("reset", "disable", "delete", "remove", "make"))
		})
	}
}
