package workflows_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"offboard/activities"
	"offboard/internal/offboard"
)

// The people and places of the account.
const (
	accountID = "acc0acc0acc0acc0acc0acc0acc0acc0"
	shopGroup = "5b0ff5b0ff5b0ff5b0ff5b0ff5b0ff51"

	leaverEmail = "leaver@acme.example"
	leaverID    = "IBMid-1000LEAVER"
	functional  = "clusters-1@acme.example"
	functional2 = "clusters-2@acme.example"
	approver    = "approver@acme.example"
	requester   = "requester@acme.example"

	// The two scopes of the account that newAccount makes.
	germany = "eu-de/shop"
	britain = "eu-gb/shop"
)

// account is an IBM Cloud account in memory, with what a hand-over depends on: keys that show late, access that acts
// late, invitations, control planes, secrets that follow the key only after a refresh, and pods that keep the key they
// started with. It is every port of the activities at once, keeps a ledger of all changes, and computes the outages that
// a change brings about.
type account struct {
	mu  sync.Mutex
	now func() time.Time

	settings  offboard.Account
	engine    offboard.Identity
	people    []*offboard.Person
	accepted  map[string]string // e-mail -> IAM ID after acceptance
	keys      []*apiKey
	limit     int
	groups    map[string]*accessGroup // by ID
	clusters  []*cluster
	current   map[string]string // scope ID -> ID of its cluster key
	configure []string          // e-mail addresses of the functional IDs
	stranger  map[string]string // e-mail -> IAM ID, where the configured key belongs to somebody else
	profiles  []string
	classic   map[string]string // scope ID -> user of manual classic credentials
	indexed   []offboard.ClusterRef
	holder    string // the run that holds every claim
	shelf     map[string]offboard.Report
	tells     bool // a channel for notices is configured
	notices   []offboard.Notice
	unsynced  int // how many looks until access lists are synchronised

	// How long things take, in looks at them.
	keyHidden, grantsLate, refreshTakes, secretTakes, restartTakes, removalTakes, ownerLate int

	ledger  []entry
	outages []string
	calls   map[string]int
	faults  []*fault
	hooks   []*hook
	serial  int
}

type apiKey struct {
	offboard.Key
	hidden int // looks until it is listed
}

type accessGroup struct {
	users    []string // runs
	closer   string   // the run that takes it away
	name     string
	members  map[string]bool
	policies map[string]offboard.Grant // by ID
}

type cluster struct {
	offboard.Cluster
	master      offboard.Master
	busy        int
	secretLate  int
	since       time.Time // the start of the oldest pod
	secret      int       // version
	secretKey   string    // ID of the key that the secret holds
	noSecret    bool
	dependents  []*dependent
	bindings    []offboard.Binding
	profile     bool
	unreachable bool
	addons      []offboard.Addon
	ownerLate   int
	ownerBefore string
}

type dependent struct {
	offboard.Dependent
	pods     []pod
	mark     string
	pending  int    // looks until a restart is done
	reverted bool   // an add-on manager takes the mark back
	trouble  string // why it is not ready
}

type pod struct{ uid, key string }

// entry is one change.
type entry struct {
	at   time.Time
	what string // "disable ApiKey-de"
}

// fault makes calls of a verb fail.
type fault struct {
	verb, target string
	from, to     int // which calls of the verb on the target, counted from 1; to 0 means for good
	seen         int
	lost         bool // the change is made all the same
	err          error
}

// hook runs something at the nth call of a verb, before or after its effect.
type hook struct {
	verb, target string
	nth, seen    int
	after        bool
	run          func()
}

// newAccount has one leaver who owns the keys of two scopes with three clusters and has a key of their own besides.
func newAccount() *account {
	a := &account{
		settings: offboard.Account{ID: accountID, OwnerIAMID: "IBMid-0000OWNER", TokenLife: offboard.Duration(time.Hour)},
		engine:   offboard.Identity{IAMID: "IBMid-0001ENGINE", Account: accountID},
		accepted: map[string]string{}, limit: 20, groups: map[string]*accessGroup{}, current: map[string]string{},
		configure: []string{functional}, stranger: map[string]string{}, classic: map[string]string{},
		shelf: map[string]offboard.Report{}, calls: map[string]int{},
	}
	a.member("IBMid-0000OWNER", "owner@acme.example")
	a.member("IBMid-0001ENGINE", "engine@acme.example")
	a.member(leaverID, "Leaver@acme.example")
	a.member("IBMid-2000COLLEA", "colleague@acme.example")
	a.member("IBMid-3001FUNCTI", functional)
	made := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	a.clusterKey("ApiKey-de", leaverID, "eu-de", made)
	a.clusterKey("ApiKey-gb", leaverID, "eu-gb", made.AddDate(0, 1, 0))
	a.key(offboard.Key{ID: "ApiKey-laptop", Name: "laptop", IAMID: leaverID, CreatedAt: made.AddDate(0, 2, 0)})
	a.cluster("prod", "eu-de", storage(), autoscaler())
	a.cluster("stage", "eu-de").Provider = "classic"
	a.cluster("london", "eu-gb", storage())
	return a
}

