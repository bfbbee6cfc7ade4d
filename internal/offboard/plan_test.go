package offboard_test

import (
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func fileName(situation string) string {
	return strings.NewReplacer(" ", "-", "'", "", ",", "").Replace(situation)
}

// TestPlans holds the plan of every named situation: as data, as people read it, and as the page of the run that waits
// for their yes.
func TestPlans(t *testing.T) {
	for _, tt := range situations() {
		t.Run(tt.name, func(t *testing.T) {
			plan := planOf(tt.edits...)
			goldenJSON(t, "plans/"+fileName(tt.name)+".golden.json", plan)
			golden(t, "plans/"+fileName(tt.name)+".golden.md", offboard.PlanMarkdown(plan))

			p := begun(offboard.Running, "")
			p.Phase, p.Plan, p.Waiting = offboard.PhaseApprove, &plan, "a yes or no to the plan"
			golden(t, "plans/"+fileName(tt.name)+".page.golden.md", offboard.Details(p))
		})
	}
}

// What the golden files hold, said as rules.

func TestPlanTouchesNothingThatIsNotTheLeavers(t *testing.T) {
	plan := planOf(withScope("eu-de", shop, clusterOf("prod", colleague)))
	assert.Empty(t, plan.Handovers)
	assert.Empty(t, plan.Preparation)
	assert.Empty(t, plan.Keys)
}

func TestPlanResetsOnlyWhatTheLeaverOwnsNow(t *testing.T) {
	plan := planOf(editsOf("superseded key with another owner")...)
	require.Len(t, plan.Handovers, 1)
	assert.Equal(t, offboard.Refresh, plan.Handovers[0].Action)
	assert.Empty(t, plan.Handovers[0].FunctionalID)
	assert.Zero(t, plan.Resets())
	assert.Empty(t, plan.Preparation, "a refresh needs no functional ID")
}

// A reset too many makes a key that nobody needs; one too few takes a cluster down.
func TestPlanResetsWhatTheLeaverMayOwn(t *testing.T) {
	plan := planOf(editsOf("owner that cannot be read")...)
	require.Len(t, plan.Handovers, 1, "in eu-gb the leaver has no key at all")
	assert.Equal(t, offboard.Reset, plan.Handovers[0].Action)
	plan = planOf(editsOf("newest key is the leaver's, whatever the clusters say")...)
	require.Len(t, plan.Handovers, 1)
	assert.Equal(t, offboard.Reset, plan.Handovers[0].Action)
}

func TestPlanSaysHowLongAgo(t *testing.T) {
	for used, want := range map[time.Duration]string{
		0: "just now", time.Minute: "1 minute ago", 59 * time.Minute: "59 minutes ago", 90 * time.Minute: "1 hour ago",
		47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago",
	} {
		plan := planOf(withKeys(personalKey("ApiKey-ci", "ci", surveyedAt.Add(-used))))
		require.Len(t, plan.Findings, 1)
		assert.Equal(t, "Personal key ci was last used "+want+": whatever uses it stops.", plan.Findings[0].Text)
	}
	old := overtaken(clusterKey("ApiKey-undated", "eu-de", shop, time.Time{}))
	plan := planOf(withScope("eu-de", shop, clusterOf("prod", colleague)), withKeys(old))
	i := slices.IndexFunc(plan.Findings, func(f offboard.Finding) bool { return f.ID == "key/ApiKey-undated" })
	require.GreaterOrEqual(t, i, 0)
	assert.Contains(t, plan.Findings[i].Text, "made at an unknown time", "IAM gave no date (trap 60)")
}

func TestPlanSharesTheKeyLimit(t *testing.T) {
	plan := planOf(editsOf("two functional IDs share the key limit")...)
	var takes []string
	for _, h := range plan.Handovers {
		takes = append(takes, h.Scope.String()+" "+h.FunctionalID)
	}
	assert.Equal(t, []string{"eu-de/shop clusters-1@acme.example", "eu-gb/shop clusters-2@acme.example", "us-south/data clusters-2@acme.example"}, takes)
	assert.Zero(t, plan.Blockers())
	require.Len(t, plan.Preparation, 2)
	assert.False(t, plan.Preparation[0].Invite)
	assert.True(t, plan.Preparation[1].Invite, "it is not in the account")
}

func TestPlanSeverities(t *testing.T) {
	tests := []struct {
		situation, finding string
		want               offboard.Severity
	}{
		{"no room for the keys", "headroom", offboard.Blocker},
		{"no functional ID", "no-functional-id", offboard.Blocker},
		{"functional ID in a wrong state", "state/clusters-1@acme.example", offboard.Blocker},
		{"functional ID has not accepted", "pending/clusters-1@acme.example", offboard.Note},
		{"personal key recently used", "key/ApiKey-ci", offboard.Decision},
		{"personal key recently used", "key/ApiKey-idle", offboard.Note},
		{"personal key recently used", "key/ApiKey-never", offboard.Note},
		{"cluster key that cannot be read", "key/ApiKey-odd", offboard.Decision},
		{"satellite key", "key/ApiKey-sat", offboard.Decision},
		{"classic credentials of the leaver", "classic/eu-de/" + shop, offboard.Blocker},
		{"classic credentials of somebody else", "classic/eu-de/" + shop, offboard.Note},
		{"cluster with a trusted profile", "profile-cluster/id-prod", offboard.Note},
		{"unreachable cluster", "unreachable/id-prod", offboard.Decision},
		{"cluster being deleted", "going/id-old", offboard.Note},
		{"clusters in trouble", "state/id-prod", offboard.Note},
		{"clusters in trouble", "busy/id-new", offboard.Note},
		{"scope without clusters", "empty/eu-de/" + shop, offboard.Note},
		{"clusters that name two owners", "owners/eu-de/" + shop, offboard.Note},
		{"custom bindings", "binding/id-prod/RoleBinding checkout/deployers", offboard.Note},
		{"custom bindings", "pull/id-prod/checkout/registry-login", offboard.Note},
		{"parts that could not be read", "missing/search", offboard.Decision},
		{"parts that could not be read", "profile/nightly-jobs", offboard.Note},
		{"superseded key with another owner", "key/ApiKey-old", offboard.Note},
	}
	for _, tt := range tests {
		t.Run(tt.situation+" "+tt.finding, func(t *testing.T) {
			plan := planOf(editsOf(tt.situation)...)
			i := slices.IndexFunc(plan.Findings, func(f offboard.Finding) bool { return f.ID == tt.finding })
			require.GreaterOrEqual(t, i, 0, "found: %v", idsOf(plan.Findings))
			assert.Equal(t, tt.want, plan.Findings[i].Severity)
		})
	}
}

func idsOf(findings []offboard.Finding) []string {
	var ids []string
	for _, f := range findings {
		ids = append(ids, f.ID)
	}
	return ids
}

// A finding's ID is the key of its answer, so no two are alike; and every question says how to answer it.
func TestFindingsCanBeAnswered(t *testing.T) {
	for _, tt := range situations() {
		t.Run(tt.name, func(t *testing.T) {
			plan := planOf(tt.edits...)
			seen := map[string]bool{}
			for _, f := range plan.Findings {
				assert.False(t, seen[f.ID], "two findings are named %s", f.ID)
				seen[f.ID] = true
				assert.NotEmpty(t, f.Text)
				assert.Equal(t, f.Severity == offboard.Decision, len(f.Options) > 0, "%s", f.ID)
				assert.True(t, f.Severity == offboard.Note || f.Remedy != "", "%s says what to do", f.ID)
			}
			assert.Empty(t, plan.Unanswered(answersTo(plan)), "the first option answers each question")
		})
	}
}

func TestFindingsBeginWithWhatStops(t *testing.T) {
	plan := planned().Progress.Plan
	rank := map[offboard.Severity]int{offboard.Blocker: 0, offboard.Decision: 1, offboard.Note: 2}
	assert.True(t, sort.SliceIsSorted(plan.Findings, func(i, j int) bool { return rank[plan.Findings[i].Severity] < rank[plan.Findings[j].Severity] }))
	assert.Equal(t, 1, plan.Blockers())
}

// Dependents that a trusted profile feeds are not restarted; the others are (trap 48).
func TestTrustedProfileSparesTheStorage(t *testing.T) {
	survey, r, p := situation(editsOf("cluster with a trusted profile")...)
	plan := offboard.NewPlan(survey, r, p)
	require.Len(t, plan.Handovers[0].Clusters[0].Dependents, 1)
	assert.Equal(t, "autoscaler", plan.Handovers[0].Clusters[0].Dependents[0].Name)
	assert.Len(t, survey.Scopes[0].Clusters[0].Inspection.Dependents, 2, "the survey is left as it was")
}

func TestEmptyPlan(t *testing.T) {
	stays := func(_ *offboard.Survey, r *offboard.Request, _ *offboard.Policy) { r.RemoveUser = false }
	assert.True(t, planOf(stays).Empty())
	assert.False(t, planOf().Empty(), "the user is to be removed")
	assert.False(t, planOf(stays, withKeys(personalKey("ApiKey-a", "a", day(-1)))).Empty())
}

// The same survey gives the same plan, and planning leaves its input alone.
func TestPlanIsAPureFunction(t *testing.T) {
	for _, tt := range situations() {
		t.Run(tt.name, func(t *testing.T) {
			survey, r, p := situation(tt.edits...)
			untouched, _, _ := situation(tt.edits...)
			first, second := offboard.NewPlan(survey, r, p), offboard.NewPlan(survey, r, p)
			assert.Empty(t, cmp.Diff(first, second))
			assert.Empty(t, cmp.Diff(untouched, survey))
		})
	}
}

// The order in which a cluster's API lists what it found says nothing, so it must not make people approve again.
func TestDigestDoesNotDependOnTheOrderOfAnInspection(t *testing.T) {
	edits := editsOf("everything at once")
	want := planOf(edits...).Digest
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		survey, r, p := situation(edits...)
		for i := range survey.Scopes {
			for j := range survey.Scopes[i].Clusters {
				in := &survey.Scopes[i].Clusters[j].Inspection
				random.Shuffle(len(in.Dependents), func(a, b int) { in.Dependents[a], in.Dependents[b] = in.Dependents[b], in.Dependents[a] })
				random.Shuffle(len(in.Bindings), func(a, b int) { in.Bindings[a], in.Bindings[b] = in.Bindings[b], in.Bindings[a] })
			}
		}
		assert.Equal(t, want, offboard.NewPlan(survey, r, p).Digest)
	}
}

