package main

import (
	"fmt"
	"time"

	"offboard/internal/ibmsim"
)

// The people of every account here.
const (
	engineEmail = "offboard-admin@acme.example"
	leaverEmail = "leaver@acme.example"
	leaverIAM   = "IBMid-270006LEAV"
)

// regions are IBM's, as new clusters name them.
var regions = []string{"au-syd", "br-sao", "ca-mon", "ca-tor", "eu-de", "eu-es", "eu-gb", "jp-osa", "jp-tok", "us-east", "us-south"}

// shape says how large an account is.
type shape struct {
	Regions  int // that have clusters, at most eleven
	Scopes   int // whose key is the leaver's; with several leavers, of each
	Clusters int // in all
	Leavers  int // zero means one
	// FunctionalIDs take over; each has room for an equal part of the scopes and no more.
	FunctionalIDs int
	Knobs         ibmsim.Knobs
}

// keyRoom is the limit of keys for an identity that lets one leaver hold them all; IBM raises it on request (trap 5).
const keyRoom = 80

// delays are those of the targets: every call takes 50 ms, a new key is seen after a second, a master is refreshed in five
// and a workload is replaced in three. Tokens live for six seconds, so that the soak may be as short.
func delays() ibmsim.Knobs {
	d := func(t time.Duration) ibmsim.Duration { return ibmsim.Duration(t) }
	return ibmsim.Knobs{
		Latency: d(latency), KeyReplication: d(replication), MasterRefresh: d(masterRefresh), PodStart: d(rollout),
		TokenLife: d(tokenLife), TimePrecision: d(time.Second), KeyLimit: keyRoom,
	}
}

// The delays of the targets.
const (
	latency       = 50 * time.Millisecond
	replication   = time.Second
	masterRefresh = 5 * time.Second
	rollout       = 3 * time.Second
	tokenLife     = 6 * time.Second
)

// leaver is the address of one of several leavers.
func (s shape) leaver(i int) string {
	if s.Leavers <= 1 {
		return leaverEmail
	}
	return fmt.Sprintf("leaver-%03d@acme.example", i+1)
}

// groups is how many resource groups it takes until the scopes suffice.
func (s shape) groups() int {
	all := s.Scopes * max(s.Leavers, 1)
	return (all + s.Regions - 1) / s.Regions
}

// account makes an account: every scope is a leaver's and has an equal part of the clusters. Every cluster is of VPC, has
// block storage, and every third an autoscaler besides.
func (s shape) account(id string) *ibmsim.Account {
	leavers := max(s.Leavers, 1)
	a := &ibmsim.Account{
		ID: id, Name: "Acme Bench", Owner: "owner@acme.example", Seed: 7, Knobs: s.Knobs,
		Users: []ibmsim.UserSpec{
			{Email: "owner@acme.example", First: "Olga", Last: "Owner", APIKey: "CANARY-key-owner"},
			{Email: engineEmail, First: "Offboard", Last: "Admin", APIKey: "CANARY-key-offboard-admin"},
		},
		Policies: []ibmsim.Grant{
			{User: engineEmail, Roles: []string{"Administrator", "Manager"}, Service: "all"},
			{User: engineEmail, Roles: []string{"Administrator"}, Service: "account"},
		},
	}
	for i := range leavers {
		u := ibmsim.UserSpec{Email: s.leaver(i), First: "Lena", Last: "Leaver"}
		if s.Leavers <= 1 {
			u.IAMID = leaverIAM
		}
		a.Users = append(a.Users, u)
		a.Policies = append(a.Policies, ibmsim.Grant{User: u.Email, Roles: []string{"Administrator", "Manager"}, Service: "all"})
		a.Keys = append(a.Keys, ibmsim.KeySpec{Owner: u.Email, Name: "laptop", Created: days(200)})
	}
	s.addFunctionalIDs(a)
	for g := range s.groups() {
		a.ResourceGroups = append(a.ResourceGroups, ibmsim.GroupSpec{Name: fmt.Sprintf("group-%02d", g+1), Default: g == 0})
	}
	var scopes []ibmsim.ScopeRef
	for i := range s.Scopes * leavers {
		ref := ibmsim.ScopeRef{Region: regions[i%s.Regions], ResourceGroup: a.ResourceGroups[i/s.Regions].Name}
		scopes = append(scopes, ref)
		a.Scopes = append(a.Scopes, ibmsim.ScopeSpec{Region: ref.Region, ResourceGroup: ref.ResourceGroup, Owner: s.leaver(i % leavers), Created: days(400)})
	}
	for i := range s.Clusters {
		ref := scopes[i%len(scopes)]
		a.Clusters = append(a.Clusters, ibmsim.Cluster{
			Name: fmt.Sprintf("cluster-%04d", i+1), Region: ref.Region, ResourceGroup: ref.ResourceGroup, Provider: "vpc-gen2",
			BlockCSI: "deployment", Autoscaler: autoscaled(i),
		})
	}
	return a
}

// autoscaled tells whether the nth cluster has two dependents and not one.
func autoscaled(n int) bool { return n%3 == 0 }

// addFunctionalIDs adds the identities that take over, each with keys that leave room for its part only.
func (s shape) addFunctionalIDs(a *ibmsim.Account) {
	part := (s.Scopes*max(s.Leavers, 1) + s.FunctionalIDs - 1) / s.FunctionalIDs
	limit := a.Knobs.KeyLimit
	for i := range s.FunctionalIDs {
		email := fmt.Sprintf("clusters-%d@acme.example", i+1)
		a.Users = append(a.Users, ibmsim.UserSpec{Email: email, First: "Clusters", Last: fmt.Sprint(i + 1), APIKey: fmt.Sprintf("CANARY-key-clusters-%d", i+1)})
		if s.FunctionalIDs == 1 {
			continue
		}
		for n := range max(limit-part-1, 0) { // its login key is one, too
			a.Keys = append(a.Keys, ibmsim.KeySpec{Owner: email, Name: fmt.Sprintf("older-%02d", n+1), Created: days(500)})
		}
	}
}

func days(n int) ibmsim.Duration { return ibmsim.Duration(time.Duration(n) * 24 * time.Hour) }