func (a *account) member(iamID, email string) *offboard.Person {
	p := &offboard.Person{IAMID: iamID, Email: email, Realm: "IBMid", State: "ACTIVE"}
	a.people = append(a.people, p)
	return p
}

func (a *account) key(k offboard.Key) *apiKey {
	made := &apiKey{Key: k.Classify()}
	a.keys = append(a.keys, made)
	return made
}

// clusterKey makes the key of a scope; it is the current one.
func (a *account) clusterKey(id, iamID, region string, made time.Time) *apiKey {
	k := a.key(offboard.Key{ID: id, Name: offboard.ClusterKeyName, IAMID: iamID, CreatedAt: made,
		Description: fmt.Sprintf("Key for clusters in %s, resource group %s.", region, shopGroup)})
	a.current[k.Scope.ID()] = id
	return k
}

// cluster makes a cluster whose secret and pods hold the current key of its scope.
func (a *account) cluster(name, region string, dependents ...*dependent) *cluster {
	c := &cluster{
		Cluster: offboard.Cluster{ID: "id-" + name, Name: name, Region: region, ResourceGroup: shopGroup, Provider: "vpc-gen2", Type: "kubernetes", State: "normal"},
		master:  offboard.Master{State: "deployed", Health: "normal", Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		since:   time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC),
		secret:  100, dependents: dependents,
	}
	c.secretKey = a.current[c.Scope().ID()]
	for _, d := range dependents {
		a.start(c, d)
	}
	a.clusters = append(a.clusters, c)
	return c
}

func storage() *dependent {
	return &dependent{Dependent: offboard.Dependent{Name: "block storage", Namespace: "kube-system", Kind: "Deployment", Workload: "ibm-vpc-block-csi-controller", Replicas: 2}}
}

func autoscaler() *dependent {
	return &dependent{Dependent: offboard.Dependent{Name: "autoscaler", Namespace: "kube-system", Kind: "Deployment", Workload: "ibm-iks-cluster-autoscaler", Replicas: 1}}
}

// start gives a dependent new pods, which read the secret of now.
func (a *account) start(c *cluster, d *dependent) {
	d.pods = nil
	for range d.Replicas {
		a.serial++
		d.pods = append(d.pods, pod{uid: fmt.Sprintf("pod-%d", a.serial), key: c.secretKey})
	}
	d.pending = 0
}

// byHand is a person who restarts everything in a cluster.
func (a *account) byHand(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.named(name)
	for _, d := range c.dependents {
		a.start(c, d)
	}
}

// change lets somebody else change the account.
func (a *account) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (a *account) ports(policy offboard.Policy) activities.Ports {
	return activities.Ports{Users: a, Keys: a, Access: a, Clusters: a, Successors: a, Workloads: a, Runs: a, Shelf: a, Notifier: a.notifier(), Policy: policy, Now: a.now}
}

// fail makes every call of a verb fail; narrow it with on, only and during.
func (a *account) fail(verb string, code offboard.Code, message string) *fault {
	f := &fault{verb: verb, from: 1, err: &offboard.Error{Code: code, Op: verb, Message: message}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, f)
	return f
}

// lose lets the nth call of a verb take effect and loses the reply.
func (a *account) lose(verb string, nth int) *fault {
	f := a.fail(verb, offboard.Unavailable, "no answer").only(nth)
	f.lost, f.err.(*offboard.Error).Ambiguous = true, true
	return f
}

func (f *fault) on(target string) *fault { f.target = target; return f }
func (f *fault) only(nth int) *fault     { f.from, f.to = nth, nth; return f }
func (f *fault) first(n int) *fault      { f.to = n; return f }
func (f *fault) ends()                   { f.to = f.seen }

