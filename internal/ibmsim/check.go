package ibmsim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// check finds every reference that leads nowhere and every value that means nothing; line tells where a path is.
func (a *Account) check(line func(path string) int) []problem {
	c := &checker{account: a, line: line, emails: map[string]bool{}}
	for _, u := range a.Users {
		c.emails[strings.ToLower(u.Email)] = true
	}
	c.topLevel()
	c.users()
	c.grants()
	c.scopes()
	c.keys()
	c.clusters()
	c.transfer()
	c.sizes()
	return c.found
}

type checker struct {
	account *Account
	line    func(string) int
	found   []problem
	emails  map[string]bool // of all users, in lower case
}

func (c *checker) add(path, format string, args ...any) {
	c.found = append(c.found, problem{c.line(path), fmt.Sprintf(format, args...)})
}

var accountIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (c *checker) topLevel() {
	a := c.account
	if !accountIDForm.MatchString(a.ID) {
		c.add("$.id", "id must be 32 hex digits")
	}
	if !c.hasUser(a.Owner) {
		c.add("$.owner", "owner %q is not among the users", a.Owner)
	}
	defaults, seen := 0, map[string]bool{}
	for i, g := range a.ResourceGroups {
		at := fmt.Sprintf("$.resourceGroups[%d]", i)
		if g.Default {
			defaults++
		}
		if g.ID != "" && !accountIDForm.MatchString(g.ID) {
			c.add(at+".id", "resource group id must be 32 hex digits")
		}
		if seen[g.Name] {
			c.add(at, "resource group %q twice", g.Name)
		}
		seen[g.Name] = true
	}
	if defaults != 1 {
		c.add("$.resourceGroups", "want exactly one default resource group, have %d", defaults)
	}
}

func (c *checker) users() {
	seen := map[string]bool{}
	for i, u := range c.account.Users {
		at := fmt.Sprintf("$.users[%d]", i)
		low := strings.ToLower(u.Email)
		if !strings.Contains(u.Email, "@") {
			c.add(at, "user %q has no e-mail", u.Email)
		}
		if seen[low] {
			c.add(at, "user %q twice", u.Email)
		}
		seen[low] = true
		if !slices.Contains([]string{"", stateActive, statePending, stateProcessing, stateErrDelete, stateVPNOnly, stateNoClassic}, u.State) {
			c.add(at+".state", "state %q is none that user management has", u.State)
		}
		if u.ClassicParent != "" && !c.hasUser(u.ClassicParent) {
			c.add(at+".classicParent", "classic parent %q is not among the users", u.ClassicParent)
		}
	}
	for i, g := range c.account.AccessGroups {
		for j, m := range g.Members {
			if !c.hasUser(m) && !c.hasServiceID(m) && !c.hasProfile(m) {
				c.add(fmt.Sprintf("$.accessGroups[%d].members[%d]", i, j), "member %q is neither a user nor a service ID nor a trusted profile", m)
			}
		}
		for j, m := range g.Dynamic {
			if !c.hasUser(m) {
				c.add(fmt.Sprintf("$.accessGroups[%d].dynamic[%d]", i, j), "member %q is not among the users", m)
			}
		}
	}
	for i, p := range c.account.Profiles {
		for j, m := range p.Identities {
			if !c.hasUser(m) && !c.hasServiceID(m) {
				c.add(fmt.Sprintf("$.trustedProfiles[%d].identities[%d]", i, j), "identity %q is neither a user nor a service ID", m)
			}
		}
	}
}

