package ibmsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"
	"time"

	"offboard/internal/ibmsim/clock"
)

// world is one account with everything that ever happened to it. Its mutex guards all of it; the clusters' Kubernetes
// servers have their own and are never called while it is held, because they call back.
type world struct {
	mu    sync.Mutex
	clock clock.Clock
	born  time.Time
	ids   *idSource
	knobs Knobs

	account    *Account
	accountID  string
	owners     []ownership
	signingKey []byte
	settings   accountSettings
	tokenLives tokenLives

	users        []*user
	byIAM        map[string]*user
	byEmail      map[string]*user    // lower case
	directory    map[string]UserSpec // people outside the account, by lower-case e-mail
	services     []*serviceID
	serviceByIAM map[string]*serviceID
	profiles     []*profile
	profileByIAM map[string]*profile

	keys        []*apiKey
	keyByID     map[string]*apiKey
	keyBySecret map[string]*apiKey
	keysByOwner map[string][]*apiKey

	groups      []*accessGroup
	memberships map[string][]*membership // by IAM ID
	policies    []*policy
	policyByID  map[string]*policy
	customRoles []*customRole
	rights      map[string][]*right // by subject

	resourceGroups []*resourceGroup
	scopes         map[scopeID]*scope
	scopeOrder     []*scope
	credentials    map[scopeID]string
	clusters       []*cluster          // those that are gone, too, because their past counts
	clusterByRef   map[string]*cluster // those there are, by ID and by name
	instances      []*instance

	ledger    []Entry
	slow      time.Duration // added to every replication while a handler runs, see Fault
	faults    []*Fault
	reports   map[string]*activityReport
	passcodes map[string]passcode
	requests  map[requestKey]*RequestCount
	unknown   map[string]*RequestCount
	windows   map[string]*window
}

// resourceGroup is a resource group of the account.
type resourceGroup struct {
	id, name  string
	isDefault bool
	created   time.Time
	modified  time.Time
}

// newWorld builds the account's state at the clock's present. The account must have passed Parse or come from Generate.
func newWorld(a *Account, c clock.Clock) *world {
	w := &world{
		clock: c, born: c.Now(), ids: newIDSource(a.Seed), knobs: a.Knobs, account: a, accountID: a.ID,
		byIAM: map[string]*user{}, byEmail: map[string]*user{}, directory: map[string]UserSpec{}, serviceByIAM: map[string]*serviceID{}, profileByIAM: map[string]*profile{},
		keyByID: map[string]*apiKey{}, keyBySecret: map[string]*apiKey{}, keysByOwner: map[string][]*apiKey{},
		memberships: map[string][]*membership{}, policyByID: map[string]*policy{}, rights: map[string][]*right{},
		scopes: map[scopeID]*scope{}, credentials: map[scopeID]string{}, clusterByRef: map[string]*cluster{},
		requests: map[requestKey]*RequestCount{}, unknown: map[string]*RequestCount{}, windows: map[string]*window{}, reports: map[string]*activityReport{}, passcodes: map[string]passcode{},
	}
	if w.knobs.KeyLimit == 0 {
		w.knobs.KeyLimit = 20
	}
	w.settings = newSettings(a.Settings)
	w.tokenLives = tokenLives{{life: w.fileTokenLife()}}
	mac := hmac.New(sha256.New, []byte("token"))
	mac.Write([]byte(strconv.FormatUint(a.Seed, 10)))
	w.signingKey = mac.Sum(nil)
	w.loadGroups()
	w.loadIdentities()
	w.loadFillers()
	w.loadAccess()
	w.loadKeys()
	w.loadClusters()
	w.scheduleTransfer()
	return w
}

// grantDelay is how long a new grant needs to act (trap 29).
func (w *world) grantDelay() time.Duration { return w.knobs.GrantDelay.Std() + w.slow }

func (w *world) ago(d Duration) time.Time { return w.born.Add(-d.Std()) }

func (w *world) loadGroups() {
	for _, g := range w.account.ResourceGroups {
		id := g.ID
		if id == "" {
			id = w.ids.of("resource-group", g.Name)
		}
		w.resourceGroups = append(w.resourceGroups, &resourceGroup{id: id, name: g.Name, isDefault: g.Default, created: w.ago(Duration(900 * 24 * time.Hour))})
	}
}