// before and after run something at the nth call of a verb; verb "" is any. The account is not locked meanwhile.
func (a *account) before(verb string, nth int, run func()) {
	a.hook(&hook{verb: verb, nth: nth, run: run})
}
func (a *account) after(verb string, nth int, run func()) {
	a.hook(&hook{verb: verb, nth: nth, run: run, after: true})
}

func (a *account) hook(h *hook) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hooks = append(a.hooks, h)
}

// call is one call of a verb: hooks, faults, the effect, and what it breaks.
func (a *account) call(ctx context.Context, verb, target string, effect func() error) error {
	for _, run := range a.due(verb, target, false) {
		run()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := a.apply(ctx, verb, target, effect)
	for _, run := range a.due(verb, target, true) {
		run()
	}
	return err
}

func (a *account) apply(ctx context.Context, verb, target string, effect func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[verb]++
	f := a.fault(verb, target)
	if f != nil && !f.lost {
		return f.err
	}
	before, entries := a.broken(), len(a.ledger)
	err := effect()
	for _, b := range a.broken() {
		if !slices.Contains(before, b) {
			a.outages = append(a.outages, fmt.Sprintf("after %s %s: %s", verb, target, b))
		}
	}
	if err == nil && f != nil {
		return f.err
	}
	if len(a.ledger) > entries {
		offboard.NoteReceipt(ctx, offboard.Receipt{RequestID: requestOf(len(a.ledger) - 1), By: offboard.EngineIdentity})
	}
	return err
}

// requestOf is what the account calls the request that made an entry of its ledger.
func requestOf(entry int) string { return fmt.Sprintf("req-%d", entry) }

func (a *account) fault(verb, target string) *fault {
	var hit *fault
	for _, f := range a.faults {
		if f.verb != verb || !strings.Contains(target, f.target) {
			continue
		}
		f.seen++
		if f.seen >= f.from && (f.to == 0 || f.seen <= f.to) && hit == nil {
			hit = f
		}
	}
	return hit
}

func (a *account) due(verb, target string, after bool) []func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []func()
	for _, h := range a.hooks {
		if h.after != after || (h.verb != "" && h.verb != verb) || !strings.Contains(target, h.target) {
			continue
		}
		h.seen++
		if h.nth == 0 || h.seen == h.nth {
			list = append(list, h.run)
		}
	}
	return list
}

func (a *account) note(format string, args ...any) {
	a.ledger = append(a.ledger, entry{at: a.now(), what: fmt.Sprintf(format, args...)})
}

// changes are the ledger's entries that begin with one of the words; all without words.
func (a *account) changes(words ...string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, e := range a.ledger {
		if len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(e.what, w) }) {
			list = append(list, e.what)
		}
	}
	return list
}

// places are the positions of changes in the ledger, by their beginnings.
func (a *account) places(words ...string) []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []int
	for i, e := range a.ledger {
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(e.what, w) }) {
			list = append(list, i)
		}
	}
	return list
}

// at is when a change was made, by its beginning; zero if it was not.
func (a *account) at(what string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.ledger {
		if strings.HasPrefix(e.what, what) {
			return e.at
		}
	}
	return time.Time{}
}

// broken lists, from first principles, what has no working key right now.
func (a *account) broken() []string {
	alive := func(id string) bool {
		k := a.keyOf(id)
		return k != nil && !k.Disabled
	}
	var list []string
	for _, c := range a.clusters {
		if c.Going() {
			continue
		}
		if !alive(a.current[c.Scope().ID()]) {
			list = append(list, "cluster "+c.Name+" has no working key")
		}
		for _, d := range c.dependents {
			for _, p := range d.pods {
				if !c.profile && !alive(p.key) {
					list = append(list, "a pod of "+d.Workload+" in "+c.Name+" runs on dead key "+p.key)
				}
			}
		}
	}
	return list
}

func (a *account) keyOf(id string) *apiKey {
	for _, k := range a.keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}

func (a *account) personOf(iamID string) *offboard.Person {
	for _, p := range a.people {
		if p.IAMID == iamID {
			return p
		}
	}
	return nil
}

func (a *account) mail(email string) *offboard.Person {
	for _, p := range a.people {
		if strings.EqualFold(p.Email, email) {
			return p
		}
	}
	return nil
}

func (a *account) named(name string) *cluster {
	for _, c := range a.clusters {
		if c.Name == name || c.ID == name {
			return c
		}
	}
	return nil
}

