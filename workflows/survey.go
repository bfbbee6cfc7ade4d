package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// chunk is how many clusters one surveying activity looks at: enough to keep the history short, few enough that a lost
// attempt costs little.
const chunk = 50

// parallelReads bounds the surveying activities that are scheduled at once; the worker keeps to IBM's limit of requests by
// itself.
const parallelReads = 50

// survey looks at everything the plan needs. It changes nothing.
func (r *run) survey(ctx workflow.Context) (offboard.Survey, error) {
	leaver := r.state.Leaver
	s := offboard.Survey{TakenAt: workflow.Now(ctx), Account: r.adm.Account, Leaver: leaver}
	var keys activities.SurveyKeysResult
	var clusters activities.SurveyClustersResult
	var functional activities.SurveyFunctionalIDsResult
	var profiles activities.SurveyProfilesResult
	var fallback []string
	if r.policy.Fallback != "" {
		fallback = []string{r.policy.Fallback}
	}
	parts := []func(workflow.Context) error{
		func(ctx workflow.Context) (err error) {
			keys, err = do(ctx, reading, "List every key of "+cmp.Or(leaver.Email, "the scopes"), verbs.SurveyKeys, activities.SurveyKeysInput{Leaver: leaver})
			return err
		},
		func(ctx workflow.Context) (err error) {
			clusters, err = do(ctx, reading, "List the clusters of every region and resource group", verbs.SurveyClusters, activities.SurveyClustersInput{})
			if err != nil {
				return err
			}
			return r.surveyOwners(ctx, &s, clusters.Clusters)
		},
		func(ctx workflow.Context) (err error) {
			functional, err = do(ctx, reading, "Look at the functional IDs and their room for keys", verbs.SurveyFunctionalIDs,
				activities.SurveyFunctionalIDsInput{Emails: append(r.adm.Chosen(r.state.Request), fallback...)})
			return err
		},
		func(ctx workflow.Context) (err error) {
			profiles, err = do(ctx, reading, "Look for trusted profiles that name "+leaver.Email, verbs.SurveyProfiles, activities.SurveyProfilesInput{IAMID: leaver.IAMID})
			return err
		},
	}
	if r.state.Move != nil {
		parts = parts[:len(parts)-1] // nobody's profiles matter
	}
	if err := atOnce(ctx, "survey", parts...); err != nil {
		return s, err
	}
	s.Keys, s.FunctionalIDs, s.Profiles = withGroupNames(keys.Keys, clusters.Groups), functional.FunctionalIDs, profiles.Profiles
	if i := slices.IndexFunc(s.FunctionalIDs, func(f offboard.FunctionalID) bool { return strings.EqualFold(f.Email, r.policy.Fallback) }); i >= 0 {
		s.Fallback, s.FunctionalIDs = &functional.FunctionalIDs[i], slices.Delete(slices.Clone(s.FunctionalIDs), i, i+1)
	}
	s.Clusters, s.Resources = len(clusters.Clusters), clusters.Groups
	s.Missing = append(append(s.Missing, clusters.Missing...), profiles.Missing...)
	for _, hidden := range clusters.Hidden {
		s.Missing = append(s.Missing, offboard.Missing{ID: "hidden/" + hidden.ID,
			What: "Cluster " + hidden.Name + " is known to global search but not shown to the engine: its key may be the leaver's", Why: "no access, or deleted minutes ago"})
	}
	slices.SortFunc(s.Missing, func(a, b offboard.Missing) int { return cmp.Compare(a.ID, b.ID) })
	s.Scopes = r.selected(scopesOf(clusters.Clusters, s.Keys, clusters.Groups))
	return s, r.inspect(ctx, &s)
}

// surveyOwners fills in who owns each cluster's key.
func (r *run) surveyOwners(ctx workflow.Context, s *offboard.Survey, clusters []offboard.Cluster) error {
	var wanted []int
	for i, c := range clusters {
		if !c.Going() {
			wanted = append(wanted, i)
		}
	}
	errs := each(ctx, parallelReads, slices.Collect(slices.Chunk(wanted, chunk)), "owners", func(ctx workflow.Context, _ int, part []int) error {
		in := activities.SurveyOwnersInput{}
		for _, i := range part {
			in.Clusters = append(in.Clusters, activities.ClusterInScope{ClusterRef: offboard.ClusterRef{ID: clusters[i].ID, Name: clusters[i].Name}, Scope: clusters[i].Scope()})
		}
		got, err := do(ctx, reading, "Ask whose key each cluster depends on", verbs.SurveyOwners, in)
		if err != nil {
			return err
		}
		for _, i := range part {
			clusters[i].Owner = got.Owners[clusters[i].ID]
		}
		s.Missing = append(s.Missing, got.Missing...)
		return nil
	})
	return firstOf(errs)
}

