package workflows

import (
	"cmp"
	"slices"

	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// surveyPrune looks at the selected scopes with superseded keys, and at the wanted ones in any case. It changes nothing.
func (r *run) surveyPrune(ctx workflow.Context, wanted []string) (offboard.PruneSurvey, error) {
	s := offboard.PruneSurvey{Account: r.adm.Account, Evidence: offboard.KeyEvidence{TakenAt: workflow.Now(ctx)}}
	var keys activities.SurveyClusterKeysResult
	var clusters activities.SurveyClustersResult
	parts := []func(workflow.Context) error{
		func(ctx workflow.Context) (err error) {
			keys, err = do(ctx, reading, "List every cluster key and its last use", verbs.SurveyClusterKeys, activities.SurveyClusterKeysInput{Scopes: wanted})
			return err
		},
		func(ctx workflow.Context) (err error) {
			clusters, err = do(ctx, reading, "List the clusters of every region and resource group", verbs.SurveyClusters, activities.SurveyClustersInput{})
			return err
		},
	}
	if err := firstOf(each(ctx, len(parts), parts, "survey", func(ctx workflow.Context, _ int, f func(workflow.Context) error) error { return f(ctx) })); err != nil {
		return s, err
	}
	e := &s.Evidence
	e.People, e.Scopes, e.Hidden = keys.People, keys.Scopes, clusters.Hidden
	s.Unread, s.Missing = keys.Unread, clusters.Missing
	for i := range e.Scopes {
		scope := &e.Scopes[i]
		scope.Scope.ResourceGroupName = groupName(scope.Scope.ResourceGroup, clusters.Groups)
		scope.Keys = withGroupNames(scope.Keys, clusters.Groups)
		s.Scopes = append(s.Scopes, scope.Scope)
	}
	for _, other := range keys.Others {
		other.ResourceGroupName = groupName(other.ResourceGroup, clusters.Groups)
		s.Scopes = append(s.Scopes, other)
	}
	if len(wanted) == 0 {
		*e = r.state.Prune.Select(*e)
	} else {
		e.Scopes = slices.DeleteFunc(e.Scopes, func(scope offboard.ScopeEvidence) bool { return !slices.Contains(wanted, scope.Scope.ID()) })
	}
	return s, r.lookInto(ctx, e, clusters.Clusters)
}

// lookInto fills in the clusters of the scopes: whose key each names, and since when it cannot hold an older one.
func (r *run) lookInto(ctx workflow.Context, e *offboard.KeyEvidence, clusters []offboard.Cluster) error {
	var concerned []offboard.Cluster
	for _, c := range clusters {
		if slices.ContainsFunc(e.Scopes, func(scope offboard.ScopeEvidence) bool { return scope.Scope.ID() == c.Scope().ID() }) {
			concerned = append(concerned, c)
		}
	}
	var owners offboard.Survey // a cluster whose owner cannot be read is a doubt about its keys, not a gap of its own
	if err := r.surveyOwners(ctx, &owners, concerned); err != nil {
		return err
	}
	found := make([]offboard.ClusterEvidence, len(concerned))
	var parts [][2]int
	for from := 0; from < len(concerned); from += chunk {
		parts = append(parts, [2]int{from, min(from+chunk, len(concerned))})
	}
	errs := each(ctx, parallelReads, parts, "look into", func(ctx workflow.Context, _ int, p [2]int) error {
		in := activities.LookIntoInput{Policy: r.policy}
		for i := p[0]; i < p[1]; i++ {
			found[i].Cluster = concerned[i]
			if !concerned[i].Going() {
				in.Clusters = append(in.Clusters, concerned[i])
			}
		}
		got, err := do(ctx, reading, "Look since when the clusters run on their key", verbs.LookInto, in)
		if err != nil {
			return err
		}
		for i := p[0]; i < p[1]; i++ {
			if looked, yes := got.Clusters[concerned[i].ID]; yes {
				looked.Cluster = concerned[i]
				found[i] = looked
			}
		}
		return nil
	})
	slices.SortFunc(found, func(a, b offboard.ClusterEvidence) int { return cmp.Compare(a.Cluster.ID, b.Cluster.ID) })
	for i := range e.Scopes {
		for _, c := range found {
			if c.Cluster.Scope().ID() == e.Scopes[i].Scope.ID() {
				e.Scopes[i].Clusters = append(e.Scopes[i].Clusters, c)
			}
		}
	}
	return firstOf(errs)
}