// state tells how the leaver's keys are: "ApiKey-de active, …".
func (a *account) state() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := map[string]string{}
	for _, k := range a.keys {
		words := []string{"active"}
		if k.Disabled {
			words[0] = "disabled"
		}
		if k.Locked {
			words = append(words, "locked")
		}
		m[k.ID] = strings.Join(words, " ")
	}
	return m
}

func (a *account) isMember(email string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mail(email) != nil
}

// grants counts what access the account's groups hold.
func (a *account) grants() (groups, policies, members int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.groups {
		groups++
		policies += len(g.policies)
		members += len(g.members)
	}
	return groups, policies, members
}

func notFound(op string) error { return offboard.Errorf(offboard.NotFound, op, "there is none") }

// Users

func (a *account) WhoAmI(ctx context.Context) (id offboard.Identity, err error) {
	err = a.call(ctx, "WhoAmI", "", func() error { id = a.engine; return nil })
	return id, err
}

func (a *account) Account(ctx context.Context) (s offboard.Account, err error) {
	err = a.call(ctx, "Account", "", func() error { s = a.settings; return nil })
	return s, err
}

func (a *account) People(ctx context.Context) (list []offboard.Person, err error) {
	err = a.call(ctx, "People", "", func() error {
		for _, p := range a.people {
			list = append(list, *p)
		}
		return nil
	})
	return list, err
}

func (a *account) Person(ctx context.Context, iamID string) (p offboard.Person, err error) {
	err = a.call(ctx, "Person", iamID, func() error {
		have := a.personOf(iamID)
		if have != nil && have.State == "DELETING" {
			if a.removalTakes--; a.removalTakes < 0 {
				a.people = slices.DeleteFunc(a.people, func(p *offboard.Person) bool { return p == have })
				have = nil
			}
		}
		if have == nil {
			return notFound("read the profile")
		}
		p = *have
		return nil
	})
	return p, err
}

func (a *account) Invite(ctx context.Context, email string) (p offboard.Person, err error) {
	err = a.call(ctx, "Invite", email, func() error {
		if a.mail(email) == nil {
			have := a.member("IBMid-PLACEHOLDER", email)
			have.State = "PENDING"
			a.note("invite %s", email)
		}
		p = *a.mail(email)
		return nil
	})
	return p, err
}

// accept is a person who accepts an invitation, whereupon the IAM ID is another (trap 56).
func (a *account) accept(email, iamID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.mail(email)
	p.State, p.IAMID = "ACTIVE", iamID
}

func (a *account) Remove(ctx context.Context, iamID string) error {
	return a.call(ctx, "Remove", iamID, func() error {
		p := a.personOf(iamID)
		if p == nil {
			return notFound("remove the user")
		}
		a.note("remove %s", strings.ToLower(p.Email))
		if p.State == "PENDING" {
			a.people = slices.DeleteFunc(a.people, func(have *offboard.Person) bool { return have == p })
			return nil
		}
		a.keys = slices.DeleteFunc(a.keys, func(k *apiKey) bool { return k.IAMID == iamID })
		p.State = "DELETING"
		return nil
	})
}

// Keys

func (a *account) UserKeys(ctx context.Context) (list []offboard.Key, err error) {
	err = a.call(ctx, "UserKeys", "", func() error {
		for _, k := range a.keys {
			if k.hidden == 0 {
				list = append(list, k.Key)
				list[len(list)-1].LastUsed = time.Time{}
			}
		}
		return nil
	})
	return list, err
}

func (a *account) Key(ctx context.Context, id string) (k offboard.Key, err error) {
	err = a.call(ctx, "Key", id, func() error {
		have := a.keyOf(id)
		if have == nil {
			return notFound("read key " + id)
		}
		k = have.Key
		return nil
	})
	return k, err
}

func (a *account) Room(ctx context.Context, iamIDs []string) (limit int, held map[string]int, err error) {
	held = map[string]int{}
	err = a.call(ctx, "Room", "", func() error {
		for _, k := range a.keys {
			held[k.IAMID]++
		}
		return nil
	})
	return a.limit, held, err
}

// set changes one key, unless it is so already.
func (a *account) set(ctx context.Context, verb, id string, at func(k *apiKey) *bool, want bool) error {
	return a.call(ctx, verb, id, func() error {
		k := a.keyOf(id)
		if k == nil {
			return notFound(verb + " key " + id)
		}
		if k.Locked && (verb == "Disable" || verb == "Enable") && *at(k) != want {
			return offboard.Errorf(offboard.Locked, verb+" key "+id, "it is locked")
		}
		if *at(k) != want {
			*at(k) = want
			a.note("%s %s", strings.ToLower(verb), id)
		}
		return nil
	})
}