func (c *checker) grants() {
	for i, g := range c.account.Policies {
		at := fmt.Sprintf("$.policies[%d]", i)
		subjects := 0
		if g.User != "" {
			subjects++
			if !c.hasUser(g.User) {
				c.add(at+".user", "user %q is not among the users", g.User)
			}
		}
		if g.AccessGroup != "" {
			subjects++
			if !slices.ContainsFunc(c.account.AccessGroups, func(x GroupOf) bool { return x.Name == g.AccessGroup }) {
				c.add(at+".accessGroup", "access group %q is not defined", g.AccessGroup)
			}
		}
		if g.ServiceID != "" {
			subjects++
			if !c.hasServiceID(g.ServiceID) {
				c.add(at+".serviceID", "service ID %q is not defined", g.ServiceID)
			}
		}
		if g.Profile != "" {
			subjects++
			if !c.hasProfile(g.Profile) {
				c.add(at+".trustedProfile", "trusted profile %q is not defined", g.Profile)
			}
		}
		if subjects != 1 {
			c.add(at, "a policy has exactly one of user, accessGroup, serviceID, trustedProfile")
		}
		for j, r := range g.Roles {
			if _, ok := roleCRN(r); !ok {
				c.add(fmt.Sprintf("%s.roles[%d]", at, j), "role %q does not exist", r)
			}
		}
		if g.Weekly != nil {
			if _, err := weekly(*g.Weekly); err != nil {
				c.add(at+".weekly", "%v", err)
			}
			if g.Ends != 0 {
				c.add(at, "a policy has ends or weekly, not both")
			}
		}
		if len(g.Roles) == 0 || g.Service == "" {
			c.add(at, "a policy needs roles and a service")
		}
		c.region(at+".region", g.Region, true)
		c.group(at+".resourceGroup", g.ResourceGroup, true)
	}
}

func (c *checker) scopes() {
	seen := map[string]bool{}
	for i, s := range c.account.Scopes {
		at := fmt.Sprintf("$.scopes[%d]", i)
		c.region(at+".region", s.Region, false)
		c.group(at+".resourceGroup", s.ResourceGroup, false)
		if !c.hasUser(s.Owner) && !c.hasServiceID(s.Owner) {
			c.add(at+".owner", "owner %q is neither a user nor a service ID", s.Owner)
		}
		modern, _ := modernRegion(s.Region)
		if seen[modern+"/"+s.ResourceGroup] {
			c.add(at, "scope %s/%s twice", s.Region, s.ResourceGroup)
		}
		seen[modern+"/"+s.ResourceGroup] = true
	}
	for i, k := range c.account.Credentials {
		at := fmt.Sprintf("$.classicCredentials[%d]", i)
		c.region(at+".region", k.Region, false)
		c.group(at+".resourceGroup", k.ResourceGroup, false)
	}
}

func (c *checker) keys() {
	ids, current := map[string]bool{}, map[string]bool{}
	for _, s := range c.account.Scopes {
		modern, _ := modernRegion(s.Region)
		current[modern+"/"+s.ResourceGroup] = true
	}
	for i, k := range c.account.Keys {
		at := fmt.Sprintf("$.keys[%d]", i)
		if k.ID != "" && ids[k.ID] {
			c.add(at+".id", "key %q twice", k.ID)
		}
		ids[k.ID] = true
		if k.Current && k.Scope == nil {
			c.add(at+".current", "only a key of a scope can be its current one")
		}
		if k.Current && k.Scope != nil {
			modern, _ := modernRegion(k.Scope.Region)
			scope := modern + "/" + k.Scope.ResourceGroup
			if current[scope] {
				c.add(at+".current", "scope %s has a current key already", scope)
			}
			current[scope] = true
		}
		if !c.hasUser(k.Owner) && !c.hasServiceID(k.Owner) {
			c.add(at+".owner", "owner %q is neither a user nor a service ID", k.Owner)
		}
		if k.ExpiresIn != 0 && k.Expired != 0 {
			c.add(at, "a key has expiresIn or expired, not both")
		}
		if k.Scope == nil {
			if k.Name == "" {
				c.add(at, "a key without scope needs a name")
			}
			continue
		}
		c.region(at+".scope.region", k.Scope.Region, false)
		c.group(at+".scope.resourceGroup", k.Scope.ResourceGroup, false)
	}
}

