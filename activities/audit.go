package activities

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"offboard/internal/offboard"
)

// Auditor are the verbs of an audit. They are apart from Activities, and so are their ports, so that no verb that changes
// anything can be reached from an audit.
type Auditor struct {
	users      AuditUsers
	keys       AuditKeys
	identities AuditIdentities
	clusters   AuditClusters
	workloads  AuditWorkloads
	history    AuditHistory
	shelf      AuditShelf
	account    string
	functional []string
	policy     offboard.Policy
	now        func() time.Time
}

// NewAuditor makes the verbs of an audit over their ports.
func NewAuditor(p AuditPorts) *Auditor {
	now := p.Now
	if now == nil {
		now = time.Now
	}
	return &Auditor{users: p.Users, keys: p.Keys, identities: p.Identities, clusters: p.Clusters, workloads: p.Workloads,
		history: p.History, shelf: p.Shelf, account: p.Account, functional: p.FunctionalIDs, policy: p.Policy, now: now}
}

// RegisterAuditor registers every verb of an audit under its method's name.
func RegisterAuditor(r worker.ActivityRegistry, a *Auditor) {
	register := func(name string, f any) { r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	register("AuditAccount", a.AuditAccount)
	register("AuditClusters", a.AuditClusters)
	register("AuditOwners", a.AuditOwners)
	register("AuditIdentities", a.AuditIdentities)
	register("AuditPeople", a.AuditPeople)
	register("AuditUse", a.AuditUse)
	register("AuditRights", a.AuditRights)
	register("AuditInside", a.AuditInside)
	register("AuditClassic", a.AuditClassic)
	register("FindAudit", a.FindAudit)
	register("KeepAudit", a.KeepAudit)
}

// AuditAccountInput is empty.
type AuditAccountInput struct{}

// AuditAccount reads what must be known before an audit is admitted; the admission names no person and counts no users. It changes nothing.
func (a *Auditor) AuditAccount(ctx context.Context, _ AuditAccountInput) (offboard.Admission, error) {
	engine, err := a.users.WhoAmI(ctx)
	if err != nil {
		return offboard.Admission{}, err
	}
	owner, err := a.users.AccountOwner(ctx)
	if err != nil {
		return offboard.Admission{}, err
	}
	return offboard.Admission{Account: offboard.Account{ID: a.account, OwnerIAMID: owner}, Engine: engine, FunctionalIDs: a.functional, Policy: a.policy}, nil
}

// AuditClusters lists the account's clusters like SurveyClusters. It changes nothing.
func (a *Auditor) AuditClusters(ctx context.Context, _ SurveyClustersInput) (SurveyClustersResult, error) {
	return listClusters(ctx, a.clusters)
}

// AuditOwners asks for the key owner of each cluster like SurveyOwners. It changes nothing.
func (a *Auditor) AuditOwners(ctx context.Context, in SurveyOwnersInput) (SurveyOwnersResult, error) {
	return askOwners(ctx, a.clusters, in)
}

// AuditIdentitiesInput is empty.
type AuditIdentitiesInput struct{}

// AuditIdentitiesResult holds what names users besides their keys.
type AuditIdentitiesResult struct {
	Profiles   []offboard.TrustedProfile `json:"profiles,omitempty"` // those that name a user
	ServiceIDs []offboard.ServiceID      `json:"serviceIds,omitempty"`
	Missing    []offboard.Missing        `json:"missing,omitempty"`
}

// AuditIdentities lists trusted profiles and service IDs. It changes nothing.
func (a *Auditor) AuditIdentities(ctx context.Context, _ AuditIdentitiesInput) (AuditIdentitiesResult, error) {
	var result AuditIdentitiesResult
	profiles, err := a.identities.Profiles(ctx)
	if result.Missing, err = missed(result.Missing, err, "profiles", "It is not known which trusted profiles name people"); err != nil {
		return result, err
	}
	for _, p := range profiles {
		if len(p.Users) > 0 {
			result.Profiles = append(result.Profiles, p)
		}
	}
	result.ServiceIDs, err = a.identities.ServiceIDs(ctx)
	result.Missing, err = missed(result.Missing, err, "service-ids", "It is not known who made the service IDs")
	return result, err
}

// missed turns an error that no later attempt cures into a part that is missing.
func missed(list []offboard.Missing, err error, id, what string) ([]offboard.Missing, error) {
	if err == nil || offboard.CodeOf(err).Retryable() {
		return list, err
	}
	return append(list, offboard.Missing{ID: id, What: what, Why: err.Error()}), nil
}

// AuditUseInput names keys, at most a few dozen.
type AuditUseInput struct {
	Keys []string `json:"keys"`
}

// AuditUseResult tells of each key when it was last used; of one without a use, or that is gone, nothing.
type AuditUseResult struct {
	LastUsed map[string]time.Time `json:"lastUsed,omitempty"`
	Unread   []string             `json:"unread,omitempty"` // could not be read
}

// AuditUse asks for the last use of keys, one call each. It changes nothing.
func (a *Auditor) AuditUse(ctx context.Context, in AuditUseInput) (AuditUseResult, error) {
	var mu sync.Mutex
	result := AuditUseResult{LastUsed: map[string]time.Time{}}
	err := together(ctx, len(in.Keys), func(ctx context.Context, i int) error {
		k, err := a.keys.Key(ctx, in.Keys[i])
		mu.Lock()
		defer mu.Unlock()
		switch code := offboard.CodeOf(err); {
		case err == nil:
			if !k.LastUsed.IsZero() {
				result.LastUsed[k.ID] = k.LastUsed
			}
		case code == offboard.NotFound:
		case code.Retryable():
			return err
		default:
			result.Unread = append(result.Unread, in.Keys[i])
		}
		return nil
	})
	slices.Sort(result.Unread)
	return result, err
}

// AuditRightsInput names the owners of clusters by IAM ID.
type AuditRightsInput struct {
	Owners []string `json:"owners"`
}

// AuditRightsResult holds what policies give them, as far as it concerns clusters.
type AuditRightsResult struct {
	Rights  map[string][]offboard.Right `json:"rights,omitempty"`
	Missing []offboard.Missing          `json:"missing,omitempty"`
}

// AuditRights lists what the owners may do. It changes nothing.
func (a *Auditor) AuditRights(ctx context.Context, in AuditRightsInput) (AuditRightsResult, error) {
	const what = "Whether the owners of clusters have the access they need is not known"
	rights, seen, err := a.identities.RightsOf(ctx, in.Owners)
	var result AuditRightsResult
	if result.Missing, err = missed(result.Missing, err, "rights", what); err != nil || len(result.Missing) > 0 {
		return result, err
	}
	if seen == 0 { // nobody has no policies at all: the list was shortened (trap 17)
		result.Missing = []offboard.Missing{{ID: "rights", What: what, Why: "no policy was shown to the engine"}}
		return result, nil
	}
	result.Rights = map[string][]offboard.Right{}
	for _, id := range in.Owners {
		result.Rights[id] = slices.DeleteFunc(rights[id], func(r offboard.Right) bool { return !r.Concerns() })
	}
	return result, nil
}

// AuditInsideInput names clusters, at most a few dozen.
type AuditInsideInput struct {
	Clusters []offboard.Cluster `json:"clusters"`
	Policy   offboard.Policy    `json:"policy"`
}

// AuditInsideResult holds what was found, in the order of the input. A cluster that is gone is left out.
type AuditInsideResult struct {
	Clusters []offboard.ClusterEvidence `json:"clusters,omitempty"`
	Missing  []offboard.Missing         `json:"missing,omitempty"`
}

// AuditInside looks into clusters: what in them depends on the key, since when it runs, how it is. It changes nothing.
func (a *Auditor) AuditInside(ctx context.Context, in AuditInsideInput) (AuditInsideResult, error) {
	var mu sync.Mutex
	var result AuditInsideResult
	found := make([]*offboard.ClusterEvidence, len(in.Clusters))
	err := together(ctx, len(in.Clusters), func(ctx context.Context, i int) error {
		c := in.Clusters[i]
		evidence, err := lookInto(ctx, a.clusters, a.workloads, c, in.Policy.Rules())
		mu.Lock()
		defer mu.Unlock()
		switch code := offboard.CodeOf(err); {
		case err == nil:
			found[i] = &evidence
		case code == offboard.NotFound:
		case code.Retryable():
			return err
		default:
			found[i] = &offboard.ClusterEvidence{Cluster: c}
			result.Missing = append(result.Missing, offboard.Missing{ID: "inside/" + c.ID, What: "Nobody could look at cluster " + c.Name, Why: err.Error()})
		}
		return nil
	})
	for _, e := range found {
		if e != nil {
			result.Clusters = append(result.Clusters, *e)
		}
	}
	slices.SortFunc(result.Missing, func(x, y offboard.Missing) int { return strings.Compare(x.ID, y.ID) })
	return result, err
}

// AuditClassicInput names scopes, at most a few dozen.
type AuditClassicInput struct {
	Scopes []offboard.Scope `json:"scopes"`
}

// AuditClassicResult says whose manual classic credentials they use, by scope ID.
type AuditClassicResult struct {
	Users   map[string]string  `json:"users,omitempty"`
	Missing []offboard.Missing `json:"missing,omitempty"`
}

// AuditClassic asks for the manual classic credentials of scopes. It changes nothing.
func (a *Auditor) AuditClassic(ctx context.Context, in AuditClassicInput) (AuditClassicResult, error) {
	var mu sync.Mutex
	result := AuditClassicResult{Users: map[string]string{}}
	err := together(ctx, len(in.Scopes), func(ctx context.Context, i int) error {
		scope := in.Scopes[i]
		user, err := a.clusters.ClassicUser(ctx, scope)
		mu.Lock()
		defer mu.Unlock()
		if user != "" && err == nil {
			result.Users[scope.ID()] = user
		}
		result.Missing, err = missed(result.Missing, err, "classic/"+scope.ID(), "It is not known whether "+scope.String()+" uses manual classic credentials")
		return err
	})
	slices.SortFunc(result.Missing, func(x, y offboard.Missing) int { return cmp.Compare(x.ID, y.ID) })
	return result, err
}

// FindAuditInput names the account, and the run that asks.
type FindAuditInput struct {
	Account string `json:"account"`
	RunID   string `json:"runId"`
}

// FindAuditResult is the audit before this one, if there is one.
type FindAuditResult struct {
	Previous *offboard.AuditDigest `json:"previous,omitempty"`
}

// FindAudit finds the newest audit of the account that ended before this one. It changes nothing.
func (a *Auditor) FindAudit(ctx context.Context, in FindAuditInput) (FindAuditResult, error) {
	found, there, err := a.history.PreviousAudit(ctx, in.Account, in.RunID)
	if err != nil || !there {
		return FindAuditResult{}, err
	}
	return FindAuditResult{Previous: &found}, nil
}

// KeepAuditInput holds a finished audit and its name.
type KeepAuditInput struct {
	Name  string         `json:"name"`
	Audit offboard.Audit `json:"audit"`
}

// KeepAuditResult says where it is; empty where no place is configured.
type KeepAuditResult struct {
	Place string `json:"place,omitempty"`
}

// KeepAudit stores a finished audit on the shelf of reports. In the account it changes nothing.
func (a *Auditor) KeepAudit(ctx context.Context, in KeepAuditInput) (KeepAuditResult, error) {
	place, err := a.shelf.KeepAudit(ctx, in.Name, in.Audit)
	return KeepAuditResult{Place: place}, err
}
