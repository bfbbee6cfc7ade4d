package offboard_test

import (
	"encoding/json"
	"fmt"
	"time"

	"offboard/internal/offboard"
)

// The moment of every survey in these tests, and the people in them.
var (
	surveyedAt = time.Date(2026, 9, 14, 8, 30, 0, 0, time.UTC)

	leaver    = offboard.Person{IAMID: "IBMid-1000LEAVER", Email: "Leaver@acme.example", Name: "Lea Ver", Realm: "IBMid", State: "ACTIVE"}
	colleague = offboard.Person{IAMID: "IBMid-2000COLLEA", Email: "colleague@acme.example", Name: "Col League", Realm: "IBMid", State: "ACTIVE"}
)

const (
	accountID = "acc0acc0acc0acc0acc0acc0acc0acc0"
	shop      = "5b0ff5b0ff5b0ff5b0ff5b0ff5b0ff51"
	data      = "da7ada7ada7ada7ada7ada7ada7ada7a"
)

var groupNames = map[string]string{shop: "shop", data: "data"}

func day(n int) time.Time { return surveyedAt.AddDate(0, 0, n) }

// edit changes a survey, a request or a policy before a plan is made of them.
type edit func(*offboard.Survey, *offboard.Request, *offboard.Policy)

// situation is what a plan is made of.
func situation(edits ...edit) (offboard.Survey, offboard.Request, offboard.Policy) {
	s := offboard.Survey{
		TakenAt: surveyedAt,
		Account: offboard.Account{ID: accountID, OwnerIAMID: "IBMid-0000OWNER", TokenLife: offboard.Duration(time.Hour), VisibleUsers: 12},
		Leaver:  leaver,
		FunctionalIDs: []offboard.FunctionalID{
			{Email: "clusters-1@acme.example", IAMID: "IBMid-3001FUNCTI", State: "ACTIVE", Keys: 3, Limit: 20},
		},
		Clusters: 9,
	}
	r := request()
	p := offboard.DefaultPolicy()
	for _, e := range edits {
		e(&s, &r, &p)
	}
	return copied(s), r, p
}

// copied gives each situation its own lists, so that a test may change them.
func copied(s offboard.Survey) offboard.Survey {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	var c offboard.Survey
	if err := json.Unmarshal(data, &c); err != nil {
		panic(err)
	}
	return c
}

func planOf(edits ...edit) offboard.Plan {
	return offboard.NewPlan(situation(edits...))
}

// request is what DecodeRequest makes of an input with a few fields.
func request() offboard.Request {
	return offboard.Request{
		User: "leaver@acme.example", Mode: offboard.ModeExecute, Approval: offboard.ApprovalRequired, Soak: offboard.DefaultSoak,
		OnFailure: offboard.OnFailureHold, RemoveUser: true, Ticket: "HR-1234", Reason: "leaves the company", RequestedBy: "requester@acme.example",
	}
}

func scopeOf(region, group string) offboard.Scope {
	return offboard.Scope{Region: region, ResourceGroup: group, ResourceGroupName: groupNames[group]}
}

// withScope adds a scope with its clusters.
func withScope(region, group string, clusters ...offboard.ClusterSurvey) edit {
	return func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
		s.Scopes = append(s.Scopes, offboard.ScopeSurvey{Scope: scopeOf(region, group), Clusters: clusters})
	}
}

func withKeys(keys ...offboard.Key) edit {
	return func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys = append(s.Keys, keys...) }
}

func withClassicUser(user string) edit {
	return func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
		s.Scopes[len(s.Scopes)-1].ClassicUser = user
	}
}

func withFunctionalIDs(ids ...offboard.FunctionalID) edit {
	return func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.FunctionalIDs = ids }
}

func withFallback(id offboard.FunctionalID) edit {
	return func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Fallback = &id }
}