func (c *checker) clusters() {
	names := map[string]bool{}
	for i, cl := range c.account.Clusters {
		at := fmt.Sprintf("$.clusters[%d]", i)
		if names[cl.Name] || cl.Name == "" {
			c.add(at, "cluster name %q is empty or taken", cl.Name)
		}
		names[cl.Name] = true
		c.region(at+".region", cl.Region, false)
		c.group(at+".resourceGroup", cl.ResourceGroup, false)
		if !slices.Contains([]string{"classic", "vpc-gen2", "satellite"}, cl.Provider) {
			c.add(at+".provider", "provider %q is not classic, vpc-gen2 or satellite", cl.Provider)
		}
		if !slices.Contains([]string{"", "kubernetes", "openshift"}, cl.Type) {
			c.add(at+".type", "type %q is not kubernetes or openshift", cl.Type)
		}
		if !slices.Contains([]string{"", "deployment", "statefulset"}, cl.BlockCSI) {
			c.add(at+".blockCSI", "blockCSI %q is not deployment or statefulset", cl.BlockCSI)
		}
		if !slices.Contains([]string{"", "none", "normal", "warning", "critical", "pending", "updating"}, cl.AddonHealth) {
			c.add(at+".addonHealth", "addonHealth %q is not none, normal, warning, critical, pending or updating", cl.AddonHealth)
		}
		if cl.TrustedProfile != "" && !c.hasProfile(cl.TrustedProfile) {
			c.add(at+".trustedProfile", "trusted profile %q is not defined", cl.TrustedProfile)
		}
		for j, b := range cl.Bindings {
			if len(b.Users)+len(b.Subjects) == 0 || b.Role == "" || b.Name == "" {
				c.add(fmt.Sprintf("%s.bindings[%d]", at, j), "a binding needs a name, a role and users or subjects")
			}
		}
		for j, p := range cl.PullSecrets {
			if p.Owner != "" && !slices.ContainsFunc(c.account.Keys, func(k KeySpec) bool { return k.Owner == p.Owner && k.Name == p.Key }) {
				c.add(fmt.Sprintf("%s.pullSecrets[%d]", at, j), "there is no key %q of %q", p.Key, p.Owner)
			}
		}
	}
}

func (c *checker) region(path, name string, optional bool) {
	if name == "" && optional {
		return
	}
	if _, ok := modernRegion(name); !ok {
		c.add(path, "region %q does not exist", name)
	}
}

func (c *checker) group(path, name string, optional bool) {
	if name == "" && optional {
		return
	}
	if !slices.ContainsFunc(c.account.ResourceGroups, func(g GroupSpec) bool { return g.Name == name }) {
		c.add(path, "resource group %q is not defined", name)
	}
}

func (c *checker) hasUser(email string) bool {
	return c.emails[strings.ToLower(email)]
}

func (c *checker) hasServiceID(name string) bool {
	return slices.ContainsFunc(c.account.ServiceIDs, func(s ServiceID) bool { return s.Name == name })
}

func (c *checker) hasProfile(name string) bool {
	return slices.ContainsFunc(c.account.Profiles, func(p Profile) bool { return p.Name == name })
}

// Bounds of what an account file can make the simulator hold.
const (
	maxFillers  = 200_000 // users and keys together
	maxReplicas = 1000
)

func (c *checker) sizes() {
	f := c.account.Fillers
	if f.Users < 0 || f.KeysPerUser < 0 || f.Users > maxFillers || f.KeysPerUser > maxFillers || f.Users*(1+f.KeysPerUser) > maxFillers {
		c.add("$.fillers", "fillers make at most %d users and keys", maxFillers)
	}
	for i, cl := range c.account.Clusters {
		for j, w := range cl.Workloads {
			if w.Replicas < 0 || w.Replicas > maxReplicas {
				c.add(fmt.Sprintf("$.clusters[%d].workloads[%d].replicas", i, j), "a workload has 0 to %d replicas", maxReplicas)
			}
		}
	}
}

func (c *checker) transfer() {
	t := c.account.Transfer
	if t == nil {
		return
	}
	if !c.hasUser(t.To) || strings.EqualFold(t.To, c.account.Owner) {
		c.add("$.transfer.to", "the account can only be transferred to another of the users, not to %q", t.To)
	}
}
