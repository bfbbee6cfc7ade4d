package activities_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

// sees is what an audit asks of an account besides what an offboarding does.
type sees struct {
	*cloud
	rights   map[string][]offboard.Right
	policies int
	profiles []offboard.TrustedProfile
	services []offboard.ServiceID
	previous *offboard.AuditDigest
	kept     map[string]offboard.Audit
}

func (s *sees) AccountOwner(context.Context) (string, error) {
	return "IBMid-owner", s.call("AccountOwner", "")
}
func (s *sees) WhoAmI(ctx context.Context) (offboard.Identity, error) {
	return users{s.cloud}.WhoAmI(ctx)
}
func (s *sees) People(ctx context.Context) ([]offboard.Person, error) {
	return users{s.cloud}.People(ctx)
}
func (s *sees) RightsOf(context.Context, []string) (map[string][]offboard.Right, int, error) {
	return s.rights, s.policies, s.call("RightsOf", "")
}
func (s *sees) Profiles(context.Context) ([]offboard.TrustedProfile, error) {
	return s.profiles, s.call("Profiles", "")
}
func (s *sees) ServiceIDs(context.Context) ([]offboard.ServiceID, error) {
	return s.services, s.call("ServiceIDs", "")
}
func (s *sees) PreviousAudit(_ context.Context, account, notRun string) (offboard.AuditDigest, bool, error) {
	err := s.call("PreviousAudit", account+" "+notRun)
	if s.previous == nil {
		return offboard.AuditDigest{}, false, err
	}
	return *s.previous, true, err
}
func (s *sees) KeepAudit(_ context.Context, name string, a offboard.Audit) (string, error) {
	s.kept[name] = a
	return "file:" + name, s.call("KeepAudit", name)
}

func newAuditor(functional ...string) (*activities.Auditor, *sees) {
	s := &sees{cloud: newCloud(), kept: map[string]offboard.Audit{}}
	return activities.NewAuditor(activities.AuditPorts{Users: s, Keys: keys{s.cloud}, Identities: s, Clusters: clusters{s.cloud}, Workloads: workloads{s.cloud},
		History: s, Shelf: s, Account: "acc", FunctionalIDs: functional, Policy: offboard.DefaultPolicy(), Now: func() time.Time { return noon }}), s
}

// An audit can change nothing: what its ports can do is written down here, and every word of it reads.
func TestAuditorReachesNothingThatChangesAnything(t *testing.T) {
	reads := []string{
		"AccountOwner", "People", "WhoAmI", // users
		"Key", "Room", "UserKeys", // keys
		"Profiles", "RightsOf", "ServiceIDs", // identities
		"Addons", "ClassicUser", "Cluster", "Clusters", "Indexed", "KeyOwner", "ResourceGroups", // clusters
		"Inspect", "Since", // workloads
		"PreviousAudit", // other audits
		"KeepAudit",     // writes a file of ours, nothing in the account
	}
	var reached []string
	ports := reflect.TypeFor[activities.AuditPorts]()
	auditor := reflect.TypeFor[activities.Auditor]()
	for _, of := range []reflect.Type{ports, auditor} {
		for i := range of.NumField() {
			f := of.Field(i)
			switch f.Type.Kind() {
			case reflect.Interface:
				for m := range f.Type.NumMethod() {
					reached = append(reached, f.Type.Method(m).Name)
				}
			case reflect.Func:
				require.Equal(t, reflect.TypeFor[func() time.Time](), f.Type, f.Name)
			case reflect.String, reflect.Slice, reflect.Struct:
				require.Contains(t, []string{"string", "[]string", "offboard.Policy"}, f.Type.String(), f.Name)
			default:
				require.Fail(t, "a way out that nobody has judged", "%s %s", f.Name, f.Type)
			}
		}
	}
	slices.Sort(reached)
	slices.Sort(reads)
	require.Equal(t, reads, slices.Compact(reached))

	// A port says no more than its type, as long as nobody asks what is behind it.
	files, err := filepath.Glob("audit*.go")
	require.NoError(t, err)
	require.Greater(t, len(files), 3)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, i := range file.Imports {
			require.NotContains(t, []string{`"reflect"`, `"unsafe"`, `"net/http"`, `"os"`, `"os/exec"`}, i.Path.Value, name)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			_, asserts := n.(*ast.TypeAssertExpr)
			require.False(t, asserts, "%s asserts a type", name)
			return true
		})
	}
}

