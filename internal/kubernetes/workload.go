package kubernetes

import (
	"cmp"
	"context"
	"slices"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

const (
	deployment  = "Deployment"
	statefulSet = "StatefulSet"
)

// workload is a Deployment or a StatefulSet, reduced to what a restart is judged by.
type workload struct {
	kind, namespace, name string
	uid                   types.UID
	selector              *metav1.LabelSelector
	mark                  string // of the latest restart; empty if there was none or it was taken back
	replicas              int    // wanted
	generation, observed  int64
	// What the controller counts: all pods, those of the current template, those ready, those available.
	total, updated, ready, available int
	// held says why the controller does not replace pods by itself, empty if it does.
	held string
	// overdue: the controller has given up hope that the rollout gets anywhere.
	overdue bool
}

func ofDeployment(d *apps.Deployment) workload {
	w := workload{
		kind: deployment, namespace: d.Namespace, name: d.Name, uid: d.UID, selector: d.Spec.Selector,
		mark: d.Spec.Template.Annotations[markKey], replicas: wanted(d.Spec.Replicas),
		generation: d.Generation, observed: d.Status.ObservedGeneration,
		total: int(d.Status.Replicas), updated: int(d.Status.UpdatedReplicas),
		ready: int(d.Status.ReadyReplicas), available: int(d.Status.AvailableReplicas),
	}
	if d.Spec.Paused {
		w.held = "its rollouts are paused"
	}
	w.overdue = slices.ContainsFunc(d.Status.Conditions, func(c apps.DeploymentCondition) bool {
		return c.Type == apps.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded"
	})
	return w
}

func ofStatefulSet(s *apps.StatefulSet) workload {
	w := workload{
		kind: statefulSet, namespace: s.Namespace, name: s.Name, uid: s.UID, selector: s.Spec.Selector,
		mark: s.Spec.Template.Annotations[markKey], replicas: wanted(s.Spec.Replicas),
		generation: s.Generation, observed: s.Status.ObservedGeneration,
		total: int(s.Status.Replicas), updated: int(s.Status.UpdatedReplicas),
		ready: int(s.Status.ReadyReplicas), available: int(s.Status.AvailableReplicas),
	}
	rolling := s.Spec.UpdateStrategy.RollingUpdate
	switch {
	case s.Spec.UpdateStrategy.Type == apps.OnDeleteStatefulSetStrategyType:
		w.held = "its pods are only replaced when somebody deletes them"
	case rolling != nil && rolling.Partition != nil && *rolling.Partition > 0:
		w.held = "its rollouts are held back by a partition"
	}
	return w
}

func wanted(replicas *int32) int {
	if replicas == nil {
		return 1 // the API's default
	}
	return int(*replicas)
}

// workload reads the workload of a dependent.
func (k *client) workload(ctx context.Context, d offboard.Dependent) (workload, error) {
	what := "read " + d.String()
	switch d.Kind {
	case deployment:
		found, err := k.apps.Deployments(d.Namespace).Get(ctx, d.Workload, metav1.GetOptions{})
		if err != nil {
			return workload{}, k.fail(ctx, what, err)
		}
		return ofDeployment(found), nil
	case statefulSet:
		found, err := k.apps.StatefulSets(d.Namespace).Get(ctx, d.Workload, metav1.GetOptions{})
		if err != nil {
			return workload{}, k.fail(ctx, what, err)
		}
		return ofStatefulSet(found), nil
	}
	return workload{}, k.unsupported(what, d)
}

func (k *client) unsupported(what string, d offboard.Dependent) error {
	return offboard.Errorf(offboard.Unsupported, what+" in cluster "+k.cluster, "a %s cannot be restarted", d.Kind)
}

// pods lists the pods a workload controls by name, terminating ones included. The selector only narrows the list: labels
// are shared with other workloads (trap 44), so the controlling owner decides. Pods that have ended (evicted, failed)
// are left out: they run no process, and some stay listed for ever.
func (k *client) pods(ctx context.Context, w workload) ([]core.Pod, error) {
	options := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(w.selector)}
	owners := map[types.UID]bool{}
	if w.kind != deployment {
		owners[w.uid] = true
	}
	var pods []core.Pod
	err := atonce.Do(
		func() error {
			if w.kind != deployment {
				return nil
			}
			err := eachPage(ctx, options, k.apps.ReplicaSets(w.namespace).List, func(page *apps.ReplicaSetList) {
				for i := range page.Items {
					if owner := metav1.GetControllerOf(&page.Items[i]); owner != nil && owner.UID == w.uid {
						owners[page.Items[i].UID] = true
					}
				}
			})
			return k.fail(ctx, "list the replica sets of "+w.namespace, err)
		},
		func() error {
			err := eachPage(ctx, options, k.core.Pods(w.namespace).List, func(page *core.PodList) {
				for _, pod := range page.Items {
					if metav1.GetControllerOf(&pod) != nil && pod.Status.Phase != core.PodSucceeded && pod.Status.Phase != core.PodFailed {
						pods = append(pods, pod)
					}
				}
			})
			return k.fail(ctx, "list the pods of "+w.namespace, err)
		},
	)
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(pod core.Pod) bool { return !owners[metav1.GetControllerOf(&pod).UID] })
	slices.SortFunc(pods, func(a, b core.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return pods, nil
}

func terminating(pod *core.Pod) bool { return pod.DeletionTimestamp != nil }

func ready(pod *core.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c core.PodCondition) bool {
		return c.Type == core.PodReady && c.Status == core.ConditionTrue
	})
}
