package offboard_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

const (
	shopID               = "5b0ff5b0ff5b0ff5b0ff5b0ff5b0ff51"
	dataID               = "da7ada7ada7ada7ada7ada7ada7ada7a"
	administers, manages = "crn:v1:bluemix:public:iam::::role:Administrator", "crn:v1:bluemix:public:iam::::serviceRole:Manager"
)

// everything is what somebody may do who may do everything.
func everything() []offboard.Right {
	return []offboard.Right{{Roles: []string{administers, manages}, Resources: map[string]string{"accountId": "acc", "serviceType": "service"}}}
}

// quiet is an account in which everything belongs to functional IDs.
func quiet() offboard.AuditSurvey {
	s := offboard.AuditSurvey{
		TakenAt: today, Account: offboard.Account{ID: "acc", OwnerIAMID: "IBMid-owner"},
		Engine: offboard.Identity{IAMID: "IBMid-engine", Email: "engine@acme.example", KeyID: "ApiKey-engine"},
		Groups: []offboard.ResourceGroup{{ID: shopID, Name: "shop"}, {ID: dataID, Name: "data"}},
		Users:  4, UserKeys: 6,
		People: []offboard.Person{
			{IAMID: "IBMid-engine", Email: "engine@acme.example", State: "ACTIVE"},
			{IAMID: "IBMid-f1", Email: "clusters-1@acme.example", State: "ACTIVE"},
			{IAMID: "IBMid-owner", Email: "owner@acme.example", State: "ACTIVE"},
			{IAMID: "IBMid-petra", Email: "Petra@acme.example", Name: "Petra Platform", State: "ACTIVE"},
		},
		FunctionalIDs: []offboard.FunctionalID{{Email: "clusters-1@acme.example", IAMID: "IBMid-f1", State: "ACTIVE", Keys: 4, Limit: 20}},
		Rights:        map[string][]offboard.Right{"IBMid-f1": everything(), "IBMid-petra": everything()},
		Request:       offboard.AuditRequest{Dependents: true},
	}
	for _, region := range []string{"eu-de", "eu-gb", "us-south"} {
		own(&s, region, shopID, "IBMid-f1", "clusters-1@acme.example")
	}
	return s
}

// own adds a cluster and the key of its scope.
func own(s *offboard.AuditSurvey, region, group, iamID, email string) *offboard.ClusterEvidence {
	scope := offboard.Scope{Region: region, ResourceGroup: group}
	n := len(s.Clusters) + 1
	if iamID != "" {
		s.Keys = append(s.Keys, offboard.Key{ID: fmt.Sprintf("ApiKey-%s-%d", region, n), Name: offboard.ClusterKeyName, Class: offboard.ClusterKey, Scope: scope,
			IAMID: iamID, CreatedAt: daysAgo(200), LastUsed: daysAgo(0)})
	}
	s.Clusters = append(s.Clusters, offboard.ClusterEvidence{
		Cluster: offboard.Cluster{ID: fmt.Sprintf("id-%d", n), Name: fmt.Sprintf("cluster-%d", n), Region: region, ResourceGroup: group, Provider: "vpc-gen2", State: "normal",
			Owner: offboard.Owner{Email: email}},
		Looked: true, Master: offboard.Master{State: "deployed", Health: "normal", Modified: daysAgo(100)}, Since: daysAgo(90),
		Dependents: []offboard.Dependent{{Name: "block storage", Workload: "csi", Replicas: 1, Ready: 1, Breaks: "block volumes cannot be created"}},
	})
	return &s.Clusters[n-1]
}