// inspect looks into the clusters of all scopes, fifty at a time.
func (r *run) inspect(ctx workflow.Context, s *offboard.Survey) error {
	parts := r.looks(s)
	found := make([]activities.InspectResult, len(parts))
	errs := each(ctx, parallelReads, parts, "inspect", func(ctx workflow.Context, i int, in activities.InspectInput) (err error) {
		found[i], err = do(ctx, reading, lookingInto(in), verbs.Inspect, in)
		return err
	})
	for _, got := range found {
		s.Missing = append(s.Missing, got.Missing...)
		for i := range s.Scopes {
			scope := &s.Scopes[i]
			scope.ClassicUser = cmp.Or(scope.ClassicUser, got.ClassicUsers[scope.Scope.ID()])
			for n := range scope.Clusters {
				if inside, seen := got.Inspections[scope.Clusters[n].Cluster.ID]; seen {
					scope.Clusters[n].Inspection = inside
				}
			}
		}
	}
	slices.SortFunc(s.Missing, func(a, b offboard.Missing) int { return cmp.Compare(a.ID, b.ID) })
	return firstOf(errs)
}

// looks splits the scopes and their clusters into what one activity looks at each, in their order. Of clusters whose scope is
// left alone, only what names the leaver and other people's credentials matter.
func (r *run) looks(s *offboard.Survey) []activities.InspectInput {
	var list []activities.InspectInput
	last := func() *activities.InspectInput {
		if n := len(list); n == 0 || len(list[n-1].Clusters)+len(list[n-1].Others) == chunk || len(list[n-1].Scopes) == chunk {
			list = append(list, activities.InspectInput{Leaver: s.Leaver.Email, Policy: r.policy})
		}
		return &list[len(list)-1]
	}
	for _, scope := range s.Scopes {
		in := last()
		in.Scopes = append(in.Scopes, scope.Scope)
		touched := r.state.Move != nil || s.Action(scope) != ""
		for _, c := range scope.Clusters {
			if c.Cluster.Going() {
				continue
			}
			in, ref := last(), offboard.ClusterRef{ID: c.Cluster.ID, Name: c.Cluster.Name}
			if touched {
				in.Clusters = append(in.Clusters, ref)
			} else {
				in.Others = append(in.Others, ref)
			}
		}
	}
	return list
}

func lookingInto(in activities.InspectInput) string {
	switch len(in.Scopes) {
	case 0:
		return fmt.Sprintf("Look into %d more clusters", len(in.Clusters)+len(in.Others))
	case 1:
		return "Look into the clusters of " + in.Scopes[0].String()
	}
	return fmt.Sprintf("Look into %d clusters of %d scopes", len(in.Clusters)+len(in.Others), len(in.Scopes))
}

// scopesOf groups clusters by scope and adds the scopes that only a key of the leaver speaks of.
func scopesOf(clusters []offboard.Cluster, keys []offboard.Key, groups []offboard.ResourceGroup) []offboard.ScopeSurvey {
	var list []offboard.ScopeSurvey
	place := map[string]int{}
	at := func(scope offboard.Scope) *offboard.ScopeSurvey {
		i, known := place[scope.ID()]
		if !known {
			i = len(list)
			list, place[scope.ID()] = append(list, offboard.ScopeSurvey{Scope: scope}), i
		}
		return &list[i]
	}
	for _, c := range clusters {
		s := at(c.Scope())
		if s.Scope.ResourceGroupName == "" {
			s.Scope.ResourceGroupName = groupName(c.ResourceGroup, groups)
		}
		// Where clusters of one scope spell its region differently, the modern name is the one to send.
		if s.Scope.APIRegion != c.Scope().APIRegion {
			s.Scope.APIRegion = ""
		}
		s.Clusters = append(s.Clusters, offboard.ClusterSurvey{Cluster: c})
	}
	for _, k := range keys {
		if k.Class == offboard.ClusterKey && k.Scope.Region != "" {
			at(k.Scope)
		}
	}
	slices.SortFunc(list, func(a, b offboard.ScopeSurvey) int { return cmp.Compare(a.Scope.ID(), b.Scope.ID()) })
	for _, s := range list {
		slices.SortFunc(s.Clusters, func(a, b offboard.ClusterSurvey) int { return cmp.Compare(a.Cluster.ID, b.Cluster.ID) })
	}
	return list
}

// withGroupNames adds the resource groups' names to the scopes of keys.
func withGroupNames(keys []offboard.Key, groups []offboard.ResourceGroup) []offboard.Key {
	for i := range keys {
		if keys[i].Scope.ResourceGroup != "" {
			keys[i].Scope.ResourceGroupName = groupName(keys[i].Scope.ResourceGroup, groups)
		}
	}
	return keys
}

func groupName(id string, groups []offboard.ResourceGroup) string {
	for _, g := range groups {
		if g.ID == id {
			return g.Name
		}
	}
	return ""
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