// Whatever the order of the survey's lists, the same scopes, clusters, keys and findings are in the plan. (Which
// functional ID takes which scope does follow the order; a survey sorts its scopes for that reason.)
func TestPlanHoldsTheSameInAnyOrder(t *testing.T) {
	edits := editsOf("everything at once")
	want := contents(planOf(edits...))
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		survey, r, p := situation(edits...)
		random.Shuffle(len(survey.Scopes), func(a, b int) { survey.Scopes[a], survey.Scopes[b] = survey.Scopes[b], survey.Scopes[a] })
		random.Shuffle(len(survey.Keys), func(a, b int) { survey.Keys[a], survey.Keys[b] = survey.Keys[b], survey.Keys[a] })
		for i := range survey.Scopes {
			list := survey.Scopes[i].Clusters
			random.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		}
		assert.Empty(t, cmp.Diff(want, contents(offboard.NewPlan(survey, r, p))))
	}
}

func contents(plan offboard.Plan) []string {
	var all []string
	for _, h := range plan.Handovers {
		all = append(all, "scope "+h.Scope.ID()+" "+string(h.Action))
		for _, c := range h.Clusters {
			all = append(all, "cluster "+c.ID)
		}
	}
	for _, k := range plan.Keys {
		all = append(all, "key "+k.ID)
	}
	for _, c := range plan.Sync {
		all = append(all, "sync "+c.ID)
	}
	for _, f := range plan.Findings {
		all = append(all, "finding "+f.ID)
	}
	slices.Sort(all)
	return all
}