// audited are accounts with one thing that is the matter, by the name of their golden file.
var audited = map[string]func(s *offboard.AuditSurvey){
	"nothing is the matter": func(*offboard.AuditSurvey) {},
	"no cluster at all": func(s *offboard.AuditSurvey) {
		s.Clusters, s.Keys = nil, nil
	},
	"a person owns scopes": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
		c := own(s, "jp-tok", shopID, "", "petra@acme.example")
		c.Dependents = []offboard.Dependent{{Name: "autoscaler", Workload: "ca", Replicas: 1, Ready: 1, Breaks: "worker nodes are not added"}}
		s.Keys = append(s.Keys,
			offboard.Key{ID: "ApiKey-laptop", Name: "laptop", Class: offboard.PersonalKey, IAMID: "IBMid-petra", LastUsed: today.Add(-2 * time.Hour)},
			offboard.Key{ID: "ApiKey-ancient", Name: "ancient", Class: offboard.PersonalKey, IAMID: "IBMid-petra", LastUsed: daysAgo(300)},
			offboard.Key{ID: "ApiKey-own", Name: "login", Class: offboard.PersonalKey, IAMID: "IBMid-f1", LastUsed: today})
		s.Profiles = []offboard.TrustedProfile{{ID: "Profile-1", Name: "break glass", Users: []string{"IBMid-petra"}}}
		s.ServiceIDs = []offboard.ServiceID{{ID: "ServiceId-1", Name: "puller", Creator: "IBMid-petra"}}
	},
	"the account's owner owns scopes": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-owner", "owner@acme.example")
	},
	"owners who left": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "", "gone@acme.example")
		own(s, "au-syd", dataID, "", "gone@acme.example").Cluster.State = "warning"
		s.Profiles = []offboard.TrustedProfile{{ID: "Profile-1", Name: "break glass", Users: []string{"IBMid-gone"}}}
		s.ServiceIDs = []offboard.ServiceID{{ID: "ServiceId-1", Name: "puller", Creator: "IBMid-gone"}, {ID: "ServiceId-2", Name: "old"}}
	},
	"keys that are gone or disabled": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "", "petra@acme.example") // they hold no key for it
		own(s, "au-syd", dataID, "", "")                   // nobody does
		own(s, "br-sao", shopID, "IBMid-petra", "petra@acme.example")
		s.Keys[len(s.Keys)-1].Disabled = true
	},
	"an owner who is no active user": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
		s.People[3].State = "VPN_ONLY"
	},
	"an owner who lacks access": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
		s.Rights["IBMid-petra"] = []offboard.Right{
			{Roles: []string{administers}, Resources: map[string]string{"accountId": "acc", "serviceName": "containers-kubernetes", "resourceGroupId": shopID, "region": "ap-north"}},
			{Roles: []string{administers}, Resources: map[string]string{"accountId": "acc", "serviceName": "container-registry", "resourceGroupId": shopID}},
		}
	},
	"access that cannot be judged": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
		s.Rights["IBMid-petra"] = []offboard.Right{{Roles: []string{administers}}}
	},
	"clusters that fail already": func(s *offboard.AuditSurvey) {
		c := own(s, "jp-tok", shopID, "IBMid-f1", "clusters-1@acme.example")
		c.Cluster.State, c.Cluster.Status = "warning", "All Workers Normal"
		c.Cluster.Addons = []offboard.Addon{{Name: "vpc-block-csi-driver", Health: "critical", Status: "The IAM token exchange of the add-on fails (NHC009)."}}
		other := own(s, "jp-tok", shopID, "", "clusters-1@acme.example")
		other.Cluster.State, other.Cluster.Status = "critical", "Some Workers Critical"
		other.Master.Health = "unavailable"
		other.Dependents[0].Ready = 0
	},
	"clusters that do not agree": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-petra", "clusters-1@acme.example")
		own(s, "jp-tok", shopID, "", "clusters-1@acme.example")
		own(s, "jp-tok", shopID, "", "petra@acme.example")
		own(s, "au-syd", shopID, "IBMid-petra", "clusters-1@acme.example")
		own(s, "br-sao", shopID, "", "").Cluster.Owner = offboard.Owner{ID: "ServiceId-1", Name: "cluster-owner"}
	},
	"functional IDs without room": func(s *offboard.AuditSurvey) {
		s.FunctionalIDs[0].Keys = 20
		s.FunctionalIDs = append(s.FunctionalIDs,
			offboard.FunctionalID{Email: "clusters-2@acme.example", IAMID: "IBMid-f2", State: "ACTIVE", Keys: 18, Limit: 20},
			offboard.FunctionalID{Email: "clusters-3@acme.example", Limit: 0},
			offboard.FunctionalID{Email: "clusters-4@acme.example", IAMID: "IBMid-f4", State: "PENDING", Limit: 0})
		for _, region := range []string{"jp-tok", "au-syd", "br-sao"} {
			own(s, region, shopID, "IBMid-petra", "petra@acme.example")
		}
	},
	"nobody to hand over to": func(s *offboard.AuditSurvey) {
		own(s, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
		s.FunctionalIDs, s.Clusters, s.Keys = nil, s.Clusters[3:], s.Keys[3:]
	},
	"superseded keys": func(s *offboard.AuditSurvey) {
		older := func(id, region, iamID string, used int) {
			s.Keys = append(s.Keys, offboard.Key{ID: id, Name: offboard.ClusterKeyName, Class: offboard.ClusterKey, IAMID: iamID,
				Scope: offboard.Scope{Region: region, ResourceGroup: shopID}, CreatedAt: daysAgo(500), LastUsed: daysAgo(used)})
		}
		older("ApiKey-unused", "eu-de", "IBMid-petra", 250)
		older("ApiKey-used", "eu-gb", "IBMid-petra", 1)
		s.Keys = append(s.Keys, offboard.Key{ID: "ApiKey-odd", Name: offboard.ClusterKeyName, Class: offboard.ClusterKey, IAMID: "IBMid-petra"},
			offboard.Key{ID: "ApiKey-satellite", Name: "satellite-edge", Class: offboard.SatelliteKey, IAMID: "IBMid-petra"})
	},
	"parts that cannot be seen": func(s *offboard.AuditSurvey) {
		s.Missing = []offboard.Missing{{ID: "owner/id-1", What: "Nobody could be asked whose key cluster cluster-1 depends on", Why: "read: no right"},
			{ID: "rights", What: "Whether the owners have access is not known", Why: "no policy was shown."}}
		s.Clusters[0].Cluster.Owner = offboard.Owner{}
		s.Keys, s.Rights, s.Blind = s.Keys[1:], nil, true
		s.Hidden = []offboard.ClusterRef{{ID: "id-dark", Name: "dark"}}
	},
	"lists only": func(s *offboard.AuditSurvey) {
		s.Request.Dependents = false
		own(s, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
		s.Keys = append(s.Keys, offboard.Key{ID: "ApiKey-old", Name: offboard.ClusterKeyName, Class: offboard.ClusterKey, IAMID: "IBMid-f1",
			Scope: offboard.Scope{Region: "jp-tok", ResourceGroup: shopID}, CreatedAt: daysAgo(500), LastUsed: daysAgo(300)})
		for i := range s.Clusters {
			c := s.Clusters[i].Cluster
			s.Clusters[i] = offboard.ClusterEvidence{Cluster: c}
		}
	},
}

func TestAuditOfASituation(t *testing.T) {
	for name, change := range audited {
		t.Run(name, func(t *testing.T) {
			s := quiet()
			change(&s)
			audit := offboard.NewAudit(s, offboard.DefaultPolicy())
			file := strings.ReplaceAll(name, " ", "-")
			goldenJSON(t, "audits/"+file+".golden.json", audit)
			golden(t, "audits/"+file+".golden.md", audit.Markdown())
			again := quiet()
			change(&again)
			assert.Equal(t, audit, offboard.NewAudit(again, offboard.DefaultPolicy()), "the same survey gives the same audit")
			for _, f := range audit.Findings {
				assert.NotEmpty(t, f.Text)
				assert.NotEmpty(t, f.Kind)
				assert.NotContains(t, f.Text, "%!")
			}
			page, err := audit.HTML()
			require.NoError(t, err)
			assert.NotContains(t, string(page), "ZgotmplZ")
		})
	}
}

func TestFindingsAreNamedOnce(t *testing.T) {
	for name, change := range audited {
		s := quiet()
		change(&s)
		seen := map[string]bool{}
		for _, f := range offboard.NewAudit(s, offboard.DefaultPolicy()).Findings {
			assert.False(t, seen[f.ID], "%s: %s is there twice", name, f.ID)
			seen[f.ID] = true
		}
	}
}

// all is an account with everything at once.
func all() offboard.AuditSurvey {
	s := quiet()
	for _, name := range []string{"a person owns scopes", "owners who left", "clusters that fail already", "superseded keys", "functional IDs without room"} {
		audited[name](&s)
	}
	return s
}

func TestAuditIsSafeForEveryReader(t *testing.T) {
	s := quiet()
	evil := `<script>alert("x")</script> | $(rm -rf ~) 'q'`
	s.People = append(s.People, offboard.Person{IAMID: "IBMid-evil", Email: evil, Name: evil, State: "ACTIVE"})
	c := own(&s, "jp-tok", shopID, "IBMid-evil", evil)
	c.Cluster.Name, c.Cluster.State = evil, "warning"
	s.Profiles = []offboard.TrustedProfile{{ID: "Profile-1", Name: evil, Users: []string{"IBMid-gone"}}}
	audit := offboard.NewAudit(s, offboard.DefaultPolicy())
	page, err := audit.HTML()
	require.NoError(t, err)
	assert.NotContains(t, string(page), "<script>")
	assert.NotContains(t, string(page), "http://")
	assert.NotContains(t, string(page), "https://")
	commands := ""
	for _, f := range audit.Findings {
		commands += f.Command + "\n"
	}
	assert.Contains(t, commands, `'<script>alert("x")</script> | $(rm -rf ~) '\''q'\'''`, "quoted for a shell")
	for line := range strings.Lines(audit.Markdown()) {
		if strings.HasPrefix(line, "| Decision") {
			assert.Equal(t, 5, strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"), line)
		}
	}
}

// An account of the largest size gives an audit that fits into a payload, and a page that fits into the Web UI.
func TestAuditOfTheLargestAccountIsShortened(t *testing.T) {
	s := quiet()
	for i := range 5000 {
		email := fmt.Sprintf("person-%04d@acme.example", i)
		s.People = append(s.People, offboard.Person{IAMID: "IBMid-" + email, Email: email, State: "ACTIVE"})
		own(&s, "jp-tok", fmt.Sprintf("%032x", i), "IBMid-"+email, email)
		s.Keys = append(s.Keys, offboard.Key{ID: fmt.Sprintf("ApiKey-old-%d", i), Name: offboard.ClusterKeyName, Class: offboard.ClusterKey, IAMID: "IBMid-" + email,
			Scope: offboard.Scope{Region: "jp-tok", ResourceGroup: fmt.Sprintf("%032x", i)}, CreatedAt: daysAgo(900)})
	}
	began := time.Now()
	audit := offboard.NewAudit(s, offboard.DefaultPolicy())
	t.Log(time.Since(began))
	data, err := json.Marshal(audit)
	require.NoError(t, err)
	assert.Less(t, len(data), 1<<20)
	assert.Less(t, len(audit.Details()), 20_000)
	assert.Equal(t, 5000, audit.Totals.AtRisk)
	assert.Equal(t, 4800, audit.LeftOut["people"])
	assert.Contains(t, audit.Markdown(), "Left out because there were too many")
}

func TestWorstAndReaches(t *testing.T) {
	audit := offboard.NewAudit(all(), offboard.DefaultPolicy())
	assert.Equal(t, offboard.Blocker, audit.Worst())
	for _, s := range []offboard.Severity{offboard.Blocker, offboard.Decision, offboard.Note} {
		assert.True(t, audit.Reaches(s))
	}
	still := offboard.NewAudit(quiet(), offboard.DefaultPolicy())
	assert.Empty(t, still.Worst())
	assert.False(t, still.Reaches(offboard.Note))
}

func TestAuditComparedWithTheOneBefore(t *testing.T) {
	before := quiet()
	audited["a person owns scopes"](&before)
	audited["owners who left"](&before)
	after := quiet()
	own(&after, "jp-tok", shopID, "IBMid-petra", "petra@acme.example")
	audited["clusters that fail already"](&after)
	after.TakenAt = today.AddDate(0, 0, 7)
	earlier := offboard.NewAudit(before, offboard.DefaultPolicy())
	earlier.RunID = "run-1"
	audit := offboard.NewAudit(after, offboard.DefaultPolicy()).Compared(earlier.Digest())
	goldenJSON(t, "audits/differences.golden.json", audit.Differences)
	golden(t, "audits/differences.golden.md", audit.Details())

	same := offboard.NewAudit(before, offboard.DefaultPolicy()).Compared(earlier.Digest())
	assert.True(t, same.Differences.None())
	assert.Contains(t, same.Markdown(), "Nothing differs.")

	shallow := before
	shallow.Request.Dependents = false
	uneven := offboard.NewAudit(shallow, offboard.DefaultPolicy()).Compared(earlier.Digest())
	assert.Contains(t, uneven.Differences.Uneven, "looked deeper")
	assert.True(t, uneven.Differences.None(), "%v", uneven.Differences)
}

func TestAuditInput(t *testing.T) {
	for _, empty := range []string{"", " \n", "{}"} {
		got, err := offboard.DecodeAuditRequest([]byte(empty))
		require.NoError(t, err)
		assert.Equal(t, offboard.AuditRequest{}, got)
	}
	got, err := offboard.DecodeAuditRequest([]byte(offboard.AuditExample))
	require.NoError(t, err)
	assert.Equal(t, offboard.AuditRequest{Dependents: true, RequestedBy: "requester@acme.example"}, got)
	got, err = offboard.DecodeAuditRequest([]byte(`{"everyKey": true, "account": "a", "reason": "r"}`))
	require.NoError(t, err)
	assert.Equal(t, offboard.AuditRequest{EveryKey: true, Account: "a", Reason: "r"}, got)

	_, err = offboard.DecodeAuditRequest([]byte(`{"dependants": true, "everyKey": "yes", "requestedBy": "me", "reason": "a", "reason": "b"}`))
	var wrong *offboard.InvalidInput
	require.ErrorAs(t, err, &wrong)
	assert.Len(t, wrong.Problems, 4, "%v", wrong.Problems)
	assert.Contains(t, wrong.Error(), `did you mean "dependents"`)
	assert.Contains(t, wrong.Error(), offboard.AuditExample)
	for _, bad := range []string{"[]", `"text"`, "null", "{} {}", "{"} {
		_, err := offboard.DecodeAuditRequest([]byte(bad))
		require.ErrorAs(t, err, &wrong, bad)
	}
}

func TestProblemsOfAnAudit(t *testing.T) {
	a := offboard.Admission{Account: offboard.Account{ID: "acc"}, Engine: offboard.Identity{Email: "engine@acme.example"}}
	assert.Empty(t, a.ProblemsOfAudit(offboard.AuditRequest{}, -1))
	assert.Empty(t, a.ProblemsOfAudit(offboard.AuditRequest{Account: "acc"}, 2))
	assert.Len(t, a.ProblemsOfAudit(offboard.AuditRequest{Account: "other"}, 1), 2)
}

func TestLastUseIsWantedOfKeysThatMatter(t *testing.T) {
	s := all()
	want := s.LastUseWanted()
	for _, id := range want {
		assert.NotEqual(t, "ApiKey-own", id, "functional IDs use their keys by design")
	}
	for i := range s.Keys {
		s.Keys[i].LastUsed = time.Time{}
	}
	want = s.LastUseWanted()
	for _, id := range []string{"ApiKey-laptop", "ApiKey-ancient", "ApiKey-unused", "ApiKey-eu-de-1", "ApiKey-odd", "ApiKey-satellite"} {
		assert.Contains(t, want, id)
	}
	for _, id := range []string{"ApiKey-us-south-3", "ApiKey-own"} {
		assert.NotContains(t, want, id, "the only key of its scope, or one of a functional ID")
	}
	assert.Equal(t, []string{"IBMid-f1", "IBMid-petra"}, s.Owners())
}

func TestAuditPageWhileItIsUnderWay(t *testing.T) {
	text := offboard.AuditDetails(offboard.AuditProgress{Account: "acc", Step: "looking into the clusters", Clusters: 12, Asked: 12, Inside: 3, Request: offboard.AuditRequest{Dependents: true}})
	assert.Contains(t, text, "12 of 12 clusters asked for the owner of their key, 3 looked into")
	assert.Contains(t, text, "Nothing is changed by an audit.")
}