func locked(k *apiKey) *bool   { return &k.Locked }
func disabled(k *apiKey) *bool { return &k.Disabled }

func (a *account) Unlock(ctx context.Context, id string) error {
	return a.set(ctx, "Unlock", id, locked, false)
}
func (a *account) Lock(ctx context.Context, id string) error {
	return a.set(ctx, "Lock", id, locked, true)
}
func (a *account) Disable(ctx context.Context, id string) error {
	return a.set(ctx, "Disable", id, disabled, true)
}
func (a *account) Enable(ctx context.Context, id string) error {
	return a.set(ctx, "Enable", id, disabled, false)
}

func (a *account) Delete(ctx context.Context, id string) error {
	return a.call(ctx, "Delete", id, func() error {
		k := a.keyOf(id)
		switch {
		case k == nil:
			return notFound("delete key " + id)
		case k.Locked:
			return offboard.Errorf(offboard.Locked, "delete key "+id, "it is locked")
		}
		a.keys = slices.DeleteFunc(a.keys, func(have *apiKey) bool { return have == k })
		a.note("delete %s", id)
		return nil
	})
}

// Access

func (a *account) EnsureGroup(ctx context.Context, name, _, run string, making func()) (id string, created bool, err error) {
	err = a.call(ctx, "EnsureGroup", name, func() error {
		for have, g := range a.groups {
			if g.name != name {
				continue
			}
			if g.closer != "" && g.closer != run {
				return offboard.Errorf(offboard.Pending, "use the group", "run %s is taking it away", g.closer)
			}
			id = have
			g.users = append(g.users, run)
			return nil
		}
		making()
		id, created = a.group(name), true
		a.groups[id].users = []string{run}
		a.note("make group %s", id)
		return nil
	})
	return id, created, err
}

func (a *account) CloseGroup(ctx context.Context, groupID, run string) (used bool, err error) {
	err = a.call(ctx, "CloseGroup", groupID, func() error {
		if g := a.groups[groupID]; g != nil {
			g.leave(run)
			if used = len(g.users) > 0; !used {
				g.closer = run
			}
		}
		return nil
	})
	return used, err
}

func (a *account) LeaveGroup(ctx context.Context, groupID, run string) error {
	return a.call(ctx, "LeaveGroup", groupID, func() error {
		if g := a.groups[groupID]; g != nil {
			g.leave(run)
		}
		return nil
	})
}

func (g *accessGroup) leave(run string) {
	g.users = slices.DeleteFunc(g.users, func(u string) bool { return u == run })
	if g.closer == run {
		g.closer = ""
	}
}

func (a *account) group(name string) string {
	a.serial++
	id := fmt.Sprintf("AccessGroup-%d", a.serial)
	a.groups[id] = &accessGroup{name: name, members: map[string]bool{}, policies: map[string]offboard.Grant{}}
	return id
}

func (a *account) Grant(ctx context.Context, groupID string, grant offboard.Grant, making func()) (policyID string, created bool, err error) {
	err = a.call(ctx, "Grant", grant.Name, func() error {
		g := a.groups[groupID]
		if g == nil {
			return notFound("grant " + grant.Name)
		}
		for _, id := range slices.Sorted(maps.Keys(g.policies)) {
			have := g.policies[id]
			if have.Service == grant.Service && have.ResourceGroup == grant.ResourceGroup {
				policyID = id
				return nil
			}
		}
		making()
		a.serial++
		policyID, created = fmt.Sprintf("policy-%d", a.serial), true
		g.policies[policyID] = grant
		a.note("grant %s", policyID)
		return nil
	})
	return policyID, created, err
}

func (a *account) AddMember(ctx context.Context, groupID, iamID string, making func()) (added bool, err error) {
	err = a.call(ctx, "AddMember", iamID, func() error {
		g := a.groups[groupID]
		added = !g.members[iamID]
		if added {
			making()
			g.members[iamID] = true
			a.note("add %s to %s", iamID, groupID)
		}
		return nil
	})
	return added, err
}

func (a *account) RemoveMember(ctx context.Context, groupID, iamID string) error {
	return a.call(ctx, "RemoveMember", iamID, func() error {
		if g := a.groups[groupID]; g != nil && g.members[iamID] {
			delete(g.members, iamID)
			a.note("take %s out of %s", iamID, groupID)
		}
		return nil
	})
}

