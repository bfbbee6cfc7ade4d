package activities

import (
	"context"
	"slices"
	"strings"
	"sync"

	"offboard/internal/offboard"
)

// SurveyClusterKeysInput names scopes, by ID, whose keys are wanted in any case.
type SurveyClusterKeysInput struct {
	Scopes []string `json:"scopes,omitempty"`
}

// SurveyClusterKeysResult holds the account's cluster keys.
type SurveyClusterKeysResult struct {
	// Scopes with a superseded key, and those that were asked for, sorted by ID: each with all its keys and their last use.
	Scopes []offboard.ScopeEvidence `json:"scopes,omitempty"`
	// Others are the scopes with one key only.
	Others []offboard.Scope `json:"others,omitempty"`
	// Unread are keys whose description does not say their scope.
	Unread []offboard.Key `json:"unread,omitempty"`
	// People are the owners of all these keys, as far as they are in the account.
	People []offboard.Person `json:"people,omitempty"`
}

// SurveyClusterKeys reads all keys of the account once, and the last use of each cluster key in the scopes that have a
// superseded one. It changes nothing.
func (a *Activities) SurveyClusterKeys(ctx context.Context, in SurveyClusterKeysInput) (SurveyClusterKeysResult, error) {
	all, err := a.keys.UserKeys(ctx)
	if err != nil {
		return SurveyClusterKeysResult{}, err
	}
	people, err := a.users.People(ctx)
	if err != nil {
		return SurveyClusterKeysResult{}, err
	}
	var result SurveyClusterKeysResult
	for _, scope := range scopesOfKeys(all, in.Scopes, &result.Unread) {
		if len(scope.Keys) == 1 && !slices.Contains(in.Scopes, scope.Scope.ID()) {
			result.Others = append(result.Others, scope.Scope)
			continue
		}
		result.Scopes = append(result.Scopes, scope)
	}
	if err := a.lastUses(ctx, result.Scopes); err != nil {
		return SurveyClusterKeysResult{}, err
	}
	owners := map[string]bool{}
	for _, k := range result.Unread {
		owners[k.IAMID] = true
	}
	for _, scope := range result.Scopes {
		for _, k := range scope.Keys {
			owners[k.IAMID] = true
		}
	}
	result.People = slices.DeleteFunc(slices.Clone(people), func(p offboard.Person) bool { return !owners[p.IAMID] })
	return result, nil
}

// scopesOfKeys sorts the cluster keys into their scopes, the wanted ones among them even where they have none, and those
// that do not say their scope into unread.
func scopesOfKeys(keys []offboard.Key, wanted []string, unread *[]offboard.Key) []offboard.ScopeEvidence {
	var list []offboard.ScopeEvidence
	at := func(scope offboard.Scope) *offboard.ScopeEvidence {
		i := slices.IndexFunc(list, func(e offboard.ScopeEvidence) bool { return e.Scope.ID() == scope.ID() })
		if i < 0 {
			list = append(list, offboard.ScopeEvidence{Scope: scope})
			i = len(list) - 1
		}
		return &list[i]
	}
	for _, id := range wanted {
		region, group, _ := strings.Cut(id, "/")
		at(offboard.Scope{Region: region, ResourceGroup: group})
	}
	for _, k := range offboard.MarkSuperseded(keys) {
		switch {
		case k.Class != offboard.ClusterKey:
		case k.Scope.Region == "":
			*unread = append(*unread, k)
		default:
			scope := at(k.Scope)
			scope.Keys = append(scope.Keys, k)
		}
	}
	for _, scope := range list {
		slices.SortStableFunc(scope.Keys, func(x, y offboard.Key) int {
			if c := x.CreatedAt.Compare(y.CreatedAt); c != 0 {
				return c
			}
			return strings.Compare(x.ID, y.ID)
		})
	}
	slices.SortFunc(list, func(x, y offboard.ScopeEvidence) int { return strings.Compare(x.Scope.ID(), y.Scope.ID()) })
	return list
}

// lastUses fills in when each key was last used. A key that is gone since the list was read is taken out.
func (a *Activities) lastUses(ctx context.Context, scopes []offboard.ScopeEvidence) error {
	type place struct{ scope, key int }
	var places []place
	for i, scope := range scopes {
		for j := range scope.Keys {
			places = append(places, place{i, j})
		}
	}
	var mu sync.Mutex
	var gone []string
	err := together(ctx, len(places), func(ctx context.Context, n int) error {
		scope := &scopes[places[n].scope]
		k := &scope.Keys[places[n].key]
		found, err := a.keys.Key(ctx, k.ID)
		mu.Lock()
		defer mu.Unlock()
		switch code := offboard.CodeOf(err); {
		case err == nil:
			k.LastUsed, k.Locked, k.Disabled = found.LastUsed, found.Locked, found.Disabled
		case code == offboard.NotFound:
			gone = append(gone, k.ID)
		case code.Retryable():
			return err
		default:
			scope.Unread = append(scope.Unread, k.ID)
		}
		return nil
	})
	for i := range scopes {
		slices.Sort(scopes[i].Unread)
		scopes[i].Keys = slices.DeleteFunc(scopes[i].Keys, func(k offboard.Key) bool { return slices.Contains(gone, k.ID) })
	}
	return err
}

// LookIntoInput names clusters, at most a few dozen.
type LookIntoInput struct {
	Clusters []offboard.Cluster `json:"clusters"`
	Policy   offboard.Policy    `json:"policy"`
}

// LookIntoResult says since when each cluster cannot hold an older key, by cluster ID. A cluster that is gone is left out.
type LookIntoResult struct {
	Clusters map[string]offboard.ClusterEvidence `json:"clusters,omitempty"`
}

// LookInto asks the control planes of clusters, and the clusters themselves, since when they run on their key. It changes
// nothing.
func (a *Activities) LookInto(ctx context.Context, in LookIntoInput) (LookIntoResult, error) {
	var mu sync.Mutex
	result := LookIntoResult{Clusters: map[string]offboard.ClusterEvidence{}}
	err := together(ctx, len(in.Clusters), func(ctx context.Context, i int) error {
		found, err := lookInto(ctx, a.clusters, a.workloads, in.Clusters[i], in.Policy.Rules())
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		result.Clusters[in.Clusters[i].ID] = found
		return nil
	})
	return result, err
}
