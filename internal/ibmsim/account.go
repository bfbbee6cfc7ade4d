package ibmsim

import (
	"fmt"
	"strings"
	"time"
)

// Account is an account file: everything the simulated cloud holds before the first request. Load reads one strictly,
// Generate makes a large one, New builds a Cloud from it. Times in the past are written as ages ("400d", "20h").
type Account struct {
	ID             string       `yaml:"id"`
	Name           string       `yaml:"name"`
	Owner          string       `yaml:"owner"` // e-mail of the account owner, who may do everything and cannot be removed (trap 23)
	Seed           uint64       `yaml:"seed"`
	Knobs          Knobs        `yaml:"knobs"`
	Settings       Settings     `yaml:"settings"`
	ResourceGroups []GroupSpec  `yaml:"resourceGroups"`
	Users          []UserSpec   `yaml:"users"`
	ServiceIDs     []ServiceID  `yaml:"serviceIDs"`
	Profiles       []Profile    `yaml:"trustedProfiles"`
	AccessGroups   []GroupOf    `yaml:"accessGroups"`
	Policies       []Grant      `yaml:"policies"`
	Scopes         []ScopeSpec  `yaml:"scopes"`
	Keys           []KeySpec    `yaml:"keys"`
	Credentials    []Credential `yaml:"classicCredentials"`
	Clusters       []Cluster    `yaml:"clusters"`
	Fillers        Fillers      `yaml:"fillers"`
	Transfer       *Transfer    `yaml:"transfer"`
}

// Knobs are the numbers of the behaviour model. A zero means "at once", "off" or, where a default is named, the default.
type Knobs struct {
	TokenLife        Duration `yaml:"tokenLife"`        // life of an access token; default 1h
	KeyReplication   Duration `yaml:"keyReplication"`   // a new key is unknown to IAM and to lists until then
	DisableDelay     Duration `yaml:"disableDelay"`     // a disabled key still works for this long (trap 13)
	KeyPurge         Duration `yaml:"keyPurge"`         // a key is gone for good this long after both its expiry and its last change; default 90d
	GrantDelay       Duration `yaml:"grantDelay"`       // a new policy or membership acts only after this (trap 29)
	InviteProcessing Duration `yaml:"inviteProcessing"` // PROCESSING lasts this long
	Accepts          Duration `yaml:"accepts"`          // invitees of the file accept this long after they were invited; 0 = never by themselves
	RemovalDelay     Duration `yaml:"removalDelay"`     // an asynchronous (v3) removal takes this long
	MasterRefresh    Duration `yaml:"masterRefresh"`    // a master refresh takes this long
	SecretDelay      Duration `yaml:"secretDelay"`      // the cluster's secret follows the finished refresh after this
	PodStart         Duration `yaml:"podStart"`         // from a pod's creation to Ready
	PodStop          Duration `yaml:"podStop"`          // a terminating pod stays listed this long
	ClusterDeploy    Duration `yaml:"clusterDeploy"`    // a new cluster's master comes after this, and no sooner than a key made for it is known
	ClusterDelete    Duration `yaml:"clusterDelete"`    // a deleted cluster is gone after this
	WorkerDeploy     Duration `yaml:"workerDeploy"`     // an ordered worker comes, or fails, after this
	WorkerDelete     Duration `yaml:"workerDelete"`     // a worker that is given back is gone after this
	RBACSync         Duration `yaml:"rbacSync"`         // getRBACStatus says synchronized only this long after an apply
	ReportTime       Duration `yaml:"reportTime"`       // an activity report takes this long
	Latency          Duration `yaml:"latency"`          // added to every request, in real time
	TimePrecision    Duration `yaml:"timePrecision"`    // IAM truncates its timestamps to this; default 1m, as the real one
	RateLimit        int      `yaml:"rateLimit"`        // containers API: requests per 10 s and source; 0 = off (IBM: 200)
	KeyLimit         int      `yaml:"keyLimit"`         // API keys per identity; default 20 (trap 5)
	OAuthDelay       Duration `yaml:"oauthDelay"`       // OpenShift: a user's first login to a cluster fails for this long
	RemovalFails     bool     `yaml:"removalFails"`     // asynchronous removals end in ERROR_WHILE_DELETING (trap 18)
	NoCreatedAt      bool     `yaml:"noCreatedAt"`      // IAM's key list carries an empty created_at (trap 60)
}

// Settings are the account's identity settings that change behaviour.
type Settings struct {
	RestrictCreatePlatformAPIKey string `yaml:"restrictCreatePlatformApikey"` // RESTRICTED, NOT_RESTRICTED or NOT_SET (trap 7)
	RestrictCreateServiceID      string `yaml:"restrictCreateServiceId"`
	RestrictUserListVisibility   string `yaml:"restrictUserListVisibility"` // RESTRICTED shows callers without a role only themselves (trap 16)
	AllowedIPAddresses           string `yaml:"allowedIPAddresses"`
	MFA                          string `yaml:"mfa"`
}