func (a *account) Revoke(ctx context.Context, policyID string) error {
	return a.call(ctx, "Revoke", policyID, func() error {
		for _, g := range a.groups {
			if _, have := g.policies[policyID]; have {
				delete(g.policies, policyID)
				a.note("revoke %s", policyID)
			}
		}
		return nil
	})
}

func (a *account) DeleteGroup(ctx context.Context, groupID string) error {
	return a.call(ctx, "DeleteGroup", groupID, func() error {
		if a.groups[groupID] != nil {
			delete(a.groups, groupID)
			a.note("delete group %s", groupID)
		}
		return nil
	})
}

func (a *account) TrustedProfiles(ctx context.Context, _ string) (list []string, err error) {
	err = a.call(ctx, "TrustedProfiles", "", func() error { list = a.profiles; return nil })
	return list, err
}

// Clusters

func (a *account) ResourceGroups(ctx context.Context) (list []offboard.ResourceGroup, err error) {
	err = a.call(ctx, "ResourceGroups", "", func() error {
		list = []offboard.ResourceGroup{{ID: shopGroup, Name: "shop", Default: true}}
		return nil
	})
	return list, err
}

func (a *account) Clusters(ctx context.Context) (list []offboard.Cluster, err error) {
	err = a.call(ctx, "Clusters", "", func() error {
		for _, c := range a.clusters {
			list = append(list, c.Cluster)
		}
		return nil
	})
	slices.SortFunc(list, func(x, y offboard.Cluster) int { return cmp.Compare(x.ID, y.ID) })
	return list, err
}

func (a *account) Indexed(ctx context.Context) (list []offboard.ClusterRef, err error) {
	err = a.call(ctx, "Indexed", "", func() error { list = a.indexed; return nil })
	return list, err
}

// with finds a cluster that is still there.
func (a *account) with(ctx context.Context, verb, id string, effect func(c *cluster) error) error {
	return a.call(ctx, verb, id, func() error {
		c := a.named(id)
		if c == nil {
			return notFound(verb + " " + id)
		}
		return effect(c)
	})
}

func (a *account) KeyOwner(ctx context.Context, id string, scope offboard.Scope) (o offboard.Owner, err error) {
	err = a.with(ctx, "KeyOwner", id, func(c *cluster) error {
		k := a.keyOf(a.current[scope.ID()])
		if k == nil {
			return notFound("read the key owner of " + c.Name)
		}
		email := a.personOf(k.IAMID).Email
		if c.ownerLate > 0 {
			c.ownerLate--
			email = c.ownerBefore
		}
		o = offboard.Owner{Email: email}
		return nil
	})
	return o, err
}

func (a *account) Cluster(ctx context.Context, id string) (found offboard.Cluster, m offboard.Master, err error) {
	err = a.with(ctx, "Cluster", id, func(c *cluster) error {
		if c.busy > 0 {
			if c.busy--; c.busy == 0 {
				c.master.State, c.master.Modified, c.secretLate = "deployed", a.now(), a.secretTakes+1
			}
		}
		found, m = c.Cluster, c.master
		return nil
	})
	return found, m, err
}

func (a *account) Addons(ctx context.Context, id string) (list []offboard.Addon, err error) {
	err = a.with(ctx, "Addons", id, func(c *cluster) error { list = c.addons; return nil })
	return list, err
}

func (a *account) ClassicUser(ctx context.Context, scope offboard.Scope) (user string, err error) {
	err = a.call(ctx, "ClassicUser", scope.ID(), func() error { user = a.classic[scope.ID()]; return nil })
	return user, err
}

func (a *account) RefreshMaster(ctx context.Context, id string, _ offboard.Scope) error {
	return a.with(ctx, "RefreshMaster", id, func(c *cluster) error {
		if c.busy > 0 {
			return offboard.Errorf(offboard.Conflict, "refresh the master of "+c.Name, "another operation runs on it")
		}
		c.busy, c.master.State = a.refreshTakes+1, "updating"
		a.note("refresh %s", c.Name)
		return nil
	})
}

func (a *account) SyncAccess(ctx context.Context, id string) error {
	return a.with(ctx, "SyncAccess", id, func(c *cluster) error { a.note("sync %s", c.Name); return nil })
}