func TestUnanswered(t *testing.T) {
	plan := planOf(editsOf("everything at once")...)
	good := map[string]string{"unreachable/id-vault": "accept", "key/ApiKey-ci": "keep"}
	assert.Empty(t, plan.Unanswered(good))
	assert.True(t, offboard.Kept(good, "ApiKey-ci"))
	assert.False(t, offboard.Kept(good, "ApiKey-idle"))

	bad := plan.Unanswered(map[string]string{"key/ApiKey-ci": "maybe", "key/ApiKey-idle": "keep", "zzz": "accept"})
	require.Len(t, bad, 4)
	assert.Contains(t, bad[0], `"unreachable/id-vault" needs an answer (accept): The Kubernetes API of cluster vault cannot be reached`)
	assert.Equal(t, `"key/ApiKey-ci" cannot be answered "maybe": it takes retire or keep`, bad[1])
	assert.Equal(t, `"key/ApiKey-idle" is not a question of this plan`, bad[2])
	assert.Equal(t, `"zzz" is not a question of this plan`, bad[3])
	assert.Len(t, plan.Unanswered(nil), 2)
}

func TestRadiusNamesWhatStops(t *testing.T) {
	c := planOf(editsOf("one scope")...).Handovers[0].Clusters[0]
	assert.Contains(t, offboard.Radius(c), "block volumes can no longer be created")
	assert.Contains(t, offboard.Radius(c), "worker nodes are no longer added")
	c.Manual = "no route"
	assert.Equal(t, "what stops is not known (no route)", offboard.Radius(c))
}
