package rehearsal

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// keys translates every user API key, in the order of the list, and says which is whose scope's current one.
func (b *builder) keys() {
	current := b.currentKeys()
	for i, k := range b.view.Keys {
		spec := ibmsim.KeySpec{
			ID: k.ID, Owner: b.ownerOf(k), Name: cmp.Or(k.Name, "without a name"), Description: k.Description, Created: b.age(k.CreatedAt),
			LastUsed: b.age(k.LastUsed), Locked: k.Locked, Disabled: k.Disabled,
		}
		if scope, is := current[i]; is {
			spec.Scope, spec.Current = b.ref(scope), true
			b.suffice(spec.Owner)
		}
		b.account.Keys = append(b.account.Keys, spec)
	}
	b.unseenKeys(current)
	b.padKeys()
}

// age is how long before the view was taken something was. A simulated account knows no zero age: what was just then is a
// moment old.
func (b *builder) age(t time.Time) ibmsim.Duration {
	if t.IsZero() {
		return 0
	}
	return ibmsim.Duration(max(b.view.TakenAt.Sub(t), time.Nanosecond))
}

func (b *builder) ownerOf(k offboard.Key) string {
	if email := b.emails[k.IAMID]; email != "" {
		return email
	}
	b.lose("who own keys although the list of users does not show them, and who are shown here", k.IAMID)
	return b.stranger(strings.ToLower(k.IAMID), k.IAMID)
}

func (b *builder) ref(s offboard.Scope) *ibmsim.ScopeRef {
	return &ibmsim.ScopeRef{Region: s.Region, ResourceGroup: b.groupName(s.ResourceGroup)}
}

// known tells whether the simulator can have a scope.
func (b *builder) known(s offboard.Scope) bool {
	return ibmsim.KnownRegion(s.Region) && b.groupName(s.ResourceGroup) != ""
}

// namedOwners are whom the containers API names as the owner of each scope's key, by scope ID. Where its clusters name
// different ones, the leaver counts, and else the first: a key of theirs too few would hide the work there is.
func (b *builder) namedOwners() map[string]offboard.Owner {
	owners := map[string]offboard.Owner{}
	for _, c := range b.view.Clusters {
		id := c.Scope().ID()
		if c.Going() || c.Owner == (offboard.Owner{}) || !b.known(c.Scope()) {
			continue
		}
		before, named := owners[id]
		switch {
		case !named:
			owners[id] = c.Owner
		case !strings.EqualFold(before.Email, c.Owner.Email):
			b.lose("whose clusters name different owners of their one key, of whom one counts", c.Scope().String())
			if c.Owner.Is(b.view.Leaver.Email) {
				owners[id] = c.Owner
			}
		}
	}
	return owners
}

// currentKeys finds the key that each scope uses today: the newest cluster key there of whom its clusters name, or else
// the newest there. The index is that of the key.
func (b *builder) currentKeys() map[int]offboard.Scope {
	owners := b.namedOwners()
	best := map[string]int{}
	for i, k := range b.view.Keys {
		if k.Class != offboard.ClusterKey || k.Scope.Region == "" || !b.known(k.Scope) {
			continue
		}
		id := k.Scope.ID()
		if owner, named := owners[id]; named && !owner.Is(b.emails[k.IAMID]) {
			continue
		}
		j, found := best[id]
		if !found || b.view.Keys[j].CreatedAt.Before(k.CreatedAt) {
			best[id] = i
		}
	}
	current := map[int]offboard.Scope{}
	for _, i := range best {
		current[i] = b.view.Keys[i].Scope
	}
	return current
}

// unseenKeys makes the current keys that no list shows: of owners the engine does not see, or under a description that
// cannot be read.
func (b *builder) unseenKeys(current map[int]offboard.Scope) {
	have := map[string]bool{}
	for _, scope := range current {
		have[scope.ID()] = true
	}
	owners := b.namedOwners()
	for _, c := range b.view.Clusters {
		scope := c.Scope()
		owner, named := owners[scope.ID()]
		if have[scope.ID()] || !named {
			continue
		}
		have[scope.ID()] = true
		b.lose("whose current key no list shows, and for which one is made up", scope.String())
		spec := ibmsim.KeySpec{Owner: b.ownerNamed(owner), Name: offboard.ClusterKeyName, Scope: b.ref(scope), Current: true}
		b.suffice(spec.Owner)
		b.account.Keys = append(b.account.Keys, spec)
	}
}