func TestEveryVerbOfTheAuditorIsRegistered(t *testing.T) {
	var registered []string
	a, _ := newAuditor()
	activities.RegisterAuditor(registry(func(name string) { registered = append(registered, name) }), a)
	var methods []string
	for i := range reflect.TypeOf(a).NumMethod() {
		methods = append(methods, reflect.TypeOf(a).Method(i).Name)
	}
	slices.Sort(registered)
	require.Equal(t, methods, registered)
}

func TestAuditAccount(t *testing.T) {
	a, s := newAuditor(functional)
	got, err := a.AuditAccount(t.Context(), activities.AuditAccountInput{})
	require.NoError(t, err)
	require.Equal(t, offboard.Account{ID: "acc", OwnerIAMID: "IBMid-owner"}, got.Account)
	require.Equal(t, []string{functional}, got.FunctionalIDs)
	for _, verb := range []string{"WhoAmI", "AccountOwner"} {
		s.fail = map[string]error{verb: refused(offboard.Denied)}
		_, err = a.AuditAccount(t.Context(), activities.AuditAccountInput{})
		require.Equal(t, offboard.Denied, offboard.CodeOf(err), verb)
	}
}

// account is one with an owner, a holder of a Satellite key, a functional ID, a person of a profile, and many others.
func people(s *sees) {
	s.people = []offboard.Person{
		{IAMID: "IBMid-1", Email: "Owner@acme.example", State: "ACTIVE", Realm: "IBMid"}, {IAMID: "IBMid-2", Email: "edge@acme.example", State: "ACTIVE"},
		{IAMID: "IBMid-3", Email: functional, State: "ACTIVE"}, {IAMID: "IBMid-4", Email: "named@acme.example", State: "ACTIVE"}, {IAMID: "IBMid-5", Email: "other@acme.example", State: "ACTIVE"},
	}
	add := func(id, owner string, class offboard.KeyClass, used time.Time) {
		s.keys[id] = offboard.Key{ID: id, IAMID: owner, Class: class, Description: "words", LastUsed: used}
	}
	add("k-laptop", "IBMid-1", offboard.PersonalKey, noon)
	add("k-satellite", "IBMid-2", offboard.SatelliteKey, noon)
	add("k-phone", "IBMid-2", offboard.PersonalKey, noon)
	add("k-cluster", "IBMid-3", offboard.ClusterKey, noon)
	add("k-named", "IBMid-4", offboard.PersonalKey, noon.Add(-time.Hour))
	add("k-other", "IBMid-5", offboard.PersonalKey, noon.AddDate(0, -6, 0))
}

func idsOf(list []offboard.Key) []string {
	var ids []string
	for _, k := range list {
		ids = append(ids, k.ID)
	}
	return ids
}

func TestAuditPeopleKeepsWhoMattersAndCountsTheOthers(t *testing.T) {
	a, s := newAuditor(functional, "absent@acme.example")
	people(s)
	in := activities.AuditPeopleInput{Owners: []string{"owner@acme.example"}, Named: []string{"IBMid-4", "IBMid-gone"}, Policy: offboard.DefaultPolicy(), Engine: "IBMid-engine"}
	got, err := a.AuditPeople(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 5, got.Users)
	require.Equal(t, 6, got.UserKeys)
	require.Equal(t, []string{"k-cluster", "k-laptop", "k-phone", "k-satellite"}, idsOf(got.Keys))
	require.Empty(t, got.Keys[0].Description)
	var ids []string
	for _, p := range got.People {
		ids = append(ids, p.IAMID)
	}
	require.Equal(t, []string{"IBMid-1", "IBMid-2", "IBMid-3", "IBMid-4"}, ids)
	require.Equal(t, []offboard.FunctionalID{{Email: functional, IAMID: "IBMid-3", State: "ACTIVE", Keys: 4, Limit: offboard.DefaultKeyLimit},
		{Email: "absent@acme.example", Limit: offboard.DefaultKeyLimit}}, got.FunctionalIDs)
	require.False(t, got.Blind)
	require.Zero(t, s.called("Key"), "the last use of a key is another verb's")
	require.Equal(t, 1, s.called("UserKeys"))

	in.EveryKey = true
	got, err = a.AuditPeople(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"k-cluster", "k-laptop", "k-named", "k-phone", "k-satellite"}, idsOf(got.Keys), "one more is in use")
	require.Equal(t, 2, s.called("Key"), "one call for each key of the others")

	s.fail["Key k-other"] = refused(offboard.Denied)
	got, err = a.AuditPeople(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"k-other"}, got.Unread)
	for _, verb := range []string{"People", "UserKeys", "Key k-other", "Room"} {
		s.fail = map[string]error{verb: refused(offboard.Unavailable)}
		_, err = a.AuditPeople(t.Context(), in)
		require.Equal(t, offboard.Unavailable, offboard.CodeOf(err), verb)
	}
}