func (a *account) Synced(ctx context.Context, id string) (done bool, err error) {
	err = a.with(ctx, "Synced", id, func(*cluster) error {
		a.unsynced--
		done = a.unsynced < 0
		return nil
	})
	return done, err
}

// Successors

func (a *account) Emails() []string { return a.configure }

func (a *account) Prove(ctx context.Context, email string) (id offboard.Identity, err error) {
	err = a.call(ctx, "Prove", email, func() error {
		p := a.mail(email)
		if p == nil || !p.Active() {
			return offboard.Errorf(offboard.Denied, "prove the key of "+email, "IAM refuses it")
		}
		id = offboard.Identity{IAMID: cmp.Or(a.stranger[email], p.IAMID), Email: email, Account: accountID}
		return nil
	})
	return id, err
}

// may tells whether an identity holds the documented access to a scope.
func (a *account) may(email string, scope offboard.Scope) bool {
	p := a.mail(email)
	for _, g := range a.groups {
		for _, grant := range g.policies {
			if p != nil && g.members[p.IAMID] && grant.Service == "containers-kubernetes" && grant.ResourceGroup == scope.ResourceGroup {
				return true
			}
		}
	}
	return false
}

func (a *account) Sees(ctx context.Context, email string, scope offboard.Scope) (ids []string, err error) {
	err = a.call(ctx, "Sees", email+" "+scope.ID(), func() error {
		if !a.may(email, scope) {
			return offboard.Errorf(offboard.Denied, "list the clusters of "+scope.String(), "%s may not", email)
		}
		if a.grantsLate > 0 {
			a.grantsLate--
			return nil
		}
		for _, c := range a.clusters {
			if c.Scope().ID() == scope.ID() {
				ids = append(ids, c.ID)
			}
		}
		return nil
	})
	return ids, err
}

func (a *account) Keys(ctx context.Context, email string) (list []offboard.Key, err error) {
	err = a.call(ctx, "Keys", email, func() error {
		p := a.mail(email)
		for _, k := range a.keys {
			switch {
			case k.IAMID != p.IAMID:
			case k.hidden > 0:
				k.hidden--
			default:
				list = append(list, k.Key)
			}
		}
		return nil
	})
	return list, err
}

func (a *account) Reset(ctx context.Context, email string, scope offboard.Scope) error {
	return a.call(ctx, "Reset", scope.ID(), func() error {
		op := "reset the cluster key of " + scope.String()
		p := a.mail(email)
		held := 0
		for _, k := range a.keys {
			if k.IAMID == p.IAMID {
				held++
			}
		}
		switch {
		case scope.Region == "" || scope.ResourceGroup == "":
			return offboard.Errorf(offboard.Invalid, op, "the scope is not explicit")
		case !a.may(email, scope):
			return offboard.Errorf(offboard.Denied, op, "%s may not", email)
		case held >= a.limit:
			return offboard.Errorf(offboard.KeyLimit, op, "%s holds %d of %d API keys", email, held, a.limit)
		}
		owner := a.personOf(a.keyOf(a.current[scope.ID()]).IAMID).Email
		a.serial++
		id := fmt.Sprintf("ApiKey-new-%d", a.serial)
		a.clusterKey(id, p.IAMID, scope.Region, a.now()).hidden = a.keyHidden
		for _, c := range a.clusters {
			c.ownerLate, c.ownerBefore = a.ownerLate, owner
		}
		a.note("reset %s as %s", scope, email)
		return nil
	})
}

// Workloads

// reach finds a cluster whose own API answers.
func (a *account) reach(ctx context.Context, verb, id string, effect func(c *cluster) error) error {
	return a.with(ctx, verb, id, func(c *cluster) error {
		if c.unreachable {
			return offboard.Errorf(offboard.Unreachable, "ask cluster "+c.Name, "private service endpoint only")
		}
		return effect(c)
	})
}

func (a *account) Since(ctx context.Context, id string, _ []offboard.Dependent) (since time.Time, err error) {
	err = a.reach(ctx, "Since", id, func(c *cluster) error {
		since = c.since
		return nil
	})
	return since, err
}

func (a *account) Inspect(ctx context.Context, id string, _ []offboard.DependentRule, _ string) (i offboard.Inspection, err error) {
	err = a.with(ctx, "Inspect", id, func(c *cluster) error {
		if c.unreachable {
			i.Unreachable = "private service endpoint only"
			return nil
		}
		i = offboard.Inspection{Bindings: slices.Clone(c.bindings), TrustedProfile: c.profile}
		for _, d := range c.dependents {
			i.Dependents = append(i.Dependents, d.Dependent)
		}
		return nil
	})
	return i, err
}

