package rehearsal

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// Scene is a view as a simulated account, and what must be known to work on it. Its secrets open nothing but that.
type Scene struct {
	Account *ibmsim.Account
	// EngineKey is the key the engine works with there, SuccessorKeys those of the functional IDs by their addresses as
	// configured.
	EngineKey     string
	SuccessorKeys map[string]string
	// Owned: the account's owner is known, so that the account service may be asked.
	Owned bool
	// Assumptions are what no survey sees, or what the simulator cannot be, in sentences.
	Assumptions []string

	refusals []ibmsim.Fault // what could not be read of the account cannot be read here either
}

// Pace says how fast a scene's clocks run.
type Pace int

// The paces.
const (
	Real  Pace = iota // tokens live as long as in the account, everything else happens at once
	Quick             // as Delays says, so that an offboarding of hours takes minutes
)

// lifeOfToken is how long a token lives on a quick stage: long enough for a slow machine not to ask all the time, short
// enough for a soak to outlast it.
const lifeOfToken = 4 * time.Second

// NewScene translates a view. The latency is added to every answer of the simulator. The error, which is a defect of
// ours, lists everything that the simulator does not take.
func NewScene(v View, pace Pace, latency time.Duration) (Scene, error) {
	b := builder{view: v, scene: Scene{SuccessorKeys: map[string]string{}}, emails: map[string]string{}, taken: map[string]bool{},
		granted: map[string]bool{}, lost: map[string][]string{}}
	b.account = &ibmsim.Account{ID: differentFrom(v.Account.ID), Name: "Rehearsal", Seed: random(), Knobs: knobs(v, pace, latency)}
	if v.Account.RestrictedKeys {
		b.account.Settings.RestrictCreatePlatformAPIKey = "RESTRICTED"
	}
	b.groups()
	b.people()
	b.serviceIDs()
	b.keys()
	b.secrets()
	b.rights()
	b.profiles()
	b.credentials()
	b.clusters(pace)
	b.refusals()
	b.assume()
	b.scene.Account = b.account
	return b.scene, b.account.Check()
}

func knobs(v View, pace Pace, latency time.Duration) ibmsim.Knobs {
	k := ibmsim.Knobs{
		TokenLife: ibmsim.Duration(v.Account.TokenLife), KeyLimit: v.Limit, TimePrecision: ibmsim.Duration(time.Second), Latency: ibmsim.Duration(latency),
		NoCreatedAt: len(v.Keys) > 0 && !slices.ContainsFunc(v.Keys, func(k offboard.Key) bool { return !k.CreatedAt.IsZero() }),
	}
	if pace == Real {
		return k
	}
	k.TokenLife = ibmsim.Duration(lifeOfToken)
	for _, d := range delays {
		d.knob(&k, ibmsim.Duration(d.Simulated))
	}
	return k
}

// builder translates. What it cannot translate it counts under a sentence.
type builder struct {
	view    View
	scene   Scene
	account *ibmsim.Account
	emails  map[string]string // by IAM ID
	taken   map[string]bool   // addresses, in lower case
	granted map[string]bool   // owners of cluster keys that hold the access they need
	lost    map[string][]string
}

// lose notes that something is not as in the account.
func (b *builder) lose(sentence, what string) { b.lost[sentence] = append(b.lost[sentence], what) }

func (b *builder) groups() {
	names := map[string]bool{}
	hasDefault := false
	add := func(id, name string, isDefault bool) {
		if names[name] || name == "" {
			name += id
		}
		names[name] = true
		isDefault = isDefault && !hasDefault
		hasDefault = hasDefault || isDefault
		b.account.ResourceGroups = append(b.account.ResourceGroups, ibmsim.GroupSpec{ID: id, Name: name, Default: isDefault})
	}
	for _, g := range b.view.Groups {
		add(g.ID, g.Name, g.Default)
	}
	for _, c := range b.view.Clusters {
		if c.ResourceGroup != "" && b.groupName(c.ResourceGroup) == "" {
			add(c.ResourceGroup, c.ResourceGroupName, false)
		}
	}
	for _, k := range b.view.Keys {
		if k.Scope.ResourceGroup != "" && b.groupName(k.Scope.ResourceGroup) == "" {
			add(k.Scope.ResourceGroup, k.Scope.ResourceGroupName, false)
		}
	}
	if !hasDefault {
		add(hexOf(16), "the default group", true)
	}
}

func (b *builder) groupName(id string) string {
	i := slices.IndexFunc(b.account.ResourceGroups, func(g ibmsim.GroupSpec) bool { return g.ID == id })
	if i < 0 {
		return ""
	}
	return b.account.ResourceGroups[i].Name
}

func (b *builder) defaultGroup() string {
	i := slices.IndexFunc(b.account.ResourceGroups, func(g ibmsim.GroupSpec) bool { return g.Default })
	return b.account.ResourceGroups[i].Name
}

// states that user management has for somebody in an account.
var states = []string{"ACTIVE", "PENDING", "PROCESSING", "ERROR_WHILE_DELETING", "VPN_ONLY", "DISABLED_CLASSIC_INFRASTRUCTURE"}