func (w *world) groupNamed(name string) *resourceGroup {
	for _, g := range w.resourceGroups {
		if g.name == name {
			return g
		}
	}
	return nil
}

func (w *world) groupByID(id string) *resourceGroup {
	for _, g := range w.resourceGroups {
		if g.id == id {
			return g
		}
	}
	return nil
}

func (w *world) groupName(id string) string {
	if g := w.groupByID(id); g != nil {
		return g.name
	}
	return ""
}

func (w *world) defaultGroup() *resourceGroup {
	for _, g := range w.resourceGroups {
		if g.isDefault {
			return g
		}
	}
	return nil
}

func (w *world) loadIdentities() {
	for _, s := range w.account.Users {
		if s.Outsider {
			w.directory[strings.ToLower(s.Email)] = s
			continue
		}
		u := &user{iam: w.iamOf(s), email: s.Email, first: s.First, last: s.Last, state: s.State, added: w.ago(s.Added), spec: s, allowedIPs: s.AllowedIPs, provider: provider{s.Realm, s.Claims}}
		w.addUser(u)
		if s.State == statePending || s.State == stateProcessing {
			w.awaitAcceptance(u)
			continue
		}
		u.state = firstOf(s.State, stateActive)
		u.active = []span{{from: u.added}}
		if s.APIKey != "" {
			w.loginKey(u, s.APIKey, u.added)
		}
	}
	w.owners = []ownership{{iam: w.byEmail[strings.ToLower(w.account.Owner)].iam}}
	for _, s := range w.account.ServiceIDs {
		id := "ServiceId-" + uuidOf(w.ids.of("service-id", s.Name))
		sid := &serviceID{id: id, iam: "iam-" + id, name: s.Name, description: s.Description, creator: w.iamByEmail(s.Creator), created: w.ago(Duration(300 * 24 * time.Hour)), tag: 1, locked: s.Locked || s.SecretsManager, relocks: s.SecretsManager}
		sid.modified = sid.created
		w.services = append(w.services, sid)
		w.serviceByIAM[sid.iam] = sid
		if s.APIKey != "" {
			w.oldKey(sid.iam, "login", s.APIKey, sid.created)
		}
	}
	for _, p := range w.account.Profiles {
		id := "Profile-" + uuidOf(w.ids.of("profile", p.Name))
		one := &profile{id: id, iam: "iam-" + id, name: p.Name, created: w.ago(Duration(300 * 24 * time.Hour)), tag: 1}
		one.modified = one.created
		for _, ref := range p.Identities {
			m := profileMember{kind: "user", identifier: w.iamByEmail(ref)}
			if w.serviceByIAM[m.identifier] != nil {
				m.kind = "serviceid"
			}
			one.members = append(one.members, m)
		}
		w.addProfile(one)
	}
}

func (w *world) iamOf(s UserSpec) string {
	if s.IAMID != "" {
		return s.IAMID
	}
	return w.ids.iamID(s.Email)
}

// iamByEmail resolves a user's e-mail or the name of a service ID or trusted profile; "" when none has it.
func (w *world) iamByEmail(ref string) string {
	if u := w.byEmail[strings.ToLower(ref)]; u != nil {
		return u.iam
	}
	for _, s := range w.services {
		if s.name == ref && !s.deleted {
			return s.iam
		}
	}
	for _, p := range w.profiles {
		if p.name == ref && !p.deleted {
			return p.iam
		}
	}
	return ""
}

func (w *world) loginKey(u *user, secret string, created time.Time) *apiKey {
	return w.oldKey(u.iam, "login", secret, created)
}

// oldKey files a key that existed before the simulation began.
func (w *world) oldKey(owner, name, secret string, created time.Time) *apiKey {
	return w.namedKey("ApiKey-"+uuidOf(w.ids.next("apikey")), owner, name, secret, created)
}

// namedKey is oldKey with an ID that the account file gives.
func (w *world) namedKey(id, owner, name, secret string, created time.Time) *apiKey {
	if secret == "" {
		secret = w.ids.secret(w.who(owner).label(), name, id)
	}
	k := &apiKey{
		id: id, name: name, owner: owner, createdBy: owner, secret: secret, created: created, modified: created, replicated: created,
		tag: 1, actionWhenLeaked: "none", history: []historyItem{{created, owner, "CREATE", "API key created"}},
	}
	w.putKey(k)
	return k
}