func (a *account) SecretVersion(ctx context.Context, id string) (version string, err error) {
	err = a.reach(ctx, "SecretVersion", id, func(c *cluster) error {
		if c.secretLate > 0 {
			if c.secretLate--; c.secretLate == 0 && c.secretKey != a.current[c.Scope().ID()] {
				c.secretKey = a.current[c.Scope().ID()]
				c.secret++
			}
		}
		if !c.noSecret {
			version = fmt.Sprint(c.secret)
		}
		return nil
	})
	return version, err
}

// dependent finds a workload of a cluster.
func (a *account) dependent(ctx context.Context, verb, id string, want offboard.Dependent, effect func(c *cluster, d *dependent) error) error {
	return a.reach(ctx, verb, id, func(c *cluster) error {
		for _, d := range c.dependents {
			if d.Workload == want.Workload {
				return effect(c, d)
			}
		}
		return notFound(verb + " " + want.Workload)
	})
}

func (a *account) Pods(ctx context.Context, id string, want offboard.Dependent) (uids []string, err error) {
	err = a.dependent(ctx, "Pods", id, want, func(_ *cluster, d *dependent) error {
		for _, p := range d.pods {
			uids = append(uids, p.uid)
		}
		return nil
	})
	return uids, err
}

func (a *account) Restart(ctx context.Context, id string, want offboard.Dependent, mark string) error {
	return a.dependent(ctx, "Restart", id, want, func(c *cluster, d *dependent) error {
		switch mark {
		case "":
			return offboard.Errorf(offboard.Invalid, "restart "+d.Workload, "a restart needs a mark")
		case d.mark:
			return nil
		}
		a.note("restart %s in %s", d.Workload, c.Name)
		if !d.reverted {
			d.mark, d.pending = mark, a.restartTakes+1
		}
		return nil
	})
}

func (a *account) Replace(ctx context.Context, id string, want offboard.Dependent, old []string) error {
	return a.dependent(ctx, "Replace", id, want, func(c *cluster, d *dependent) error {
		a.note("replace %s in %s", d.Workload, c.Name)
		a.start(c, d)
		return nil
	})
}

func (a *account) Rollout(ctx context.Context, id string, want offboard.Dependent, old []string, mark string) (r offboard.Rollout, err error) {
	err = a.dependent(ctx, "Rollout", id, want, func(c *cluster, d *dependent) error {
		if d.pending > 0 {
			if d.pending--; d.pending == 0 {
				a.start(c, d)
			}
		}
		left := 0
		for _, p := range d.pods {
			if slices.Contains(old, p.uid) {
				left++
			}
		}
		switch {
		case d.trouble != "":
			r.Missing = d.trouble
		case left > 0 || d.pending > 0:
			r.Missing = fmt.Sprintf("%d old pods are left", left)
			r.Reverted = mark != "" && d.mark != mark
		default:
			r.Done = true
		}
		return nil
	})
	return r, err
}

func (a *account) RemoveSubject(ctx context.Context, id string, b offboard.Binding) error {
	return a.reach(ctx, "RemoveSubject", id, func(c *cluster) error {
		c.bindings = slices.DeleteFunc(c.bindings, func(have offboard.Binding) bool { return have == b })
		a.note("take the leaver out of %s in %s", b, c.Name)
		return nil
	})
}

// Runs and Shelf

func (a *account) Holder(ctx context.Context, claim string) (id string, err error) {
	err = a.call(ctx, "Holder", claim, func() error { id = a.holder; return nil })
	return id, err
}

func (a *account) Keep(ctx context.Context, name string, report offboard.Report) (place string, err error) {
	err = a.call(ctx, "Keep", name, func() error { a.shelf[name] = report; return nil })
	return "memory:" + name, err
}

// notifier is the account's channel for notices, nil where none is configured.
func (a *account) notifier() activities.Notifier {
	if !a.tells {
		return nil
	}
	return a
}

func (a *account) Notify(ctx context.Context, notice offboard.Notice) error {
	return a.call(ctx, "Notify", string(notice.Kind), func() error {
		a.notices = append(a.notices, notice)
		return nil
	})
}

// told lists the notices that arrived by kind and title.
func (a *account) told() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, n := range a.notices {
		list = append(list, string(n.Kind)+": "+n.Title)
	}
	return list
}