func TestAuditPeopleNoticesThatItIsBlind(t *testing.T) {
	a, s := newAuditor()
	s.keys["k-engine"] = offboard.Key{ID: "k-engine", IAMID: "IBMid-engine", Class: offboard.PersonalKey}
	got, err := a.AuditPeople(t.Context(), activities.AuditPeopleInput{Engine: "IBMid-engine"})
	require.NoError(t, err)
	require.True(t, got.Blind)
}

func TestAuditUse(t *testing.T) {
	a, s := newAuditor()
	people(s)
	s.keys["k-fresh"] = offboard.Key{ID: "k-fresh"}
	s.fail["Key k-named"] = refused(offboard.Denied)
	got, err := a.AuditUse(t.Context(), activities.AuditUseInput{Keys: []string{"k-laptop", "k-fresh", "k-gone", "k-named"}})
	require.NoError(t, err)
	require.Equal(t, map[string]time.Time{"k-laptop": noon}, got.LastUsed)
	require.Equal(t, []string{"k-named"}, got.Unread)
	s.fail["Key k-named"] = refused(offboard.RateLimited)
	_, err = a.AuditUse(t.Context(), activities.AuditUseInput{Keys: []string{"k-named"}})
	require.Equal(t, offboard.RateLimited, offboard.CodeOf(err))
}

func TestAuditRightsKeepsWhatConcernsClusters(t *testing.T) {
	a, s := newAuditor()
	right := func(name, value string) offboard.Right {
		return offboard.Right{Roles: []string{"r"}, Resources: map[string]string{"accountId": "acc", name: value}}
	}
	kept := []offboard.Right{right("serviceName", "containers-kubernetes"), right("serviceType", "service"), {Roles: []string{"r"}}, right("resourceGroupId", "g")}
	dropped := []offboard.Right{right("serviceName", "billing"), right("serviceType", "platform_service"), right("resourceType", "resource-group")}
	s.rights, s.policies = map[string][]offboard.Right{"IBMid-1": append(slices.Clone(dropped), kept...)}, 7
	got, err := a.AuditRights(t.Context(), activities.AuditRightsInput{Owners: []string{"IBMid-1", "IBMid-2"}})
	require.NoError(t, err)
	require.Equal(t, map[string][]offboard.Right{"IBMid-1": kept, "IBMid-2": nil}, got.Rights)

	s.policies = 0
	got, err = a.AuditRights(t.Context(), activities.AuditRightsInput{Owners: []string{"IBMid-1"}})
	require.NoError(t, err)
	require.Nil(t, got.Rights, "no list at all proves nothing (trap 17)")
	require.Len(t, got.Missing, 1)
	s.fail["RightsOf"] = refused(offboard.Denied)
	got, err = a.AuditRights(t.Context(), activities.AuditRightsInput{})
	require.NoError(t, err)
	require.Len(t, got.Missing, 1)
	s.fail["RightsOf"] = refused(offboard.Unavailable)
	_, err = a.AuditRights(t.Context(), activities.AuditRightsInput{})
	require.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
}

