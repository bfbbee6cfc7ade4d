package ibmsim

import "fmt"

// Generate makes a large account without a file: the given numbers of regions (at most 11), resource groups, clusters
// and users, spread evenly, in fast motion as the sample. The leaver (leaver@acme.example) owns the first scopes, as many
// as one identity can (trap 5), and owner-1@acme.example and so on the others; clusters-1@acme.example up to
// clusters-9@acme.example are functional IDs and members already.
func Generate(numRegions, groups, clusters, users int, seed uint64) *Account {
	a, err := Load("sample")
	if err != nil {
		panic("the shipped sample does not load: " + err.Error())
	}
	knobs := a.Knobs
	a = &Account{
		ID: newIDSource(seed).of("account", "large"), Name: "Acme Large", Owner: "owner@acme.example", Seed: seed, Knobs: knobs,
		Users: []UserSpec{
			{Email: "owner@acme.example", First: "Olga", Last: "Owner", APIKey: "CANARY-key-owner"},
			{Email: "offboard-admin@acme.example", First: "Offboard", Last: "Admin", APIKey: "CANARY-key-offboard-admin"},
			{Email: "leaver@acme.example", First: "Lena", Last: "Leaver", APIKey: "CANARY-key-leaver-login"},
		},
		Policies: []Grant{
			{User: "offboard-admin@acme.example", Roles: []string{"Administrator", "Manager"}, Service: "all"},
			{User: "offboard-admin@acme.example", Roles: []string{"Administrator"}, Service: "account"},
			{User: "leaver@acme.example", Roles: []string{"Administrator", "Manager"}, Service: "all"},
			{AccessGroup: "cluster-key-owners", Roles: []string{"Administrator", "Manager"}, Service: "containers-kubernetes"},
			{AccessGroup: "cluster-key-owners", Roles: []string{"Viewer"}, Service: "resource-group"},
		},
	}
	owners := GroupOf{Name: "cluster-key-owners"}
	for i := range 9 {
		email := fmt.Sprintf("clusters-%d@acme.example", i+1)
		a.Users = append(a.Users, UserSpec{Email: email, First: "Clusters", Last: fmt.Sprint(i + 1), APIKey: fmt.Sprintf("CANARY-key-clusters-%d", i+1)})
		owners.Members = append(owners.Members, email)
	}
	a.AccessGroups = []GroupOf{owners}
	for i := range max(groups, 1) {
		a.ResourceGroups = append(a.ResourceGroups, GroupSpec{Name: fmt.Sprintf("group-%02d", i+1), Default: i == 0})
	}
	seen := map[ScopeRef]bool{}
	for i := range clusters {
		ref := ScopeRef{Region: regions[i%min(max(numRegions, 1), len(regions))].name, ResourceGroup: a.ResourceGroups[i/max(numRegions, 1)%len(a.ResourceGroups)].Name}
		if !seen[ref] {
			seen[ref] = true
			a.Scopes = append(a.Scopes, ScopeSpec{Region: ref.Region, ResourceGroup: ref.ResourceGroup, Owner: a.scopeOwner(len(a.Scopes)), Created: Duration(refreshLife)})
		}
		c := Cluster{Name: fmt.Sprintf("cluster-%04d", i+1), Region: ref.Region, ResourceGroup: ref.ResourceGroup, Provider: "vpc-gen2", BlockCSI: "deployment", Autoscaler: i%3 == 0}
		if i%10 == 9 {
			c.Provider, c.BlockCSI = "classic", ""
		}
		a.Clusters = append(a.Clusters, c)
	}
	a.Fillers = Fillers{Users: max(users-len(a.Users), 0), KeysPerUser: 1}
	return a
}

// keysPerOwner leaves room below the limit of 20 for a login key and one to come.
const keysPerOwner = 18

// scopeOwner says who owns the nth scope, and adds them to the account when they are new.
func (a *Account) scopeOwner(n int) string {
	if n < keysPerOwner {
		return "leaver@acme.example"
	}
	email := fmt.Sprintf("owner-%d@acme.example", n/keysPerOwner)
	if n%keysPerOwner == 0 {
		a.Users = append(a.Users, UserSpec{Email: email, First: "Owner", Last: fmt.Sprint(n / keysPerOwner)})
		a.Policies = append(a.Policies, Grant{User: email, Roles: []string{"Administrator", "Manager"}, Service: "all"})
	}
	return email
}
