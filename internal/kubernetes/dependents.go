package kubernetes

import (
	"cmp"
	"context"
	"slices"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// ref names a workload or its ReplicaSet within a namespace.
type ref struct{ kind, name string }

// dependents finds the workloads the rules mean, in the order of the rules. A workload is found through the owners of
// its pods, whatever kind it is (trap 43), or by its own name where it has no pods just now. One that several rules
// mean is told once, for the first of them.
func (k *client) dependents(ctx context.Context, rules []offboard.DependentRule) ([]offboard.Dependent, error) {
	var namespaces []string
	for _, r := range rules {
		if !slices.Contains(namespaces, r.Namespace) {
			namespaces = append(namespaces, r.Namespace)
		}
	}
	type match struct {
		rule      int
		dependent offboard.Dependent
	}
	var found []match
	for _, namespace := range namespaces {
		var owners map[ref]int
		var workloads []workload
		err := atonce.Do(
			func() (err error) { owners, err = k.owners(ctx, namespace, rules); return err },
			func() (err error) { workloads, err = k.workloads(ctx, namespace); return err },
		)
		if err != nil {
			return nil, err
		}
		for _, w := range workloads {
			rule, yes := owners[ref{w.kind, w.name}]
			if !yes {
				rule, yes = ruleFor(rules, namespace, w.name)
			}
			if !yes {
				continue
			}
			found = append(found, match{rule, offboard.Dependent{
				Name: rules[rule].Name, Namespace: namespace, Kind: w.kind, Workload: w.name,
				Replicas: w.replicas, Ready: w.ready, Breaks: rules[rule].Breaks,
			}})
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.dependent.Kind, b.dependent.Kind), cmp.Compare(a.dependent.Workload, b.dependent.Workload))
	})
	var dependents []offboard.Dependent
	for _, m := range found {
		dependents = append(dependents, m.dependent)
	}
	return dependents, nil
}

// sound refuses rules that would mean everything.
func sound(clusterID string, rules []offboard.DependentRule) error {
	for _, r := range rules {
		if r.Namespace == "" || r.PodPrefix == "" {
			return offboard.Errorf(offboard.Invalid, "find dependents in cluster "+clusterID,
				"rule %q has no namespace or no pod prefix, so it would mean everything", r.Name)
		}
	}
	return nil
}

// ruleFor is the first rule that means a pod or workload of that name.
func ruleFor(rules []offboard.DependentRule, namespace, name string) (index int, found bool) {
	index = slices.IndexFunc(rules, func(r offboard.DependentRule) bool {
		return r.Namespace == namespace && strings.HasPrefix(name, r.PodPrefix)
	})
	return index, index >= 0
}

// owners lists the controllers of the pods the rules mean, with the first rule that does. DaemonSets, jobs and whatever
// else cannot be restarted by us are not among them: a node plug-in must never be touched (trap 44).
func (k *client) owners(ctx context.Context, namespace string, rules []offboard.DependentRule) (map[ref]int, error) {
	controllers := make(map[ref]int)
	note := func(owner ref, rule int) {
		if first, known := controllers[owner]; !known || rule < first {
			controllers[owner] = rule
		}
	}
	err := eachPage(ctx, metav1.ListOptions{}, k.core.Pods(namespace).List, func(page *core.PodList) {
		for i := range page.Items {
			rule, yes := ruleFor(rules, namespace, page.Items[i].Name)
			owner := metav1.GetControllerOf(&page.Items[i])
			if yes && owner != nil {
				note(ref{owner.Kind, owner.Name}, rule)
			}
		}
	})
	if err != nil {
		return nil, k.fail(ctx, "list the pods of "+namespace, err)
	}
	var sets []ref
	for owner := range controllers {
		if owner.kind == "ReplicaSet" {
			sets = append(sets, owner)
		}
	}
	slices.SortFunc(sets, func(a, b ref) int { return cmp.Compare(a.name, b.name) })
	deployments := make([]*metav1.OwnerReference, len(sets))
	reads := make([]func() error, len(sets))
	for i, set := range sets {
		reads[i] = func() (err error) { deployments[i], err = k.ownerOf(ctx, namespace, set.name); return err }
	}
	if err := atonce.Do(reads...); err != nil {
		return nil, err
	}
	for i, set := range sets {
		if owner := deployments[i]; owner != nil {
			note(ref{owner.Kind, owner.Name}, controllers[set])
		}
		delete(controllers, set)
	}
	return controllers, nil
}

// ownerOf is who controls a replica set; nil where it has nobody, or went away since the pods were listed.
func (k *client) ownerOf(ctx context.Context, namespace, replicaSet string) (*metav1.OwnerReference, error) {
	set, err := k.apps.ReplicaSets(namespace).Get(ctx, replicaSet, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, k.fail(ctx, "read the replica set "+namespace+"/"+replicaSet, err)
	}
	return metav1.GetControllerOf(set), nil
}

// workloads lists what can be restarted in a namespace, without its pods.
func (k *client) workloads(ctx context.Context, namespace string) ([]workload, error) {
	var deployments, statefulSets []workload
	err := atonce.Do(
		func() error {
			err := eachPage(ctx, metav1.ListOptions{}, k.apps.Deployments(namespace).List, func(page *apps.DeploymentList) {
				for i := range page.Items {
					deployments = append(deployments, ofDeployment(&page.Items[i]))
				}
			})
			return k.fail(ctx, "list the deployments of "+namespace, err)
		},
		func() error {
			err := eachPage(ctx, metav1.ListOptions{}, k.apps.StatefulSets(namespace).List, func(page *apps.StatefulSetList) {
				for i := range page.Items {
					statefulSets = append(statefulSets, ofStatefulSet(&page.Items[i]))
				}
			})
			return k.fail(ctx, "list the stateful sets of "+namespace, err)
		},
	)
	return slices.Concat(deployments, statefulSets), err
}