func TestAuditIdentities(t *testing.T) {
	a, s := newAuditor()
	s.profiles = []offboard.TrustedProfile{{ID: "p1", Users: []string{"IBMid-1"}}, {ID: "p2"}}
	s.services = []offboard.ServiceID{{ID: "s1"}}
	got, err := a.AuditIdentities(t.Context(), activities.AuditIdentitiesInput{})
	require.NoError(t, err)
	require.Len(t, got.Profiles, 1, "one that names nobody does not matter")
	require.Len(t, got.ServiceIDs, 1)
	s.fail = map[string]error{"Profiles": refused(offboard.Denied), "ServiceIDs": refused(offboard.Denied)}
	got, err = a.AuditIdentities(t.Context(), activities.AuditIdentitiesInput{})
	require.NoError(t, err)
	require.Len(t, got.Missing, 2)
	s.fail["ServiceIDs"] = refused(offboard.Unavailable)
	_, err = a.AuditIdentities(t.Context(), activities.AuditIdentitiesInput{})
	require.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
}

func TestAuditInside(t *testing.T) {
	a, s := newAuditor()
	s.since = noon.Add(-time.Hour)
	in := activities.AuditInsideInput{Policy: offboard.DefaultPolicy(), Clusters: []offboard.Cluster{{ID: prod.ID, Name: prod.Name}, {ID: stage.ID, Name: stage.Name}}}
	s.masters[stage.ID] = offboard.Master{State: "updating"}
	got, err := a.AuditInside(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, got.Clusters, 2)
	require.True(t, got.Clusters[0].Looked)
	require.Equal(t, "updating", got.Clusters[1].Master.State)

	s.fail = map[string]error{"Cluster " + prod.ID: refused(offboard.NotFound), "Inspect " + stage.ID: refused(offboard.Denied)}
	got, err = a.AuditInside(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, got.Clusters, 1, "a cluster that is gone is left out")
	require.Contains(t, got.Clusters[0].Unreachable, "no")
	s.fail = map[string]error{"Cluster " + prod.ID: refused(offboard.Denied)}
	got, err = a.AuditInside(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "inside/"+prod.ID, got.Missing[0].ID)
	require.False(t, got.Clusters[0].Looked)
	for _, verb := range []string{"Cluster", "Addons", "Inspect"} {
		s.fail = map[string]error{verb: refused(offboard.Unavailable)}
		_, err = a.AuditInside(t.Context(), in)
		require.Equal(t, offboard.Unavailable, offboard.CodeOf(err), verb)
	}
}

func TestAuditClassic(t *testing.T) {
	a, s := newAuditor()
	got, err := a.AuditClassic(t.Context(), activities.AuditClassicInput{Scopes: []offboard.Scope{scope}})
	require.NoError(t, err)
	require.Empty(t, got.Missing)
	s.fail["ClassicUser"] = refused(offboard.Denied)
	got, err = a.AuditClassic(t.Context(), activities.AuditClassicInput{Scopes: []offboard.Scope{scope}})
	require.NoError(t, err)
	require.Equal(t, "classic/"+scope.ID(), got.Missing[0].ID)
	s.fail["ClassicUser"] = refused(offboard.Unavailable)
	_, err = a.AuditClassic(t.Context(), activities.AuditClassicInput{Scopes: []offboard.Scope{scope}})
	require.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
}

func TestFindAndKeepAudit(t *testing.T) {
	a, s := newAuditor()
	got, err := a.FindAudit(t.Context(), activities.FindAuditInput{Account: "acc", RunID: "run"})
	require.NoError(t, err)
	require.Nil(t, got.Previous)
	require.Contains(t, s.calls, "PreviousAudit acc run")
	s.previous = &offboard.AuditDigest{RunID: "before"}
	got, err = a.FindAudit(t.Context(), activities.FindAuditInput{Account: "acc", RunID: "run"})
	require.NoError(t, err)
	require.Equal(t, "before", got.Previous.RunID)
	s.fail["PreviousAudit"] = refused(offboard.Unavailable)
	_, err = a.FindAudit(t.Context(), activities.FindAuditInput{})
	require.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
	kept, err := a.KeepAudit(t.Context(), activities.KeepAuditInput{Name: "audit-1", Audit: offboard.Audit{Account: "acc"}})
	require.NoError(t, err)
	require.Equal(t, "file:audit-1", kept.Place)
	require.Equal(t, "acc", s.kept["audit-1"].Account)
}