// GroupSpec is a resource group. Exactly one is the default.
type GroupSpec struct {
	Name    string `yaml:"name"`
	ID      string `yaml:"id"` // 32 hex digits; derived from the seed and name when empty
	Default bool   `yaml:"default"`
}

// UserSpec is a person or functional ID.
type UserSpec struct {
	Email         string   `yaml:"email"`
	First         string   `yaml:"firstName"`
	Last          string   `yaml:"lastName"`
	IAMID         string   `yaml:"iamID"`         // derived when empty
	Outsider      bool     `yaml:"outsider"`      // not (yet) in the account: must be invited
	APIKey        string   `yaml:"apiKey"`        // login key; works only while its user is an active member
	Accepts       Duration `yaml:"accepts"`       // overrides knobs.accepts for this invitee
	NeverAccepts  bool     `yaml:"neverAccepts"`  // only Accept or the accept call makes this invitee a member
	AllowedIPs    string   `yaml:"allowedIPs"`    // user-level allow list: makes the user unfit to own a cluster key (trap 50)
	ClassicParent string   `yaml:"classicParent"` // e-mail of the parent in the classic hierarchy: a parent cannot be removed (trap 23)
	Added         Duration `yaml:"added"`         // how long ago the user was added
	State         string   `yaml:"state"`         // as user management names it; ACTIVE when empty. An invitee accepts as one who was invited at the start
	Realm         string   `yaml:"realm"`         // URL of the identity provider through which the user logs in as a person

	Claims map[string][]string `yaml:"claims"` // what it says of the user then
}

// Transfer is a transfer of the account's ownership that happens by itself: IBM's support does it, no API. The previous
// owner leaves the account in the same moment (trap 57).
type Transfer struct {
	To    string   `yaml:"to"`    // e-mail of a member
	After Duration `yaml:"after"` // counted from the start
}

// ServiceID is a service identity with a key to log in with.
type ServiceID struct {
	Name           string `yaml:"name"`
	Description    string `yaml:"description"`
	Creator        string `yaml:"creator"` // e-mail; shows only in the history
	APIKey         string `yaml:"apiKey"`
	Locked         bool   `yaml:"locked"`         // can neither be changed nor be given keys or policies
	SecretsManager bool   `yaml:"secretsManager"` // made by Secrets Manager: locked again each time its key is used (trap 52)
}

// Profile is a trusted profile; its identities are e-mails of users or names of service IDs, who may assume it.
type Profile struct {
	Name       string   `yaml:"name"`
	Identities []string `yaml:"identities"`
}

// GroupOf is an access group and its members: e-mails of users, names of service IDs or of trusted profiles.
type GroupOf struct {
	Name    string   `yaml:"name"`
	Members []string `yaml:"members"`
	Dynamic []string `yaml:"dynamic"` // e-mails that are members by an identity provider's rule, which no call can remove
}

// Grant is one access policy: exactly one subject, its roles, and what they cover.
type Grant struct {
	User          string   `yaml:"user"`
	AccessGroup   string   `yaml:"accessGroup"`
	ServiceID     string   `yaml:"serviceID"`
	Profile       string   `yaml:"trustedProfile"`
	Roles         []string `yaml:"roles"`   // Administrator, Editor, Operator, Viewer, Manager, Writer, Reader, UserApiKeyCreator, ServiceIdCreator
	Service       string   `yaml:"service"` // a service name, "all" (all IAM-enabled services) or "account" (all account management services)
	ResourceGroup string   `yaml:"resourceGroup"`
	Region        string   `yaml:"region"`
	Ends          Duration `yaml:"ends"`   // temporary access: it ends this long after the start; 0 = never
	Weekly        *Weekly  `yaml:"weekly"` // access at certain times only
}

// Weekly are the days, and the hours of each, at which a policy gives access: as IBM writes them, with an offset.
type Weekly struct {
	Days []string `yaml:"days"` // 1+00:00 is Monday, 7+00:00 Sunday
	From string   `yaml:"from"` // 09:00:00+00:00; without from and to all day
	To   string   `yaml:"to"`
}

// ScopeSpec is a (region, resource group) pair that has a cluster key, and who owns the current one.
type ScopeSpec struct {
	Region        string   `yaml:"region"`
	ResourceGroup string   `yaml:"resourceGroup"`
	Owner         string   `yaml:"owner"`
	Created       Duration `yaml:"created"` // age of the current key
	Locked        bool     `yaml:"locked"`
}

// KeySpec is an API key: a personal one, a superseded cluster key when Scope is set, or with Current the scope's key.
type KeySpec struct {
	ID          string    `yaml:"id"`    // made up when empty
	Owner       string    `yaml:"owner"` // e-mail of a user or name of a service ID
	Name        string    `yaml:"name"`
	Description string    `yaml:"description"` // of a cluster key: the Kubernetes Service's own when empty
	Scope       *ScopeRef `yaml:"scope"`       // makes it a superseded cluster key of that scope
	Current     bool      `yaml:"current"`     // or the scope's key of today; the scope is then not among the scopes
	Created     Duration  `yaml:"created"`
	LastUsed    Duration  `yaml:"lastUsed"` // 0 = never used
	Uses        int64     `yaml:"uses"`
	Locked      bool      `yaml:"locked"`
	Disabled    bool      `yaml:"disabled"`
	ExpiresIn   Duration  `yaml:"expiresIn"` // from the start; 0 = never
	Expired     Duration  `yaml:"expired"`   // or how long ago it did
	Secret      string    `yaml:"secret"`    // derived, with the canary prefix, when empty
}