// ownerNamed is an owner whom the containers API names, who may be no user.
func (b *builder) ownerNamed(o offboard.Owner) string {
	if o.Email != "" {
		if i := slices.IndexFunc(b.account.Users, func(u ibmsim.UserSpec) bool { return strings.EqualFold(u.Email, o.Email) && !u.Outsider }); i >= 0 {
			return b.account.Users[i].Email
		}
		return b.stranger(o.Email, "")
	}
	name := cmp.Or(o.Name, o.ID)
	if !slices.ContainsFunc(b.account.ServiceIDs, func(s ibmsim.ServiceID) bool { return s.Name == name }) {
		b.account.ServiceIDs = append(b.account.ServiceIDs, ibmsim.ServiceID{Name: name})
	}
	return name
}

// suffice gives the owner of a current key the access that its clusters need, which no survey reads of others.
func (b *builder) suffice(owner string) {
	if b.granted[owner] {
		return
	}
	b.granted[owner] = true
	g := ibmsim.Grant{Roles: []string{"Administrator"}, Service: "containers-kubernetes", User: owner}
	if slices.ContainsFunc(b.account.ServiceIDs, func(s ibmsim.ServiceID) bool { return s.Name == owner }) {
		g.User, g.ServiceID = "", owner
	}
	b.account.Policies = append(b.account.Policies, g)
}

// padKeys gives functional IDs the keys that count against their limit and that no list shows.
func (b *builder) padKeys() {
	for _, f := range b.view.FunctionalIDs {
		for _, p := range b.view.named(f.Email) {
			email := b.emails[p.IAMID]
			shown := 0
			for _, k := range b.account.Keys {
				if k.Owner == email {
					shown++
				}
			}
			for range f.Held - shown {
				b.account.Keys = append(b.account.Keys, ibmsim.KeySpec{Owner: email, Name: "not listed"})
			}
		}
	}
}

// secrets gives the engine and the functional IDs keys to work with: ones they have, so that their number stays.
func (b *builder) secrets() {
	if b.scene.EngineKey == "" {
		b.scene.EngineKey = secret("engine")
		b.login(b.emails[b.view.Engine.IAMID], b.scene.EngineKey)
	}
	for _, f := range b.view.FunctionalIDs {
		key := secret("functional-id")
		b.scene.SuccessorKeys[f.Email] = key
		if i := slices.IndexFunc(b.account.Users, func(u ibmsim.UserSpec) bool { return u.Outsider && strings.EqualFold(u.Email, f.Email) }); i >= 0 {
			b.account.Users[i].APIKey = key
			continue
		}
		// Whose key is configured decides, and not whose it should be. One that IAM refuses belongs to nobody here either,
		// unless its owner is only invited: then it may work once they have accepted.
		switch email := b.emails[f.Proof.IAMID]; {
		case email != "" && (f.Proof.Account == "" || f.Proof.Account == b.view.Account.ID):
			b.login(email, key)
		case f.Proof.IAMID == "" && b.invited(f.Email):
			b.login(f.Email, key)
		}
	}
}

func (b *builder) invited(email string) bool {
	return slices.ContainsFunc(b.view.named(email), func(p offboard.Person) bool { return !p.Active() })
}

// login makes a secret that of a key which somebody has, or of one more.
func (b *builder) login(email, secret string) {
	for i, k := range b.account.Keys {
		if k.Owner == email && k.Scope == nil && k.Secret == "" && !k.Disabled && k.Name != offboard.ClusterKeyName {
			b.account.Keys[i].Secret = secret
			return
		}
	}
	for i, u := range b.account.Users {
		if strings.EqualFold(u.Email, email) {
			b.account.Users[i].APIKey = secret
		}
	}
}
