package activities

import (
	"context"
	"slices"
	"strings"
	"sync"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// fanOut is how many calls one activity has under way: as many as it has clusters or keys, which are fifty at most where
// there are thousands. That all of them together keep to the limits is the adapter's doing.
const fanOut = 50

// SurveyKeysInput names the leaver.
type SurveyKeysInput struct {
	Leaver offboard.Person `json:"leaver"`
	// Brief: which keys there are is all that is wanted, and not when each was used last.
	Brief bool `json:"brief,omitempty"`
}

// SurveyKeysResult holds the leaver's keys, oldest first. Each says whether its scope has a newer one, of whomever.
type SurveyKeysResult struct {
	Keys []offboard.Key `json:"keys,omitempty"`
}

// SurveyKeys reads all keys of the account once and, unless Brief, the last use of each of the leaver's. It changes nothing.
func (a *Activities) SurveyKeys(ctx context.Context, in SurveyKeysInput) (SurveyKeysResult, error) {
	all, err := a.keys.UserKeys(ctx)
	if err != nil {
		return SurveyKeysResult{}, err
	}
	var result SurveyKeysResult
	for _, k := range offboard.MarkSuperseded(all) {
		if k.IAMID == in.Leaver.IAMID {
			result.Keys = append(result.Keys, k)
		}
	}
	uses := len(result.Keys)
	if in.Brief {
		uses = 0
	}
	err = together(ctx, uses, func(ctx context.Context, i int) error {
		k, err := a.keys.Key(ctx, result.Keys[i].ID)
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil // deleted since the list was read; deleting it again is harmless
		}
		if err != nil {
			return err
		}
		result.Keys[i].LastUsed, result.Keys[i].Locked, result.Keys[i].Disabled = k.LastUsed, k.Locked, k.Disabled
		return nil
	})
	slices.SortStableFunc(result.Keys, func(x, y offboard.Key) int {
		if c := x.CreatedAt.Compare(y.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return result, err
}

// SurveyClustersInput is empty: the whole account is read.
type SurveyClustersInput struct{}

// SurveyClustersResult holds the clusters the engine sees and those that only global search knows.
type SurveyClustersResult struct {
	Clusters []offboard.Cluster       `json:"clusters,omitempty"`
	Hidden   []offboard.ClusterRef    `json:"hidden,omitempty"`
	Groups   []offboard.ResourceGroup `json:"groups,omitempty"`
	Missing  []offboard.Missing       `json:"missing,omitempty"`
}

// SurveyClusters lists the account's clusters and cross-checks them against global search (trap 40). It changes nothing.
func (a *Activities) SurveyClusters(ctx context.Context, _ SurveyClustersInput) (SurveyClustersResult, error) {
	return listClusters(ctx, a.clusters)
}

func listClusters(ctx context.Context, port AuditClusters) (SurveyClustersResult, error) {
	var result SurveyClustersResult
	var indexed []offboard.ClusterRef
	err := atonce.Do(
		func() (err error) { result.Groups, err = port.ResourceGroups(ctx); return err },
		func() (err error) { result.Clusters, err = port.Clusters(ctx); return err },
		func() (err error) {
			indexed, err = port.Indexed(ctx)
			if err == nil || ctx.Err() != nil || offboard.CodeOf(err).Retryable() {
				return err
			}
			result.Missing = append(result.Missing, offboard.Missing{ID: "search",
				What: "Global search could not be asked whether there are clusters that the engine cannot see", Why: err.Error()})
			indexed = nil
			return nil
		},
	)
	if err != nil {
		return SurveyClustersResult{}, err
	}
	seen := make(map[string]bool, len(result.Clusters))
	for _, c := range result.Clusters {
		seen[c.ID] = true
	}
	for _, ref := range indexed {
		if !seen[ref.ID] {
			result.Hidden = append(result.Hidden, ref)
		}
	}
	return result, nil
}

// ClusterInScope names a cluster and its scope.
type ClusterInScope struct {
	offboard.ClusterRef
	Scope offboard.Scope `json:"scope"`
}

// SurveyOwnersInput names clusters, at most a few dozen.
type SurveyOwnersInput struct {
	Clusters []ClusterInScope `json:"clusters"`
}

// SurveyOwnersResult holds the owner of each cluster's key, by cluster ID. A cluster that is gone is left out.
type SurveyOwnersResult struct {
	Owners  map[string]offboard.Owner `json:"owners,omitempty"`
	Missing []offboard.Missing        `json:"missing,omitempty"`
}

// SurveyOwners asks for the key owner of each cluster. What a crowd of other runs has just read is as good
// (offboard.SurveyAge). It changes nothing.
func (a *Activities) SurveyOwners(ctx context.Context, in SurveyOwnersInput) (SurveyOwnersResult, error) {
	return askOwners(ctx, a.clusters, in)
}

func askOwners(ctx context.Context, port AuditClusters, in SurveyOwnersInput) (SurveyOwnersResult, error) {
	ctx = offboard.Surveying(ctx)
	var mu sync.Mutex
	result := SurveyOwnersResult{Owners: map[string]offboard.Owner{}}
	err := together(ctx, len(in.Clusters), func(ctx context.Context, i int) error {
		c := in.Clusters[i]
		owner, err := port.KeyOwner(ctx, c.ID, c.Scope)
		mu.Lock()
		defer mu.Unlock()
		switch code := offboard.CodeOf(err); {
		case err == nil:
			result.Owners[c.ID] = owner
		case code == offboard.NotFound:
		case code.Retryable():
			return err
		default:
			result.Missing = append(result.Missing, offboard.Missing{ID: "owner/" + c.ID,
				What: "Nobody could be asked whose key cluster " + c.Name + " depends on", Why: err.Error()})
		}
		return nil
	})
	slices.SortFunc(result.Missing, func(x, y offboard.Missing) int { return strings.Compare(x.ID, y.ID) })
	return result, err
}

// SurveyFunctionalIDsInput names the functional IDs that may be used.
type SurveyFunctionalIDsInput struct {
	Emails []string `json:"emails"`
}

// SurveyFunctionalIDsResult describes them in the same order.
type SurveyFunctionalIDsResult struct {
	FunctionalIDs []offboard.FunctionalID `json:"functionalIds"`
}

// SurveyFunctionalIDs tells of each functional ID whether it is a member and how many keys it holds. It changes nothing.
func (a *Activities) SurveyFunctionalIDs(ctx context.Context, in SurveyFunctionalIDsInput) (SurveyFunctionalIDsResult, error) {
	people, err := a.users.People(ctx)
	if err != nil {
		return SurveyFunctionalIDsResult{}, err
	}
	list := make([]offboard.FunctionalID, len(in.Emails))
	var ids []string
	for i, email := range in.Emails {
		list[i] = offboard.FunctionalID{Email: email}
		for _, p := range people {
			if strings.EqualFold(p.Email, email) {
				list[i].IAMID, list[i].State = p.IAMID, p.State
				ids = append(ids, p.IAMID)
			}
		}
	}
	limit, held, err := a.keys.Room(ctx, ids)
	if err != nil {
		return SurveyFunctionalIDsResult{}, err
	}
	if limit == 0 {
		limit = offboard.DefaultKeyLimit
	}
	for i := range list {
		list[i].Limit, list[i].Keys = limit, held[list[i].IAMID]
	}
	return SurveyFunctionalIDsResult{FunctionalIDs: list}, nil
}

// SurveyProfilesInput names the leaver.
type SurveyProfilesInput struct {
	IAMID string `json:"iamId"`
}

// SurveyProfilesResult names the trusted profiles that list the leaver.
type SurveyProfilesResult struct {
	Profiles []string           `json:"profiles,omitempty"`
	Missing  []offboard.Missing `json:"missing,omitempty"`
}

// SurveyProfiles finds trusted profiles that name the leaver. It changes nothing.
func (a *Activities) SurveyProfiles(ctx context.Context, in SurveyProfilesInput) (SurveyProfilesResult, error) {
	profiles, err := a.access.TrustedProfiles(ctx, in.IAMID)
	switch {
	case err == nil:
		return SurveyProfilesResult{Profiles: profiles}, nil
	case offboard.CodeOf(err).Retryable():
		return SurveyProfilesResult{}, err
	}
	return SurveyProfilesResult{Missing: []offboard.Missing{{ID: "profiles",
		What: "It is not known whether trusted profiles name the leaver", Why: err.Error()}}}, nil
}

// InspectInput names clusters, and scopes, of anywhere in the account: at most a few dozen of each.
type InspectInput struct {
	Clusters []offboard.ClusterRef `json:"clusters,omitempty"`
	// Others are clusters whose key is not the leaver's: what depends on it does not matter.
	Others []offboard.ClusterRef `json:"others,omitempty"`
	Leaver string                `json:"leaver"` // e-mail address
	Policy offboard.Policy       `json:"policy"`
	// Scopes are asked for manual classic credentials.
	Scopes []offboard.Scope `json:"scopes,omitempty"`
}

// InspectResult holds what was found.
type InspectResult struct {
	// Inspections by cluster ID. One that is gone is left out, and of the others those in which nothing was found.
	Inspections  map[string]offboard.Inspection `json:"inspections,omitempty"`
	ClassicUsers map[string]string              `json:"classicUsers,omitempty"` // by scope ID, where there is one
	Missing      []offboard.Missing             `json:"missing,omitempty"`
}

// Inspect looks into each cluster, for what depends on the key, what names the leaver and which other credentials lie there, and
// asks each scope for classic credentials. What a crowd of other runs has just read is as good (offboard.SurveyAge). It changes nothing.
func (a *Activities) Inspect(ctx context.Context, in InspectInput) (InspectResult, error) {
	ctx = offboard.Surveying(ctx)
	var mu sync.Mutex
	result := InspectResult{Inspections: map[string]offboard.Inspection{}, ClassicUsers: map[string]string{}}
	into := func(ctx context.Context, i int) error {
		var c offboard.ClusterRef
		var rules []offboard.DependentRule // none for the others
		if mine := len(in.Clusters); i < mine {
			c, rules = in.Clusters[i], in.Policy.Rules()
		} else {
			c = in.Others[i-mine]
		}
		found, err := a.workloads.Inspect(ctx, c.ID, rules, in.Leaver)
		mu.Lock()
		defer mu.Unlock()
		switch code := offboard.CodeOf(err); {
		case err == nil && rules == nil && found.Empty():
		case err == nil:
			result.Inspections[c.ID] = found
		case code == offboard.NotFound:
		case code.Retryable():
			return err
		default:
			result.Inspections[c.ID] = offboard.Inspection{Unreachable: err.Error()}
		}
		return nil
	}
	classic := func(ctx context.Context, i int) error {
		scope := in.Scopes[i]
		user, err := a.clusters.ClassicUser(ctx, scope)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil && user != "":
			result.ClassicUsers[scope.ID()] = user
		case err == nil:
		case offboard.CodeOf(err).Retryable():
			return err
		default:
			result.Missing = append(result.Missing, offboard.Missing{ID: "classic/" + scope.ID(),
				What: "It is not known whether " + scope.String() + " uses manual classic credentials, which would take precedence over the cluster key", Why: err.Error()})
		}
		return nil
	}
	err := atonce.Do(
		func() error { return together(ctx, len(in.Clusters)+len(in.Others), into) },
		func() error { return together(ctx, len(in.Scopes), classic) },
	)
	slices.SortFunc(result.Missing, func(x, y offboard.Missing) int { return strings.Compare(x.ID, y.ID) })
	return result, err
}

// together calls f for 0…n-1, so many at a time as an activity may. It returns the first error and starts nothing new
// after it.
func together(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	room := make(chan struct{}, fanOut)
	for i := range n {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-room }()
			if err := f(ctx, i); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