// ScopeRef names a scope.
type ScopeRef struct {
	Region        string `yaml:"region"`
	ResourceGroup string `yaml:"resourceGroup"`
}

// Credential is a manually stored classic infrastructure credential, which takes precedence over the scope's key (trap 46).
type Credential struct {
	Region        string `yaml:"region"`
	ResourceGroup string `yaml:"resourceGroup"`
	APIUser       string `yaml:"apiUser"`
}

// Cluster is a cluster and what runs in it.
type Cluster struct {
	Name           string       `yaml:"name"`
	ID             string       `yaml:"id"`     // derived when empty
	Region         string       `yaml:"region"` // as the cluster shows it; old classic names allowed (trap 38)
	ResourceGroup  string       `yaml:"resourceGroup"`
	Provider       string       `yaml:"provider"` // classic, vpc-gen2 or satellite
	Type           string       `yaml:"type"`     // kubernetes (default) or openshift
	State          string       `yaml:"state"`    // normal when empty
	Version        string       `yaml:"version"`
	Workers        int          `yaml:"workers"`
	BlockCSI       string       `yaml:"blockCSI"` // deployment, statefulset (add-on 5.1 and older, trap 43) or empty
	FileCSI        bool         `yaml:"fileCSI"`
	Autoscaler     bool         `yaml:"autoscaler"`
	TrustedProfile string       `yaml:"trustedProfile"` // storage parts use this profile and hold no key (trap 48)
	PrivateOnly    bool         `yaml:"privateOnly"`    // its API server cannot be reached from here (trap 42)
	Reverting      Duration     `yaml:"reverting"`      // the add-on manager reverts template annotations after this
	NeverReady     []string     `yaml:"neverReady"`     // workloads of kube-system whose new pods never become ready
	Workloads      []Workload   `yaml:"workloads"`
	Bindings       []Binding    `yaml:"bindings"`
	PullSecrets    []PullSecret `yaml:"pullSecrets"`
	AddonHealth    string       `yaml:"addonHealth"` // what the add-ons' health says while nothing is wrong; normal when empty, "none" says nothing (trap 45)
	Addons         []string     `yaml:"addons"`      // names of add-ons besides those of its storage and autoscaler
	Settles        Duration     `yaml:"settles"`     // its state turns to normal this long after the start; 0 = never by itself
	Unlisted       bool         `yaml:"unlisted"`    // only global search shows it, as where nobody may see its group (trap 40)

	Replicas map[string]int32 `yaml:"replicas"` // of its storage and autoscaler workloads, where there are not the usual number
}

// Workload is an application in a cluster.
type Workload struct {
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"`
	Replicas  int32  `yaml:"replicas"`
	Stateful  bool   `yaml:"stateful"` // a StatefulSet
	Key       bool   `yaml:"key"`      // its pods read the cluster's key when they start, as the storage drivers do
}

// Binding is a hand-made RBAC binding, which no IAM sync ever touches (trap 55). No namespace makes it cluster-wide.
type Binding struct {
	Namespace string   `yaml:"namespace"`
	Name      string   `yaml:"name"`
	Role      string   `yaml:"role"`
	RoleKind  string   `yaml:"roleKind"` // ClusterRole when empty, or Role
	Users     []string `yaml:"users"`    // e-mails; the subject is IAM#<email>
	Subjects  []string `yaml:"subjects"` // subject names written as they are, for older spellings
}

// PullSecret is an image pull secret made by hand with somebody's API key.
type PullSecret struct {
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"`
	Registry  string `yaml:"registry"`
	Owner     string `yaml:"owner"` // whose key; empty for one that is not of this account
	Key       string `yaml:"key"`   // name of the key
}

// Fillers are users and keys without a story, to fill pages.
type Fillers struct {
	Users       int `yaml:"users"`
	KeysPerUser int `yaml:"keysPerUser"`
}

// Duration is a time.Duration that also reads days: "400d".
type Duration time.Duration

// UnmarshalYAML implements goccy/go-yaml's bytes unmarshaler.
func (d *Duration) UnmarshalYAML(text []byte) error {
	v, err := parseDuration(strings.Trim(string(text), " \n\"'"))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// Std is the plain duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// maxDays is what a time.Duration holds.
const maxDays = 106_751

func parseDuration(s string) (time.Duration, error) {
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); n == 1 && err == nil && s == fmt.Sprintf("%dd", days) && days >= 0 && days <= maxDays {
		return time.Duration(days) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 400ms, 2s, 20h or 400d", s)
	}
	return d, nil
}