// clusterOf is a healthy VPC cluster with the usual dependents, whose key the owner owns.
func clusterOf(name string, owner offboard.Person, changes ...func(*offboard.ClusterSurvey)) offboard.ClusterSurvey {
	c := offboard.ClusterSurvey{
		Cluster: offboard.Cluster{
			ID: "id-" + name, Name: name, Provider: "vpc-gen2", Type: "kubernetes", State: "normal", Version: "1.33.4",
			Owner: offboard.Owner{ID: "42", Name: owner.Name, Email: owner.Email},
		},
		Inspection: offboard.Inspection{
			Dependents: []offboard.Dependent{
				{Name: "block storage", Namespace: "kube-system", Kind: "Deployment", Workload: "ibm-vpc-block-csi-controller", Replicas: 2, Ready: 2,
					Breaks: "block volumes can no longer be created, attached or resized"},
				{Name: "autoscaler", Namespace: "kube-system", Kind: "Deployment", Workload: "ibm-iks-cluster-autoscaler", Replicas: 1, Ready: 1,
					Breaks: "worker nodes are no longer added or removed"},
			},
		},
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func inState(state string) func(*offboard.ClusterSurvey) {
	return func(c *offboard.ClusterSurvey) { c.Cluster.State = state }
}

func classic(c *offboard.ClusterSurvey) {
	c.Cluster.Provider = "classic"
	c.Inspection.Dependents = nil
}

func openshift(c *offboard.ClusterSurvey) { c.Cluster.Type = "openshift" }

func unreachable(c *offboard.ClusterSurvey) {
	c.Inspection = offboard.Inspection{Unreachable: "private service endpoint only"}
}

func trustedProfile(c *offboard.ClusterSurvey) { c.Inspection.TrustedProfile = true }

func bound(c *offboard.ClusterSurvey) {
	c.Inspection.Bindings = []offboard.Binding{
		{Kind: "RoleBinding", Namespace: "checkout", Name: "deployers", Subject: "IAM#leaver@acme.example", Role: "edit"},
		{Kind: "ClusterRoleBinding", Name: "break-glass", Subject: "IAM#leaver@acme.example", Role: "cluster-admin"},
	}
}

func pullSecret(c *offboard.ClusterSurvey) {
	c.Inspection.PullSecrets = []string{"checkout/registry-login"}
}

// clusterKey is the leaver's key of a scope.
func clusterKey(id, region, group string, created time.Time) offboard.Key {
	return offboard.Key{
		ID: id, Name: offboard.ClusterKeyName, IAMID: leaver.IAMID, CreatedAt: created, LastUsed: day(-1),
		Description: fmt.Sprintf("Key for clusters in %s, resource group %s.", region, group),
	}.Classify()
}

// overtaken is a key whose scope has a newer one, of somebody else.
func overtaken(k offboard.Key) offboard.Key {
	k.Superseded = true
	return k
}

func personalKey(id, name string, lastUsed time.Time) offboard.Key {
	return offboard.Key{ID: id, Name: name, IAMID: leaver.IAMID, CreatedAt: day(-200), LastUsed: lastUsed}.Classify()
}

// namedCase is a situation that people know by name; its plan is a golden file.
type namedCase struct {
	name  string
	edits []edit
}

func situations() []namedCase {
	owned := withScope("eu-de", shop, clusterOf("prod", leaver), clusterOf("stage", leaver, classic))
	current := withKeys(clusterKey("ApiKey-current", "eu-de", shop, day(-90)))
	return []namedCase{
		{"nothing owned", nil},
		{"one scope", []edit{owned, current}},
		{"superseded key with another owner", []edit{
			withScope("eu-de", shop, clusterOf("prod", colleague)),
			withKeys(offboard.MarkSuperseded([]offboard.Key{
				clusterKey("ApiKey-old", "eu-de", shop, day(-400)),
				clusterKey("ApiKey-of-colleague", "eu-de", shop, day(-20)),
			})[0]),
		}},
		{"two functional IDs share the key limit", []edit{
			withScope("eu-de", shop, clusterOf("prod", leaver)),
			withScope("eu-gb", shop, clusterOf("london", leaver)),
			withScope("us-south", data, clusterOf("lake", leaver, openshift)),
			withFunctionalIDs(
				offboard.FunctionalID{Email: "clusters-1@acme.example", State: "ACTIVE", Keys: 19, Limit: 20},
				offboard.FunctionalID{Email: "clusters-2@acme.example", Keys: 0, Limit: 20},
			),
		}},
		{"no room for the keys", []edit{
			withScope("eu-de", shop, clusterOf("prod", leaver)),
			withScope("eu-gb", shop, clusterOf("london", leaver)),
			withFunctionalIDs(offboard.FunctionalID{Email: "clusters-1@acme.example", State: "ACTIVE", Keys: 19, Limit: 20}),
		}},
		{"fallback identity", []edit{owned, withFallback(offboard.FunctionalID{Email: "platform@acme.example", State: "ACTIVE", Keys: 3, Limit: 20})}},
		{"fallback identity that is not active", []edit{owned, withFallback(offboard.FunctionalID{Email: "platform@acme.example", State: "PENDING", Limit: 20})}},
		{"fallback identity without room", []edit{owned, withFallback(offboard.FunctionalID{Email: "platform@acme.example", State: "ACTIVE", Keys: 20, Limit: 20})}},
		{"fallback identity that nothing needs", []edit{withFallback(offboard.FunctionalID{Email: "platform@acme.example", State: "PENDING", Limit: 20})}},
		{"functional ID in a wrong state", []edit{owned, withFunctionalIDs(
			offboard.FunctionalID{Email: "clusters-1@acme.example", State: "DISABLED_CLASSIC_INFRASTRUCTURE", Limit: 20})}},
		{"functional ID has not accepted", []edit{owned, withFunctionalIDs(
			offboard.FunctionalID{Email: "clusters-1@acme.example", State: "PENDING", Limit: 20})}},
		{"no functional ID", []edit{owned, withFunctionalIDs()}},
		{"keys may be created by few only", []edit{owned, func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Account.RestrictedKeys = true }}},
		{"personal key recently used", []edit{withKeys(
			personalKey("ApiKey-ci", "ci-pipeline", surveyedAt.Add(-3*time.Hour)),
			personalKey("ApiKey-idle", "laptop", day(-120)),
			personalKey("ApiKey-never", "never", time.Time{}),
		)}},
		{"cluster key that cannot be read", []edit{withKeys(offboard.Key{
			ID: "ApiKey-odd", Name: offboard.ClusterKeyName, IAMID: leaver.IAMID, Description: "made by hand", Locked: true, Disabled: true}.Classify())}},
		{"satellite key", []edit{withKeys(personalKey("ApiKey-sat", "satellite-c0ffee-location", day(-5)))}},
		{"classic credentials of the leaver", []edit{owned, withClassicUser("1234567_leaver@acme.example")}},
		{"classic credentials of somebody else", []edit{owned, withClassicUser("1234567_ops@acme.example")}},
		{"cluster with a trusted profile", []edit{withScope("eu-de", shop, clusterOf("prod", leaver, trustedProfile))}},
		{"unreachable cluster", []edit{withScope("eu-de", shop, clusterOf("prod", leaver, unreachable))}},
		{"cluster being deleted", []edit{withScope("eu-de", shop, clusterOf("prod", leaver), clusterOf("old", leaver, inState("deleting")))}},
		{"clusters in trouble", []edit{withScope("eu-de", shop, clusterOf("prod", leaver, inState("critical")), clusterOf("new", leaver, inState("updating")))}},
		{"scope without clusters", []edit{withScope("eu-de", shop), current}},
		{"owner that cannot be read", []edit{
			withScope("eu-de", shop, clusterOf("prod", offboard.Person{})), current,
			withScope("eu-gb", shop, clusterOf("london", offboard.Person{})),
		}},
		{"newest key is the leaver's, whatever the clusters say", []edit{
			withScope("eu-de", shop, clusterOf("prod", colleague)), current,
		}},
		{"clusters that name two owners", []edit{withScope("eu-de", shop, clusterOf("prod", leaver), clusterOf("stage", colleague)), current}},
		{"custom bindings", []edit{withScope("eu-de", shop, clusterOf("prod", leaver, bound, pullSecret))}},
		{"custom bindings that the policy cleans", []edit{withScope("eu-de", shop, clusterOf("prod", leaver, bound)),
			func(_ *offboard.Survey, _ *offboard.Request, p *offboard.Policy) { p.CleanBindings = true }}},
		{"parts that could not be read", []edit{owned, func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Missing = []offboard.Missing{{ID: "search", What: "Global search could not be asked, so clusters outside the lists would not be seen", Why: "403 from search"}}
			s.Profiles = []string{"nightly-jobs"}
		}}},
		{"user stays", []edit{owned, current, func(_ *offboard.Survey, r *offboard.Request, _ *offboard.Policy) {
			r.RemoveUser, r.Soak = false, offboard.Duration(90*time.Minute)
		}}},
		{"everything at once", []edit{
			withScope("eu-de", shop, clusterOf("prod", leaver, bound), clusterOf("stage", leaver, classic)), withClassicUser("1234567_ops@acme.example"),
			withScope("eu-gb", shop, clusterOf("london", leaver, openshift, trustedProfile)),
			withScope("us-south", data, clusterOf("lake", colleague)),
			withScope("us-south", shop, clusterOf("vault", leaver, unreachable)),
			withKeys(overtaken(clusterKey("ApiKey-lake", "us-south", data, day(-400))), clusterKey("ApiKey-prod", "eu-de", shop, day(-300)),
				clusterKey("ApiKey-london", "eu-gb", shop, day(-200)), clusterKey("ApiKey-vault", "us-south", shop, day(-150)),
				personalKey("ApiKey-ci", "ci-pipeline", surveyedAt.Add(-3*time.Hour)), personalKey("ApiKey-idle", "laptop", day(-120))),
			withFunctionalIDs(
				offboard.FunctionalID{Email: "clusters-1@acme.example", IAMID: "IBMid-3001FUNCTI", State: "ACTIVE", Keys: 18, Limit: 20},
				offboard.FunctionalID{Email: "clusters-2@acme.example", Keys: 0, Limit: 20},
			),
		}},
	}
}

// editsOf finds a named situation.
func editsOf(name string) []edit {
	for _, s := range situations() {
		if s.name == name {
			return s.edits
		}
	}
	panic("no situation is named " + name)
}