func (b *builder) people() {
	// The leaver first, so that an address which two people share is theirs.
	if b.view.Leaver.IAMID != "" {
		b.address(b.view.Leaver)
	}
	for _, p := range b.view.People {
		user := ibmsim.UserSpec{Email: b.address(p), First: p.Name, IAMID: p.IAMID, State: p.State}
		if !slices.Contains(states, p.State) {
			b.lose("whose state the simulator does not know, and who are taken for active", p.Email+" ("+p.State+")")
			user.State = "ACTIVE"
		}
		if user.State == "ACTIVE" {
			user.State = ""
		}
		b.account.Users = append(b.account.Users, user)
	}
	if owner := b.emails[b.view.Account.OwnerIAMID]; owner != "" {
		b.account.Owner, b.scene.Owned = owner, true
	} else {
		b.account.Owner = b.stranger("owner-of-the-account", "")
	}
	for _, f := range b.view.FunctionalIDs {
		if len(b.view.named(f.Email)) == 0 {
			b.taken[strings.ToLower(f.Email)] = true
			b.account.Users = append(b.account.Users, ibmsim.UserSpec{Email: f.Email, Outsider: true, Accepts: ibmsim.Duration(accepts)})
		}
	}
	for i := range b.account.Users {
		if s := b.account.Users[i].State; s == "PENDING" || s == "PROCESSING" {
			b.account.Users[i].Accepts = ibmsim.Duration(accepts)
		}
	}
}

// accepts is how long an invitee of a rehearsal needs to say yes.
const accepts = time.Second

// address gives a person an address of their own and remembers it.
func (b *builder) address(p offboard.Person) string {
	if known := b.emails[p.IAMID]; known != "" {
		return known
	}
	email := p.Email
	if !strings.Contains(email, "@") || b.taken[strings.ToLower(email)] {
		b.lose("who have no e-mail address of their own, and get one", cmp.Or(p.Email, p.IAMID))
		email = strings.ToLower(p.IAMID) + "@" + nowhere
	}
	b.taken[strings.ToLower(email)] = true
	b.emails[p.IAMID] = email
	return email
}

// nowhere is a domain that cannot exist (RFC 2606).
const nowhere = "rehearsal.invalid"

// stranger adds somebody whom the list of users does not show.
func (b *builder) stranger(name, iamID string) string {
	email := name
	if !strings.Contains(email, "@") {
		email += "@" + nowhere
	}
	if b.taken[strings.ToLower(email)] {
		return email
	}
	b.taken[strings.ToLower(email)] = true
	if iamID != "" {
		b.emails[iamID] = email
	}
	b.account.Users = append(b.account.Users, ibmsim.UserSpec{Email: email, IAMID: iamID})
	return email
}

// engineName is the name of the engine's identity where that is no user.
const engineName = "engine"

// serviceIDs makes the engine's identity where the list of users does not show it.
func (b *builder) serviceIDs() {
	if _, isUser := b.view.person(b.view.Engine.IAMID); !isUser {
		b.scene.EngineKey = secret("engine")
		b.account.ServiceIDs = append(b.account.ServiceIDs, ibmsim.ServiceID{Name: engineName, APIKey: b.scene.EngineKey})
	}
}

// profiles makes the trusted profiles that name the leaver.
func (b *builder) profiles() {
	for _, name := range b.view.Profiles {
		b.account.Profiles = append(b.account.Profiles, ibmsim.Profile{Name: name, Identities: []string{b.emails[b.view.Leaver.IAMID]}})
	}
	b.account.Profiles = append(b.account.Profiles, ibmsim.Profile{Name: storageProfile})
}

// storageProfile stands for whatever profile the storage drivers of a cluster use.
const storageProfile = "storage drivers"

func (b *builder) credentials() {
	for id, user := range b.view.ClassicUsers {
		region, group, _ := strings.Cut(id, "/")
		if name := b.groupName(group); name != "" && ibmsim.KnownRegion(region) {
			b.account.Credentials = append(b.account.Credentials, ibmsim.Credential{Region: region, ResourceGroup: name, APIUser: user})
		}
	}
	slices.SortFunc(b.account.Credentials, func(x, y ibmsim.Credential) int {
		return cmp.Or(cmp.Compare(x.Region, y.Region), cmp.Compare(x.ResourceGroup, y.ResourceGroup))
	})
}

// refusals are the parts of the survey that could not be read: a plan that did not ask about them would be another one.
func (b *builder) refusals() {
	for _, m := range b.view.Missing {
		f := ibmsim.Fault{Method: "GET"}
		switch kind, id, _ := strings.Cut(m.ID, "/"); kind {
		case "owner":
			f.Service, f.Path = "containers", "/"+id+"/clusterkeyowner$"
		case "search":
			f.Service, f.Method = "search", "POST"
		case "profiles":
			f.Service, f.Path = "iam-identity", "/profiles"
		default:
			b.lose("parts of the survey that could not be read and are taken for empty", m.What)
			continue
		}
		b.scene.refusals = append(b.scene.refusals, forbidden(f))
	}
}

// differentFrom makes an account ID that is not the real one.
func differentFrom(account string) string {
	for {
		if id := hexOf(16); id != account {
			return id
		}
	}
}

func hexOf(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails, see its documentation
	return hex.EncodeToString(b)
}

func random() uint64 {
	b := make([]byte, 8)
	rand.Read(b)
	return binary.BigEndian.Uint64(b)
}

// secret makes up a key that opens nothing but this scene.
func secret(whose string) string { return fmt.Sprintf("rehearsal-%s-%s", whose, rand.Text()) }
