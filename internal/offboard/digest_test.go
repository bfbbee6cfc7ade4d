package offboard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/offboard"
)

// digestBase is a situation with something of everything that a plan holds.
func digestBase() []edit {
	return append([]edit{}, editsOf("everything at once")...)
}

type digestCase struct {
	what   string
	change edit
}

func inspection(s *offboard.Survey, scope, cluster int) *offboard.Inspection {
	return &s.Scopes[scope].Clusters[cluster].Inspection
}

// What happens by itself between two surveys must not make people approve again.
func TestDigestStaysTheSame(t *testing.T) {
	want := planOf(digestBase()...).Digest
	assert.Regexp(t, "^[0-9a-f]{12}$", want)
	tests := []digestCase{
		{"the survey is taken later", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.TakenAt = s.TakenAt.Add(5 * time.Minute)
		}},
		{"a key was used again", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			for i := range s.Keys {
				if s.Keys[i].Class == offboard.ClusterKey || s.Keys[i].ID == "ApiKey-ci" {
					s.Keys[i].LastUsed = surveyedAt.Add(-time.Minute)
				}
			}
		}},
		{"a pod is not ready", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			inspection(s, 0, 0).Dependents[0].Ready = 0
		}},
		{"an autoscaler has one more replica", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			inspection(s, 0, 0).Dependents[1].Replicas++
		}},
		{"a connection fails with other words", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			inspection(s, 3, 0).Unreachable = "dial 10.0.0.9:31337: no route to host"
		}},
		{"a cluster was updated", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[0].Clusters[0].Cluster.Version = "1.34.0"
		}},
		{"the account has one more cluster elsewhere", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Clusters++ }},
		{"a functional ID holds another key, with room left", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.FunctionalIDs[1].Keys++ }},
		{"a resource group has another name", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[0].Scope.ResourceGroupName = "store"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			assert.Equal(t, want, planOf(append(digestBase(), tt.change)...).Digest)
		})
	}
}

// Everything that a person says yes to changes the digest.
func TestDigestChanges(t *testing.T) {
	want := planOf(digestBase()...).Digest
	tests := []digestCase{
		{"another account", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Account.ID = "other" }},
		{"another person", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Leaver.IAMID = "IBMid-4000OTHER" }},
		{"another soak", func(_ *offboard.Survey, r *offboard.Request, _ *offboard.Policy) {
			r.Soak = offboard.Duration(48 * time.Hour)
		}},
		{"the user stays", func(_ *offboard.Survey, r *offboard.Request, _ *offboard.Policy) { r.RemoveUser = false }},
		{"a scope more", withScope("jp-tok", shop, clusterOf("tokyo", leaver))},
		{"a scope less", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Scopes = s.Scopes[1:] }},
		{"a scope in another region", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Scopes[1].Scope.Region = "eu-es" }},
		{"a scope of another group", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[1].Scope.ResourceGroup = data
		}},
		{"a refresh becomes a reset", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[2].Clusters[0].Cluster.Owner.Email = leaver.Email
		}},
		{"a cluster more", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[1].Clusters = append(s.Scopes[1].Clusters, clusterOf("bristol", leaver))
		}},
		{"a cluster goes", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[0].Clusters[1].Cluster.State = "deleting"
		}},
		{"a cluster cannot be reached", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			unreachable(&s.Scopes[0].Clusters[0])
		}},
		{"a restart more", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			i := inspection(s, 0, 0)
			i.Dependents = append(i.Dependents, offboard.Dependent{Name: "backup", Namespace: "backup", Workload: "backup-controller"})
		}},
		{"a restart less", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			i := inspection(s, 0, 0)
			i.Dependents = i.Dependents[:1]
		}},
		{"storage moves to a trusted profile", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			inspection(s, 0, 0).TrustedProfile = true
		}},
		{"another functional ID takes a scope", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.FunctionalIDs[0].Keys = 20 }},
		{"a functional ID left the account", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.FunctionalIDs[0].State = "" }},
		{"a functional ID gets one right more", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Account.RestrictedKeys = true }},
		{"a functional ID gets one right instead of another", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Account.RestrictedKeys = true
			for i := range s.Scopes {
				for j := range s.Scopes[i].Clusters {
					s.Scopes[i].Clusters[j].Cluster.Provider = "classic"
				}
			}
		}},
		{"a key more", withKeys(clusterKey("ApiKey-late", "eu-de", shop, day(-1)))},
		{"a key less", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys = s.Keys[:len(s.Keys)-1] }},
		{"a key was locked", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys[0].Locked = true }},
		{"a key was disabled by somebody", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys[0].Disabled = true }},
		{"an idle key is used again", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { s.Keys[5].LastUsed = surveyedAt }},
		{"classic credentials are the leaver's", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Scopes[0].ClassicUser = leaver.Email
		}},
		{"a binding more", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) { bound(&s.Scopes[1].Clusters[0]) }},
		{"a part could not be read", func(s *offboard.Survey, _ *offboard.Request, _ *offboard.Policy) {
			s.Missing = []offboard.Missing{{ID: "search", What: "w", Why: "y"}}
		}},
	}
	seen := map[string]string{want: "nothing"}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			got := planOf(append(digestBase(), tt.change)...).Digest
			assert.Empty(t, seen[got], "looks like: %s", seen[got])
			seen[got] = tt.what
		})
	}
}
